import pytest

from mailcli.mime import dates


@pytest.mark.parametrize(
    ("text", "seconds", "zone"),
    [
        ("Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360),
        ("21 Nov 1997 09:55:06 -0600", 880127706, -360),
        ("Fri, 21 Nov 97 09:55:06 -0600", 880127706, -360),
        ("21 Nov 97 9:55 EST", 880124100, -300),
        ("Fri, 21 Nov 1997 15:55:06 GMT", 880127706, 0),
        ("Fri, 21 Nov 1997 15:55:06 +0000 (UTC)", 880127706, 0),
        ("Fri, 21 Nov 1997 15:55:06 -0000", 880127706, None),
        ("Fri, 21 Nov 1997 15:55:06", 880127706, None),
        ("Fri, 21 Nov 1997 15:55:06 XYZ", 880127706, None),
        ("Fri, 21 Nov 1997 15:55:06 GMT+0100", 880124106, 60),
        ("Fri, 21 Nov 1997 15:55:06 +01:00", 880124106, 60),
        ("Fri, 21 Nov 1997 15:55:06 +0545", 880107006, 345),
        ("Fri, 21-Nov-1997 15:55:06 GMT", 880127706, 0),
        ("Fri Nov 21 15:55:06 1997", 880127706, None),
        ("Fri Nov 21 15:55:06 CET 1997", 880124106, 60),
        ("1997-11-21T15:55:06Z", 880127706, 0),
        ("November 21, 1997 3:55:06 PM", 880127706, None),
        ("Fri, 21 Nov 1997 15.55.06 +0000", 880127706, 0),
        ("29 Feb 2024 00:00:00 +0000", 1709164800, 0),
        ("31 Dec 1969 23:59:59 +0000", -1, 0),
        ("Mon, 18 Jan 2038 00:00 +0000", 2147385600, 0),
    ],
)
def test_dates_in_many_forms_name_the_same_moment(text: str, seconds: int, zone: int | None) -> None:
    assert dates.parse(text) == (float(seconds), zone)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "31 Feb 2024 00:00:00 +0000",
        "29 Feb 2023 00:00:00 +0000",
        "1 Jan 0001 00:00:00 +0000",
        "1 Jan 2024 25:00:00 +0000",
        "1 Jan 2024 00:61:00 +0000",
        "1 Foo 2024 00:00:00 +0000",
        "0 Jan 2024 00:00:00 +0000",
        "1 Jan 20240 00:00:00 +0000",
    ],
)
def test_absurd_dates_are_none(text: str) -> None:
    assert dates.parse(text) == (None, None)


def test_an_impossible_zone_is_no_zone() -> None:
    assert dates.parse("1 Jan 2024 00:00:00 +9900") == (1704067200.0, None)
