"""Bad days of the disk and of the database: what is on the server stays there, what is here stays here."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.program import Mailbox

DELETE = {"imap": ["fetch"], "pop3": ["fetch", "--delete"]}


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A file system of its own at `place` while the block runs; gives the function that changes its
    size."""
    place.mkdir(parents=True, mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", place], check=True)

    def resize(size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", place], check=True)

    try:
        yield resize
    finally:
        subprocess.run(["umount", place], check=True)


def small_files() -> None:
    """Runs in the child: no file may grow beyond 60,000 octets (EFBIG)."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount")
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_a_full_disk_acknowledges_nothing_and_room_lets_it_go_on(
    make_mailbox: Callable[..., Mailbox], protocol: str
) -> None:
    mailbox = make_mailbox(protocol, 220, 5000)
    with small_disk(mailbox.program.profile / "data", "1m") as resize:
        mailbox.run(*DELETE[protocol]).failed(
            74, "test", "cannot store mail", "No space left", "free some space"
        )
        assert mailbox.on_server() >= 220 - len(mailbox.files())
        assert not mailbox.litter()
        resize("30m")
        mailbox.run(*DELETE[protocol]).good()
        assert mailbox.on_server() == (0 if protocol == "pop3" else 220)
        mailbox.whole()


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_a_database_that_cannot_grow_deletes_nothing_on_the_server(
    make_mailbox: Callable[..., Mailbox], protocol: str
) -> None:
    mailbox = make_mailbox(protocol, 40, 1000)
    done = mailbox.program.run(*DELETE[protocol], preexec=small_files)
    done.failed(74, "test", "mailcli.db", "disk's space")
    assert mailbox.on_server() == 40
    assert not mailbox.litter()
    mailbox.whole()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount")
def test_an_output_that_cannot_be_written_is_told(make_mailbox: Callable[..., Mailbox]) -> None:
    mailbox = make_mailbox()
    mailbox.whole()
    words = mailbox.program.words("list")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            words, stdout=full, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], timeout=30
        )
    assert done.returncode == 74
    assert done.stderr == "mailcli: cannot write the output: the disk is full\n"


def garbage_in_the_middle(path: Path) -> None:
    """Over the pages of messages and history, not those of the schema."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 3)
        file.write(random.Random(7).randbytes(size // 3))


def garbage_at_the_beginning(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(random.Random(7).randbytes(3000))


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def nothing(path: Path) -> None:
    os.truncate(path, 0)


def another_file(path: Path) -> None:
    path.write_text("this is not a database\n" * 1000)


def missing(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("protocol", "spoil"),
    [
        ("imap", garbage_in_the_middle),
        ("imap", another_file),
        ("pop3", garbage_in_the_middle),
        ("pop3", garbage_at_the_beginning),
        ("pop3", half),
        ("pop3", nothing),
        ("pop3", missing),
    ],
)
def test_a_spoilt_database_costs_no_mail_no_id_and_no_download(
    make_mailbox: Callable[..., Mailbox], protocol: str, spoil: Callable[[Path], None]
) -> None:
    mailbox = make_mailbox(protocol, 60, 500)
    mailbox.run("fetch").good()
    (first,) = mailbox.run("list", "-n", "1", "--ids").good().out.split()
    mailbox.run("--offline", "flag", first, "+flagged")
    before = sorted(mailbox.run("list", "--format", "{id} {flags} {subject}").good().out.splitlines())
    spoil(mailbox.program.profile / "data/mailcli.db")
    notices = ""
    for _ in range(2):  # damage that lies deep shows only when it is met: the run after that repairs it
        done = mailbox.run("fetch")
        notices += done.err
        assert "Traceback" not in done.err and done.code in (0, 74), done
        if done.code == 0:
            break
    assert done.code == 0 and " 0 new," in done.out, (done, notices)
    if "damaged" in notices or spoil is not garbage_in_the_middle:
        assert "the mailbox database was" in notices and "made anew" in notices
    after = mailbox.run("list", "--format", "{id} {flags} {subject}").good().out.splitlines()
    assert sorted(after) == before
    assert mailbox.run("search", "line", "--count").good().out == "60\n"
    assert mailbox.run("fetch").good().out == "test: 0 new, 0 changed, 0 gone\n"
    assert len(mailbox.files()) == 60


def test_deleting_after_the_history_was_lost_deletes_what_is_here_and_only_that(
    make_mailbox: Callable[..., Mailbox],
) -> None:
    mailbox = make_mailbox("pop3", 5)
    mailbox.whole()
    nothing(mailbox.program.profile / "data/mailcli.db")
    mailbox.server.append(mailbox.user, "INBOX", b"Subject: late\n\nwithout a Message-ID\n")
    done = mailbox.run("fetch", "--delete")
    assert (done.code, done.out) == (0, "test: 1 new, 0 changed, 6 gone\n")
    assert mailbox.on_server() == 0
    assert mailbox.program.subjects() == ["late", *mailbox.expected]


def test_messages_without_an_id_of_their_own_are_recognised_by_content(
    make_mailbox: Callable[..., Mailbox],
) -> None:
    mailbox = make_mailbox("pop3", 0)
    for n in range(3):
        mailbox.server.append(mailbox.user, "INBOX", b"Subject: same\n\nbody %d\n" % n)
    mailbox.run("fetch").good()
    nothing(mailbox.program.profile / "data/mailcli.db")
    mailbox.server.append(mailbox.user, "INBOX", b"Subject: same\n\nbody 9\n")
    assert mailbox.run("fetch").code == 0
    assert len(mailbox.files()) == 4
    assert mailbox.run("fetch").good().out == "test: 0 new, 0 changed, 0 gone\n"
