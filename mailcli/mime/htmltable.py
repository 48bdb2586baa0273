"""Tables that hold data, told from tables that lay out a page, and set in columns."""

from __future__ import annotations

from typing import Any, Final
from unicodedata import east_asian_width

_MAX_WIDTH: Final = 120
_MAX_CELL: Final = 60
_MAX_ROWS: Final = 500
_MAX_CELLS: Final = 20_000
_BLOCKS: Final = "td > div > div, td ul, td ol, td p + p, td blockquote, td pre"


class Table:
    """The cells of a table of data, as nodes."""

    def __init__(self, rows: list[list[Any]], header: bool) -> None:
        self.rows = rows
        self.header = header

    @classmethod
    def of(cls, node: Any) -> Table | None:
        """The table, None if it is one of layout: one row or column, other blocks or long text
        in its cells."""
        # a selector is matched against the whole document, and the node itself is among its matches
        if len(node.css("table")) > 1 or node.css_first(_BLOCKS) is not None:
            return None
        rows: list[list[Any]] = []
        count = 0
        for row in node.css("tr"):
            cells = [cell for cell in row.iter() if cell.tag in ("td", "th")]
            count += len(cells)
            if cells:
                rows.append(cells)
            if count > _MAX_CELLS or len(rows) > _MAX_ROWS:
                return None
        if len(rows) < 2 or max(map(len, rows)) < 2:
            return None
        full = sum(1 for row in rows if len(row) >= 2)
        if full * 3 < len(rows) * 2:
            return None
        lengths = [len(" ".join((cell.text() or "").split())) for row in rows for cell in row]
        if max(lengths) > 200 or sum(length > _MAX_CELL for length in lengths) * 5 > len(lengths):
            return None
        if sum(map(bool, lengths)) * 2 < len(lengths):
            return None  # mostly empty cells are spacers
        return cls(rows, all(cell.tag == "th" for cell in rows[0]))

    def lines(self, rows: list[list[str]]) -> list[str]:
        """The rows in columns two spaces apart; one `a | b` line a row if they are too wide."""
        flat = [[" ".join(cell.split()) for cell in row] for row in rows]
        flat = [row for row in flat if any(row)]
        if not flat:
            return []
        count = max(map(len, flat))
        widths = [max((_width(row[i]) for row in flat if i < len(row)), default=0) for i in range(count)]
        if sum(widths) + 2 * (count - 1) > _MAX_WIDTH:
            return [" | ".join([cell for cell in row if cell]) for row in flat]
        out = []
        for row in flat:
            cells = [cell + " " * (widths[i] - _width(cell)) for i, cell in enumerate(row)]
            out.append("  ".join(cells).rstrip())
        if self.header:
            out.insert(1, "  ".join(["-" * width for width in widths if width]))
        return out


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
