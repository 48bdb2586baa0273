"""`mailto:` URLs (RFC 6068) among the recipients of a command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mailcli.model.record import NamedTuple

_HARMLESS: Final = ("cc", "subject", "body", "in-reply-to")
"""A page that is clicked on must not attach files or hide recipients (RFC 6068 §4): other fields than these
and `to` are ignored."""


class Asked(NamedTuple):
    """What the URLs ask for; `to` has the other recipients too."""

    to: list[str]
    cc: list[str]
    subject: str
    body: str
    in_reply_to: tuple[str, ...]


def asked(recipients: Sequence[str]) -> Asked:
    """Take `mailto:` URLs among recipients apart."""
    to: list[str] = []
    extra: dict[str, list[str]] = {name: [] for name in _HARMLESS}
    for text in recipients:
        if not text.lower().startswith("mailto:"):
            to.append(text)
            continue
        from urllib.parse import parse_qsl, unquote

        path, _, query = text[7:].partition("#")[0].partition("?")
        to += [unquote(address) for address in path.split(",") if address]
        # "+" is itself in a mailto URL, unlike in a form (§5)
        for name, value in parse_qsl(query.replace("+", "%2B")):
            if name.lower() == "to":
                to.append(value)
            elif name.lower() in extra:
                extra[name.lower()].append(value)
    ids = tuple(id.strip("<> ") for text in extra["in-reply-to"] for id in text.split())
    body = "\n".join(extra["body"]).replace("\r\n", "\n")
    return Asked(to, extra["cc"], " ".join(extra["subject"]), body, ids)
