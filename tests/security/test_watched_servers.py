"""Watching servers that refuse, fall silent, throttle and change their mind: whole watches, each on a
scripted server."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from mailcli.app import changing
from mailcli.app import lookout as lookout_module
from mailcli.app.context import Context
from mailcli.app.lookout import Lost, Watching
from mailcli.errors import Throttled
from mailcli.net.deadline import Deadlines
from mailcli.sync.imap import watch as watch_module
from tests.integration.watched import Watched
from tests.security.scripted import Imap, Peer, Says, after, letter
from tests.support.program import wait_until

OK = b"%T OK done\r\n"


class Telling(Imap):
    """Knows IDLE and NOTIFY, and can fall silent as a router does that has forgotten a connection."""

    capabilities = b"IMAP4rev1 UIDPLUS UNSELECT IDLE"

    def __init__(self, says: Mapping[str, Says] | None = None) -> None:
        super().__init__(says, mail={1: letter("old")})
        self._asking: socket.socket | None = None
        self._idles: dict[socket.socket, bytes] = {}
        self._forgotten: set[socket.socket] = set()

    def answer(self, connection: socket.socket, verb: str, tag: bytes, arguments: bytes) -> bool:
        if connection in self._forgotten:
            self.stop.wait(60)
            raise OSError("forgotten")
        self._asking = connection
        if verb == "IDLE":
            self._idles[connection] = tag
        if tag == b"DONE":
            connection.sendall(self._idles.pop(connection) + b" OK done\r\n")
            return True
        return super().answer(connection, verb, tag, arguments)

    def honest(self, name: str, tag: bytes, arguments: bytes) -> bytes:
        return b"+ idling\r\n" if name == "IDLE" else super().honest(name, tag, arguments)

    def count(self, word: bytes) -> int:
        return sum(word in line for line in self.heard)

    def forget(self) -> None:
        """From now on nothing comes from any connection there is, not even its end."""
        assert self._asking is not None
        self._forgotten.add(self._asking)

    def tell(self, data: bytes) -> None:
        assert self._asking is not None
        self._asking.sendall(data)

    def arrive(self, subject: str) -> None:
        self.mail[max(self.mail) + 1] = letter(subject)
        self.tell(b"* %d EXISTS\r\n" % len(self.mail))


@pytest.fixture
def server() -> Iterator[Telling]:
    with Telling() as server:
        yield server


@pytest.fixture
def watch(tmp_path: Path, server: Telling) -> Iterator[Callable[[], Watched]]:
    """Begins a watch of an account that was fetched, whose folders are asked once an hour."""
    contexts: list[Context] = []

    def begin() -> Watched:
        peer = Peer(tmp_path, server)
        with (tmp_path / "config.toml").open("r+") as config:
            text = config.read().replace("[accounts.test]", "[accounts.test]\nwatch_interval = 3600", 1)
            config.seek(0)
            config.write(text)
        assert peer.fetch().error is None
        server.heard.clear()
        contexts.append(peer.ctx)
        contexts.append(Context.open(profile=tmp_path, environ={"HOME": str(tmp_path)}))
        return Watched(contexts[-1])

    yield begin
    for ctx in contexts:
        ctx.close()


@pytest.mark.parametrize("answer", [b"%T NO not here\r\n", b"%T BAD unknown\r\n"], ids=["no", "bad"])
def test_a_server_that_refuses_notify_is_idled_on(
    server: Telling, watch: Callable[[], Watched], answer: bytes
) -> None:
    server.capabilities += b" NOTIFY"
    server.says["NOTIFY"] = answer
    with watch() as watched:
        assert watched.until(Watching).way == "idle"
        server.arrive("new")
        watched.until_subjects("new")
        assert not watched.all(Lost)
        assert server.count(b"NOTIFY") == 1


def test_a_server_that_gives_up_notifying_is_idled_on(server: Telling, watch: Callable[[], Watched]) -> None:
    """RFC 5465 §5.8: after NOTIFICATIONOVERFLOW it tells nothing any more."""
    server.capabilities += b" NOTIFY"
    with watch() as watched:
        assert watched.until(Watching).way == "notify"
        server.mail[2] = letter("lost in the flood")
        server.tell(b"* OK [NOTIFICATIONOVERFLOW] too much happens\r\n")
        assert watched.until(Watching, 2).way == "idle"
        watched.until_subjects("lost in the flood")
        server.arrive("new")
        watched.until_subjects("lost in the flood", "new")
        assert not watched.all(Lost)
        assert server.count(b"NOTIFY") == 1


def test_idle_is_renewed_before_the_server_ends_it(
    server: Telling, watch: Callable[[], Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 2177 names 29 minutes. What comes between two of them is not missed."""
    assert watch_module.LONGEST_IDLE < 29 * 60
    monkeypatch.setattr(watch_module, "LONGEST_IDLE", 0.05)
    with watch() as watched:
        assert watched.until(Watching).way == "idle"
        wait_until(lambda: server.count(b" IDLE") > 3)
        server.mail[2] = letter("in between")
        watched.until_subjects("in between")
        assert (server.count(b"AUTHENTICATE"), watched.all(Lost)) == (1, [])
    dialogue = [line.split()[-1] for line in server.heard if line.split()[-1] in (b"IDLE", b"DONE")]
    assert dialogue[:6] == [b"IDLE", b"DONE"] * 3


@pytest.mark.parametrize("way", ["idle", "notify", "poll"])
def test_a_connection_that_a_router_forgot_is_found_dead_and_made_again(
    server: Telling, watch: Callable[[], Watched], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """No octet and no FIN will come of it."""
    server.capabilities = b"IMAP4rev1 UIDPLUS UNSELECT" + {"idle": b" IDLE", "notify": b" NOTIFY"}.get(
        way, b""
    )
    for name in ("LONGEST_IDLE", "LONGEST_NOTIFY"):
        monkeypatch.setattr(watch_module, name, 0.1)
    monkeypatch.setattr(watch_module, "_ANSWER", 1.0)
    monkeypatch.setattr(lookout_module, "deadlines", lambda: Deadlines(reply=1.0))
    with watch() as watched:
        assert watched.until(Watching).way == way
        server.forget()
        server.mail[2] = letter("unheard of")
        lost = watched.until(Lost)
        assert (lost.error.exit_code, lost.refused) == (75, False)
        watched.until(Watching, 2)
        watched.until_subjects("unheard of")


# -- Exchange Online ------------------------------------------------------------------------------


def busy(seconds: float) -> bytes:
    return b"%%T BAD Request is throttled. Suggested Backoff Time: %d milliseconds\r\n" % (seconds * 1000)


@pytest.mark.parametrize("verb", ["LIST", "SELECT", "FETCH", "IDLE", "EXAMINE"])
def test_a_watched_server_that_throttles_is_left_alone_as_long_as_it_says(
    server: Telling, watch: Callable[[], Watched], verb: str
) -> None:
    with watch() as watched:
        watched.until(Watching)
        server.says[verb] = after(busy(0.7))
        server.arrive("new")
        lost = watched.until(Lost)
        assert isinstance(lost.error, Throttled)
        assert lost.pause == 0.7  # the usual pauses of this watch are shorter
        watched.until_subjects("new")
        assert watched.until(Watching, 2).way == "idle"
        assert server.count(b"AUTHENTICATE") == 2


def test_a_push_that_was_throttled_keeps_the_next_commands_away(tmp_path: Path, server: Telling) -> None:
    peer = Peer(tmp_path, server)
    now = [1_700_000_000.0]
    notices: list[str] = []
    peer.ctx.clock = lambda: now[0]
    peer.ctx.notice = notices.append
    peer.fetch()
    (identity,) = peer.store.ids()
    server.says["SELECT"] = after(busy(40))
    server.heard.clear()
    assert not changing.flag(peer.ctx, [identity], ["+seen"]).pushed
    assert "Request is throttled" in notices[-1]
    now[0] += 10
    assert not changing.flag(peer.ctx, [identity], ["+flagged"]).pushed
    assert notices[-1] == (
        "test: changed here, queued for the server (it wants to be left alone for 30 seconds)"
    )
    error = peer.fetch(deadline=5.0).error
    assert isinstance(error, Throttled)
    assert server.count(b"AUTHENTICATE") == 1
    now[0] += 31
    report = peer.fetch()
    assert (report.error, report.pushed) == (None, 1)
