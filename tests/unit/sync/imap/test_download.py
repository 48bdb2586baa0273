from hypothesis import given
from hypothesis import strategies as st

from mailcli.sync.imap.download import CHUNK_MESSAGES, CHUNK_OCTETS, chunks


@given(st.lists(st.integers(0, CHUNK_OCTETS), max_size=700))
def test_chunks_keep_order_and_stay_below_their_limits(sizes: list[int]) -> None:
    uids = list(range(len(sizes), 0, -1))
    by_uid = dict(zip(uids, sizes, strict=True))
    cut = list(chunks(uids, by_uid))
    assert [uid for chunk in cut for uid in chunk] == uids
    assert all(1 <= len(chunk) <= CHUNK_MESSAGES for chunk in cut)
    assert all(len(c) == 1 or sum(by_uid[u] for u in c) <= CHUNK_OCTETS for c in cut)
