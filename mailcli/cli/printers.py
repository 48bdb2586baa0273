"""The forms a result can take. Each printer turns rows into text, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from mailcli.cli import cells
from mailcli.cli.output import SCHEMA
from mailcli.cli.template import Template
from mailcli.cli.views.view import Column, Look, View, plain, record
from mailcli.model import printable

_PIECE: Final = 500  # rows a write: large enough to be fast, small enough for `| head`
_GAP: Final = 2


def pieces(rows: Iterable[str]) -> Iterator[str]:
    """Rows joined into texts worth a write each."""
    stream = iter(rows)
    while piece := "".join(islice(stream, _PIECE)):
        yield piece


def tsv(view: View, rows: Iterable[Any], end: str) -> Iterator[str]:
    """Unpadded tab-separated lines; every cell is one line of harmless text."""
    fields = [view.fields[name] for name in view.tsv]
    tabs = len(fields) - 1
    for row in rows:
        values = [plain(field, field.get(row)) for field in fields]
        line = "\t".join(values)
        # One look at the whole line is cheaper than one at each cell, and enough for plain ASCII.
        if not (line.isascii() and line.count("\t") == tabs and line.replace("\t", "").isprintable()):
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
    from json import dumps

    yield f'{{"schema": {SCHEMA}, "data": ['
    mark = "\n"
    for row in rows:
        yield mark + _harmless(dumps(record(view, row), ensure_ascii=False))
        mark = ",\n"
    told = _harmless(dumps([printable.line(each) for each in warnings], ensure_ascii=False))
    closing = "\n]" if mark != "\n" else "]"
    yield f'{closing}, "next": {dumps(following)}, "warnings": {told}}}\n'


def _harmless(document: str) -> str:
    r"""Control, bidi and surrogate characters as \u escapes: the value stays, a terminal is safe."""
    if document.isascii() or document.isprintable():
        return document
    import re

    unsafe = "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
    return re.sub(unsafe, lambda match: f"\\u{ord(match[0]):04x}", document)


def table(view: View, rows: Sequence[Any], look: Look, colour: bool) -> Iterator[str]:
    """Aligned lines that fit the terminal."""
    assert view.columns is not None
    columns = list(view.columns(rows, look))
    content = [[column.get(row, look) for column in columns] for row in rows]
    widths = _widths(columns, content, look.width)
    last = max((n for n, width in enumerate(widths) if width), default=0)
    for row, values in zip(rows, content, strict=True):
        shown = []
        for n, (column, value, width) in enumerate(zip(columns, values, widths, strict=True)):
            if not width:
                continue
            if n == last and not column.right:
                value = cells.cut(value, width)
            else:
                value = cells.fit(value, width, right=column.right)
            shown.append(cells.styled(value, column.style(row)) if colour else value)
        yield (" " * _GAP).join(shown).rstrip() + "\n"


def _widths(columns: Sequence[Column], content: Sequence[Sequence[str]], room: int) -> list[int]:
    """The cells of each column, 0 for those left out."""
    need = [max((cells.width(row[n]) for row in content), default=0) for n in range(len(columns))]
    need = [min(w, c.most) if c.most else w for w, c in zip(need, columns, strict=True)]
    shown = [n for n, width in enumerate(need) if width]
    growing = [n for n in shown if columns[n].grow]
    while shown:
        fixed = sum(need[n] for n in shown if n not in growing) + _GAP * (len(shown) - 1)
        left = room - fixed
        wanted = min(20, room // 3) * len(growing)
        if left >= wanted or all(columns[n].keep == 0 for n in shown):
            break
        shown.remove(max(shown, key=lambda n: (columns[n].keep, n)))
    widths = [need[n] if n in shown and n not in growing else 0 for n in range(len(columns))]
    for n in growing:
        widths[n] = max(1, min(need[n], max(left, len(growing)) // len(growing)))
    return widths
