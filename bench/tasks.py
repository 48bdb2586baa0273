"""The tasks: for each, mailcli and every installed peer, ready to be run in turn."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from bench import imap, peers, scanner
from bench.arena import Arena, mailcli
from bench.measure import OURS, Contender, installed
from bench.ours import ENVIRON, ours
from tests.support import generate


class Task(NamedTuple):
    """`make` gives the contenders for a round-trip time in ms; `wire` tells if that matters."""

    make: Callable[[Arena, int], Iterator[Contender]]
    about: str
    wire: bool = True


# -- SMTP --------------------------------------------------------------------------------------


class _Accepted:
    """A check that Postfix has taken one more message since it was asked last."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._before = len(arena.postfix.accepted())

    def __call__(self) -> str:
        end = time.monotonic() + 2
        while len(self._arena.postfix.accepted()) <= self._before:
            if time.monotonic() > end:
                return "the server has accepted nothing"
            time.sleep(0.01)
        self._before = len(self._arena.postfix.accepted())
        return ""


def _smtp(arena: Arena, rtt: int, tls: str) -> Iterator[Contender]:
    """One short message, one process."""
    if not arena.has_postfix:
        return
    user = arena.user(0)
    address = arena.dovecot.address(user[0])
    target = arena.postfix.submissions if tls == "implicit" else arena.postfix.submission
    port, turns = arena.port(target, rtt)
    server = peers.Server(port, *user, arena.dovecot.ca, tls)
    message = arena.directory / "message.eml"
    message.write_text(f"From: {address}\nTo: {address}\nSubject: hello\n\nOne line of text.\n")
    home = arena.profile(
        f"smtp-{rtt}-{tls}", user, smtp_port=port, smtp_tls=tls, settings="save_sent = false"
    )
    accepted = _Accepted(arena)
    yield ours(home, "send", "--raw", address, stdin=message, turns=turns, check=accepted)
    runs = {
        "msmtp": (peers.msmtp(home, server, address, address), message),
        "curl": (peers.curl(home, server, address, address, message), None),
        "swaks": (peers.swaks(home, server, address, address, message), None),
        "s-nail": (peers.snail(home, server, address, address), message),
    }
    runs["smtplib"] = (peers.smtplib(server, address, address), message)
    for name, (run, stdin) in runs.items():
        if name == "smtplib" or installed(name):
            yield Contender(name, run.command, environ=run.environ, stdin=stdin, turns=turns, check=accepted)


def smtp(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _smtp(arena, rtt, "implicit")


def smtp_starttls(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _smtp(arena, rtt, "starttls")


QUEUED = 200


def smtp_queue(arena: Arena, rtt: int) -> Iterator[Contender]:
    """A queue of many messages: an outbox that is run, beside a loop in the shell."""
    if not arena.has_postfix:
        return
    user = arena.user(0)
    address = arena.dovecot.address(user[0])
    port, _ = arena.port(arena.postfix.submissions, rtt)
    server = peers.Server(port, *user, arena.dovecot.ca, "implicit")
    message = arena.directory / "queued.eml"
    message.write_text(f"From: {address}\nTo: {address}\nSubject: hello\n\nOne line of text.\n")
    home = arena.profile(f"queue-{rtt}", user, smtp_port=port, settings="save_sent = false")
    transaction = f"MAIL FROM:<{address}>\nRCPT TO:<{address}>\nDATA\n{message.read_text()}.\n"

    def prepare() -> None:
        words = mailcli(home, "--offline", "sendmail", "-bs")
        said = f"EHLO bench\n{transaction * QUEUED}QUIT\n".encode()
        subprocess.run(words, env={**os.environ, **ENVIRON}, check=True, capture_output=True, input=said)

    yield ours(home, "outbox", "run", "-q", prepare=prepare)
    loops = {
        "msmtp": peers.msmtp(home, server, address, address),
        "curl": peers.curl(home, server, address, address, message),
    }
    for name, run in loops.items():
        if installed(name):
            loop = f"for n in $(seq {QUEUED}); do {shlex.join(run.command)} < {message} || exit 1; done"
            yield Contender(name, ["sh", "-c", loop], environ=run.environ)


# -- the local mailbox -------------------------------------------------------------------------


def startup(arena: Arena, _: int) -> Iterator[Contender]:
    """The floor: what an answer costs that needs neither mailbox nor network."""
    yield Contender("python -c pass", [sys.executable, "-c", "pass"])
    program = [sys.executable, "-m", "mailcli"]
    yield Contender(OURS, [*program, "--version"], environ=ENVIRON)
    yield Contender("mailcli --help", [*program, "--help"], environ=ENVIRON)
    for name in ("msmtp", "mbsync", "notmuch", "mpop", "getmail", "swaks", "curl"):
        if installed(name):
            yield Contender(name, [name, "--version"])


def _indexed(arena: Arena) -> tuple[Path, Path]:
    """(mailcli's profile, the peers' home): the same mail, searchable in both; made once."""
    home, other = arena.directory / "indexed", arena.directory / "indexed-peers"
    if not home.exists():
        arena.profile(home.name, arena.user(arena.messages))
        subprocess.run(mailcli(home, "fetch", "-q"), env={**os.environ, **ENVIRON}, check=True)
        other.mkdir()
        maildir = home / "data/mail"
        if installed("notmuch"):
            environ = {**os.environ, **peers.notmuch(other, maildir)}
            subprocess.run(["notmuch", "new", "--quiet"], env=environ, check=True)
        if installed("mu"):
            environ = {**os.environ, "MUHOME": str(other / "mu")}
            subprocess.run(["mu", "init", "-m", str(maildir)], env=environ, check=True, capture_output=True)
            subprocess.run(["mu", "index", "-q"], env=environ, check=True, capture_output=True)
    return home, other


def _queries(arena: Arena, words: list[str], theirs: dict[str, list[str]]) -> Iterator[Contender]:
    home, other = _indexed(arena)
    yield ours(home, *words)
    environ = {"NOTMUCH_CONFIG": str(other / "config"), "HOME": str(other), "MUHOME": str(other / "mu")}
    for name, others in theirs.items():
        if installed(name):
            yield Contender(name, [name, *others], environ=environ)


def newest(arena: Arena, _: int) -> Iterator[Contender]:
    limit = "--limit=50"
    return _queries(
        arena,
        ["list", "-n", "50"],
        {"notmuch": ["search", limit, "*"], "mu": ["find", "--nocolor", "-n", "50", "-s", "d", "-z", ""]},
    )


def search_rare(arena: Arena, _: int) -> Iterator[Contender]:
    word = generate.NEEDLE
    theirs = {"notmuch": ["search", "--output=messages", word], "mu": ["find", "--nocolor", word]}
    return _queries(arena, ["search", word, "-n", "20"], theirs)


def search_common(arena: Arena, _: int) -> Iterator[Contender]:
    """Every hit of a word that stands in most messages."""
    theirs = {"notmuch": ["search", "meeting"], "mu": ["find", "--nocolor", "meeting"]}
    return _queries(arena, ["search", "meeting"], theirs)


def index(arena: Arena, _: int) -> Iterator[Contender]:
    """The full-text index anew, from the same files: time, peak memory, and what it has on disk."""
    home, other = _indexed(arena)
    maildir = home / "data/mail"
    database = [home / f"data/mailcli.db{suffix}" for suffix in ("", "-wal")]
    yield ours(home, "index", "rebuild", "-q", leaves=database, each=arena.messages)
    if installed("notmuch"):
        environ = peers.notmuch(other, maildir)
        kept = other / "notmuch"

        def forget() -> None:
            arena.place(f"{other.name}/notmuch")

        command = ["notmuch", "new", "--quiet"]
        yield Contender(
            "notmuch", command, prepare=forget, environ=environ, leaves=[kept], each=arena.messages
        )
    if installed("mu"):
        environ = {"MUHOME": str(other / "mu")}

        def again() -> None:
            arena.place(f"{other.name}/mu")
            words = ["mu", "init", "-m", str(maildir)]
            subprocess.run(words, env={**os.environ, **environ}, check=True, capture_output=True)

        command = ["mu", "index", "-q"]
        kept = other / "mu"
        yield Contender("mu", command, prepare=again, environ=environ, leaves=[kept], each=arena.messages)


def mime(arena: Arena, _: int) -> Iterator[Contender]:
    """Mail read for rows and index, without any table: one process, files in the page cache."""
    place = arena.directory / "letters"
    if not place.exists():
        place.mkdir()
        for n, letter in enumerate(generate.messages(arena.messages)):
            (place / f"{n:07}").write_bytes(letter)
    for name in scanner.READERS:
        command = [sys.executable, "-m", "bench.scanner", name, str(place)]
        yield Contender(name, command, environ=ENVIRON, each=arena.messages)


TASKS: dict[str, Task] = {
    "startup": Task(startup, "program start: --version", wire=False),
    "smtp": Task(smtp, "send one message, port 465"),
    "smtp-starttls": Task(smtp_starttls, "send one message, port 587"),
    "smtp-queue": Task(smtp_queue, f"send {QUEUED} messages that wait; peers in a loop"),
    "imap-first": Task(imap.first, "first synchronisation of a mailbox"),
    "imap-noop": Task(imap.noop, "synchronise when nothing has changed"),
    "imap-change": Task(imap.change, "100 new, 100 flags changed, 100 gone"),
    "imap-folders": Task(imap.folders, f"first synchronisation of {imap.FOLDERS} folders"),
    "imap-folders-noop": Task(imap.folders_noop, f"{imap.FOLDERS} folders, nothing changed"),
    "list": Task(newest, "the newest 50", wire=False),
    "search-rare": Task(search_rare, "a rare word", wire=False),
    "search-common": Task(search_common, "all hits of a common word", wire=False),
    "index": Task(index, "make the index anew", wire=False),
    "mime": Task(mime, "read mail as the index does, beside Python's own parser", wire=False),
}
