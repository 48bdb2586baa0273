"""A POP3 server whose every habit can be chosen: what real servers do, and no real server does at once."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.support.peers import Listening, read_line

PASSWORD = "open sesame"


class Mail(NamedTuple):
    """A message in the maildrop."""

    uidl: str
    data: bytes


def letter(subject: str, *more: str, body: str = "hello", sender: str = "alice@example.org") -> bytes:
    """A small message with CRLF; `more` are further header lines."""
    lines = [
        f"From: Alice <{sender}>",
        "To: bob@example.org",
        f"Subject: {subject}",
        f"Message-ID: <{re.sub('[^a-z0-9]', '', subject.lower())}@example.org>",
        "Date: Mon, 2 Nov 2015 10:00:00 +0100",
        *more,
        "",
        body,
        "",
    ]
    return "\r\n".join(lines).encode()


class Maildrop(Listening):
    """One maildrop. A message is deleted at a QUIT that is answered; `lacks` are commands it does not know,
    `offers` lines of CAPA, `piece` the most messages one session shows. `says` has octets, or a function of
    the arguments that gives them or None (the usual answer), for a command; None for octets: close.

    `heard` are the commands, `retrieved` and `deleted` UIDLs in order, `at_dele` is called with the UIDL of
    each DELE before it is answered.
    """

    greeting = b"+OK ready <1896.697170952@example.org>\r\n"

    def __init__(self, mail: Sequence[Mail] | int = 3) -> None:
        super().__init__()
        if isinstance(mail, int):
            mail = [Mail(f"u{n}", letter(f"m{n}")) for n in range(mail)]
        self.mail = list(mail)
        self.offers = [b"UIDL", b"TOP", b"USER", b"PIPELINING", b"SASL PLAIN"]
        self.lacks: set[str] = set()
        self.piece = 0
        self.says: dict[str, bytes | Callable[[str], bytes | None]] = {}
        self.after_quit: Callable[[], None] = lambda: None
        self.at_dele: Callable[[str], None] = lambda uidl: None
        self.heard: list[str] = []
        self.retrieved: list[str] = []
        self.deleted: list[str] = []
        self.sessions = 0
        self._shown: set[int] = set()

    def converse(self, connection: socket.socket) -> None:
        self.sessions += 1
        connection.sendall(self.greeting)
        there = [m for m in self.mail if id(m) not in self._shown] if self.piece else list(self.mail)
        session = there[: self.piece or None]
        marked: list[Mail] = []
        while True:
            line = read_line(connection).decode("latin-1").strip()
            verb, _, words = line.partition(" ")
            verb = verb.upper()
            self.heard.append(line if verb != "AUTH" else "AUTH")
            answer = self._answer(verb, words, session, marked)
            if answer is None:
                return
            if verb == "QUIT" and answer.startswith(b"+OK"):
                self._update(session, marked)
                connection.sendall(answer)
                self.after_quit()
                return
            connection.sendall(answer)

    def _update(self, session: list[Mail], marked: list[Mail]) -> None:
        self.deleted += [m.uidl for m in marked]
        self._shown |= {id(m) for m in session}
        self.mail = [m for m in self.mail if not any(m is gone for gone in marked)]

    def _answer(self, verb: str, words: str, session: list[Mail], marked: list[Mail]) -> bytes | None:
        wanted = self.says.get(verb)
        if callable(wanted):
            wanted = wanted(words)
        elif verb in self.says and wanted is None:
            return None
        if wanted is not None:
            return wanted or None
        if verb in self.lacks:
            return b"-ERR what?\r\n"
        numbered = list(enumerate(session, 1))
        if verb == "CAPA":
            return _table([line for line in self.offers if line.decode().split()[0] not in self.lacks])
        if verb == "STAT":
            return b"+OK %d %d\r\n" % (len(session), sum(len(m.data) for m in session))
        if verb == "UIDL":
            return _table([f"{n} {m.uidl}".encode() for n, m in numbered])
        if verb == "LIST":
            return _table([b"%d %d" % (n, len(m.data)) for n, m in numbered])
        if verb in ("RETR", "TOP", "DELE"):
            return self._message(verb, session[int(words.split()[0]) - 1], marked)
        return b"+OK\r\n"

    def _message(self, verb: str, mail: Mail, marked: list[Mail]) -> bytes:
        if verb == "DELE":
            self.at_dele(mail.uidl)
            marked.append(mail)
            return b"+OK\r\n"
        if verb == "RETR":
            self.retrieved.append(mail.uidl)
        data = mail.data if verb == "RETR" else mail.data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        return b"+OK\r\n" + data.replace(b"\r\n.", b"\r\n..") + b".\r\n"

    def count(self, verb: str) -> int:
        """How often a command was heard."""
        return sum(line.split(" ")[0].upper() == verb for line in self.heard)

    def apop(self, password: str) -> str:
        """The digest that APOP must give (RFC 1939 §7)."""
        stamp = re.search(rb"<.*>", self.greeting)
        assert stamp is not None
        return hashlib.md5(stamp[0] + password.encode(), usedforsecurity=False).hexdigest()


def _table(lines: Sequence[bytes]) -> bytes:
    return b"+OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b".\r\n"
