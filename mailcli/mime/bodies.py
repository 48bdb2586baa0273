"""Which parts are the text of a message, and what it reads like.

The same walk serves the index and the reader, so that what is found is what is seen; they differ
only in how HTML is made text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from mailcli.mime import charset, fields, flowed, transfer, tree, words
from mailcli.mime.tree import Entity
from mailcli.model import pattern

Renderer = Callable[[str], str]

ENCRYPTED: Final = "[This message is encrypted; it is not decrypted here.]"
_MAX_OPAQUE: Final = 3  # encoded messages within each other that are opened
_SHOWN: Final = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext", "text/markdown"})
_NOT_SHOWN: Final = frozenset({"text/vcard", "text/x-vcard", "text/rtf", "text/directory", "text/css"})
# Patterns that few messages need are strings: `re` compiles and keeps them when they are met.
_PLACEHOLDER: Final = (
    r"(?i)(?:e-?mail|mail|message)\W+(?:client|program|reader|software)|html\W+(?:version|format|e-?mail|message|capable)"
    r"|(?:view|read|see|display)\w*\W+(?:\w+\W+){0,6}(?:browser|online|html)|multi-?part message in MIME"
    r"|does not support html|im browser|HTML-(?:E-?Mail|Ansicht)|navigateur"
)
_SAID_THERE: Final = (
    *("html", "browser", "online", "client", "program", "reader", "software", "mime", "navigateur"),
)
"""One of these is in all that _PLACEHOLDER finds."""

_UUENCODED: Final = pattern.compile(
    rb"(?m)^begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n(?=[!-`][^\r\n]{0,90}\r?\n)"
)
_UUEND: Final = pattern.compile(rb"(?m)^[` ]?\r?\nend[ \t]*(?:\r?\n|\Z)")
_DATA_URL: Final = r"(data:[\w/+.;=-]{1,60};base64,)[A-Za-z0-9+/=\s]{200,}"
_ENRICHED: Final = r"(?i)<(<)|<param>[^<]*</param>|<[^<>]{0,60}>"


class Body:
    """What the walk gathers: pieces of text, the source of the HTML, marks."""

    def __init__(self, data: bytes, render: Renderer, *, prefer_html: bool = False) -> None:
        self.data = data
        self.render = render
        self.prefer_html = prefer_html
        self.pieces: list[str] = []
        self.html: list[str] = []
        self.marks: set[str] = set()
        self.opaque = 0  # encoded messages around this body
        self.showing = False  # for a person, not for the index: notes are put in, quotations marked
        self.uuencoded = False  # whether a text read so far holds uuencoded files

    @property
    def text(self) -> str:
        if len(self.pieces) == 1:
            return self.pieces[0]
        return "\n\n".join([piece.strip("\n") for piece in self.pieces if piece.strip()])


def walk(body: Body, root: Entity) -> None:
    """Read the text of the tree below `root` into `body`."""
    todo = [root]
    while todo:
        entity = todo.pop()
        kind = entity.type
        if kind.startswith("multipart/"):
            todo.extend(reversed(_chosen(body, entity)))
        elif entity.children:
            returned = entity.within == "multipart/report"
            body.pieces.append(_head(entity.children[0], "Returned" if returned else "Forwarded"))
            if not returned:
                todo.append(entity.children[0])
        else:
            _leaf(body, entity)


def _chosen(body: Body, entity: Entity) -> list[Entity]:
    """The children of a multipart that are read."""
    children = entity.children
    kind = entity.type
    if kind == "multipart/alternative":
        return _alternative(body, entity)
    if kind == "multipart/related":
        start = entity.parameters.get("start", "").strip("<> ")
        for child in children:
            if start and child.cid == start:
                return [child]
        return children[:1]
    if kind == "multipart/signed":
        body.marks.add("signed")
        return children[:1] if len(children) == 2 else children
    if kind == "multipart/encrypted":
        _encrypted(body)
        return []
    if kind == "multipart/report":
        from mailcli.mime import reports  # rare, like all imported within a function here

        summary = reports.summary(body.data, children)
        if summary:
            body.pieces.append(summary)
        return children[:1] + [child for child in children[1:] if child.type == "message/rfc822"]
    return children


def _alternative(body: Body, entity: Entity) -> list[Entity]:
    """One form of several (RFC 2046 §5.1.4): the plain text unless it says nothing, else HTML."""
    plain: Entity | None = None
    rich: Entity | None = None
    others: list[Entity] = []
    for child in entity.children:
        if child.attached:
            continue
        if child.type == "text/calendar":
            others.append(child)
        elif child.type == "text/plain":
            plain = plain or child
        elif child.type == "text/html" or child.type.startswith("multipart/"):
            rich = child
        elif child.type in _SHOWN:
            plain = plain or child
    if plain is not None and rich is not None and (body.prefer_html or _says_nothing(body.data, plain)):
        plain = None
    if plain is not None:
        return [plain, *others]
    if rich is not None:
        return [rich, *others]
    return others or entity.children[-1:]


def _says_nothing(data: bytes, entity: Entity) -> bool:
    if entity.end - entity.start > 2000:
        return False
    text = decoded(data, entity).strip()
    if not text or len(text) >= 400:
        return not text
    lower = text.lower()  # ten alternatives at each character cost 0.4 ms, a look for their words 0.001
    return any(word in lower for word in _SAID_THERE) and re.search(_PLACEHOLDER, text) is not None


def _leaf(body: Body, entity: Entity) -> None:
    kind = entity.type
    if kind == "text/calendar":
        body.marks.add("invite")
        if not entity.attached:
            from mailcli.mime import invitation

            alone = not any(piece.strip() for piece in body.pieces)
            body.pieces.append(invitation.told(decoded(body.data, entity), whole=alone))
        return
    if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        _opaque(body, entity)
        return
    if kind in tree.TNEF:
        if not any(piece.strip() for piece in body.pieces):
            _tnef(body, entity)
        return
    if kind == "message/rfc822" and entity.within != "multipart/report" and body.opaque < _MAX_OPAQUE:
        _inside(body, octets(body.data, entity), "Forwarded")  # encoded, against RFC 2046 §5.2.1
        return
    if kind in tree.STATUS and entity.within != "multipart/report":
        from mailcli.mime import reports

        body.pieces.append(reports.summary(body.data, [entity]) or decoded(body.data, entity))
    if entity.attached:
        return
    if kind == "text/html":
        source = decoded(body.data, entity)
        body.html.append(source)
        body.pieces.append(body.render(source))
    elif kind in ("text/enriched", "text/richtext"):
        body.pieces.append(re.sub(_ENRICHED, lambda match: match[1] or "", decoded(body.data, entity)))
    elif kind == "text/plain" or kind in _SHOWN:
        text = _plain(body, entity)
        if body.showing:
            from mailcli.mime import originals

            text = originals.marked(originals.tidied(text))
        body.pieces.append(text)
    elif kind.startswith("text/") and kind not in _NOT_SHOWN:
        body.pieces.append(decoded(body.data, entity))


def _tnef(body: Body, entity: Entity) -> None:
    """The text in a winmail.dat, where nothing beside it says anything."""
    from mailcli.mime import tnef

    found = tnef.read(octets(body.data, entity))
    if found.text.strip():
        body.pieces.append(found.text)
    elif found.html:
        body.html.append(found.html)
        body.pieces.append(body.render(found.html))


def _opaque(body: Body, entity: Entity) -> None:
    """S/MIME without a readable part beside it: a signature holds the message, encryption hides it."""
    form = entity.parameters.get("smime-type", "").lower()
    if form == "certs-only":
        return
    from mailcli.mime import cms

    inner = cms.signed_content(octets(body.data, entity)) if form in ("", "signed-data") else None
    if inner is None and form != "signed-data":
        _encrypted(body)
        return
    body.marks.add("signed")
    if inner is None or body.opaque >= _MAX_OPAQUE:
        return
    _inside(body, inner, "")


def _encrypted(body: Body) -> None:
    body.marks.add("encrypted")
    if body.showing:
        body.pieces.append(ENCRYPTED)


def _inside(body: Body, inner: bytes, heading: str) -> None:
    """Read a message that had to be decoded first."""
    stop, start = fields.block(inner, 0, len(inner))
    root = tree.build(inner, fields.wanted(inner, 0, stop), start)[0]
    inside = Body(inner, body.render, prefer_html=body.prefer_html)
    inside.opaque = body.opaque + 1
    inside.showing = body.showing
    walk(inside, root)
    if heading:
        body.pieces.append(_head(root, heading))
    body.pieces += inside.pieces
    body.html += inside.html
    body.marks |= inside.marks


def octets(data: bytes, entity: Entity) -> bytes:
    """An entity's body, its transfer encoding undone."""
    return transfer.decode(data[entity.start : entity.end], entity.encoding)


def decoded(data: bytes, entity: Entity) -> str:
    """A text entity's characters, line ends LF."""
    text = charset.decode(octets(data, entity), entity.parameters.get("charset", ""))
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            text = text.replace("\r", "\n")
    return text


def _plain(body: Body, entity: Entity) -> str:
    """What a text/plain entity says: flowed paragraphs joined, uuencoded files named, not shown."""
    files = uuencoded(body.data, entity)
    if files:
        body.uuencoded = True
        text = _without_uuencoded(body.data, entity, files)
    else:
        text = decoded(body.data, entity)
    if entity.parameters.get("format", "").lower() == "flowed":
        text = flowed.unflow(text, delsp=entity.parameters.get("delsp", "").lower() == "yes")
    if ";base64," in text:
        text = re.sub(
            _DATA_URL, r"\1[…]", text
        )  # images pasted as text: neither read nor searched by anybody
    if "-----BEGIN PGP " in text:
        if "-----BEGIN PGP MESSAGE-----" in text:
            body.marks.add("encrypted")
        if "-----BEGIN PGP SIGNED MESSAGE-----" in text:
            body.marks.add("signed")
    return text


def uuencoded(data: bytes, entity: Entity) -> list[tuple[str, int, int, int]]:
    """Files uuencoded in a text part: name, start of the encoded lines, their end, end of `end`."""
    if (
        entity.type != "text/plain"
        or entity.encoding not in ("", "7bit", "8bit", "binary")
        or entity.attached
    ):
        return []
    if data.find(b"\nbegin ", max(0, entity.start - 1), entity.end) < 0:
        return []
    found: list[tuple[str, int, int, int]] = []
    position = entity.start
    while len(found) < 100:
        # `^` looks behind the position, but not behind the start of what is searched
        begin = _UUENCODED.search(data, position, entity.end)
        if not begin:
            break
        end = _UUEND.search(data, begin.end(), entity.end)
        if not end:
            break
        found.append((words.text(begin[1]), begin.end(), end.start(), end.end()))
        position = end.end()
    return found


def _without_uuencoded(data: bytes, entity: Entity, files: list[tuple[str, int, int, int]]) -> str:
    label = entity.parameters.get("charset", "")
    pieces = []
    position = entity.start
    for name, start, _, after in files:
        begin = data.rfind(b"begin ", position, start)
        pieces.append(charset.decode(data[position:begin], label))
        pieces.append(f"[{name}]\n")
        position = after
    pieces.append(charset.decode(data[position : entity.end], label))
    return "".join(pieces).replace("\r\n", "\n").replace("\r", "\n")


def _head(entity: Entity, kind: str) -> str:
    """The small header block above a message inside the message."""
    headers = entity.headers
    lines = []
    for name in (b"from", b"to", b"cc", b"date", b"subject"):
        raw = headers.get(name)
        if raw is not None:
            lines.append(f"{name.decode().capitalize()}: {words.text(raw)}")
    return f"---------- {kind} message ----------\n" + "\n".join(lines)
