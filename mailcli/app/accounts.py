"""`account`: adding, checking and removing accounts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailcli.accounts.config import is_address, parse, unfit_name
from mailcli.accounts.paths import user_path
from mailcli.app.checks import Check, endpoints, sign_in, try_server
from mailcli.app.connecting import deadlines, secret_of, with_proxy
from mailcli.app.context import Context
from mailcli.errors import ConfigError, MailcliError, UsageError
from mailcli.model.account import DEFAULT_PORTS, Account, Endpoint, Password, Protocol, SecretSpec, Tls
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from mailcli.accounts.discovery import Discovery, Proposal


class Server(NamedTuple):
    """A server as asked for: what is None takes its default. A `password` in hand is stored in
    the keyring (or a 0600 file); one that is kept elsewhere comes as a SecretSpec."""

    protocol: Protocol
    host: str
    port: int | None = None
    tls: Tls | None = None
    user: str | None = None
    password: Password | SecretSpec | None = None


class NewAccount(NamedTuple):
    """What `account add` is told. `user`, `password` and `ca_file` are for both servers."""

    address: str
    name: str | None = None
    full_name: str = ""
    incoming: Server | None = None
    sending: Server | None = None
    user: str | None = None
    password: Password | SecretSpec | None = None
    ca_file: Path | None = None
    check: bool = True
    leave: str | int = ""


class Added(NamedTuple):
    """`checks` are the logins that were tried (none with `check` false)."""

    account: Account
    checks: tuple[Check, ...]


def add(ctx: Context, new: NewAccount) -> Added:
    """Add an account: try its logins, keep its passwords, write the configuration.

    Without any server the domain's own SRV records are asked; a server outside of the domain is
    never taken unasked. Nothing is written unless all logins worked (or `check` is false).
    Raises UsageError, ConfigError, and what signing in raises.
    """
    if not is_address(new.address):
        raise UsageError(f"{new.address!r} is not a mail address")
    name = new.name or free_name(ctx, new.address)
    unfit = unfit_name(name)
    if unfit:
        raise UsageError(f"account {name!r}: {unfit}", hint="choose another with --name")
    if name in ctx.config.accounts:
        raise ConfigError(f"there is an account {name!r} already", hint="choose another with --name")
    if new.incoming is None and new.sending is None:
        new = _discovered(ctx, new)
    account = _account(ctx, name, _table(new, {}))
    checks = tuple(_try(ctx, account, endpoint, new) for endpoint in endpoints(account)) if new.check else ()
    _write(ctx, name, new)
    return Added(ctx.config.account(name), checks)


def free_name(ctx: Context, address: str) -> str:
    """The domain's first label, with a number if there is such an account already."""
    from mailcli.net.eyeballs import to_ascii

    label = to_ascii(address.partition("@")[2]).partition(".")[0].lower()
    base = label if not unfit_name(label) else "mail"
    taken, name, number = ctx.config.accounts, base, 2
    while name in taken:
        name, number = f"{base}{number}", number + 1
    return name


def check(ctx: Context, names: Sequence[str] = ()) -> list[Check]:
    """Sign in to every server of these accounts (none named: all). Raises NotFound, ConfigError."""
    accounts = [ctx.config.account(name) for name in names] or list(ctx.config.accounts.values())
    if not accounts:
        ctx.config.account()  # raises: there is none
    return [sign_in(ctx, a, endpoint, ctx.secrets) for a in accounts for endpoint in endpoints(a)]


def remove(ctx: Context, name: str) -> None:
    """Forget an account here: its mail (set aside in the recovery area), its rows, its keyring
    entry, its part of the configuration, in this order, so that a run cut short can be repeated.
    Raises NotFound, Locked."""
    account = ctx.config.account(name)
    with ctx.store.lock_account(name):
        if name in ctx.store.accounts():
            ctx.store.remove_account(name)
    ctx.secrets.remove(account)
    from mailcli.accounts import edit

    edit.remove_account(Path(ctx.paths.config), name)
    _forget_file(ctx, account)
    ctx.reload()


def set_default(ctx: Context, name: str) -> None:
    """Make an account the default one. Raises NotFound."""
    ctx.config.account(name)
    from mailcli.accounts import edit

    edit.set_value(Path(ctx.paths.config), "default_account", name)
    ctx.reload()


def discover(ctx: Context, address: str, *, guess: bool = False) -> Discovery:
    """What the address's domain publishes about its servers; with `guess` also likely names, but
    only those that answer under verified TLS. Never raises for a network that is not there."""
    from mailcli.accounts import discovery
    from mailcli.net.dns import Resolver

    domain = address.partition("@")[2]
    if ctx.offline:
        return discovery.Discovery((), trouble="not looked up: --offline")
    found = discovery.published(domain, Resolver())
    if not guess:
        return found
    proposals = list(found.proposals)
    wanted = [Protocol.SMTP] if found.best(Protocol.SMTP) is None else []
    if found.best(Protocol.IMAP) is None and found.best(Protocol.POP3) is None:
        wanted = [Protocol.IMAP, Protocol.POP3, *wanted]
    for protocol in wanted:
        if protocol is Protocol.POP3 and any(p.protocol is Protocol.IMAP for p in proposals):
            continue
        hit = _first_answering(ctx, discovery.guesses(domain, protocol))
        proposals += [hit] if hit is not None else []
    return found._replace(proposals=tuple(proposals))


def _first_answering(ctx: Context, candidates: Sequence[Proposal]) -> Proposal | None:
    """The first of these that takes a connection (with a verified certificate, where TLS comes
    first) within a few seconds."""
    from mailcli.net.dial import dial

    limits = deadlines()._replace(connect=4, tls=4)
    for candidate in candidates:
        endpoint = Endpoint(candidate.protocol, candidate.host, candidate.port, candidate.tls, "")
        try:
            dial(endpoint, limits, ctx.cancel).close()
        except MailcliError:
            ctx.cancel.check()
            continue
        return candidate
    return None


# -- adding


def _discovered(ctx: Context, new: NewAccount) -> NewAccount:
    """`new` with the servers its domain publishes inside of itself. Raises ConfigError."""
    hint = "name the servers: --imap-host (or --pop3-host) and --smtp-host"
    found = discover(ctx, new.address)
    domain = new.address.partition("@")[2]
    foreign = [p for p in found.proposals if p.foreign]
    own = found._replace(proposals=tuple(p for p in found.proposals if not p.foreign))
    incoming = own.best(Protocol.IMAP) or own.best(Protocol.POP3)
    sending = own.best(Protocol.SMTP)
    if incoming is None and sending is None:
        if found.trouble:
            raise ConfigError(f"the servers of {domain} could not be looked up: {found.trouble}", hint=hint)
        if foreign:
            said = ", ".join(f"{p.host}:{p.port}" for p in foreign)
            raise ConfigError(
                f"{domain} names servers of another domain ({said})", hint=f"if they are right, {hint}"
            )
        raise ConfigError(f"{domain} does not say which servers it has", hint=hint)
    return new._replace(
        incoming=None if incoming is None else _server(incoming),
        sending=None if sending is None else _server(sending),
    )


def _server(found: Proposal) -> Server:
    return Server(found.protocol, found.host, found.port, found.tls)


def _table(new: NewAccount, stored: dict[str, SecretSpec]) -> dict[str, Any]:
    """The account's table of the configuration. `stored` says where passwords in hand went."""
    table: dict[str, Any] = {"email": new.address}
    if new.full_name:
        table["full_name"] = new.full_name
    if new.user:
        table["user"] = new.user
    if new.password is not None:
        table["password"] = _secret(new.password, stored.get(""))
    if new.ca_file is not None:
        table["ca_file"] = str(user_path(new.ca_file).absolute())
    for server in (new.incoming, new.sending):
        if server is None:
            continue
        tls = server.tls or Tls.IMPLICIT
        part: dict[str, Any] = {"host": server.host}
        if server.port and server.port != DEFAULT_PORTS[server.protocol, tls]:
            part["port"] = server.port
        part["tls"] = tls.value
        if server.user:
            part["user"] = server.user
        if server.password is not None:
            part["password"] = _secret(server.password, stored.get(server.protocol.value))
        elif server.protocol is Protocol.SMTP and new.password is None and new.incoming is None:
            part["auth"] = "none"  # a relay that knows this machine
        if server.protocol is Protocol.POP3 and new.leave:
            part["delete_after" if isinstance(new.leave, int) else "leave"] = new.leave
        table[server.protocol.value] = part
    return table


def _secret(given: Password | SecretSpec, stored: SecretSpec | None) -> dict[str, Any]:
    spec = given if isinstance(given, SecretSpec) else stored or SecretSpec("keyring")
    if spec.kind == "keyring":
        return {"keyring": spec.value or True}
    if spec.kind == "file":
        return {"file": str(user_path(spec.value).absolute())}
    return {spec.kind: spec.value}


def _account(ctx: Context, name: str, table: dict[str, Any]) -> Account:
    """The account this table would make, checked as the file would be. Raises ConfigError."""
    from mailcli.accounts import edit

    return parse(edit.rendered(name, table), ctx.paths.config).accounts[name]


def _try(ctx: Context, account: Account, endpoint: Endpoint, new: NewAccount) -> Check:
    server = new.sending if endpoint.protocol is Protocol.SMTP else new.incoming
    given = (server.password if server is not None else None) or new.password
    if isinstance(given, Password) and endpoint.secret is not None:
        text, warning = try_server(ctx, with_proxy(ctx.secrets, account, endpoint), given)
    else:
        secret = secret_of(ctx.secrets, account, endpoint)
        text, warning = try_server(ctx, with_proxy(ctx.secrets, account, endpoint), secret)
    name = f"{account.name} {endpoint.protocol.value}"
    return Check(name, "warning" if warning else "ok", text, warning)


def _write(ctx: Context, name: str, new: NewAccount) -> None:
    from mailcli.accounts import edit

    stored: dict[str, SecretSpec] = {}
    places = [("", name, new.password)]
    for server in (new.incoming, new.sending):
        if server is not None:
            places.append((server.protocol.value, f"{name}/{server.protocol.value}", server.password))
    for key, entry, given in places:
        if isinstance(given, Password):
            stored[key] = ctx.secrets.store(entry, given, directory=Path(ctx.paths.config).parent / "secrets")
            if stored[key].kind == "file":
                ctx.notice(f"there is no keyring: the password is kept in {stored[key].value} (mode 0600)")
    edit.add_account(Path(ctx.paths.config), name, _table(new, stored))
    ctx.reload()


def _forget_file(ctx: Context, account: Account) -> None:
    """Remove the password files that `add` made; those of the user's own stay."""
    own = Path(ctx.paths.config).parent / "secrets"
    for endpoint in endpoints(account):
        if endpoint.secret is not None and endpoint.secret.kind == "file":
            path = Path(endpoint.secret.value)
            if path.parent == own:
                path.unlink(missing_ok=True)
