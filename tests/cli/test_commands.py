"""The commands for real: against the embedded mail world, in this process."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailcli.app import demonstration
from mailcli.app.context import Context
from mailcli.cli import run
from mailcli.cli.completion import leaves
from mailcli.cli.schema import output_schema, published
from tests.cli.calling import Called, printed, streams
from tests.cli.schemas import faults

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = output_schema()

Mail = Callable[..., Called]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A profile in a mail world of its own: alice by IMAP, bob by POP3, both fetched."""
    directory = tmp_path_factory.mktemp("world")
    ctx = Context.open(profile=directory, environ=os.environ)
    with demonstration.world(time.time()) as world:
        demonstration.settle(world, directory, ctx).close()
        yield directory
    ctx.close()


@pytest.fixture(scope="module")
def mail(home: Path) -> Mail:
    """Run a command line in that profile; with a terminal on stdin, stdout and stderr if asked."""

    def calling(
        *argv: str, stdin: bytes = b"", terminals: tuple[bool, bool, bool] = (False, False, False)
    ) -> Called:
        environ = {
            "MAILCLI_PROFILE": str(home),
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "NO_COLOR": "1",
        }
        made = streams(stdin, terminals=terminals, environ=environ)
        code = run.main(argv, made)
        return Called(code, *printed(made))

    fetched = calling("fetch")
    assert (fetched.code, fetched.err) == (0, ""), fetched.err
    return calling


def data(done: Called) -> Any:
    """The data of a JSON document, which must be as the schema has it."""
    document = json.loads(done.out)
    assert faults(document, SCHEMA, SCHEMA) == []
    return document["data"]


def one(mail: Mail, *query: str) -> str:
    (found,) = mail("search", *query, "--ids").out.split()
    return found


# -- reading ---------------------------------------------------------------------------------------


def test_fetch_says_one_line_for_each_account_and_nothing_with_quiet(mail: Mail) -> None:
    done = mail("fetch")
    assert re.fullmatch(
        r"alice: \d+ new, \d+ changed, \d+ gone\nbob: \d+ new, \d+ changed, \d+ gone\n", done.out
    )
    assert mail("fetch", "-q") == (0, "", "")
    assert mail("sync", "bob", "-q") == (0, "", "")
    assert re.fullmatch(r"\d+\n\d+\n", mail("fetch", "--count").out)


def test_fetch_json_has_its_fields(mail: Mail) -> None:
    rows = data(mail("fetch", "--json"))
    assert [row["account"] for row in rows] == ["alice", "bob"]
    assert list(rows[0]) == (
        "account protocol new changed gone pushed bytes seconds error".split()  # noqa: SIM905
    )


def test_fetch_of_an_account_that_is_not_there_is_66(mail: Mail) -> None:
    assert mail("fetch", "carol").code == 66
    assert mail("fetch", "--keep", "--delete").code == 2


def test_list_is_newest_first_and_the_same_in_all_forms(mail: Mail) -> None:
    lines = [line.split("\t") for line in mail("list").out.splitlines()]
    assert all(len(line) == 7 and len(line[0]) == 8 for line in lines)
    ids = mail("list", "--ids").out.split()
    assert [line[0] for line in lines] == ids == [row["id"] for row in data(mail("list", "--json"))]
    assert mail("list", "--ids", "-0").out.split("\0")[:-1] == ids
    assert mail("list", "--format", "{id}").out.split() == ids
    assert mail("list", "--ids", "--reverse").out.split() == ids[::-1]
    assert mail("list", "inbox", "--ids", "-n", "3").out.split() == ids[:3]


def test_a_page_goes_on_behind_its_cursor(mail: Mail) -> None:
    ids = mail("list", "--ids").out.split()
    first = json.loads(mail("list", "--json", "-n", "4").out)
    rest = mail("list", "--ids", "--after", first["next"]).out.split()
    assert [row["id"] for row in first["data"]] + rest == ids
    assert json.loads(mail("list", "--json").out)["next"] is None


def test_all_inboxes_are_listed_with_account_all(mail: Mail) -> None:
    accounts = {row["account"] for row in data(mail("list", "-A", "all", "--json"))}
    assert accounts == {"alice", "bob"}
    assert {row["account"] for row in data(mail("-A", "bob", "list", "--json"))} == {"bob"}


def test_on_a_terminal_ids_are_short_and_name_their_message(mail: Mail) -> None:
    short = mail("list", "-n", "1", terminals=(True, True, True)).out.split()[0]
    full = mail("list", "-n", "1", "--ids").out.strip()
    assert 4 <= len(short) < 8
    assert full.startswith(short)
    assert mail("read", short).out == mail("read", full).out


def test_what_is_not_there_is_66_and_what_is_ambiguous_2(mail: Mail) -> None:
    assert mail("list", "Nowhere").code == 66
    assert mail("read", "zzzzzzzz").code == 66
    assert mail("list", "-A", "carol").code == 66
    beginnings = [i[0] for i in mail("search", "in:any", "--ids").out.split()]
    twice = next(b for b in beginnings if beginnings.count(b) > 1)
    done = mail("read", twice)
    assert (done.code, done.err.count("\n")) == (2, 1)


def test_search_takes_negated_words_and_counts_barely(mail: Mail) -> None:
    every = set(mail("search", "in:INBOX", "--ids").out.split())
    read = set(mail("search", "in:INBOX", "is:read", "--ids").out.split())
    assert set(mail("search", "in:INBOX", "-is:read", "--ids").out.split()) == every - read
    assert mail("search", "--count", "in:INBOX", "-is:read").out == f"{len(every - read)}\n"
    assert json.loads(mail("search", "--count", "bridge", "--json").out)["data"] > 0


def test_search_as_a_condition(mail: Mail) -> None:
    assert mail("search", "-e", "bridge", "-q").code == 0
    assert mail("search", "-e", "nosuchword", "-q") == (1, "", "")
    assert mail("search", "nosuchword") == (0, "", "")
    done = mail("search", "frm:alice")
    assert done.code == 2 and "from" in done.err


def test_explain_prints_the_query(mail: Mail) -> None:
    assert "from" in mail("search", "--explain", "from:alice").out


def test_read_prints_several_one_after_the_other(mail: Mail) -> None:
    first, second = mail("list", "--ids", "-n", "2").out.split()
    both = mail("read", first, second).out
    assert both == mail("read", first).out + "\n" + mail("read", second).out
    assert mail("read", "-", stdin=f"{second}\tx\n".encode()).out == mail("read", second).out
    assert [row["id"] for row in data(mail("read", first, second, "--json"))] == [first, second]


def test_read_has_the_whole_message_in_json(mail: Mail) -> None:
    (row,) = data(mail("read", one(mail, "subject:bakery"), "--json"))
    assert {name for name, _ in row["headers"]} >= {"From", "Subject"}
    assert row["text"] and row["html"]
    assert {"n", "type", "name", "size", "cid", "disposition"} == set(row["parts"][0])


def test_read_raw_gives_the_stored_bytes(mail: Mail, home: Path) -> None:
    ident = mail("list", "--ids", "-n", "1").out.strip()
    (path,) = (home / "data" / "mail").rglob(f"*{ident}*")
    assert mail("read", ident, "--raw").out == path.read_text(encoding="utf-8")


def test_reading_marks_nothing_unless_asked(mail: Mail) -> None:
    ident = mail("list", "--unread", "--ids", "-n", "1").out.strip()
    mail("read", ident)
    assert ident in mail("list", "--unread", "--ids").out
    mail("read", ident, "--mark-seen")
    assert ident not in mail("list", "--unread", "--ids").out


def test_a_thread_is_read_oldest_first(mail: Mail) -> None:
    rows = data(mail("read", one(mail, "subject:hike", "in:Sent"), "--thread", "--json"))
    assert len(rows) > 1
    assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)


def test_attachments_are_listed_saved_and_never_overwritten(mail: Mail, tmp_path: Path) -> None:
    ident = one(mail, "filename:invoice")
    parts = data(mail("attach", "list", ident, "--json"))
    saved = mail("attach", "save", ident, "-o", str(tmp_path)).out.splitlines()
    assert len(saved) == len(parts) and all(Path(path).exists() for path in saved)
    again = mail("attach", "save", ident, "-o", str(tmp_path), "--json")
    assert {row["path"] for row in data(again)}.isdisjoint(saved)
    assert mail("attach", "save", ident, "nothing.such").code == 66


# -- changing --------------------------------------------------------------------------------------


def test_a_change_can_be_undone_by_the_line_it_prints(mail: Mail) -> None:
    ident = mail("list", "--ids").out.split()[-1]
    done = mail("archive", ident)
    match = re.fullmatch(r"1 message moved to Archive \(undo: mailcli (.*)\)\n", done.out)
    assert match and done.err == ""
    assert ident in mail("list", "Archive", "--ids").out
    assert mail(*match[1].split()).code == 0
    assert ident in mail("list", "--ids").out


def test_flags_are_set_and_cleared_and_seen_in_json(mail: Mail) -> None:
    ident = mail("list", "--ids").out.split()[-1]
    assert mail("flag", ident, "+flagged", "+work", "-seen").code == 0
    (row,) = [row for row in data(mail("list", "--json")) if row["id"] == ident]
    assert {"flagged", "work"} <= set(row["flags"]) and "seen" not in row["flags"]
    assert mail("flag", ident, "-flagged", "-work", "-q") == (0, "", "")
    assert mail("flag", ident).code == 2


def test_changes_take_ids_from_a_pipe(mail: Mail) -> None:
    piped = mail("search", "in:Archive").out.encode()
    (row,) = data(mail("flag", "-", "+kept", "--json", stdin=piped))
    assert list(row["ids"]) == [line.split(b"\t")[0].decode() for line in piped.splitlines()]
    assert row["pushed"] is True
    assert mail("search", "tag:kept", "--count").out == f"{len(row['ids'])}\n"


def test_moving_to_a_folder_that_is_not_there_is_66_or_creates_it(mail: Mail) -> None:
    ident = mail("list", "--ids").out.split()[-1]
    assert mail("move", ident, "--to", "Neu").code == 66
    assert mail("move", ident, "--to", "Neu", "--create").code == 0
    assert mail("list", "Neu", "--ids").out.split() == [ident]
    assert mail("move", ident, "--to", "Inbox").code == 0
    assert mail("folder", "delete", "Neu").code == 0


def test_delete_goes_to_trash_and_dry_run_does_nothing(mail: Mail) -> None:
    ident = mail("list", "--ids").out.split()[-1]
    assert mail("delete", "-n", ident).code == 0
    assert ident in mail("list", "--ids").out
    assert mail("delete", ident).code == 0
    assert ident in mail("list", "Trash", "--ids").out
    assert mail("delete", "--purge", ident).code == 0
    assert mail("read", ident).code == 66


def test_more_than_20_messages_are_asked_about_on_a_terminal_only(mail: Mail) -> None:
    many = mail("search", "in:any", "--ids").out.split()
    assert len(many) > 20
    terminal = (True, True, True)
    done = mail("flag", *many, "+bulk", stdin=b"n\n", terminals=terminal)
    assert done.code == 130 and f"Flag {len(many)} messages? [y/N]" in done.err
    assert mail("search", "tag:bulk", "in:any", "--count").out == "0\n"
    for extra in (["-y"], ["--no-input"]):
        assert mail("flag", *many, "+bulk", *extra, stdin=b"", terminals=terminal).code == 0
    assert mail("flag", *many, "-bulk", stdin=b"y\n", terminals=terminal).code == 0
    assert mail("flag", *many[:20], "+bulk", stdin=b"", terminals=terminal).code == 0
    assert mail("flag", *many, "-bulk").code == 0


def test_offline_queues_and_the_next_fetch_pushes(mail: Mail) -> None:
    ident = mail("list", "--ids").out.split()[0]
    (row,) = data(mail("flag", ident, "+flagged", "--offline", "--json"))
    assert row["pushed"] is False
    assert data(mail("fetch", "alice", "--json"))[0]["pushed"] == 1


# -- writing ---------------------------------------------------------------------------------------


def test_send_is_silent_in_a_script_and_truthful_in_json(mail: Mail) -> None:
    assert mail("send", "-s", "Grüße", "bob@valley.example", stdin="Wie geht’s?\n".encode()) == (0, "", "")
    (row,) = data(mail("send", "-s", "x", "bob@valley.example", "--json", stdin=b"hi\n"))
    assert (row["email"], row["outcome"], row["account"]) == ("bob@valley.example", "sent", "alice")
    assert mail("fetch", "bob", "-q").code == 0
    assert "Wie geht’s?" in mail("read", one(mail, "account:bob", "subject:Grüße")).out


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["nobody@valley.example"], 67),
        (["bob"], 65),
        (["bob@valley.example", "-s", "a\nb"], 65),
        (["bob@valley.example", "-a", "/nonexistent"], 66),
        (["bob@valley.example", "-F", "/nonexistent"], 66),
        (["bob@valley.example", "-H", "no colon"], 2),
        (["bob@valley.example", "--partial", "perhaps"], 2),
        ([], 2),
    ],
)
def test_what_send_refuses(mail: Mail, argv: list[str], code: int) -> None:
    done = mail("send", *argv, stdin=b"hi\n")
    assert done.code == code
    assert done.err.startswith("mailcli: ") and done.err.count("\n") == 1


def test_send_partly(mail: Mail) -> None:
    to = ("bob@valley.example", "nobody@valley.example")
    refused = mail("send", *to, "-s", "both", "--json", stdin=b"hi\n")
    assert refused.code == 67
    assert {row["outcome"] for row in data(refused)} == {"rejected", "deferred"} or "sent" not in {
        row["outcome"] for row in data(refused)
    }
    partly = mail("send", *to, "-s", "one", "--partial", "deliver", "--json", stdin=b"hi\n")
    assert partly.code == 1
    assert [row["outcome"] for row in data(partly)] == ["sent", "rejected"]


def test_an_empty_text_is_not_sent_with_e(mail: Mail) -> None:
    for argv in (["-s", "x"], ["-t"], ["--raw"]):
        assert mail("send", "-E", *argv, "bob@valley.example", stdin=b" \n") == (0, "", "")


def test_a_dry_run_prints_the_exact_bytes_and_sends_nothing(mail: Mail) -> None:
    done = mail("send", "-n", "-s", "dry", "bob@valley.example", "-b", "eve@valley.example", stdin=b"hi\n")
    assert done.code == 0
    assert "Subject: dry\r\n" in done.out and "eve" not in done.out
    assert "<eve@valley.example>" in done.err
    (row,) = data(mail("send", "-n", "bob@valley.example", "--json", stdin=b"hi\n"))
    assert row["recipients"] == ["bob@valley.example"]


def test_a_raw_message_goes_out_as_it_is(mail: Mail) -> None:
    source = b"From: alice@valley.example\nTo: bob@valley.example\nSubject: raw\nX-Odd:  a\n\nbody\n"
    for argv in (["--raw"], ["-t"]):
        done = mail("send", *argv, "-n", stdin=source)
        assert done.code == 0
        assert source.replace(b"\n", b"\r\n").split(b"\r\n\r\n")[1].decode() in done.out
        assert "X-Odd:  a\r\n" in done.out
    assert mail("send", "--raw", "-s", "x", stdin=source).code == 2
    assert mail("send", "--raw", stdin=b"Subject: x\n\nhi\n").code == 2


def test_a_reply_is_threaded_and_marks_the_original(mail: Mail) -> None:
    mail("send", "-A", "bob", "-s", "Question", "alice@valley.example", stdin=b"Well?\n")
    mail("fetch", "alice", "-q")
    original = one(mail, "account:alice", "subject:Question", "in:INBOX")
    done = mail("reply", original, "--quote", "-n", "--json", stdin=b"Yes.\n")
    (row,) = data(done)
    assert "Subject: Re: Question" in row["message"] and "> Well?" in row["message"]
    assert mail("reply", original, stdin=b"Yes.\n").code == 0
    (row,) = data(mail("read", original, "--json"))
    assert "answered" in row["flags"]


def test_forward_takes_the_message_along(mail: Mail) -> None:
    original = mail("list", "--ids").out.split()[-1]
    done = mail("forward", original, "bob@valley.example", "-n", stdin=b"Look.\n")
    assert done.code == 0 and "Subject: Fwd: " in done.out and "Look." in done.out


def test_on_a_terminal_the_editor_is_opened_and_nothing_written_is_nothing_sent(
    mail: Mail, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    command = ["send", "bob@valley.example", "-s", "From the editor"]
    for script, answer, code in (
        ("#!/bin/sh\nexit 0\n", b"", 130),
        ('#!/bin/sh\nprintf "written\\n" >> "$1"\n', b"q\n", 130),
        ('#!/bin/sh\nprintf "written\\n" >> "$1"\n', b"s\n", 0),
        ('#!/bin/sh\nprintf "To: nonsense\\n\\nx\\n" > "$1"\n', b"n\n", 130),
    ):
        editor.write_text(script)
        editor.chmod(0o755)
        environ = {"MAILCLI_PROFILE": str(home), "HOME": str(home), "EDITOR": str(editor), "NO_COLOR": "1"}
        made = streams(answer, terminals=(True, True, True), environ=environ)
        assert run.main(command, made) == code, printed(made)
        kept = list(tmp_path.glob("mailcli-*.eml"))
        assert bool(kept) is (answer in (b"q\n", b"n\n")), "what was written is kept unless it was sent"
        if kept:
            assert str(kept[0]) in printed(made)[1]
        for path in kept:
            path.unlink()


# -- the rest --------------------------------------------------------------------------------------


def test_accounts_are_shown_without_secrets(mail: Mail) -> None:
    assert [line.split("\t")[:3] for line in mail("account", "list").out.splitlines()] == [
        ["alice", "alice@valley.example", "yes"],
        ["bob", "bob@valley.example", "no"],
    ]
    assert "wonderland" not in mail("account", "show", "--json").out
    assert data(mail("account", "show", "bob", "--json"))[0]["incoming"]["protocol"] == "pop3"
    assert mail("account", "show", "carol").code == 66
    assert {row["state"] for row in data(mail("account", "check", "--json"))} <= {"ok", "warning"}


def test_folders_index_and_doctor_answer_in_json_too(mail: Mail) -> None:
    assert {"INBOX", "Trash"} <= {
        row["name"] for row in data(mail("folder", "list", "-A", "alice", "--json"))
    }
    assert data(mail("index", "status", "--json"))[0]["complete"] is True
    assert data(mail("index", "check", "--json")) == []
    checks = mail("doctor", "--json")
    assert checks.code == 0
    assert {"name", "state", "text", "remedy", "code"} == set(data(checks)[0])


def test_the_configuration_is_read_and_changed(mail: Mail, home: Path) -> None:
    assert mail("config", "path").out == f"{home / 'config.toml'}\n"
    assert mail("config", "get", "default_account").out == "alice\n"
    assert mail("config", "set", "accounts.alice.full_name", "Alice B. Ng").code == 0
    assert mail("config", "get", "accounts.alice.full_name").out == "Alice B. Ng\n"
    assert mail("config", "set", "accounts.alice.colour", "red").code in (2, 78)
    assert mail("account", "default", "bob").code == 0
    assert mail("account", "default", "alice").code == 0


def test_the_published_schema_is_a_contract() -> None:
    """A change of this file is a change of what scripts rely on: it may only grow."""
    golden = json.loads((GOLDEN / "schema.json").read_text())
    assert golden == SCHEMA


def test_config_schema_prints_both_schemas(mail: Mail) -> None:
    printed_ = json.loads(mail("config", "schema").out)
    assert printed_ == json.loads(json.dumps(published()))
    assert list(printed_) == ["output", "config"]


def test_every_command_with_results_is_in_the_schema() -> None:
    named = {" ".join(path) for path, command in leaves() if command.view is not None}
    assert named <= set(SCHEMA["x-commands"])


def test_files_are_imported_and_exported_unchanged(mail: Mail, tmp_path: Path) -> None:
    source = b"From: z@example.org\nSubject: imported\nDate: Mon, 2 Nov 2015 10:00:00 +0100\n\nFrom me\n"
    (tmp_path / "one.eml").write_bytes(source)
    done = mail("import", str(tmp_path / "one.eml"), "--to", "Old")
    assert (done.code, done.out) == (0, "1 message imported into alice:Old\n")
    ident = one(mail, "in:Old")
    assert mail("read", ident, "--raw").out.encode() == source
    out = tmp_path / "out.mbox"
    assert mail("export", "in:Old", "-o", str(out)).out == f"1 message written to {out}\n"
    assert b"Subject: imported\n" in out.read_bytes()
    assert mail("export", "in:Old", "-is:flagged", "-o", str(out)).code == 73, "never overwritten"
    assert data(mail("import", str(out), "--to", "Old", "--json"))[0]["messages"] == 1
    assert mail("import", str(tmp_path / "none")).code == 66
    (tmp_path / "text.eml").mkdir()
    assert mail("export", "in:Old").code == 2


# -- with other programs ---------------------------------------------------------------------------


@pytest.fixture
def shell(mail: Mail, home: Path, tmp_path: Path) -> Callable[..., Called]:
    """Run a line of shell in which `mailcli` is the real program, in the same profile."""
    program = tmp_path / "bin" / "mailcli"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mailcli "$@"\n')
    program.chmod(0o755)

    def calling(line: str) -> Called:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            capture_output=True,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
            env={
                **os.environ,
                "PATH": f"{program.parent}:{os.environ['PATH']}",
                "MAILCLI_PROFILE": str(home),
                "OUT": str(tmp_path),
            },
        )
        return Called(done.returncode, done.stdout, done.stderr)

    return calling


def test_one_liners(shell: Callable[..., Called], mail: Mail) -> None:
    first = mail("search", "in:any", "--ids", "-n", "1").out
    assert shell("mailcli search in:any | head -n 1 | cut -f 1") == (0, first, "")
    assert shell("df -h | mailcli send -s 'disk full' bob@valley.example") == (0, "", "")
    assert shell("true 2>&1 | mailcli send -E -s 'job output' bob@valley.example") == (0, "", "")
    assert (
        shell("mailcli fetch -q && mailcli search -e 'subject:disk account:bob' -q && echo yes").out
        == "yes\n"
    )
    assert shell("mailcli search nosuchword | mailcli archive -") == (0, "", "")
    assert shell("mailcli search nosuchword --ids -0 | mailcli delete --purge -0 -") == (0, "", "")
    saved = shell("mailcli search filename:invoice --ids | xargs -I{} mailcli attach save {} '*.pdf' -o $OUT")
    assert saved.code == 0 and Path(saved.out.strip()).read_bytes().startswith(b"%PDF")
    line = r"mailcli search in:INBOX --format '{size}\t{id}\t{subject}' | sort -rn | cut -f 1"
    sizes = shell(line).out.split()
    assert sizes == sorted(sizes, key=int, reverse=True) != []


def test_attachments_are_opened_with_the_program_named(shell: Callable[..., Called], tmp_path: Path) -> None:
    opener = tmp_path / "open"
    opener.write_text('#!/bin/sh\necho "$1" >> "$OUT/opened"\n')
    opener.chmod(0o755)
    assert shell(
        "export MAILCLI_OPENER=$OUT/open TMPDIR=$OUT; "
        "mailcli attach open $(mailcli search filename:invoice --ids)"
    ) == (0, "", "")
    opened = Path((tmp_path / "opened").read_text().strip())
    assert opened.suffix == ".pdf" and opened.parent.stat().st_mode & 0o077 == 0


def test_a_run_is_written_to_the_log_file(mail: Mail, tmp_path: Path) -> None:
    log = tmp_path / "log"
    mail("list", "--log-file", str(log), "-q")
    mail("list", "Nowhere", "--log-file", str(log))
    first, second = log.read_text().splitlines()
    assert first.endswith("exit 0: list done") and "exit 66" in second and "Nowhere" in second


def test_reading_on_a_terminal_goes_through_the_pager(mail: Mail, home: Path, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text('#!/bin/sh\ncat > "$0.seen"\n')
    pager.chmod(0o755)
    ident = mail("list", "--ids", "-n", "1").out.strip()
    environ = {"MAILCLI_PROFILE": str(home), "HOME": str(home), "PAGER": str(pager), "TERM": "xterm"}
    made = streams(terminals=(True, True, True), environ=environ)
    assert run.main(["read", ident], made) == 0
    assert printed(made) == ("", "")
    assert "\x1b[36mFrom:\x1b[0m" in (tmp_path / "pager.seen").read_text()
    pager.write_text("#!/bin/sh\nexit 0\n")
    many = mail("search", "in:any", "--ids").out.split() * 20
    assert run.main(["read", *many], streams(terminals=(True, True, True), environ=environ)) == 0


def test_a_configuration_that_was_broken_in_the_editor_can_be_edited_again(
    home: Path, mail: Mail, tmp_path: Path
) -> None:
    sound = (home / "config.toml").read_text()
    editor = tmp_path / "editor"
    editor.write_text(
        f'#!/bin/sh\nif [ -e "{tmp_path}/twice" ]; then cp "{tmp_path}/sound" "$1"; '
        f'else touch "{tmp_path}/twice"; echo "nonsense" >> "$1"; fi\n'
    )
    editor.chmod(0o755)
    (tmp_path / "sound").write_text(sound)
    environ = {"MAILCLI_PROFILE": str(home), "HOME": str(home), "EDITOR": str(editor)}
    made = streams(b"y\n", terminals=(True, True, True), environ=environ)
    assert run.main(["config", "edit"], made) == 0
    assert "Edit again?" in printed(made)[1]
    assert (home / "config.toml").read_text() == sound
    assert mail("config", "edit").code == 2
