r"""`--format`: templates such as '{date:%F} {from.email}\t{subject}'.

A field stands in braces, with `.name` or `.email` for addresses and a format after a colon:
strftime for dates, Python's format specification for the rest. `\t`, `\n`, `\0` and `\\` are
escapes, `{{` and `}}` are braces.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from mailcli.cli.table import closest
from mailcli.cli.views.view import Field, View, plain
from mailcli.errors import UsageError
from mailcli.model import printable

_ESCAPES: Final = {"t": "\t", "n": "\n", "0": "\0", "\\": "\\"}
_PROBES: Final[dict[str, Any]] = {"integer": 1, "number": 1.5}


class Template:
    """A template bound to a view. UsageError says what is wrong with it, before anything is printed."""

    def __init__(self, source: str, view: View) -> None:
        self._pieces = [piece if isinstance(piece, str) else _piece(view, *piece) for piece in _split(source)]

    def render(self, row: Any) -> str:
        return "".join(piece if isinstance(piece, str) else piece(row) for piece in self._pieces)


def _split(source: str) -> list[str | tuple[str, str]]:
    """Literal text and (field, format) pairs."""
    pieces: list[str | tuple[str, str]] = []
    text = ""
    at = 0
    while at < len(source):
        char, pair = source[at], source[at : at + 2]
        if char == "\\" and pair[1:] in _ESCAPES and len(pair) == 2:
            text += _ESCAPES[pair[1]]
            at += 2
        elif pair in ("{{", "}}"):
            text += char
            at += 2
        elif char == "{":
            end = source.find("}", at)
            if end < 0:
                raise UsageError(
                    f"--format: {source[at:]!r} has no closing brace", hint="write {{ for a brace"
                )
            pieces += [text] if text else []
            text = ""
            name, _, form = source[at + 1 : end].partition(":")
            pieces.append((name, form))
            at = end + 1
        else:
            text += char
            at += 1
    return pieces + ([text] if text else [])


def _piece(view: View, name: str, form: str) -> Callable[[Any], str]:
    top, _, sub = name.partition(".")
    field = view.fields.get(top)
    if field is None:
        near = closest(top, list(view.fields))
        raise UsageError(
            f"--format: there is no field {name!r}", hint=near or "fields: " + " ".join(view.fields)
        )
    if sub:
        return _formatted(name, form, _part(field, name, sub))
    if field.kind == "date" and form:
        return _strftime(field, form)
    if field.kind in _PROBES:
        return _formatted(name, form, field.get, _PROBES[field.kind])
    return _formatted(name, form, lambda row: printable.line(plain(field, field.get(row))))


def _part(field: Field, name: str, sub: str) -> Callable[[Any], str]:
    """`from.email`, `to.name`: several are joined by commas."""
    if field.kind == "address" and sub in ("name", "email"):
        return lambda row: printable.line(getattr(field.get(row), sub, ""))
    if field.kind == "addresses" and sub in ("name", "email"):
        return lambda row: printable.line(", ".join(getattr(each, sub) for each in field.get(row)))
    known = ".name and .email" if field.kind in ("address", "addresses") else "no parts"
    raise UsageError(f"--format: there is no field {name!r}", hint=f"{name.partition('.')[0]} has {known}")


def _strftime(field: Field, form: str) -> Callable[[Any], str]:
    def render(row: Any) -> str:
        value = field.get(row)
        if not value:
            return ""
        return printable.line(datetime.fromisoformat(value).strftime(form))

    return render


def _formatted(name: str, form: str, get: Callable[[Any], Any], probe: Any = "") -> Callable[[Any], str]:
    if not form:
        return lambda row: _bare(get(row))
    try:
        format(probe, form)
    except ValueError as error:
        raise UsageError(
            f"--format: {form!r} does not suit {name} ({str(error)[:1].lower()}{str(error)[1:]})"
        ) from None
    return lambda row: _bare(None) if (value := get(row)) is None else format(value, form)


def _bare(value: Any) -> str:
    return "" if value is None else str(value)
