"""`NamedTuple`, as `typing` has it, for a tenth of the time.

A run that finds nothing new defines some 150 of them and uses thirty. `typing.NamedTuple` compiles
each annotation and a constructor for each class, 0.1 ms or more.
Here the annotations are not looked at, and a constructor is compiled when the first value is made.
To type checkers it is `typing.NamedTuple`, and values behave the same: `_replace`, `_asdict`,
`_make`, `_fields`, keywords, defaults, patterns, copies and pickles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    from _collections import _tuplegetter

    class _Record(tuple):
        """What all have in common. Its `__new__` is replaced in each class at first use."""

        __slots__ = ()
        _fields: ClassVar[tuple[str, ...]] = ()
        _field_defaults: ClassVar[dict[str, Any]] = {}

        def __new__(cls, *values: Any, **named: Any) -> Any:
            return _constructor(cls)(cls, *values, **named)

        @classmethod
        def _make(cls, values: Any) -> Any:
            return cls(*values)

        def _replace(self, /, **named: Any) -> Any:
            made = self._make(map(named.pop, self._fields, self))
            if named:
                raise ValueError(f"got unexpected field names: {list(named)!r}")
            return made

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            told = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({told})"

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)

    def _constructor(cls: type) -> Any:
        """Compile `__new__(cls, field, field=default, …)` for the class, and keep it there."""
        home = next(base for base in cls.__mro__ if "_fields" in base.__dict__)
        names = [f"{name}=_d[{name!r}]" if name in home._field_defaults else name for name in home._fields]
        scope = {"_new": tuple.__new__, "_d": home._field_defaults, "__name__": f"record_{home.__name__}"}
        text = f"lambda _cls, {', '.join(names)}: _new(_cls, ({''.join(f + ', ' for f in home._fields)}))"
        made = eval(text, scope)  # noqa: S307  # names of fields only, as collections.namedtuple does
        made.__name__ = "__new__"
        made.__qualname__ = f"{home.__qualname__}.__new__"
        home.__new__ = staticmethod(made)
        return made

    class _Definition(type):
        """Makes of a class statement a subclass of `_Record` with the annotated fields."""

        def __new__(meta, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> type:
            fields = tuple(space.get("__annotations__", ()))
            defaults: dict[str, Any] = {}
            for place, field in enumerate(fields):
                if field in space:
                    defaults[field] = space[field]
                elif defaults:
                    raise TypeError(f"{name}: the field {field} has no default, one before it has")
                space[field] = _tuplegetter(place, "")
            space |= {"__slots__": (), "_fields": fields, "_field_defaults": defaults}
            space["__match_args__"] = fields
            return type(name, (_Record,), space)

    NamedTuple = type.__new__(_Definition, "NamedTuple", (), {})
