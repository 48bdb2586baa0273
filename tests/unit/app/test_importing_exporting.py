from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcli.app import exporting, importing
from mailcli.app.context import Context
from mailcli.app.listing import search
from mailcli.errors import CannotCreate, NotFound, QueryError, UsageError
from mailcli.model.message import Summary

MAIL = b"From: Ann <ann@x.org>\nTo: me@x.org\nSubject: %s\nDate: Mon, 06 May 2024 10:00:00 +0000\n\nbody %s\n"


def mail(word: str) -> bytes:
    return MAIL % (word.encode(), word.encode())


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[Context]:
    context = Context.open(profile=tmp_path / "profile", environ={"HOME": str(tmp_path)})
    yield context
    context.close()


def found(ctx: Context, *words: str) -> dict[str, Summary]:
    """The hits by subject."""
    return {row.subject: row for row in search(ctx, words or ("in:any",)).rows}


def test_an_mbox_is_imported_with_its_status(ctx: Context, tmp_path: Path) -> None:
    box = tmp_path / "old"
    line = b"From ann@x.org Mon May  6 10:00:00 2024\n"
    box.write_bytes(
        line
        + b"Status: RO\nX-Status: AF\n"
        + mail("one")
        + b"\n"
        + line
        + b"Status: O\n"
        + mail("two")
        + b"\n"
    )
    done = importing.import_paths(ctx, [box])
    assert done._replace(undo="") == importing.Imported(2, "local", "INBOX", ())
    rows = found(ctx)
    assert rows["one"].flags == {"\\Seen", "\\Answered", "\\Flagged"}
    assert rows["two"].flags == frozenset()
    assert ctx.store.open_bytes(rows["two"].id) == b"Status: O\r\n" + mail("two").replace(b"\n", b"\r\n")


def test_a_maildir_is_imported_with_flags_and_times(ctx: Context, tmp_path: Path) -> None:
    box = tmp_path / "Maildir"
    for part in ("cur", "new", "tmp"):
        (box / part).mkdir(parents=True)
    (box / "cur" / "1700000000.M1P2.host,S=99:2,FRS").write_bytes(mail("seen"))
    (box / "new" / "1700000001.M1P3.host").write_bytes(mail("unseen"))
    (box / "tmp" / "1700000002.M1P4.host").write_bytes(mail("unfinished"))
    exact = b"Subject: exact\n\nLF on the wire\n"
    (box / "cur" / f"1700000003.x.host,W={len(exact)}:2,S").write_bytes(exact)
    assert importing.import_paths(ctx, [box], "Old/2023").messages == 3
    rows = found(ctx)
    assert rows["seen"].flags == {"\\Seen", "\\Answered", "\\Flagged"}
    assert rows["unseen"].flags == frozenset()
    assert (rows["seen"].arrived, rows["unseen"].arrived) == (1_700_000_000, 1_700_000_001)
    assert {(row.account, row.folder) for row in rows.values()} == {("local", "Old/2023")}
    assert ctx.store.open_bytes(rows["exact"].id) == exact


def test_an_eml_is_one_message_whatever_it_begins_with(ctx: Context, tmp_path: Path) -> None:
    one = tmp_path / "one.EML"
    line = b"From ann@x.org Mon May  6 10:00:00 2024\n"
    one.write_bytes(line + mail("one") + b"\n" + line + mail("two"))
    assert importing.import_paths(ctx, [one]).messages == 1
    assert len(search(ctx, ["in:any"]).rows) == 1


def test_a_directory_of_eml_files_is_imported_and_nothing_is_deduplicated(
    ctx: Context, tmp_path: Path
) -> None:
    (tmp_path / "mails" / "sub").mkdir(parents=True)
    (tmp_path / "mails" / "a.eml").write_bytes(mail("one"))
    (tmp_path / "mails" / "sub" / "b.eml").write_bytes(mail("one"))
    (tmp_path / "mails" / "notes.txt").write_bytes(b"no mail")
    assert importing.import_paths(ctx, [tmp_path / "mails"]).messages == 2
    assert importing.import_paths(ctx, [tmp_path / "mails"]).messages == 2
    assert len(search(ctx, ["one"]).rows) == 4


def test_what_cannot_be_read_is_counted_and_the_rest_imported(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "good.eml").write_bytes(mail("good"))
    (tmp_path / "empty.eml").write_bytes(b"")
    (tmp_path / "picture").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "nothing").mkdir()
    names = ("empty.eml", "picture", "nothing", "good.eml")
    done = importing.import_paths(ctx, [tmp_path / name for name in names])
    assert done.messages == 1
    assert [line.split(":")[0] for line in done.unreadable] == [str(tmp_path / name) for name in names[:3]]


def test_a_path_that_is_not_there_stops_an_import_before_it_begins(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "good.eml").write_bytes(mail("good"))
    with pytest.raises(NotFound):
        importing.import_paths(ctx, [tmp_path / "good.eml", tmp_path / "missing"])
    assert ctx.store.accounts() == []


def test_line_ends_that_are_not_plain_are_kept_exactly(ctx: Context, tmp_path: Path) -> None:
    mixed = b"Subject: mixed\r\n\r\none\ntwo\rthree\r\n"
    (tmp_path / "m.eml").write_bytes(mixed)
    importing.import_paths(ctx, [tmp_path / "m.eml"])
    assert ctx.store.open_bytes(found(ctx)["mixed"].id) == mixed


def test_the_arrival_is_never_in_the_future(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "f.eml").write_bytes(mail("future").replace(b"2024", b"2094"))
    os.utime(tmp_path / "f.eml", (1_600_000_000, 1_600_000_000))
    importing.import_paths(ctx, [tmp_path / "f.eml"])
    assert found(ctx)["future"].arrived == 1_600_000_000


def test_the_destination_may_name_its_account(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(mail("one"))
    assert importing.import_paths(ctx, [tmp_path / "a.eml"], "local:Old")[1:3] == ("local", "Old")
    assert importing.import_paths(ctx, [tmp_path / "a.eml"], "old")[1:3] == ("local", "Old")
    assert importing.import_paths(ctx, [tmp_path / "a.eml"], "what: a name")[1:3] == ("local", "what: a name")
    with pytest.raises(UsageError):
        importing.import_paths(ctx, [tmp_path / "a.eml"], "local:")


@pytest.fixture
def filled(ctx: Context, tmp_path: Path) -> Context:
    (tmp_path / "in").mkdir()
    for n, word in enumerate(("one", "two", "From three")):
        (tmp_path / "in" / f"{n}.eml").write_bytes(
            mail(word).replace(b"body ", b"").replace(b"06", b"0%d" % (n + 1))
        )
    (tmp_path / "in" / "raw.eml").write_bytes(b"Subject: raw\r\n\r\nmixed\nends\r\n")
    importing.import_paths(ctx, [tmp_path / "in"])
    ctx.store.set_flags([found(ctx)["one"].id], frozenset({"\\Seen", "\\Flagged"}))
    return ctx


def contents(ctx: Context) -> list[bytes]:
    return sorted(ctx.store.open_bytes(row.id) for row in search(ctx, ["in:any"]).rows)


@pytest.mark.parametrize("form", ["eml", "maildir"])
def test_what_is_exported_and_imported_again_is_the_same_to_the_octet(
    filled: Context, tmp_path: Path, form: str
) -> None:
    before = contents(filled)
    out = tmp_path / "out"
    assert exporting.export(filled, ["in:any"], out, form) == exporting.Exported(4, out)
    assert importing.import_paths(filled, [out], "Back").messages == 4
    assert contents(filled) == sorted(before * 2)
    if form == "maildir":
        assert found(filled, "in:Back")["one"].flags == {"\\Seen", "\\Flagged"}
        assert sum(1 for _ in (out / "new").iterdir()) == 3


def test_an_mbox_is_written_oldest_first_and_read_back(filled: Context, tmp_path: Path) -> None:
    out = tmp_path / "out.mbox"
    assert exporting.export(filled, ["-raw"], out).messages == 3
    data = out.read_bytes()
    assert [data.find(f"Subject: {word}".encode()) for word in ("one", "two", "From three")] == sorted(
        data.find(f"Subject: {word}".encode()) for word in ("one", "two", "From three")
    )
    assert b"\n>From three\n" in data
    before = contents(filled)
    importing.import_paths(filled, [out])
    assert set(contents(filled)) == set(before)


@pytest.mark.parametrize("form", exporting.FORMS)
def test_an_export_overwrites_nothing(filled: Context, tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"
    exporting.export(filled, ["one"], out, form)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(CannotCreate):
        exporting.export(filled, ["one"], out, form)
    with pytest.raises(CannotCreate):
        exporting.export(filled, ["one"], tmp_path / "no" / "where", form)
    assert all(path.read_bytes() == data for path, data in before.items())


def test_a_wrong_form_or_query_writes_nothing(filled: Context, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        exporting.export(filled, ["one"], tmp_path / "out", "zip")
    with pytest.raises(QueryError):
        exporting.export(filled, ["subjct:one"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_terms_that_read_the_files_work_through_the_store(filled: Context) -> None:
    assert found(filled, "body:/^ends/").keys() == {"raw"}
    assert found(filled, "header.to:me -is:flagged").keys() == {"two", "From three"}


def test_a_file_that_only_looks_like_header_fields_is_no_mail(ctx: Context, tmp_path: Path) -> None:
    passwd = tmp_path / "passwd"
    passwd.write_text("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\n")
    done = importing.import_paths(ctx, [passwd])
    assert done.messages == 0
    assert "does not begin as a mail does" in done.unreadable[0]


def test_what_stands_behind_a_from_line_is_mail_however_odd_its_header(ctx: Context, tmp_path: Path) -> None:
    line = b"From a@example.org Sat Nov 21 09:30:00 2026\n"
    (tmp_path / "odd").write_bytes(line + b"Content-Type: text/plain\n\none\n\n" + line + b"Odd: x\n\ntwo\n")
    done = importing.import_paths(ctx, [tmp_path / "odd"])
    assert (done.messages, done.unreadable) == (2, ())
