"""The program among others: pipes, pagers, editors, openers; in the embedded mail world."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.cli import run
from tests.cli.calling import Called, printed, streams
from tests.cli.schemas import Mail


@pytest.fixture
def shell(mail: Mail, home: Path, tmp_path: Path) -> Callable[..., Called]:
    """Run a line of shell in which `mailcli` is the real program, in the same profile."""
    program = tmp_path / "bin" / "mailcli"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mailcli "$@"\n')
    program.chmod(0o755)

    def calling(line: str) -> Called:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            capture_output=True,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
            env={
                **os.environ,
                "PATH": f"{program.parent}:{os.environ['PATH']}",
                "MAILCLI_PROFILE": str(home),
                "OUT": str(tmp_path),
            },
        )
        return Called(done.returncode, done.stdout, done.stderr)

    return calling


def test_one_liners(shell: Callable[..., Called], mail: Mail) -> None:
    first = mail("search", "in:any", "--ids", "-n", "1").out
    assert shell("mailcli search in:any | head -n 1 | cut -f 1") == (0, first, "")
    assert shell("df -h | mailcli send -s 'disk full' bob@valley.example") == (0, "", "")
    assert shell("true 2>&1 | mailcli send -E -s 'job output' bob@valley.example") == (0, "", "")
    assert (
        shell("mailcli fetch -q && mailcli search -e 'subject:disk account:bob' -q && echo yes").out
        == "yes\n"
    )
    assert shell("mailcli search nosuchword | mailcli archive -") == (0, "", "")
    assert shell("mailcli search nosuchword --ids -0 | mailcli delete --purge -0 -") == (0, "", "")
    saved = shell("mailcli search filename:invoice --ids | xargs -I{} mailcli attach save {} '*.pdf' -o $OUT")
    assert saved.code == 0 and Path(saved.out.strip()).read_bytes().startswith(b"%PDF")
    line = r"mailcli search in:INBOX --format '{size}\t{id}\t{subject}' | sort -rn | cut -f 1"
    sizes = shell(line).out.split()
    assert sizes == sorted(sizes, key=int, reverse=True) != []


def test_attachments_are_opened_with_the_program_named(shell: Callable[..., Called], tmp_path: Path) -> None:
    opener = tmp_path / "open"
    opener.write_text('#!/bin/sh\necho "$1" >> "$OUT/opened"\n')
    opener.chmod(0o755)
    assert shell(
        "export MAILCLI_OPENER=$OUT/open TMPDIR=$OUT; "
        "mailcli attach open $(mailcli search filename:invoice --ids)"
    ) == (0, "", "")
    opened = Path((tmp_path / "opened").read_text().strip())
    assert opened.suffix == ".pdf" and opened.parent.stat().st_mode & 0o077 == 0


def test_a_run_is_written_to_the_log_file(mail: Mail, tmp_path: Path) -> None:
    log = tmp_path / "log"
    mail("list", "--log-file", str(log), "-q")
    mail("list", "Nowhere", "--log-file", str(log))
    first, second = log.read_text().splitlines()
    assert first.endswith("exit 0: list done") and "exit 66" in second and "Nowhere" in second


def test_reading_on_a_terminal_goes_through_the_pager(mail: Mail, home: Path, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text('#!/bin/sh\ncat > "$0.seen"\n')
    pager.chmod(0o755)
    ident = mail("list", "--ids", "-n", "1").out.strip()
    environ = {"MAILCLI_PROFILE": str(home), "HOME": str(home), "PAGER": str(pager), "TERM": "xterm"}
    made = streams(terminals=(True, True, True), environ=environ)
    assert run.main(["read", ident], made) == 0
    assert printed(made) == ("", "")
    assert "\x1b[36mFrom:\x1b[0m" in (tmp_path / "pager.seen").read_text()
    pager.write_text("#!/bin/sh\nexit 0\n")
    many = mail("search", "in:any", "--ids").out.split() * 20
    assert run.main(["read", *many], streams(terminals=(True, True, True), environ=environ)) == 0


def test_a_configuration_that_was_broken_in_the_editor_can_be_edited_again(
    home: Path, mail: Mail, tmp_path: Path
) -> None:
    sound = (home / "config.toml").read_text()
    editor = tmp_path / "editor"
    editor.write_text(
        f'#!/bin/sh\nif [ -e "{tmp_path}/twice" ]; then cp "{tmp_path}/sound" "$1"; '
        f'else touch "{tmp_path}/twice"; echo "nonsense" >> "$1"; fi\n'
    )
    editor.chmod(0o755)
    (tmp_path / "sound").write_text(sound)
    environ = {"MAILCLI_PROFILE": str(home), "HOME": str(home), "EDITOR": str(editor)}
    made = streams(b"y\n", terminals=(True, True, True), environ=environ)
    assert run.main(["config", "edit"], made) == 0
    assert "Edit again?" in printed(made)[1]
    assert (home / "config.toml").read_text() == sound
    assert mail("config", "edit").code == 2
