from mailcli.model import printable


def test_escape_sequences_lose_their_escape() -> None:
    assert "\x1b" not in printable.line("\x1b]0;owned\x07")
    assert "\x9b" not in printable.block("\x9b31m")


def test_bidi_overrides_are_marked() -> None:
    assert printable.line("evil\u202egnp.exe") == "evil\ufffdgnp.exe"


def test_a_line_has_no_break_left() -> None:
    assert printable.line("a\r\n b\tc\u2028d") == "a b c d"


def test_a_block_keeps_lines_and_tabs() -> None:
    assert printable.block("a\r\n\tb\nü") == "a\n\tb\nü"
