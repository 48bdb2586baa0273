"""The answers of an IMAP server (ENVELOPE, BODYSTRUCTURE) as Python values.

Lists become lists, NIL None, strings and literals bytes.
"""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(rb'\(|\)|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n|[^\s()"]+', re.DOTALL)


def parsed(text: str) -> Any:
    """The first value of IMAP syntax, given as latin-1."""
    data = text.encode("latin-1")
    stack: list[list[Any]] = [[]]
    position = 0
    while match := _TOKEN.search(data, position):
        position = match.end()
        token = match[0]
        if token == b"(":
            stack.append([])
        elif token == b")":
            done = stack.pop()
            stack[-1].append(done)
        elif match[2] is not None:
            stack[-1].append(data[position : position + int(match[2])])
            position += int(match[2])
        elif token[:1] == b'"':
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", match[1]))
        else:
            stack[-1].append(None if token.upper() == b"NIL" else token)
    return stack[0][0]


def leaves(
    structure: Any, prefix: str = "", whole: bool = True
) -> list[tuple[str, str, str, int, dict[str, bytes]]]:
    """Number, type, encoding, octets and parameters (of type and disposition) of each leaf."""
    if isinstance(structure[0], list):
        found = []
        for number, child in enumerate(structure, 1):
            if not isinstance(child, list):
                break
            number_of = f"{prefix}{number}"
            nested = isinstance(child[0], list)
            found += leaves(child, number_of + "." if nested else number_of, False)
        return found
    number_of = prefix if not whole else f"{prefix}1"
    kind = (structure[0] + b"/" + structure[1]).decode("latin-1").lower()
    parameters = _pairs(structure[2])
    extension = 7
    if kind.startswith("text/"):
        extension = 8
    inner = kind == "message/rfc822" and len(structure) > 8 and isinstance(structure[8], list)
    if inner:
        extension = 10
    if len(structure) > extension + 1 and isinstance(structure[extension + 1], list):
        parameters.update(_pairs(structure[extension + 1][1]))
    own = (number_of, kind, (structure[5] or b"").decode("latin-1").lower(), int(structure[6]), parameters)
    found = [own]
    if inner:
        body = structure[8]
        found += leaves(body, f"{number_of}.", not isinstance(body[0], list))
    return found


def _pairs(values: Any) -> dict[str, bytes]:
    if not isinstance(values, list):
        return {}
    return {
        key.decode("latin-1").lower(): value or b""
        for key, value in zip(values[::2], values[1::2], strict=False)
    }
