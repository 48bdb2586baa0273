"""Queries that a header answers before the message is downloaded."""

from __future__ import annotations

import pytest

from mailcli.errors import QueryError
from mailcli.model.query.parse import parse
from mailcli.sync.pop3 import headerquery
from mailcli.sync.pop3.screening import Screen, Verdict

HEADER = (
    b"From: =?utf-8?q?J=C3=BCrgen?= News <Newsletter@lists.example.org>\r\n"
    b'To: bob@example.org, "Carol, Dr." <carol@example.net>\r\n'
    b"Subject: =?iso-8859-1?Q?Gro=DFer?= Weekly\r\n  digest no_7\r\n"
    b"List-Id: The list <weekly.lists.example.org>\r\n"
    b"X-Spam-Score: 7.5\r\n"
    b"Date: Mon, 2 Nov 2015 10:00:00 +0100\r\n\r\n"
)


def holds(text: str, size: int = 5000, header: bytes = HEADER) -> bool:
    query = parse(text, now=1_700_000_000.0)
    headerquery.check(query)
    return headerquery.Header(header, size, ["bob@example.org"]).holds(query.node)


@pytest.mark.parametrize(
    "text",
    [
        "from:newsletter",
        "from:newsletter@lists.example.org",
        "from:jurgen",
        "from:news*",
        'subject:"weekly digest"',
        "subject:digest*",
        "to:carol cc:nobody OR list:weekly",
        "list:weekly.lists.example.org",
        "header.x-spam-score:7.5",
        "header.x-spam-score:*",
        "subject:/gro.er w/",
        "weekly",
        "to:me",
        "larger:4K smaller:1M",
        "before:2016-01-01 after:2015-01-01",
        "-from:boss",
        "older_than:1y",
    ],
)
def test_a_header_and_a_size_answer(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "from:letter",
        "from:example.com",
        'subject:"digest weekly"',
        "subject:wee",
        "header.x-nothing:*",
        "from:me",
        "larger:1M",
        "after:2016-01-01",
        "from:newsletter -list:weekly",
        "cc:carol",
    ],
)
def test_what_does_not_stand_there_is_not_found(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(
    "text", ["body:x", "in:INBOX", "is:unread", "has:attachment", "filename:pdf", "a NEAR b"]
)
def test_what_only_the_message_or_the_mailbox_knows_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="cannot be known before the download"):
        headerquery.check(parse(text, now=0.0))


@pytest.mark.parametrize("header", [b"", b"\xff\xfe\r\n\r\n", b"no header at all\r\n", b"From:\r\n" * 5000])
def test_no_header_is_too_odd_to_be_judged(header: bytes) -> None:
    assert not holds("from:alice", header=header)


def test_what_is_to_be_skipped_and_discarded_is_skipped() -> None:
    screen = Screen(0, parse("list:weekly", now=0.0), parse("from:newsletter", now=0.0))
    assert screen.verdict(HEADER, 100) is Verdict.SKIP
    assert Screen(0, None, screen.discard).verdict(HEADER, 100) is Verdict.DISCARD
