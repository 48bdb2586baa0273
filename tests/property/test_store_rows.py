from __future__ import annotations

import apsw
from hypothesis import given
from hypothesis import strategies as st

from mailcli.model.address import Address
from mailcli.store import columns, index, naming, schema

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
CLEAN = TEXT.filter(lambda t: "\x1e" not in t and "\x1f" not in t)


@given(st.lists(st.builds(Address, CLEAN, CLEAN.filter(bool)), max_size=5))
def test_packed_addresses_come_back(addresses: list[Address]) -> None:
    assert columns.unpack(columns.pack(addresses)) == tuple(addresses)


@given(st.lists(st.builds(Address, st.text(max_size=9), st.text(max_size=9)), min_size=1, max_size=5))
def test_hostile_addresses_cannot_become_more_addresses(addresses: list[Address]) -> None:
    packed = columns.pack(addresses)
    packed.encode()
    assert len(columns.unpack(packed)) in (len(addresses), 0)


@given(
    st.one_of(st.none(), st.floats(allow_nan=False)),
    st.floats(-1e18, 1e18),
)
def test_every_sort_time_fits_a_row_id(date: float | None, arrived: float) -> None:
    when = index.sort_time(date, arrived)
    assert 0 <= when << columns.SEQUENCE_BITS < 1 << 63


def test_a_full_second_spills_into_the_next() -> None:
    database = apsw.Connection(":memory:")
    schema.migrate(database, 0)
    last = (1 << columns.SEQUENCE_BITS) - 1

    def put(rid: int) -> None:
        values: dict[str, object] = dict.fromkeys(index.DERIVED_COLUMNS, "")
        values |= {"rid": rid, "id": str(rid), "folder": 1, "size": 0, "bits": 0, "words": ""}
        values |= {"arrived": 0.0, "attachments": 0, "thread": ""}
        database.execute(
            f"INSERT INTO message({', '.join(values)}) VALUES({', '.join('?' * len(values))})",
            tuple(values.values()),
        )

    assert index.RowIds(database).take(0) == 0
    put(0)
    assert index.RowIds(database).take(0) == 1  # 0 is a row id, not "none"
    put(last - 1)
    taken = index.RowIds(database)
    assert [taken.take(0) for _ in range(3)] == [last, last + 1, last + 2]
    assert taken.take(1) == last + 3


@given(st.lists(st.text(alphabet="ab2", min_size=8, max_size=8), min_size=1, max_size=30, unique=True))
def test_the_shortest_prefix_is_unique_and_one_less_is_not(ids: list[str]) -> None:
    database = apsw.Connection(":memory:")
    database.execute("CREATE TABLE message(rid INTEGER PRIMARY KEY, id TEXT UNIQUE)")
    database.executemany("INSERT INTO message(id) VALUES(?)", [(i,) for i in ids])
    for identity, prefix in naming.shortest(database, ids).items():
        assert [i for i in ids if i.startswith(prefix)] == [identity]
        assert len(prefix) >= 4
        assert len(prefix) == 4 or len([i for i in ids if i.startswith(prefix[:-1])]) > 1
