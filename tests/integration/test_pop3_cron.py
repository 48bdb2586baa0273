"""`*/10 * * * * mailcli fetch -q popbox`: an environment with nothing in it, and nobody to ask."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Mapping

import pytest

from tests.integration.conftest import MakeBox
from tests.support.maildrop import PASSWORD, Mail, letter
from tests.support.pop3_box import Box
from tests.support.program import Done, Mailbox, Program, finish, wait_until

NOTHING: Mapping[str, str] = {}


def cron(box: Box, *words: str) -> Done:
    """A run as cron makes it, but with even less in its environment."""
    return Program(box.directory).run("fetch", "-q", *words, environ=NOTHING)


def silent(done: Done) -> None:
    assert done == (0, "", "")


def test_all_is_well_in_silence(make_box: MakeBox) -> None:
    box = make_box(3)
    silent(cron(box, "box"))
    silent(cron(box, "box"))
    assert len(box.subjects()) == 3


def test_a_password_command_is_run_without_an_environment(make_box: MakeBox) -> None:
    box = make_box(1, f'password = {{ command = "echo {PASSWORD!r}" }}')
    silent(cron(box))
    box.set('password = { command = "/no/such/pass show box" }')
    cron(box).failed(78, "accounts.box.pop3")
    box.set('password = { command = "exit 3" }')
    cron(box).failed(78, "accounts.box.pop3")


def test_a_file_that_others_may_read_is_refused(make_box: MakeBox) -> None:
    box = make_box(1)
    (box.directory / "password").chmod(0o644)
    cron(box).failed(78, "password", "chmod")


def test_the_keyring_is_not_there_and_the_remedies_are_named(make_box: MakeBox) -> None:
    box = make_box(1, "password = { keyring = true }")
    cron(box).failed(78, "no keyring", "command", "file", "credential")


def test_a_server_that_is_away_is_told_each_time_until_it_is_back(make_box: MakeBox) -> None:
    box = make_box(2)
    port = box.drop.port
    with socket.create_server(("127.0.0.1", 0)) as listener:
        box.drop.port = listener.getsockname()[1]
    box.set("")
    for _ in range(2):
        cron(box).failed(75, "box", "127.0.0.1")
    box.drop.port = port
    box.set("")
    silent(cron(box))
    assert len(box.subjects()) == 2


def test_a_server_that_stalls_is_left_at_the_deadline_and_what_came_stays(make_box: MakeBox) -> None:
    box = make_box(4)
    box.drop.offers.remove(b"PIPELINING")
    held = threading.Event()

    def stalled(words: str) -> bytes | None:
        if words == "3":
            held.wait(30)
        return None

    box.drop.says["RETR"] = stalled
    try:
        cron(box, "--deadline", "2").failed(75, "box", "the deadline of this run passed")
    finally:
        held.set()
    assert box.subjects() == ["m0", "m1"]
    del box.drop.says["RETR"]
    silent(cron(box))
    assert len(box.subjects()) == 4


def test_a_run_that_is_still_going_is_left_alone(make_box: MakeBox) -> None:
    box = make_box(3)
    held, asked = threading.Event(), threading.Event()

    def slow(_: str) -> bytes | None:
        asked.set()
        held.wait(30)
        return None

    box.drop.says["RETR"] = slow
    with Program(box.directory).start("fetch", "-q", environ=NOTHING) as first:
        try:
            assert asked.wait(20)
            silent(cron(box))
            cron(box, "--fail-if-locked").failed(75, "box", "another mailcli", str(first.pid))
        finally:
            held.set()
        silent(finish(first))
    assert len(box.subjects()) == 3


def test_runs_that_begin_together_bring_everything_once(make_box: MakeBox) -> None:
    box = make_box(30)
    programs = [Program(box.directory).start("fetch", "-q", "--delete", environ=NOTHING) for _ in range(4)]
    for process in programs:
        with process:
            silent(finish(process))
    assert len(box.subjects()) == 30 and box.drop.mail == []


def test_one_message_that_cannot_be_had_is_one_line(make_box: MakeBox) -> None:
    box = make_box(4)
    box.drop.says["RETR"] = lambda words: b"-ERR corrupt\r\n" if words == "2" else None
    cron(box, "--delete").failed(75, "box", "did not give message 2: corrupt")
    assert len(box.subjects()) == 3 and len(box.drop.mail) == 1
    silent(cron(box, "--delete"))
    assert len(box.subjects()) == 4


def corrupt(words: str) -> bytes | None:
    return b"-ERR corrupt\r\n" if int(words) < 200 else None


def test_many_messages_that_cannot_be_had_are_one_line_too(make_box: MakeBox) -> None:
    box = make_box([Mail(f"u{n}", letter(f"m{n}")) for n in range(200)])
    box.drop.says["RETR"] = corrupt
    done = cron(box)
    done.failed(75, "box", "did not give message 3: corrupt; and 196 more")
    assert len(done.err) < 400


def test_the_summary_is_json_on_request(make_box: MakeBox) -> None:
    box = make_box(2)
    done = Program(box.directory).run("fetch", "--json", "--delete", environ=NOTHING).good()
    (row,) = json.loads(done.out)["data"]
    assert {key: row[key] for key in ("account", "protocol", "new", "gone", "error")} == {
        "account": "box",
        "protocol": "pop3",
        "new": 2,
        "gone": 2,
        "error": None,
    }


@pytest.mark.parametrize("deliver", ["", 'deliver = "maildir:there"', 'deliver = "mbox:there"'])
def test_a_disk_without_room_is_one_line_and_deletes_nothing(make_box: MakeBox, deliver: str) -> None:
    import resource
    import signal

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    box = make_box([Mail("a", letter("large", body="x" * 200_000)), Mail("b", letter("b"))], deliver)
    done = Program(box.directory).run("fetch", "-q", "--delete", environ=NOTHING, preexec=small_files)
    done.failed(74, "box")
    assert len(box.drop.mail) == 2
    silent(cron(box, "--delete"))
    assert box.drop.mail == []


def test_a_real_server_with_an_empty_environment(make_mailbox: Callable[..., Mailbox]) -> None:
    mailbox = make_mailbox("pop3", 5)
    assert mailbox.program.run("fetch", "-q", environ=NOTHING) == (0, "", "")
    assert len(mailbox.files()) == 5 and os.environ
    wait_until(lambda: mailbox.on_server() == 5)
