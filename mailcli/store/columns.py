"""How values are written in the columns of a row. Imported by every list, so it imports little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mailcli.model.address import Address

SEQUENCE_BITS: Final = 20
"""A row id is (when << 20) + seq."""

_FIELD_END: Final = "\x1f"
_ADDRESS_END: Final = "\x1e"
_NO_SEPARATORS: Final = str.maketrans("\x1e\x1f", "  ")


def pack(addresses: Sequence[Address]) -> str:
    """Addresses as one column, US between name and address, RS between addresses: reading is splitting."""
    packed = _ADDRESS_END.join([f"{name}{_FIELD_END}{email}" for name, email in addresses])
    if packed.count(_FIELD_END) != len(addresses) or packed.count(_ADDRESS_END) >= max(1, len(addresses)):
        packed = _ADDRESS_END.join(
            [
                f"{name.translate(_NO_SEPARATORS)}{_FIELD_END}{email.translate(_NO_SEPARATORS)}"
                for name, email in addresses
            ]
        )
    return encodable(packed)


def unpack(packed: str) -> tuple[Address, ...]:
    """The reverse of `pack`."""
    if not packed:
        return ()
    if _ADDRESS_END not in packed:
        name, _, email = packed.partition(_FIELD_END)
        return (Address(name, email),)
    return tuple(
        Address(name, email)
        for name, _, email in (one.partition(_FIELD_END) for one in packed.split(_ADDRESS_END))
    )


def encodable(text: str) -> str:
    """Text without lone surrogates, which SQLite cannot take."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
