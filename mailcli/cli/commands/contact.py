"""`mailcli contact`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mailcli.cli.composing import content
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Group, Option
from mailcli.cli.views.contacts import ADDED, CONTACTS
from mailcli.model import printable


def list_(session: Session, words: tuple[str, ...], limit: int | None) -> None:
    from mailcli.app import contacts

    found = contacts.known(session.ctx, words)
    session.out.show(CONTACTS, found if limit is None else found[:limit])
    if not found:
        session.out.remark("no contacts: mailcli contact add, contact import, or write to somebody")


def add(session: Session, people: tuple[str, ...]) -> None:
    from mailcli.app import contacts

    _added(session, contacts.add(session.ctx, contacts.typed(people)))


def import_(session: Session, files: tuple[str, ...]) -> int:
    from mailcli.app import contacts

    lost = 0
    for name in files:
        good, bad = contacts.imported(content(session, name), Path(name).name)
        for text in bad:
            session.out.notice(f"{printable.line(name)}: {text!r} is not an address, left out")
        lost += len(bad)
        _added(session, contacts.add(session.ctx, good))
    return 1 if lost else 0


def _added(session: Session, added: Sequence[object]) -> None:
    session.out.show(ADDED, added, quiet=True)
    if not added:
        session.out.remark("nothing new")


COMMAND = Group(
    "contact",
    "List, add and import contacts.",
    (
        Command(
            "list",
            "List contacts, those you write to most and lately first.",
            list_,
            (Argument("words", "WORD", "Only those with each of these in name or address.", many=True,
                      required=False),),
            (Option(("-n", "--limit"), "Show at most this many.", "integer", "N"),),
            about="""
            The address book, and the people of the newest 3,000 messages sent and 1,000 received. In a
            pipe: address, name, whether it is in the book, messages to it, messages from it, the last one.
            """,
            examples=(
                Example("mailcli contact list ann", "Everybody called Ann."),
                Example("mailcli contact list -n 20 | cut -f1", "The twenty you write to most."),
            ),
            view=CONTACTS,
        ),
        Command(
            "add",
            "Put addresses into the address book.",
            add,
            (Argument("people", "ADDRESS", "Like 'Ann Ng <ann@example.org>'.", many=True),),
            view=ADDED,
        ),
        Command(
            "import",
            "Take in vCards, CSV, or a file of mutt aliases.",
            import_,
            (Argument("files", "FILE", "Files; - is stdin.", many=True, complete="files"),),
            about="""
            vCards of version 2.1, 3 and 4, the CSV of other programs (a first line that names its columns),
            and files of mutt or mailx aliases. An address that the book has is passed over, and nothing is
            ever changed or taken out. Exit 1 if something in a file was no address.
            """,
            examples=(Example("mailcli contact import contacts.vcf", "What a telephone exports."),),
            view=ADDED,
        ),
    ),
    about="""
    The address book is a directory of vCards, contacts/ in the data directory, one address a file: other
    programs can read it, edit it and synchronise it. Addresses are completed from it and from the mail here.
    """,
)  # fmt: skip
