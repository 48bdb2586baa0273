"""Sets of UIDs, as ranges: `1:4294967295` costs as little as `7` (RFC 9051 §9, `sequence-set`)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from mailcli.model import pattern

HIGHEST: Final = 2**32 - 1

Range = tuple[int, int]
"""First and last UID, both included."""

_SET: Final = pattern.compile(rb"[0-9]{1,10}(?::[0-9]{1,10})?(?:,[0-9]{1,10}(?::[0-9]{1,10})?)*")
_SINGLES: Final = pattern.compile(rb"[0-9]{1,10}(?:,[0-9]{1,10})*")


class UidSet:
    """An immutable, always ascending set of UIDs from 1 to 2**32 - 1."""

    __slots__ = ("_size", "ranges")

    ranges: tuple[Range, ...]

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        """From ranges in any order. Raises ValueError for a UID that cannot be."""
        self.ranges = _merged(ranges)
        self._size = sum(last - first + 1 for first, last in self.ranges)

    @classmethod
    def of(cls, uids: Iterable[int]) -> UidSet:
        """From single UIDs in any order. Raises ValueError for a UID that cannot be."""
        ordered = sorted(set(uids))
        if not ordered:
            return EMPTY
        if ordered[0] < 1 or ordered[-1] > HIGHEST:
            raise ValueError("a UID lies between 1 and 4294967295")
        return cls._from_sorted(ordered)

    @classmethod
    def span(cls, first: int, last: int = HIGHEST) -> UidSet:
        """All UIDs from `first` to `last`, both included; empty if there are none."""
        return cls(((first, last),)) if first <= last else EMPTY

    @classmethod
    def parse(cls, text: bytes) -> UidSet:
        """From the wire: `1:4,7`. Ranges may be written backwards (RFC 9051 §9, `seq-range`).

        Raises ValueError for anything else, `*` and UID 0 included.
        """
        if _SINGLES.fullmatch(text):
            return cls.of(map(int, text.split(b",")))
        return cls(parse_ranges(text))

    @classmethod
    def _from_sorted(cls, ordered: list[int]) -> UidSet:
        made = cls.__new__(cls)
        made._size = len(ordered)
        first, last = ordered[0], ordered[-1]
        if last - first + 1 == len(ordered):
            made.ranges = ((first, last),)
            return made
        ranges = []
        last = first
        for uid in ordered:
            if uid > last + 1:
                ranges.append((first, last))
                first = uid
            last = uid
        ranges.append((first, last))
        made.ranges = tuple(ranges)
        return made

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(range(first, last + 1) for first, last in self.ranges)

    def __len__(self) -> int:
        return self._size

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __contains__(self, uid: object) -> bool:
        if not isinstance(uid, int):
            return False
        at = bisect_right(self.ranges, (uid, HIGHEST + 1)) - 1
        return at >= 0 and self.ranges[at][1] >= uid

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UidSet) and self.ranges == other.ranges

    def __hash__(self) -> int:
        return hash(self.ranges)

    def __or__(self, other: UidSet) -> UidSet:
        return UidSet(self.ranges + other.ranges)

    def __and__(self, other: UidSet) -> UidSet:
        mine, theirs = self.ranges, other.ranges
        common: list[Range] = []
        i = j = 0
        while i < len(mine) and j < len(theirs):
            first, last = max(mine[i][0], theirs[j][0]), min(mine[i][1], theirs[j][1])
            if first <= last:
                common.append((first, last))
            if mine[i][1] < theirs[j][1]:
                i += 1
            else:
                j += 1
        return UidSet(common)

    def __sub__(self, other: UidSet) -> UidSet:
        left: list[Range] = []
        theirs = other.ranges
        j = 0
        for first, last in self.ranges:
            while j < len(theirs) and theirs[j][1] < first:
                j += 1
            k = j
            while k < len(theirs) and theirs[k][0] <= last:
                if theirs[k][0] > first:
                    left.append((first, theirs[k][0] - 1))
                first = theirs[k][1] + 1
                k += 1
            if first <= last:
                left.append((first, last))
        return UidSet(left)

    def __str__(self) -> str:
        return ",".join(map(_range_text, self.ranges))

    def __repr__(self) -> str:
        return f"UidSet({self})"

    @property
    def lowest(self) -> int:
        """The smallest UID. Raises IndexError if the set is empty."""
        return self.ranges[0][0]

    @property
    def highest(self) -> int:
        """The largest UID. Raises IndexError if the set is empty."""
        return self.ranges[-1][1]

    def chunks(self, max_octets: int) -> list[UidSet]:
        """Split so that each part takes at most `max_octets` on the wire (servers limit the
        command line). A single range longer than that stays whole: at most 21 octets."""
        parts: list[UidSet] = []
        held: list[Range] = []
        octets = -1
        for item in self.ranges:
            needs = len(_range_text(item)) + 1
            if held and octets + needs > max_octets:
                parts.append(UidSet(held))
                held, octets = [], -1
            held.append(item)
            octets += needs
        if held:
            parts.append(UidSet(held))
        return parts

    def batches(self, most: int) -> list[UidSet]:
        """Split into sets of at most `most` UIDs each. Do not call it on a set as wide as 1:*."""
        uids = list(self)
        return [UidSet._from_sorted(uids[at : at + most]) for at in range(0, len(uids), most)]


def parse_ranges(text: bytes) -> list[Range]:
    """The ranges of a `uid-set` in the order of the wire, each turned to ascend.

    Raises ValueError if it is none, or for UID 0 or above 2**32 - 1.
    """
    if not _SET.fullmatch(text):
        raise ValueError("not a set of UIDs")
    ranges = []
    for item in text.split(b","):
        left, colon, right = item.partition(b":")
        first = int(left)
        last = int(right) if colon else first
        if first > last:
            first, last = last, first
        if first < 1 or last > HIGHEST:
            raise ValueError("a UID lies between 1 and 4294967295")
        ranges.append((first, last))
    return ranges


def expand(text: bytes, most: int) -> tuple[int, ...]:
    """All UIDs of a `uid-set` in the order of the wire: COPYUID pairs them (RFC 4315 §3).

    Raises ValueError if there are more than `most`, before any is made.
    """
    ranges = parse_ranges(text)
    if sum(last - first + 1 for first, last in ranges) > most:
        raise ValueError("too many UIDs")
    return tuple(chain.from_iterable(range(first, last + 1) for first, last in ranges))


def _merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if first < 1 or last > HIGHEST or first > last:
            raise ValueError("a UID lies between 1 and 4294967295")
        if merged and first <= merged[-1][1] + 1:
            if last > merged[-1][1]:
                merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return tuple(merged)


def _range_text(item: Range) -> str:
    first, last = item
    return str(first) if first == last else f"{first}:{last}"


EMPTY: Final = UidSet()
