"""Resending (RFC 5322 §3.6.6): a message sent on as it is, with a block of Resent fields above it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mailcli.mime import compose, encode
from mailcli.model import pattern
from mailcli.model.address import Address

_RETURN_PATH: Final = pattern.compile(
    rb"(?:^|(?<=\n))return-path[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE
)
_END: Final = pattern.compile(rb"\r?\n\r?\n")


def resent(
    data: bytes,
    *,
    sender: Address,
    to: Sequence[Address],
    cc: Sequence[Address] = (),
    date: float,
    zone: int,
    message_id: str,
) -> bytes:
    """`data` below the Resent fields, else byte for byte, but for Return-Path: a message that is
    submitted has none (RFC 5321 §4.4)."""
    block = [
        encode.fold("Resent-Date", compose.date(date, zone)),
        encode.addresses("Resent-From", [sender]),
    ]
    if to:
        block.append(encode.addresses("Resent-To", to))
    if cc:
        block.append(encode.addresses("Resent-Cc", cc))
    block.append(encode.message_ids("Resent-Message-ID", [message_id]))
    end = _END.search(data)
    stop = end.start() + 1 if end else len(data)
    return b"".join([*block, _RETURN_PATH.sub(b"", data[:stop]), data[stop:]])
