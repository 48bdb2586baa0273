"""`NamedTuple` and `pattern` of our own behave as those of the standard library."""

from __future__ import annotations

import copy
import pickle
import re
import typing

import pytest

from mailcli.model import pattern
from mailcli.model.record import NamedTuple


class Ours(NamedTuple):
    """One."""

    name: str
    size: int = 3
    words: tuple[str, ...] = ()

    @property
    def loud(self) -> str:
        return self.name.upper()


class Theirs(typing.NamedTuple):
    name: str
    size: int = 3
    words: tuple[str, ...] = ()


class Empty(NamedTuple):
    pass


def test_a_record_is_what_typings_is() -> None:
    ours, theirs = Ours("a", words=("x",)), Theirs("a", words=("x",))
    assert tuple(ours) == tuple(theirs) == ("a", 3, ("x",))
    assert hash(ours) == hash(theirs)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert ours._asdict() == theirs._asdict()
    assert Ours._fields == Theirs._fields
    assert Ours._field_defaults == Theirs._field_defaults
    assert (ours.name, ours.size, ours.words, ours.loud) == ("a", 3, ("x",), "A")
    assert ours._replace(size=4) == Ours("a", 4, ("x",)) == Ours._make(("a", 4, ("x",)))
    assert not hasattr(ours, "__dict__")
    assert Ours.__doc__ == "One."
    assert Empty() == ()


def test_a_record_is_copied_pickled_and_matched() -> None:
    ours = Ours("a", 5)
    for twin in (copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert (type(twin), twin) == (Ours, ours)
    match ours:
        case Ours(name, size):
            assert (name, size) == ("a", 5)
        case _:
            pytest.fail("no match")


@pytest.mark.parametrize("given", [((), {}), (("a",), {"other": 1}), (("a", 1, (), 4), {})])
def test_a_record_takes_its_fields_and_no_others(given: tuple[tuple[object, ...], dict[str, object]]) -> None:
    positions, named = given
    with pytest.raises(TypeError):
        Ours(*positions, **named)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unexpected"):
        Ours("a")._replace(**{"other": 1})  # type: ignore[arg-type]


def test_a_field_without_a_default_behind_one_with_is_refused() -> None:
    with pytest.raises(TypeError, match="no default"):
        exec("class Wrong(NamedTuple):\n    a: int = 1\n    b: int", {"NamedTuple": NamedTuple})


def test_a_pattern_is_compiled_when_it_is_first_used() -> None:
    wrong = pattern.compile("(")
    with pytest.raises(re.error):
        wrong.match("x")
    word = pattern.compile(r"(?P<first>[a-z])\w*", re.IGNORECASE)
    match = word.fullmatch("Abc")
    assert match is not None
    assert match["first"] == "A"
    assert (word.sub("-", "a b"), word.findall("a bc")) == ("- -", ["a", "b"])
    assert (word.groups, dict(word.groupindex), word.pattern) == (1, {"first": 1}, r"(?P<first>[a-z])\w*")
    assert not hasattr(word, "nonsense")
