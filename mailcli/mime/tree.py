"""The MIME tree of a message, found by offsets: nothing is copied, decoded or recursed into.

Bounds: 100 levels, 10,000 parts; what lies beyond stays inside the part it is in.
"""

from __future__ import annotations

from typing import Final

from mailcli.mime import fields, transfer, words
from mailcli.mime.fields import Typed
from mailcli.model import pattern
from mailcli.model.message import Part

MAX_DEPTH: Final = 100
MAX_PARTS: Final = 10_000
_NOTHING: Final = Typed("", {})
_GUESS: Final = pattern.compile(rb"(?m)^--([^\s-][^\s]{0,69}|-{2,60}[^\s]{1,70})[ \t]*\r?$")
_TOKEN: Final = pattern.compile(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,80}")
_MISSPELT: Final = {
    "quotedprintable": "quoted-printable",
    "quotedprintible": "quoted-printable",
    "base64": "base64",
    "7bit": "7bit",
    "8bit": "8bit",
}
STATUS: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
TNEF: Final = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
# Not what a person calls an attachment: the machinery of signatures, encryption and reports.
_MACHINERY: Final = frozenset(
    {
        "application/pgp-signature",
        "application/pgp-encrypted",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "message/delivery-status",
        "message/global-delivery-status",
        "message/disposition-notification",
        "message/feedback-report",
        "text/rfc822-headers",
        "message/global-headers",
    }
)


class Entity:
    """One entity (RFC 2045 §2.4): the header fields it needs and where its body lies."""

    __slots__ = (
        "children", "depth", "disposition", "encoding", "end", "first", "head", "headers", "n", "parameters",
        "start", "type", "within",
    )  # fmt: skip

    def __init__(
        self, parent: Entity | None, headers: dict[bytes, bytes], head: int, start: int, end: int
    ) -> None:
        # No reference to the parent: a cycle would leave each message to the garbage collector.
        self.within: str = "" if parent is None else parent.type
        self.first: bool = parent is None or (parent.first and not parent.children)
        self.headers = headers
        self.head = head
        self.start = start
        self.end = end
        self.children: list[Entity] = []
        self.n = ""
        self.depth: int = 0 if parent is None else parent.depth + 1
        found = headers.get(b"content-type")
        kind = fields.typed(found) if found is not None else _NOTHING
        self.type: str = kind.value
        self.parameters = kind.parameters
        found = headers.get(b"content-transfer-encoding")
        self.encoding = _encoding(found) if found is not None else ""
        found = headers.get(b"content-disposition")
        self.disposition = fields.typed(found) if found is not None else _NOTHING

    @property
    def name(self) -> str:
        return (
            self.disposition.parameters.get("filename")
            or self.parameters.get("name")
            or self.disposition.parameters.get("name")
            or self.parameters.get("filename")
            or ""
        )

    @property
    def cid(self) -> str:
        found = self.headers.get(b"content-id")
        return fields.message_id(found) if found is not None else ""

    @property
    def attached(self) -> bool:
        """Whether the sender wants it apart from the text."""
        return self.disposition.value not in ("", "inline")


def _encoding(raw: bytes) -> str:
    value = raw.strip().lower()
    if value in (b"7bit", b"8bit", b"base64", b"quoted-printable"):
        return value.decode("ascii")
    text = words.raw_text(value).partition(";")[0].partition("(")[0].strip(" \"'")
    return _MISSPELT.get(text.replace(" ", "").replace("-", ""), text)


def build(data: bytes, headers: dict[bytes, bytes], start: int) -> list[Entity]:
    """The entities of a message in document order, the root first.

    `headers` are the root's wanted fields, `start` is where its body begins.
    """
    root = Entity(None, headers, 0, start, len(data))
    root.type = _type(root.type, "text/plain")
    entities: list[Entity] = []
    todo = [(root, "")]
    while todo:
        entity, prefix = todo.pop()
        entities.append(entity)
        kind = entity.type
        if kind.startswith("multipart/"):
            if prefix == "" or prefix.endswith("."):  # the body of a whole message (RFC 9051 §6.4.5)
                entity.n = prefix + "TEXT"
            else:
                entity.n = prefix
                prefix += "."
            _split(data, entity, MAX_PARTS - len(entities) - len(todo))
            if not entity.children:
                _only_text(entity)
            todo.extend(
                (child, f"{prefix}{number}")
                for number, child in zip(
                    range(len(entity.children), 0, -1), reversed(entity.children), strict=True
                )
            )
            continue
        entity.n = prefix if prefix and not prefix.endswith(".") else prefix + "1"
        if (
            kind in ("message/rfc822", "message/global", "message/news")
            and entity.depth < MAX_DEPTH
            and len(entities) + len(todo) < MAX_PARTS
            and entity.encoding in ("", "7bit", "8bit", "binary")
        ):
            child = _entity(data, entity, entity.start, entity.end, "text/plain", whole=True)
            entity.children.append(child)
            todo.append((child, entity.n + "."))
    return entities


def _type(value: str, default: str) -> str:
    if _TOKEN.fullmatch(value):
        return value
    if value in ("text", "html", "multipart", "image", "audio", "video", "application"):
        return {"text": "text/plain", "html": "text/html", "multipart": "multipart/mixed"}.get(
            value, "application/octet-stream"
        )
    return default if not value else "text/plain" if value.startswith("text") else "application/octet-stream"


def _entity(
    data: bytes, parent: Entity, start: int, end: int, default: str, *, whole: bool = False
) -> Entity:
    stop, body = fields.block(data, start, end)
    headers = fields.wanted(data, start, stop) if whole else fields.content(data, start, stop)
    entity = Entity(parent, headers, start, body, end)
    entity.type = _type(entity.type, default)
    if (
        entity.type == "text/plain"
        and b"content-type" in headers
        and not fields.typed(headers[b"content-type"]).value
    ):
        # `Content-Type: ; name="x.zip"`: what has a file name is no text
        entity.type = "application/octet-stream" if entity.name else "text/plain"
    return entity


def _split(data: bytes, entity: Entity, room: int) -> None:
    """Give a multipart its children (RFC 2046 §5.1.1)."""
    if entity.depth >= MAX_DEPTH:
        return
    boundary = entity.parameters.get("boundary", "").rstrip().encode("utf-8", "replace")
    if not boundary:
        guess = _GUESS.search(data, entity.start, entity.end)
        if not guess:
            return
        boundary = guess[1]
    default = "message/rfc822" if entity.type == "multipart/digest" else "text/plain"
    marker = b"--" + boundary
    width = len(marker)
    position = entity.start
    begun = -1  # where the part being read begins
    at = (
        position
        if data.startswith(marker, position, entity.end)
        else _next(data, marker, position, entity.end)
    )
    while at >= 0:
        line_end = data.find(b"\n", at, entity.end)
        if line_end < 0:
            line_end = entity.end
        rest = data[at + width : min(line_end, at + width + 100)]
        tail = rest.strip()
        # What follows white space is ignored (RFC 2046 §5.1.1); else it is another, longer boundary.
        if tail and not rest.startswith((b"--", b" ", b"\t")):
            at = _next(data, marker, at + width - 1, entity.end)
            continue
        if begun >= 0:
            stop = at - 1
            if stop > begun and data[stop - 1] == 13:
                stop -= 1
            entity.children.append(_entity(data, entity, begun, max(stop, begun), default))
        begun = -1
        if rest.startswith(b"--"):
            break
        begun = min(line_end + 1, entity.end)
        if len(entity.children) >= room:
            break
        at = _next(data, marker, line_end, entity.end)
    if begun >= 0 and (begun < entity.end or not entity.children):
        entity.children.append(_entity(data, entity, begun, entity.end, default))


def _only_text(entity: Entity) -> None:
    """A multipart without a delimiter: what is there is text, whatever it says."""
    child = Entity(entity, {}, entity.start, entity.start, entity.end)
    child.type = "text/plain"
    child.encoding = entity.encoding
    entity.children.append(child)


def _next(data: bytes, marker: bytes, start: int, end: int) -> int:
    found = data.find(b"\n" + marker, start, end)
    return found + 1 if found >= 0 else -1


def is_attachment(entity: Entity) -> bool:
    """Whether a person would call the entity an attachment.

    What the sender disposed as one; what has a file name; what is no text. Not: the text itself,
    images that the HTML shows (in a multipart/related, with a Content-ID), signatures, reports.
    """
    kind = entity.type
    if entity.children or kind.startswith("multipart/"):
        return kind.startswith("message/") and _apart(entity)
    if kind in _MACHINERY:
        return False
    if kind.endswith("pkcs7-mime") and entity.parameters.get("smime-type", "").lower() == "signed-data":
        return False  # it is the message itself
    if entity.attached:
        return True
    if entity.within == "multipart/encrypted":
        return False
    if kind.startswith("text/"):
        if kind == "text/calendar":
            return bool(entity.disposition.parameters.get("filename")) and _apart(entity)
        return bool(entity.name) and not entity.first and _apart(entity)
    if kind.startswith("image/") and entity.within == "multipart/related":
        return not (entity.cid or entity.headers.get(b"content-location"))
    return True


def _apart(entity: Entity) -> bool:
    """Whether it stands for itself: not a form of the text, not the returned mail of a report."""
    return entity.within not in ("multipart/alternative", "multipart/report")


def part(data: bytes, entity: Entity) -> Part:
    kind = entity.type
    container = kind.startswith("multipart/")
    return Part(
        n=entity.n,
        type=kind,
        name=entity.name,
        size=entity.end - entity.start
        if container
        else transfer.size(data, entity.start, entity.end, entity.encoding),
        cid=entity.cid,
        disposition="" if not entity.disposition.value else "attachment" if entity.attached else "inline",
        charset=entity.parameters.get("charset", "").lower() if not container else "",
        encoding=entity.encoding,
        depth=entity.depth,
        start=entity.start,
        end=entity.end,
        attachment=is_attachment(entity),
    )
