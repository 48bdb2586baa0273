from hypothesis import given
from hypothesis import strategies as st

from mailcli.cli import cells
from mailcli.model import wrap


def wrapped(text: str, width: int, *, cut_links: bool = False) -> list[str]:
    return wrap.lines(text, width, cells.width, cut_links=cut_links)


def test_what_continues_a_quotation_keeps_its_marks() -> None:
    assert wrapped("> > one two three", 12) == ["> > one two", "> > three"]
    assert wrapped(">> one two three", 11) == [">> one two", ">> three"]


def test_what_continues_a_list_item_is_indented_like_it() -> None:
    assert wrapped("  * one two three", 12) == ["  * one two", "    three"]
    assert wrapped("12. one two three", 12) == ["12. one two", "    three"]
    assert wrapped("    one two three", 12) == ["    one two", "    three"]


def test_a_web_address_is_left_whole_for_the_terminal_and_cut_for_the_reader() -> None:
    address = "https://example.org/a/very/long/path"
    assert wrapped(f"see {address} and", 20) == ["see", address, "and"]
    assert wrapped(f"see {address}", 20, cut_links=True) == ["see", address[:20], address[20:]]


def test_a_long_word_is_cut() -> None:
    assert wrapped("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


def test_ideographs_break_anywhere_but_before_a_full_stop() -> None:
    assert wrapped("漢字漢字漢字", 6) == ["漢字漢", "字漢字"]
    assert wrapped("漢字漢。字", 6) == ["漢字", "漢。字"]
    assert wrapped("漢字「漢」", 6) == ["漢字", "「漢」"]


def test_marks_deeper_than_half_the_line_are_text() -> None:
    assert all(cells.width(line) <= 10 for line in wrapped("> " * 30 + "word", 10))


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Mn", "Me", "Mc", "Cf", "So", "Sk"])),
    st.integers(4, 60),
)
def test_no_character_is_lost_and_no_line_too_wide(text: str, width: int) -> None:
    lines = wrapped(text, width, cut_links=True)
    assert all(cells.width(line) <= width for line in lines)
    kept = "".join("".join(lines).split())
    assert kept.replace(">", "") == "".join(text.expandtabs(8).split()).replace(">", "")
