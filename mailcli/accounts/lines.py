"""Where in the text of a configuration file something stands: tomllib keeps no places."""

from __future__ import annotations

import re


def line_of(text: str, at: tuple[str, ...]) -> int:
    """The line (from 1) where the key of this path is set, or its table begins; 0 if not found.

    tomllib keeps no places. This is a light scan: table headers and the key at the beginning of
    each line; a key inside of an inline table gives the line of that table.
    """
    table: tuple[str, ...] = ()
    best, depth = 0, 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            table = _dotted("".join(_HEADER.findall(stripped.lstrip("["))[:1]))
            here = table
        else:
            match = re.match(r"""((?:[\w-]+|"[^"]*"|'[^']*'|\s*\.\s*)+?)\s*=""", stripped)
            if match is None:
                continue
            here = table + _dotted(match[1])
        if len(here) > depth and at[: len(here)] == here:
            best, depth = number, len(here)
        elif not best and here[: len(at)] == at:
            best = number  # [accounts.work.imap] opens accounts.work too
    return best


_HEADER = re.compile(r"""(?:[^\]"']|"[^"]*"|'[^']*')*""")  # a name may hold a bracket: "[Gmail]/Spam"


def _dotted(text: str) -> tuple[str, ...]:
    parts = re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", text)
    return tuple(part.strip("\"'") for part in parts)


def place_of(message: str) -> str:
    """`Invalid value (at line 3, column 7)` as `, line 3: invalid value (column 7)`."""
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message)
    if match is None:
        return f": {message}"
    told = match[1][:1].lower() + match[1][1:]
    if match[2] is None:
        return f": {told} at the end of the file"
    return f", line {match[2]}: {told} (column {match[3]})"
