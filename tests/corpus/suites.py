"""What other parsers' fixtures say they should give, beside what our reader gives.

Each function compares one suite and yields a `Check` per statement of it.
"""

from __future__ import annotations

import calendar
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from mailcli.mime import addresses, dates, fields, flowed, invitation, read, words
from mailcli.model.message import Part
from tests.corpus import corpus


class Check(NamedTuple):
    kind: str
    file: str
    agrees: bool
    ours: object = None
    theirs: object = None


def stalwart() -> Iterator[Check]:
    """mail-parser's JSON: typed fields, the tree, the bodies decoded, and which parts are attachments."""
    fixtures = corpus.fixtures()
    for path, expected in _matching(r"(stalwart-mail-parser/resources/eml/.*?)(\.crlf)?\.json"):
        stem = re.sub(r"(\.crlf)?\.json$", "", path)
        data = fixtures[f"{stem}.eml"]
        if ".crlf." in path:
            data = re.sub(rb"\r?\n", b"\r\n", data)
        else:
            data = data.replace(b"\r\n", b"\n")
        message = json.loads(expected)
        yield from _stalwart_fields(path, data, message["parts"][0]["headers"])
        parts = _real(read.parts(data))
        theirs = list(_stalwart_parts(message))
        ours_types = [p.type for p in parts]
        their_types = [kind for kind, _, _, _ in theirs]
        yield Check("tree", path, ours_types == their_types, ours_types, their_types)
        if ours_types != their_types:
            continue
        names = [(p.name, name) for p, (_, name, _, _) in zip(parts, theirs, strict=True)]
        yield Check("name", path, all(a == b for a, b in names), *zip(*names, strict=True))
        bodies = [
            (_same_lines(read.part_bytes(data, p)) if isinstance(body, bytes) else _text(data, p), body)
            for p, (_, _, body, _) in zip(parts, theirs, strict=True)
            if body is not None
        ]
        yield Check("body", path, all(a == b for a, b in bodies), *zip(*bodies, strict=True))
        attached = [(p.n, p.attachment, their) for p, (_, _, _, their) in zip(parts, theirs, strict=True)]
        yield Check("attachment", path, all(a == b for _, a, b in attached), attached)


_FIELDS = "stalwart-mail-parser/resources"


def stalwart_fields() -> Iterator[Check]:
    """mail-parser's examples of single fields."""
    fixtures = corpus.fixtures()

    def examples(name: str) -> Iterator[tuple[str, str, Any]]:
        path = f"{_FIELDS}/{name}.json"
        for number, example in enumerate(json.loads(fixtures[path])):
            yield f"{path}#{number}", example["header"], example["expected"]

    for where, header, expected in examples("address"):
        people = [(a.name, a.email) for a in addresses.parse(header.encode())]
        theirs = list(_stalwart_people(expected))
        yield Check("address", where, people == theirs, people, theirs)
    for where, header, expected in examples("date"):
        ours = dates.parse(words.raw_text(header.encode()))[0]
        when = _stalwart_moment(expected) if expected else None
        yield Check("date", where, ours == when, ours, when)
    for where, header, expected in examples("id"):
        ids = list(fields.message_ids(header.encode()))
        wanted = expected if isinstance(expected, list) else [expected] if expected else []
        yield Check("id", where, ids == wanted, ids, wanted)
    for where, header, expected in examples("unstructured"):
        text = words.text(re.split(r"\n(?=\S)", header)[0].encode()).split()
        yield Check("text", where, text == (expected or "").split(), text, expected)
    for where, header, expected in examples("content_type"):
        if not expected or "c_type" not in expected:
            continue
        found = fields.typed(re.split(r"\n(?=\S)", header)[0].encode())
        kind = "/".join(filter(None, (expected["c_type"], expected["c_subtype"]))).lower()
        pairs = expected.get("attributes") or []
        named = {k.lower(): v for k, v in pairs if not k.endswith("-language")}
        yield Check(
            "type", where, (found.value.rstrip("/"), found.parameters) == (kind, named), found, (kind, named)
        )


def _stalwart_fields(path: str, data: bytes, headers: list[dict[str, Any]]) -> Iterator[Check]:
    ours = read.envelope(data)
    seen = set()
    for header in headers:
        name = header["name"]
        if not isinstance(name, str) or name in seen:
            continue
        seen.add(name)  # the first counts
        value = header["value"]
        inner = next(iter(value.values())) if isinstance(value, dict) else None
        pairs: dict[str, tuple[object, object]] = {}
        if name in ("from", "to", "cc", "bcc", "reply_to"):
            found = {"from": ours.sender, "to": ours.to, "cc": ours.cc, "bcc": ours.bcc}.get(
                name, ours.reply_to
            )
            pairs[name] = ([(a.name, a.email) for a in found], list(_stalwart_people(inner)))
        elif name == "subject":
            pairs[name] = (ours.subject.split(), (inner or "").split())
        elif name == "date":
            pairs[name] = (ours.date, _stalwart_moment(inner) if inner else None)
        elif name == "message_id":
            pairs[name] = (ours.message_id, inner or "")
        elif name in ("references", "in_reply_to"):
            found_ids = ours.references if name == "references" else ours.in_reply_to
            pairs[name] = (list(found_ids), inner if isinstance(inner, list) else [inner])
        for kind, (mine, theirs) in pairs.items():
            yield Check(kind.replace("_", "-"), path, mine == theirs, mine, theirs)


def _stalwart_people(value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        return
    items = value.get("List") or [
        address for group in value.get("Group", ()) for address in group["addresses"]
    ]
    for item in items:
        if item["address"] or item["name"]:
            yield " ".join((item["name"] or "").split()), item["address"] or ""


def _stalwart_moment(value: dict[str, int]) -> float | None:
    try:
        seconds = calendar.timegm(
            (value["year"], value["month"], value["day"], value["hour"], value["minute"], value["second"])
        )
    except ValueError:
        return None
    zone = value["tz_hour"] * 60 + value["tz_minute"]
    return float(seconds - 60 * (-zone if value["tz_before_gmt"] else zone))


def _stalwart_parts(message: dict[str, Any]) -> Iterator[tuple[str, str, bytes | str | None, bool]]:
    """Type, file name, body and whether it is an attachment, of each part but multiparts."""
    attachments = set(message["attachments"])
    for number, part in enumerate(message["parts"]):
        kind, name = "text/plain", ""
        for header in reversed(part["headers"]):
            value = header["value"]
            if header["name"] not in ("content_type", "content_disposition") or not isinstance(value, dict):
                continue
            inner = value["ContentType"]
            if header["name"] == "content_type":
                kind = f"{inner['c_type']}/{inner['c_subtype'] or ''}".lower()
            for attribute in inner["attributes"] or ():
                if attribute["name"].lower() in ("name", "filename"):
                    name = name if name and header["name"] == "content_type" else attribute["value"]
        form, body = next(iter(part["body"].items()))
        if form == "Multipart":
            continue
        if form == "Message" and kind == "text/plain":
            kind = "message/rfc822"
        whole = bytes(body) if form in ("Binary", "InlineBinary") and isinstance(body, list) else None
        text = body if isinstance(body, str) else None
        yield (
            kind,
            name,
            _same_lines(whole) if whole is not None else _plain(text),
            number in attachments,
        )
        if form == "Message":
            yield from _stalwart_parts(body)


def mime4j() -> Iterator[Check]:
    """The events of `X_decoded.xml`: each body in order, its part's type, and the file that has it."""
    fixtures = corpus.fixtures()
    for path, expected in _matching(r"apache-james-mime4j/.*_decoded\.xml"):
        data = fixtures[path.replace("_decoded.xml", ".msg")]
        root = ElementTree.fromstring(
            re.sub(rb"&#x?[0-9a-fA-F]+;|[\x00-\x08\x0b\x0c\x0e-\x1f]", b"?", expected)
        )
        leaves = [
            (element.tag, element.get("name", ""), parent.findall("header/field"))
            for parent in root.iter()
            for element in parent
            if element.tag in ("text-body", "binary-body")
        ]
        parts = [p for p in _real(read.parts(data)) if p.type not in ("message/rfc822", "message/global")]
        yield Check("tree", path, len(parts) == len(leaves), [p.n for p in parts], [x[1] for x in leaves])
        if len(parts) != len(leaves):
            continue
        folder = path.rpartition("/")[0]
        for part, (_, name, _) in zip(parts, leaves, strict=True):
            body = fixtures.get(f"{folder}/{name}")
            if body is not None:
                ours, theirs = _same_lines(read.part_bytes(data, part)), _same_lines(body)
                yield Check("body", f"{folder}/{name}", ours == theirs, ours, theirs)


_REF_PART = re.compile(r'"(Part_[\d_]+|Msg)" => \{(.*?)\n  \}', re.DOTALL)
_REF_PAIR = re.compile(r'"(\w+)" => (?:"((?:[^"\\]|\\.)*)"|(\d+))')


def mime_tools() -> Iterator[Check]:
    """Type, encoding and file name of each part in `X.ref`; sizes where the body is kept as it is."""
    fixtures = corpus.fixtures()
    for path, expected in _matching(r"MIME-tools/testmsgs/.*\.ref"):
        text = expected.decode("latin-1")
        source = re.search(r'"Message" => "(testmsgs/[^"]+)"', text)
        data = fixtures.get(f"MIME-tools/{source[1]}") if source else None
        if data is None:
            continue
        found: dict[str, dict[str, str]] = {}
        for part, inside in _REF_PART.findall(text):
            found[part] = {key: re.sub(r"\\(.)", r"\1", a) or b for key, a, b in _REF_PAIR.findall(inside)}
        by_number = {p.n: p for p in read.parts(data)}
        for part, said in found.items():
            number = part.removeprefix("Part_").replace("_", ".")
            if part == "Msg":
                ours: Part | None = by_number.get("TEXT") or by_number["1"]
            else:
                ours = (
                    by_number.get(number) or by_number.get(f"{number}.TEXT") or _uuencoded(number, by_number)
                )
            where = f"{path}#{part}"
            if ours is None:
                yield Check("tree", where, False, sorted(by_number), number)
                continue
            if "Type" in said:
                yield Check("type", where, ours.type == said["Type"].lower(), ours.type, said["Type"])
            if "Filename" in said:
                yield Check("name", where, ours.name == said["Filename"], ours.name, said["Filename"])
            if "Size" in said:
                yield Check("size", where, ours.size == int(said["Size"]), ours.size, said["Size"])


def _uuencoded(number: str, by_number: dict[str, Part]) -> Part | None:
    """Their part 2 of an uuencoded text is our file 1 in part 1; part 1 is the text."""
    return by_number.get("1" if number == "1" else f"1.u{int(number) - 1}") if number.isdigit() else None


def flanker() -> Iterator[Check]:
    """One address a line: those that are valid are read whole, of the others none is read as itself."""
    fixtures = corpus.fixtures()
    for name, valid in (("mailbox_valid", True), ("mailbox_invalid", False)):
        path = f"flanker/tests/fixtures/{name}.txt"
        for number, line in enumerate(fixtures[path].decode().splitlines(), 1):
            if line and not line.startswith("#"):
                yield Check(name.partition("_")[2], f"{path}:{number}", _judged(line, valid), line, valid)


def isemail() -> Iterator[Check]:
    """RFC 5322's grammar, example by example: valid and obsolete forms are read as themselves."""
    fixtures = corpus.fixtures()
    path = "isemail/test/tests.xml"
    for test in ElementTree.fromstring(fixtures[path]).iter("test"):
        shown = test.findtext("address") or ""
        address = "".join(chr(ord(c) - 0x2400) if 0x2400 <= ord(c) < 0x2440 else c for c in shown)
        category = (test.findtext("category") or "").removeprefix("ISEMAIL_")
        valid = category != "ERR"
        kind = "invalid" if not valid else "valid"
        yield Check(kind, f"{path}#{test.get('id')}", _judged(address, valid), address, category)


def _judged(text: str, valid: bool) -> bool:
    return _read_whole(text) if valid else not _sendable(text)


def _read_whole(text: str) -> bool:
    """Whether the reader finds the one address that the text is."""
    found = addresses.parse_text(text)
    if len(found) != 1:
        return False
    bare = text.strip()
    while '"' not in bare and (shorter := re.sub(r"\((?:[^()\\]|\\.)*\)", "", bare).strip()) != bare:
        bare = shorter  # comments may stand in each other
    named = re.fullmatch(r".*<([^<>]+)>", bare, re.DOTALL)
    return "".join(found[0].email.split()) == "".join((named[1] if named else bare).split())


def _sendable(text: str) -> bool:
    """Whether `send` takes it: what is read leniently is written strictly."""
    from mailcli.app import addressing
    from mailcli.errors import MessageMalformed

    try:
        return len(addressing.strict([text])) == 1
    except MessageMalformed:
        return False


def enmime() -> Iterator[Check]:
    """Bounces: a line for each recipient that did not get the mail. Malformed mail: its words are found."""
    for path, data in _matching(r"enmime/dsn/testdata/.*\.raw"):
        text = read.reading(data).text
        expected = set(re.findall(rb"(?im)^(?:Original|Final)-Recipient:\s*\w+;\s*<?([^\s>]+)", data))
        missing = {e.decode() for e in expected if e.decode() not in text.partition("\n\n")[0]}
        yield Check("dsn", path, not missing and bool(expected), sorted(missing), text[:200])
    words = {
        "bad-final-boundary": "Attachment text",
        "bad-header-wrap": "text",
        "unk-encoding-part": "Plain text",
    }
    for path, data in _matching(r"enmime/testdata/low-quality/.*\.raw"):
        text = read.reading(data).text
        expected_word = words.get(path.rpartition("/")[2].removesuffix(".raw"), "")
        yield Check(
            "low-quality", path, bool(text.strip()) and "\ufffd" not in text, text[:80], expected_word
        )


def aerc() -> Iterator[Check]:
    """The vectors of aerc's filters that concern what is read: wrapping at 80 columns, invitations."""
    from mailcli.cli import cells
    from mailcli.model import wrap

    fixtures = corpus.fixtures()
    folder = "aerc/filters/vectors"
    for name in ("simple", "flowed", "lists", "quotes", "cjk", "unicode"):
        path = f"{folder}/wrap-{name}"
        source = fixtures[f"{path}.in"].decode()
        text = flowed.unflow(source) if name == "flowed" else source
        # theirs are shorter than 80
        lines = [piece for line in text.split("\n") for piece in wrap.lines(line, 79, cells.width)]
        expected = fixtures[f"{path}.expected"].decode().split("\n")
        lines, expected = _trimmed(lines), _trimmed(expected)
        yield Check("wrap", path, lines == expected, lines, expected)
    path = f"{folder}/calendar-invite"
    told = invitation.told(fixtures[f"{path}.in"].decode().replace("\r\n", "\n"), whole=True)
    facts = ("Test Event", "Some Location", "invalid@example.org", "2000-01-01 12:30", "With multiple lines.")
    yield Check("invite", path, all(fact in told for fact in facts), told, facts)


SUITES: dict[str, Callable[[], Iterator[Check]]] = {
    "MIME-tools": mime_tools,
    "aerc": aerc,
    "apache-james-mime4j": mime4j,
    "enmime": enmime,
    "flanker": flanker,
    "isemail": isemail,
    "stalwart-mail-parser": stalwart,
    "stalwart-mail-parser (fields)": stalwart_fields,
}


def _matching(pattern: str) -> Iterator[tuple[str, bytes]]:
    for path, data in sorted(corpus.fixtures().items()):
        if re.fullmatch(pattern, path):
            yield path, data


def _real(parts: tuple[Part, ...]) -> list[Part]:
    """Leaves as other parsers have them: without multiparts and files found inside a body."""
    return [p for p in parts if not p.type.startswith("multipart/") and p.n.replace(".", "").isdigit()]


def _text(data: bytes, part: Part) -> str:
    return _plain(read.part_text(data, part)) or ""


def _plain(text: str | None) -> str | None:
    return None if text is None else text.replace("\r\n", "\n").strip("\n")


def _same_lines(data: bytes) -> bytes:
    return re.sub(rb"\r\n?", b"\n", data).strip(b"\n")


def _trimmed(lines: list[str]) -> list[str]:
    found = [line.rstrip() for line in lines]
    while found and not found[-1]:
        found.pop()
    return found
