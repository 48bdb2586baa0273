"""The wire log of `--transcript`: what was said, without what must stay secret.

Two rules hold at once, either of which would do for an honest server. By place: a client line is
shown only if it is a command we know, and of those that carry credentials only the verb (and the
mechanism) is shown, so that a SASL response can never be taken for something harmless whatever the
server said before. By value: the secrets in use are masked in every line, in the clear and in
base64, because a server may echo them. Message contents and literals are counted, not shown.
"""

from __future__ import annotations

import base64
import os
import threading
import time
import zlib
from collections import deque
from pathlib import Path
from typing import Final

from mailcli.errors import CannotCreate
from mailcli.model import pattern, printable
from mailcli.model.account import Protocol

_LONGEST: Final = 64 * 1024
_SHOWN: Final = 1000
_MASK: Final = b"[hidden]"
_SHORTEST_SECRET: Final = 3
"""A shorter secret is hidden by place alone: masking every "a" would hide the log itself."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_IMAP_VERBS: Final = _set(
    "CAPABILITY NOOP LOGOUT STARTTLS ENABLE ID NAMESPACE LIST LSUB STATUS SELECT EXAMINE UNSELECT CLOSE"
    " CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE FETCH STORE SEARCH COPY MOVE EXPUNGE APPEND IDLE COMPRESS"
    " GETQUOTA GETQUOTAROOT SORT THREAD CHECK NOTIFY UID LOGIN AUTHENTICATE"
)
_SMTP_VERBS: Final = _set("EHLO HELO LHLO STARTTLS MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY AUTH")
_POP3_VERBS: Final = _set(
    "CAPA STLS USER STAT LIST UIDL RETR TOP DELE RSET NOOP QUIT UTF8 LANG PASS APOP AUTH"
)
_SECRET_VERBS: Final = frozenset({"LOGIN", "AUTHENTICATE", "AUTH", "PASS", "APOP"})
_LITERAL: Final = pattern.compile(rb"\{(\d{1,10})\+?\}$")
_MECHANISM: Final = pattern.compile(rb"[A-Za-z0-9_-]{1,20}")


class Transcript:
    """The log of one run; any number of connections and threads write to it, line by line."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._connections = 0

    @classmethod
    def create(cls, path: Path) -> Transcript:
        """Append to `path`, which is made for the owner's eyes only. Raises CannotCreate."""
        try:
            return cls(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise CannotCreate(f"the transcript {path} cannot be written: {error.strerror}") from error

    def connection(self, label: str, protocol: Protocol) -> Trace:
        """The part of a new connection to `label`."""
        with self._lock:
            self._connections += 1
            number = self._connections
        trace = _TRACES[protocol](self, number)
        trace.note(f"{protocol.value} {label}")
        return trace

    def close(self) -> None:
        with self._lock:
            descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def write(self, number: int, who: str, text: str) -> None:
        line = f"{time.monotonic() - self._begun:9.3f} [{number}] {who} {text}\n"
        with self._lock:
            if self._descriptor >= 0:
                os.write(self._descriptor, line.encode("utf-8", "replace"))


class _Side:
    """One direction of a connection: cuts octets into lines and stretches to be counted."""

    def __init__(self) -> None:
        self.held = bytearray()
        self.skip = 0  # octets of a literal or chunk still to come
        self.long = 0  # octets of an over-long line thrown away so far
        self.inflate: zlib._Decompress | None = None


class Trace:
    """One connection's part of a transcript. Feed it what crosses the wire, inside of TLS."""

    def __init__(self, transcript: Transcript, number: int) -> None:
        self._transcript = transcript
        self._number = number
        self._secrets: list[bytes] = []
        self._client, self._server = _Side(), _Side()
        self._signing_in = False

    def hide(self, *secrets: str) -> None:
        """Mask these from now on, in every spelling a server might echo."""
        forms = {form for secret in secrets for form in _spellings(secret)}
        self._secrets = sorted({*self._secrets, *forms}, key=len, reverse=True)

    def note(self, text: str) -> None:
        self._show("--", text.encode())

    def sent(self, data: bytes) -> None:
        self._feed(self._client, data)

    def received(self, data: bytes) -> None:
        if data:
            self._feed(self._server, data)
        else:
            self.note("the server closed the connection")

    def close(self) -> None:
        for side in (self._client, self._server):
            if side.held:
                self._show(self._who(side), b"[%d octets without a line end]" % len(side.held))
                side.held.clear()
        self.note("closed")

    # -- cutting

    def _feed(self, side: _Side, data: bytes) -> None:
        while data:
            if side.inflate is not None:
                piece = side.inflate.decompress(data, _LONGEST)
                data = side.inflate.unconsumed_tail
                self._cut(side, piece)
            else:
                data = self._cut(side, data)

    def _cut(self, side: _Side, data: bytes) -> bytes:
        """Work through `data`; what is left once compression begins in the middle of it."""
        compressed = side.inflate is not None
        while data:
            if side.skip:
                taken = min(side.skip, len(data))
                side.skip -= taken
                data = data[taken:]
                continue
            end = data.find(b"\n")
            if end < 0:
                self._hold(side, data)
                return b""
            self._hold(side, data[:end])
            data = data[end + 1 :]
            line = bytes(side.held).rstrip(b"\r")
            side.held.clear()
            if side.long:
                self._show(self._who(side), b"[a line of %d octets]" % (side.long + len(line)))
                side.long = 0
            elif side is self._client:
                self._from_client(line)
            else:
                self._from_server(line)
            if side.inflate is not None and not compressed:
                return data
        return b""

    def _hold(self, side: _Side, data: bytes) -> None:
        side.held += data
        if len(side.held) > _LONGEST:
            side.long += len(side.held)
            side.held.clear()

    # -- saying; the protocols differ in these two

    def _from_client(self, line: bytes) -> None:
        raise NotImplementedError

    def _from_server(self, line: bytes) -> None:
        raise NotImplementedError

    def _show(self, who: str, line: bytes) -> None:
        for secret in self._secrets:
            line = line.replace(secret, _MASK)
        text = printable.line(line[:_SHOWN].decode("utf-8", "replace"))
        self._transcript.write(self._number, who, text + ("…" if len(line) > _SHOWN else ""))

    def _hidden(self, line: bytes) -> None:
        self._show("C:", b"[%d octets hidden]" % len(line))

    def _without_credentials(self, before: bytes, verb: bytes, rest: bytes) -> None:
        """A command that carries credentials: its verb, and the mechanism if it names one."""
        shown = before + verb
        if verb.upper() in (b"AUTH", b"AUTHENTICATE"):
            self._signing_in = True
            mechanism = _MECHANISM.match(rest.strip())
            if mechanism:
                shown += b" " + mechanism[0]
        self._show("C:", shown + b" " + _MASK)

    def _who(self, side: _Side) -> str:
        return "C:" if side is self._client else "S:"


class _ImapTrace(Trace):
    def __init__(self, transcript: Transcript, number: int) -> None:
        super().__init__(transcript, number)
        self._inside = False  # a client command goes on behind a literal
        self._secret = False
        self._compress = b""

    def _from_client(self, line: bytes) -> None:
        tag, _, rest = line.partition(b" ")
        verb, _, arguments = rest.partition(b" ")
        name = verb.decode("latin-1").upper()
        if self._inside:
            if self._secret:
                self._hidden(line)
            else:
                self._show("C:", line)
        elif line.upper() in (b"DONE", b"*"):
            self._show("C:", line)
        elif name in _IMAP_VERBS:
            self._secret = name in _SECRET_VERBS
            if self._secret:
                self._without_credentials(tag + b" ", verb, arguments)
            else:
                self._show("C:", line)
            if name == "COMPRESS":
                self._compress = tag
        else:
            self._hidden(line)
            return
        self._inside = self._count(self._client, line)

    def _from_server(self, line: bytes) -> None:
        if self._signing_in and line.startswith(b"+"):
            self._show("S:", b"+ " + _MASK)
            return
        self._show("S:", line)
        if not line.startswith((b"+", b"*")):
            self._signing_in = False
            if self._compress and line.upper().startswith(self._compress.upper() + b" OK"):
                self._server.inflate = zlib.decompressobj(-15)
                self._client.inflate = zlib.decompressobj(-15)
        self._count(self._server, line)

    def _count(self, side: _Side, line: bytes) -> bool:
        literal = _LITERAL.search(line)
        if literal is None:
            return False
        side.skip = int(literal[1])
        return True


class _SmtpTrace(Trace):
    def __init__(self, transcript: Transcript, number: int) -> None:
        super().__init__(transcript, number)
        self._content: int | None = None  # octets of the message so far, between 354 and the dot

    def _from_client(self, line: bytes) -> None:
        if self._content is not None:
            if line == b".":
                self._show("C:", b"[message, %d octets]" % self._content)
                self._content = None
            else:
                self._content += len(line) + 2
            return
        verb, _, rest = line.partition(b" ")
        name = verb.decode("latin-1").upper()
        if name in _SECRET_VERBS and name in _SMTP_VERBS:
            self._without_credentials(b"", verb, rest)
        elif name in _SMTP_VERBS or line == b"*":
            self._show("C:", line)
            if name == "BDAT":
                size = rest.split(b" ")[0]
                self._client.skip = int(size) if size.isdigit() and len(size) < 12 else 0
        else:
            self._hidden(line)

    def _from_server(self, line: bytes) -> None:
        if self._signing_in and line.startswith(b"334"):
            self._show("S:", b"334 " + _MASK)
            return
        self._show("S:", line)
        if line.startswith(b"354"):
            self._content = 0
        elif line[3:4] != b"-":
            self._signing_in = False

    def _hold(self, side: _Side, data: bytes) -> None:
        super()._hold(side, data)
        if side is self._client and self._content is not None and side.long:
            self._content += side.long
            side.long = 0


class _Pop3Trace(Trace):
    def __init__(self, transcript: Transcript, number: int) -> None:
        super().__init__(transcript, number)
        self._asked: deque[tuple[str, bool]] = deque([("", False)])  # (verb, several lines); the greeting
        self._several = False
        self._content: int | None = None

    def _from_client(self, line: bytes) -> None:
        verb, _, rest = line.partition(b" ")
        name = verb.decode("latin-1").upper()
        if name not in _POP3_VERBS:
            if line == b"*":
                self._show("C:", line)
            else:
                self._hidden(line)
            return
        if name in _SECRET_VERBS:
            self._without_credentials(b"", verb, rest)
        else:
            self._show("C:", line)
        several = name in ("CAPA", "RETR", "TOP") or (name in ("UIDL", "LIST") and not rest)
        self._asked.append((name, several))

    def _from_server(self, line: bytes) -> None:
        if self._several:
            if line == b".":
                if self._content is not None:
                    self._show("S:", b"[message, %d octets]" % self._content)
                    self._content = None
                self._several = False
                self._show("S:", line)
            elif self._content is not None:
                self._content += len(line) + 2
            else:
                self._show("S:", line)
            return
        if self._signing_in and line.startswith(b"+ "):
            self._show("S:", b"+ " + _MASK)
            return
        self._signing_in = False
        self._show("S:", line)
        verb, several = self._asked.popleft() if self._asked else ("", False)
        if several and line.startswith(b"+OK"):
            self._several = True
            self._content = 0 if verb in ("RETR", "TOP") else None

    def _hold(self, side: _Side, data: bytes) -> None:
        super()._hold(side, data)
        if side is self._server and self._content is not None and side.long:
            self._content += side.long
            side.long = 0


_TRACES: Final = {Protocol.IMAP: _ImapTrace, Protocol.SMTP: _SmtpTrace, Protocol.POP3: _Pop3Trace}


def masked(text: str, secret: str) -> str:
    """The text with the secret made unreadable wherever it stands, in the clear or in base64."""
    line = text.encode("utf-8", "surrogateescape")
    for form in sorted(_spellings(secret), key=len, reverse=True):
        line = line.replace(form, _MASK)
    return line.decode("utf-8", "replace")


def _spellings(secret: str) -> set[bytes]:
    """The octets that would give `secret` away: itself, quoted, and inside of any base64."""
    forms = {secret.encode("utf-8", "surrogateescape"), secret.encode("latin-1", "replace")}
    forms |= {form.replace(b"\\", b"\\\\").replace(b'"', b'\\"') for form in forms}
    found = {form for form in forms if len(form) >= _SHORTEST_SECRET}
    for form in tuple(found):
        for shift in range(3):
            # Where the secret begins in a group of three decides its base64. The characters that
            # its neighbours share are cut off at both ends; the rest is the same in any context.
            encoded = base64.b64encode(b"\0" * shift + form)
            first = (shift * 8 + 5) // 6
            last = (shift + len(form)) * 8 // 6
            inner = encoded[first:last]
            if len(inner) >= _SHORTEST_SECRET:
                found.add(inner)
    return found
