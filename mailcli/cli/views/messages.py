"""Messages in lists: `list`, `search`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from mailcli.cli import dates
from mailcli.cli.memo import Memo
from mailcli.cli.views.view import Column, Field, Look, View, address_text, flag_names
from mailcli.model import printable
from mailcli.model.flags import ANSWERED, FLAGGED, SEEN
from mailcli.model.message import Lines, Summary


def moment(row: Summary) -> datetime:
    """The Date header with its own offset; the time of arrival where that is absent or absurd."""
    if row.date is None:
        return dates.moment(row.arrived, None)
    return dates.moment(row.date, row.zone)


def date(row: Summary) -> str:
    if row.date is None:
        return dates.iso(row.arrived, None)
    return dates.iso(row.date, row.zone)


FIELDS: Final = {
    "id": Field("text", lambda m: m.id),
    "account": Field("text", lambda m: m.account),
    "folder": Field("text", lambda m: m.folder),
    "date": Field("date", date),
    "from": Field("address", lambda m: m.sender[0] if m.sender else None, none=True),
    "to": Field("addresses", lambda m: m.to),
    "cc": Field("addresses", lambda m: m.cc),
    "subject": Field("text", lambda m: m.subject),
    "flags": Field("words", lambda m: flag_names(m.flags)),
    "size": Field("integer", lambda m: m.size),
    "attachments": Field("integer", lambda m: m.attachments),
    "thread": Field("text", lambda m: m.thread),
    "message_id": Field("text", lambda m: m.message_id),
    "in_reply_to": Field("text", lambda m: m.in_reply_to),
    "preview": Field("text", lambda m: m.preview),
}


def _marks(row: Summary) -> str:
    """Three cells: unread or answered, flagged, with attachments."""
    first = "●" if SEEN not in row.flags else "↩" if ANSWERED in row.flags else " "
    return first + ("★" if FLAGGED in row.flags else " ") + ("@" if row.attachments else " ")


def _weight(row: Summary) -> str:
    return "" if SEEN in row.flags else "bold"


def _sender(row: Summary, _look: Look) -> str:
    return printable.line(row.sender[0].label) if row.sender else ""


def _subject(row: Summary, look: Look) -> str:
    text = printable.line(row.subject) or "(no subject)"
    count = look.show.get(row.id, 1) if look.show else 1
    return f"[{count}] {text}" if count > 1 else text


def _columns(rows: Sequence[Summary], look: Look) -> Sequence[Column]:
    accounts = {row.account for row in rows}
    places = {(row.account, row.folder) for row in rows}
    columns = [
        Column("id", lambda m, look: look.short.get(m.id, m.id), lambda _: "yellow", keep=0),
        Column("date", lambda m, look: dates.short(m.when, look.now), lambda _: "dim", right=True, keep=3),
        Column("", lambda m, _: _marks(m), lambda _: "yellow", keep=2),
        Column("from", _sender, _weight, most=max(12, look.width // 4), keep=1),
        Column("subject", _subject, _weight, grow=True, keep=0),
    ]
    if len(places) > 1:
        columns.append(
            Column(
                "folder",
                lambda m, _: printable.line(f"{m.account}:{m.folder}" if len(accounts) > 1 else m.folder),
                lambda _: "dim",
                most=max(10, look.width // 6),
                keep=4,
            )
        )
    return columns


MESSAGES: Final = View(
    "message",
    FIELDS,
    tsv=("id", "date", "flags", "from", "subject", "folder", "size"),
    columns=_columns,
    ident=lambda m: (m.id,),
)


def lines(found: Lines, end: str) -> Iterator[str]:
    """The tab-separated form of MESSAGES from rows as the store has them, or their ids.

    What recurs is worked out once, and each row is one expression: a pipe is given a hundred thousand.
    """
    if found.rows and len(found.rows[0]) == 2:
        return (row[1] + end for row in found.rows)
    return _lines(found, end)


def _lines(found: Lines, end: str) -> Iterator[str]:
    line = printable.line
    senders = Memo(lambda packed: line(address_text(found.senders(packed)[0])) if packed else "")
    flags = Memo(lambda held: line(" ".join(flag_names(found.flags(*held)))))
    folders = Memo(lambda key: line(found.folders.get(key, "")))
    iso = dates.iso
    for _, id_, when, zone, bits, words, sender, subject, folder, size in found.rows:
        if not subject.isprintable():
            subject = line(subject)
        yield (
            f"{id_}\t{iso(when, zone)}\t{flags[bits, words]}\t{senders[sender]}\t{subject}"
            f"\t{folders[folder]}\t{size}{end}"
        )
