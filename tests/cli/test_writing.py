"""`send`, `reply` and `forward` for real: against the embedded mail world, in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.cli import run
from tests.cli.calling import printed, streams
from tests.cli.schemas import Mail, data, one


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
        (["bob@valley.example", "-a", "/proc/nonexistent"], 66),
        (["bob@valley.example", "-F", "/proc/nonexistent"], 66),
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
    mail: Mail, home: Path, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    command = ["send", "bob@valley.example", "-s", "From the editor"]
    writing = '#!/bin/sh\nprintf "written\\n" >> "$1"\n'
    for script, answer, words, code in (
        ("#!/bin/sh\nexit 0\n", b"", command, 130),
        (writing, b"q\n", command, 130),
        (writing, b"s\n", command, 0),
        (writing, b"s\n", [*command, "--offline"], 75),
        ('#!/bin/sh\nprintf "To: nonsense\\n\\nx\\n" > "$1"\n', b"n\n", command, 130),
    ):
        editor.write_text(script)
        editor.chmod(0o755)
        environ = {"MAILCLI_PROFILE": str(home), "HOME": str(home), "EDITOR": str(editor), "NO_COLOR": "1"}
        made = streams(answer, terminals=(True, True, True), environ=environ)
        assert run.main(words, made) == code, printed(made)
        kept = list((home / "state" / "drafts").glob("*.eml"))
        assert bool(kept) is bool(code and answer), "what was written is kept unless it was sent"
        if kept:
            assert str(kept[0]) in printed(made)[1]
        for path in kept:
            path.unlink()
