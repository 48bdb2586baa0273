from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.errors import AmbiguousId, NotFound, UsageError
from mailcli.model.address import Address
from mailcli.model.flags import SEEN
from mailcli.model.message import Page
from mailcli.store.store import Store
from mailcli.store.values import Arrival
from tests.support.letters import NOW, letter, open_store


def _at(second: int) -> str:
    return f"Mon, 13 Nov 2023 10:{second // 60:02d}:{second % 60:02d} +0000"


def _fill(store: Store, folder: int, count: int) -> list[str]:
    return store.deliver(
        [
            Arrival(folder, letter(n, date=_at(n)), frozenset({SEEN} if n % 2 else ()), NOW)
            for n in range(count)
        ]
    )


def _all(store: Store, limit: int, **options: object) -> list[str]:
    """Every row, page by page."""
    found: list[str] = []
    after: str | None = None
    while True:
        page: Page = store.summaries(limit=limit, after=after, **options)  # type: ignore[arg-type]
        found += [s.id for s in page.rows]
        assert len(page.rows) <= limit
        if page.next is None:
            return found
        after = page.next


def test_the_newest_comes_first(store: Store, inbox: int) -> None:
    ids = _fill(store, inbox, 7)
    page = store.summaries(folders=[inbox], limit=3)
    assert [s.id for s in page.rows] == ids[:-4:-1]
    assert page.next is not None
    assert store.summaries(folders=[inbox], limit=7).next is None


@pytest.mark.parametrize("sort", ["date", "from", "subject", "size"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("both", [False, True])
def test_pages_join_to_the_whole_list(
    store: Store, inbox: int, trash: int, sort: str, reverse: bool, threads: bool, both: bool
) -> None:
    mails = []
    for n in range(23):
        sender = ("Zoe <z@example.org>", "ann@example.org", "Älf <e@example.org>")[n % 3]
        subject = ("alpha", "Beta", "")[n // 3 % 3]
        references = [n - 1] if n % 4 else []
        mails.append(letter(n, sender=sender, subject=subject, references=references, date=_at(n // 5)))
    store.deliver([Arrival((inbox, trash)[n % 2], m, arrived=NOW) for n, m in enumerate(mails)])
    options = {
        "folders": [inbox, trash] if both else [inbox],
        "sort": sort,
        "reverse": reverse,
        "threads": threads,
    }
    whole = store.summaries(**options)  # type: ignore[arg-type]
    assert whole.next is None
    ids = [s.id for s in whole.rows]
    assert len(set(ids)) == len(ids) > 3
    assert _all(store, 4, **options) == ids
    assert _all(store, 1, **options) == ids


def test_sorting_by_what_is_shown(store: Store, inbox: int) -> None:
    senders = ["Zoe <a@example.org>", "mia@example.org", "adam <z@example.org>"]
    subjects = ["b", "C", "a"]
    store.deliver(
        [
            Arrival(inbox, letter(n, sender=s, subject=t, body="x" * (50 * n)), arrived=NOW)
            for n, (s, t) in enumerate(zip(senders, subjects, strict=True))
        ]
    )

    def order(sort: str, reverse: bool = False) -> list[str]:
        page = store.summaries(folders=[inbox], sort=sort, reverse=reverse)
        return [s.subject for s in page.rows]

    assert order("from") == ["a", "C", "b"]
    assert order("subject") == ["a", "b", "C"]
    assert order("size") == ["a", "C", "b"]
    assert order("size", True) == ["b", "C", "a"]
    with pytest.raises(UsageError):
        order("colour")


def test_unread_and_all_folders(store: Store, inbox: int, trash: int) -> None:
    one, two = _fill(store, inbox, 2)
    (three,) = store.deliver([Arrival(trash, letter(9, date=_at(9)))])
    assert [s.id for s in store.summaries(folders=[inbox], unread=True).rows] == [one]
    assert [s.id for s in store.summaries(folders=None).rows] == [three, two, one]
    assert [s.id for s in store.summaries(folders=[trash, inbox], limit=2).rows] == [three, two]
    assert store.summaries(folders=[]).rows == []
    assert (store.count(), store.count(inbox), store.count(inbox, unread=True)) == (3, 2, 1)


def test_a_row_tells_what_the_mail_says(store: Store, inbox: int) -> None:
    data = letter(1, sender='"Weird, \\"Name\\"" <w@example.org>', references=[5], date=_at(3))
    (one,) = store.deliver([Arrival(inbox, data, frozenset({SEEN, "work"}), NOW)])
    (row,) = store.get([one])
    assert row.sender == (Address('Weird, "Name"', "w@example.org"),)
    assert row.to == (Address("Bob Reader", "bob@example.net"),)
    assert (row.account, row.folder, row.subject, row.size) == ("work", "INBOX", "Letter 1", len(data))
    assert (row.message_id, row.flags) == ("m1@example.org", frozenset({SEEN, "work"}))
    assert row.date == row.when == 1699869603
    assert row.zone == 0
    assert row.preview.startswith("Words of letter 1")
    assert not row.remote_only


def test_threads_show_their_newest_and_their_count(store: Store, inbox: int) -> None:
    store.deliver(
        [
            Arrival(inbox, letter(n, references=refs, date=_at(n)), arrived=NOW)
            for n, refs in [(1, []), (2, [1]), (3, []), (4, [1, 2])]
        ]
    )
    page = store.summaries(folders=[inbox], threads=True)
    assert [s.subject for s in page.rows] == ["Letter 4", "Letter 3"]
    assert page.counts == (3, 1)
    assert [s.subject for s in store.thread(page.rows[0].thread)] == ["Letter 1", "Letter 2", "Letter 4"]


def test_names_of_messages(store: Store, inbox: int, trash: int) -> None:
    first, second = _fill(store, inbox, 2)
    (copy,) = store.copy([first], trash)
    assert store.resolve(first) == store.resolve(first.upper()) == [first]
    assert store.resolve(store.shortest([first])[first]) == [first]
    assert store.resolve("mid:<m0@example.org>") == store.resolve("mid:m0@example.org")
    assert sorted(store.resolve("mid:m0@example.org")) == sorted([first, copy])
    assert store.resolve(f"t:{store.get([second])[0].thread}") == [second]
    for text in ("zzzzzzzz", "", "i0i0", "mid:", "mid:<none@example.org>", "t:", "'; --"):
        with pytest.raises(NotFound):
            store.resolve(text)
    with pytest.raises(NotFound):
        store.get(["zzzzzzzz"])


def test_an_ambiguous_prefix_names_the_candidates(store: Store, inbox: int) -> None:
    store.deliver([Arrival(inbox, letter(n), id=f"abcdefg{c}") for n, c in enumerate("hjk")])
    store.deliver([Arrival(inbox, letter(9), id="abcx2222")])
    with pytest.raises(AmbiguousId, match="abcdefgh, abcdefgj, abcdefgk"):
        store.resolve("abcde")
    assert store.shortest(["abcdefgj", "abcx2222"]) == {"abcdefgj": "abcdefgj", "abcx2222": "abcx"}


def test_an_empty_mailbox_is_read_without_making_one(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert store.summaries(folders=None) == Page([])
        assert store.folders() == []
    assert not (tmp_path / "data").exists()


def test_reading_writes_nothing(store: Store, inbox: int, tmp_path: Path) -> None:
    _fill(store, inbox, 3)
    store.close()
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.suffix != ".db-shm"}
    with open_store(tmp_path) as again:
        assert len(again.summaries(folders=None, limit=2).rows) == 2
    after = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.suffix != ".db-shm"}
    assert after == before


def test_a_message_renamed_by_another_program_is_still_read(store: Store, inbox: int) -> None:
    one, two = _fill(store, inbox, 2)
    path = store.path(one)
    path.rename(path.parent.parent / "cur" / f"{path.name}:2,RS")
    assert store.open_bytes(one) == letter(0, date=_at(0))
    assert store.path(one).name.endswith(":2,RS")
    assert store.open_bytes(two) == letter(1, date=_at(1))
