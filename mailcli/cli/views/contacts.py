"""Contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mailcli.cli import dates
from mailcli.cli.views.view import Column, Field, Look, View, address_text
from mailcli.model import printable


def _columns(_rows: Sequence[Any], _look: Look) -> Sequence[Column]:
    return [
        Column(
            "name", lambda c, _: printable.line(c.name), lambda c: "bold" if c.book else "", keep=1, most=30
        ),
        Column("address", lambda c, _: printable.line(c.email), grow=True, keep=0),
        Column("to", lambda c, _: str(c.written or ""), right=True, keep=2),
        Column("from", lambda c, _: str(c.received or ""), right=True, keep=3),
    ]


CONTACTS: Final = View(
    "contact",
    {
        "email": Field("text", lambda c: c.email),
        "name": Field("text", lambda c: c.name),
        "book": Field("boolean", lambda c: c.book),
        "written": Field("integer", lambda c: c.written),
        "received": Field("integer", lambda c: c.received),
        "last": Field("date", lambda c: dates.iso(c.last, None) if c.last else None, none=True),
    },
    tsv=("email", "name", "book", "written", "received", "last"),
    columns=_columns,
    ident=lambda c: (c.email,),
)

ADDED: Final = View(
    "contact_added",
    {
        "email": Field("text", lambda a: a.email),
        "name": Field("text", lambda a: a.name),
    },
    text=lambda a, _: printable.line(f"added {address_text(a)}") + "\n",
    ident=lambda a: (a.email,),
)
