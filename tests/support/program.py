"""The program as a user starts it: a process of its own, in an environment that holds next to nothing."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support.dovecot import Dovecot
from tests.support.proxy import Cut, Proxy

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 100
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

    def interrupted(self) -> None:
        """Assert that the run ended by Ctrl-C, and said so in one line."""
        assert (self.code, self.out) == (130, ""), self
        assert self.line.startswith("mailcli: interrupted"), self

    def good(self) -> Done:
        """This run, which went well and without a word on stderr."""
        assert (self.code, self.err) == (0, ""), self
        return self


class Program:
    """`mailcli --profile DIRECTORY`."""

    root = ROOT

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


def finish(process: subprocess.Popen[str], text: str | None = None) -> Done:
    """Wait for the end of a run. One that hangs is killed, and the test fails."""
    try:
        out, err = process.communicate(text, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still running after {LIMIT} s: {process.args!r}\n{out}\n{err}") from None
    return Done(process.returncode, out, err)


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return as soon as the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


class Mailbox:
    """A profile with the account `test`, whose mailbox on the server holds `expected` subjects."""

    def __init__(self, program: Program, server: Dovecot, user: str, protocol: str, count: int) -> None:
        self.program = program
        self.server = server
        self.user = user
        self.protocol = protocol
        self.expected = [f"m{n:04}" for n in range(count)]
        self.port = int(getattr(server, f"{protocol}s"))

    def run(self, *words: str) -> Done:
        return self.program.run(*words)

    @contextlib.contextmanager
    def through(self, cut: Cut) -> Iterator[str]:
        """For the length of a block the server is reached through a proxy that cuts; `HOST:PORT`."""
        path = self.program.profile / "config.toml"
        before = path.read_text()
        with Proxy(self.port, cut=cut) as proxy:
            path.write_text(before.replace(f"port = {self.port}", f"port = {proxy.port}"))
            try:
                yield f"localhost:{proxy.port}"
            finally:
                path.write_text(before)

    def files(self) -> list[Path]:
        """The message files here."""
        tree = self.program.profile / "data/mail"
        return [p for p in tree.rglob("*") if p.parent.name in ("cur", "new") and p.is_file()]

    def litter(self) -> list[Path]:
        """What lies in tmp/."""
        return list((self.program.profile / "data/mail").rglob("tmp/*"))

    def on_server(self) -> int:
        return len(self.server.messages(self.user))

    def whole(self) -> None:
        """A good run completes it: every message is here once, the next run brings nothing."""
        self.run("fetch").good()
        assert self.run("fetch").good().out == "test: 0 new, 0 changed, 0 gone\n"
        assert self.program.subjects() == self.expected
        assert len(self.files()) == len(self.expected)
