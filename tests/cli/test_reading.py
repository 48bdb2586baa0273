"""Mail of every kind through `read` and `attach`, as a pipe and as a person at a terminal sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.schemas import Mail, data
from tests.support import enclosed

Kept = Callable[[bytes], str]
HEAD = b"From: Ann <a@b.c>\nTo: b@c.d\nDate: Fri, 21 Nov 1997 09:55:06 -0600\n"
LONG = "word " * 60 + "https://example.org/" + "a" * 90


@pytest.fixture
def kept(mail: Mail, tmp_path: Path) -> Kept:
    """Import a message; its id."""

    def importing(message: bytes) -> str:
        before = set(mail("list", "Any", "--ids").out.split())
        path = tmp_path / "one.eml"
        path.write_bytes(message)
        done = mail("import", str(path), "--to", "Any")
        assert done.code == 0, done.err
        (ident,) = set(mail("list", "Any", "--ids").out.split()) - before
        return ident

    return importing


def test_piped_no_line_is_broken_and_none_is_joined(mail: Mail, kept: Kept) -> None:
    ident = kept(HEAD + f"Subject: long\n\n{LONG}\nshort\nlines\n".encode())
    assert mail("read", ident).out.endswith(f"\n\n{LONG}\nshort\nlines\n")


def test_at_a_terminal_lines_are_broken_but_web_addresses_stay_whole(
    mail: Mail, kept: Kept, capfd: pytest.CaptureFixture[str]
) -> None:
    ident = kept(HEAD + f"Subject: wide\n\n> {LONG}\n".encode())
    mail("read", ident, terminals=(True, True, True))
    lines = capfd.readouterr().out.splitlines()  # the pager's
    body = [line for line in lines if line.startswith("> ")]
    assert len(body) > 3
    assert all(len(line) <= 100 or "https://" in line for line in body)
    assert any(line.endswith("a" * 90) and "https://example.org/" in line for line in body)


@pytest.mark.parametrize("message", [b"X: y\n\n", b"Subject: only a header\n", HEAD + b"\n"])
def test_an_empty_mail_is_read_with_exit_0(mail: Mail, kept: Kept, message: bytes) -> None:
    ident = kept(message)
    for options in ([], ["--html"], ["--headers"], ["--raw"], ["--json"], ["--thread"]):
        done = mail("read", ident, *options)
        assert (done.code, done.err) == (0, ""), options


@pytest.mark.parametrize("number", range(len(enclosed.LETTERS)))
def test_each_kind_of_letter_is_read_in_every_form(mail: Mail, kept: Kept, number: int) -> None:
    ident = kept(enclosed.LETTERS[number])
    for options in ([], ["--html"], ["--headers"], ["--raw"], ["--json"], ["--thread"]):
        done = mail("read", ident, *options)
        assert (done.code, done.err) == (0, ""), options
        assert done.out.strip()
    (row,) = data(mail("read", ident, "--json"))
    for part in row["parts"]:
        if part["type"] == "application/ms-tnef":
            continue  # octets that the harness cannot decode
        assert mail("read", ident, "--part", part["n"]).code == 0
    assert mail("attach", "list", ident).code == 0


def test_a_signature_is_said_to_be_unchecked_and_encryption_to_be_there(mail: Mail, kept: Kept) -> None:
    signed = next(letter for letter in enclosed.LETTERS if b"multipart/signed" in letter)
    assert "\nSecurity: signed (not checked)\n" in mail("read", kept(signed)).out
    sealed = next(letter for letter in enclosed.LETTERS if b"multipart/encrypted" in letter)
    assert "\nSecurity: encrypted\n" in mail("read", kept(sealed)).out
    assert "Security" not in mail("read", kept(HEAD + b"\nwords\n")).out


NAMES = {
    "../../evil": "evil",
    "/etc/passwd": "passwd",
    "..\\..\\evil.txt": "evil.txt",
    ".bashrc": "bashrc",
    "-rf": "_-rf",
    "CON.txt": "_CON.txt",
    "a\tb\x1b[31m.txt": "a b_[31m.txt",
    "x" * 400 + ".pdf": "x" * 196 + ".pdf",
    "\u202egpj.exe": "_gpj.exe",
    "..": "part-2",
}


@pytest.mark.parametrize(("name", "saved"), NAMES.items(), ids=[name[:20] for name in NAMES])
def test_a_senders_file_name_is_made_harmless(
    mail: Mail, kept: Kept, tmp_path: Path, name: str, saved: str
) -> None:
    encoded = "".join(f"%{octet:02X}" for octet in name.encode())
    part = (
        f"Content-Type: application/x\nContent-Disposition: attachment; filename*=utf-8''{encoded}\n\nbytes"
    )
    ident = kept(enclosed.multipart("mixed", b"Content-Type: text/plain\n\nwords", part.encode()))
    place = tmp_path / "out"
    for expected in (saved, None):  # the second time the name is taken
        (path,) = mail("attach", "save", ident, "-o", str(place)).out.splitlines()
        assert Path(path).parent == place
        assert expected is None or Path(path).name == expected
        assert Path(path).read_bytes() == b"bytes"
    assert len(list(place.iterdir())) == 2
    assert "\x1b" not in mail("attach", "list", ident).out


def test_neither_a_file_nor_a_link_in_the_way_is_written_to(mail: Mail, kept: Kept, tmp_path: Path) -> None:
    part = b"Content-Type: application/x; name=a.bin\n\nnew"
    ident = kept(enclosed.multipart("mixed", b"Content-Type: text/plain\n\nwords", part))
    place = tmp_path / "out"
    place.mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(b"old")
    (place / "a.bin").symlink_to(victim)
    (path,) = mail("attach", "save", ident, "-o", str(place)).out.splitlines()
    assert Path(path).name == "a (2).bin"
    assert victim.read_bytes() == b"old"
