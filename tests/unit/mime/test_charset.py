import pytest

from mailcli.mime import charset

CHINESE = "今天的会议改到下午三点，请大家准时参加。"
JAPANESE = "これはテストです。よろしくお願いします。"
KOREAN = "안녕하세요 반갑습니다 오늘 회의는 취소되었습니다"
RUSSIAN = "Привет, как дела? Сегодня собрание отменено."


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("ISO-8859-1", "cp1252"),
        ('"utf-8"', "utf-8"),
        ("x-utf_8j", "utf-8"),
        ("GB2312", "gb18030"),
        ("ks_c_5601-1987", "cp949"),
        ("Windows-1252", "cp1252"),
        ("latin1", "cp1252"),
        ("iso_8859-1", "cp1252"),
        ("us-ascii", "ascii"),
        ("shift_jis", "cp932"),
        ("x-gbk", "gb18030"),
        ("idna", ""),
        ("punycode", ""),
        ("unicode_escape", ""),
        ("rot13", ""),
        ("zlib", ""),
        ("../../etc", ""),
        ("x" * 1000, ""),
        ("", ""),
    ],
)
def test_labels_name_charsets_and_nothing_else(label: str, codec: str) -> None:
    assert charset.codec(label) == codec


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        ("größe".encode(), "us-ascii", "größe"),
        ("größe".encode("latin-1"), "", "größe"),
        ("größe".encode("latin-1"), "utf-8", "größe"),
        ("größe".encode(), "nonsense", "größe"),
        (CHINESE.encode("gb18030"), "", CHINESE),
        (JAPANESE.encode("euc_jp"), "", JAPANESE),
        (JAPANESE.encode("iso2022_jp"), "", JAPANESE),
        (JAPANESE.encode("cp932"), "shift_jis", JAPANESE),
        (KOREAN.encode("cp949"), "", KOREAN),
        (RUSSIAN.encode("koi8_r"), "", RUSSIAN),
        (RUSSIAN.encode("cp1251"), "", RUSSIAN),
        (b"\x93quoted\x94", "iso-8859-1", "\u201cquoted\u201d"),
        (b"\x81", "iso-8859-1", "\x81"),
        (("größe " * 20).encode() + b"\xff", "utf-8", "größe " * 20 + "\ufffd"),
    ],
)
def test_text_is_repaired_whatever_its_label(data: bytes, label: str, text: str) -> None:
    assert charset.decode(data, label) == text
