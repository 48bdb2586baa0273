"""Results held against the published schema: as much of JSON Schema as that uses."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from mailcli.cli.schema import output_schema
from tests.cli.calling import Called

SCHEMA = output_schema()

Mail = Callable[..., Called]
"""The fixture `mail`: a command line in the mail world."""

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "") -> list[str]:
    """What is wrong with `value`, a line each."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in schema:
        tries = [faults(value, each, root, at) for each in schema["anyOf"]]
        return [] if [] in tries else [f"{at}: none of {len(tries)}: {min(tries, key=len)}"]
    if "const" in schema:
        return [] if value == schema["const"] else [f"{at}: {value!r}"]
    wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(_is(value, name) for name in wanted):
        return [f"{at}: {value!r} is no {wanted}"]
    found: list[str] = []
    if isinstance(value, dict) and "properties" in schema:
        found += [f"{at}: lacks {name}" for name in schema["required"] if name not in value]
        found += [f"{at}: has {name}" for name in value if name not in schema["properties"]]
        for name, inner in schema["properties"].items():
            if name in value:
                found += faults(value[name], inner, root, f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for n, each in enumerate(value):
            found += faults(each, schema["items"], root, f"{at}[{n}]")
    if schema.get("format") == "date-time" and datetime.fromisoformat(value).tzinfo is None:
        found.append(f"{at}: {value} has no offset")
    return found


def _is(value: Any, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def data(done: Called) -> Any:
    """The data of a JSON document, which must be as the schema has it."""
    document = json.loads(done.out)
    assert faults(document, SCHEMA, SCHEMA) == []
    return document["data"]


def one(mail: Mail, *query: str) -> str:
    (found,) = mail("search", *query, "--ids").out.split()
    return found
