"""The published JSON schema of what --json prints, made from the views that print it.

It is a contract: a golden file in the tests keeps it from changing unnoticed, and real output is
held against it.
"""

from __future__ import annotations

from typing import Any, Final

from mailcli.cli.completion import leaves
from mailcli.cli.printers import SCHEMA
from mailcli.cli.views.fetches import PLANS
from mailcli.cli.views.results import PREPARED
from mailcli.cli.views.view import Field, View

_TEXT: Final = {"type": "string"}
_DATE: Final = {"type": "string", "format": "date-time"}
_ADDRESS: Final = {
    "type": "object",
    "properties": {"name": _TEXT, "email": _TEXT},
    "required": ["name", "email"],
    "additionalProperties": False,
}
_ERROR: Final = {
    "type": "object",
    "properties": {"code": {"type": "integer"}, "kind": _TEXT, "message": _TEXT, "hint": _TEXT},
    "required": ["code", "kind", "message", "hint"],
    "additionalProperties": False,
}
_KINDS: Final[dict[str, dict[str, Any]]] = {
    "text": _TEXT,
    "date": _DATE,
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "address": {"$ref": "#/$defs/address"},
    "addresses": {"type": "array", "items": {"$ref": "#/$defs/address"}},
    "words": {"type": "array", "items": _TEXT},
    "pairs": {"type": "array", "items": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2}},
    "error": {"$ref": "#/$defs/error"},
}


def published() -> dict[str, Any]:
    """`config schema`: {"output": …, "config": …}."""
    from mailcli.app import configuring

    return {"output": output_schema(), "config": configuring.schema()}


def output_schema() -> dict[str, Any]:
    """The schema of every document; `x-commands` says what each command's data hold."""
    views: dict[str, View] = {}
    commands: dict[str, str] = {}
    for path, command in leaves():
        if command.view is not None:
            views[command.view.name] = command.view
            commands[" ".join(path)] = command.view.name
    views[PREPARED.name] = PREPARED
    commands["send --dry-run"] = PREPARED.name
    views[PLANS.name] = PLANS
    commands["fetch --dry-run"] = PLANS.name
    inner = [f.of for v in views.values() for f in v.fields.values() if f.of is not None]
    views.update({view.name: view for view in inner})
    records = [{"$ref": f"#/$defs/{name}"} for name in sorted(set(commands.values()))]
    scalar = {"type": ["string", "integer", "number", "boolean", "array", "object", "null"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"mailcli --json, schema {SCHEMA}",
        "type": "object",
        "properties": {
            "schema": {"const": SCHEMA},
            "data": {"anyOf": [{"type": "array", "items": {"anyOf": records}}, scalar]},
            "next": {"type": ["string", "null"]},
            "warnings": {"type": "array", "items": _TEXT},
        },
        "required": ["schema", "data", "next", "warnings"],
        "additionalProperties": False,
        "x-commands": commands,
        "$defs": {
            "address": _ADDRESS,
            "error": _ERROR,
            **{name: _record(views[name]) for name in sorted(views)},
        },
    }


def _record(view: View) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _field(field) for name, field in view.fields.items()},
        "required": list(view.fields),
        "additionalProperties": False,
    }


def _field(field: Field) -> dict[str, Any]:
    if field.of is not None:
        record = {"$ref": f"#/$defs/{field.of.name}"}
        schema = {"type": "array", "items": record} if field.kind == "objects" else record
    else:
        schema = _KINDS[field.kind]
    return {"anyOf": [schema, {"type": "null"}]} if field.none else schema
