"""The tasks: for each, mailcli and every installed peer, ready to be run in turn."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from bench import peers
from bench.arena import Arena, mailcli
from bench.measure import OURS, Contender, installed
from tests.support import generate

ENVIRON = {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
"""So that `python -m mailcli` is this one, wherever the benchmark was started."""

FOLDERS = 40


class Task(NamedTuple):
    """`make` gives the contenders for a round-trip time in ms; `wire` tells if that matters."""

    make: Callable[[Arena, int], Iterator[Contender]]
    about: str
    wire: bool = True


def files(place: Path) -> int:
    return sum(len(names) for path, _, names in os.walk(place) if path.endswith(("/cur", "/new")))


def expect(place: Path, count: int) -> Callable[[], str]:
    """A check that so many messages lie below `place`."""

    def check() -> str:
        found = files(place)
        return "" if found == count else f"{found} messages, not {count}"

    return check


def _ours(home: Path, *words: str, **more: object) -> Contender:
    return Contender(OURS, mailcli(home, *words), environ=ENVIRON, **more)  # type: ignore[arg-type]


# -- IMAP --------------------------------------------------------------------------------------


def _imap(arena: Arena, rtt: int, *, folders: int = 0, again: bool) -> Iterator[Contender]:
    """First synchronisation of a mailbox into nothing, or one with nothing new."""
    user = arena.user(arena.messages, folders)
    port, turns = arena.port(arena.dovecot.imaps, rtt)
    count = arena.messages // folders * folders if folders else arena.messages
    server = peers.Server(port, *user, arena.dovecot.ca)
    tag = f"imap-{rtt}-{folders}-{again}"

    def ready(name: str, make: Callable[[Path], peers.Run]) -> Callable[[], None]:
        """Before each run: nothing there (first), or all there (again)."""

        def fresh() -> None:
            make(arena.place(f"{tag}-{name}"))

        if again:
            run = make(arena.place(f"{tag}-{name}"))
            subprocess.run(run.command, env={**os.environ, **run.environ}, check=True, capture_output=True)
            return lambda: None
        return fresh

    def profile(home: Path) -> peers.Run:
        arena.profile(home.name, user, incoming_port=port)
        return peers.Run(mailcli(home, "fetch", "-q"), ENVIRON)

    home = arena.directory / f"{tag}-{OURS}"
    yield _ours(
        home,
        "fetch",
        "-q",
        prepare=ready(OURS, profile),
        check=expect(home / "data/mail", count),
        turns=turns,
        note="indexed, files and directories fsynced",
    )
    patterns = "*" if folders else "INBOX"
    for compress in (True, False):
        name = "mbsync" if compress else "mbsync, no COMPRESS"
        if not installed("mbsync") or (again and not compress):
            continue
        slug = "mbsync" if compress else "mbsync-plain"
        home = arena.directory / f"{tag}-{slug}"

        def configured(home: Path, compress: bool = compress) -> peers.Run:
            return peers.mbsync(home, server, patterns=patterns, compress=compress)

        yield Contender(
            name,
            ["mbsync", "-q", "-c", str(home / "rc"), "c"],
            prepare=ready(slug, configured),
            check=expect(home / "mail", count),
            turns=turns,
            note="not indexed, files fsynced",
        )
    if installed("mbsync") and installed("notmuch") and not again and not folders:
        yield _searchable(arena, server, f"{tag}-notmuch", turns)


def _searchable(arena: Arena, server: peers.Server, tag: str, turns: Callable[[], int] | None) -> Contender:
    home = arena.directory / tag

    def prepare() -> None:
        arena.place(tag)
        peers.mbsync(home, server, compress=False)
        peers.notmuch(home, home / "mail")
        _notmuch_setup(home)

    script = f"mbsync -q -c {home}/rc c && notmuch new --quiet"
    environ = {"NOTMUCH_CONFIG": str(home / "config"), "HOME": str(home)}
    return Contender(
        "mbsync + notmuch new", ["sh", "-c", script], prepare=prepare, turns=turns, environ=environ
    )


def _notmuch_setup(home: Path) -> None:
    for folder in ("cur", "new", "tmp"):
        (home / "mail/INBOX" / folder).mkdir(parents=True, exist_ok=True)


def imap_first(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _imap(arena, rtt, again=False)


def imap_noop(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _imap(arena, rtt, again=True)


def imap_folders(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _imap(arena, rtt, folders=FOLDERS, again=False)


def imap_folders_noop(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _imap(arena, rtt, folders=FOLDERS, again=True)


def imap_change(arena: Arena, rtt: int) -> Iterator[Contender]:
    """100 new, 100 flags and 100 gone (less in small mailboxes) since the last run."""
    port, turns = arena.port(arena.dovecot.imaps, rtt)
    changes = min(100, arena.messages // 10)
    seeds = itertools.count(1000)

    def begin(name: str, make: Callable[[Path, tuple[str, str]], peers.Run]) -> Callable[[], None]:
        user = arena.dovecot.user()
        arena.dovecot.fill(user[0], generate.messages(arena.messages))
        run = make(arena.place(f"change-{rtt}-{name}"), user)
        subprocess.run(run.command, env={**os.environ, **run.environ}, check=True, capture_output=True)
        return lambda: _mutate(arena, user[0], changes, next(seeds))

    def ours(home: Path, user: tuple[str, str]) -> peers.Run:
        arena.profile(home.name, user, incoming_port=port)
        return peers.Run(mailcli(home, "fetch", "-q"), ENVIRON)

    home = arena.directory / f"change-{rtt}-{OURS}"
    check = expect(home / "data/mail", arena.messages)
    yield _ours(home, "fetch", "-q", prepare=begin(OURS, ours), turns=turns, check=check, note="indexed")
    if installed("mbsync"):
        home = arena.directory / f"change-{rtt}-mbsync"

        def configured(home: Path, user: tuple[str, str]) -> peers.Run:
            return peers.mbsync(home, peers.Server(port, *user, arena.dovecot.ca))

        yield Contender(
            "mbsync",
            ["mbsync", "-q", "-c", str(home / "rc"), "c"],
            prepare=begin("mbsync", configured),
            turns=turns,
            check=expect(home / "mail", arena.messages),
            note="not indexed",
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
    yield _ours(home, "send", "--raw", address, stdin=message, turns=turns, check=accepted)
    runs = {
        "msmtp": (peers.msmtp(home, server, address, address), message),
        "curl": (peers.curl(home, server, address, address, message), None),
        "swaks": (peers.swaks(home, server, address, address, message), None),
        "s-nail": (peers.snail(home, server, address, address), message),
    }
    for name, (run, stdin) in runs.items():
        if installed(name):
            yield Contender(name, run.command, environ=run.environ, stdin=stdin, turns=turns, check=accepted)


def smtp(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _smtp(arena, rtt, "implicit")


def smtp_starttls(arena: Arena, rtt: int) -> Iterator[Contender]:
    return _smtp(arena, rtt, "starttls")


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


def _queries(arena: Arena, ours: list[str], theirs: dict[str, list[str]]) -> Iterator[Contender]:
    home, other = _indexed(arena)
    yield _ours(home, *ours)
    environ = {"NOTMUCH_CONFIG": str(other / "config"), "HOME": str(other), "MUHOME": str(other / "mu")}
    for name, words in theirs.items():
        if installed(name):
            yield Contender(name, [name, *words], environ=environ)


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
    """The full-text index anew, from the same files."""
    home, other = _indexed(arena)
    maildir = home / "data/mail"
    yield _ours(home, "index", "rebuild", "-q")
    if installed("notmuch"):
        environ = peers.notmuch(other, maildir)

        def forget() -> None:
            arena.place(f"{other.name}/notmuch")

        yield Contender("notmuch", ["notmuch", "new", "--quiet"], prepare=forget, environ=environ)
    if installed("mu"):
        environ = {"MUHOME": str(other / "mu")}

        def again() -> None:
            arena.place(f"{other.name}/mu")
            words = ["mu", "init", "-m", str(maildir)]
            subprocess.run(words, env={**os.environ, **environ}, check=True, capture_output=True)

        yield Contender("mu", ["mu", "index", "-q"], prepare=again, environ=environ)


TASKS: dict[str, Task] = {
    "startup": Task(startup, "program start: --version", wire=False),
    "smtp": Task(smtp, "send one message, port 465"),
    "smtp-starttls": Task(smtp_starttls, "send one message, port 587"),
    "imap-first": Task(imap_first, "first synchronisation of a mailbox"),
    "imap-noop": Task(imap_noop, "synchronise when nothing has changed"),
    "imap-change": Task(imap_change, "100 new, 100 flags changed, 100 gone"),
    "imap-folders": Task(imap_folders, f"first synchronisation of {FOLDERS} folders"),
    "imap-folders-noop": Task(imap_folders_noop, f"{FOLDERS} folders, nothing changed"),
    "list": Task(newest, "the newest 50", wire=False),
    "search-rare": Task(search_rare, "a rare word", wire=False),
    "search-common": Task(search_common, "all hits of a common word", wire=False),
    "index": Task(index, "make the index anew", wire=False),
}
