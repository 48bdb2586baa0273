"""Reading and changing for real: against the embedded mail world, in this process."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mailcli.cli.completion import leaves
from mailcli.cli.schema import published
from tests.cli.schemas import SCHEMA, Mail, data, one

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


def test_attach_save_takes_the_numbers_that_attach_list_and_read_show(mail: Mail, tmp_path: Path) -> None:
    ident = one(mail, "filename:invoice")
    listed = [line.split("\t") for line in mail("attach", "list", ident).out.splitlines()]
    assert [row[0] for row in listed] == [str(n + 1) for n in range(len(listed))]
    for number, _type, octets, name in listed:
        assert f"Attachment: {number} {name} " in mail("read", ident).out
        (path,) = mail("attach", "save", ident, number, "-o", str(tmp_path)).out.splitlines()
        assert Path(path).stat().st_size == int(octets)


# -- changing --------------------------------------------------------------------------------------


def test_a_change_can_be_undone_by_the_line_it_prints(mail: Mail) -> None:
    ident = mail("list", "--ids").out.split()[-1]
    done = mail("archive", ident)
    match = re.fullmatch(r"1 message moved to Archive \(undo: mailcli (undo \w{4})\)\n", done.out)
    assert match and done.err == ""
    assert ident in mail("list", "Archive", "--ids").out
    assert mail(*match[1].split()).out == "undone: archive 1 message to Archive (redo: mailcli redo)\n"
    assert ident in mail("list", "--ids").out
    again = mail(*match[1].split())
    assert (again.code, again.out) == (0, "")
    assert "was undone before" in again.err


def test_undo_and_redo_walk_through_the_log(mail: Mail) -> None:
    ident = mail("list", "--ids").out.split()[-1]
    mail("flag", ident, "+one")
    (changed,) = data(mail("flag", ident, "+two", "--json"))
    assert changed["undo"] == f"mailcli undo {changed['token']}"
    assert mail("undo", "-q") == (0, "", "")
    (row,) = data(mail("undo", "--json"))
    assert (row["summary"], row["ids"], row["undone"]) == ("undone: flag 1 message +one", [ident], True)
    assert mail("redo", "--ids").out == f"{ident}\n"
    log = data(mail("log", "-n", "2", "--json"))
    assert [(e["summary"], e["state"]) for e in log] == [
        ("flag 1 message +two", "undone"),
        ("flag 1 message +one", "done"),
    ]
    line = mail("log", "-n", "1").out
    assert re.fullmatch(
        r"\w{4}\t[-0-9]+T[:0-9]+[+-]\d\d:\d\d\tundone\tflag 1 message \+two\t1\talice\t0\t\n", line
    )
    assert mail("undo", "-A", "bob").err == "mailcli: nothing to undo\n"
    mail("undo")


def test_a_change_that_cannot_be_found_is_66_and_nothing_to_do_is_0(mail: Mail) -> None:
    assert mail("undo", "zzzz").code == 66
    assert mail("undo", "-A", "bob") == (0, "", "mailcli: nothing to undo\n")
    assert mail("redo", "-A", "bob") == (0, "", "mailcli: nothing to do again\n")
    assert data(mail("undo", "-A", "bob", "--json")) == []


def test_what_was_changed_since_is_left_and_said(mail: Mail) -> None:
    one, two = mail("list", "--ids").out.split()[-2:]
    (done,) = data(mail("flag", one, two, "+three", "--json"))
    mail("flag", one, "-three")
    undone = mail("undo", done["token"])
    assert undone.err == "mailcli: 1 of 2 had been changed since and was left\n"
    mail("undo")
    (done,) = data(mail("flag", one, "+four", "--json"))
    mail("flag", one, "-four")
    left = mail("undo", done["token"])
    assert (left.code, left.out) == (0, "nothing undone: flag 1 message +four\n")
    mail("undo")
    mail("flag", one, "-four", "-three")


def test_purged_mail_is_listed_with_its_time_and_comes_back(mail: Mail) -> None:
    ident = mail("list", "--ids").out.split()[-1]
    body = mail("read", ident, "--raw").out
    assert mail("delete", "--purge", ident).code == 0
    (entry,) = data(mail("log", "-n", "1", "--json"))
    assert entry["kept"] == 1 and entry["until"] > entry["date"]
    assert "undo may bring it back" in mail("read", ident).err
    assert mail("undo", entry["token"]).code == 0
    assert mail("read", ident, "--raw").out == body
    assert data(mail("log", "-n", "1", "--json"))[0]["kept"] == 0


def test_reading_is_no_change_of_its_own(mail: Mail) -> None:
    ident = mail("list", "--ids").out.split()[-1]
    mail("flag", ident, "-seen")
    before = mail("log").out
    assert mail("read", ident, "--mark-seen").code == 0
    assert ident in mail("list", "--ids").out
    assert ident not in mail("list", "--unread", "--ids").out
    assert mail("log").out == before


def test_folders_say_how_they_are_undone(mail: Mail) -> None:
    done = mail("folder", "create", "Short/Lived")
    match = re.fullmatch(r"folder Short/Lived created \(undo: mailcli (undo \w{4})\)\n", done.out)
    assert (done.code, done.err) == (0, "") and match
    assert mail(*match[1].split()).code == 0
    assert "Short/Lived" not in mail("folder", "list").out
    (made,) = data(mail("folder", "create", "Short/Lived", "--json"))
    assert made["summary"] == "folder Short/Lived created" and made["pushed"] is True
    assert mail("folder", "delete", "Short/Lived", "-q") == (0, "", "")


def test_what_a_server_refuses_of_a_folder_names_the_account(mail: Mail) -> None:
    done = mail("folder", "create", "INBOX")
    assert (done.code, done.out) == (69, "")
    assert done.err.startswith("mailcli: alice: 127.0.0.1:"), done.err
    assert done.err.endswith(" (`mailcli fetch` shows its folders as they are there)\n")


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
    golden = json.loads((Path(__file__).parent / "golden" / "schema.json").read_text())
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
    assert done.code == 0
    assert re.fullmatch(r"1 message imported into alice:Old \(undo: mailcli undo \w{4}\)\n", done.out)
    ident = one(mail, "in:Old")
    assert mail("read", ident, "--raw").out.encode() == source
    out = tmp_path / "out.mbox"
    assert mail("export", "in:Old", "-o", str(out)).out == f"1 message written to {out}\n"
    assert b"Subject: imported\n" in out.read_bytes()
    assert mail("export", "in:Old", "-is:flagged", "-o", str(out)).code == 73, "never overwritten"
    assert mail("export", "in:Old", "-o", "-").out.encode() == out.read_bytes()
    assert mail("export", "in:Old", "-o", "-", "--as", "eml").code == 2
    assert data(mail("import", str(out), "--to", "Old", "--json"))[0]["messages"] == 1
    assert mail("import", str(tmp_path / "none")).code == 66
    (tmp_path / "text.eml").mkdir()
    assert mail("export", "in:Old").code == 2
