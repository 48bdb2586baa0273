"""Who sends, and to whom: the account, the addresses, header fields and files of a message as they
were typed."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from mailcli.app.context import Context
from mailcli.errors import (
    ConfigError,
    LocalIOError,
    MessageMalformed,
    NotFound,
    RecipientRefused,
    UsageError,
)
from mailcli.mime import address_list
from mailcli.model import pattern, printable
from mailcli.model.account import LOCAL, Account
from mailcli.model.address import Address
from mailcli.model.draft import Attachment

if TYPE_CHECKING:
    from pathlib import Path

_RESERVED: Final = pattern.compile(r"(content-.*|mime-version|bcc|resent-bcc|date|message-id)", re.IGNORECASE)
"""Header fields that `-H` may not set: they are made from the message, or have options."""


def sending_account(ctx: Context, *senders: str | None, to: Sequence[Address] = ()) -> Account:
    """The account to send by: that of `-A`, else the one that owns the first of these From texts
    that any owns, else without a From the one whose `send_to` has the first of these recipients that
    any has, else the default. Raises ConfigError if it cannot send."""
    account: Account | None = None
    for address in [bare(sender) for sender in senders if sender and ctx.account is None]:
        own = [a for a in ctx.config.accounts.values() if a.sending and owns(a, address)]
        account = account or next(iter(own), None)
    if ctx.account is None and not any(senders):
        able = [a for a in ctx.config.accounts.values() if a.sending and a.composing.send_to]
        meant = (a for recipient in to for a in able if _matches(recipient.email, a.composing.send_to))
        account = next(meant, None)
    if account is None:
        account = ctx.chosen_account()
    if account.sending is None:
        raise ConfigError(
            f"account {account.name} cannot send: it has no SMTP server",
            hint=f"add [accounts.{account.name}.smtp] to the configuration, or choose another with -A",
        )
    return account


def owns(account: Account, email: str) -> bool:
    """Whether an address is one of the account's own, in any case; `*` in an alias stands for any
    characters."""
    return _matches(email, (account.email, *account.aliases))


def _matches(email: str, patterns: Sequence[str]) -> bool:
    return any(
        fnmatchcase(email.lower(), each.lower().replace("[", "[[]").replace("?", "[?]")) for each in patterns
    )


def expanded(ctx: Context, texts: Sequence[str]) -> tuple[Address, ...]:
    """As `strict`, for recipients: a text that is the name of an alias becomes what it stands for."""
    found: list[Address] = []
    for text in texts:
        name = text.strip()
        words = [] if "@" in name or not name else _aliases(ctx, name)
        found += strict(words or [text])
    return tuple(found)


def localised(ctx: Context, account: Account, name: str) -> list[str]:
    """A recipient as a program on this machine names it. The user who calls is the account: cron
    writes to `alice`. Raises RecipientRefused for any other bare name that is no alias."""
    if "@" in name or name.lower().startswith("mailto:") or not name.strip():
        return [name]
    words = _aliases(ctx, name.strip())
    if words:
        return words
    import pwd

    with suppress(KeyError):
        if pwd.getpwuid(os.getuid()).pw_name == name.strip():
            return [account.email]
    raise RecipientRefused(
        f"there is no address for {printable.line(name)}",
        hint=f'give one in [aliases] of the configuration: {name.strip()} = "you@example.org"',
    )


def _aliases(ctx: Context, name: str) -> list[str]:
    from pathlib import Path

    from mailcli.accounts.aliases import expand, read

    own = {key.lower(): value for key, value in ctx.config.aliases.items()}
    return expand(name, {**read(map(Path, ctx.config.alias_files)), **own})


def strict(texts: Sequence[str]) -> tuple[Address, ...]:
    """The addresses of arguments. Raises MessageMalformed for what is none."""
    return tuple(address for text in texts for address in address_list.parse(text))


def local_zone(when: float) -> int:
    """Minutes east of UTC here at that time."""
    import time

    return time.localtime(when).tm_gmtoff // 60


def replying_account(ctx: Context, received_by: str, sender: str | None) -> Account:
    """The account that received the original answers it, if it can send."""
    if ctx.account is None and not sender and received_by != LOCAL:
        account = ctx.config.accounts.get(received_by)
        if account is not None and account.sending is not None:
            return account
    return sending_account(ctx, sender)


def replying_address(account: Account, received: Sequence[str], sender: str | None) -> Address:
    """The From of an answer: that of `-r`; else the address of the account that the original was sent
    to, the first of `received` that it owns; else the account's own."""
    if not sender:
        for email in received:
            if owns(account, email):
                return Address(account.full_name, email)
    return sender_address(account, sender)


def sender_address(account: Account, sender: str | None) -> Address:
    """The From address: that of `-r`, else the account's; with the account's name if it has none."""
    if not sender:
        return account.sender
    address = _one(sender)
    return address if address.name else Address(account.full_name, address.email)


def bare(sender: str) -> str:
    """The address alone of a From text; "" for the null sender `<>`."""
    return _one(sender).email if sender.strip("<>") else ""


def _one(sender: str) -> Address:
    found = strict([sender])
    if len(found) != 1:
        raise MessageMalformed(
            f"{printable.line(sender)!r} is more than one address, and a mail has one sender"
        )
    return found[0]


def attachment(path: Path) -> Attachment:
    """A file as an attachment. Raises NotFound, LocalIOError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        hint = "to set a header use -H 'Name: value'" if ": " in str(path) else ""
        raise NotFound(f"there is no file {path} to attach", hint=hint) from None
    except OSError as error:
        raise LocalIOError(f"cannot read {path}: {error.strerror}") from error
    import mimetypes

    kind, encoding = mimetypes.guess_type(path.name)
    return Attachment(path.name, kind if kind and not encoding else "application/octet-stream", data)


def header(name: str, value: str) -> tuple[str, str]:
    """An extra header field, if `-H` may set it. Raises MessageMalformed, UsageError."""
    if not re.fullmatch(r"[!-9;-~]+", name):
        raise MessageMalformed(f"{printable.line(name)!r} is no header name")
    if _RESERVED.fullmatch(name):
        raise UsageError(f"-H cannot set {name}: it is made from the message")
    return name, value
