"""Real mail in and out through the commands: every message of every form comes back to the octet."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mailcli.app.context import Context
from mailcli.cli import run
from tests.cli.calling import printed, streams
from tests.corpus import corpus

pytestmark = pytest.mark.skipif(corpus.directory() is None, reason="the corpus is not beside the checkout")

LINE = b"From someone@example.org Sat Nov 21 09:30:00 2026\n"


def letters() -> list[bytes]:
    """List mail and the fixtures that are single messages, with LF and an end, as an mbox can hold them."""
    some = [*list(corpus.mails("usrp-users").values())[:30], *list(corpus.mails("linux-man").values())[:30]]
    some += [
        m for name, m in corpus.fixtures().items() if name.endswith((".eml", ".msg")) and len(m) < 200_000
    ]
    found = (re.sub(rb"\r\n?", b"\n", m.partition(b"\n")[2] if m.startswith(b"From ") else m) for m in some)
    # One with a Content-Length of its own that leaves out the last line end, and every third of the others.
    good = [m for m in found if m.endswith(b"\n") and re.match(rb"[!-9;-~]+[ \t]*:", m) and b"\n\n" in m]
    return [m for n, m in enumerate(good) if n % 3 == 0 or re.search(rb"(?m)^Content-Length:", m)]


def tricky() -> list[bytes]:
    """Bodies with lines like those that part messages; the last two only where nothing unquotes them."""
    head = b"From: a@example.org\nSubject: x\nMessage-ID: <%d@x>\n\n"
    bodies = [
        b"From here to eternity\n",
        b"\nFrom me to you\n\nFrom you\n",
        b"one\n\nFrom someone@example.org Sat Nov 21 09:30:00 2026\nthat was a quotation\n",
        b"\n\n\n",
        b"",
        b">From the old days\n",
        b">>From older ones\n>From\n",
    ]
    return [head % n + body for n, body in enumerate(bodies)]


def mboxrd(messages: list[bytes]) -> bytes:
    return b"".join(LINE + re.sub(rb"(?m)^(>*From )", rb">\1", m) + b"\n" for m in messages)


def mboxo(messages: list[bytes]) -> bytes:
    return b"".join(LINE + re.sub(rb"(?m)^From ", b">From ", m) + b"\n" for m in messages)


def mboxcl2(messages: list[bytes]) -> bytes:
    """Nothing quoted; the length is in the header."""
    whole = []
    for message in messages:
        head, _, body = message.partition(b"\n\n")
        whole.append(LINE + head + b"\nContent-Length: %d\n\n" % len(body) + body + b"\n")
    return b"".join(whole)


def unquoted(messages: list[bytes]) -> bytes:
    """As many programs write: nothing quoted, no length."""
    return b"".join(LINE + m + b"\n" for m in messages)


def with_length(message: bytes) -> bytes:
    head, _, body = message.partition(b"\n\n")
    return head + b"\nContent-Length: %d\n\n" % len(body) + body


def plain(message: bytes) -> bool:
    """Without a quoted From line, which only mboxrd and mboxcl2 keep apart from one that was quoted."""
    return re.search(rb"(?m)^>+From ", message) is None


def safe(message: bytes) -> bool:
    """Without a From line that begins a message as far as anybody can tell."""
    return plain(message) and re.search(rb"(?m)^From .*\d:\d\d", message) is None


def as_file(make: Callable[[list[bytes]], bytes]) -> Callable[[Path, list[bytes]], Path]:
    def write(place: Path, messages: list[bytes]) -> Path:
        (place / "mbox").write_bytes(make(messages))
        return place / "mbox"

    return write


def maildir(place: Path, messages: list[bytes]) -> Path:
    for name in ("cur", "new", "tmp"):
        (place / name).mkdir()
    for n, message in enumerate(messages):
        (
            place / ("cur" if n % 2 else "new") / f"17000000{n:02}.{n}.host{':2,S' if n % 2 else ''}"
        ).write_bytes(message)
    return place


def emls(place: Path, messages: list[bytes]) -> Path:
    for n, message in enumerate(messages):
        (place / f"{n}.eml").write_bytes(message.replace(b"\n", b"\r\n") if n % 2 else message)
    return place


FORMS: Mapping[str, tuple[Callable[[Path, list[bytes]], Path], Callable[[bytes], bool]]] = {
    "mboxrd": (as_file(mboxrd), lambda _: True),
    "mboxo": (as_file(mboxo), plain),
    "mboxcl2": (as_file(mboxcl2), lambda _: True),
    "unquoted": (as_file(unquoted), safe),
    "maildir": (maildir, lambda _: True),
    "eml": (emls, lambda _: True),
}


class Profile:
    def __init__(self, place: Path) -> None:
        self.environ = {"MAILCLI_PROFILE": str(place), "HOME": str(place)}
        self.place = place

    def __call__(self, *argv: str) -> str:
        made = streams(environ=self.environ)
        code = run.main(argv, made)
        out, err = printed(made)
        assert code == 0, err
        return out

    def hashes(self, folder: str) -> Counter[str]:
        """What the folder holds, in wire form."""
        ctx = Context.open(profile=self.place, environ=self.environ)
        try:
            key = ctx.store.find_folder("local", folder).key
            rows = ctx.store.summaries(folders=[key]).rows
            return Counter(hashlib.sha256(ctx.store.open_bytes(row.id)).hexdigest() for row in rows)
        finally:
            ctx.close()


def wires(messages: list[bytes]) -> Counter[str]:
    return Counter(hashlib.sha256(m.replace(b"\n", b"\r\n")).hexdigest() for m in messages)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_imported_exported_and_imported_again_is_the_same(tmp_path: Path, form: str) -> None:
    write, can_hold = FORMS[form]
    messages = [m for m in [*letters(), *tricky()] if can_hold(m)]
    (tmp_path / "in").mkdir()
    source = write(tmp_path / "in", messages)
    expected = wires([with_length(m) for m in messages] if form == "mboxcl2" else messages)
    call = Profile(tmp_path / "profile")
    told = json.loads(call("import", str(source), "--to", "First", "--json"))
    assert told["data"][0]["messages"] == len(messages) > 130
    assert call.hashes("First") == expected
    for kind in ("mbox", "maildir", "eml"):
        call("export", "in:First", "-o", str(tmp_path / kind), "--as", kind)
        call("import", str(tmp_path / kind), "--to", f"Again {kind}")
        assert call.hashes(f"Again {kind}") == expected, kind


def test_mboxes_of_an_archive_have_the_messages_its_owner_counts(tmp_path: Path) -> None:
    """The same months of a list in dialects that quote, and that do not."""
    counted: Counter[str] = Counter()
    for name, text in corpus.fixtures().items():
        file = ""
        for line in text.decode().splitlines() if name.startswith("ponymail/yaml/par-") else ():
            file = line.strip(" :") if line.startswith("  corpus/") else file
            counted[file] += "- index:" in line
    call = Profile(tmp_path / "profile")
    tried = 0
    for file, count in counted.items():
        data = corpus.fixtures().get(f"ponymail/{file}")
        if data is None or not count:
            continue
        (tmp_path / "one.mbox").write_bytes(data)
        told = json.loads(call("import", str(tmp_path / "one.mbox"), "--json"))
        assert told["data"][0]["messages"] == count, file
        tried += 1
    assert tried == 3
