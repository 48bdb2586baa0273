from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from mailcli.app import demonstration
from mailcli.app.context import Context
from mailcli.errors import ConfigError


def test_the_tour_goes_through_both_protocols_and_ends_well(tmp_path: Path) -> None:
    ctx = Context.open(profile=tmp_path / "own")
    said: list[str] = []
    assert demonstration.run(ctx, script=True, say=said.append) == 0
    text = "".join(said)
    assert "alice: 20 new over IMAP" in text
    assert "bob: 5 new over POP3" in text
    assert "bob@valley.example: sent" in text
    assert "> Bob, you may have the ladder on Saturday." in text
    assert all(c.isprintable() or c == "\n" for c in text)
    assert not (tmp_path / "own").exists(), "the user's own profile is not touched"


def test_its_shell_has_a_working_profile_that_is_gone_afterwards(tmp_path: Path) -> None:
    shell = tmp_path / "shell"
    shell.write_text(
        "#!/bin/sh\n"
        'echo "$MAILCLI_PROFILE" > "$OUT/profile"\n'
        'mailcli list --ids > "$OUT/inbox" && mailcli list -A bob --ids > "$OUT/bob"\n'
        "exit 3\n"
    )
    shell.chmod(0o755)
    program = (
        "import sys; from mailcli.app import demonstration; from mailcli.app.context import Context;"
        "sys.exit(demonstration.run(Context.open(), script=False, say=sys.stdout.write))"
    )
    controller, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdin=terminal,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "SHELL": str(shell), "OUT": str(tmp_path), "HOME": str(tmp_path)},
        check=False,
    )
    os.close(controller)
    os.close(terminal)
    assert done.stderr == ""
    assert done.returncode == 3, "the shell's own exit code"
    assert "mailcli list" in done.stdout
    assert len((tmp_path / "inbox").read_text().split()) == 14
    assert len((tmp_path / "bob").read_text().split()) == 5
    assert not Path((tmp_path / "profile").read_text().strip()).exists()


def test_without_the_servers_packages_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "mailcli.demo.world", raising=False)
    monkeypatch.setitem(sys.modules, "mailcli.demo.imap", None)
    with pytest.raises(ConfigError) as problem:
        demonstration.run(Context.open(profile=tmp_path), script=True, say=lambda _: None)
    assert "mailcli[demo]" in problem.value.hint
