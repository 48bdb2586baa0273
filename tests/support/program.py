"""The program as a user starts it: a process of its own, in an environment that holds next to nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 40
"""Seconds after which a run counts as hung."""


class Done(NamedTuple):
    """What a run left behind. A negative code is the signal that ended it."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on stderr, without its end."""
        assert self.err.endswith("\n") and self.err.count("\n") == 1, self.err
        return self.err.removesuffix("\n")

    def failed(self, code: int, *words: str) -> None:
        """Assert that the run ended with this code, nothing on stdout, and one line on stderr that
        names all these words and says in brackets what to do next."""
        assert self.code == code, self
        assert self.out == "", self
        line = self.line
        assert line.startswith("mailcli: "), line
        assert "Traceback" not in line and "bug" not in line, line
        assert not re.search(r"\w+Error\b|<class|object at 0x|errno", line, re.IGNORECASE), line
        assert re.search(r" \(\S[^()]{10,}.*\)$", line), line
        for word in words:
            assert word in line, (word, line)

    def good(self) -> Done:
        """This run, which went well and without a word on stderr."""
        assert (self.code, self.err) == (0, ""), self
        return self


class Program:
    """`mailcli --profile DIRECTORY`."""

    def __init__(self, profile: Path) -> None:
        self.profile = profile
        self.environ: Mapping[str, str] = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(profile),
            "LANG": "C.UTF-8",
        }

    def words(self, *words: str) -> list[str]:
        """The whole command line."""
        return [sys.executable, "-m", "mailcli", "--profile", str(self.profile), *words]

    def start(
        self,
        *words: str,
        preexec: Callable[[], None] | None = None,
        environ: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        """Begin a run; it ends by itself, or by a signal of the caller's."""
        return subprocess.Popen(
            self.words(*words),
            cwd=ROOT,
            env=dict(self.environ if environ is None else environ),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
            preexec_fn=preexec,
        )

    def run(
        self,
        *words: str,
        text: str | None = None,
        preexec: Callable[[], None] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Done:
        """A whole run with `text` on stdin (None: stdin is /dev/null)."""
        stdin = subprocess.DEVNULL if text is None else subprocess.PIPE
        with self.start(*words, preexec=preexec, environ=environ, stdin=stdin) as process:
            return finish(process, text)

    def subjects(self, folder: str = "INBOX") -> list[str]:
        """Sorted subjects of a folder, as `list` prints them."""
        return sorted(self.run("list", folder, "--format", "{subject}").good().out.splitlines())

    def new(self, *words: str) -> int:
        """How many messages a good `fetch` brought."""
        done = self.run("fetch", *words).good()
        found = re.search(r"\t(\d+) new|: (\d+) new", done.out)
        if found is None:
            return 0
        return int(found[1] or found[2])


def finish(process: subprocess.Popen[str], text: str | None = None) -> Done:
    """Wait for the end of a run. One that hangs is killed, and the test fails."""
    try:
        out, err = process.communicate(text, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still running after {LIMIT} s: {process.args!r}\n{out}\n{err}") from None
    return Done(process.returncode, out, err)
