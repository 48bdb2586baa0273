from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailcli.errors import UsageError
from mailcli.model.moment import moment

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC).timestamp()  # a Saturday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-24T18:00", "2026-12-24T18:00:00"),
        ("2026-12-24 18:00:30", "2026-12-24T18:00:30"),
        ("2026-12-24T18:00+02:00", "2026-12-24T16:00:00"),
        ("2026-12-24T18:00Z", "2026-12-24T18:00:00"),
        ("2026-12-24", "2026-12-24T08:00:00"),
        ("17:30", "2026-11-21T17:30:00"),
        ("8:00", "2026-11-22T08:00:00"),
        ("9am", "2026-11-22T09:00:00"),
        ("9:15 PM", "2026-11-21T21:15:00"),
        ("12am", "2026-11-22T00:00:00"),
        ("noon", "2026-11-22T12:00:00"),
        ("tomorrow", "2026-11-22T08:00:00"),
        ("tomorrow 9am", "2026-11-22T09:00:00"),
        ("Tomorrow at 18:00", "2026-11-22T18:00:00"),
        ("today 18:00", "2026-11-21T18:00:00"),
        ("monday 8:00", "2026-11-23T08:00:00"),
        ("mon 8:00", "2026-11-23T08:00:00"),
        ("saturday 8:00", "2026-11-28T08:00:00"),
        ("saturday 18:00", "2026-11-21T18:00:00"),
        ("+2h", "2026-11-21T14:30:00"),
        ("+90min", "2026-11-21T14:00:00"),
        ("+3 days", "2026-11-24T12:30:00"),
        ("+1w", "2026-11-28T12:30:00"),
    ],
)
def test_a_moment_is_read_as_people_write_it(text: str, expected: str) -> None:
    assert datetime.fromtimestamp(moment(text, NOW, UTC), UTC).isoformat()[:19] == expected


@pytest.mark.parametrize(
    "text",
    ["", "soon", "25:00", "8", "8:61", "13pm", "tomorrow never", "+2", "2026-13-01", "mo", "+99999999h"],
)
def test_what_is_no_moment_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="no time to come") as refused:
        moment(text, NOW, UTC)
    assert "tomorrow 9am" in refused.value.hint


@pytest.mark.parametrize("text", ["2026-11-20T08:00", "today 8:00", "1999-01-01"])
def test_what_is_past_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="past"):
        moment(text, NOW, UTC)
