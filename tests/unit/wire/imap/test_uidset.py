from __future__ import annotations

import pytest

from mailcli.wire.imap.uidset import EMPTY, HIGHEST, UidSet, expand


def test_a_set_is_written_ascending_and_merged() -> None:
    assert str(UidSet.of([9, 1, 3, 2, 7, 3])) == "1:3,7,9"
    assert str(UidSet.parse(b"9:7,1,2,3:5,8")) == "1:5,7:9"
    assert str(EMPTY) == ""


def test_the_widest_set_costs_nothing() -> None:
    everything = UidSet.span(1)
    assert len(everything) == HIGHEST
    assert 17 in everything and HIGHEST in everything and 0 not in everything
    assert str(everything - UidSet.of([5])) == "1:4,6:4294967295"
    assert next(iter(everything)) == 1
    assert everything & UidSet.of([3, 8]) == UidSet.of([3, 8])


@pytest.mark.parametrize(
    "text",
    [b"", b"0", b"0:5", b"4294967296", b"1:4294967296", b"1:*", b"*", b"1,,2", b"1 2", b"-1", b"1:2:3"],
)
def test_what_is_no_set_of_uids_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="UID"):
        UidSet.parse(text)


def test_a_set_refuses_uids_that_cannot_be() -> None:
    for uids in ([0], [HIGHEST + 1], [-3, 5]):
        with pytest.raises(ValueError, match="UID"):
            UidSet.of(uids)


def test_chunks_keep_to_the_octets_given() -> None:
    uids = UidSet.of(range(1, 10_000, 3))
    parts = uids.chunks(2000)
    assert all(len(str(part)) <= 2000 for part in parts)
    assert all(len(str(part)) > 1900 for part in parts[:-1])
    assert [uid for part in parts for uid in part] == list(uids)
    assert EMPTY.chunks(10) == []


def test_batches_hold_so_many_uids() -> None:
    assert [str(part) for part in UidSet.parse(b"1:5,9").batches(4)] == ["1:4", "5,9"]


def test_copyuid_sets_keep_their_order_and_are_bounded() -> None:
    assert expand(b"7,3:5,12:10", 100) == (7, 3, 4, 5, 10, 11, 12)
    with pytest.raises(ValueError, match="too many"):
        expand(b"1:4294967295", 1000)


def test_lowest_and_highest() -> None:
    uids = UidSet.parse(b"5,9:11")
    assert (uids.lowest, uids.highest) == (5, 11)
    with pytest.raises(IndexError):
        _ = EMPTY.lowest
