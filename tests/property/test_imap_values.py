"""Laws of UID sets and mailbox names."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcli.wire.imap import mutf7
from mailcli.wire.imap.names import Names
from mailcli.wire.imap.uidset import UidSet

UIDS = st.sets(st.integers(1, 60) | st.integers(2**32 - 5, 2**32 - 1), max_size=30)


@given(UIDS, UIDS)
def test_uid_sets_are_sets(a: set[int], b: set[int]) -> None:
    x, y = UidSet.of(a), UidSet.of(b)
    assert list(x) == sorted(a) and len(x) == len(a) and bool(x) == bool(a)
    assert set(x | y) == a | b and set(x & y) == a & b and set(x - y) == a - b
    assert (x == y) == (a == b) and (a != b or hash(x) == hash(y))
    assert all((uid in x) == (uid in a) for uid in range(70))


@given(UIDS)
def test_a_uid_set_reads_back_what_it_writes(a: set[int]) -> None:
    x = UidSet.of(a)
    if a:
        assert UidSet.parse(str(x).encode()) == x
        assert UidSet.parse(",".join(map(str, a)).encode()) == x
        assert (x.lowest, x.highest) == (min(a), max(a))
    assert UidSet(reversed(x.ranges)) == x


@given(UIDS, st.integers(1, 60), st.integers(1, 9))
def test_the_parts_of_a_uid_set_make_it_up(a: set[int], octets: int, most: int) -> None:
    x = UidSet.of(a)
    for parts in (x.chunks(octets), x.batches(most)):
        assert [uid for part in parts for uid in part] == sorted(a)
        assert all(parts)
    assert all(len(part) <= most for part in x.batches(most))
    assert all(len(str(part)) <= octets or len(part.ranges) == 1 for part in x.chunks(octets))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_modified_utf7_gives_names_back(name: str) -> None:
    raw = mutf7.encode(name)
    assert raw.isascii() and all(32 <= octet < 127 for octet in raw)
    assert mutf7.decode(raw) == name


@given(
    st.lists(st.sampled_from([b"&", b"-", b"AOQ", b"2D3eAA", b",", b"x", b"\xe4", b"AGE"]), max_size=8).map(
        b"".join
    )
)
def test_two_spellings_are_never_one_name(raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert mutf7.encode(mutf7.decode(raw)) == raw


@given(
    st.lists(
        st.binary(min_size=1, max_size=6)
        | st.just(b"&AOQ-")
        | st.just(b"\xc3\xa4")
        | st.just(b"\\xe4")
        | st.just(b"\xe4"),
        max_size=8,
    ),
    st.booleans(),
)
def test_every_listed_name_goes_back_as_it_came(raws: list[bytes], utf8: bool) -> None:
    names = Names()
    if utf8:
        names.enable_utf8()
    spelt = {raw: names.decode(raw) for raw in raws if raw.upper() != b"INBOX"}
    for raw, name in spelt.items():
        assert names.encode(name) == raw
    assert len(set(spelt.values())) == len(spelt)


def test_a_surrogate_has_no_spelling() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        mutf7.encode("\ud800")
