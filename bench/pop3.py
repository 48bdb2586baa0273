"""POP3: a maildrop downloaded and kept, downloaded and emptied, and looked at when nothing is new."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
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
    """A program: how it is told, where its mail lies ("" if it keeps none), whether it pipelines."""

    name: str
    make: Callable[[Path, peers.Server, bool], peers.Run]
    mail: str
    note: str
    pipelines: bool = False


def _ours(home: Path, server: peers.Server, keep: bool) -> peers.Run:
    return peers.Run(mailcli(home, "fetch", "-q", "--keep" if keep else "--delete"), ENVIRON)


PEERS = (
    Peer(OURS, _ours, "data/mail", "indexed, files and directories fsynced", True),
    Peer("mpop", lambda h, s, k: peers.mpop(h, s, keep=k), "mail", "state written at the end", True),
    Peer("getmail", lambda h, s, k: peers.getmail(h, s, keep=k), "mail", ""),
    Peer("fetchmail", lambda h, s, k: peers.fetchmail(h, s, keep=k), "", "mail thrown away"),
)


def _ready(arena: Arena, peer: Peer, home: Path, server: peers.Server, keep: bool) -> peers.Run:
    arena.place(home.name)
    if peer.name == OURS:
        arena.profile(home.name, (server.user, server.password), protocol="pop3", incoming_port=server.port)
    return peer.make(home, server, keep)


def _present(rtt: int, *, slow: bool = True) -> list[Peer]:
    """Those that are installed; without pipelining a run over a long wire takes a minute and more."""
    here = [peer for peer in PEERS if peer.name == OURS or installed(peer.name)]
    return [peer for peer in here if peer.pipelines or (slow and not rtt)]


def keep(arena: Arena, rtt: int) -> Iterator[Contender]:
    user = arena.user(arena.messages)
    port, turns = arena.port(arena.dovecot.pop3s, rtt)
    server = peers.Server(port, *user, arena.dovecot.ca)
    for peer in _present(rtt):
        home = arena.place(f"pop3-{rtt}-{peer.name}")
        run = _ready(arena, peer, home, server, True)

        def fresh(peer: Peer = peer, home: Path = home) -> None:
            _ready(arena, peer, home, server, True)

        check = expect(home / peer.mail, arena.messages) if peer.mail else (lambda: "")
        yield Contender(
            peer.name, run.command, fresh, check, turns=turns, environ=run.environ, note=peer.note
        )


def delete(arena: Arena, rtt: int) -> Iterator[Contender]:
    """Each program empties a maildrop of its own, filled anew before each run."""
    whole, _ = arena.user(arena.messages)
    port, turns = arena.port(arena.dovecot.pop3s, rtt)
    for peer in _present(rtt):
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
            peer.name, run.command, fresh, check, turns=turns, environ=run.environ, note=peer.note
        )


def _nothing_new(arena: Arena, rtt: int, user: tuple[str, str], slow: bool) -> Iterator[Contender]:
    port, turns = arena.port(arena.dovecot.pop3s, rtt)
    server = peers.Server(port, *user, arena.dovecot.ca)
    near = server._replace(port=arena.dovecot.pop3s)
    for peer in _present(rtt, slow=slow):
        home = arena.place(f"pop3-noop-{rtt}-{user[0]}-{peer.name}")
        first = _ready(arena, peer, home, near, True)
        done = subprocess.run(
            first.command, env={**os.environ, **first.environ}, capture_output=True, text=True, check=False
        )
        if peer.name == OURS:
            config = home / "config.toml"
            config.write_text(config.read_text().replace(f"port = {near.port}", f"port = {port}"))
            run = first
        else:
            run = peer.make(home, server, True)
        yield Contender(
            peer.name,
            run.command,
            turns=turns,
            environ=run.environ,
            unable=" ".join(done.stderr.split())[-200:] or "failed" if done.returncode else "",
            good=frozenset({0, 1}) if peer.name == "fetchmail" else frozenset({0}),  # 1: no mail
        )


def nothing_new(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _nothing_new(arena, rtt, arena.user(arena.messages), True)


def nothing_new_of_many(arena: Arena, rtt: int) -> Iterator[Contender]:
    """Without those that would take a quarter of an hour to download them first."""
    name, password = arena.dovecot.user()
    arena.dovecot.fill(name, (_SMALL.format(n=n).encode() for n in range(MANY)))
    arena.dovecot.doveadm("index", "-u", name, "INBOX")
    return _nothing_new(arena, rtt, (name, password), False)


TASKS: dict[str, Task] = {
    "pop3": Task(keep, "download a maildrop, leaving it there"),
    "pop3-delete": Task(delete, "download a maildrop and empty it"),
    "pop3-noop": Task(nothing_new, "nothing new in a maildrop"),
    "pop3-noop-many": Task(nothing_new_of_many, f"nothing new among {MANY} messages left there"),
}
