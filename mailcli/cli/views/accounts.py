"""Accounts, and what was checked about them. Never a secret, only where it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mailcli.cli import cells
from mailcli.cli.progress import size
from mailcli.cli.views.view import Column, Field, Look, View
from mailcli.model import printable
from mailcli.model.account import Account, Endpoint
from mailcli.model.quota import Usage
from mailcli.model.record import NamedTuple


class Shown(NamedTuple):
    """An account, whether it is the default one, and how full it was when that was last told."""

    account: Account
    default: bool
    quota: Usage | None = None


def address(endpoint: Endpoint | None) -> str:
    """`imap://imap.example.org:993`, as one column."""
    return f"{endpoint.protocol.value}://{endpoint.label}" if endpoint else ""


ENDPOINT: Final = View(
    "endpoint",
    {
        "protocol": Field("text", lambda e: e.protocol.value),
        "host": Field("text", lambda e: e.host),
        "port": Field("integer", lambda e: e.port),
        "tls": Field("text", lambda e: e.tls.value),
        "user": Field("text", lambda e: e.user),
        "auth": Field("text", lambda e: e.auth),
        "secret": Field("text", lambda e: e.secret.kind if e.secret else None, none=True),
    },
    text=lambda e, _: address(e),
)


QUOTA: Final = View(
    "quota",
    {
        "used": Field("integer", lambda u: u.used),
        "limit": Field("integer", lambda u: u.limit),
        "percent": Field("integer", lambda u: u.percent),
        "when": Field("date", lambda u: u.when),
    },
    text=lambda u, _: f"{u.percent} %",
)


def _ago(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _columns(_rows: Sequence[Shown], _look: Look) -> Sequence[Column]:
    return (
        Column("account", lambda s, _: s.account.name, lambda _: "yellow", keep=0),
        Column("", lambda s, _: "default" if s.default else "", lambda _: "dim", keep=3),
        Column("email", lambda s, _: printable.line(s.account.email), keep=0, grow=True),
        Column("incoming", lambda s, _: address(s.account.incoming), lambda _: "dim", keep=1),
        Column("sending", lambda s, _: address(s.account.sending), lambda _: "dim", keep=2),
    )


_FIELDS: Final = {
    "name": Field("text", lambda s: s.account.name),
    "email": Field("text", lambda s: s.account.email),
    "full_name": Field("text", lambda s: s.account.full_name),
    "aliases": Field("words", lambda s: s.account.aliases),
    "default": Field("boolean", lambda s: s.default),
    "incoming": Field("object", lambda s: s.account.incoming, ENDPOINT, none=True),
    "sending": Field("object", lambda s: s.account.sending, ENDPOINT, none=True),
    "quota": Field("object", lambda s: s.quota, QUOTA, none=True),
}

ACCOUNTS: Final = View(
    "account", _FIELDS, tsv=("name", "email", "default", "incoming", "sending"), columns=_columns
)


def _details(shown: Shown, look: Look) -> str:
    account = shown.account
    rows = [
        ("account", account.name + (" (the default)" if shown.default else "")),
        ("email", account.email),
        ("name", account.full_name),
        ("aliases", ", ".join(account.aliases)),
    ]
    for title, endpoint in (("incoming", account.incoming), ("sending", account.sending)):
        if endpoint is None:
            rows.append((title, "none"))
            continue
        kept = f"password: {endpoint.secret.kind}" if endpoint.secret else "no password"
        rows.append((title, f"{address(endpoint)} ({endpoint.tls.value}), user {endpoint.user}, {kept}"))
    if usage := shown.quota:
        full = f"{size(usage.used)} of {size(usage.limit)} ({usage.percent} %)"
        rows.append(("quota", f"{full}, {_ago(look.now - usage.when)}"))
    return "".join(f"{title + ':':10} {printable.line(value)}\n" for title, value in rows if value)


ACCOUNT: Final = View("account", _FIELDS, text=_details)


_STYLES: Final = {"ok": "green", "warning": "yellow", "failed": "red"}


def _check(check: Any, look: Look) -> str:
    state = cells.fit(check.state, 8)
    if look.terminal and look.show:
        state = cells.styled(state, _STYLES.get(check.state, ""))
    remedy = f" ({printable.line(check.remedy)})" if check.remedy else ""
    return f"{state} {printable.line(check.name)}: {printable.line(check.text)}{remedy}\n"


CHECKS: Final = View(
    "check",
    {
        "name": Field("text", lambda c: c.name),
        "state": Field("text", lambda c: c.state),
        "text": Field("text", lambda c: c.text),
        "remedy": Field("text", lambda c: c.remedy),
        "code": Field("integer", lambda c: c.code),
    },
    text=_check,
)


def _added(added: Any, look: Look) -> str:
    checks = "".join(_check(check, look) for check in added.checks)
    return f"{checks}account {added.account.name} added\n"


ADDED: Final = View(
    "added",
    {
        "name": Field("text", lambda a: a.account.name),
        "email": Field("text", lambda a: a.account.email),
        "incoming": Field("object", lambda a: a.account.incoming, ENDPOINT, none=True),
        "sending": Field("object", lambda a: a.account.sending, ENDPOINT, none=True),
        "checks": Field("objects", lambda a: a.checks, CHECKS),
    },
    text=_added,
)
