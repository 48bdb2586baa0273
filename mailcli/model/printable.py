"""The one filter between what others wrote and what a terminal is sent.

Everything printed, logged or put into a file name passes here: C0 and C1 controls could drive the
terminal, bidirectional controls could show a name other than the one that is there.
"""

from __future__ import annotations

from typing import Final

from mailcli.model import pattern

# C0 but TAB and LF, DEL, C1, and the bidi controls of UAX #9: ALM, LRM, RLM, embeddings,
# overrides, isolates; the line and paragraph separators; lone surrogates cannot be encoded.
_UNSAFE: Final = pattern.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
_BREAKS: Final = pattern.compile(r"[ \t]*\r?\n[ \t]*|[\t\x0b\x0c\r\x85\u2028\u2029]+")


def line(text: str) -> str:
    """One line of harmless text: breaks and tabs become one space, controls a visible mark."""
    if text.isprintable():  # nothing that is filtered here is, in any version of Unicode
        return text
    return _UNSAFE.sub("\ufffd", _BREAKS.sub(" ", text))


def block(text: str) -> str:
    """Harmless text of several lines: LF and TAB stay, CRLF becomes LF, controls a visible mark."""
    if text.replace("\n", "").isprintable():
        return text
    return _UNSAFE.sub("\ufffd", text.replace("\r\n", "\n"))
