from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.utils import get_cwidth

from mailcli.tui import format as formatting

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


@given(texts, st.integers(2, 60))
def test_fitted_text_has_exactly_its_width(text: str, width: int) -> None:
    assert get_cwidth(formatting.fit(text, width)) == width


@given(texts, st.integers(4, 60))
def test_wrapping_keeps_every_word_within_the_width(line: str, width: int) -> None:
    pieces = formatting.wrap(line, width)
    assert all(get_cwidth(piece) <= width for piece in pieces)
    # Quotation marks are repeated on what continues a quotation.
    kept, meant = ("".join(text.split()).replace(">", "") for text in ("".join(pieces), line.expandtabs(8)))
    assert kept == meant
