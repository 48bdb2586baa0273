"""The serialiser held against the strict rules and the standard library's parser, over every name, subject
and attachment that real mail and other parsers' fixtures have."""

from __future__ import annotations

import email.headerregistry
import email.policy
from collections.abc import Iterator
from email import message_from_bytes
from typing import cast

import pytest

from mailcli.errors import MessageMalformed
from mailcli.mime import compose, encode, read, reply
from mailcli.model import printable
from mailcli.model.address import Address
from mailcli.model.draft import Draft
from tests.corpus import corpus
from tests.support.header_rules import faults

pytestmark = pytest.mark.skipif(corpus.directory() is None, reason="the corpus is not beside the checkout")

ME = Address("Me", "me@example.org")


EVERY = 12
"""Of the lists one mail in so many, of the fixtures all."""


def originals() -> Iterator[tuple[str, bytes]]:
    for name in corpus.LISTS:
        yield from list(corpus.mails(name).items())[::EVERY]
    for name, data in corpus.fixtures().items():
        if name.endswith((".eml", ".txt", ".msg")) and len(data) < 200_000:
            yield name, data


def sendable(found: tuple[Address, ...]) -> tuple[Address, ...]:
    """Those of real mail's addresses that can be written to."""
    kept = []
    for address in found:
        try:
            encode.addr_spec(address.email, smtputf8=True)
        except MessageMalformed:
            continue
        kept.append(Address(printable.line(address.name), address.email))
    return tuple(kept)


def letter(data: bytes) -> Draft:
    """A forward of the message to everybody in it, as an answer to it, under its own subject."""
    draft = reply.forward_draft(data, sender=ME, date=0.0, zone=60, message_id="new@example.org")
    envelope = read.envelope(data)
    return draft._replace(
        subject=printable.line(envelope.subject),
        to=sendable((*envelope.sender, *envelope.to))[:200],
        cc=sendable(envelope.cc)[:200],
        in_reply_to=reply.references(envelope)[-1:],
    )


def test_what_is_made_of_any_mail_keeps_the_rules_and_arrives() -> None:
    seen: set[tuple[object, ...]] = set()
    for name, data in originals():
        draft = letter(data)
        key: tuple[object, ...] = (
            draft.subject,
            draft.to,
            draft.cc,
            tuple((a.name, a.type) for a in draft.attachments),
        )
        if key in seen:
            continue
        seen.add(key)
        foreign = not all(a.email.rpartition("@")[0].isascii() for a in (*draft.to, *draft.cc))
        made = compose.compose(draft, eightbit=False, smtputf8=foreign)
        assert faults(made, smtputf8=foreign) == [], name
        again = read.reading(made)
        assert again.envelope.subject == draft.subject.strip(" \t"), name
        found = (*again.envelope.to, *again.envelope.cc)
        assert [" ".join(a.name.split()) for a in found] == [
            " ".join(a.name.split()) for a in (*draft.to, *draft.cc)
        ], name
        parts = [part for part in again.parts if part.attachment]
        kept = [part for part in parts if not any(_inside(part.n, outer.n) for outer in parts)]
        if not any(part.n.endswith((".u1", ".t1")) for part in again.parts):
            assert [p.name for p in kept] == [a.name for a in draft.attachments], name
        _agrees(name, made, draft)
    assert len(seen) > 500


def _inside(inner: str, outer: str) -> bool:
    return inner.startswith(f"{outer}.")


def _agrees(name: str, made: bytes, draft: Draft) -> None:
    """The standard library reads the same, where it reads at all."""
    parsed = message_from_bytes(made, policy=email.policy.default)
    try:
        subject, to = str(parsed["Subject"]), parsed["To"]
    except (ValueError, AttributeError, IndexError, TypeError):
        return  # policy.default raises on some
    assert subject.split() == draft.subject.split(), name
    assert parsed["Message-ID"] == "<new@example.org>", name
    # of UTF-8 in a header (RFC 6532) the standard library makes surrogates
    if made.isascii() and to is not None and not any('"' in a.email or "\\" in a.name for a in draft.to):
        emails = [a.addr_spec for a in cast(email.headerregistry.AddressHeader, to).addresses]
        assert emails == [encode.addr_spec(a.email, smtputf8=True) for a in draft.to], name
