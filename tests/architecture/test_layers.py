"""The house of architecture.md: imports point one way, each tool has one importer, engines do no I/O."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.architecture.imports import PACKAGE, ROOT, Import, imports, layer, sources, tree

FLOORS = (
    ("cli", "tui"),
    ("app",),
    ("sync", "outbox", "verify", "demo"),
    ("accounts", "store"),
    ("mime", "net"),
    ("wire",),
    ("model",),
)
"""From the roof to the cellar: a layer imports only from floors below its own."""

FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}

FOR_ALL = {"errors"}
ENTRANCE = {"__main__": {"cli", "tui", "app"}, "__init__": set[str](), "errors": set[str]()}

IMPORTERS = {
    "click": {"cli"},
    "prompt_toolkit": {"tui"},
    "socket": {"net"},
    "ssl": {"net"},
    "apsw": {"store"},
    "sqlite3": set[str](),  # apsw brings a current SQLite; the standard library's is the system's
    "keyring": {"accounts"},
    "dns": {"net"},
    "tomlkit": {"accounts"},
    "selectolax": {"mime"},
    "aiosmtpd": {"demo"},
    "pymap": {"demo"},
    "asyncio": {"demo", "tui"},  # prompt_toolkit's loop; everything else is threads
    "email": {"demo"},  # recursive, slow, and it raises on real mail: mime has readers of its own
}
"""Who may import what. demo is a world of servers: it also takes socket, ssl and asyncio."""
EXCEPTIONS = {("demo", "socket"), ("demo", "ssl")}

NO_IO = ("socket", "ssl", "select", "selectors", "time", "threading", "logging", "pathlib", "io")
SANS_IO = {"wire": NO_IO, "model": (*NO_IO[:6], "logging")}

FORBIDDEN_FILES = re.compile(r"(util|utils|helper|helpers|common|misc|core)\.py")
FORBIDDEN_CLASSES = re.compile(r"(Manager|Handler|Helper|Util|Utils)$")

LONGEST = 400
LONG_FILES: dict[str, str] = {
    "mailcli/model/query/parse.py": "one grammar, a method for each rule",
    "mailcli/wire/imap/engine.py": "one state machine",
}
"""Files of more than 400 lines, each with the reason why it is one file."""

ALL = [found for path in sources() for found in imports(path)]


def complain(found: list[Import], rule: str) -> None:
    lines = [f"{one.place}: {one.source}" for one in found]
    assert not found, "\n".join([rule, *lines])


def own_layer(module: str) -> str:
    """The layer of a module of ours, "" for others."""
    parts = module.split(".")
    return parts[1] if parts[0] == "mailcli" and len(parts) > 1 else ""


def allowed(one: Import) -> bool:
    here, there = layer(one.path), own_layer(one.module)
    if not there or there == here or there in FOR_ALL or there.startswith("__"):
        return True
    if here in ENTRANCE:
        return there in ENTRANCE[here]
    if here not in FLOOR or there not in FLOOR:
        return False
    return FLOOR[here] < FLOOR[there]


def test_imports_point_from_the_roof_to_the_cellar() -> None:
    wrong = [one for one in ALL if not allowed(one)]
    complain(wrong, "a layer may import only from those below it: " + " -> ".join(map(", ".join, FLOORS)))


def test_each_tool_has_one_importer() -> None:
    wrong = []
    for one in ALL:
        tool = one.module.partition(".")[0]
        here = layer(one.path)
        if tool in IMPORTERS and here not in IMPORTERS[tool] and (here, tool) not in EXCEPTIONS:
            wrong.append(one)
    complain(wrong, "this belongs to another layer, see IMPORTERS in this test")


@pytest.mark.parametrize("name", sorted(SANS_IO))
def test_values_and_engines_have_no_socket_no_clock_and_no_thread(name: str) -> None:
    wrong = [
        one
        for one in ALL
        if layer(one.path) == name and one.module.partition(".")[0] in SANS_IO[name] and not one.typing_only
    ]
    complain(wrong, f"{name} gets bytes and gives events: no I/O of its own")


def test_engines_open_no_file() -> None:
    calls = []
    for path in sources():
        if layer(path) not in SANS_IO:
            continue
        for node in ast.walk(tree(path)):
            name = ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
            # nonces need the system's randomness: the one thing of os an engine may touch
            if name in {"open", "print"} or (name.startswith("os.") and name != "os.urandom"):
                assert isinstance(node, ast.expr)
                calls.append(f"{path.relative_to(ROOT)}:{node.lineno}: {name}")
    assert not calls, "\n".join(calls)


def test_no_module_needs_itself_by_way_of_others() -> None:
    """Imports inside functions count: late ones only hide a circle. Types may be named both ways."""
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sources()}
    needs: dict[str, set[str]] = {name: set() for name in names}
    for one in ALL:
        if not one.typing_only:
            module = one.module if one.module in names else one.module.rpartition(".")[0]
            needs[".".join(one.path.relative_to(ROOT).with_suffix("").parts)].update({module} & names)
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_every_package_is_on_a_floor() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages <= set(FLOOR), f"not on a floor of architecture.md: {packages - set(FLOOR)}"


def test_long_files_are_few_and_have_their_reason() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}
    long = {name: lines for name, lines in lengths.items() if lines > LONGEST}
    unexcused = [f"{name}: {lines} lines" for name, lines in long.items() if name not in LONG_FILES]
    assert not unexcused, "\n".join(["split, or add to LONG_FILES with the reason:", *unexcused])
    outgrown = [name for name in LONG_FILES if name not in long]
    assert not outgrown, f"no longer long, strike from LONG_FILES: {outgrown}"


def test_names_come_from_the_field() -> None:
    wrong = [str(path.relative_to(ROOT)) for path in sources() if FORBIDDEN_FILES.fullmatch(path.name)]
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and FORBIDDEN_CLASSES.search(node.name):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: class {node.name}")
    assert not wrong, "\n".join(wrong)
