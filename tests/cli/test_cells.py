"""Widths of text on a terminal, and text made to fit."""

from __future__ import annotations

import sys
import unicodedata

import pytest
import wcwidth
from hypothesis import given
from hypothesis import strategies as st

from mailcli.cli import cells

TEXT = st.text(
    st.one_of(
        st.characters(min_codepoint=32, max_codepoint=126),
        st.sampled_from("日本語한글Ångström é́ ‍👩‍👩‍👧‍👦❤️🇩🇪…\u0301\u200b"),
    ),
    max_size=40,
)


def test_the_width_of_a_character_is_that_of_wcwidth() -> None:
    """Unassigned code points aside, and those that the two Unicode versions class differently."""
    different = []
    for code in range(32, sys.maxunicode + 1):
        char = chr(code)
        if unicodedata.category(char) in ("Cc", "Cn", "Cs", "Co"):
            continue
        ours, theirs = cells.width(char), wcwidth.wcwidth(char)
        if ours != max(theirs, 0):
            different.append(char)
    # wcwidth follows a later Unicode: signs that became wide since; half a flag is one cell here, two there.
    unexplained = [hex(ord(c)) for c in different if unicodedata.category(c) not in ("So", "No", "Zl", "Zp")]
    assert not unexplained
    assert len(different) < 250


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("plain", 5),
        ("日本語", 6),
        ("한글", 4),
        ("e\u0301", 1),
        ("Ångström", 8),
        ("❤\ufe0f", 2),
        ("👩\u200d👩\u200d👧", 2),
        ("a\u200bb", 2),
    ],
)
def test_widths_of_texts(text: str, width: int) -> None:
    assert cells.width(text) == width


@given(TEXT, st.integers(0, 50))
def test_a_fitted_text_has_exactly_the_cells_asked_for(text: str, room: int) -> None:
    assert cells.width(cells.fit(text, room)) == room
    assert cells.width(cells.fit(text, room, right=True)) == room


@given(TEXT, st.integers(0, 50))
def test_what_fits_is_not_changed_and_what_does_not_is_marked(text: str, room: int) -> None:
    short = cells.cut(text, room)
    if cells.width(text) <= room:
        assert short == text
    elif room:
        assert short.endswith("…")


@given(TEXT, st.integers(2, 50))
def test_wrapping_loses_nothing_but_spaces_at_the_breaks(text: str, room: int) -> None:
    lines = cells.wrap(text, room)
    assert all(cells.width(line) <= room for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_character_is_never_parted_from_what_is_drawn_onto_it() -> None:
    assert cells.cut("e\u0301e\u0301e\u0301", 2) == "e\u0301…"
    assert cells.cut("日本語", 4) == "日…"
