from __future__ import annotations

import pytest

from mailcli.errors import QueryError
from mailcli.model.extent import BodyPolicy, Extent, earliest, octets
from mailcli.sync.imap.extent import choose

NOW = 1_700_000_000.0
DAY = 86400
SIZES = {1: 10, 2: 2000, 3: 10, 4: 2000}
UIDS = [4, 3, 2, 1]


@pytest.mark.parametrize(
    ("extent", "whole", "headers", "skipped"),
    [
        (Extent(), [4, 3, 2, 1], [], []),
        (Extent("headers"), [], [4, 3, 2, 1], []),
        (Extent(max_size=1000), [3, 1], [4, 2], []),
        (Extent(max_size=2000), [4, 3, 2, 1], [], []),
        (Extent("recent"), [4, 3], [2, 1], []),
        (Extent("recent", max_size=1000), [3], [4, 2, 1], []),
        (Extent("recent", older="skip"), [4, 3], [], [2, 1]),
        (Extent("recent", older="skip", max_size=1000), [3], [4], [2, 1]),
    ],
)
def test_what_comes_of_each_message(
    extent: Extent, whole: list[int], headers: list[int], skipped: list[int]
) -> None:
    assert choose(extent, UIDS, SIZES, {3, 4}) == (whole, headers, skipped)


def test_a_message_of_unknown_size_comes_whole() -> None:
    assert choose(Extent(max_size=5), [9], {}).whole == [9]


@pytest.mark.parametrize(
    ("text", "days"),
    [("90d", 90), ("90 days", 90), ("1 day", 1), ("2w", 14), ("2 weeks", 14)],
)
def test_an_age_is_written_short_or_long(text: str, days: int) -> None:
    assert 0 <= NOW - days * DAY - earliest(text, NOW) <= DAY


def test_months_and_years_go_by_the_calendar() -> None:
    assert earliest("3 months", NOW) == earliest("3mo", NOW) < earliest("90d", NOW)
    assert earliest("1 year", NOW) == earliest("12mo", NOW)
    assert earliest("2023-05", NOW) == earliest("2023-05-01", NOW)


@pytest.mark.parametrize("text", ["", "soon", "90", "2999", "tomorrow", "-3d"])
def test_what_is_no_time_of_the_past_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        earliest(text, NOW)


def test_sizes_have_a_unit_or_none() -> None:
    assert [octets(t) for t in ("7", "5k", "10M", "1 GB", "2MiB", "x", "1.5M")] == [
        *(7, 5 << 10, 10 << 20, 1 << 30, 2 << 20, None, None),
    ]


def test_the_own_name_of_a_folder_goes_before_patterns() -> None:
    full, bare = Extent(), Extent("headers")
    policy = BodyPolicy(Extent("recent"), (("*", bare), ("[Gmail]/*", full), ("INBOX", full)))
    assert policy.of("INBOX") == full
    assert policy.of("[Gmail]/Sent") == bare  # the first pattern that fits
    assert BodyPolicy(bare, (("[Gmail]/*", full),)).of("[Gmail]/Sent") == full
    assert BodyPolicy(bare, (("[Gmail]/*", full),)).of("G/Sent") == bare
