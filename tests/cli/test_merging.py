"""`send --merge`: a table and a text to many messages, against the embedded mail world."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from mailcli.app import outbox
from mailcli.app.context import Context
from mailcli.outbox.entry import Entry
from mailcli.outbox.spool import Row
from tests.cli.calling import Called
from tests.cli.schemas import Mail, data

ROWS = "email,name,sum\nbob@valley.example,Bob,12\neve@valley.example,Eve {x},7\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


def merge(mail: Mail, table: Path, subject: str, *argv: str, text: str = "Dear {name}: {sum}\n") -> Called:
    return mail("send", "--merge", str(table), "-s", subject, *argv, stdin=text.encode())


def test_a_row_is_a_message_with_its_fields_filled_in(mail: Mail, table: Path) -> None:
    done = merge(mail, table, "Bill of {name}", "-n", "--json", "-H", "X-Sum: {sum}", text="{{{sum}}}\n")
    first, second = data(done)
    assert first["recipients"] == ["bob@valley.example"]
    assert "Subject: Bill of Bob\r\n" in first["message"] and "X-Sum: 12\r\n" in first["message"]
    assert first["message"].endswith("\r\n{12}\r\n")
    assert "Subject: Bill of Eve {x}\r\n" in second["message"], "a value is not filled in again"


def test_json_lines_are_rows_too_and_the_line_names_the_recipient(mail: Mail, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"who": "bob", "n": 1}\n\n{"who": "eve", "n": true}\n')
    done = merge(mail, path, "{n}", "{who}@valley.example", "-n", "--json", text="x")
    assert [row["recipients"] for row in data(done)] == [["bob@valley.example"], ["eve@valley.example"]]


@pytest.mark.parametrize(
    ("rows", "argv", "code", "words"),
    [
        (ROWS, ["-s", "{nobody}"], 65, "row 1: there is no field {nobody}"),
        ("email,a\nbob@valley.example,1\nbob@valley.example\n", ["-s", "{a}"], 65, "row 2"),
        ("email\nbob@valley.example\nnonsense\n", [], 65, "row 2: 'nonsense' is not an address"),
        ('email,a\nbob@valley.example,"x\ny"\n', ["-s", "{a}"], 65, "row 1"),
        ("email\nbob@valley.example,2\n", [], 65, "line 2: more cells"),
        ('email\n"bob@valley.example\n', [], 65, "line"),
        ("{not json\n", [], 65, "line 1: no JSON"),
        (ROWS, ["-a", "/proc/no/{name}.pdf"], 66, "row 1: there is no file /proc/no/Bob.pdf"),
        (ROWS, ["--rate", "often"], 2, "no rate"),
        (ROWS, ["--raw"], 2, "--merge"),
        (ROWS, ["--draft"], 2, "--merge"),
    ],
)
def test_nothing_is_sent_if_one_row_is_wrong(
    mail: Mail, home: Path, table: Path, rows: str, argv: list[str], code: int, words: str
) -> None:
    table.write_text(rows)
    done = mail("send", "--merge", str(table), *argv, stdin=b"x\n")
    assert (done.code, done.out) == (code, "")
    assert words in done.err and done.err.count("\n") == 1
    assert mail("outbox", "list").out == ""


def test_the_same_command_again_sends_what_is_left_and_nothing_twice(mail: Mail, table: Path) -> None:
    first = merge(mail, table, "Once {name}", "bob@valley.example", "--limit", "1", "--json")
    assert [row["outcome"] for row in data(first)] == ["sent"]
    rest = merge(mail, table, "Once {name}", "bob@valley.example", "--json")
    assert [row["outcome"] for row in data(rest)] == ["sent"]
    assert "1 of 2 rows were sent" in rest.out
    again = merge(mail, table, "Once {name}", "bob@valley.example", "--json")
    assert data(again) == [] and "2 of 2 rows" in again.out
    mail("fetch", "bob", "-q")
    assert mail("search", "account:bob", "subject:Once", "--count").out == "2\n"
    meant = merge(mail, table, "Once {name}", "bob@valley.example", "--idempotency-key", "march", "--json")
    assert len(data(meant)) == 2


def test_a_merge_that_was_killed_goes_on_where_it_stopped(
    mail: Mail, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = outbox.enqueue
    begun: list[Entry] = []

    def killed(ctx: Context, entry: Entry) -> Row:
        if begun:
            raise KeyboardInterrupt
        begun.append(entry)
        return real(ctx, entry)

    monkeypatch.setattr(outbox, "enqueue", killed)
    assert merge(mail, table, "Cut {name}", "bob@valley.example").code == 130
    monkeypatch.setattr(outbox, "enqueue", real)
    assert merge(mail, table, "Cut {name}", "bob@valley.example").code == 0
    mail("fetch", "bob", "-q")
    assert mail("search", "account:bob", "subject:Cut", "--count").out == "2\n"


def test_two_equal_rows_are_two_messages(mail: Mail, table: Path) -> None:
    table.write_text("email\nbob@valley.example\nbob@valley.example\n")
    assert len(data(merge(mail, table, "Twin", "--json", text="x"))) == 2


def test_a_rate_spaces_the_messages(mail: Mail, table: Path) -> None:
    done = merge(mail, table, "Late {name}", "bob@valley.example", "--rate", "1/hour", "--offline")
    assert done.code == 0 and "2 wait in the outbox" in done.err
    rows = data(mail("outbox", "list", "--json"))
    first, second = sorted(datetime.fromisoformat(row["next_try"]) for row in rows)
    assert 3599 <= (second - first).total_seconds() <= 3601
    assert mail("outbox", "cancel", *(row["entry"] for row in rows)).code == 0
    done = merge(mail, table, "Slow {name}", "bob@valley.example", "--rate", "600/min", "--json")
    assert [row["outcome"] for row in data(done)] == ["sent", "sent"]
    assert mail("outbox", "list").out == ""


def test_a_refused_recipient_is_told_and_the_others_get_theirs(mail: Mail, table: Path) -> None:
    done = merge(mail, table, "Some {name}", "--json")
    assert done.code == 1, "bob@ is known and eve@ is not"
    assert sorted(row["outcome"] for row in data(done)) == ["rejected", "sent"]
    (failed,) = data(mail("outbox", "list", "--json"))
    piped = mail("outbox", "list", "--ids").out.encode()
    assert mail("outbox", "cancel", "-", stdin=piped).out.startswith(failed["entry"])
    assert mail("outbox", "cancel", "-", stdin=b"") == mail("outbox", "retry", "-") == (0, "", "")
