"""The command line of sendmail(8), as Postfix and Sendmail have it: options in clusters, values
attached or apart, and many that mean nothing any more but must be taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mailcli.errors import UsageError
from mailcli.model.record import NamedTuple

_TAKES_VALUE: Final = frozenset("ABCDFLNORVXabefhopr")
_ALONE: Final = frozenset("GIUcimnstvx")
_MODES: Final = frozenset("mspivdDalt")
_FROM_CONTROL: Final = frozenset({"c", "m"})
"""sendmail's own -Ac and -Am choose one of its configuration files."""


class Call(NamedTuple):
    """What a caller wants. `mode` is m (send), s (SMTP on stdin), p (show the queue), q (run it)
    or i (rebuild aliases: nothing to do). `sender` is None without -f; "" is the null sender.
    `dots`: a line with a single dot ends the message. `notify`, `returns` and `envelope_id` are
    RFC 3461's, as given."""

    mode: str = "m"
    recipients: tuple[str, ...] = ()
    from_header: bool = False
    sender: str | None = None
    full_name: str = ""
    account: str = ""
    dots: bool = True
    verbose: bool = False
    notify: str = ""
    returns: str = ""
    envelope_id: str = ""


def parse(words: Sequence[str]) -> Call:
    """Read the words behind `sendmail`. Raises UsageError for what would change the meaning."""
    call = Call()
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        if word == "--":
            call = call._replace(recipients=(*call.recipients, *reversed(rest)))
            break
        if not word.startswith("-") or word == "-":
            call = call._replace(recipients=(*call.recipients, word))
            continue
        call = _cluster(call, word[1:], rest)
    return call


def _cluster(call: Call, letters: str, rest: list[str]) -> Call:
    """One word of options: letters that stand alone, then perhaps one with its value."""
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter == "q":
            return call._replace(mode="q")  # -q30m too: there is no daemon, the queue is run once
        if letter in _TAKES_VALUE:
            if not letters and not rest:
                raise UsageError(f"sendmail: option -{letter} needs a value")
            return _valued(call, letter, letters or rest.pop())
        if letter not in _ALONE:
            raise UsageError(f"sendmail: there is no option -{letter}", hint="see mailcli sendmail --help")
        call = _plain(call, letter)
    return call


def _plain(call: Call, letter: str) -> Call:
    if letter == "t":
        return call._replace(from_header=True)
    if letter == "i":
        return call._replace(dots=False)
    if letter == "v":
        return call._replace(verbose=True)
    if letter == "I":
        return call._replace(mode="i")
    return call


def _valued(call: Call, letter: str, value: str) -> Call:
    match letter:
        case "f" | "r":
            return call._replace(sender="" if value in ("", "<>") else value)
        case "F":
            return call._replace(full_name=value)
        case "A" if value not in _FROM_CONTROL:
            return call._replace(account=value)
        case "N":
            return call._replace(notify=value)
        case "R":
            return call._replace(returns=value)
        case "V":
            return call._replace(envelope_id=value)
        case "o" if value == "i":
            return call._replace(dots=False)
        case "b":
            if value not in _MODES or value in "dDlv":
                raise UsageError(
                    f"sendmail: -b{value} is not for mailcli",
                    hint="mailcli receives no mail: it has no daemon",
                )
            return call._replace(mode={"a": "m", "t": "m"}.get(value, value))
        case _:
            return call


def until_dot(data: bytes) -> bytes:
    """What stands before a line with a single dot, all if there is none."""
    if data.startswith((b".\n", b".\r\n")) or data == b".":
        return b""
    ends = [at for mark in (b"\n.\n", b"\n.\r\n") if (at := data.find(mark)) >= 0]
    if ends:
        return data[: min(ends) + 1]
    return data[:-1] if data.endswith(b"\n.") else data
