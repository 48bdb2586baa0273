"""The lines a pipe is given are those of the general form, however odd the mail."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailcli.app import listing
from mailcli.app.context import Context
from mailcli.cli import printers
from mailcli.cli.views.messages import MESSAGES, lines
from mailcli.store.values import Arrival

texts = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from("\t\n\r\x00\x1b\u202e\u2028\ufeffaé会")),
    max_size=20,
)
dates = st.one_of(
    st.sampled_from(
        [
            *("", "Thu, 01 Jan 1970 00:00:00 +0000", "Sun, 29 Mar 2026 02:30:00 +0100"),
            *(
                "Sun, 29 Mar 2026 00:59:59 -0000",
                "Sun, 25 Oct 2026 01:30:00 -0000",
                "Fri, 31 Dec 9999 23:59:59",
            ),
            *("Mon, 01 Jan 1900 00:00:00 +0053", "Tue, 06 May 2025 23:59:59 -1130", "Tue, 06 May 2025 +9999"),
        ]
    ),
    st.datetimes().map(lambda then: then.strftime("%a, %d %b %Y %H:%M:%S +0530")),
)
keywords = st.lists(st.sampled_from(["$Forwarded", "$Junk", "work", "a"]), unique=True)


@pytest.fixture(params=["UTC", "Europe/Berlin", "Australia/Lord_Howe"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(texts, texts, dates, keywords), min_size=1, max_size=12))
def test_the_lines_of_a_search_are_those_of_its_rows(
    tmp_path_factory: pytest.TempPathFactory, zone: str, mails: list[tuple[str, str, str, list[str]]]
) -> None:
    directory = tmp_path_factory.mktemp("lines")
    ctx = Context.open(profile=directory, environ={"HOME": str(directory)})
    try:
        folder = ctx.store.ensure_folder("local", "IN\tBOX")
        letters = [
            f"From: {name} <a@x.test>, b@x.test\r\nSubject: {subject}\r\nDate: {date}\r\n\r\nhi\r\n"
            for name, subject, date, _ in mails
        ]
        ctx.store.deliver(
            [
                Arrival(folder, letter.encode(), arrived=1_795_000_000.5 + n, flags=frozenset(mails[n][3]))
                for n, letter in enumerate(letters)
            ]
        )
        for asked in ({}, {"limit": 3}, {"sort": "relevance"}, {"threads": True}, {"reverse": True}):
            page = listing.search(ctx, ["in:any"], **asked)
            found = listing.search_lines(ctx, ["in:any"], **asked)
            for end in ("\n", "\0"):
                assert list(lines(found, end)) == list(printers.tsv(MESSAGES, page.rows, end))
            alone = listing.search_lines(ctx, ["in:any"], ids=True, **asked)
            assert list(lines(alone, "\n")) == [f"{row.id}\n" for row in page.rows]
            assert found.next == page.next == alone.next
    finally:
        ctx.close()
