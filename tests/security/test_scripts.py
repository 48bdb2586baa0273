"""What scripts hand over, unquoted or hostile: no line break passes into a protocol, a header, a folder's
name or a file of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcli.cli import editor, pager
from mailcli.cli.commands import send
from mailcli.errors import LocalIOError
from tests.cli.calling import printed, streams
from tests.security.scripted import Imap, Smtp, account, harmless, letter
from tests.support.program import Program

BREAKS = ["a\r\nRCPT TO:<evil@e.example>", "a\nb", "a\rb"]


@pytest.fixture
def server() -> Iterator[Smtp]:
    with Smtp() as server:
        yield server


@pytest.fixture
def program(tmp_path: Path, server: Smtp) -> Program:
    return account(tmp_path / "profile", smtp=server.port)


def test_a_line_break_in_any_argument_of_send_is_refused_before_a_connection(
    program: Program, server: Smtp
) -> None:
    for text in BREAKS:
        assert harmless(program.run("send", "-s", text, "a@b.example", text="text\n")).code == 65
    for text in BREAKS[:1]:
        for words in (
            ("-s", "x", "-r", f"{text}@b.example", "a@b.example"),
            ("-s", "x", "-b", f'"{text}" <z@b.example>', "a@b.example"),
            ("-s", "x", f"{text}@b.example"),
            ("-s", "x", "-H", f"X-A: {text}", "a@b.example"),
            ("-s", "x", "-H", f"X-{text}: v", "a@b.example"),
        ):
            assert harmless(program.run("send", *words, text="text\n")).code == 65, words
    assert harmless(program.run("send", "mailto:a@b.example?subject=x%0d%0aBcc:%20v@x", text="x")).code == 65
    assert harmless(program.run("send", "mailto:a@b.example%0d%0aRCPT%20TO:<v@x>", text="x")).code == 65
    assert server.heard == []


def test_a_line_break_in_the_name_for_ehlo_is_refused(program: Program, server: Smtp) -> None:
    for text in (BREAKS[0], "a b"):
        done = harmless(program.run("send", "-s", "x", "--ehlo", text, "a@b.example", text="x\n"))
        assert done.code == 65
    assert server.heard == []


def test_no_body_ends_the_message_before_its_end(program: Program, server: Smtp) -> None:
    """Every way to write a lone dot between line ends of every kind, in one message."""
    ends = ["\n", "\r", "\r\n"]
    body = "".join(f"x{before}.{after}MAIL FROM:<e@e.example>" for before in ends for after in ends)
    harmless(program.run("send", "-s", "x", "a@b.example", text=body)).good()
    head = "To: a@b.example\nSubject: x\n\n"
    harmless(program.run("send", "--raw", "-t", text=head + body)).good()
    assert len(server.taken) == 2
    for taken in server.taken:
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n", taken)
        assert taken.count(b"\r\n.\r\n") == 1
    assert [h for h in server.heard if h.startswith(b"MAIL")] == [
        b"MAIL FROM:<bob@example.org> SIZE=%d\r\n" % n for n in sizes(server)
    ]


def sizes(server: Smtp) -> list[int]:
    return [int(found[1]) for h in server.heard if (found := re.match(rb"MAIL .*SIZE=(\d+)", h))]


def test_a_reply_takes_no_header_from_a_hostile_message(
    program: Program, server: Smtp, tmp_path: Path
) -> None:
    hostile = letter(
        "=?utf-8?q?s=0d=0aBcc:_v=40x.example=0d=0a=0d=0abody?=",
        "Reply-To: =?utf-8?q?a=0d=0aBcc:_v=40x.example?= <r@r.example>",
        "References: <a\rb@c> <x\x00@y> <" + "r" * 5000 + "@z>",
        "In-Reply-To: <q\x1b@w>",
    )
    (tmp_path / "h.eml").write_bytes(hostile)
    program.run("import", str(tmp_path / "h.eml"), "--to", "H").good()
    (identity,) = program.run("list", "H", "--ids").good().out.split()
    harmless(program.run("reply", identity, text="yes\n")).good()
    harmless(program.run("forward", identity, "f@b.example", text="see\n")).good()
    assert [h for h in server.heard if h.startswith(b"RCPT")] == [
        b"RCPT TO:<r@r.example>\r\n",
        b"RCPT TO:<f@b.example>\r\n",
    ]
    for taken in server.taken:
        head = taken.partition(b"\r\n\r\n")[0]
        assert b"\nBcc" not in head
        assert max(map(len, head.split(b"\r\n"))) <= 998


def test_folder_names_with_line_breaks_are_refused_by_every_command_that_makes_folders(
    tmp_path: Path,
) -> None:
    (tmp_path / "m.eml").write_bytes(letter("mine"))
    with Imap() as server:
        program = account(tmp_path / "profile", imap=server.port)
        program.run("fetch").good()
        for text in (BREAKS[0], "a//b"):
            for words in (
                ("folder", "create", text),
                ("move", "mid:m1@example.org", "--to", text, "--create"),
                ("copy", "mid:m1@example.org", "--to", text, "--create"),
                ("import", str(tmp_path / "m.eml"), "--to", text),
            ):
                assert harmless(program.run(*words)).code == 2, words
        assert not any(b"CREATE" in line for line in server.heard)


def test_line_breaks_do_not_get_into_the_configuration(program: Program) -> None:
    before = (program.profile / "config.toml").read_bytes()
    text = "h\n[accounts.evil]\nemail = 'x'"
    for words in (
        ("account", "add", "u@x.example", "--name", text, "--no-check"),
        ("account", "add", f"{text}@x.example", "--no-check"),
        ("account", "add", "u@x.example", "--name", "n", "--imap-host", text, "--user", text, "--no-check"),
        ("config", "set", "accounts.test.full_name", text),
        ("config", "set", text, "x"),
    ):
        assert harmless(program.run(*words)).code in (2, 78), words
    assert (program.profile / "config.toml").read_bytes() == before


def test_a_configuration_that_anybody_may_write_is_not_obeyed(program: Program, server: Smtp) -> None:
    (program.profile / "config.toml").chmod(0o666)
    done = harmless(program.run("send", "-s", "x", "a@b.example", text="x\n"))
    assert done.code == 78
    assert "chmod go-w" in done.err
    assert server.heard == []


@pytest.mark.parametrize("command", ["vi 'unclosed", "vi \\"])
def test_an_editor_or_pager_that_is_no_command_line_is_told_and_is_no_bug(
    tmp_path: Path, command: str
) -> None:
    environ = {"EDITOR": command, "PAGER": command}
    made = streams(terminals=(True, True, True), environ=environ)
    with pytest.raises(LocalIOError, match="is no command"):
        editor.edit(made, tmp_path / "draft")
    with pager.paged(made, True):
        made.write("unpaged\n")
    assert printed(made)[0] == "unpaged\n"


def test_no_option_of_send_lets_a_line_break_through(program: Program, server: Smtp) -> None:
    options = [option.names[-1] for option in send.COMMAND.options if option.kind == "text"]
    assert len(options) >= 14
    for name in options:
        for text in ("x\r\nRCPT TO:<evil@e.example>\r\nX-Evil: 1", "x\nX-Evil: 1"):
            done = harmless(program.run("send", "-s", "s", name, text, "a@b.example", text="text\n"))
            assert not any(line.upper().startswith((b"RCPT TO:<EVIL", b"X-EVIL")) for line in server.heard)
            assert not any(b"evil" in taken.lower().split(b"\r\n\r\n")[0] for taken in server.taken), name
            assert done.code in (2, 65, 66, 0), (name, done)
            # The key is hashed, and goes nowhere.
            assert done.code != 0 or name == "--idempotency-key", (name, done)


def test_no_option_of_sendmail_lets_a_line_break_into_the_conversation(
    program: Program, server: Smtp
) -> None:
    text = "x\r\nRCPT TO:<evil@e.example>"
    for option in ("-f", "-r", "-F", "-N", "-R", "-V"):
        done = harmless(program.run("sendmail", option, text, "a@b.example", text="Subject: s\n\nx\n"))
        assert done.code in (2, 65), (option, done)
    assert harmless(program.run("sendmail", text, text="Subject: s\n\nx\n")).code == 65
    assert server.heard == []
