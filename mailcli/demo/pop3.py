"""A small POP3 server (RFC 1939, 2449, 5034): no well-kept library has one.

Cleartext only, for loopback. It keeps the rules clients depend on: one session per maildrop,
message numbers fixed for the session, deletions at QUIT and only then, unique ids never reused.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import itertools
import re
from collections.abc import Callable, Iterable, Mapping

CAPABILITIES = ("TOP", "UIDL", "USER", "SASL PLAIN", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING")
LINE_LIMIT = 1024


class Maildrop:
    """The messages of one user, CRLF line ends, in order of arrival."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.messages: dict[str, bytes] = {}  # by unique id
        self.locked = False
        self._numbers = itertools.count(1)

    def deliver(self, message: bytes) -> str:
        unique = f"demo-{next(self._numbers):06d}"
        self.messages[unique] = message
        return unique


class Refused(Exception):
    """Becomes an -ERR; the text may begin with a response code in brackets (RFC 2449 §8)."""


class Session:
    """One connection: commands in, replies out."""

    def __init__(self, drops: Mapping[str, Maildrop], name: str) -> None:
        self._drops = drops
        self._name = name
        self._user = ""
        self._drop: Maildrop | None = None
        self._listing: list[tuple[str, bytes]] = []
        self._deleted: set[int] = set()
        self._challenged = False
        self.over = False

    def greeting(self) -> bytes:
        return f"+OK {self._name} ready\r\n".encode()

    def answer(self, line: bytes) -> bytes:
        """The reply to one line of the client, its CRLF taken off."""
        try:
            if self._challenged:
                self._challenged = False
                return self._plain(line)
            words = line.decode("utf-8", "replace").split(" ")
            command = self._commands().get(words[0].upper())
            if command is None:
                raise Refused("not understood here")
            return command(*words[1:])
        except Refused as problem:
            return f"-ERR {problem}\r\n".encode()
        except (TypeError, ValueError):
            return b"-ERR wrong arguments\r\n"

    def _commands(self) -> dict[str, Callable[..., bytes]]:
        common = {"CAPA": self._capa, "QUIT": self._quit}
        if self._drop is None:
            return {**common, "USER": self._take_user, "PASS": self._pass, "AUTH": self._auth}
        return {
            **common,
            "STAT": self._stat,
            "LIST": self._list,
            "UIDL": self._uidl,
            "RETR": self._retr,
            "TOP": self._top,
            "DELE": self._dele,
            "RSET": self._rset,
            "NOOP": self._noop,
        }

    # -- signing in ---------------------------------------------------------------------------

    def _capa(self) -> bytes:
        return _many("capabilities", CAPABILITIES)

    def _take_user(self, *name: str) -> bytes:
        self._user = " ".join(name)
        return b"+OK\r\n"

    def _pass(self, *password: str) -> bytes:
        return self._sign_in(self._user, " ".join(password))  # a password may hold spaces

    def _auth(self, mechanism: str, initial: str = "") -> bytes:
        if mechanism.upper() != "PLAIN":
            raise Refused("no such mechanism")
        if not initial:
            self._challenged = True
            return b"+ \r\n"
        return self._plain(initial.encode())

    def _plain(self, response: bytes) -> bytes:
        if response == b"*":
            raise Refused("as you like")
        try:
            _, user, password = base64.b64decode(response, validate=True).decode().split("\0")
        except (binascii.Error, ValueError) as problem:
            raise Refused("not a PLAIN response") from problem
        return self._sign_in(user, password)

    def _sign_in(self, user: str, password: str) -> bytes:
        drop = self._drops.get(user)
        if drop is None or not hmac.compare_digest(drop.password.encode(), password.encode()):
            raise Refused("[AUTH] user or password wrong")
        if drop.locked:
            raise Refused("[IN-USE] another session reads this mail")
        drop.locked = True
        self._drop, self._listing = drop, list(drop.messages.items())
        return f"+OK {len(self._listing)} messages\r\n".encode()

    # -- the transaction ----------------------------------------------------------------------

    def _present(self) -> list[tuple[int, str, bytes]]:
        rows = ((number, *row) for number, row in enumerate(self._listing, 1))
        return [row for row in rows if row[0] not in self._deleted]

    def _message(self, number: str) -> tuple[int, str, bytes]:
        for row in self._present():
            if row[0] == int(number):
                return row
        raise Refused("no such message")

    def _stat(self) -> bytes:
        rows = self._present()
        return f"+OK {len(rows)} {sum(len(data) for _, _, data in rows)}\r\n".encode()

    def _list(self, number: str = "") -> bytes:
        if number:
            position, _, data = self._message(number)
            return f"+OK {position} {len(data)}\r\n".encode()
        return _many("sizes", (f"{position} {len(data)}" for position, _, data in self._present()))

    def _uidl(self, number: str = "") -> bytes:
        if number:
            position, unique, _ = self._message(number)
            return f"+OK {position} {unique}\r\n".encode()
        return _many("unique ids", (f"{position} {unique}" for position, unique, _ in self._present()))

    def _retr(self, number: str) -> bytes:
        _, _, data = self._message(number)
        return f"+OK {len(data)} octets\r\n".encode() + _stuffed(data)

    def _top(self, number: str, lines: str) -> bytes:
        _, _, data = self._message(number)
        header, blank, body = data.partition(b"\r\n\r\n")
        some = body.split(b"\r\n")[: int(lines)]
        return b"+OK\r\n" + _stuffed(header + blank + b"".join(line + b"\r\n" for line in some))

    def _dele(self, number: str) -> bytes:
        position, _, _ = self._message(number)
        self._deleted.add(position)
        return b"+OK gone with QUIT\r\n"

    def _rset(self) -> bytes:
        self._deleted.clear()
        return b"+OK\r\n"

    def _noop(self) -> bytes:
        return b"+OK\r\n"

    def _quit(self) -> bytes:
        if self._drop is not None:
            for position in self._deleted:
                self._drop.messages.pop(self._listing[position - 1][0], None)
        self.over = True
        return b"+OK bye\r\n"

    def close(self) -> None:
        """The connection is gone: without a QUIT before, nothing is deleted (RFC 1939 §6)."""
        if self._drop is not None:
            self._drop.locked = False
            self._drop = None


def _many(title: str, lines: Iterable[str]) -> bytes:
    return "".join((f"+OK {title}\r\n", *(f"{line}\r\n" for line in lines), ".\r\n")).encode()


def _stuffed(data: bytes) -> bytes:
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", data) + b".\r\n"


async def serve(drops: Mapping[str, Maildrop], host: str, name: str) -> asyncio.Server:
    """Listen on a free port of `host`."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(drops, name)
        try:
            writer.write(session.greeting())
            while not session.over:
                line = await reader.readuntil(b"\n")
                writer.write(session.answer(line.rstrip(b"\r\n")))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # hung up, or a line no client sends
        except asyncio.CancelledError:
            pass  # the world ends
        finally:
            session.close()
            writer.close()

    return await asyncio.start_server(talk, host, 0, limit=LINE_LIMIT)
