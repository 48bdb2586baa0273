"""The text of attachments: read within limits, kept, indexed."""

from __future__ import annotations

import binascii
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcli.mime import documents
from mailcli.model.query.parse import parse
from mailcli.store import attachments
from mailcli.store.attachments import Reader
from mailcli.store.store import Store
from mailcli.store.values import Arrival
from tests.support.letters import NOW, open_store

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def zipped(**members: str | bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return made.getvalue()


def docx(text: str) -> bytes:
    runs = "".join(f"<w:p><w:r><w:t>{word}</w:t></w:r></w:p>" for word in text.split())
    return zipped(word__document_xml=f'<w:document xmlns:w="{WORD}"><w:body>{runs}</w:body></w:document>')


def mail(name: str, data: bytes, kind: str = "application/octet-stream") -> bytes:
    head = (
        "From: ann@x.test\r\nSubject: with a document\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nthe body\r\n"
        f'--b\r\nContent-Type: {kind}; name="{name}"\r\nContent-Disposition: attachment\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + binascii.b2a_base64(data) + b"\r\n--b--\r\n"


XLSX = zipped(
    xl__sharedStrings_xml="<sst><si><t>Quarterly</t></si><si><t>figures</t></si></sst>",
    xl__worksheets__sheet1_xml="<worksheet><sheetData><row><c><v>4711</v></c></row></sheetData></worksheet>",
)
PPTX = zipped(ppt__slides__slide1_xml='<p:sld xmlns:p="p" xmlns:a="a"><a:p><a:t>Roadmap</a:t></a:p></p:sld>')
ODT = zipped(
    content_xml='<o:d xmlns:o="o" xmlns:text="t"><text:p>Übersicht</text:p><text:h>Plan</text:h></o:d>'
)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.txt", "plain wörds".encode(), ["plain", "wörds"]),
        ("a.html", b"<p>marked <b>up</b></p><script>not</script>", ["marked", "up"]),
        ("a.docx", docx("Minutes of Tuesday"), ["Minutes", "of", "Tuesday"]),
        ("a.xlsx", XLSX, ["4711", "Quarterly", "figures"]),
        ("a.pptx", PPTX, ["Roadmap"]),
        ("a.odt", ODT, ["Plan", "Übersicht"]),
        ("a.zip", zipped(readme="nothing of an office"), []),
        ("a.bin", b"\x00\x01\x02", []),
        ("broken.docx", docx("x")[:-30], []),
        ("a.pdf", b"%PDF-1.4\nbroken", []),
    ],
)
def test_documents_have_text(name: str, data: bytes, words: list[str]) -> None:
    assert sorted(documents.text_of(mail(name, data)).split()) == sorted(words)


def test_the_text_of_a_pdf_is_read_where_the_library_is() -> None:
    pypdf = pytest.importorskip("pypdf")
    assert pypdf
    stream = b"BT /F1 12 Tf 72 700 Td (Invoice 2024) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    made, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    made += b"xref\n0 5\n0000000000 65535 f \n%strailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(made),
    )
    assert documents.text_of(mail("a.pdf", made)).split() == ["Invoice", "2024"]


LAUGHS = (
    '<!DOCTYPE a [<!ENTITY l0 "ha">'
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    + "]><a>&l9;</a>"
)


def test_a_bomb_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ha" not in documents.text_of(mail("a.odt", zipped(content_xml=LAUGHS)))
    monkeypatch.setattr(documents, "LARGEST", 1000)
    bomb = zipped(content_xml=b"<a>" + b"x" * (64 << 20))
    assert len(bomb) < 100_000
    assert 0 < len(documents.text_of(mail("a.odt", bomb))) <= 1000
    many = zipped(**{f"ppt__slides__slide{n}_xml": b"<a>" + b"y" * 100_000 for n in range(100)})
    assert 0 < len(documents.text_of(mail("a.pptx", many))) <= 1000


def test_the_child_has_no_more_memory_and_writes_no_file(tmp_path: Path) -> None:
    file = str(tmp_path / "file")
    code = (
        "import sys; from mailcli.store.attachments import limit; limit(300 << 20)\n"
        "try: bytearray(1 << 30)\nexcept MemoryError: print('refused')\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"try:\n with open({file!r}, 'wb', 0) as f: f.write(b'x')\nexcept OSError: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "refused\nrefused\n", done.stderr


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


def test_a_document_that_takes_too_long_has_no_text_and_the_next_one_is_read(
    monkeypatch: pytest.MonkeyPatch, reader: Reader
) -> None:
    for code in ("import time; time.sleep(600)", "import os; os.abort()"):
        reader.close()
        with monkeypatch.context() as patched:
            patched.setattr(attachments, "_CODE", code + "#{path}")
            patched.setattr(attachments, "SECONDS", 0.3)
            assert reader.extract(mail("a.txt", b"x" * 500_000)) == ""
        assert reader.extract(mail("a.txt", b"word")).split() == ["word"]


def _found(store: Store, text: str) -> list[str]:
    return [row.id for row in store.search(parse(text, now=NOW)).rows]


def test_attachments_are_found_after_they_were_read_and_stay_so(
    store: Store, inbox: int, tmp_path: Path
) -> None:
    files = {"a.docx": docx("Minutes"), "b.bin": b"\0"}
    one, two = store.deliver([Arrival(inbox, mail(*file), arrived=NOW) for file in files.items()])
    assert _found(store, "attachment:minutes") == []
    assert store.index_attachments() == (1, 0)
    assert _found(store, "attachment:minutes") == _found(store, "minutes") == [one]
    assert _found(store, "body:minutes") == []
    assert set(_found(store, 'body:"the body"')) == {one, two}
    assert store.index_attachments() == (0, 0)
    assert store.check() == []
    store.close()
    with open_store(tmp_path) as again:
        again.rebuild()
        assert _found(again, "attachment:minutes") == [one]
        trash = again.ensure_folder("work", "Trash", special="Trash")
        again.move([one], trash)
        assert _found(again, "in:trash attachment:minutes") == [one]
        again.purge([one])
        with again._site.database.reading() as connection:
            assert connection.execute("SELECT id FROM attachment_text").fetchall() == [(two,)]


def test_reading_ends_when_its_time_is_over_and_goes_on_next_time(
    store: Store, inbox: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "_AT_ONCE", 2)
    store.deliver([Arrival(inbox, mail("a.txt", b"w%d" % n), arrived=NOW) for n in range(5)])
    steps: list[tuple[int, int]] = []
    assert store.index_attachments(lambda *step: steps.append(step), seconds=-1) == (0, 5)
    assert store.index_attachments(lambda *step: steps.append(step)) == (5, 0)
    assert steps == [(2, 5), (4, 5), (5, 5)]
