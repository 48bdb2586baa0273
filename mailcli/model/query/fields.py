"""The fields of the query language and what their values are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

TEXT: Final = frozenset(
    {"from", "to", "cc", "bcc", "subject", "body", "list", "filename", "attachment", "header"}
)
"""Words, phrases and (but for `attachment`) regular expressions. "header" stands for header.NAME."""

DATE: Final = frozenset({"date", "before", "after", "newer_than", "older_than"})
SIZE: Final = frozenset({"size", "larger", "smaller"})
NAME: Final = frozenset({"is", "has", "in", "tag", "account", "id", "thread", "mime", "lang", "query"})
PREFIXED: Final = frozenset({"in", "tag", "mime"})
"""Names that may end in `*`."""

OWN: Final = frozenset({"from", "to", "cc", "bcc"})

IS: Final = (
    *("unread", "read", "flagged", "answered", "draft", "replied"),
    *("encrypted", "signed", "verified", "muted"),
)
HAS: Final = ("attachment", "list", "invite", "link")

KNOWN: Final = (TEXT | DATE | SIZE | NAME) - {"header"}
HEADER: Final = "header."


def kind(field: str) -> str:
    """The name under which `field` stands in the sets above."""
    return "header" if field.startswith(HEADER) else field


def suggestion(word: str, known: Iterable[str]) -> str:
    """The known word nearest to `word`, or ""."""
    import difflib  # 5 ms that only a mistake has to pay

    near = difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.55)
    return near[0] if near else ""
