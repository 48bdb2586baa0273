"""SMTP events: what the server said."""

from __future__ import annotations

from mailcli.model import printable
from mailcli.model.record import NamedTuple
from mailcli.wire.offered import Offered


class Reply(NamedTuple):
    """One reply, all its lines (RFC 5321 §4.2).

    `enhanced` is the status of RFC 3463 ("5.1.1") if the server gave one whose class agrees with
    the code, else ""; it is taken off the lines. `lines` is decoded text, not filtered for a
    terminal: `text` is.
    """

    code: int
    enhanced: str
    lines: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 300

    @property
    def temporary(self) -> bool:
        """4xx: it may work later."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        return 500 <= self.code < 600

    @property
    def text(self) -> str:
        """The words in one line, harmless to print, without the codes."""
        return printable.line(" ".join(line for line in self.lines if line))

    @property
    def full(self) -> str:
        """`550 5.1.1 No such user`: as error messages show it."""
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


class Greeting(NamedTuple):
    """The banner. Only a 220 lets commands be written."""

    reply: Reply


class Completed(NamedTuple):
    """The reply to a command; commands complete in the order of `send`.

    `replies` has, for an LMTP body, one reply per recipient accepted, in their order (RFC 2033
    §4.2; `reply` is then the last); otherwise it is `(reply,)`. `local` means that the server
    never answered this command: it is refused here, for the reason in `reply`, because Data was
    refused, because no recipient was accepted, or because the server closed with 421. Nothing of
    a Body that completes so was written, except after a 421 to a message in the middle of it.
    """

    tag: int
    reply: Reply
    replies: tuple[Reply, ...] = ()
    local: bool = False


class Extensions(Offered):
    """What EHLO or LHLO offered, without what the user disables. Comes before the Completed of its
    EHLO."""

    __slots__ = ()


class Closing(NamedTuple):
    """A refusal that answers no command: the 421 of a server that closes (RFC 5321 §3.8), or a 4xx
    or 5xx between the pieces of a message, after which only closing is left. No message whose
    end was not written has been accepted."""

    reply: Reply


SmtpEvent = Greeting | Completed | Extensions | Closing
