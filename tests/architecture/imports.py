"""Every import of the program, found in the syntax tree: those inside functions too."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "mailcli"


class Import(NamedTuple):
    """`module` is what is imported, dotted and absolute; `lazy` means inside a function."""

    path: Path
    line: int
    module: str
    lazy: bool
    typing_only: bool

    @property
    def place(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def source(self) -> str:
        return self.path.read_text().splitlines()[self.line - 1].strip()


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[Import]:
    yield from _walk(tree(path), path, lazy=False, typing_only=False)


def _walk(node: ast.AST, path: Path, *, lazy: bool, typing_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for name in child.names:
                yield Import(path, child.lineno, name.name, lazy, typing_only)
        elif isinstance(child, ast.ImportFrom):
            base = _absolute(child, path)
            for name in child.names:
                # "from mailcli import store" names a module, "from x import y" perhaps none
                yield Import(path, child.lineno, f"{base}.{name.name}", lazy, typing_only)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _walk(child, path, lazy=True, typing_only=typing_only)
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from _walk(child, path, lazy=lazy, typing_only=True)
        else:
            yield from _walk(child, path, lazy=lazy, typing_only=typing_only)


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    # level 1 is the package that holds the file, be it a module or an __init__
    package = path.relative_to(ROOT).parts[: -node.level]
    return ".".join((*package, *([node.module] if node.module else [])))


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def layer(path: Path) -> str:
    """The first name below mailcli/: a package, or a module such as "errors"."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")
