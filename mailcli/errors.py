"""The one public exception tree.

Every class carries the exit code of `sysexits.h` (and of `mailcli help exit-codes`) that a command
ends with when the exception reaches it. A message says in one line what failed and where; the hint
says what to do next. Modules raise the most exact class they can; no other exception crosses a
layer.
"""

from __future__ import annotations

from typing import ClassVar


class MailcliError(Exception):
    """Base of all errors a user may see.

    `message` is one line, `hint` what to do next, or "". A full stop that ends the message goes: it is
    a server's, whose words close many of them, and others are put behind it.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        if message.endswith(".") and message[-2:-1].isalpha():
            message = message[:-1]
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class PartialFailure(MailcliError):
    """Some of several things failed; those that could be done are done."""

    exit_code = 1


class NoMatch(MailcliError):
    """`search -e` found nothing."""

    exit_code = 1


class UsageError(MailcliError):
    """The words of a command are wrong."""

    exit_code = 2


class QueryError(UsageError):
    """A query does not parse, or cannot be answered. `position` is the offset of the fault in the query
    text, None if it is no single place's."""

    def __init__(self, message: str, *, hint: str = "", position: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.position = position


class AmbiguousId(UsageError):
    """An id prefix names more than one message."""


class MessageMalformed(MailcliError):
    """A message, address or header we were given cannot be sent or stored as it is."""

    exit_code = 65


class MessageRefused(MailcliError):
    """The server refused the message or its sender for good (5xx)."""

    exit_code = 65


class NotHeld(MessageRefused):
    """The server does not keep a message until then (FUTURERELEASE); nothing was sent."""


class NotFound(MailcliError):
    """No such message, folder, account or file."""

    exit_code = 66


class RecipientRefused(MailcliError):
    """The server refused a recipient for good."""

    exit_code = 67


class HostUnknown(MailcliError):
    """A host name does not exist in DNS."""

    exit_code = 68


class ServerRefused(MailcliError):
    """The server said no for good: IMAP NO, POP3 -ERR, 5xx at connect."""

    exit_code = 69


class LocalProtocolError(MailcliError):
    """We asked an engine for something illegal in its state: a bug of ours."""

    exit_code = 70


class CannotCreate(MailcliError):
    """A file or directory could not be created."""

    exit_code = 73


class LocalIOError(MailcliError):
    """Reading or writing here failed: disk full, I/O error, damaged database."""

    exit_code = 74


class TryAgain(MailcliError):
    """It may work later: 4xx, [UNAVAILABLE], too many connections."""

    exit_code = 75


class Throttled(TryAgain):
    """The server does nothing for us during the next `seconds`."""

    def __init__(self, message: str, *, hint: str = "", seconds: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.seconds = seconds


class TimedOut(TryAgain):
    """A deadline passed. The message names the phase."""


class Unreachable(TryAgain):
    """No connection could be made, or it broke before the outcome mattered."""


class Locked(TryAgain):
    """Another mailcli holds the lock."""


class RemoteProtocolError(MailcliError):
    """The server broke the protocol."""

    exit_code = 76


class StartTlsInjection(RemoteProtocolError):
    """Bytes arrived between the STARTTLS reply and the handshake (CVE-2011-0411 and kin)."""


class AuthenticationFailed(MailcliError):
    """The server did not accept the credentials, or we refused to send them."""

    exit_code = 77


class CertificateRefused(MailcliError):
    """The server's certificate is not one we accept."""

    exit_code = 77


class ConfigError(MailcliError):
    """The configuration is wrong or incomplete."""

    exit_code = 78


class OutcomeUnknown(MailcliError):
    """The message may have been accepted; sending it again may double it (RFC 1047)."""

    exit_code = 79


class Interrupted(MailcliError):
    """Cancelled by the user or by another thread."""

    exit_code = 130


def told(error: Exception) -> MailcliError:
    """What to tell of an exception that has come to the end of a command or of a thread: itself, if
    a layer has named it; else what it means, with the exception for its cause."""
    if isinstance(error, MailcliError):
        return error
    named: MailcliError
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        named = LocalIOError(f"{place}{error.strerror or error}")
    elif isinstance(error, MemoryError):
        named = TryAgain("out of memory", hint="try again when less is running")
    else:
        named = MailcliError(
            f"a bug: {type(error).__name__}: {error}", hint="please report it; -vv shows the traceback"
        )
    named.__cause__ = error
    return named
