"""`pattern.compile`: `re.compile`, put off until the pattern is first used.

Compiling takes Python 0.2 to 0.5 ms a pattern; the modules of one run that finds nothing new hold
sixty and use ten. After the first use a method is a plain attribute: no slower than re's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from re import compile as compile
else:
    import re

    _FACES = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
    _FACTS = ("flags", "groups", "groupindex")

    class _Pattern:
        __slots__ = ("_flags", "pattern", *_FACES, *_FACTS)

        def __init__(self, source: Any, flags: int = 0) -> None:
            self.pattern = source
            self._flags = flags

        def __getattr__(self, name: str) -> Any:
            """Only called while the slots are empty."""
            if name not in _FACES and name not in _FACTS:
                raise AttributeError(name)
            compiled = re.compile(self.pattern, self._flags)
            for slot in (*_FACES, *_FACTS):
                setattr(self, slot, getattr(compiled, slot))
            return getattr(compiled, name)

    compile = _Pattern
