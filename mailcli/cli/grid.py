"""The table a terminal gets: aligned, coloured, fitted to its width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from mailcli.cli import cells
from mailcli.cli.views.view import Column, Look, View

_GAP: Final = 2


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
