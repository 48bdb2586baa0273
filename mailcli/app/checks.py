"""Signing in to an account's servers to see whether it works, and what to do if it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailcli.app.connecting import deadlines, own_name, secret_of, with_proxy
from mailcli.errors import MailcliError, Unreachable
from mailcli.model.account import Account, Endpoint, Protocol, Secret
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from mailcli.accounts.secrets import Secrets
    from mailcli.app.context import Context

_SOON = 14
"""Days: a certificate that ends sooner deserves a word."""

_NOTABLE = ("QRESYNC", "CONDSTORE", "MOVE", "IDLE", "COMPRESS=DEFLATE", "UIDPLUS", "NOTIFY")


class Check(NamedTuple):
    """One thing examined: `state` is ok, warning or failed, `text` what was found in one line,
    `remedy` what to do ("" if nothing), `code` the exit code that goes with a failure (else 0)."""

    name: str
    state: str
    text: str
    remedy: str = ""
    code: int = 0


def failed(name: str, error: MailcliError) -> Check:
    return Check(name, "failed", error.message, error.hint, error.exit_code)


def endpoints(account: Account) -> list[Endpoint]:
    return [e for e in (account.incoming, account.sending) if e is not None]


def sign_in(ctx: Context, account: Account, endpoint: Endpoint, secrets: Secrets) -> Check:
    """Connect and sign in to one server of an account, as every other command would."""
    name = f"{account.name} {endpoint.protocol.value}"
    try:
        if ctx.offline:
            raise Unreachable(f"{endpoint.label} is not contacted: --offline")
        secret = secret_of(secrets, account, endpoint)
        endpoint = with_proxy(secrets, account, endpoint)
        text, warning = try_server(ctx, endpoint, secret)
    except MailcliError as error:
        return failed(name, error)
    return Check(name, "warning" if warning else "ok", text, warning)


def try_server(ctx: Context, endpoint: Endpoint, secret: Secret | None) -> tuple[str, str]:
    """Sign in and leave again: (what the server is like, what is not as it should be or "").

    Raises what signing in raises.
    """
    with _opened(ctx, endpoint, secret) as connection:
        greeted = connection.greeted
        stream = connection.pump.stream
        said = f"signed in to {endpoint.label}" if secret is not None else f"connected to {endpoint.label}"
        warning = ""
        if stream.tls is not None:
            from mailcli.net.tls import facts

            tls = facts(stream.tls)
            said += f", {tls.version}, certificate valid for {tls.days_left} more days"
            if tls.days_left < _SOON:
                warning = f"the server's certificate ends in {tls.days_left} days: tell its operator"
        else:
            said += ", without TLS"
            warning = "use TLS if the server has it" if endpoint.allow_cleartext else ""
        if endpoint.protocol is Protocol.IMAP:
            found = [word for word in _NOTABLE if word in greeted.capabilities]
            said += f"; offers {' '.join(found)}" if found else "; offers no extension of use"
        return said, warning


def _opened(ctx: Context, endpoint: Endpoint, secret: Secret | None) -> Any:
    limits = deadlines()
    if endpoint.protocol is Protocol.SMTP:
        from mailcli.net.smtp import open_smtp

        return open_smtp(
            endpoint, secret, ehlo=own_name(), deadlines=limits, cancel=ctx.cancel, transcript=ctx.transcript
        )
    if endpoint.protocol is Protocol.IMAP:
        from mailcli.net.imap import open_imap

        return open_imap(endpoint, secret, deadlines=limits, cancel=ctx.cancel, transcript=ctx.transcript)
    from mailcli.net.pop3 import open_pop3

    return open_pop3(endpoint, secret, deadlines=limits, cancel=ctx.cancel, transcript=ctx.transcript)
