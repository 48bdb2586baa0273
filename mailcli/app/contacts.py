"""Contacts: those in the address book, and those that mail was exchanged with.

The book is a directory of vCards (`contacts/` in the data directory), one person a file: other programs
can read it and synchronise it, and no database has to be rebuilt for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from mailcli.app.addressing import strict
from mailcli.app.context import Context
from mailcli.errors import MessageMalformed, NotFound
from mailcli.mime import addresses
from mailcli.model import pattern, printable
from mailcli.model.address import Address
from mailcli.model.record import NamedTuple

WRITTEN: Final = 3000
"""Newest sent messages that are looked at."""

RECEIVED: Final = 1000
"""Newest messages of any kind that are looked at."""

_NAMES: Final = ("name", "display name", "full name", "fn")
_FIRST: Final = ("first name", "given name", "vorname")
_LAST: Final = ("last name", "family name", "surname", "nachname")
_EMAIL: Final = pattern.compile(
    r"(?:primary |secondary |e-?mail )*(?:e-?mail|address)(?: address)?(?: ?\d* ?- ?value| ?\d)?|to"
)

_HALF_LIFE: Final = 60 * 86400.0
"""After so many seconds a message counts half as much for the order."""


class Contact(NamedTuple):
    """One address. `book`: it is in the address book; `written` and `received` count the messages looked
    at, `last` is when the newest was (seconds since the epoch; 0: never)."""

    name: str
    email: str
    book: bool
    written: int
    received: int
    last: float
    score: float


def known(ctx: Context, words: Sequence[str] = ()) -> list[Contact]:
    """All contacts that have each of these words in name or address: those written to often and lately
    first, then the others of the book, then those who only wrote. One's own addresses are left out."""
    met: dict[str, _Met] = {}
    in_book = set()
    for address in book(ctx):
        in_book.add(address.email.lower())
        met.setdefault(address.email, _Met(address.name))
    _count(ctx, met, _sent(ctx), WRITTEN, written=True)
    _count(ctx, met, None, RECEIVED, written=False)
    merged: dict[str, _Met] = {}  # one person writes his address in several ways
    spelt: dict[str, str] = {}
    for email, one in met.items():
        key = email.lower()
        spelt.setdefault(key, email)
        merged[key] = merged[key].with_(one) if key in merged else one
    for account in ctx.config.accounts.values():
        for email in (account.email, *account.aliases):
            merged.pop(email.lower(), None)
    wanted = [word.lower() for word in words]
    kept = [
        Contact(m.name, spelt[key], key in in_book, m.written, m.received, m.last, m.score)
        for key, m in merged.items()
        if "@" in key and all(word in f"{m.name} {key}".lower() for word in wanted)
    ]
    return sorted(kept, key=lambda c: (-c.score, not c.book, -c.last, c.email))


class _Met:
    """What is counted of one spelling of an address. A plain class: completion has no time to spare."""

    __slots__ = ("last", "name", "received", "score", "written")

    def __init__(self, name: str) -> None:
        self.name = name
        self.written = self.received = 0
        self.last = self.score = 0.0

    def with_(self, other: _Met) -> _Met:
        self.name = self.name or other.name
        self.written += other.written
        self.received += other.received
        self.last = max(self.last, other.last)
        self.score += other.score
        return self


def _sent(ctx: Context) -> list[int]:
    keys = []
    for name in ctx.config.accounts:
        try:
            keys.append(ctx.store.find_folder(name, "Sent").key)
        except NotFound:
            continue
    return keys


def _count(
    ctx: Context, met: dict[str, _Met], folders: list[int] | None, limit: int, *, written: bool
) -> None:
    """Count the recipients of sent messages, or the senders of others."""
    if folders == []:
        return
    now = ctx.clock()
    for row in ctx.store.summaries(folders=folders, limit=limit).rows:
        when = float(row.when)
        weight = 0.5 ** (max(0.0, now - when) / _HALF_LIFE) if written else 0.0
        for name, email in row.to + row.cc if written else row.sender:
            one = met.get(email)
            if one is None:
                one = met[email] = _Met(name)
            elif not one.name:
                one.name = name
            if written:
                one.written += 1
                one.score += weight
            else:
                one.received += 1
            if when > one.last:
                one.last = when


# -- the book ------------------------------------------------------------------------------------


def _directory(ctx: Context) -> Path:
    return Path(ctx.paths.data, "contacts")


def book(ctx: Context) -> list[Address]:
    """The addresses in the book, by name. A card that cannot be read is passed over."""
    folder = _directory(ctx)
    if not folder.is_dir():
        return []
    from mailcli.mime import vcard

    found: list[Address] = []
    for path in sorted(folder.glob("*.vcf")):
        try:
            found += vcard.addresses(path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    return sorted(found, key=lambda a: (a.name.lower(), a.email.lower()))


def add(ctx: Context, people: Iterable[Address]) -> list[Address]:
    """Put addresses into the book that it does not have yet, durably; gives those. Raises
    MessageMalformed for a line break in one, CannotCreate, LocalIOError."""
    from hashlib import sha256

    from mailcli.accounts.durable import replace_file
    from mailcli.mime import vcard

    folder = _directory(ctx)
    have = {address.email.lower() for address in book(ctx)}
    added = []
    for address in people:
        if address.email.lower() in have:
            continue
        if any(c in address.name + address.email for c in "\r\n\0"):
            raise MessageMalformed("a contact must not contain a line break or NUL")
        have.add(address.email.lower())
        name = sha256(address.email.lower().encode()).hexdigest()[:32]
        replace_file(folder / f"{name}.vcf", vcard.card(address, name).encode("utf-8"), backup=False)
        added.append(address)
    return added


def typed(texts: Sequence[str]) -> tuple[Address, ...]:
    """Addresses as they are typed: `Ann Ng <ann@example.org>`. Raises MessageMalformed."""
    return strict(texts)


def imported(data: bytes, name: str) -> tuple[list[Address], list[str]]:
    """The contacts in a file of vCards, CSV, or mutt aliases; and what of it was no address. Raises
    MessageMalformed for a file that is none of these."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    good: list[Address] = []
    bad: list[str] = []
    for address in _read(text, name):
        try:
            strict([address.email])
        except MessageMalformed:
            bad.append(printable.line(address.email) or printable.line(address.name))
        else:
            good.append(Address(printable.line(address.name), address.email))
    return good, bad


def _read(text: str, name: str) -> list[Address]:
    if "BEGIN:VCARD" in text.upper():
        from mailcli.mime import vcard

        return vcard.addresses(text)
    from mailcli.accounts import aliases

    found = aliases.parsed(text)
    if found:
        return [each for value in found.values() for each in addresses.parse_text(value) if "@" in each.email]
    from mailcli.app.merging import rows

    table = rows(text.encode(), name)
    people = [_person(row) for row in table]
    if not any(people):
        raise MessageMalformed(
            f"{name} has no contacts: no vCard, no alias, and no column for an address",
            hint="a CSV file needs a first line with a name like email",
        )
    return [address for some in people for address in some]


def _person(row: Mapping[str, str]) -> list[Address]:
    """The addresses of a row as Google, Outlook, Thunderbird and others export it."""
    fields = {key.strip().lower(): value.strip() for key, value in row.items()}
    name = next((fields[key] for key in _NAMES if fields.get(key)), "")
    if not name:
        halves = [next((fields[k] for k in keys if fields.get(k)), "") for keys in (_FIRST, _LAST)]
        name = " ".join(half for half in halves if half)
    emails = [
        email.strip()
        for key, value in fields.items()
        if _EMAIL.fullmatch(key)
        for email in value.split(" ::: ")  # Google's way of putting several into one cell
    ]
    return [Address(name, email) for email in emails if email]
