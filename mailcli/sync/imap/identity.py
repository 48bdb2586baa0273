"""What messages are recognised by, on a server that does not say which is which."""

from __future__ import annotations

from typing import Final

MESSAGE_ID: Final = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"


def message_id(header: bytes) -> str:
    """The id in the one field that was asked for, without its brackets."""
    _, _, value = header.partition(b":")
    text = b"".join(value.split()).decode("utf-8", "replace")
    return text.removeprefix("<").removesuffix(">")


def content(data: bytes) -> bytes:
    """A hash that is the same whatever the line ends."""
    from hashlib import sha256

    return sha256(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")).digest()
