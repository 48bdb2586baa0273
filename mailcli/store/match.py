"""Query texts as FTS5 expressions. Every text is quoted: no user's word is ever FTS5 syntax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailcli.model.query.ast import And, Near, Node, Not, Or, Saved, Text
from mailcli.store import fulltext
from mailcli.store.tokens import folded, needed_words

if TYPE_CHECKING:
    import apsw

_COLUMNS: Final = {
    "from": "sender",
    "to": "recipient",
    **{name: name for name in ("cc", "bcc", "subject", "body", "list", "filename", "attachment")},
}


class Matcher:
    """Turns nodes into MATCH expressions, with the index's own tokenizer to say what has a token."""

    def __init__(self, connection: apsw.Connection) -> None:
        name, *options = fulltext.TOKENIZER
        self._tokenizer = connection.fts5_tokenizer(name, options)

    def tokens(self, text: str) -> list[str]:
        """The tokens of a folded text, as the index has them."""
        found = self._tokenizer(text.encode(), _QUERY, None, include_offsets=False, include_colocated=False)
        return [str(token) for token in found]

    def expression(self, node: Node) -> str | None:
        """The MATCH expression that is exactly this node, or None if the index alone cannot say.

        A conjunction needs one positive term: FTS5's NOT takes something away from something.
        """
        match node:
            case Text():
                return self._text(node)
            case Near():
                return self._near(node)
            case Saved(_, child):
                return self.expression(child)
            case Or(children):
                parts = [self.expression(child) for child in children]
                known = [part for part in parts if part is not None]
                return f"({' OR '.join(known)})" if len(known) == len(parts) else None
            case And(children):
                wanted, unwanted, rest = self.split(children)
                return None if rest or not wanted else combined(wanted, unwanted)
            case _:
                return None

    def split(self, children: tuple[Node, ...]) -> tuple[list[str], list[str], list[Node]]:
        """The children of a conjunction: expressions to be there, not to be there, and the others."""
        wanted: list[str] = []
        unwanted: list[str] = []
        rest: list[Node] = []
        for child in children:
            inner = child.child if isinstance(child, Not) else child
            expression = self.expression(inner)
            if expression is None:
                rest.append(child)
            else:
                (wanted if inner is child else unwanted).append(expression)
        return wanted, unwanted, rest

    def _text(self, node: Text) -> str | None:
        column = _column(node.field)
        text = folded(node.text.replace("\0", " "))
        if column is None or not self.tokens(text):
            return None
        return column + _both(_phrase(text, prefix=node.prefix), _signed(text, prefix=node.prefix))

    def _near(self, node: Near) -> str | None:
        column = _column(node.field)
        texts = [folded(text.text.replace("\0", " ")) for text in (node.left, node.right)]
        if column is None or not all(map(self.tokens, texts)):
            return None
        ends = (node.left.prefix, node.right.prefix)
        phrases = " ".join(_phrase(text, prefix=end) for text, end in zip(texts, ends, strict=True))
        signed = [word for text, end in zip(texts, ends, strict=True) for word in _signed(text, prefix=end)]
        return column + _both(f"NEAR({phrases}, {node.distance})", signed)


_QUERY: Final = 0x0001  # FTS5_TOKENIZE_QUERY


def _column(field: str) -> str | None:
    """The column filter of a field, None for one that is not in the index (header.NAME)."""
    if not field:
        return ""
    column = _COLUMNS.get(field)
    return None if column is None else f"{{{column}}} : "


def _phrase(text: str, *, prefix: bool) -> str:
    """`C++*` must not become the prefix `c*`: the star belongs to what stands at the end."""
    quoted = text.replace('"', " ")
    return f'"{quoted}"*' if prefix and text[-1:].isalnum() else f'"{quoted}"'


def _signed(text: str, *, prefix: bool) -> list[str]:
    return [f'"{word}"*' if prefix and last else f'"{word}"' for word, last in needed_words(text)]


def _both(phrase: str, signed: list[str]) -> str:
    return f"({' AND '.join((phrase, *signed))})" if signed else phrase


def combined(wanted: list[str], unwanted: list[str]) -> str:
    """All of `wanted` and none of `unwanted` as one expression; `wanted` must not be empty."""
    expression = f"({' AND '.join(wanted)})" if len(wanted) > 1 else wanted[0]
    return f"({expression} NOT ({' OR '.join(unwanted)}))" if unwanted else expression
