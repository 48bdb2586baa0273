"""Mail that nobody should send: fetched, listed, searched, read, in bounded time and without an error."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.program import Mailbox

HEAD = b"From: eve@example.org\nTo: bob@example.net\nMessage-ID: <%s@example.org>\nSubject: %s\n"


def head(name: bytes) -> bytes:
    return HEAD % (name, name)


def nested(levels: int) -> bytes:
    """Multiparts within multiparts, a text in the innermost."""
    parts = [head(b"nested") + b"MIME-Version: 1.0\n"]
    parts += [b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(levels)]
    parts.append(b"Content-Type: text/plain\n\ninnermost words\n")
    parts += [b"--b%d--\n" % n for n in reversed(range(levels))]
    return b"".join(parts)


def forwarded(levels: int) -> bytes:
    """Messages within messages."""
    step = b"Subject: inner\nContent-Type: message/rfc822\n\n"
    return (
        head(b"forwarded")
        + b"Content-Type: message/rfc822\n\n"
        + step * levels
        + b"Subject: last\n\nlast words\n"
    )


def many_parts(count: int) -> bytes:
    top = head(b"many") + b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"\n\n'
    return top + b"--x\nContent-Type: text/plain\n\npart\n" * count + b"--x--\n"


MAILS = {
    "nuls": head(b"nuls") + b"\nbefore\x00after\x00\x00 of the body\n",
    "nuls-in-header": b"Message-ID: <z@x>\nSubject: nuls-in\x00-header\nFrom: \x00@\x00\n\nbody\n",
    "nested": nested(5000),
    "forwarded": forwarded(5000),
    "many": many_parts(5000),
    "long-line": head(b"long-line") + b"X-Long: " + b"word " * (2 << 18) + b"\n\nshort body\n",
    "long-subject": b"Message-ID: <ls@x>\nSubject: long-subject " + b"a" * (2 << 20) + b"\n\nbody\n",
    "many-addresses": head(b"many-addresses")
    + b"Cc: "
    + b", ".join([b"a <a@x.test>"] * 100_000)
    + b"\n\nbody\n",
    "comments": head(b"comments") + b"Reply-To: " + b"(" * 100_000 + b"\n\nbody\n",
    "references": head(b"references")
    + b"References: "
    + b" ".join(b"<%d@x>" % n for n in range(50_000))
    + b"\n\nbody\n",
    "only-headers": head(b"only-headers").removesuffix(b"\n"),
    "no-header": b"\nbody without a header\n",
    "empty": b"\n",
    "controls": head(b"controls \x1b]0;owned\x07 \xe2\x80\xae txt") + b"\n\x1b[31mred\x1b[0m \x9b31m \x07\n",
    "charset": head(b"charset") + b"Content-Type: text/plain; charset=unknown-9\n\n\xff\xfe\xfd\n",
    "base64": head(b"base64") + b"Content-Transfer-Encoding: base64\n\n!!!! not base64 ====\n",
    "html": head(b"html") + b"Content-Type: text/html\n\n" + b"<div>" * 50_000 + b"deep" + b"\n",
    "table": head(b"table") + b"Content-Type: text/html\n\n" + b"<table><tr><td>" * 3_000 + b"deep\n",
    "dates": head(b"dates") + b"Date: Fri, 99 Foo 99999 99:99:99 +9999\n\nbody\n",
}


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_every_bad_mail_is_fetched_listed_searched_and_read(
    make_mailbox: Callable[..., Mailbox], protocol: str
) -> None:
    mailbox = make_mailbox(protocol, 0)
    mailbox.server.fill(mailbox.user, MAILS.values())
    done = mailbox.run("fetch").good()
    assert done.out == f"test: {len(MAILS)} new, 0 changed, 0 gone\n"
    listed = json.loads(mailbox.run("list", "--json").good().out)["data"]
    assert len(listed) == len(MAILS)
    assert len(mailbox.run("list").good().out.splitlines()) == len(MAILS)
    assert mailbox.run("search", "body", "--count").good().out.strip().isdigit()
    ids = [row["id"] for row in listed]
    shown = mailbox.run("read", *ids).good().out
    for words in ("short body", "body without a header", "before", "red", "deep"):
        assert words in shown, words
    assert not set(shown) & set("\x00\x07\x1b\x9b\u202e")
    read = json.loads(mailbox.run("read", "--json", *ids).good().out)["data"]
    assert [row["id"] for row in read] == ids
    mailbox.run("index", "check").good()
    assert mailbox.run("fetch").good().out == "test: 0 new, 0 changed, 0 gone\n"


@pytest.mark.parametrize("name", ["nuls", "only-headers", "empty", "controls"])
def test_a_bad_mail_is_kept_byte_for_byte(make_mailbox: Callable[..., Mailbox], name: str) -> None:
    mailbox = make_mailbox("imap", 0)
    mailbox.server.fill(mailbox.user, [MAILS[name]])
    mailbox.run("fetch").good()
    (wire,) = mailbox.server.messages(mailbox.user).values()
    (file,) = mailbox.files()
    assert file.read_bytes() in (wire, wire.replace(b"\r\n", b"\n"))
