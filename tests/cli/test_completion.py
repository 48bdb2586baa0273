"""The completion files: current, and working in the shells that are here."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailcli.app import changing, undoing
from mailcli.app.context import Context
from mailcli.cli import completion
from mailcli.cli.completion import FILES, leaves, top
from mailcli.store.values import Arrival
from tests.cli.calling import Called

FOLDER = Path(__file__).resolve().parents[2] / "completions"


@pytest.mark.parametrize("shell", FILES)
def test_a_completion_file_is_what_the_table_makes(shell: str) -> None:
    made = completion.script(shell)
    assert (FOLDER / FILES[shell]).read_text(encoding="utf-8") == made, (
        "write them anew: python -m mailcli.cli.completion completions"
    )


@pytest.mark.parametrize("shell", FILES)
def test_a_completion_file_knows_every_command_and_option(shell: str) -> None:
    text = completion.script(shell)
    for name, _ in top():
        assert name in text
    for _, command in leaves():
        for option in command.options:
            for name in option.names:
                bare = name.lstrip("-")
                assert (f"-l {bare}" in text or f"-s {bare}" in text) if shell == "fish" else name in text


@pytest.mark.parametrize("shell", FILES)
def test_the_command_prints_the_file(shell: str, call: Callable[..., Called]) -> None:
    assert call("completion", shell) == (0, completion.script(shell), "")


def test_another_shell_is_a_usage_error(call: Callable[..., Called]) -> None:
    assert call("completion", "tcsh").code == 2


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Path]:
    """A profile with two folders and a message from Zoë, without any account configured."""
    ctx = Context.open(profile=tmp_path, environ={"HOME": str(tmp_path)})
    inbox = ctx.store.ensure_folder("local", "INBOX", special="Inbox")
    ctx.store.ensure_folder("local", "Meine Ablage")
    data = b"From: Zoe <zoe@example.org>\r\nTo: me@example.org\r\nSubject: hello\r\n\r\nhi\r\n"
    ctx.store.deliver([Arrival(inbox, data, arrived=1_795_000_000.0)])
    ctx.close()
    (tmp_path / "config.toml").write_text('[queries]\nunread-lists = "is:unread has:list"\n')
    yield tmp_path


def ask(profile: Path, *words: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "mailcli", "--profile", str(profile), "__complete", *words],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_folders_ids_and_addresses_come_from_the_local_mailbox(mailbox: Path) -> None:
    assert {line.split("\t")[0] for line in ask(mailbox, "folders")} == {"INBOX", "Meine Ablage"}
    assert ask(mailbox, "folders", "--", "mei") == ["Meine Ablage\tlocal, 0 unread"]
    (offered,) = ask(mailbox, "ids")
    ident, says = offered.split("\t")
    assert len(ident) == 8 and says == "Zoe: hello"
    assert ask(mailbox, "addresses", "--", "z") == ["zoe@example.org\tZoe"]


def test_undo_is_offered_the_tokens_of_what_stands(mailbox: Path) -> None:
    ctx = Context.open(profile=mailbox, environ={"HOME": str(mailbox)})
    ids = [row.id for row in ctx.store.summaries(folders=None).rows]
    tokens = [changing.flag(ctx, ids, [word]).undo for word in ("+one", "+two")]
    undoing.undo(ctx, tokens[1])
    ctx.close()
    assert ask(mailbox, "changes") == [f"{tokens[0]}\tflag 1 message +one"]
    assert bash(mailbox, "mailcli undo ") == tokens[:1]


def test_trouble_offers_nothing_and_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("this is = no [toml")
    for kind in ("accounts", "folders", "ids", "addresses", "changes", "nonsense", "Offer", "_newest"):
        assert ask(tmp_path, kind) == []


def bash(mailbox: Path, line: str) -> list[str]:
    """What bash offers for this line with the cursor at its end."""
    words = shlex.split(line) + ([""] if line.endswith(" ") else [])
    program = shlex.join([sys.executable, "-m", "mailcli", "--profile", str(mailbox)])
    script = (
        f'mailcli() {{ {program} "$@"; }}\n'
        f"source {shlex.quote(str(FOLDER / FILES['bash']))}\n"
        "compopt() { :; }\n"
        f"COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}\n"
        '_mailcli; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert done.stderr == ""
    return [word for word in done.stdout.splitlines() if word]


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_completes_commands_options_and_values(mailbox: Path) -> None:
    assert bash(mailbox, "mailcli se") == ["search", "send", "sendmail"]
    assert bash(mailbox, "mailcli folder cr") == ["create"]
    assert bash(mailbox, "mailcli --json -A work folder un") == ["unsubscribe"]
    assert bash(mailbox, "mailcli list --un") == ["--unread"]
    assert bash(mailbox, "mailcli list --acc") == ["--account"]
    assert bash(mailbox, "mailcli list --sort s") == ["subject", "size"]
    assert bash(mailbox, "mailcli list M") == ["Meine\\ Ablage"]
    assert bash(mailbox, "mailcli send z") == ["zoe@example.org"]
    assert len(bash(mailbox, "mailcli read ")) == 1
    assert bash(mailbox, "mailcli list -n ") == []


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_completes_the_words_of_every_group_and_what_they_take(mailbox: Path) -> None:
    (ident,) = bash(mailbox, "mailcli read ")
    assert bash(mailbox, "mailcli draft send --qu") == ["--queue", "--quiet"]
    assert bash(mailbox, "mailcli draft edit ") == bash(mailbox, "mailcli flag ") == [ident]
    assert bash(mailbox, f"mailcli attach save {ident[:5]}") == [ident]
    assert bash(mailbox, "mailcli outbox list ") == []
    assert bash(mailbox, "mailcli query delete ") == ["unread-lists"]
    assert bash(mailbox, "mailcli contact list --li") == ["--limit"]
    assert bash(mailbox, "mailcli help ex") == ["exit-codes", "export"]


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh here")
def test_zsh_takes_the_file() -> None:
    done = subprocess.run(["zsh", "-n", str(FOLDER / FILES["zsh"])], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish here")
@pytest.mark.parametrize(
    ("line", "offered"), [("mailcli folder cr", "create"), ("mailcli list --unr", "--unread")]
)
def test_fish_completes_commands_and_options(tmp_path: Path, line: str, offered: str) -> None:
    script = f"source {FOLDER / FILES['fish']}; complete -C '{line}'"
    environ = {**os.environ, "HOME": str(tmp_path)}  # it makes directories there
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, env=environ)
    assert done.stdout.split("\t")[0] == offered
