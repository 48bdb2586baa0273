"""The forms a result can take. Each printer turns rows into text, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from mailcli.cli.views.view import Look, View, reader, record
from mailcli.model import printable

if TYPE_CHECKING:
    from mailcli.cli.template import Template

SCHEMA: Final = 1
"""The version of the --json document."""

_PIECE: Final = 500  # rows a write: large enough to be fast, small enough for `| head`


def pieces(rows: Iterable[str]) -> Iterator[str]:
    """Rows joined into texts worth a write each."""
    stream = iter(rows)
    while piece := "".join(islice(stream, _PIECE)):
        yield piece


def tsv(view: View, rows: Iterable[Any], end: str) -> Iterator[str]:
    """Unpadded tab-separated lines; every cell is one line of harmless text."""
    readers = [reader(view.fields[name]) for name in view.tsv]
    tabs = len(readers) - 1
    for row in rows:
        values = [read(row) for read in readers]
        line = "\t".join(values)
        # One look at the whole line is cheaper than one at each cell, and nearly always enough.
        if not (line.count("\t") == tabs and line.replace("\t", "").isprintable()):
            line = "\t".join([printable.line(value) for value in values])
        yield line + end


def ids(view: View, rows: Iterable[Any], end: str) -> Iterator[str]:
    assert view.ident is not None
    for row in rows:
        for ident in view.ident(row):
            yield ident + end


def templated(template: Template, rows: Iterable[Any], end: str) -> Iterator[str]:
    for row in rows:
        yield template.render(row) + end


def text(view: View, rows: Iterable[Any], look: Look, between: str) -> Iterator[str]:
    assert view.text is not None
    for n, row in enumerate(rows):
        yield (between if n else "") + view.text(row, look)


def json_document(
    view: View, rows: Iterable[Any], following: str | None, warnings: Sequence[str]
) -> Iterator[str]:
    """The one document of schema 1, a row on each line. `warnings` is read after the last row."""
    from json import JSONEncoder

    encode = JSONEncoder(ensure_ascii=False).encode
    yield f'{{"schema": {SCHEMA}, "data": ['
    mark = "\n"
    for row in rows:
        yield mark + _harmless(encode(record(view, row)))
        mark = ",\n"
    told = _harmless(encode([printable.line(each) for each in warnings]))
    closing = "\n]" if mark != "\n" else "]"
    yield f'{closing}, "next": {encode(following)}, "warnings": {told}}}\n'


def json_line(view: View, row: Any) -> str:
    """A row's JSON object alone, on one line, without its end."""
    from json import dumps

    return _harmless(dumps(record(view, row), ensure_ascii=False))


def json_value(value: object, warnings: Sequence[str]) -> str:
    """The same document with one bare value for its data."""
    from json import dumps

    return f'{{"schema": {SCHEMA}, "data": {dumps(value)}, "next": null, "warnings": {dumps(warnings)}}}\n'


def _harmless(document: str) -> str:
    r"""Control, bidi and surrogate characters as \u escapes: the value stays, a terminal is safe."""
    if document.isascii() or document.isprintable():
        return document
    import re

    unsafe = "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
    return re.sub(unsafe, lambda match: f"\\u{ord(match[0]):04x}", document)
