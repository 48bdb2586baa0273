"""POP3: a maildrop downloaded and kept, downloaded and emptied, and looked at when nothing is new."""

from __future__ import annotations

import os
import poplib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench import peers
from bench.arena import Arena, mailcli
from bench.measure import OURS, Contender, installed
from bench.ours import ENVIRON, expect
from bench.tasks import Task

MANY = 50_000
"""Messages that someone has left on the server over the years."""

_SMALL = (
    "From: a@example.org\nTo: b@example.org\nSubject: message {n}\nMessage-ID: <{n}@example.org>\n\nhello\n"
)


class Peer(NamedTuple):
    """A program: how it is told, where its mail lies ("" if it keeps none), whether it pipelines (without,
    it needs minutes over a long wire, and is run once)."""

    name: str
    make: Callable[[Path, peers.Server, bool], peers.Run]
    mail: str
    note: str
    pipelines: bool = False


def _ours(home: Path, server: peers.Server, keep: bool) -> peers.Run:
    return peers.Run(mailcli(home, "fetch", "-q", "--keep" if keep else "--delete"), ENVIRON)


PEERS = (
    Peer(OURS, _ours, "data/mail", "indexed, files and directories fsynced", True),
    Peer("mpop", lambda h, s, k: peers.mpop(h, s, keep=k), "mail", "files fsynced, state at the end", True),
    Peer("getmail", lambda h, s, k: peers.getmail(h, s, keep=k), "mail", "all fsynced, state at the end"),
    Peer("fetchmail", lambda h, s, k: peers.fetchmail(h, s, keep=k), "", "mail thrown away, nothing synced"),
)


def _ready(arena: Arena, peer: Peer, home: Path, server: peers.Server, keep: bool) -> peers.Run:
    arena.place(home.name)
    if peer.name == OURS:
        arena.profile(home.name, (server.user, server.password), protocol="pop3", incoming_port=server.port)
    return peer.make(home, server, keep)


def _present() -> list[Peer]:
    return [peer for peer in PEERS if peer.name == OURS or installed(peer.name)]


def keep(arena: Arena, rtt: int) -> Iterator[Contender]:
    user = arena.user(arena.messages)
    port, turns = arena.port(arena.dovecot.pop3s, rtt)
    server = peers.Server(port, *user, arena.dovecot.ca)
    for peer in _present():
        home = arena.place(f"pop3-{rtt}-{peer.name}")
        run = _ready(arena, peer, home, server, True)

        def fresh(peer: Peer = peer, home: Path = home) -> None:
            _ready(arena, peer, home, server, True)

        check = expect(home / peer.mail, arena.messages) if peer.mail else (lambda: "")
        yield Contender(
            peer.name,
            run.command,
            fresh,
            check,
            turns=turns,
            environ=run.environ,
            note=peer.note,
            once=bool(rtt) and not peer.pipelines,
        )


def delete(arena: Arena, rtt: int) -> Iterator[Contender]:
    """Each program empties a maildrop of its own, filled anew before each run."""
    whole, _ = arena.user(arena.messages)
    port, turns = arena.port(arena.dovecot.pop3s, rtt)
    for peer in _present():
        user = arena.dovecot.user()
        server = peers.Server(port, *user, arena.dovecot.ca)
        home = arena.place(f"pop3-delete-{rtt}-{peer.name}")
        run = _ready(arena, peer, home, server, False)

        def fresh(peer: Peer = peer, home: Path = home, server: peers.Server = server) -> None:
            _ready(arena, peer, home, server, False)
            place = arena.dovecot.maildir(server.user)
            shutil.rmtree(place, ignore_errors=True)
            subprocess.run(["cp", "-a", arena.dovecot.maildir(whole), place], check=True)

        def check(peer: Peer = peer, home: Path = home, name: str = user[0]) -> str:
            left = sum(1 for _ in (arena.dovecot.maildir(name) / "cur").iterdir())
            wrong = expect(home / peer.mail, arena.messages)() if peer.mail else ""
            return wrong or (f"{left} messages left on the server" if left else "")

        yield Contender(
            peer.name,
            run.command,
            fresh,
            check,
            turns=turns,
            environ=run.environ,
            note=peer.note,
            once=bool(rtt) and not peer.pipelines,
        )


def _remembered(peer: Peer, home: Path, server: peers.Server, uidls: Sequence[str]) -> None:
    """What the program would have written down of these messages had it downloaded them: with 50,000 some
    would take minutes for that."""
    user = server.user
    if peer.name == "mpop":
        (home / "uidls").write_text("\n".join((f" {len(uidls)} localhost {user}", *sorted(uidls), "")))
    elif peer.name == "getmail":
        now = int(time.time())
        seen = "".join(f"{uidl}\0{now}\n" for uidl in uidls)
        (home / f"oldmail-localhost-{server.port}-{user}").write_text(seen)
    elif peer.name == "fetchmail":
        (home / "ids").touch(mode=0o600)
        (home / "ids").write_text("".join(f"{user}@localhost {uidl}\n" for uidl in uidls))


def _nothing_new(arena: Arena, rtt: int, user: tuple[str, str]) -> Iterator[Contender]:
    port, turns = arena.port(arena.dovecot.pop3s, rtt)
    server = peers.Server(port, *user, arena.dovecot.ca)
    asking = poplib.POP3(arena.dovecot.host, arena.dovecot.pop3)
    asking.user(user[0])
    asking.pass_(user[1])
    uidls = [line.split()[1].decode() for line in asking.uidl()[1]]
    asking.quit()
    for peer in _present():
        home = arena.place(f"pop3-noop-{rtt}-{user[0]}-{peer.name}")
        run = _ready(arena, peer, home, server, True)
        _remembered(peer, home, server, uidls)
        unable = ""
        if peer.name == OURS:
            done = subprocess.run(
                run.command, env={**os.environ, **run.environ}, capture_output=True, text=True, check=False
            )
            unable = " ".join(done.stderr.split())[-200:] if done.returncode else ""
        yield Contender(
            peer.name,
            run.command,
            check=expect(home / peer.mail, len(uidls) if peer.name == OURS else 0) if peer.mail else str,
            turns=turns,
            environ=run.environ,
            unable=unable,
            good=frozenset({0, 1}) if peer.name == "fetchmail" else frozenset({0}),  # 1: no mail
        )


def nothing_new(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _nothing_new(arena, rtt, arena.user(arena.messages))


def nothing_new_of_many(arena: Arena, rtt: int) -> Iterator[Contender]:
    name, password = arena.dovecot.user()
    arena.dovecot.fill(name, (_SMALL.format(n=n).encode() for n in range(MANY)))
    arena.dovecot.doveadm("index", "-u", name, "INBOX")
    return _nothing_new(arena, rtt, (name, password))


TASKS: dict[str, Task] = {
    "pop3": Task(keep, "download a maildrop, leaving it there"),
    "pop3-delete": Task(delete, "download a maildrop and empty it"),
    "pop3-noop": Task(nothing_new, "nothing new in a maildrop"),
    "pop3-noop-many": Task(nothing_new_of_many, f"nothing new among {MANY} messages left there"),
}
