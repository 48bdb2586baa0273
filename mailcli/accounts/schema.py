"""The JSON schema of the configuration, made from the declaration that checks it."""

from __future__ import annotations

from typing import Any

from mailcli.accounts.fields import SECRET_KINDS, TABLES, Field

_TYPES = {"text": "string", "lines": "string", "number": "integer", "bool": "boolean"}


def schema() -> dict[str, Any]:
    """A JSON Schema (2020-12) for `config.toml`."""
    root = _table("root")
    root["properties"]["accounts"] = {
        "type": "object",
        "description": "the accounts by name",
        "propertyNames": {"pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"},
        "additionalProperties": {
            **_table("account"),
            "required": ["email"],
            "not": {"required": ["imap", "pop3"]},
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mailcli configuration",
        **root,
    }


def _table(name: str) -> dict[str, Any]:
    fields = TABLES[name]
    made: dict[str, Any] = {
        "type": "object",
        "properties": {key: _field(field) for key, field in fields.items()},
        "additionalProperties": False,
    }
    if "host" in fields:
        made["required"] = ["host"]
    return made


def _field(field: Field) -> dict[str, Any]:
    made: dict[str, Any] = {"description": field.about}
    if field.kind == "table":
        return made | (_table(field.table) if field.table in TABLES else {"type": "object"})
    if field.kind == "tables":
        return made | {"type": "object", "additionalProperties": _table(field.table)}
    if field.kind == "size":
        return made | {"type": ["integer", "string"], "minimum": field.least}
    if field.kind == "secret":
        return made | {
            "type": "object",
            "properties": {
                kind: {"type": "string", "minLength": 1}
                if kind != "keyring"
                else {"type": ["boolean", "string"]}
                for kind in SECRET_KINDS
            },
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
    if field.kind == "texts":
        return made | {"type": "array", "items": {"type": "string"}}
    made["type"] = _TYPES[field.kind]
    if field.choices:
        made["enum"] = list(field.choices)
    if field.kind == "number" and field.least:
        made["minimum"] = field.least
    if field.kind == "number" and field.most:
        made["maximum"] = field.most
    return made
