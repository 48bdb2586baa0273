"""The reader held against real mail, against an IMAP server's answers and other parsers' fixtures.

Where we differ on purpose, `differences.tsv` says so: kind, file, reason. A difference that is not
in it fails, and so does a line of it that is no difference any more.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcli.mime import fields, mbox, read, words
from mailcli.model.address import Address
from tests.corpus import corpus, oracle

pytestmark = pytest.mark.skipif(corpus.directory() is None, reason="the corpus is not beside the checkout")

Difference = tuple[str, str]


def listed(of: str) -> set[Difference]:
    found = set()
    for line in (Path(__file__).parent / "differences.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            kind, file, _ = line.split("\t")
            if file.startswith(corpus.LISTS) == (of == "lists"):
                found.add((kind, file))
    return found


def compare(file: str, data: bytes, answer: dict[str, str]) -> Iterator[str]:
    """The kinds of difference between our reading and the server's."""
    theirs = oracle.parsed(answer["envelope"])
    ours = read.envelope(data)
    # the server joins runs of white space
    if words.text(theirs[1] or b"").split() != ours.subject.split():
        yield "subject"
    if fields.message_id(theirs[9] or b"") != ours.message_id:
        yield "message-id"
    if fields.message_ids(theirs[8] or b"") != ours.in_reply_to:
        yield "in-reply-to"
    for place, field, found in (
        (2, "from", ours.sender),
        (5, "to", ours.to),
        (6, "cc", ours.cc),
        (7, "bcc", ours.bcc),
    ):
        if people(theirs[place]) != [(" ".join(a.name.split()), a.email.replace('"', "")) for a in found]:
            yield field
    structure = oracle.parsed(answer["bodystructure"])
    expected = oracle.leaves(structure, whole=not isinstance(structure[0], list))
    parts = [
        p for p in read.parts(data) if not p.type.startswith("multipart/") and p.n.replace(".", "").isdigit()
    ]
    if [(p.n, p.type) for p in parts] != [leaf[:2] for leaf in expected]:
        yield "tree"
        return
    for part, (_, _, encoding, size, parameters) in zip(parts, expected, strict=True):
        if part.end - part.start != size or (part.encoding or "7bit") != encoding:
            yield "size"
        name = parameters.get("filename") or parameters.get("name") or b""
        if words.text(name) != part.name:
            yield "name"


def people(found: list[list[bytes | None]] | None) -> list[tuple[str, str]]:
    """An address list of ENVELOPE without the marks of groups."""
    out = []
    for name, _, local, host in found or []:
        if host is None:
            continue
        domain = words.text(host)
        email = words.text(local or b"") + ("" if domain in ("", "MISSING_DOMAIN") else f"@{domain}")
        out.append((" ".join(words.text(name or b"").split()), email))
    return out


@pytest.mark.parametrize("name", corpus.LISTS)
def test_a_list_is_read_as_the_server_reads_it(name: str) -> None:
    found = set()
    mails = corpus.mails(name)
    count = 0
    for answer in corpus.answers(name):
        file = answer["file"]
        data = corpus.appended(mails[file])
        assert len(data) == answer["size"]
        found |= {(kind, file) for kind in compare(file, data, answer)}
        count += 1
    assert count == len(mails)
    assert found == {(kind, file) for kind, file in listed("lists") if file.startswith(f"{name}/")}


def test_fixtures_are_read_as_the_server_reads_them_but_for_what_is_listed() -> None:
    found = set()
    fixtures = corpus.fixtures()
    for answer in corpus.answers("suites"):
        file = answer["file"]
        found |= {(kind, file) for kind in compare(file, corpus.appended(fixtures[file]), answer)}
    assert found == listed("suites")


@pytest.mark.parametrize("name", [*corpus.LISTS, "suites"])
def test_every_message_is_indexed_and_shown(name: str) -> None:
    mails = corpus.fixtures() if name == "suites" else corpus.mails(name)
    for data in mails.values():
        content = read.content(data)
        reading = read.reading(data)
        read.reading(data, html=True)
        assert content.envelope == reading.envelope
        for part in reading.parts:
            assert len(read.part_bytes(data, part)) == part.size or part.type.startswith("multipart/")
        (content.text + content.preview + reading.text + reading.html).encode()


def test_the_words_of_a_list_stay_when_html_becomes_text() -> None:
    """Messages with a plain and an HTML form: what the plain one says, the HTML one says too."""
    there = lost = 0
    for data in corpus.mails("usrp-users").values():
        reading = read.reading(data)
        if not reading.html or "base64," in reading.text:
            continue
        plain = set(re.findall(r"[a-z]{4,}", reading.text.lower()))
        rich = set(re.findall(r"[a-z]{4,}", read.reading(data, html=True).text.lower()))
        there += len(plain)
        lost += len(plain - rich)
    assert there > 50_000
    assert lost / there < 0.005


def test_mbox_files_split_into_the_messages_they_were_made_of() -> None:
    """31 files in three dialects; the expected ids are in the suite's own files."""
    fixtures = corpus.fixtures()
    checked = 0
    for path, text in fixtures.items():
        if not re.search(r"ponymail/yaml/par[^/]*\.yaml$", path):
            continue
        for file, ids in expected_ids(text.decode()).items():
            data = fixtures.get(f"ponymail/{file}")
            if data is None or not ids:
                continue
            found = [read.envelope(message).message_id for message in mbox.split(io.BytesIO(data))]
            assert found == ids, file
            checked += len(ids)
    assert checked > 1000


def expected_ids(yaml: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in yaml.splitlines():
        if match := re.match(r"  (corpus/\S+):", line):
            current = found.setdefault(match[1], [])
        elif match := re.match(r"    message-id: (.*)", line):
            current.append(re.sub(r"[<>' ]", "", match[1]))
    return found


def test_an_mbox_splits_as_its_suite_says() -> None:
    fixtures = corpus.fixtures()
    (path,) = [name for name in fixtures if name.endswith("/mbox.rlug")]
    found = list(mbox.split(io.BytesIO(fixtures[path])))
    assert [m.rstrip() for m in found] == [fixtures[f"{path}-{n}"].rstrip() for n in range(5)]


def test_decoded_bodies_are_those_of_the_suite() -> None:
    """mime4j's `X_decoded_1_2.txt` is the decoded body of part 2 of X.msg."""
    fixtures = corpus.fixtures()
    agree = differ = 0
    for path, expected in fixtures.items():
        match = re.fullmatch(r"(.*)_decoded_([\d_]+)\.(?:txt|bin)", path)
        data = fixtures.get(f"{match[1]}.msg") if match else None
        if match is None or data is None:
            continue
        number = ".".join(match[2].split("_")[1:]) or "1"
        part = next((p for p in read.parts(data) if p.n == number), None)
        body = read.part_bytes(data, part) if part else b""
        if re.sub(rb"\r\n?", b"\n", body) == re.sub(rb"\r\n?", b"\n", expected):
            agree += 1
        else:
            differ += 1  # other numbers for messages in messages, and messages malformed on purpose
    assert (agree, differ) >= (143, 0)
    assert differ <= 21


def test_names_of_real_correspondents_survive_composing() -> None:
    from mailcli.mime import compose
    from mailcli.model.draft import Draft

    everyone = {
        a for name in corpus.LISTS for data in corpus.mails(name).values() for a in read.envelope(data).to
    }
    people = [
        Address(" ".join(a.name.split()), a.email)
        for a in sorted(everyone)
        if re.fullmatch(r"[\w.+-]+@[\w.-]+", a.email)
    ]
    assert len(people) > 500
    for start in range(0, len(people), 50):
        some = tuple(people[start : start + 50])
        draft = Draft(some[0], some, (), (), "", "", 0.0, 0, "i@x")
        assert read.envelope(compose.compose(draft)).to == some
