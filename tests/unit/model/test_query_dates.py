from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from mailcli.errors import QueryError
from mailcli.model.query.ast import Size, When
from mailcli.model.query.parse import parse

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC).timestamp()  # a Saturday


def bounds(text: str, zone: timezone | ZoneInfo = UTC) -> tuple[str | None, str | None]:
    """Both bounds of a date term as ISO 8601 in UTC."""
    node = parse(text, now=NOW, zone=zone).node
    assert isinstance(node, When)
    low, high = (
        None if s is None else datetime.fromtimestamp(s, UTC).isoformat()[:19] for s in (node.low, node.high)
    )
    return low, high


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("date:2024", "2024-01-01T00:00:00", "2024-12-31T23:59:59"),
        ("date:2024-02", "2024-02-01T00:00:00", "2024-02-29T23:59:59"),
        ("date:2023-12", "2023-12-01T00:00:00", "2023-12-31T23:59:59"),
        ("date:2024/5/3", "2024-05-03T00:00:00", "2024-05-03T23:59:59"),
        ("date:20240503", "2024-05-03T00:00:00", "2024-05-03T23:59:59"),
        ("date:2024-05-03T10:30", "2024-05-03T10:30:00", "2024-05-03T10:30:59"),
        ("date:2024-05-03T10:30:05", "2024-05-03T10:30:05", "2024-05-03T10:30:05"),
        ('date:"2024-05-03 10:30"', "2024-05-03T10:30:00", "2024-05-03T10:30:59"),
        ("date:2024-05-03T10:30+02:00", "2024-05-03T08:30:00", "2024-05-03T08:30:59"),
        ("date:2024-05-03T10:30z", "2024-05-03T10:30:00", "2024-05-03T10:30:59"),
        ("date:2024-05..", "2024-05-01T00:00:00", None),
        ("date:..2024-05", None, "2024-05-31T23:59:59"),
        ("date:2024-05..2024-06", "2024-05-01T00:00:00", "2024-06-30T23:59:59"),
        ("date:today", "2024-06-01T00:00:00", "2024-06-01T23:59:59"),
        ("date:Yesterday", "2024-05-31T00:00:00", "2024-05-31T23:59:59"),
        ("date:monday", "2024-05-27T00:00:00", "2024-05-27T23:59:59"),
        ("date:saturday", "2024-06-01T00:00:00", "2024-06-01T23:59:59"),
        ("date:this_week", "2024-05-27T00:00:00", "2024-06-02T23:59:59"),
        ("date:last-week", "2024-05-20T00:00:00", "2024-05-26T23:59:59"),
        ("date:lastmonth", "2024-05-01T00:00:00", "2024-05-31T23:59:59"),
        ("date:last_year", "2023-01-01T00:00:00", "2023-12-31T23:59:59"),
        ("date:3w..yesterday", "2024-05-11T00:00:00", "2024-05-31T23:59:59"),
        ("date:@1700000000", "2023-11-14T22:13:20", "2023-11-14T22:13:20"),
        ("before:2024-05-03", None, "2024-05-03T23:59:59"),
        ("after:2024-05-03", "2024-05-03T00:00:00", None),
        ("newer_than:90min", "2024-06-01T10:30:00", None),
        ("newer_than:36h", "2024-05-31T00:00:00", None),
        ("newer_than:1d", "2024-05-31T12:00:00", None),
        ("newer_than:3w", "2024-05-11T12:00:00", None),
        ("newer_than:3mo", "2024-03-01T12:00:00", None),
        ("older_than:1Y", None, "2023-06-01T12:00:00"),
    ],
)
def test_dates_mean_what_they_say_with_both_ends_included(
    text: str, low: str | None, high: str | None
) -> None:
    assert bounds(text) == (low, high)


def test_dates_are_local_time_across_a_change_to_summer_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert bounds("date:2024-03-31", berlin) == ("2024-03-30T23:00:00", "2024-03-31T21:59:59")
    assert bounds("date:2024-07", berlin) == ("2024-06-30T22:00:00", "2024-07-31T21:59:59")
    assert bounds("date:today", timezone(timedelta(hours=14))) == (
        "2024-06-01T10:00:00",
        "2024-06-02T09:59:59",
    )


def test_a_month_ago_is_the_last_day_of_a_shorter_month() -> None:
    now = datetime(2024, 3, 31, 8, 0, tzinfo=UTC).timestamp()
    node = parse("newer_than:1mo", now=now, zone=UTC).node
    assert isinstance(node, When)
    assert node.low == datetime(2024, 2, 29, 8, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "date:2024-13",
            "date:2024-02-30",
            "date:0001",
            "date:9999",
            "date:24-05-01",
            "date:soon",
            "date:..",
        ),
        *("date:2025..2024", "date:2024..2025..2026", "date:2024-05-01T25:00", "date:2024-05-01T10:00+99:00"),
        *(
            "newer_than:3",
            "newer_than:3weeks",
            "newer_than:yesterday",
            "older_than:99999y",
            "newer_than:2024",
        ),
        *(
            "before:2024..",
            "after:",
            "date:٢٠٢٤",
            "larger:x",
            "larger:-1",
            "larger:1M..2M",
            "size:..",
            "size:2M..1M",
        ),
    ],
)
def test_a_wrong_date_or_size_is_an_error(text: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text, now=NOW, zone=UTC)
    assert caught.value.message


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("larger:10M", 10 * 2**20 + 1, None),
        ("smaller:1.5k", None, 1535),
        ("size:1M..5MB", 2**20, 5 * 2**20),
        ("size:..1GiB", None, 2**30),
        ("size:100", 100, 100),
        ("size:2K", 2048, 3071),
    ],
)
def test_sizes_are_octets_in_powers_of_1024(text: str, low: int | None, high: int | None) -> None:
    node = parse(text, now=NOW).node
    assert isinstance(node, Size)
    assert (node.low, node.high) == (low, high)
