"""The tasks over IMAP. What is durable differs, and each row says how: mailcli fsyncs files and
directories and indexes, mbsync fsyncs files (or nothing), offlineimap fsyncs files."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import peers
from bench.arena import Arena, mailcli
from bench.measure import OURS, Contender, installed
from bench.ours import ENVIRON, expect
from tests.support import generate

FOLDERS = 40

Make = Callable[[Path, peers.Server], peers.Run]
"""Sets a program up in an empty directory, and says how it is run."""


def _peers(*, folders: bool) -> Iterator[tuple[str, Make, str]]:
    """(name, how it is made, what to know of it) of every way to synchronise that is installed."""
    patterns = "*" if folders else "INBOX"
    if installed("mbsync"):
        ways = (
            ("mbsync", True, True, "not indexed, files fsynced"),
            ("mbsync, no COMPRESS", False, True, "not indexed, files fsynced"),
            ("mbsync, FSync no", False, False, "not indexed, no COMPRESS, nothing fsynced"),
        )
        for name, compress, fsync, note in ways:

            def configured(
                home: Path, server: peers.Server, compress: bool = compress, fsync: bool = fsync
            ) -> peers.Run:
                return peers.mbsync(home, server, patterns=patterns, compress=compress, fsync=fsync)

            yield name, configured, note
    if installed("offlineimap"):
        yield (
            "offlineimap",
            lambda home, server: peers.offlineimap(home, server, folders=folders),
            "not indexed, files fsynced",
        )
    if installed("mbsync") and installed("notmuch"):
        yield "mbsync + notmuch new", lambda home, server: _searchable(home, server, patterns), "indexed"


def _searchable(home: Path, server: peers.Server, patterns: str) -> peers.Run:
    """mbsync in its fastest durable way, then the index."""
    peers.mbsync(home, server, patterns=patterns, compress=False)
    environ = peers.notmuch(home, home / "mail")
    for folder in ("cur", "new", "tmp"):
        (home / "mail/INBOX" / folder).mkdir(parents=True, exist_ok=True)
    return peers.Run(["sh", "-c", f"mbsync -q -c {home}/rc c && notmuch new --quiet"], environ)


def _all(arena: Arena, port: int, *, folders: bool) -> Iterator[tuple[str, Make, str, str]]:
    """mailcli and the peers, with the directory below a program's own where its mail lies."""

    def profile(home: Path, server: peers.Server) -> peers.Run:
        arena.profile(home.name, (server.user, server.password), incoming_port=port)
        return peers.Run(mailcli(home, "fetch", "-q"), ENVIRON)

    yield OURS, profile, "indexed, files and directories fsynced", "data/mail"
    for name, make, note in _peers(folders=folders):
        yield name, make, note, "mail"


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def _whole(arena: Arena, rtt: int, *, folders: int = 0, again: bool) -> Iterator[Contender]:
    """First synchronisation of a mailbox into nothing, or one with nothing new."""
    user = arena.user(arena.messages, folders)
    port, turns = arena.port(arena.dovecot.imaps, rtt)
    count = arena.messages // folders * folders if folders else arena.messages
    server = peers.Server(port, *user, arena.dovecot.ca)
    for name, make, note, below in _all(arena, port, folders=bool(folders)):
        if again and name not in (OURS, "mbsync", "offlineimap"):
            continue
        tag = f"imap-{rtt}-{folders}-{again}-{_slug(name)}"
        home = arena.directory / tag
        run = make(arena.place(tag), server)

        def fresh(make: Make = make, tag: str = tag) -> None:
            make(arena.place(tag), server)

        if again:
            environ = {**os.environ, **run.environ}
            subprocess.run(run.command, env=environ, check=True, capture_output=True)
        yield Contender(
            name,
            run.command,
            environ=run.environ,
            prepare=(lambda: None) if again else fresh,
            check=expect(home / below, count),
            turns=turns,
            note=note,
        )


def first(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _whole(arena, rtt, again=False)


def noop(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _whole(arena, rtt, again=True)


def folders(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _whole(arena, rtt, folders=FOLDERS, again=False)


def folders_noop(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _whole(arena, rtt, folders=FOLDERS, again=True)


def change(arena: Arena, rtt: int) -> Iterator[Contender]:
    """100 new, 100 flags and 100 gone (less in small mailboxes) since the last run. Each program has a
    mailbox of its own, all alike."""
    port, turns = arena.port(arena.dovecot.imaps, rtt)
    changes = min(100, arena.messages // 10)
    for name, make, note, below in _all(arena, port, folders=False):
        seeds = itertools.count(1000)
        user = arena.dovecot.user()
        arena.dovecot.fill(user[0], generate.messages(arena.messages))
        home = arena.place(f"change-{rtt}-{_slug(name)}")
        run = make(home, peers.Server(port, *user, arena.dovecot.ca))
        environ = {**os.environ, **run.environ}
        subprocess.run(run.command, env=environ, check=True, capture_output=True)

        def mutate(user: str = user[0], seeds: Iterator[int] = seeds) -> None:
            _mutate(arena, user, changes, next(seeds))

        yield Contender(
            name,
            run.command,
            environ=run.environ,
            prepare=mutate,
            check=expect(home / below, arena.messages),
            turns=turns,
            note=note,
        )


def _mutate(arena: Arena, user: str, changes: int, seed: int) -> None:
    with arena.dovecot.connect(user) as session:
        session.select()
        uids = session.uid("SEARCH", "ALL")[1][0].decode().split()
        flagged, gone = uids[:changes], uids[changes : 2 * changes]
        session.uid("STORE", ",".join(flagged), "+FLAGS" if seed % 2 else "-FLAGS", "(\\Flagged)")
        session.uid("STORE", ",".join(gone), "+FLAGS", "(\\Deleted)")
        session.expunge()
        for message in generate.messages(changes, seed=seed):
            arena.dovecot.append_to(session, "INBOX", message)
