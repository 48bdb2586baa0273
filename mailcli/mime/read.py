"""The one MIME reader: bytes of a message in, what lists, searches and people need out.

Nothing here raises on any bytes, recurses, or opens anything. LF, CRLF and mixed line ends are
read alike; offsets are into the bytes given.
"""

from __future__ import annotations

import re
from typing import Final

from mailcli.mime import addresses, bodies, charset, dates, fields, transfer, tree, words
from mailcli.mime.bodies import Body
from mailcli.mime.tree import Entity
from mailcli.model import pattern
from mailcli.model.message import Content, Envelope, Part
from mailcli.model.record import NamedTuple

_PREVIEW: Final = 200
_LOOKED_AT: Final = 8_000  # characters in which the message's own words are looked for
_NOT_OWN: Final = pattern.compile(
    r"-----BEGIN PGP|Hash: |Version: GnuPG|---------- Forwarded|(?:From|To|Cc|Date|Sent|Subject): "
    r"|(?:On|Am|Le|El|Em|Il|Op|W dniu|Den|På) .{4,300}"
    r"(?:wrote|schrieb|écrit|escribió|escreveu|scritto|schreef|napisał|skrev)"
)
# An attribution broken in two:  On Mon, 1 Jan 2024 at 10:00, Somebody <a@b>
_LINKED: Final = pattern.compile(r"<a\b[^<>]*href\s*=\s*[\"']?https?://", re.IGNORECASE)
_UNQUOTED: Final = pattern.compile(r"^[^>\n].*", re.MULTILINE)
_IN_TNEF: Final = "+tnef."
_HALF: Final = pattern.compile(r"(?:On|Am|Le|El|Em|Il|Op) .*(?:\d{4}|\d:\d\d)")


class Reading(NamedTuple):
    """A message as a person reads it.

    `headers` are all fields in order, decoded; `text` is the readable text, `html` the source of
    the HTML ("" if there is none); `parts` the MIME tree as `parts()` gives it; `marks` may hold
    "signed" and "encrypted": what the message says of itself, nothing is verified.
    """

    envelope: Envelope
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    parts: tuple[Part, ...]
    marks: frozenset[str] = frozenset()


def envelope(data: bytes) -> Envelope:
    """The header's fields for lists, threads and searches; the body is not looked at."""
    data = _lines(data)
    stop, _ = fields.block(data, 0, len(data))
    return _envelope(fields.wanted(data, 0, stop))


def content(data: bytes) -> Content:
    """All that the index wants, in one pass; attachments' bodies are not decoded."""
    data = _lines(data)
    stop, start = fields.block(data, 0, len(data))
    found = fields.wanted(data, 0, stop)
    entities = tree.build(data, found, start)
    body = Body(data, _words)
    bodies.walk(body, entities[0])
    text = body.text
    marks = body.marks
    names: list[str] = []
    count = 0
    types = []
    for entity in entities:
        kind = entity.type
        if kind.startswith("multipart/"):
            continue
        types.append(kind)
        if kind == "text/html" and not entity.attached:
            marks.add("html")
        if tree.is_attachment(entity):
            count += 1
            if name := entity.name:
                names.append(name)
            if kind in tree.TNEF:
                from mailcli.mime import tnef

                names += [file.name for file in tnef.read(bodies.octets(data, entity)).files if file.name]
        if body.uuencoded:
            for name, *_ in bodies.uuencoded(data, entity):
                count += 1
                names.append(name)
    if b"list-id" in found or b"list-post" in found:
        marks.add("list")
    if ("http" in text and ("http://" in text or "https://" in text)) or any(map(_linked, body.html)):
        marks.add("link")
    return Content(
        envelope=_envelope(found),
        text=text,
        preview=_preview(text),
        attachments=count,
        filenames=tuple(names),
        types=frozenset(types),
        marks=frozenset(marks),
    )


def parts(data: bytes) -> tuple[Part, ...]:
    """The MIME tree in document order.

    Multiparts are in it too; they are numbered as IMAP names their bodies ("TEXT", "2",
    "2.TEXT"), files uuencoded in a text get ".u1", ".u2" behind its number, files in a winmail.dat
    ".t1", ".t2".
    """
    data = _lines(data)
    return _parts(data, _build(data))


def reading(data: bytes, *, html: bool = False) -> Reading:
    """A message as a person reads it; with `html` the HTML form is read even if there is a plain one."""
    data = _lines(data)
    stop, start = fields.block(data, 0, len(data))
    found = fields.wanted(data, 0, stop)
    entities = tree.build(data, found, start)
    body = Body(data, _render, prefer_html=html)
    body.showing = True
    bodies.walk(body, entities[0])
    source = ""
    for entity in entities:
        if entity.type == "text/html" and not tree.is_attachment(entity):
            source = bodies.decoded(data, entity)
            break
    headers = tuple([(name, words.text(value)) for name, value in fields.every(data, 0, stop)])
    return Reading(
        _envelope(found), headers, body.text.rstrip(), source, _parts(data, entities), frozenset(body.marks)
    )


def part_bytes(data: bytes, part: Part) -> bytes:
    """A part's body, its transfer encoding undone."""
    encoding, inside, number = part.encoding.partition(_IN_TNEF)
    if inside:
        from mailcli.mime import tnef

        files = tnef.read(transfer.decode(data[part.start : part.end], encoding)).files
        return files[int(number) - 1].data if number.isdigit() and 0 < int(number) <= len(files) else b""
    return transfer.decode(data[part.start : part.end], part.encoding)


def part_text(data: bytes, part: Part) -> str:
    """A part's body as text, line ends LF."""
    text = charset.decode(part_bytes(data, part), part.charset)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _lines(data: bytes) -> bytes:
    """A message with bare CR for line ends is read as if they were LF: offsets stay true."""
    return data.replace(b"\r", b"\n") if b"\n" not in data and b"\r" in data else data


def _build(data: bytes) -> list[Entity]:
    stop, start = fields.block(data, 0, len(data))
    return tree.build(data, fields.wanted(data, 0, stop), start)


def _parts(data: bytes, entities: list[Entity]) -> tuple[Part, ...]:
    found = []
    for entity in entities:
        found.append(tree.part(data, entity))
        for number, (name, start, end, _) in enumerate(bodies.uuencoded(data, entity), 1):
            found.append(
                Part(
                    n=f"{entity.n}.u{number}",
                    type="application/octet-stream",
                    name=name,
                    size=transfer.size(data, start, end, "x-uuencode"),
                    cid="",
                    disposition="attachment",
                    charset="",
                    encoding="x-uuencode",
                    depth=entity.depth + 1,
                    start=start,
                    end=end,
                    attachment=True,
                )
            )
        if entity.type in tree.TNEF:
            found += _tnef_parts(data, entity)
    return tuple(found)


def _tnef_parts(data: bytes, entity: Entity) -> list[Part]:
    """The files in a winmail.dat; their encoding tells `part_bytes` where they are."""
    from mailcli.mime import tnef

    return [
        Part(
            n=f"{entity.n}.t{number}",
            type=file.type or "application/octet-stream",
            name=file.name,
            size=len(file.data),
            cid="",
            disposition="attachment",
            charset="",
            encoding=f"{entity.encoding}{_IN_TNEF}{number}",
            depth=entity.depth + 1,
            start=entity.start,
            end=entity.end,
            attachment=True,
        )
        for number, file in enumerate(tnef.read(bodies.octets(data, entity)).files, 1)
    ]


def _linked(source: str) -> bool:
    """Whether an HTML document links to the web; the pattern is asked only where it might."""
    return 'href="http' in source or ("://" in source and _LINKED.search(source) is not None)


def _words(source: str) -> str:
    from mailcli.mime import striphtml

    return striphtml.strip(source)


def _render(source: str) -> str:
    from mailcli.mime import html  # selectolax is for reading only

    return html.render(source)


def _envelope(found: dict[bytes, bytes]) -> Envelope:
    get = found.get
    raw = get(b"date")
    date, zone = dates.parse(words.raw_text(raw)) if raw is not None else (None, None)
    # by position: lists of 10,000 envelopes feel the keywords
    return Envelope(
        words.text(raw) if (raw := get(b"subject")) is not None else "",
        addresses.parse(raw) if (raw := get(b"from")) is not None else (),
        addresses.parse(raw) if (raw := get(b"reply-to")) is not None else (),
        addresses.parse(raw) if (raw := get(b"to")) is not None else (),
        addresses.parse(raw) if (raw := get(b"cc")) is not None else (),
        addresses.parse(raw) if (raw := get(b"bcc")) is not None else (),
        date,
        zone,
        fields.message_id(raw) if (raw := get(b"message-id")) is not None else "",
        fields.message_ids(raw) if (raw := get(b"in-reply-to")) is not None else (),
        fields.message_ids(raw) if (raw := get(b"references")) is not None else (),
        _list_id(raw) if (raw := get(b"list-id")) is not None else "",
    )


def _list_id(raw: bytes) -> str:
    """`Name <list.example.org>` is list.example.org (RFC 2919 §3)."""
    text = words.text(raw)
    start = text.rfind("<")
    end = text.find(">", start)
    return text[start + 1 : end].strip() if 0 <= start < end else text


def _preview(text: str) -> str:
    """One line of the message's own words: no quotes, no attribution, no signature."""
    own: list[str] = []
    length = 0
    half = False
    for match in _UNQUOTED.finditer(text, 0, _LOOKED_AT):
        line = match[0]
        stripped = line.strip()
        if not stripped or _NOT_OWN.match(stripped):
            continue
        if half and stripped.endswith(("wrote:", "schrieb:", "écrit :", "écrit:", "escribió:")):
            own.pop()
            continue
        if line == "-- ":
            break
        half = _HALF.match(stripped) is not None
        own.append(stripped)
        length += len(stripped) + 1
        if length > _PREVIEW and not half:
            break
    line = " ".join(" ".join(own or text[:400].split()).split())
    return line[:_PREVIEW].rstrip()
