"""Encoded words (RFC 2047) and raw header octets to text, in all the forms that are met."""

from __future__ import annotations

import binascii
from typing import Final

from mailcli.mime import charset, transfer
from mailcli.model import pattern

# =?charset[*language]?B|Q?  (RFC 2047 §2, RFC 2231 §5)
_HEAD: Final = pattern.compile(r"=\?([\w.:+-]{1,60}?)(?:\*[\w-]{0,30})?\?([bBqQ])\?")
_Q_ESCAPE: Final = pattern.compile(rb"=([0-9A-Fa-f]{2})")


def text(raw: bytes) -> str:
    """An unstructured header's value: unfolded, its octets and encoded words decoded."""
    value = raw_text(raw)
    return decode(value) if "=?" in value else value


def raw_text(raw: bytes) -> str:
    """A structured header's value: unfolded, its octets decoded, encoded words left alone."""
    try:
        value = raw.decode("ascii")
    except UnicodeDecodeError:
        value = charset.decode(raw)
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    value = value.strip(" \t\n")
    if "\n" in value:
        return " ".join([line.strip(" \t") for line in value.split("\n")])
    return value


def decode(value: str) -> str:
    """`value` with its encoded words decoded, space between adjacent words dropped.

    Octets of adjacent words of one charset are joined before they are decoded, because a
    character is often split between them (against RFC 2047 §5). A word without its end runs to
    the next word or to the end of the value.
    """
    if "=?" not in value:
        return value
    heads = list(_HEAD.finditer(value))
    if not heads:
        return value
    out: list[str] = []
    pending: list[bytes] = []  # octets of adjacent words in the charset `label`
    label = ""
    cut = ""  # base64 of the word before, if it ends within four letters
    position = 0
    end = -1  # where the next "?=" is; len(value) if there is none
    for index, head in enumerate(heads):
        if head.start() < position:
            continue  # inside the word before
        limit = heads[index + 1].start() if index + 1 < len(heads) else len(value)
        if end < head.end():
            end = value.find("?=", head.end())
            end = len(value) if end < 0 else end
        between = value[position : head.start()]
        gap = not between or between.isspace()
        if pending and not (gap and head[1].lower() == label):
            out.append(charset.decode(b"".join(pending), label))
            pending.clear()
        if not gap or position == 0:
            out.append(between)
        label = head[1].lower()
        encoded = value[head.end() : min(end, limit)]
        if pending and head[2] in "bB" and cut:
            pending.pop()  # base64 broken within four letters: the words make sense together only
            encoded = cut + encoded
        cut = encoded if head[2] in "bB" and len(encoded) % 4 and encoded[-1] != "=" else ""
        pending.append(_octets(encoded if end < limit else encoded.rstrip(), head[2]))
        position = end + 2 if end < limit else limit
    out.append(charset.decode(b"".join(pending), label))
    out.append(value[position:])
    return "".join(out)


def name(phrase: str) -> str:
    """The name a phrase without quoted strings spells."""
    text = phrase.strip()
    if "=?" in text:
        text = decode(text).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1].strip()  # 'Name' <a@b>, as Outlook quotes
    return " ".join(text.split()) if "  " in text or "\t" in text else text


def _octets(encoded: str, form: str) -> bytes:
    # a stray eight-bit character in a word is somebody's raw UTF-8
    data = encoded.encode("utf-8", "replace")
    if form in "bB":
        return transfer.base64(data)
    data = data.replace(b"_", b" ")
    if b"=" not in data:
        return data
    return _Q_ESCAPE.sub(lambda match: binascii.unhexlify(match[1]), data)
