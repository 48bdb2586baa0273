"""How often a large message is in memory: counted in octets, which do not drift."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

from mailcli.mime import compose, raw
from mailcli.model.address import Address
from mailcli.model.draft import Attachment, Draft

ME = Address("", "me@example.org")
SIZE = 12_000_000


def peak(work: Callable[[], object]) -> int:
    """Octets that were held at once, besides those that were there before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_attachment_is_encoded_into_the_message_and_nowhere_else() -> None:
    attached = Attachment("f", "application/octet-stream", bytes(SIZE))
    draft = Draft(ME, (ME,), (), (), "s", "text\n", 0.0, 0, "1@example.org", attachments=(attached,))
    assert peak(lambda: compose.compose(draft)) < SIZE * 78 / 57 * 1.3


def test_a_whole_message_that_lacks_nothing_is_not_copied() -> None:
    head = b"From: a@b.c\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <m@x>\r\n\r\n"
    data = head + (b"x" * 74 + b"\r\n") * (SIZE // 76)

    def submission(octets: bytes) -> raw.RawMessage:
        return raw.submission(octets, recipients_from_header=False, now=0.0, default_sender=ME)

    assert submission(data).data == data
    lines = data.replace(b"\r\n", b"\n")
    assert peak(lambda: submission(lines)) < SIZE * 1.2
