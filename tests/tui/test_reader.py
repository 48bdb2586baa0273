"""The reader as a person has it: keys in, screen out."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from mailcli.app.context import Context
from mailcli.model.flags import FLAGGED, SEEN
from mailcli.model.message import Summary
from tests.tui.conftest import letter, with_mail
from tests.tui.terminal import Terminal

Open = Callable[..., Terminal]


def rows(profile: Path, folder: str = "INBOX") -> dict[str, Summary]:
    ctx = Context.open(profile=profile, environ={"HOME": str(profile)})
    try:
        key = ctx.store.find_folder("local", folder).key
        return {row.subject: row for row in ctx.store.summaries(folders=[key]).rows}
    finally:
        ctx.close()


def test_it_opens_on_the_unified_inbox_newest_first(profile: Path, open_terminal: Open) -> None:
    terminal = open_terminal(profile)
    screen = terminal.until("letter 59", "letter 58", "10 unread")
    assert screen.index("letter 59") < screen.index("letter 58")
    terminal.keys("q")
    assert terminal.wait() == 0


def test_what_is_asked_for_on_the_command_line_is_in_the_title(profile: Path, open_terminal: Open) -> None:
    terminal = open_terminal(profile, "ui", "subject:59")
    screen = terminal.until("letter 59")
    assert screen.startswith(" /subject:59 "), screen
    terminal.keys("q")


def test_j_k_and_enter_move_and_open_and_q_goes_back(profile: Path, open_terminal: Open) -> None:
    terminal = open_terminal(profile)
    terminal.until("letter 59")
    terminal.keys("jjk\r")
    terminal.until("Subject  letter 58", "Sender 58 <s58@example.org>")
    terminal.keys("q")
    terminal.until(lambda s: "s58@example.org" not in s)
    terminal.keys("q")
    assert terminal.wait() == 0


def test_moving_past_marks_nothing_seen_and_dwelling_does(profile: Path, open_terminal: Open) -> None:
    terminal = open_terminal(profile)
    terminal.until("10 unread")
    terminal.keys("jjjj\r")
    terminal.until("9 unread")
    terminal.keys("qq")
    terminal.wait()
    assert [s for s, r in rows(profile).items() if SEEN not in r.flags] == [
        f"letter {n}" for n in range(59, 49, -1) if n != 55
    ]


def test_keys_typed_ahead_act_on_the_messages_that_come_up(profile: Path, open_terminal: Open) -> None:
    terminal = open_terminal(profile)
    terminal.until("letter 59")
    terminal.keys("ddef")
    terminal.until("+flagged")
    terminal.keys("q")
    terminal.wait()
    assert set(rows(profile, "Trash")) == {"letter 59", "letter 58"}
    assert set(rows(profile, "Archive")) == {"letter 57"}
    assert FLAGGED in rows(profile)["letter 56"].flags


def test_d_and_e_act_on_the_selection(profile: Path, open_terminal: Open) -> None:
    terminal = open_terminal(profile)
    terminal.until("letter 59")
    terminal.keys("xxd")
    terminal.until("Deleted 2 · u undo")
    terminal.keys("e")
    terminal.until("Archived 1 · u undo")
    terminal.keys("f")
    terminal.until("+flagged")
    terminal.keys("q")
    terminal.wait()
    assert set(rows(profile, "Trash")) == {"letter 59", "letter 58"}
    assert set(rows(profile, "Archive")) == {"letter 57"}
    assert FLAGGED in rows(profile)["letter 56"].flags


def test_u_undoes_one_change_after_another_and_shift_u_does_them_again(
    profile: Path, open_terminal: Open
) -> None:
    terminal = open_terminal(profile)
    terminal.until("letter 59")
    terminal.keys("xxe")
    terminal.until("Archived 2 · u undo")
    terminal.keys("d")
    terminal.until("Deleted 1 · u undo")
    terminal.keys("u")
    terminal.until("Undone: delete 1 message to Trash · U redo")
    terminal.until("1 of 58")
    terminal.keys("u")
    terminal.until("Undone: archive 2 messages to Archive · U redo")
    terminal.until("1 of 60")
    terminal.keys("u")
    terminal.until("nothing to undo")
    terminal.keys("U")
    terminal.until("Done again: archive 2 messages to Archive · u undo")
    terminal.until("of 58")
    terminal.keys("q")
    assert terminal.wait() == 0
    assert set(rows(profile, "Archive")) == {"letter 59", "letter 58"}
    assert set(rows(profile, "Trash")) == set()


def test_shift_n_marks_unread_and_reading_is_nothing_to_undo(profile: Path, open_terminal: Open) -> None:
    terminal = open_terminal(profile)
    terminal.until("10 unread")
    terminal.keys("N")
    terminal.until("+seen on 1 · u undo")
    terminal.until("9 unread")
    terminal.keys("j\r")
    terminal.until("8 unread")
    terminal.keys("qu")
    terminal.until("Undone: flag 1 message +seen")
    terminal.until("9 unread")
    assert SEEN not in rows(profile)["letter 59"].flags
    assert SEEN in rows(profile)["letter 58"].flags


def test_search_finds_while_typing_and_escape_returns(profile: Path, open_terminal: Open) -> None:
    terminal = open_terminal(profile)
    terminal.until("letter 59")
    terminal.keys("/lett")
    terminal.until("1 of 60")
    terminal.keys("er 17")
    terminal.until(lambda s: "1 of 1\n" in s and "letter 17" in s)
    terminal.keys("\x1b")
    terminal.until("letter 59")
    terminal.keys("/letter 18\r")
    terminal.until(lambda s: "1 of 1\n" in s and "letter 18" in s)
    terminal.keys("\r")
    terminal.until("Subject  letter 18")


def test_a_query_that_does_not_parse_yet_is_said_and_harmless(profile: Path, open_terminal: Open) -> None:
    terminal = open_terminal(profile)
    terminal.until("letter 59")
    terminal.keys("/form:x")
    terminal.until("from")
    terminal.keys("\x1b")
    terminal.until("letter 59")
    terminal.keys("q")
    assert terminal.wait() == 0


def test_an_empty_mailbox_says_what_to_do(tmp_path: Path, open_terminal: Open) -> None:
    terminal = open_terminal(tmp_path)
    terminal.until("mailcli account add")
    terminal.keys("jk\rdeq")
    assert terminal.wait() == 0


def test_mail_delivered_by_another_process_appears_and_the_cursor_stays(
    profile: Path, open_terminal: Open
) -> None:
    terminal = open_terminal(profile)
    terminal.until("1 of 60")
    terminal.keys("j")
    terminal.until("2 of 60")
    with_mail(profile, [letter(60, "fresh from cron")])
    terminal.until("fresh from cron")
    terminal.until("3 of 61")


def test_a_narrow_terminal_alternates_list_and_message(profile: Path, open_terminal: Open) -> None:
    terminal = open_terminal(profile, columns=60, lines=20)
    terminal.until("letter 42", lambda s: "│" not in s)
    terminal.keys("\r")
    terminal.until("Subject  letter 59", lambda s: "letter 58" not in s)
    terminal.resize(120, 30)
    terminal.keys("q")
    terminal.until(lambda s: "│" in s and "letter 58" in s)


def test_control_sequences_in_mail_never_reach_the_terminal(tmp_path: Path, open_terminal: Open) -> None:
    evil = "\x1b]0;owned\x07 \x9b31m evil \u202egnp.exe"
    with_mail(tmp_path, [letter(1, "hi " + evil, "text " + evil)])
    terminal = open_terminal(tmp_path)
    terminal.until("hi ")
    terminal.keys("\r")
    terminal.until("text ")
    assert b"]0;owned\x07" not in terminal.raw
    assert "\u202e".encode() not in terminal.raw and "\x9b".encode() not in terminal.raw


def test_help_lists_the_keys_with_their_commands(profile: Path, open_terminal: Open) -> None:
    terminal = open_terminal(profile)
    terminal.until("letter 59")
    terminal.keys("?")
    terminal.until("mailcli archive ID")


def test_the_plain_reader_lists_reads_and_deletes(profile: Path, open_terminal: Open) -> None:
    terminal = open_terminal(profile, "--plain", columns=80, lines=24)
    terminal.until("letter 59")
    terminal.keys("2\n")
    terminal.until("body of letter 58")
    terminal.keys("d 1\n")
    terminal.until("moved to Trash")
    terminal.keys("u\n")
    terminal.until("undone: delete 1 message to Trash")
    terminal.keys("U\n")
    terminal.until("done again: delete 1 message to Trash")
    terminal.keys("d 99\n")
    terminal.until("99 is no number of the list")
    terminal.keys("q\n")
    assert terminal.wait() == 0
    assert b"\x1b[?1049h" not in terminal.raw
    assert set(rows(profile, "Trash")) == {"letter 59"}


def _with_account(profile: Path, port: int) -> dict[str, str]:
    """An account that sends by this port, and an editor that writes a line."""
    editor = profile / "editor"
    editor.write_text('#!/bin/sh\necho "from the editor" >>"$1"\n')
    editor.chmod(0o755)
    config = profile / "config.toml"
    config.touch(mode=0o600)
    config.write_text(
        '[accounts.a]\nemail = "me@example.org"\n[accounts.a.smtp]\n'
        f'host = "127.0.0.1"\nport = {port}\ntls = "none"\nauth = "none"\n'
    )
    return {"EDITOR": str(editor)}


def test_a_message_that_was_not_sent_is_kept_and_the_place_is_said_first(
    profile: Path, open_terminal: Open
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        environ = _with_account(profile, closed.getsockname()[1])
        terminal = open_terminal(profile, columns=80, environ=environ)
        terminal.until("letter 59")
        terminal.keys("r")
        terminal.until("Send to s59@example.org?")
        terminal.keys("y\r")
        terminal.until("not sent, kept in ~/")
        (kept,) = (profile / "state").rglob("draft-*.eml")
        assert "from the editor" in kept.read_text()


def test_leaving_while_a_message_is_being_sent_takes_a_second_key(profile: Path, open_terminal: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        terminal = open_terminal(profile, environ=_with_account(profile, silent.getsockname()[1]))
        terminal.until("letter 59")
        terminal.keys("r")
        terminal.until("Send to s59@example.org?")
        terminal.keys("y\r")
        terminal.until("sending …")
        terminal.keys("q")
        terminal.until("still being sent")
        terminal.keys("q")
        assert terminal.wait() == 0
        assert list((profile / "state").rglob("draft-*.eml"))


def test_no_line_of_the_plain_list_is_wider_than_the_terminal(tmp_path: Path, open_terminal: Open) -> None:
    with_mail(tmp_path, [letter(n, subject="wide " * 30) for n in range(3)])
    terminal = open_terminal(tmp_path, "--plain", columns=80, lines=24)
    screen = terminal.until("mailcli (? for help)>")  # the last that is written
    assert [line.endswith("(unread)") for line in screen.splitlines() if "wide" in line] == [True] * 3
