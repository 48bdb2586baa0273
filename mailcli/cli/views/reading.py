"""One message, whole: `read`, and its parts: `attach`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from mailcli.cli import cells, dates
from mailcli.cli.progress import size
from mailcli.cli.views.messages import FIELDS
from mailcli.cli.views.view import Column, Field, Look, View, address_text
from mailcli.model import printable, wrap
from mailcli.model.record import NamedTuple

WIDEST: Final = 100
"""Text is wrapped here even on a wider terminal: longer lines are hard to read."""

_MARKS: Final = (("signed", "signed (not checked)"), ("encrypted", "encrypted"))


class How(NamedTuple):
    """How `read` was asked to lay a message out."""

    headers: bool = False  # all header fields
    html: bool = False  # the HTML source instead of the text
    wrap: bool = False
    colour: bool = False


PARTS: Final = View(
    "part",
    {
        "n": Field("text", lambda p: p.n),
        "type": Field("text", lambda p: p.type),
        "name": Field("text", lambda p: p.name),
        "size": Field("integer", lambda p: p.size),
        "cid": Field("text", lambda p: p.cid),
        "disposition": Field("text", lambda p: p.disposition),
    },
    tsv=("n", "type", "size", "name"),
    columns=lambda _rows, _look: (
        Column("n", lambda p, _: p.n, lambda _: "yellow", keep=0),
        Column("type", lambda p, _: printable.line(p.type), keep=1, most=40),
        Column("size", lambda p, _: size(p.size), lambda _: "dim", right=True, keep=2),
        Column("name", lambda p, _: printable.line(p.name) or "(no name)", grow=True, keep=0),
    ),
)


class Placed(NamedTuple):
    """An attachment and the number people call it by: 1 is the first."""

    position: int
    part: Any


def _of_part(field: Field) -> Field:
    return Field(field.kind, lambda placed: field.get(placed.part), field.of, field.none)


ATTACHMENTS: Final = View(
    "attachment",
    {
        "position": Field("integer", lambda a: a.position),
        **{name: _of_part(field) for name, field in PARTS.fields.items()},
    },
    tsv=("position", "type", "size", "name"),
    columns=lambda _rows, _look: (
        Column("position", lambda a, _: str(a.position), lambda _: "yellow", keep=0),
        Column("type", lambda a, _: printable.line(a.part.type), keep=1, most=40),
        Column("size", lambda a, _: size(a.part.size), lambda _: "dim", right=True, keep=2),
        Column("name", lambda a, _: printable.line(a.part.name) or "(no name)", grow=True, keep=0),
    ),
)


def _layout(message: Any, look: Look) -> str:
    how = look.show or How()
    width = min(look.width, WIDEST) if how.wrap else 0
    return "".join([*_head(message, how, width), *_body(message, how, width)])


def _head(message: Any, how: How, width: int) -> Iterator[str]:
    if how.headers:
        for name, value in message.reading.headers:
            yield from _field(printable.line(name), printable.line(value), how, width)
    else:
        envelope = message.reading.envelope
        summary = message.summary
        yield from _field("From", _addresses(envelope.sender), how, width)
        yield from _field("To", _addresses(envelope.to), how, width)
        yield from _field("Cc", _addresses(envelope.cc), how, width)
        yield from _field("Date", _date(envelope.date, envelope.zone, summary.arrived), how, width)
        yield from _field("Subject", printable.line(envelope.subject), how, width)
        security = ", ".join(said for mark, said in _MARKS if mark in message.reading.marks)
        yield from _field("Security", security, how, width)
        there = [part for part in message.reading.parts if part.attachment]
        for n, part in enumerate(there, 1):
            name = printable.line(part.name) or part.type
            yield from _field("Attachment", f"{n} {name} ({part.type}, {size(part.size)})", how, width)
    yield "\n"


def _date(seconds: float | None, zone: int | None, arrived: float) -> str:
    if seconds is None:
        return f"{dates.long(arrived, None)} (arrival)"
    return dates.long(seconds, zone)


def _addresses(addresses: Sequence[Any]) -> str:
    return printable.line(", ".join(map(address_text, addresses)))


def _field(name: str, value: str, how: How, width: int) -> Iterator[str]:
    if not value:
        return
    lines = cells.wrap(value, max(20, width - len(name) - 2)) if width else [value]
    shown = cells.styled(f"{name}:", "cyan") if how.colour else f"{name}:"
    yield f"{shown} {lines[0]}\n"
    for line in lines[1:]:
        yield f"{' ' * (len(name) + 2)}{line}\n"


def _body(message: Any, how: How, width: int) -> Iterator[str]:
    reading = message.reading
    text = printable.block(reading.html if how.html else reading.text)
    for line in text.splitlines() if text else ():
        quoted = line.startswith(">")
        for shown in wrap.lines(line, width, cells.width) if width and not how.html else (line,):
            yield (cells.styled(shown, "green") if quoted and how.colour else shown) + "\n"


def _of_summary(field: Field) -> Field:
    return Field(field.kind, lambda message: field.get(message.summary), field.of, field.none)


READING: Final = View(
    "reading",
    {
        **{name: _of_summary(field) for name, field in FIELDS.items()},
        "headers": Field("pairs", lambda m: m.reading.headers),
        "text": Field("text", lambda m: m.reading.text),
        "html": Field("text", lambda m: m.reading.html),
        "parts": Field("objects", lambda m: m.reading.parts, PARTS),
    },
    text=_layout,
    ident=lambda m: (m.summary.id,),
)
