"""The quick reading of configuration files against tomllib: equal, or nothing."""

from __future__ import annotations

import tomllib

from hypothesis import example, given
from hypothesis import strategies as st

from mailcli.accounts import plain
from tests.unit.accounts.test_config import FULL

KEYS = st.sampled_from(
    ["a", "b", "a.b", '"a"', "'a'", '"a.b"', "a-b_1", "1", "", " a ", "é", "a b", "a.", "[a", "a]"]
)
TEXTS = ['"x"', "'x'", '"\\n"', '"\\q"', '"x', '""', "''", '""""""', "'''x'''", '"#"', "'\"'", '"é\xa0"']
NUMBERS = ["0", "1", "01", "-1", "+1", "1_0", "1.5", "1e3", "0x1f", "12345678901234567890", "inf", "nan"]
OTHERS = ["true", "false", "True", "truer", "2024-05-01", "10:00:00", "", "x", '"a" "b"', "[", "{", "]"]
VALUES = st.recursive(
    st.sampled_from([*TEXTS, *NUMBERS, *OTHERS]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.lists(inner, max_size=2).map(lambda items: "[ " + "".join(f"{i}, " for i in items) + "]"),
        st.lists(st.tuples(KEYS, inner), max_size=2).map(
            lambda items: "{ " + ", ".join(f"{k} = {v}" for k, v in items) + " }"
        ),
    ),
    max_leaves=4,
)
ENDS = st.sampled_from(["", "", "", " # note", "#", " x", "\t", "\r", "\x01", " # \x7f", "\x0b", "\u2028"])
LINES = st.one_of(
    st.tuples(KEYS, st.sampled_from(["=", " = ", "\t=\t", " ", "=="]), VALUES, ENDS).map("".join),
    st.tuples(st.sampled_from(["[", "[ ", "[["]), KEYS, st.sampled_from(["]", " ]", "]]", ""]), ENDS).map(
        "".join
    ),
    st.sampled_from(["", "  ", "# note", "\ufeff", "x"]),
)


def both(text: str) -> None:
    quick = plain.read(text)
    if quick is None:
        return
    assert (quick, _types(quick)) == ((exact := tomllib.loads(text)), _types(exact))


def _types(value: object) -> object:
    """1 and true are equal, and not the same."""
    if isinstance(value, dict):
        return {key: _types(item) for key, item in value.items()}
    return [_types(item) for item in value] if isinstance(value, list) else type(value)


@given(st.lists(LINES, max_size=8).map("\n".join))
@example("a = { b = 1 }\n[a]\nc = 1")
@example("a = { b = 1 }\n[a.d]\nc = 1")
@example("[a.b]\nc = 1\n[a]\nd = 1")
@example("[a]\n[a]")
@example("[a]\nb = 1\n[a.b]")
@example('a = """x"""')
@example("a = ''''")
@example("a = 1\na = 2")
@example("a = 01")
@example("a = { b = 1, b = 2 }")
@example('a = "\\q"')
def test_any_lines(text: str) -> None:
    both(text)


@given(st.data())
def test_a_configuration_with_a_piece_changed(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(FULL)))
    cut = data.draw(st.integers(0, 3))
    piece = data.draw(
        st.sampled_from(["", " ", "\n", '"', "'", "#", "=", "[", "]", "{", "}", ",", "\\", "."])
    )
    both(FULL[:at] + piece + FULL[at + cut :])
