"""What the outbox shows of its entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.cli.dates import iso, long, short
from mailcli.cli.views.view import Column, Field, Look, View
from mailcli.model import printable

if TYPE_CHECKING:
    from mailcli.outbox.spool import Row

_COLOURS: Final = {
    "failed": "red",
    "unknown": "red",
    "abandoned": "yellow",
    "held": "dim",
    "sending": "green",
}


def _next(row: Row) -> float | None:
    """When it is tried next; None: not by itself."""
    return max(row.state.next_try, row.entry.not_before) if row.word == "queued" else None


def _when(row: Row, look: Look) -> str:
    when = _next(row)
    if when is None:
        return ""
    left = when - look.now
    if left <= 0:
        return "now"
    if left < 3600:
        return f"in {max(1, round(left / 60))} min"
    return f"in {round(left / 3600)} h" if left < 36 * 3600 else short(when, look.now)


def _columns(_rows: Sequence[Row], _look: Look) -> Sequence[Column]:
    return [
        Column("entry", lambda r, look: look.short.get(r.entry.id, r.entry.id), lambda _: "yellow", keep=0),
        Column("state", lambda r, _: r.word, lambda r: _COLOURS.get(r.word, ""), keep=0),
        Column("queued", lambda r, look: short(r.entry.queued, look.now), lambda _: "dim", keep=4),
        Column("next", _when, lambda _: "dim", keep=3),
        Column("to", lambda r, _: printable.line(", ".join(r.entry.envelope.recipients)), most=30, keep=1),
        Column("subject", lambda r, _: printable.line(r.entry.subject), grow=True, keep=1),
        Column("why", lambda r, _: printable.line(r.state.note), lambda _: "dim", grow=True, keep=2),
    ]


_FIELDS: Final = {
    "entry": Field("text", lambda r: r.entry.id),
    "state": Field("text", lambda r: r.word),
    "queued": Field("date", lambda r: iso(r.entry.queued, None)),
    "next_try": Field("date", lambda r: None if (w := _next(r)) is None else iso(w, None), none=True),
    "attempts": Field("integer", lambda r: r.state.attempts),
    "account": Field("text", lambda r: r.entry.account),
    "sender": Field("text", lambda r: r.entry.envelope.sender),
    "recipients": Field("words", lambda r: r.entry.envelope.recipients),
    "subject": Field("text", lambda r: r.entry.subject),
    "message_id": Field("text", lambda r: r.entry.message_id),
    "note": Field("text", lambda r: r.state.note),
}


def _of_row(field: Field) -> Field:
    """The field of a row, for values that hold the row as `row`."""
    return Field(field.kind, lambda value: field.get(value.row), none=field.none)


OUTBOX: Final = View(
    "outbox",
    _FIELDS,
    tsv=("entry", "state", "queued", "next_try", "attempts", "account", "sender", "recipients", "subject"),
    columns=_columns,
    ident=lambda r: (r.entry.id,),
)

_OUTCOME: Final = View(
    "recipient",
    {
        "email": Field("text", lambda o: o.email),
        "outcome": Field("text", lambda o: o.outcome),
        "code": Field("integer", lambda o: o.code),
        "enhanced": Field("text", lambda o: o.enhanced),
        "text": Field("text", lambda o: o.text),
    },
)


def _shown(shown: Any, _look: Look) -> str:
    """The head of an entry; the message follows behind an empty line."""
    row = shown.row
    when = _next(row)
    lines = [
        ("entry", f"{row.entry.id}, {row.word}"),
        ("account", row.entry.account),
        ("queued", long(row.entry.queued, None)),
        ("next try", long(when, None) if when is not None else ""),
        ("tried", f"{row.state.attempts} times" if row.state.attempts else ""),
        ("why", row.state.note),
        ("from", f"<{row.entry.envelope.sender}>"),
        *(("to", f"<{o.email}>: {o.outcome} {o.text}".rstrip()) for o in shown.outcomes),
    ]
    head = "".join(f"{name + ':':9} {printable.line(value)}\n" for name, value in lines if value)
    return f"{head}\n{printable.block(shown.data.decode('utf-8', 'replace'))}"


SHOWN: Final = View(
    "outbox_entry",
    {
        **{name: _of_row(field) for name, field in _FIELDS.items()},
        "outcomes": Field("objects", lambda s: s.outcomes, of=_OUTCOME),
        "message": Field("text", lambda s: s.data.decode("utf-8", "replace")),
    },
    text=_shown,
    ident=lambda s: (s.row.entry.id,),
)


def _ran(report: Any, _look: Look) -> str:
    if report.error is not None:
        return ""
    to = printable.line(", ".join(report.row.entry.envelope.recipients))
    return f"sent {report.row.entry.id} to {to}\n"


RAN: Final = View(
    "outbox_run",
    {
        **{name: _of_row(field) for name, field in _FIELDS.items()},
        "error": Field("error", lambda r: r.error, none=True),
    },
    text=_ran,
    ident=lambda r: (r.row.entry.id,),
)
