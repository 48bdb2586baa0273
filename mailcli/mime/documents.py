"""The text of attached documents: plain text, HTML, PDF, OOXML (ECMA-376) and OpenDocument.

For a process of its own with limits (`store.attachments`): whoever sent a document chose what reading it
costs. What can be bounded here is: a document that unpacks to more than LARGEST is read up to there, a
document type declaration, which none of these formats has, ends the reading of an XML part.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from mailcli.mime import charset, read, striphtml
from mailcli.model import pattern
from mailcli.model.message import Part

LARGEST: Final = 16 << 20
"""Octets that one document may unpack to."""
LONGEST: Final = 1 << 20
"""Characters that are taken of one message."""
_PAGES: Final = 2000
_MEMBERS: Final = pattern.compile(
    r"word/(?:document|footnotes|endnotes|comments|header\d*|footer\d*)\.xml"
    r"|xl/(?:sharedStrings|worksheets/sheet\d+|comments\d*)\.xml"
    r"|ppt/(?:slides/slide|notesSlides/notesSlide)\d+\.xml|content\.xml"
)
_ENDS: Final = frozenset({"p", "h", "tr", "row", "si", "br", "tab", "line-break", "s", "c", "table-cell"})
"""Elements behind which a word ends, in either family of formats."""


def text_of(data: bytes) -> str:
    """The text of all attachments of a message (wire form), each under the other; "" if there is none.

    What cannot be read is left out, never an error.
    """
    found: list[str] = []
    length = 0
    for part in read.parts(data):
        if part.attachment and length < LONGEST:
            try:
                text = _text(data, part)
            except Exception:  # noqa: S112 - libraries raise anything on documents of others
                continue
            found.append(text[: LONGEST - length])
            length += len(text)
    return "\n".join(filter(None, found))


def _text(data: bytes, part: Part) -> str:
    suffix = part.name.lower().rpartition(".")[2]
    if part.type == "text/html" or suffix in ("html", "htm"):
        return striphtml.strip(charset.decode(read.part_bytes(data, part)[:LARGEST], part.charset))
    if part.type.startswith("text/") or suffix in ("txt", "md", "csv", "log", "patch", "diff"):
        return charset.decode(read.part_bytes(data, part)[:LARGEST], part.charset)
    if part.type.startswith(("image/", "audio/", "video/")):
        return ""
    document = read.part_bytes(data, part)
    if document[:1024].lstrip().startswith(b"%PDF-"):
        return _pdf(document)
    return _office(document) if document.startswith(b"PK\3\4") else ""


def _pdf(document: bytes) -> str:
    """With the library of the extra `attachments`; without it a PDF has no text."""
    try:
        from pypdf import PdfReader  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return ""
    pages: list[str] = []
    length = 0
    for page in PdfReader(io.BytesIO(document)).pages[:_PAGES]:
        try:
            pages.append(page.extract_text())
        except Exception:  # noqa: S112 - the other pages may be sound
            continue
        length += len(pages[-1])
        if length > LONGEST:
            break
    return "\n".join(pages)


def _office(document: bytes) -> str:
    left = LARGEST
    texts: list[str] = []
    with zipfile.ZipFile(io.BytesIO(document)) as archive:
        for name in archive.namelist()[:10_000]:
            if left <= 0:
                break
            if _MEMBERS.fullmatch(name):
                with archive.open(name) as member:
                    xml = member.read(left)
                left -= len(xml)
                texts.append("".join(_characters(xml)))
    return "\n".join(texts)


def _characters(xml: bytes) -> Iterator[str]:
    """The text between the tags; what stands before a fault in it."""
    from xml.parsers import expat

    pieces: list[str] = []

    def end(name: str) -> None:
        if name.rpartition(":")[2] in _ENDS:
            pieces.append("\n")

    def refuse(*_: object) -> None:
        raise ValueError("a document type declaration")  # entities that name entities

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.CharacterDataHandler = pieces.append
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    with suppress(expat.ExpatError, ValueError):
        parser.Parse(xml, True)
    parser.buffer_text = False  # gives what is held back at a fault
    yield from pieces
