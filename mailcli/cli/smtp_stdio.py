"""`sendmail -bs`: SMTP (RFC 5321) on stdin and stdout, for programs that would rather speak it than
write options. One message after the other; each is answered when its fate is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO, Final

from mailcli.cli.sendmail import Call
from mailcli.cli.session import Session
from mailcli.errors import MailcliError, TryAgain
from mailcli.model import pattern, printable

_PATH: Final = pattern.compile(r"\s*<?([^<>\s]*)>?(?:\s.*)?", re.DOTALL)
_LONGEST: Final = 1 << 16
MOST: Final = 1 << 30
"""Octets of a message that are kept in memory."""


def serve(session: Session, submit: Callable[[Session, bytes, Call], None]) -> int:
    """Hold one conversation; the exit code is 0 whatever was answered. `submit` sends a message."""
    talk = _Talk(session, submit)
    talk.say(220, "mailcli")
    while (line := session.streams.stdin.readline(_LONGEST)) and talk.command(line):
        pass
    return 0


class _Talk:
    def __init__(self, session: Session, submit: Callable[[Session, bytes, Call], None]) -> None:
        self._session = session
        self._submit = submit
        self._in: BinaryIO = session.streams.stdin
        self._sender: str | None = None
        self._recipients: list[str] = []

    def say(self, code: int, *lines: str) -> None:
        """A reply, of several lines where it has them."""
        out = self._session.streams.stdout
        for line in lines[:-1]:
            out.write(f"{code}-{printable.line(line)}\r\n".encode())
        out.write(f"{code} {printable.line(lines[-1])}\r\n".encode())
        out.flush()

    def command(self, line: bytes) -> bool:
        """Answer one command; whether the conversation goes on."""
        text = line.decode("utf-8", "replace").strip()
        word, _, rest = text.partition(" ")
        match word.upper():
            case "QUIT":
                self.say(221, "2.0.0 bye")
                return False
            case "EHLO":
                self.say(250, "mailcli", "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
            case "HELO" | "NOOP" | "VRFY":
                self.say(250 if word.upper() != "VRFY" else 252, "2.0.0 ok")
            case "RSET":
                self._forget()
                self.say(250, "2.0.0 ok")
            case "MAIL" if (path := self._path(rest, "FROM:")) is not None:
                self._forget()
                self._sender = path
                self.say(250, "2.1.0 ok")
            case "RCPT" if self._sender is None:
                self.say(503, "5.5.1 MAIL comes first")
            case "RCPT" if path := self._path(rest, "TO:"):
                self._recipients.append(path)
                self.say(250, "2.1.5 ok")
            case "DATA" if not self._recipients:
                self.say(503, "5.5.1 RCPT comes first")
            case "DATA":
                self.say(354, "end with a line with a single dot")
                self._message()
            case "MAIL" | "RCPT":
                self.say(501, "5.5.4 that is no path")
            case _:
                self.say(502, "5.5.1 not known here")
        return True

    def _path(self, rest: str, word: str) -> str | None:
        if not rest.upper().startswith(word):
            return None
        match = _PATH.fullmatch(rest[len(word) :])
        return match[1] if match else None

    def _forget(self) -> None:
        self._sender, self._recipients = None, []

    def _message(self) -> None:
        lines: list[bytes] = []
        octets = 0
        while (line := self._in.readline()) not in (b".\r\n", b".\n"):
            if not line:
                return  # cut off: nothing is sent
            octets += len(line)
            if octets <= MOST:
                lines.append(line[1:] if line.startswith(b".") else line)
        call = Call(recipients=tuple(self._recipients), sender=self._sender)
        self._forget()
        if octets > MOST:
            self.say(552, "5.3.4 too large")
            return
        try:
            self._submit(self._session, b"".join(lines), call)
        except TryAgain as error:
            self.say(451, f"4.3.0 {error.message}")
        except MailcliError as error:
            self.say(554, f"5.3.0 {error.message}")
        else:
            self.say(250, "2.0.0 sent, or kept in the outbox")
