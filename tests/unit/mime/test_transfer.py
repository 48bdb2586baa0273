import pytest

from mailcli.mime import transfer

BODIES = [
    b"QUJD", b"QUJDRA==", b"QUJDREU=",
    b"QUJD\r\nREVG\r\n", b"Q U\tJ D\n", b"QUJ", b"QUJDR", b"QQ==QQ==", b"QUJD!!\xff", b"QUJD--\n",
    b"QQ==\nQUI=\n", b"=", b"==", b"====", b"", b"\n\n", b"QQ=", b"Q", b"Q=QUI=", b"QUI=\n=",
    b"QUJDRA==\nA mailing list\n",
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "7bit", "", "x-uuencode", "nonsense"])
def test_the_size_is_that_of_the_decoded_body(body: bytes, encoding: str) -> None:
    data = b"before" + body + b"after"
    assert transfer.size(data, 6, 6 + len(body), encoding) == len(transfer.decode(body, encoding))


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        (b"QUJD", b"ABC"),
        (b"QUJ", b"AB"),
        (b"QUJDR", b"ABC"),
        (b"QQ==QUI=", b"AAB"),
        (b"QQ==\r\nQUI=\r\n", b"AAB"),
        (b"QQ==\nA mailing list\n", b"A"),
        (b"QU\xffJD!", b"ABC"),
        (b"", b""),
        (b"=", b""),
    ],
)
def test_broken_base64_gives_what_is_there(text: bytes, octets: bytes) -> None:
    assert transfer.base64(text) == octets


def test_uuencoded_lines_that_count_wrongly_give_what_is_there() -> None:
    assert transfer.uudecode(b"begin 644 a\n#86)C\n#86)C  trailing\n`\nend\n") == b"abcabc"
    assert transfer.uudecode(b"\x7f\x80\n") == b""


def test_broken_quoted_printable_gives_what_is_there() -> None:
    assert transfer.decode(b"a=3Db=\nc=XYd=", "quoted-printable") == b"a=bc=XYd"
