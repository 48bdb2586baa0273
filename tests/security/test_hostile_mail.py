"""Mail, and files of mail, made to do harm: shown harmlessly, saved where asked for, never waited for."""

from __future__ import annotations

import base64
import os
import re
import stat
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.security.scripted import harmless, letter
from tests.support.program import Program

EVIL = "\x1b[31m\x1b]0;owned\x07\x9b31m\u202eevil\u2066\u200f\x00\x08"
HEADER = (
    "From: a@b.example\r\nTo: c@d.example\r\nSubject: {0}\r\n"
    "Message-ID: <{0}@x.example>\r\nMIME-Version: 1.0\r\n"
)


def word(text: str) -> str:
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "profile")


def given(program: Program, tmp_path: Path, data: bytes) -> str:
    """The id of this message, imported."""
    file = tmp_path / "given.eml"
    file.write_bytes(data)
    harmless(program.run("import", str(file))).good()
    (identity,) = program.run("list", "--ids").good().out.split()
    return identity


def test_control_characters_in_any_field_are_printed_by_no_command(program: Program, tmp_path: Path) -> None:
    mail = [
        f"From: {word(EVIL)} <a@b.example>",
        f"To: {EVIL} <c@d.example>",
        f"Cc: {word(EVIL)} <{EVIL}@d.example>",
        f"Subject: {word(EVIL)} raw {EVIL}",
        f"Message-ID: <{EVIL}@x.example>",
        f"List-Id: {EVIL}",
        f"X-{EVIL}: {EVIL}",
        "MIME-Version: 1.0",
        "Content-Type: multipart/mixed; boundary=b",
        "",
        "--b",
        f'Content-Type: text/plain; charset=utf-8; name="{EVIL}"',
        "",
        f"{EVIL} body",
        "--b",
        f'Content-Type: application/{EVIL}; name="{word(EVIL)}"',
        f"Content-Disposition: attachment; filename*=utf-8''{quote(EVIL)}.txt",
        "",
        "x",
        "--b--",
        "",
    ]
    identity = given(program, tmp_path, "\r\n".join(mail).encode())
    for words in (
        ("list",),
        ("list", "--json"),
        ("list", "--color", "always", "--format", "{subject} {from} {to} {message_id} {preview} {from.name}"),
        ("search", "body"),
        ("read", identity),
        ("read", identity, "--json"),
        ("read", identity, "--headers"),
        ("attach", "list", identity),
        ("attach", "list", identity, "--json"),
        ("attach", "save", identity, "-o", str(tmp_path / "out")),
        ("__complete", "ids"),
        ("__complete", "addresses"),
    ):
        done = harmless(program.run(*words))
        if "always" in words:
            continue
        assert "owned" not in done.out or "\x1b" not in done.out
    (saved,) = (tmp_path / "out").iterdir()
    assert saved.name.isprintable()


NAMES = [
    "../../evil", "/etc/passwd", ".bashrc", "-rf", "--help", "~", "a\0b", "n" * 300, "con", "CON.txt", "..",
    ".", " ", "\\\\srv\\x", "C:\\x", "a:b", "file\nname", "é" * 300, "x." + "y" * 300, "....",
]  # fmt: skip


def test_attachments_are_saved_under_harmless_names_in_the_directory_and_nowhere_else(
    program: Program, tmp_path: Path
) -> None:
    parts = [
        f"--b\r\nContent-Disposition: attachment; filename*=utf-8''{quote(name)}\r\n\r\ndata\r\n"
        for name in NAMES
    ]
    mail = (
        HEADER.format("names")
        + "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + "".join(parts)
        + "--b--\r\n"
    )
    identity = given(program, tmp_path, mail.encode())
    out = tmp_path / "a" / "b" / "out"
    out.mkdir(parents=True)
    (tmp_path / "target").write_text("mine")
    (out / "evil").symlink_to(tmp_path / "target")
    (out / "passwd").write_text("mine")
    harmless(program.run("attach", "save", identity, "-o", str(out))).good()
    assert (tmp_path / "target").read_text() == (out / "passwd").read_text() == "mine"
    assert {p.name for p in tmp_path.iterdir()} == {"a", "given.eml", "profile", "target"}
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["out"]
    saved = [p.name for p in out.iterdir()]
    assert len(saved) == len(NAMES) + 2
    for name in saved:
        assert name[0] not in ".-~", name
        assert len(name.encode()) < 256
        assert not re.match(r"(con|prn|aux|nul)(\.|$)", name, re.IGNORECASE), name


BOMBS = {
    "nested parts": "Content-Type: multipart/mixed; boundary=b0\r\n\r\n"
    + "".join(f"--b{n}\r\nContent-Type: multipart/mixed; boundary=b{n + 1}\r\n\r\n" for n in range(3000)),
    "nested messages": "Content-Type: message/rfc822\r\n\r\n" * 10_000,
    "parts": "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "--b\r\n\r\nx\r\n" * 100_000,
    "addresses": "Cc: " + ",\r\n ".join(f"n <a{n}@b.example>" for n in range(30_000)) + "\r\n\r\nx",
    "comments": "Cc: "
    + "(" * 100_000
    + "\r\nDate: "
    + "(" * 100_000
    + "\r\nReferences: "
    + "<" * 100_000
    + "\r\n\r\nx",
    "quotes": "Cc: " + '"' * 100_001 + "\r\nContent-Type: text/plain; " + 'a="b\\";' * 30_000 + "\r\n\r\nx",
    "encoded words": "X-A: " + "=?utf-8?q?a?= " * 50_000 + "\r\nCc: " + "=?utf-8?b?" * 50_000 + "\r\n\r\nx",
    "parameters": "Content-Disposition: attachment; "
    + ";".join(f"filename*{n}*=%41" for n in range(30_000))
    + "\r\n\r\nx",
    "html": "Content-Type: text/html\r\n\r\n" + "<table><tr><td><ul><li><div>" * 10_000,
    "quoted": "\r\n" + ">" * 300_000,
}


def test_bombs_are_read_in_a_few_seconds(program: Program, tmp_path: Path) -> None:
    directory = tmp_path / "bombs"
    directory.mkdir()
    for name, text in BOMBS.items():
        (directory / f"{name}.eml").write_bytes((HEADER.format(name.replace(" ", "-")) + text).encode())
    harmless(program.run("import", str(directory))).good()
    ids = program.run("list", "--ids").good().out.split()
    assert len(ids) == len(BOMBS)
    harmless(program.run("read", *ids)).good()


# -- files of mail that others have made -----------------------------------------------------------


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    top = tmp_path / "theirs"
    for name in ("cur", "new", "tmp"):
        (top / name).mkdir(parents=True)
    (top / "cur" / "1.a:2,S").write_bytes(letter("good"))
    return top


def test_an_import_waits_for_no_pipe_and_reads_no_device(
    program: Program, tmp_path: Path, maildir: Path
) -> None:
    os.mkfifo(maildir / "cur" / "2.b:2,")
    (maildir / "new" / "3.c").symlink_to("/dev/zero")
    directory = tmp_path / "letters"
    directory.mkdir()
    os.mkfifo(directory / "pipe.eml")
    (directory / "zero.eml").symlink_to("/dev/zero")
    (directory / "loop.eml").symlink_to("loop.eml")
    (directory / "a.eml").write_bytes(letter("also good"))
    done = harmless(program.run("import", str(maildir), str(directory), "/dev/zero"))
    assert done.code == 1
    for name in ("2.b", "3.c", "pipe.eml", "zero.eml", "/dev/zero: a device"):
        assert name in done.err
    assert program.subjects() == ["also good", "good"]


def test_an_import_follows_no_link_out_of_the_directory(
    program: Program, tmp_path: Path, maildir: Path
) -> None:
    (tmp_path / "private.eml").write_bytes(letter("private"))
    (maildir / "cur" / "2.b:2,").symlink_to(tmp_path / "private.eml")
    (maildir / "new" / "3.c").symlink_to(maildir / "cur" / "1.a:2,S")
    done = harmless(program.run("import", str(maildir)))
    assert done.code == 1
    assert "a link to outside" in done.err
    assert program.subjects() == ["good", "good"]


def test_a_link_that_the_user_names_is_followed(program: Program, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "m.eml").write_bytes(letter("mine"))
    (tmp_path / "deep" / "m.mbox").write_bytes(b"From a\n" + letter("also mine").replace(b"\r", b""))
    for suffix in ("eml", "mbox"):
        (tmp_path / f"link.{suffix}").symlink_to(tmp_path / "deep" / f"m.{suffix}")
        program.run("import", str(tmp_path / f"link.{suffix}")).good()
    assert program.subjects() == ["also mine", "mine"]


# -- searching what others have written ------------------------------------------------------------


def test_a_regular_expression_that_backtracks_for_ever_is_given_up(program: Program, tmp_path: Path) -> None:
    given(program, tmp_path, letter("a" * 40 + "!"))
    done = harmless(program.run("search", "subject:/(a+)+$/"))
    assert done.code == 2
    assert "takes too long" in done.err
    assert program.run("search", "subject:/a+!/", "--count").good().out == "1\n"


@pytest.mark.parametrize("query", ["(" * 100_000, "a OR " * 20_000 + "a", '"' * 9_999, "date:" + "9" * 5_000])
def test_a_query_beyond_measure_is_refused(program: Program, query: str) -> None:
    assert harmless(program.run("search", "--", query)).code == 2


# -- what is written, others cannot read ------------------------------------------------------------


def test_what_is_exported_is_its_owners_alone_whatever_the_umask(program: Program, tmp_path: Path) -> None:
    given(program, tmp_path, letter("private"))

    def open_to_all() -> None:
        os.umask(0)

    for form in ("mbox", "eml", "maildir"):
        words = ("export", "subject:private", "-o", str(tmp_path / form), "--as", form)
        program.run(*words, "--log-file", str(tmp_path / "log"), preexec=open_to_all).good()
        made = tmp_path / form
        for path in (tmp_path / "log", made, *(made.rglob("*") if made.is_dir() else ())):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert len(list(tmp_path.glob("*/*.eml"))) == 1
