import pytest

from mailcli.mime import fields


@pytest.mark.parametrize(
    ("raw", "value", "parameters"),
    [
        (b"text/plain; charset=utf-8", "text/plain", {"charset": "utf-8"}),
        (
            b'Text/Plain ; Charset="utf-8" ; format=flowed',
            "text/plain",
            {"charset": "utf-8", "format": "flowed"},
        ),
        (b"text/plain; charset=us-ascii (Plain text)", "text/plain", {"charset": "us-ascii"}),
        (b"text/plain charset=utf-8", "text/plain", {"charset": "utf-8"}),
        (b"attachment; filename=two words.pdf", "attachment", {"filename": "two words.pdf"}),
        (b'attachment; filename="a;b.pdf"', "attachment", {"filename": "a;b.pdf"}),
        (b'attachment; filename="no end.pdf', "attachment", {"filename": "no end.pdf"}),
        (b'attachment; filename="a\\"b.pdf"', "attachment", {"filename": 'a"b.pdf'}),
        (b'attachment; filename="C:\\TEMP\\x.png"', "attachment", {"filename": "C:\\TEMP\\x.png"}),
        (b"attachment; filename*=utf-8''%C3%BC.txt", "attachment", {"filename": "\u00fc.txt"}),
        (
            b"attachment; filename*=UTF-8'de'%C3%BC.txt; filename=u.txt",
            "attachment",
            {"filename": "\u00fc.txt"},
        ),
        (
            b"attachment;\r\n filename*0*=utf-8''%C3;\r\n filename*1*=%BC;\r\n filename*2=.txt",
            "attachment",
            {"filename": "\u00fc.txt"},
        ),
        (b"attachment; filename*1=b; filename*0=a", "attachment", {"filename": "ab"}),
        (b"attachment; filename==?utf-8?q?=C3=BC.txt?=", "attachment", {"filename": "\u00fc.txt"}),
        (
            b'attachment; filename="=?utf-8?q?=C3=BC?=\r\n =?utf-8?q?.txt?="',
            "attachment",
            {"filename": "\u00fc.txt"},
        ),
        ('attachment; filename="\u00fc.txt"'.encode(), "attachment", {"filename": "\u00fc.txt"}),
        (b"multipart/mixed; boundary=----=_Part(1)", "multipart/mixed", {"boundary": "----=_Part(1)"}),
        (b"; name=x.zip", "", {"name": "x.zip"}),
        (b"", "", {}),
    ],
)
def test_parameters_are_read_in_right_and_wrong_forms(
    raw: bytes, value: str, parameters: dict[str, str]
) -> None:
    assert fields.typed(raw) == (value, parameters)


@pytest.mark.parametrize(
    ("raw", "ids"),
    [
        (b"<a@b>", ("a@b",)),
        (b" <a@b> <c@d>\r\n\t<e@f>", ("a@b", "c@d", "e@f")),
        (b"<a@b><c@d>", ("a@b", "c@d")),
        (b"a@b", ("a@b",)),
        (b"<a@\r\n b>", ("a@b",)),
        (b'Your message of "Mon" <a@b>', ("a@b",)),
        (b"Ann's message of Monday", ()),
        (b"=?utf-8?q?=3Ca=40b=3E?=", ("a@b",)),
        (b"<a@b> junk <c@d", ("a@b",)),
        (b"", ()),
        (b"<>", ()),
    ],
)
def test_message_ids_are_found_between_junk(raw: bytes, ids: tuple[str, ...]) -> None:
    assert fields.message_ids(raw) == ids
