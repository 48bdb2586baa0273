"""What a server says it can do in lines of `KEYWORD parameter…`: EHLO's answer, and CAPA's."""

from __future__ import annotations


class Offered:
    """`names` are (keyword in upper case, parameters as sent), in order. A value: equal if the
    names are, and the kind is the same."""

    __slots__ = ("names",)

    def __init__(self, names: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> None:
        self.names = names

    def __contains__(self, keyword: str) -> bool:
        """Whether a keyword (in upper case) was offered."""
        return any(name == keyword for name, _ in self.names)

    def parameters(self, keyword: str) -> tuple[str, ...]:
        """The parameters of a keyword; () if it has none or was not offered."""
        return tuple(word for name, words in self.names if name == keyword for word in words)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Offered) and other.names == self.names

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.names!r})"
