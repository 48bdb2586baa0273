"""Servers that lie. Each speaks its protocol honestly but where a test has it say something else."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from mailcli.app.context import Context
from mailcli.app.fetching import FetchReport, FetchRequest, fetch
from mailcli.store.store import Store
from tests.support.maildrop import letter as letter
from tests.support.peers import Listening, read_line
from tests.support.program import Done, Program

Says = bytes | Callable[["Scripted", bytes, bytes], bytes | None]
"""What is answered to a command: octets, with `%T` for the tag, or a function of (server, tag,
arguments) that gives them, or None for the honest answer."""

PASSWORD = "secret-Zauberwort-77"


class Scripted(Listening):
    """What is answered to each command, and what the clients said."""

    greeting = b""

    def __init__(self, says: Mapping[str, Says] | None = None) -> None:
        super().__init__()
        self.says = dict(says or {})
        self.heard: list[bytes] = []

    def greet(self, connection: socket.socket) -> None:
        greeting = self.says.get("greeting", self.greeting)
        assert isinstance(greeting, bytes)
        connection.sendall(greeting)

    def flood(self, connection: socket.socket, piece: bytes, octets: int) -> None:
        """The same again and again, until so much was said or the client is gone."""
        for _ in range(max(1, octets // len(piece))):
            if self.stop.is_set():
                return
            connection.sendall(piece)

    def answer(self, connection: socket.socket, verb: str, tag: bytes, arguments: bytes) -> bool:
        """Say what the test wants; False if it wants the honest answer."""
        wanted = self.says.get(verb)
        if callable(wanted):
            wanted = wanted(self, tag, arguments)
        if wanted is None:
            return False
        connection.sendall(wanted.replace(b"%T", tag))
        return True


class Imap(Scripted):
    """An IMAP server with one INBOX; `mail` maps UIDs to messages."""

    greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] here\r\n"
    capabilities = b"IMAP4rev1 UIDPLUS ENABLE"

    def __init__(
        self,
        says: Mapping[str, Says] | None = None,
        *,
        mail: Mapping[int, bytes] | None = None,
        folders: Iterable[bytes] = (b"INBOX",),
    ) -> None:
        super().__init__(says)
        self.mail = dict(mail if mail is not None else {n: letter(f"m{n}") for n in (1, 2, 3)})
        self.folders = list(folders)
        self.uidvalidity = 7
        self.uidnext = 0

    def converse(self, connection: socket.socket) -> None:
        self.greet(connection)
        while True:
            line = self._command(connection)
            self.heard.append(line)
            tag, _, rest = line.strip().partition(b" ")
            verb, _, arguments = rest.partition(b" ")
            if verb.upper() == b"UID":
                verb, _, arguments = arguments.partition(b" ")
            name = verb.decode().upper()
            if not self.answer(connection, name, tag, arguments):
                connection.sendall(self.honest(name, tag, arguments))
            if name == "LOGOUT":
                return

    def _command(self, connection: socket.socket) -> bytes:
        line = read_line(connection)
        while found := re.search(rb"\{(\d+)(\+?)\}\r\n\Z", line):
            if not found[2]:
                connection.sendall(b"+ go on\r\n")
            count = int(found[1])
            while count:
                data = connection.recv(count)
                if not data:
                    raise OSError("the client is gone")
                line, count = line + data, count - len(data)
            line += read_line(connection)
        return line

    def honest(self, name: str, tag: bytes, arguments: bytes) -> bytes:
        done = tag + b" OK done\r\n"
        next_uid = self.uidnext or max(self.mail, default=0) + 1
        if name == "CAPABILITY":
            return b"* CAPABILITY " + self.capabilities + b"\r\n" + done
        if name in ("AUTHENTICATE", "LOGIN"):
            return tag + b" OK [CAPABILITY " + self.capabilities + b"] in\r\n"
        if name == "LIST":
            return b"".join(b'* LIST () "/" %s\r\n' % self.astring(f) for f in self.folders) + done
        if name == "STATUS":
            name_there = arguments[: arguments.rfind(b" (")]
            facts = b"MESSAGES %d UIDNEXT %d UIDVALIDITY %d" % (len(self.mail), next_uid, self.uidvalidity)
            return b"* STATUS %s (%s)\r\n" % (name_there, facts) + done
        if name in ("SELECT", "EXAMINE"):
            opened = b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] v\r\n* OK [UIDNEXT %d] n\r\n" % (
                len(self.mail),
                self.uidvalidity,
                next_uid,
            )
            return opened + b"* OK [PERMANENTFLAGS (\\Seen \\Deleted \\*)] p\r\n" + done
        if name == "FETCH":
            return b"".join(self._fetched(arguments)) + done
        if name == "SEARCH":
            return b"* SEARCH" + b"".join(b" %d" % uid for uid in sorted(self.mail)) + b"\r\n" + done
        if name == "LOGOUT":
            return b"* BYE bye\r\n" + done
        return done

    def _fetched(self, arguments: bytes) -> Iterator[bytes]:
        ranges, _, items = arguments.partition(b" ")
        for seq, uid in enumerate(sorted(self.mail), 1):
            if not any(self._within(uid, r) for r in ranges.split(b",")):
                continue
            data = self.mail[uid]
            facts = b'UID %d FLAGS () RFC822.SIZE %d INTERNALDATE " 1-Jan-2020 00:00:00 +0000"' % (
                uid,
                len(data),
            )
            if b"BODY.PEEK[]" in items:
                yield b"* %d FETCH (%s BODY[] {%d}\r\n%s)\r\n" % (seq, facts, len(data), data)
            elif b"HEADER.FIELDS" in items:
                head = re.search(rb"(?mi)^message-id:.*\r\n", data)
                text = (head[0] if head else b"") + b"\r\n"
                name = b"BODY[HEADER.FIELDS (MESSAGE-ID)]"
                yield b"* %d FETCH (%s %s {%d}\r\n%s)\r\n" % (seq, facts, name, len(text), text)
            else:
                yield b"* %d FETCH (%s)\r\n" % (seq, facts)

    def _within(self, uid: int, text: bytes) -> bool:
        first, _, last = text.partition(b":")
        low = int(first)
        high = max(self.mail) if last == b"*" else int(last or first)
        return min(low, high) <= uid <= max(low, high)

    @staticmethod
    def astring(name: bytes) -> bytes:
        if re.fullmatch(rb"[A-Za-z0-9_.-]+", name):
            return name
        return b"{%d}\r\n%s" % (len(name), name)


class Pop3(Scripted):
    """A POP3 server; `mail` maps UIDLs to messages."""

    greeting = b"+OK here\r\n"
    capabilities = (b"UIDL", b"TOP", b"USER", b"PIPELINING", b"SASL PLAIN")

    def __init__(
        self, says: Mapping[str, Says] | None = None, *, mail: Mapping[str, bytes] | None = None
    ) -> None:
        super().__init__(says)
        self.mail = dict(mail if mail is not None else {f"u{n}": letter(f"m{n}") for n in (1, 2, 3)})
        self.deleted: set[str] = set()

    def converse(self, connection: socket.socket) -> None:
        self.greet(connection)
        marked: set[str] = set()
        names = [n for n in self.mail if n not in self.deleted]
        while True:
            line = read_line(connection)
            self.heard.append(line)
            verb, _, arguments = line.strip().partition(b" ")
            name = verb.decode().upper()
            if not self.answer(connection, name, b"", arguments):
                connection.sendall(self._honest(name, arguments, names, marked))
            if name == "QUIT":
                self.deleted |= marked
                return

    def _honest(self, name: str, arguments: bytes, names: list[str], marked: set[str]) -> bytes:
        if name == "CAPA":
            return self._table(self.capabilities)
        if name == "UIDL":
            return (
                b"+OK\r\n"
                + b"".join(b"%d %s\r\n" % (n, u.encode()) for n, u in enumerate(names, 1))
                + b".\r\n"
            )
        if name == "LIST":
            return (
                b"+OK\r\n"
                + b"".join(b"%d %d\r\n" % (n, len(self.mail[u])) for n, u in enumerate(names, 1))
                + b".\r\n"
            )
        if name in ("RETR", "TOP", "DELE") and not 0 < int(arguments.split()[0]) <= len(names):
            return b"-ERR no such message\r\n"
        if name in ("RETR", "TOP"):
            data = self.mail[names[int(arguments.split()[0]) - 1]]
            return b"+OK\r\n" + data.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        if name == "DELE":
            marked.add(names[int(arguments) - 1])
        return b"+OK\r\n"

    @staticmethod
    def _table(lines: Iterable[bytes]) -> bytes:
        return b"+OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b".\r\n"


class Smtp(Scripted):
    """A submission server; `taken` are the messages it accepted, as they came."""

    greeting = b"220 here ESMTP\r\n"
    extensions: tuple[bytes, ...] = (b"here", b"PIPELINING", b"SIZE 10000000", b"8BITMIME", b"AUTH PLAIN")

    def __init__(self, says: Mapping[str, Says] | None = None) -> None:
        super().__init__(says)
        self.taken: list[bytes] = []

    def converse(self, connection: socket.socket) -> None:
        self.greet(connection)
        while True:
            line = read_line(connection)
            self.heard.append(line)
            verb, _, arguments = line.strip().partition(b" ")
            name = verb.decode().upper()
            if not self.answer(connection, name, b"", arguments):
                connection.sendall(self._honest(name))
            if name == "DATA":
                self._body(connection)
            if name == "QUIT":
                return

    def _honest(self, name: str) -> bytes:
        if name == "EHLO":
            last = len(self.extensions) - 1
            return b"".join(
                b"250%s%s\r\n" % (b" " if n == last else b"-", e) for n, e in enumerate(self.extensions)
            )
        return {"AUTH": b"235 in\r\n", "DATA": b"354 go\r\n", "QUIT": b"221 bye\r\n"}.get(name, b"250 ok\r\n")

    def _body(self, connection: socket.socket) -> None:
        data = b""
        while not data.endswith(b"\r\n.\r\n"):
            data += read_line(connection)
        self.taken.append(data)
        wanted = self.says.get("BODY", b"250 queued as 12345\r\n")
        assert isinstance(wanted, bytes)
        connection.sendall(wanted)


def account(directory: Path, **ports: int) -> Program:
    """A profile with an account `test` at scripted servers: imap=, pop3=, smtp= their ports."""
    directory.mkdir(parents=True, exist_ok=True)
    secret = directory / "test.password"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD + "\n")
    lines = ["[accounts.test]", 'email = "bob@example.org"', 'user = "bob"']
    lines.append(f'password = {{ file = "{secret}" }}')
    for protocol, port in ports.items():
        lines += [f"[accounts.test.{protocol}]", 'host = "127.0.0.1"', f"port = {port}", 'tls = "none"']
    config = directory / "config.toml"
    config.touch(mode=0o600)
    config.write_text("\n".join(lines) + "\n")
    return Program(directory)


class Peer:
    """An account at a scripted server, fetched in this process again and again."""

    def __init__(self, directory: Path, server: Imap) -> None:
        account(directory, imap=server.port)
        self.ctx = Context.open(profile=directory, environ={"HOME": str(directory)})
        self.server = server

    @property
    def store(self) -> Store:
        return self.ctx.store

    def fetch(self, **words: object) -> FetchReport:
        (report,) = fetch(self.ctx, FetchRequest(**words))  # type: ignore[arg-type]
        return report

    def says(self, **answers: Says) -> None:
        self.server.says = answers


def after(first: bytes | None, *later: bytes | None) -> Says:
    """The first time this answer, then those; None is the honest one, as is all after them."""
    answers = [first, *later]
    return lambda server, tag, arguments: answers.pop(0) if answers else None


CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def harmless(done: Done, *, traced: bool = False) -> Done:
    """This run, which printed nothing that drives a terminal, told no secret, and met no bug. With
    `traced` it was asked for a traceback."""
    for text in (done.out, done.err):
        found = CONTROLS.search(text)
        assert found is None, (found, text[max(0, found.start() - 50) :][:200])
        assert PASSWORD not in text
    assert done.code in (0, 1, 2, 65, 66, 67, 69, 74, 75, 76, 77, 78, 79), done
    assert "a bug" not in done.err and (traced or "Traceback" not in done.err), done
    return done
