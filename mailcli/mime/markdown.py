"""Markdown (CommonMark) to the HTML version of a letter, by markdown-it-py: the extra `markdown`."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mailcli.errors import ConfigError

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_FORWARDED: Final = "---------- Forwarded message ----------\n"


def rendered(text: str, image: Callable[[str], str], foreign: str = "") -> str:
    """The HTML of a letter. `image` turns the address of each image of one's own into that to use.

    HTML in the text stays text. `foreign` is what others wrote of it: its images, and those in a quotation,
    are links. A forwarded message and the signature are shown as they stand. Raises ConfigError when the
    library is not installed.
    """
    parser = _parser()
    own, mark, forwarded = text.partition(_FORWARDED)
    own, dashes, signature = own.partition("\n-- \n")
    others = {str(token.attrGet("src")) for token, _ in _images(parser.parse(foreign))}
    tokens = parser.parse(own)
    for token, quoted in _images(tokens):
        source = str(token.attrGet("src"))
        if quoted or source in others:
            token.type, token.tag, token.children = "text", "", None
            token.content = f"[{token.content}]"
        else:
            token.attrSet("src", image(source))
    body = parser.renderer.render(tokens, parser.options, {})
    if dashes:
        body += f"<p>-- <br>\n{_lines(signature)}</p>\n"
    if mark:
        body += f"<p>{_lines(mark + forwarded)}</p>\n"
    return f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head><body>\n{body}</body></html>\n'


def _parser() -> MarkdownIt:
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        raise ConfigError(
            "--markdown needs the Python package markdown-it-py",
            hint="pip install 'mailcli[markdown]', or give the HTML with --html",
        ) from None
    # A letter's line breaks are meant; HTML stays text, since some of it may be quoted from others.
    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])


def _images(tokens: Sequence[Token], quoted: int = 0) -> Iterator[tuple[Token, bool]]:
    """Every image, and whether it stands in a quotation."""
    for token in tokens:
        if token.type == "blockquote_open":
            quoted += 1
        elif token.type == "blockquote_close":
            quoted -= 1
        elif token.type == "image":
            yield token, quoted > 0
        if token.children and token.type != "image":
            yield from _images(token.children, quoted)


def _lines(text: str) -> str:
    return html.escape(text.strip("\n")).replace("\n", "<br>\n")
