"""Changing the configuration file without losing what a person wrote in it.

tomlkit keeps comments and order; it is imported here only, and this module only to write. A change
is checked as a whole before it is written: a file that was sound stays sound. Writing follows the
one file rule: temporary file in the same directory, fsync, rename, fsync of the directory; the old
one is kept as `.bak`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from mailcli.accounts.config import parse
from mailcli.accounts.durable import replace_file
from mailcli.accounts.fields import TABLES, Field
from mailcli.errors import ConfigError, LocalIOError, NotFound, UsageError

Plain = Mapping[str, Any]


def add_account(path: Path, name: str, table: Plain) -> None:
    """Append `[accounts.NAME]` with this content (nested mappings become tables of their own;
    `password` and `folders` stay inline); the first account becomes the default.

    Raises ConfigError if the name is taken or the result is unsound; CannotCreate, LocalIOError.
    """
    document = _read(path)
    if name in document.get("accounts", {}):
        raise ConfigError(f"there is an account {name!r} already", hint="choose another with --name")
    if not document.get("accounts") and "default_account" not in document:
        document = _with_default(document, name)
    # Joined as text: nothing of what stands there already is touched.
    before = document.as_string().rstrip("\n")
    _write(path, tomlkit.parse(f"{before}\n\n{rendered(name, table).decode()}"))


def rendered(name: str, table: Plain) -> bytes:
    """The text of a configuration with this account alone, unchecked."""
    accounts = tomlkit.table(is_super_table=True)
    accounts.append(name, _table(table))
    document = tomlkit.document()
    document.append("accounts", accounts)
    return document.as_string().encode("utf-8")


def remove_account(path: Path, name: str) -> None:
    """Remove the account's tables; another account becomes the default. Raises NotFound."""
    document = _read(path)
    accounts: Any = document.get("accounts", {})
    if name not in accounts:
        raise NotFound(f"there is no account {name!r}")
    del accounts[name]
    rest = list(accounts)
    if not rest and "accounts" in document:
        del document["accounts"]
    if document.get("default_account") == name:
        if rest:
            document["default_account"] = rest[0]
        else:
            del document["default_account"]
    _write(path, document)


def get_value(path: Path, dotted: str) -> Any:
    """What the file says at `accounts.work.imap.host`: a plain value. Raises NotFound."""
    here: Any = _read(path).unwrap()
    for part in split(dotted):
        if not isinstance(here, dict) or part not in here:
            raise NotFound(f"{dotted} is not set in {path}")
        here = here[part]
    return here


def set_value(path: Path, dotted: str, word: str | None) -> None:
    """Set a key to what `word` means for it (None: remove the key).

    Lists are written as words divided by commas; a password as `command=pass show work`. Raises
    UsageError for a key that does not exist, ConfigError if the result is unsound.
    """
    parts = split(dotted)
    document = _read(path)
    here: Any = document
    for part in parts[:-1]:
        if word is None and part not in here:
            raise NotFound(f"{dotted} is not set in {path}")
        if part not in here:
            here[part] = tomlkit.table()
        here = here[part]
        if not isinstance(here, dict):
            raise UsageError(f"{dotted}: {part} is not a table")
    if parts == ("default_account",) and word is not None and "default_account" not in document:
        document = _with_default(document, word)
    elif word is None:
        if parts[-1] not in here:
            raise NotFound(f"{dotted} is not set in {path}")
        del here[parts[-1]]
    else:
        here[parts[-1]] = _item(_meaning(dotted, parts, word))
    _write(path, document)


def split(dotted: str) -> tuple[str, ...]:
    """The parts of a dotted key; an account's name may hold dots if it stands in quotes."""
    try:
        key = tomlkit.parse(f"{dotted} = 0")
    except TOMLKitError as error:
        raise UsageError(f"{dotted!r} is not a key") from error
    parts: list[str] = []
    here: Any = key.unwrap()
    while isinstance(here, dict):
        if len(here) != 1:
            raise UsageError(f"{dotted!r} is not a key")
        [(part, here)] = here.items()
        parts.append(part)
    return tuple(parts)


def field_of(parts: tuple[str, ...]) -> Field | None:
    """The declaration of a key, None if there is no such key."""
    fields = TABLES["root"]
    rest = list(parts)
    if len(rest) > 2 and rest[0] == "accounts":
        fields, rest = TABLES["account"], rest[2:]
    while rest:
        field = fields.get(rest.pop(0))
        if field is None or not rest:
            return field
        if field.kind == "table" and not field.table:  # the keys are free, their values texts
            return Field("text", field.about) if len(rest) == 1 else None
        fields = TABLES.get(field.table, {})
        if field.kind == "tables":  # the name is free
            rest.pop(0)
            if not rest:
                return Field("table", field.about)
    return None


def _meaning(dotted: str, parts: tuple[str, ...], word: str) -> Any:
    field = field_of(parts)
    if field is None or field.kind in ("table", "tables"):
        what = "is a table: set its keys" if field else "is not a key of the configuration"
        raise UsageError(f"{dotted} {what}", hint="`mailcli config schema` lists them all")
    if field.kind == "size" and word.isdigit():
        return int(word)
    if field.kind == "number":
        if not word.lstrip("-").isdigit():
            raise UsageError(f"{dotted} must be a whole number, not {word!r}")
        return int(word)
    if field.kind == "bool":
        if word.lower() not in ("true", "false", "yes", "no"):
            raise UsageError(f"{dotted} must be true or false, not {word!r}")
        return word.lower() in ("true", "yes")
    if field.kind == "texts":
        return [part.strip() for part in word.split(",") if part.strip()]
    if field.kind == "secret":
        kind, equals, value = word.partition("=")
        if kind == "keyring" and not equals:
            return {"keyring": True}
        if not equals:
            raise UsageError(f"{dotted}: write command=…, file=…, env=…, credential=… or keyring")
        return {kind.strip(): value.strip()}
    return word


# -- building


def _table(content: Plain) -> Table:
    table = tomlkit.table()
    for key, value in content.items():
        table.append(key, _item(value, inline=key in ("password", "folders")))
    return table


def _item(value: Any, *, inline: bool = True) -> Any:
    if not isinstance(value, Mapping):
        return tomlkit.item(value)
    if not inline:
        return _table(value)
    table = tomlkit.inline_table()
    table.update(value)
    return table


def _with_default(document: tomlkit.TOMLDocument, name: str) -> tomlkit.TOMLDocument:
    """A bare key belongs before the first table; below it, it would be that table's."""
    key = f"default_account = {tomlkit.item(name).as_string()}\n"
    head, rest = _comment_at_top(document.as_string())
    return tomlkit.parse(f"{head}{key}\n{rest}" if rest.strip() else f"{head}{key}")


def _comment_at_top(text: str) -> tuple[str, str]:
    """The comment that opens a file, with the empty lines behind it, and the rest of the file. A
    comment that stands right above a table belongs to that."""
    lines = text.splitlines(keepends=True)
    end = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            end = number
        elif not line.lstrip().startswith("#"):
            break
    else:
        return (text.rstrip("\n") + "\n\n" if text.strip() else ""), ""
    return "".join(lines[:end]), "".join(lines[end:])


# -- reading and writing


def _read(path: Path) -> tomlkit.TOMLDocument:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return tomlkit.document()
    except OSError as error:
        raise LocalIOError(f"the configuration {path} cannot be read: {error.strerror}") from error
    parse(data, path)  # names the line of what is wrong; tomlkit would not
    return tomlkit.parse(data.decode("utf-8"))


def _write(path: Path, document: tomlkit.TOMLDocument) -> None:
    data = document.as_string().encode("utf-8")
    parse(data, path)
    replace_file(path, data)
