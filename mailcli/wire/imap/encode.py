"""Commands to octets (RFC 9051 §9, `command`). What a caller gives never ends a line early."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from mailcli.errors import LocalProtocolError
from mailcli.model import pattern
from mailcli.model.record import NamedTuple
from mailcli.wire.imap import commands as c
from mailcli.wire.imap.names import Names
from mailcli.wire.imap.uidset import UidSet

_ATOM: Final = pattern.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
_FLAG: Final = pattern.compile(r"\\?[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
_PLAIN: Final = pattern.compile(r"[ -z|}~]+")
"""What has a grammar of its own: one line of ASCII, without "{" lest it announce a literal."""
_SET: Final = pattern.compile(r"(?:[0-9]+|\*)(?::(?:[0-9]+|\*))?(?:,(?:[0-9]+|\*)(?::(?:[0-9]+|\*))?)*")
_NEEDS_LITERAL: Final = pattern.compile(rb"[^ -~]")
_NEEDS_ESCAPE: Final = pattern.compile(rb'(["\\])')


class Literal(NamedTuple):
    """Octets to be announced by their number; `binary` ones as literal8 (RFC 3516)."""

    data: bytes
    binary: bool = False


Segment = bytes | Literal


class Style(NamedTuple):
    """How this session spells things: `utf8` after ENABLE UTF8=ACCEPT, `binary` with BINARY."""

    names: Names
    utf8: bool
    binary: bool


def encode(command: c.Command, style: Style) -> list[Segment]:
    """The command without tag and line end. Raises LocalProtocolError for what cannot be said."""
    return _ENCODERS[type(command)](command, style)


def string(octets: bytes, *, utf8: bool = False) -> Segment:
    """A quoted string if it can be one, else a literal."""
    if b"\0" in octets:
        raise LocalProtocolError("NUL cannot be sent in a string")
    if _NEEDS_LITERAL.search(octets) and not (utf8 and _is_utf8_line(octets)):
        return Literal(octets)
    return b'"' + _NEEDS_ESCAPE.sub(rb"\\\1", octets) + b'"'


def _is_utf8_line(octets: bytes) -> bool:
    if any(octet < 32 or octet == 127 for octet in octets):
        return False
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _mailbox(name: str, style: Style) -> Segment:
    return string(style.names.encode(name, utf8=style.utf8), utf8=style.utf8)


def _atom(text: str) -> bytes:
    return _checked(_ATOM, text, "an atom")


def _plain(text: str) -> bytes:
    return _checked(_PLAIN, text, "one line of ASCII")


def _checked(allowed: re.Pattern[str], text: str, what: str) -> bytes:
    if not allowed.fullmatch(text):
        raise LocalProtocolError(f"{text!r} is not {what}")
    return text.encode("ascii")


def _list(words: Iterable[bytes]) -> bytes:
    return b"(" + b" ".join(words) + b")"


def _flags(flags: Iterable[str]) -> bytes:
    return _list(_checked(_FLAG, flag, "a flag") for flag in sorted(flags))


def _set(uids: UidSet | str) -> bytes:
    return _checked(_SET, str(uids), "a set of UIDs")


def _text(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise LocalProtocolError("text holds half a character (a surrogate)") from None


def _word(word: bytes) -> Callable[[Any, Style], list[Segment]]:
    return lambda command, style: [word]


def _with_mailbox(word: bytes) -> Callable[[Any, Style], list[Segment]]:
    return lambda command, style: [word + b" ", _mailbox(command.mailbox, style)]


def _login(command: c.Login, style: Style) -> list[Segment]:
    # RFC 6855 §5: LOGIN never takes UTF-8 in quoted strings; a literal is safe everywhere.
    return [b"LOGIN ", string(_text(command.user)), b" ", string(_text(command.password))]


def _authenticate(command: c.Authenticate, style: Style) -> list[Segment]:
    return [b"AUTHENTICATE " + _atom(command.mechanism.name)]


def _enable(command: c.Enable, style: Style) -> list[Segment]:
    if not command.names:
        raise LocalProtocolError("ENABLE of nothing")
    return [b"ENABLE " + b" ".join(map(_atom, command.names))]


def _id(command: c.Id, style: Style) -> list[Segment]:
    if not command.pairs:
        return [b"ID NIL"]
    segments: list[Segment] = [b"ID ("]
    for name, value in command.pairs:
        segments += [string(_text(name)), b" ", string(_text(value)), b" "]
    segments[-1] = b")"
    return segments


def _list_command(command: c.List, style: Style) -> list[Segment]:
    if not command.patterns:
        raise LocalProtocolError("LIST of no pattern")
    select = _list(map(_atom, command.select)) + b" " if command.select else b""
    segments: list[Segment] = [b"LIST " + select, _mailbox(command.reference, style), b" "]
    patterns = [_mailbox(pattern, style) for pattern in command.patterns]
    if len(patterns) == 1:
        segments.append(patterns[0])
    else:
        segments.append(b"(")
        for pattern in patterns:
            segments += [pattern, b" "]
        segments[-1] = b")"
    returns = [_atom(option) for option in command.returns]
    if command.status:
        returns.append(b"STATUS " + _list(map(_atom, command.status)))
    if returns:
        segments.append(b" RETURN " + _list(returns))
    return segments


def _lsub(command: c.Lsub, style: Style) -> list[Segment]:
    return [b"LSUB ", _mailbox(command.reference, style), b" ", _mailbox(command.pattern, style)]


def _status(command: c.Status, style: Style) -> list[Segment]:
    return [b"STATUS ", _mailbox(command.mailbox, style), b" " + _list(map(_atom, command.items))]


def _select(command: c.Select, style: Style) -> list[Segment]:
    parameters = []
    if command.qresync is not None:
        uidvalidity, modseq, known = command.qresync
        tail = b" " + _set(known) if known else b""
        parameters.append(b"QRESYNC (%d %d%s)" % (uidvalidity, modseq, tail))
    elif command.condstore:
        parameters.append(b"CONDSTORE")
    word = b"EXAMINE " if command.read_only else b"SELECT "
    segments: list[Segment] = [word, _mailbox(command.mailbox, style)]
    if parameters:
        segments.append(b" " + _list(parameters))
    return segments


def _create(command: c.Create, style: Style) -> list[Segment]:
    segments: list[Segment] = [b"CREATE ", _mailbox(command.mailbox, style)]
    if command.special_use:
        segments.append(b" (USE " + _flags((command.special_use,)) + b")")
    return segments


def _rename(command: c.Rename, style: Style) -> list[Segment]:
    return [b"RENAME ", _mailbox(command.mailbox, style), b" ", _mailbox(command.to, style)]


def _fetch(command: c.Fetch, style: Style) -> list[Segment]:
    if not command.items:
        raise LocalProtocolError("FETCH of nothing")
    line = b"UID FETCH " + _set(command.uids) + b" " + _list(map(_plain, command.items))
    if command.changed_since is not None:
        if command.changed_since < 1:
            raise LocalProtocolError("CHANGEDSINCE 0 is refused by servers: leave it out")
        vanished = b" VANISHED" if command.vanished else b""
        line += b" (CHANGEDSINCE %d%s)" % (command.changed_since, vanished)
    elif command.vanished:
        raise LocalProtocolError("VANISHED needs CHANGEDSINCE (RFC 7162 §3.2.6)")
    return [line]


def _store(command: c.Store, style: Style) -> list[Segment]:
    if command.action not in ("+", "-", "="):
        raise LocalProtocolError(f"STORE cannot {command.action!r}")
    unless = b"" if command.unchanged_since is None else b" (UNCHANGEDSINCE %d)" % command.unchanged_since
    item = {"+": b" +FLAGS", "-": b" -FLAGS", "=": b" FLAGS"}[command.action]
    silent = b".SILENT " if command.silent else b" "
    return [b"UID STORE " + _set(command.uids) + unless + item + silent + _flags(command.flags)]


def _search(command: c.Search, style: Style) -> list[Segment]:
    if not command.criteria:
        raise LocalProtocolError("SEARCH for nothing")
    line = b"UID SEARCH"
    if command.returns:
        line += b" RETURN " + _list(map(_atom, command.returns))
    # RFC 6855 §3: with UTF8=ACCEPT enabled a CHARSET is forbidden, and UTF-8 is meant anyway.
    if command.charset is not None and not style.utf8:
        line += b" CHARSET " + _atom(command.charset)
    segments: list[Segment] = [line]
    for criterion in command.criteria:
        segments.append(b" ")
        if isinstance(criterion, bytes):
            segments.append(string(criterion, utf8=style.utf8))
        else:
            if '"' in criterion:
                raise LocalProtocolError(f"{criterion!r}: a string is given as bytes, and quoted here")
            segments.append(_plain(criterion))
    return segments


def _copy(command: c.Copy | c.Move, style: Style) -> list[Segment]:
    word = b"UID COPY " if isinstance(command, c.Copy) else b"UID MOVE "
    return [word + _set(command.uids) + b" ", _mailbox(command.mailbox, style)]


def _expunge(command: c.Expunge, style: Style) -> list[Segment]:
    return [b"EXPUNGE" if command.uids is None else b"UID EXPUNGE " + _set(command.uids)]


def _append(command: c.Append, style: Style) -> list[Segment]:
    segments: list[Segment] = [b"APPEND ", _mailbox(command.mailbox, style), b" "]
    if command.flags:
        segments.append(_flags(command.flags) + b" ")
    if command.date is not None:
        from mailcli.wire.imap.dates import date_time

        segments.append(date_time(command.date))
    message = command.message
    if style.utf8 and not message.partition(b"\r\n\r\n")[0].isascii():
        segments += [b"UTF8 (", Literal(message, binary=True), b")"]  # RFC 6855 §4
    else:
        segments.append(Literal(message, binary=style.binary and b"\0" in message))
    return segments


def _no_line(command: object, style: Style) -> list[Segment]:
    raise LocalProtocolError("DONE has no line of its own")


_ENCODERS: Final[dict[type[Any], Callable[[Any, Style], list[Segment]]]] = {
    c.Capability: _word(b"CAPABILITY"),
    c.Noop: _word(b"NOOP"),
    c.Logout: _word(b"LOGOUT"),
    c.StartTls: _word(b"STARTTLS"),
    c.Login: _login,
    c.Authenticate: _authenticate,
    c.Enable: _enable,
    c.Id: _id,
    c.Namespace: _word(b"NAMESPACE"),
    c.List: _list_command,
    c.Lsub: _lsub,
    c.Status: _status,
    c.Select: _select,
    c.Unselect: _word(b"UNSELECT"),
    c.Create: _create,
    c.Delete: _with_mailbox(b"DELETE"),
    c.Rename: _rename,
    c.Subscribe: _with_mailbox(b"SUBSCRIBE"),
    c.Unsubscribe: _with_mailbox(b"UNSUBSCRIBE"),
    c.Fetch: _fetch,
    c.Store: _store,
    c.Search: _search,
    c.Copy: _copy,
    c.Move: _copy,
    c.Expunge: _expunge,
    c.Append: _append,
    c.Idle: _word(b"IDLE"),
    # selected-delayed: no EXPUNGE outside of where the base protocol allows one (RFC 5465 §5.2).
    c.Notify: _word(
        b"NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange))"
        b" (personal (MessageNew MessageExpunge FlagChange MailboxName))"
    ),
    c.Done: _no_line,
    c.Compress: _word(b"COMPRESS DEFLATE"),
    c.GetQuotaRoot: _with_mailbox(b"GETQUOTAROOT"),
}
