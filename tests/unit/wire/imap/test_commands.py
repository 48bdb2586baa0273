from __future__ import annotations

import pytest

from mailcli.errors import LocalProtocolError
from mailcli.wire.imap import commands as c
from mailcli.wire.imap.engine import ImapEngine
from mailcli.wire.imap.uidset import UidSet


def written(command: c.Command, capabilities: str = "LITERAL+") -> bytes:
    engine = ImapEngine()
    engine.receive(b"* PREAUTH [CAPABILITY IMAP4rev1 %s] hi\r\n" % capabilities.encode())
    engine.send(c.Select("X"))
    engine.outgoing()
    engine.receive(b"A1 OK done\r\n")
    engine.send(command)
    line = engine.outgoing()
    assert line.startswith(b"A2 ") and line.endswith(b"\r\n")
    return line[3:-2]


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (c.List(), b'LIST "" "*"'),
        (c.List(patterns=("a%", "b")), b'LIST "" ("a%" "b")'),
        (c.List(select=("SUBSCRIBED",)), b'LIST (SUBSCRIBED) "" "*"'),
        (c.List(status=("MESSAGES",)), b'LIST "" "*" RETURN (STATUS (MESSAGES))'),
        (c.Lsub(), b'LSUB "" "*"'),
        (c.Status("a", ("MESSAGES", "SIZE")), b'STATUS "a" (MESSAGES SIZE)'),
        (c.Select('a"b\\c'), rb'SELECT "a\"b\\c"'),
        (c.Select("a", qresync=c.QResync(1, 2)), b'SELECT "a" (QRESYNC (1 2))'),
        (c.Create("a", "\\Trash"), b'CREATE "a" (USE (\\Trash))'),
        (c.Rename("a", "\u00e4"), b'RENAME "a" "&AOQ-"'),
        (c.Delete("a"), b'DELETE "a"'),
        (c.Subscribe("a"), b'SUBSCRIBE "a"'),
        (c.Unsubscribe("a"), b'UNSUBSCRIBE "a"'),
        (c.Fetch("100:*", ("FLAGS",)), b"UID FETCH 100:* (FLAGS)"),
        (
            c.Fetch(UidSet.of([1, 2]), ("FLAGS",), changed_since=9, vanished=True),
            b"UID FETCH 1:2 (FLAGS) (CHANGEDSINCE 9 VANISHED)",
        ),
        (c.Store(UidSet.of([3]), "-", frozenset(["$x", "\\Seen"])), b"UID STORE 3 -FLAGS.SILENT ($x \\Seen)"),
        (c.Store(UidSet.of([3]), "=", frozenset(), silent=False), b"UID STORE 3 FLAGS ()"),
        (c.Search((b'a"b',)), rb'UID SEARCH "a\"b"'),
        (c.Search(("TEXT", b"\xc3\xa4"), charset="UTF-8"), b"UID SEARCH CHARSET UTF-8 TEXT {2+}\r\n\xc3\xa4"),
        (c.Search(("ALL",), returns=("ALL", "COUNT")), b"UID SEARCH RETURN (ALL COUNT) ALL"),
        (c.Expunge(None), b"EXPUNGE"),
        (c.Append("a", b"x", date=0.0), b'APPEND "a" " 1-Jan-1970 00:00:00 +0000" {1+}\r\nx'),
        (c.Append("a", b"", date=-1e300), b'APPEND "a" {0+}\r\n'),
        (c.Id((("name", "a b"),)), b'ID ("name" "a b")'),
    ],
)
def test_commands_are_written_as_the_rfcs_want_them(command: c.Command, line: bytes) -> None:
    assert written(command) == line


def test_a_message_with_nul_goes_as_literal8_where_the_server_takes_one() -> None:
    message = b"a\0b"
    assert written(c.Append("x", message), "LITERAL+ BINARY") == b'APPEND "x" ~{3+}\r\na\0b'
    assert written(c.Append("x", message)) == b'APPEND "x" {3+}\r\na\0b'


@pytest.mark.parametrize(
    "command",
    [
        c.Fetch(UidSet(), ("FLAGS",)),
        c.Fetch("1:*", ()),
        c.Fetch("1:*\r\nX", ("FLAGS",)),
        c.Fetch("1:*", ("FLAGS\r\nA9 DELETE x",)),
        c.Fetch("1:*", ("BODY[] {5}",)),
        c.Fetch("1:*", ("FLAGS",), changed_since=0),
        c.Fetch("1:*", ("FLAGS",), vanished=True),
        c.Store(UidSet.of([1]), "*", frozenset()),
        c.Store(UidSet.of([1]), "+", frozenset(["a b"])),
        c.Store(UidSet.of([1]), "+", frozenset(["a\r\nb"])),
        c.Store(UidSet.of([1]), "+", frozenset([""])),
        c.Store(UidSet.of([1]), "+", frozenset(["\\"])),
        c.Store(UidSet.of([1]), "+", frozenset(["caf\u00e9"])),
        c.Search(()),
        c.Search(("ALL\r\n",)),
        c.Search(("FROM x {3}",)),
        c.Search((b"a\0b",)),
        c.Search(("ALL",), charset="UTF-8)"),
        c.Append("a", b"", flags=frozenset(["("])),
        c.Id((("a\0", "b"),)),
        c.Enable(()),
        c.Enable(("A\r\nB",)),
        c.List(patterns=()),
        c.List(returns=("X\r\n",)),
        c.Status("a", ("MESSAGES)",)),
        c.Create("a", "\\Trash)"),
        c.Create("\ud800"),
    ],
    ids=repr,
)
def test_what_cannot_be_said_is_refused_before_it_is_queued(command: c.Command) -> None:
    with pytest.raises(LocalProtocolError):
        written(command)


def test_a_password_is_in_no_repr() -> None:
    assert "secret" not in repr(c.Login("user", "secret"))
