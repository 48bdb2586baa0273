from mailcli.model.message import Summary
from mailcli.tui.rows import Rows


def row(id: str) -> Summary:
    return Summary(
        rid=1, id=id, account="a", folder="INBOX", when=0, date=None, zone=None, arrived=0.0, sender=(),
        to=(), cc=(), subject="", flags=frozenset(), size=0, attachments=0, thread="", message_id="",
        in_reply_to="", preview="", remote_only=False,
    )  # fmt: skip


def rows_of(text: str) -> list[Summary]:
    return [row(c) for c in text]


def started(text: str) -> Rows:
    rows = Rows()
    rows.start(rows_of(text), None)
    return rows


def test_new_mail_above_leaves_the_cursor_on_its_message() -> None:
    rows = started("cde")
    rows.move(1)
    rows.refresh(rows_of("abcde"), None)
    assert rows.current is not None and rows.current.id == "d"


def test_when_its_message_is_gone_the_cursor_stays_where_it_was() -> None:
    rows = started("abc")
    rows.move(2)
    rows.refresh(rows_of("ab"), None)
    assert rows.index == 1


def test_commands_act_on_the_selection_in_list_order_else_on_the_cursor() -> None:
    rows = started("abc")
    assert rows.targets == ["a"]
    rows.move(1)
    rows.toggle()
    rows.move(-9)
    rows.toggle()
    assert rows.targets == ["a", "b"]


def test_a_page_loaded_twice_doubles_no_row() -> None:
    rows = started("ab")
    rows.append(rows_of("bc"), None)
    assert [r.id for r in rows.rows] == ["a", "b", "c"]


def test_an_empty_list_has_no_target() -> None:
    rows = started("")
    rows.move(5)
    assert rows.targets == [] and rows.current is None


def test_what_leaves_is_gone_at_once_and_the_cursor_is_on_what_comes_up() -> None:
    rows = started("abcd")
    rows.move(1)
    rows.leave(["b"])
    assert rows.targets == ["c"]
    rows.leave(["a"])
    assert rows.targets == ["c"]
    rows.leave(["c", "d"])
    assert rows.targets == []


def test_a_list_read_before_the_change_does_not_bring_back_what_leaves() -> None:
    rows = started("abc")
    rows.leave(["a"])
    rows.refresh(rows_of("abc"), None)
    assert [r.id for r in rows.rows] == ["b", "c"]
    rows.left(["a"])
    rows.refresh(rows_of("abc"), None)
    assert [r.id for r in rows.rows] == ["a", "b", "c"] and rows.targets == ["b"]
