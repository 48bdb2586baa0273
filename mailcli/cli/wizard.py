"""`account add`: options off a terminal; on one, questions for what the options leave open."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailcli.app.accounts import NewAccount, Server
from mailcli.cli.ask import answer, confirm
from mailcli.cli.ask import password as ask_password
from mailcli.cli.failure import sentence
from mailcli.cli.session import Session
from mailcli.errors import (
    AuthenticationFailed,
    CertificateRefused,
    HostUnknown,
    Interrupted,
    LocalIOError,
    MailcliError,
    RemoteProtocolError,
    TryAgain,
    UsageError,
)
from mailcli.model import printable
from mailcli.model.account import DEFAULT_PORTS, Password, Protocol, SecretSpec, Tls

if TYPE_CHECKING:
    from mailcli.accounts.discovery import Discovery, Proposal

_KINDS = ("command", "file", "env")


def add(session: Session, address: str, answers: Mapping[str, Any]) -> Any:
    """Add the account the options describe, asking on a terminal; what `accounts.add` returns."""
    from mailcli.app import accounts

    given = from_options(session, address, answers)
    new = _asked(session, given) if session.can_ask else given
    while True:
        try:
            added = accounts.add(session.ctx, new)
        except (
            AuthenticationFailed,
            CertificateRefused,
            HostUnknown,
            RemoteProtocolError,
            TryAgain,
        ) as error:
            session.end_progress()
            if not session.can_ask:
                raise
            new = _mended(session, given, new, error)
        else:
            session.end_progress()
            return added


def from_options(session: Session, address: str, answers: Mapping[str, Any]) -> NewAccount:
    """What the options say. Raises UsageError for options that do not go together."""
    if answers["pop3_leave"] is not None and not answers["pop3_host"]:
        raise UsageError("account add: --pop3-leave without --pop3-host")
    servers = [_server(protocol, answers) for protocol in Protocol]
    by_protocol = {server.protocol: server for server in servers if server is not None}
    if Protocol.IMAP in by_protocol and Protocol.POP3 in by_protocol:
        raise UsageError("account add: an account has either IMAP or POP3, not both")
    secret: Password | SecretSpec | None = _spec("", answers)
    if answers["password_stdin"]:
        if secret is not None:
            raise UsageError("account add: give the password in one way only")
        secret = _from_stdin(session)
    return NewAccount(
        address=address,
        name=answers["name"],
        full_name=answers["full_name"] or "",
        incoming=by_protocol.get(Protocol.IMAP) or by_protocol.get(Protocol.POP3),
        sending=by_protocol.get(Protocol.SMTP),
        user=answers["user"],
        password=secret,
        ca_file=Path(answers["ca_file"]) if answers["ca_file"] else None,
        check=not answers["no_check"],
        leave=_leave(answers["pop3_leave"]),
    )


def _leave(word: str | None) -> str | int:
    """`keep`, `delete`, or days; "" for what was not said. Raises UsageError."""
    word = (word or "").strip().lower()
    if word in ("", "keep", "delete"):
        return word
    if not (word.isdecimal() and 0 < int(word) < 100_000):
        raise UsageError(f"account add: {word!r} is neither keep nor delete nor a number of days")
    return int(word)


def _server(protocol: Protocol, answers: Mapping[str, Any]) -> Server | None:
    word = protocol.value
    keys = ("host", "port", "tls", "user", *(f"password_{kind}" for kind in _KINDS))
    given = {key: answers[f"{word}_{key}"] for key in keys}
    if not given["host"]:
        others = [f"--{word}-{key.replace('_', '-')}" for key, value in given.items() if value is not None]
        if others:
            raise UsageError(f"account add: {others[0]} without --{word}-host")
        return None
    tls = Tls(given["tls"]) if given["tls"] else None
    return Server(protocol, given["host"], given["port"], tls, given["user"], _spec(f"{word}_", answers))


def _spec(prefix: str, answers: Mapping[str, Any]) -> SecretSpec | None:
    given = [(kind, answers[f"{prefix}password_{kind}"]) for kind in _KINDS]
    named = [SecretSpec(kind, value) for kind, value in given if value is not None]
    if len(named) > 1:
        raise UsageError("account add: give the password in one way only")
    return named[0] if named else None


def _from_stdin(session: Session) -> Password:
    """The first line of stdin; its line end is not part of the password."""
    line = session.streams.stdin.readline().removesuffix(b"\n").removesuffix(b"\r")
    if not line:
        raise UsageError("account add: there is no password on stdin")
    try:
        return Password(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise LocalIOError("the password on stdin is not UTF-8") from None


# -- questions -------------------------------------------------------------------------------------


def _asked(session: Session, new: NewAccount) -> NewAccount:
    streams = session.streams
    if not new.full_name:
        new = new._replace(full_name=answer(streams, "Your name, as others see it: "))
    if new.incoming is None and new.sending is None:
        new = _asked_servers(session, new)
    if new.incoming is not None and new.incoming.protocol is Protocol.POP3 and not new.leave:
        new = new._replace(leave=_asked_leave(session))
    relay = new.incoming is None and new.sending is not None
    own = [server.password for server in (new.incoming, new.sending) if server is not None]
    if new.password is None and not any(own):
        hint = " (empty: none is wanted)" if relay else ""
        typed = ask_password(f"Password of {new.user or new.address}{hint}: ")
        if typed:
            new = new._replace(password=Password(typed))
        elif not relay:
            raise Interrupted("no password was given")
    return new


def _asked_leave(session: Session) -> str | int:
    """What POP3 leaves on the server; asked again until it is understood."""
    question = "Mail on the server: keep it, delete what is safely here, or delete it after DAYS (a number): "
    while True:
        try:
            return _leave(answer(session.streams, question, "keep"))
        except UsageError as error:
            session.streams.say(f"{sentence(error)}\n")


def _mended(session: Session, given: NewAccount, new: NewAccount, error: MailcliError) -> NewAccount:
    """`new` with other answers, after the servers did not take these: only what was asked for is
    asked for again, and an empty password gives up. Raises the error if nothing was."""
    streams = session.streams
    if isinstance(error, AuthenticationFailed):
        if not isinstance(new.password, Password) or given.password is not None:
            raise error
        streams.say(f"{sentence(error)}\n")
        if given.user is None:
            new = new._replace(user=answer(streams, "User name: ", new.user or new.address))
        typed = ask_password(f"Password of {new.user or new.address} (empty: give up): ")
        if not typed:
            raise _given_up(error)
        return new._replace(password=Password(typed))
    if given.incoming is not None or given.sending is not None:
        raise error
    streams.say(f"{sentence(error)}\n")
    if not confirm(streams, "Name other servers?", default=not isinstance(error, CertificateRefused)):
        raise _given_up(error)
    incoming = _typed(session, Protocol.IMAP) or _typed(session, Protocol.POP3)
    return new._replace(incoming=incoming, sending=_typed(session, Protocol.SMTP))


def _given_up(error: MailcliError) -> MailcliError:
    """What failed was told before the question."""
    error.message, error.hint = "no account was added", ""
    return error


def _asked_servers(session: Session, new: NewAccount) -> NewAccount:
    from mailcli.app import accounts

    streams = session.streams
    streams.say(f"Looking for the servers of {printable.line(new.address)} …\n")
    found = accounts.discover(session.ctx, new.address, guess=True)
    if found.trouble:
        streams.say(f"{printable.line(found.trouble)}\n")
    incoming = _chosen(session, found, Protocol.IMAP)
    if incoming is None:
        incoming = _chosen(session, found, Protocol.POP3)
    sending = _chosen(session, found, Protocol.SMTP)
    if not found.proposals:
        streams.say("None was found; your provider names them in its help pages.\n")
    if incoming is None and not found.proposals:
        incoming = _typed(session, Protocol.IMAP) or _typed(session, Protocol.POP3)
    if sending is None:
        sending = _typed(session, Protocol.SMTP)
    return new._replace(incoming=incoming, sending=sending)


def _chosen(session: Session, found: Discovery, protocol: Protocol) -> Server | None:
    """The first proposal the user agrees with. One outside the domain is never taken unasked."""
    for proposal in found.proposals:
        if proposal.protocol is protocol and confirm(
            session.streams, _described(proposal), default=not proposal.foreign
        ):
            return Server(protocol, proposal.host, proposal.port, proposal.tls)
    return None


def _described(found: Proposal) -> str:
    place = f"{found.host}:{found.port} ({found.tls.value})"
    warning = ", which is outside of your domain" if found.foreign else ""
    return printable.line(f"{found.protocol.value.upper()} at {place}, {found.source}{warning}. Use it?")


def _typed(session: Session, protocol: Protocol) -> Server | None:
    """A server by hand: HOST or HOST:PORT; nothing for none."""
    text = answer(session.streams, f"{protocol.value.upper()} server (host or host:port, empty: none): ")
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not colon:
        return Server(protocol, text)
    if not port.isdigit():
        raise UsageError(f"{port!r} is no port")
    number = int(port)
    usual = number == DEFAULT_PORTS[protocol, Tls.STARTTLS]
    return Server(protocol, host, number, Tls.STARTTLS if usual else Tls.IMPLICIT)
