"""What scripts hand over, unquoted or hostile: no line break passes into a protocol, a header, a folder's
name or a file of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcli.cli import editor, pager, run
from mailcli.cli.commands import bounce, draft, forward, reply, send
from mailcli.cli.spec import Command
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


def lines(identity: str, rows: Path) -> dict[str, tuple[Command, list[str]]]:
    """Each command that sends or composes: its table, and words with which it does."""
    drafts = {command.name: command for command in draft.COMMAND.commands}
    return {
        "send": (send.COMMAND, ["send", "-s", "s", "a@b.example"]),
        "merge": (send.COMMAND, ["send", "--merge", str(rows), "-s", "s {name}"]),
        "raw": (send.COMMAND, ["send", "--raw", "a@b.example"]),
        "reply": (reply.COMMAND, ["reply", identity]),
        "forward": (forward.COMMAND, ["forward", identity, "a@b.example"]),
        "bounce": (bounce.COMMAND, ["bounce", identity, "a@b.example"]),
        "draft send": (drafts["send"], ["draft", "send", identity]),
    }


@pytest.mark.parametrize("name", lines("", Path()))
def test_no_argument_of_what_sends_lets_a_line_break_or_nul_through(
    program: Program, server: Smtp, tmp_path: Path, name: str
) -> None:
    """Over the tables of options, so that a new one is held to it by itself."""
    (tmp_path / "m.eml").write_bytes(letter("mine"))
    program.run("import", str(tmp_path / "m.eml"), "--to", "H").good()
    (identity,) = program.run("list", "H", "--ids").good().out.split()
    rows = tmp_path / "rows.csv"
    rows.write_text("email,name\nz@z.example,Zoe\n")
    command, words = lines(identity, rows)[name]
    tried = [[*words, option.names[-1], "{}"] for option in command.options if option.takes_value]
    tried += [[*words, "{}"] for argument in command.arguments if argument.many]
    tried += [[word.replace(identity, "{}") for word in words]] if identity in words else []
    assert len(tried) > 7
    for line in tried:
        for text in ("x\r\nRCPT TO:<evil@e.example>\r\nX-Evil: 1", "a@b.example\n", "a@b.example\r", "1\0"):
            argv = ["--profile", str(program.profile), *(word.replace("{}", text) for word in line)]
            made = streams(b"text\n", environ=program.environ)
            code = run.main(argv, made)
            assert code in (2, 65, 66), (line, text, code, printed(made))
            assert "Traceback" not in printed(made)[1] and "bug" not in printed(made)[1]
    assert server.heard == []


def test_no_cell_of_a_merge_lets_a_line_break_through(program: Program, server: Smtp, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    for text in ("x\r\nRCPT TO:<evil@e.example>", "x\nX-Evil: 1", "x\0y"):
        row = {"email": "a@b.example", "name": text}
        for email, subject, header in (
            ("{email}", "{name}", "1"),
            ("{name}", "s", "1"),
            ("{email}", "s", "{name}"),
        ):
            rows.write_text(json.dumps(row) + "\n")
            words = ("--merge", str(rows), "-s", subject, "-H", f"X-A: {header}", email)
            assert harmless(program.run("send", *words, text="text\n")).code == 65
    assert server.heard == []


@pytest.mark.parametrize("option", ["", *(f"-{letter}" for letter in "ABCDFLNORVXabefhopr")])
def test_no_argument_of_sendmail_lets_a_line_break_into_the_conversation(
    program: Program, server: Smtp, option: str
) -> None:
    for text in ("x\r\nRCPT TO:<evil@e.example>", "x\ny", "x\ry", "x\0y"):
        for words in ([option, text], [option + text]):
            argv = ["--profile", str(program.profile), "sendmail", *filter(None, words), "a@b.example"]
            made = streams(b"Subject: s\n\nx\n", environ=program.environ)
            assert run.main(argv, made) == 65, (words, printed(made))
    assert server.heard == []


def test_nothing_on_stdin_of_sendmail_bs_becomes_a_second_command(program: Program, server: Smtp) -> None:
    said = "EHLO x\nMAIL FROM:<a@b.example>\rRCPT TO:<x@y>\nRCPT TO:<c@d.example\0>\nDATA\nQUIT\n"
    harmless(program.run("sendmail", "-bs", text=said))
    assert server.heard == []
