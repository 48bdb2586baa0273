"""Saved queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mailcli.cli.views.view import Column, Field, Look, View
from mailcli.model import printable


def _columns(rows: Sequence[Any], _look: Look) -> Sequence[Column]:
    columns = [
        Column("name", lambda q, _: printable.line(q.name), lambda _: "bold", keep=0),
        Column("query", lambda q, _: printable.line(q.query), grow=True, keep=0),
    ]
    if any(row.problem for row in rows):
        columns.append(Column("problem", lambda q, _: printable.line(q.problem), lambda _: "red", keep=1))
    return columns


QUERIES: Final = View(
    "query",
    {
        "name": Field("text", lambda q: q.name),
        "query": Field("text", lambda q: q.query),
        "problem": Field("text", lambda q: q.problem),
    },
    tsv=("name", "query"),
    columns=_columns,
)
