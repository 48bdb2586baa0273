import pytest

from mailcli.mime import words


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"  two\n\tlines ", "two lines"),
        (b"two\r\n lines", "two lines"),
        (b"=?iso-8859-1?Q?a?=", "a"),
        (b"=?ISO-8859-1?Q?a?= b", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=\n    =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a_b?=", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        (b"x =?utf-8?q?=C3=BC?= y", "x \u00fc y"),
        (b"x=?utf-8?q?=C3=BC?=y", "x\u00fcy"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "\u00fc"),  # a character split between words
        (b"=?utf-8?B?4pi?= =?utf-8?B?D?=", "\u2603"),  # and a base64 quantum
        (b"=?UTF-8*de?Q?=C3=BC?=", "\u00fc"),
        (b"=?utf-8?q?a b?=", "a b"),  # white space that should not be there
        (b"=?utf-8?q?what?now?=", "what?now"),
        (b"=?utf-8?q?no_end", "no end"),
        (b"=?utf-8?q?no_end =?utf-8?q?but_one?=", "no endbut one"),
        (b"=?x-unknown?q?=C3=BC?=", "\u00fc"),
        (b"=?iso-2022-jp?B?GyRCJDMbKEI=?=", "\u3053"),
        (b"=?gb2312?B?suLK1A==?=", "\u6d4b\u8bd5"),
        (b"=?ks_c_5601-1987?B?x9Gx2w==?=", "\ud55c\uae00"),
        (b"=?utf-8?B?w7w?=", "\u00fc"),  # padding missing
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        (b"=?", "=?"),
        ("r\u00fcb".encode(), "r\u00fcb"),
        ("r\u00fcb".encode("latin-1"), "r\u00fcb"),
        (b"a\rb", "a b"),
    ],
)
def test_header_text_reads_as_its_author_wrote_it(raw: bytes, text: str) -> None:
    assert words.text(raw) == text


def test_no_lone_surrogate_comes_out_of_utf7() -> None:
    words.text(b"=?utf-7?q?+2AA-?=").encode()
