"""vCard (RFC 6350 and its forerunners 3.0 and 2.1): as much as an address book for mail needs."""

from __future__ import annotations

import re
from typing import Final

from mailcli.mime import transfer
from mailcli.model import pattern
from mailcli.model.address import Address

_FOLD: Final = pattern.compile(r"\r?\n[ \t]")
_SOFT: Final = pattern.compile(r"=\r?\n")
_LINE: Final = pattern.compile(r"(?:[\w-]+\.)?([\w-]+)((?:;(?:\"[^\"]*\"|[^:;\"])*)*):(.*)")
_ESCAPE: Final = pattern.compile(r"\\(.)")


def addresses(text: str) -> list[Address]:
    """Every EMAIL of every card, with the card's FN (else its N, ORG). Nothing raises."""
    found: list[Address] = []
    # 2.1 breaks a quoted-printable value with "=" and does not indent what follows
    text = _FOLD.sub("", _SOFT.sub("", text) if "QUOTED-PRINTABLE" in text.upper() else text)
    name = parted = organisation = ""
    emails: list[str] = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        key, parameters, raw = match[1].upper(), match[2].upper(), match[3]
        if key == "BEGIN":
            name = parted = organisation = ""
            emails = []
        elif key == "FN":
            name = _value(raw, parameters)
        elif key == "N":
            family, _, rest = _value(raw, parameters, whole=False).partition(";")
            parted = " ".join(_plain(f"{rest.partition(';')[0]} {family}").split())
        elif key == "ORG":
            organisation = _value(raw, parameters).partition(";")[0]
        elif key == "EMAIL":
            emails.append(_value(raw, parameters).strip().removeprefix("mailto:"))
        elif key == "END":
            found += [Address(name or parted or organisation, email) for email in emails if email]
    return found


def _value(raw: str, parameters: str, *, whole: bool = True) -> str:
    if "QUOTED-PRINTABLE" in parameters:
        charset = "latin-1" if "CHARSET=ISO-8859-1" in parameters else "utf-8"
        octets = transfer.decode(raw.encode("ascii", "replace"), "quoted-printable")
        raw = octets.decode(charset, "replace")
    return _plain(raw) if whole else raw


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda m: " " if m[1] in "nN" else m[1], text).strip()


def card(address: Address, uid: str) -> str:
    """A card of version 4.0 for one address, CRLF line ends, folded at 75 octets (§3.2)."""
    name = address.name or address.email
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"UID:{uid}", f"FN:{_escaped(name)}"]
    lines += [f"EMAIL:{_escaped(address.email)}", "END:VCARD"]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _escaped(text: str) -> str:
    return re.sub(r"([\\,;])", r"\\\1", text)


def _folded(line: str) -> str:
    out, width = "", 0
    for character in line:
        octets = len(character.encode("utf-8", "replace"))
        if width + octets > 75:
            out, width = out + "\r\n ", 1
        out, width = out + character, width + octets
    return out
