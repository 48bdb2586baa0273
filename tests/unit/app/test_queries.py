from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.app import listing, queries
from mailcli.app.context import Context
from mailcli.errors import NotFound, QueryError, UsageError
from tests.unit.app.test_importing_exporting import ctx  # noqa: F401  # the fixture


def names(ctx: Context) -> dict[str, str]:  # noqa: F811
    return {row.name: row.query for row in queries.saved(ctx)}


def test_a_saved_query_stands_for_its_text_until_it_is_deleted(ctx: Context) -> None:  # noqa: F811
    queries.save(ctx, "boss", ["from:boss", '"launch', 'plan"'])
    queries.save(ctx, "mañana", ["query:boss", "is:unread"])
    assert names(ctx) == {"boss": 'from:boss "launch plan"', "mañana": "query:boss is:unread"}
    assert "launch" in listing.explain(ctx, ["query:mañana"])
    queries.save(ctx, "boss", ["from:other"])
    assert names(ctx)["boss"] == "from:other"
    queries.delete(ctx, "boss")
    assert [(q.name, bool(q.problem)) for q in queries.saved(ctx)] == [("mañana", True)]
    with pytest.raises(NotFound, match="no saved query"):
        queries.delete(ctx, "boss")
    with pytest.raises(QueryError, match="no saved query"):
        listing.search(ctx, ["query:boss"])


@pytest.mark.parametrize("name", ["", "two words", 'a"b', "x)", "star*", "line\nbreak"])
def test_a_name_that_could_not_be_written_in_a_query_is_refused(ctx: Context, name: str) -> None:  # noqa: F811
    with pytest.raises(UsageError):
        queries.save(ctx, name, ["x"])
    assert names(ctx) == {}


@pytest.mark.parametrize("text", ["(", "query:nothere", "query:a x", ""])
def test_what_does_not_parse_or_contains_itself_is_not_saved(ctx: Context, text: str) -> None:  # noqa: F811
    with pytest.raises(QueryError):
        queries.save(ctx, "a", [text])
    assert names(ctx) == {}


def test_what_stands_in_the_configuration_stays(ctx: Context) -> None:  # noqa: F811
    path = Path(ctx.paths.config)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# mine\n[queries]  # these\nold = 'x'\n\n[aliases]\na = 'a@x.test'\n")
    ctx.reload()
    queries.save(ctx, "new", ["y"])
    assert names(ctx) == {"old": "x", "new": "y"}
    assert (
        path.read_text()
        == "# mine\n[queries]  # these\nold = 'x'\nnew = \"y\"\n\n[aliases]\na = 'a@x.test'\n"
    )
