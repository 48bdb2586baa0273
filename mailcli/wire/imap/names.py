"""Mailbox names between the server's spelling and ours, and back without loss."""

from __future__ import annotations

from typing import Final

from mailcli.errors import LocalProtocolError
from mailcli.model import pattern
from mailcli.wire.imap import mutf7

_CONTROL: Final = pattern.compile(r"[\x00-\x1f\x7f]")
_REMEMBERED: Final = 100_000
"""Names whose spelling is kept; a server with more has ordinary ones only, or wants our memory."""


class Names:
    """How this session spells mailbox names: modified UTF-7, or UTF-8 once enabled (RFC 6855).

    Some servers list names that are neither as they should be (raw 8-bit octets, a lone `&`). Such
    a name is shown as well as can be, its octets are remembered, and go out again as they came.
    """

    __slots__ = ("_odd", "_spelling", "utf8")

    def __init__(self) -> None:
        self.utf8 = False
        self._spelling: dict[str, bytes] = {}  # of every name that could have another
        self._odd: dict[str, bytes] = {}  # of those that are not spelt as they should be

    def decode(self, raw: bytes) -> str:
        if raw.upper() == b"INBOX":
            return "INBOX"  # RFC 9051 §5.1: the one name without case
        odd = False
        try:
            name = self._strict(raw)
        except ValueError:
            name, odd = _legible(raw), True
        else:
            if name.isascii() and "&" not in name and "\\" not in name:
                return name
        if self._spelling.get(name, raw) != raw:
            name, odd = raw.decode("ascii", "backslashreplace"), True  # another mailbox has the name
            while self._spelling.get(name, raw) != raw:
                name += "'"
        if len(self._spelling) < _REMEMBERED:
            self._spelling[name] = raw
            if odd:
                self._odd[name] = raw
        return name

    def encode(self, name: str, *, utf8: bool | None = None) -> bytes:
        """Raises LocalProtocolError for a name that cannot be spelt."""
        known = self._odd.get(name)
        if known is not None:
            return known
        try:
            if not (self.utf8 if utf8 is None else utf8):
                return mutf7.encode(name)
            if _CONTROL.search(name):
                raise LocalProtocolError("a folder name cannot hold control characters here")
            return name.encode("utf-8")
        except UnicodeEncodeError:
            raise LocalProtocolError("a folder name holds half a character (a surrogate)") from None

    def forget(self) -> None:
        self.utf8 = False
        self._spelling.clear()
        self._odd.clear()

    def enable_utf8(self) -> None:
        self.utf8 = True
        self._spelling.clear()
        self._odd.clear()

    def _strict(self, raw: bytes) -> str:
        if not self.utf8:
            return mutf7.decode(raw)
        name = raw.decode("utf-8")
        if _CONTROL.search(name):
            raise ValueError("RFC 6855 §3: no controls in UTF-8 strings")
        return name


def _legible(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("ascii", "backslashreplace")
