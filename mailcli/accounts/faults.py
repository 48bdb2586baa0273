"""Holding a configuration against the tables of `fields`: every key known, every value of its type.

A fault names the file, the line, and for a misspelt word the likely one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mailcli.accounts.fields import SECRET_KINDS, TABLES, Field
from mailcli.errors import ConfigError
from mailcli.model.extent import octets

EDIT: Final = "correct it with mailcli config edit; mailcli-config(5) explains every key"

_WORDS: Final = {
    "text": "a text",
    "lines": "a text",
    "number": "a whole number",
    "size": 'a number of octets, or a text such as "10M"',
    "bool": "true or false",
    "texts": "a list of texts",
}


_FITS: Final[dict[str, Callable[[Any], bool]]] = {
    "text": lambda value: isinstance(value, str),
    "lines": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "size": lambda value: octets(str(value)) is not None and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "texts": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
}


class Faults:
    """The faults of one file; knows its text, to say in which line they are."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    def check(self, at: tuple[str, ...], table: dict[str, Any], fields: Mapping[str, Field]) -> None:
        """Every key known, every value of its type, all the way down."""
        for key, value in table.items():
            field = fields.get(key)
            here = (*at, key)
            name = ".".join(here)
            if field is None:
                raise self.fault(here, f"unknown key {name!r}", did_you_mean(key, fields))
            if field.kind == "table":
                if not isinstance(value, dict):
                    raise self.fault(here, f"{name} must be a table, not {_type(value)}")
                if field.table in TABLES:
                    self.check(here, value, TABLES[field.table])
                elif not field.table:
                    for name_, text in value.items():
                        self.check_value((*here, name_), text, Field("text", ""))
            elif field.kind == "tables":
                self.check_tables(here, value, field)
            elif field.kind == "secret":
                self.check_secret(here, value)
            else:
                self.check_value(here, value, field)

    def check_tables(self, at: tuple[str, ...], value: object, field: Field) -> None:
        name = ".".join(at)
        if not isinstance(value, dict):
            raise self.fault(at, f"{name} must be a table, not {_type(value)}")
        for key, table in value.items():
            if not isinstance(table, dict):
                raise self.fault(
                    (*at, key),
                    f"{name}.{key} must be a table, not {_type(table)}",
                    f'write [{name}."PATTERN"] and the keys below it',
                )
            self.check((*at, key), table, TABLES[field.table])

    def check_value(self, at: tuple[str, ...], value: object, field: Field) -> None:
        name = ".".join(at)
        if not _FITS[field.kind](value):
            raise self.fault(at, f"{name} must be {_WORDS[field.kind]}, not {_type(value)}")
        texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
        allowed = "\n\t" if field.kind == "lines" else ""
        if any((c < " " or c == "\x7f") and c not in allowed for text in texts for c in text):
            raise self.fault(at, f"{name} holds a control character")
        if field.choices and value not in field.choices:
            hint = did_you_mean(str(value), field.choices)
            raise self.fault(at, f"{name} must be one of {', '.join(field.choices)}, not {value!r}", hint)
        if isinstance(value, int) and field.kind in ("number", "size"):
            for bound, wrong in (("least", value < field.least), ("most", 0 < field.most < value)):
                if wrong:
                    raise self.fault(at, f"{name} must be at {bound} {getattr(field, bound)}")

    def check_secret(self, at: tuple[str, ...], value: object) -> None:
        name = ".".join(at)
        if isinstance(value, str):
            raise self.fault(
                at,
                f"{name}: a password does not stand in the configuration itself",
                'say where it is: { command = "…" }, { file = "…" }, { env = "…" }, { credential = "…" },'
                " { keyring = true }",
            )
        if not isinstance(value, dict) or len(value) != 1:
            raise self.fault(at, f"{name} must name one of {', '.join(SECRET_KINDS)}")
        [(kind, given)] = value.items()
        if kind not in SECRET_KINDS:
            raise self.fault((*at, kind), f"unknown key {name}.{kind!r}", did_you_mean(kind, SECRET_KINDS))
        if kind == "keyring" and given is True:
            return
        if not isinstance(given, str) or not given or "\x00" in given:
            wanted = "true" if kind == "keyring" else "a text that is not empty"
            raise self.fault((*at, kind), f"{name}.{kind} must be {wanted}")

    def fault(self, at: tuple[str, ...], message: str, hint: str = "") -> ConfigError:
        from mailcli.accounts.lines import line_of

        line = line_of(self.text, at)
        place = f"{self.path}, line {line}: " if line else f"{self.path}: "
        return ConfigError(place + message, hint=hint or EDIT)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint naming the known word most like this one, or ""."""
    import difflib

    close = difflib.get_close_matches(word.lower(), list(known), 1)
    return f"did you mean {close[0]!r}?" if close else ""


def _type(value: object) -> str:
    names = {str: "a text", bool: "true or false", int: "a number", float: "a number"}
    names |= {list: "a list", dict: "a table"}
    return names.get(type(value), "a date")
