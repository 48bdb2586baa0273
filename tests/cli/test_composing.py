"""What is written and how: answers, drafts, bounces, signatures, pictures, reminders; in the mail world."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.policy import default as modern
from pathlib import Path

import pytest

from mailcli.cli import run
from tests.cli.calling import Called, printed, streams
from tests.cli.schemas import Mail, data, one

BOB = "bob@valley.example"
ALICE = "alice@valley.example"


@pytest.fixture
def config(home: Path) -> Iterator[Callable[..., None]]:
    """Change the configuration for one test: root keys first, then those of the account alice."""
    path = home / "config.toml"
    before = path.read_text()

    def change(root: str = "", alice: str = "") -> None:
        text = before.replace("[accounts.alice]\n", f"[accounts.alice]\n{alice}\n", 1)
        path.write_text(f"{root}\n{text}")

    yield change
    path.write_text(before)


@pytest.fixture
def arrive(mail: Mail, tmp_path: Path) -> Callable[[str], str]:
    """Put a message into alice's inbox; its id."""

    def arriving(text: str) -> str:
        path = tmp_path / "arriving.eml"
        path.write_bytes(text.encode())
        mail("import", str(path), "--to", "INBOX", "-A", "alice")
        return mail("list", "-A", "alice", "--ids", "-n", "1", "--sort", "date").out.split()[0]

    return arriving


def original(**fields: str) -> str:
    found = {"From": f"Bob <{BOB}>", "To": ALICE, "Subject": "Plan", "Message-ID": "<p@valley.example>"}
    found |= {name.replace("_", "-"): value for name, value in fields.items()}
    found["Date"] = "Sun, 28 Nov 2027 10:00:00 +0000"
    return "".join(f"{name}: {value}\n" for name, value in found.items()) + "\nWell?\n"


def dry(mail: Mail, *argv: str, text: str = "Yes.\n") -> dict[str, object]:
    (row,) = data(mail(*argv, "-n", "--json", stdin=text.encode()))
    return dict(row)


def typed_at(home: Path, *argv: str, answers: bytes = b"", editor: Path | None = None) -> Called:
    environ = {"MAILCLI_PROFILE": str(home), "HOME": str(home), "NO_COLOR": "1", "EDITOR": str(editor)}
    made = streams(answers, terminals=(True, True, True), environ=environ)
    return Called(run.main(argv, made), *printed(made))


def script(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "editor"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


# -- answers ---------------------------------------------------------------------------------------


def test_an_answer_comes_from_the_address_the_original_was_sent_to(
    mail: Mail, arrive: Callable[[str], str], config: Callable[..., None]
) -> None:
    config(alice='aliases = ["*@alice.example"]')
    id = arrive(original(To=f"shop@alice.example, {ALICE}, carol@valley.example"))
    row = dry(mail, "reply", id, "--all")
    assert row["sender"] == "shop@alice.example"
    assert row["recipients"] == [BOB, "carol@valley.example"], "none of one's own, patterns among them"
    assert dry(mail, "reply", id, "-r", ALICE)["sender"] == ALICE


def test_what_the_list_put_into_reply_to_is_not_where_a_private_answer_goes(
    mail: Mail, arrive: Callable[[str], str]
) -> None:
    id = arrive(original(Reply_To="l@lists.example", List_Post="<mailto:l@lists.example>"))
    assert dry(mail, "reply", id)["recipients"] == [BOB]
    assert dry(mail, "reply", id, "--list")["recipients"] == ["l@lists.example"]
    assert mail("reply", id, "--list", "--all", stdin=b"x").code == 2
    asked = arrive(original(Reply_To="office@b.example", List_Post="<mailto:l@lists.example>"))
    assert dry(mail, "reply", asked)["recipients"] == ["office@b.example"], "the author's own wish stands"


def test_an_empty_answer_is_refused_and_with_e_it_is_nothing_to_do(
    mail: Mail, arrive: Callable[[str], str]
) -> None:
    id = arrive(original())
    done = mail("reply", id, "-F", "-", stdin=b" \n")
    assert done.code == 65 and "empty" in done.err and "-E" in done.err
    assert mail("reply", id, "-E", stdin=b"").code == 0
    assert "answered" not in data(mail("read", id, "--json"))[0]["flags"]


def test_a_forward_goes_inline_or_whole_whatever_the_type_of_an_attachment(
    mail: Mail, arrive: Callable[[str], str]
) -> None:
    head = original().replace("\n\nWell?\n", "\n")
    odd = (
        head + "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nWell?\n"
        "--b\nContent-Type: in valid/ty/pe; name=a.bin\nContent-Disposition: attachment\n\nx\n--b--\n"
    )
    id = arrive(odd)
    inline = message_from_bytes(str(dry(mail, "forward", id, BOB)["message"]).encode(), policy=modern)
    assert [p.get_content_type() for p in inline.walk()] == [
        "multipart/mixed",
        "text/plain",
        "application/octet-stream",
    ]
    whole = str(dry(mail, "forward", id, BOB, "--as-attachment")["message"])
    assert "Content-Type: message/rfc822" in whole and odd.replace("\n", "\r\n") in whole


def test_a_bounce_keeps_every_byte_and_says_who_sent_it_on(mail: Mail, arrive: Callable[[str], str]) -> None:
    source = "Return-Path: <x@y.example>\nBcc: hidden@z.example\n" + original().replace("Well", "Wéll\t ")
    id = arrive(source)
    row = dry(mail, "bounce", id, "carol@valley.example", "-c", "dan@valley.example")
    assert (row["sender"], row["recipients"]) == (ALICE, ["carol@valley.example", "dan@valley.example"])
    block, message = re.split(r"(?=From: Bob)", str(row["message"]), maxsplit=1)
    assert message == source.split("hidden@z.example\n")[1].replace("\n", "\r\n")
    names = re.findall(r"^(\S+):", block, re.MULTILINE)
    assert names == ["Resent-Date", "Resent-From", "Resent-To", "Resent-Cc", "Resent-Message-ID"]
    assert mail("bounce", id, BOB).code == 0
    mail("fetch", "bob", "-q")
    shown = mail("read", "--raw", one(mail, "account:bob", "subject:Plan")).out
    assert "Resent-To: bob@valley.example" in shown and "hidden" not in shown


@pytest.mark.parametrize("bad", ["x@y.example\nBcc: z@y.example", "x@y.example\rZ", "x\0@y.example"])
def test_no_argument_of_a_bounce_brings_a_line_break_in(
    mail: Mail, arrive: Callable[[str], str], bad: str
) -> None:
    id = arrive(original())
    for argv in ([bad], [BOB, "-c", bad], [BOB, "-r", bad]):
        assert mail("bounce", id, *argv, "-n").code == 65


# -- text ------------------------------------------------------------------------------------------


def test_the_signature_stands_below_or_above_the_quotation(
    mail: Mail, arrive: Callable[[str], str], config: Callable[..., None], home: Path
) -> None:
    config(alice='signature = "Alice\\nValley"')
    assert str(dry(mail, "send", BOB)["message"]).endswith("\r\nYes.\r\n\r\n-- \r\nAlice\r\nValley\r\n")
    assert "-- " not in str(dry(mail, "send", BOB, "--no-signature")["message"])
    assert "-- " not in str(dry(mail, "send", BOB, text="")["message"]), "a text of nothing stays so"
    id = arrive(original())
    quoted = str(dry(mail, "reply", id, "--quote")["message"])
    assert quoted.index("> Well?") < quoted.index("-- \r\nAlice")
    (home / "sig").write_text("-- \nfrom a file\n")
    config(alice='signature_file = "sig"\nsignature_place = "above"')
    quoted = str(dry(mail, "reply", id, "--quote")["message"])
    assert quoted.index("-- \r\nfrom a file") < quoted.index("> Well?")
    config(alice='signature_file = "gone"')
    done = mail("send", BOB, stdin=b"x")
    assert done.code == 66 and "gone" in done.err
    raw = mail("send", "--raw", BOB, "-n", stdin=b"Subject: x\n\nhi\n")
    assert raw.code == 0, "what is sent as it is has no signature"


def test_flowed_text_and_the_account_by_its_recipient(mail: Mail, config: Callable[..., None]) -> None:
    config(alice='flowed = true\nsend_to = ["*@corp.example"]')
    message = str(dry(mail, "send", "x@corp.example", text="word " * 40 + "\n")["message"])
    assert "format=flowed" in message and max(map(len, message.split("\r\n"))) <= 78
    mail("account", "default", "bob")
    config('default_account = "bob"'.replace("default_account", "# default_account"))
    config(alice='send_to = ["*@corp.example"]')
    for argv, account in (
        (["x@CORP.example"], "alice"),
        (["-r", BOB, "x@corp.example"], "bob"),
        (["-A", "bob", "x@corp.example"], "bob"),
        (["y@else.example"], "alice"),
    ):
        assert dry(mail, "send", *argv)["account"] == account


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("The report is attached.\n", True),
        ("Anbei die Rechnung.\n", True),
        ("Veuillez trouver ci-joint le devis.\n", True),
        ("Adjunto el informe.\n", True),
        ("In allegato la fattura.\n", True),
        ("資料を添付します。\n", True),
        ("Nothing here.\n", False),
        ("Sent without attachment.\n", False),
        ("Fine.\n\nOn Monday, Bob attached wrote:\n> I attached it.\n", False),
        ("Fine.\n\n-- \nAttachment-free since 1990\n", False),
    ],
)
def test_a_forgotten_attachment_is_a_warning_in_a_script(
    mail: Mail, config: Callable[..., None], tmp_path: Path, text: str, warned: bool
) -> None:
    done = mail("send", "-n", BOB, stdin=text.encode())
    assert done.code == 0 and ("nothing is attached" in done.err) is warned
    (tmp_path / "a.txt").write_text("x")
    attached = mail("send", "-n", BOB, "-a", str(tmp_path / "a.txt"), stdin=text.encode())
    assert "nothing is attached" not in attached.err
    config("attachment_reminder = false")
    assert "nothing is attached" not in mail("send", "-n", BOB, stdin=text.encode()).err


def test_on_a_terminal_a_forgotten_attachment_is_a_question(home: Path, tmp_path: Path, mail: Mail) -> None:
    (tmp_path / "t").write_text("see the attachment\n")
    argv = ("send", BOB, "-s", "Forgot", "-F", str(tmp_path / "t"))
    done = typed_at(home, *argv, answers=b"n\n")
    assert done.code == 130 and "nothing is attached" in done.err
    assert typed_at(home, *argv, answers=b"y\n").code == 0


def test_a_dry_run_names_what_the_server_must_offer(mail: Mail) -> None:
    assert dry(mail, "send", BOB)["extensions"] == []
    assert dry(mail, "send", BOB, text="hällo\n")["extensions"] == ["8BITMIME"]
    row = dry(mail, "send", "jürgen@bücher.example", "-c", "x@bücher.example")
    assert row["extensions"] == ["8BITMIME", "SMTPUTF8"]
    assert row["recipients"] == ["jürgen@xn--bcher-kva.example", "x@xn--bcher-kva.example"]
    assert "To: jürgen@xn--bcher-kva.example\r\n" in str(row["message"])
    assert "needs 8BITMIME" in mail("send", "-n", BOB, stdin="hällo".encode()).err


def test_images_that_the_html_names_travel_inside_the_message(mail: Mail, tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    page = tmp_path / "page.html"
    page.write_text(
        '<p>Hi <img alt="c" src="a%20b.png"> <img src=\'a%20b.png\'> <img src="https://x.example/y.png"></p>'
    )
    row = dry(mail, "send", BOB, "--html", str(page), text="")
    made = message_from_bytes(str(row["message"]).encode(), policy=modern)
    kinds = ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    assert [p.get_content_type() for p in made.walk()] == kinds
    picture = list(made.walk())[-1]
    cid = str(picture["Content-ID"]).strip("<>")
    shown = list(made.walk())[3].get_content()
    assert shown.count(f'src="cid:{cid}"') == 2 and 'src="https://x.example/y.png"' in shown
    assert "Hi" in list(made.walk())[1].get_content()
    page.write_text('<img src="gone.png">')
    assert mail("send", BOB, "--html", str(page), stdin=b"").code == 66
    page.write_text('<img src="page.html">')
    assert mail("send", BOB, "--html", str(page), stdin=b"").code == 65


# -- drafts ----------------------------------------------------------------------------------------


def test_a_draft_is_kept_listed_and_sent(mail: Mail, arrive: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "ä.bin").write_bytes(b"\0\xff")
    argv = ("-a", str(tmp_path / "ä.bin"), "-b", "dan@valley.example", "-H", "X-One: 1", "--draft")
    done = mail("send", "-s", "Grüße", BOB, *argv, stdin=b"Text  \n\n> x\n")
    assert done.code == 0, done.err
    id = done.out.split()[0]
    assert id in mail("draft", "list", "--ids").out.split()
    assert {"draft", "seen"} <= set(data(mail("read", id, "--json"))[0]["flags"])
    row = dry(mail, "draft", "send", id)
    assert row["recipients"] == [BOB, "dan@valley.example"]
    made = message_from_bytes(str(row["message"]).encode(), policy=modern)
    assert (made["Subject"], made["X-One"], made["Bcc"]) == ("Grüße", "1", None)
    assert "filename*=utf-8''%C3%A4.bin" in str(row["message"])
    assert [p.get_content() for p in made.iter_attachments()] == [b"\0\xff"]
    body = made.get_body()
    assert body is not None and body.get_content().replace("\r\n", "\n").startswith("Text  \n\n> x")
    assert mail("draft", "delete", id).code == 0
    assert id not in mail("draft", "list", "--ids").out
    inbox = arrive(original(Message_ID="<q@valley.example>"))
    answer = mail("reply", inbox, "--draft", stdin=b"Later.\n").out.split()[0]
    assert "answered" not in data(mail("read", inbox, "--json"))[0]["flags"]
    assert mail("draft", "send", answer).code == 0
    assert "answered" in data(mail("read", inbox, "--json"))[0]["flags"]
    assert answer not in mail("draft", "list", "--ids").out
    assert mail("send", BOB, "--draft", "-n", stdin=b"x").code == 2
    assert mail("draft", "send", inbox).code == 2, "a message that is no draft is not sent"


def test_what_the_editor_writes_is_kept_as_a_draft_and_edited_again(
    home: Path, mail: Mail, tmp_path: Path
) -> None:
    first = script(tmp_path, 'printf "one\\n" >> "$1"')
    done = typed_at(home, "send", BOB, "-s", "Postponed", answers=b"d\n", editor=first)
    assert done.code == 0 and "kept in Drafts" in done.err
    (id,) = mail("search", "subject:Postponed", "in:any", "--ids").out.split()
    second = script(tmp_path, 'printf "two\\n" >> "$1"')
    done = typed_at(home, "draft", "edit", id, answers=b"d\n", editor=second)
    assert done.code == 0
    ids = [i for i in mail("draft", "list", "--ids").out.split() if i != id]
    newer = next(i for i in ids if "two" in mail("read", i).out)
    assert "one\ntwo" in mail("read", newer).out
    assert mail("draft", "edit", newer).code == 2, "off a terminal"
    assert typed_at(home, "draft", "edit", newer, answers=b"s\n", editor=second).code == 0
    assert newer not in mail("draft", "list", "--ids").out


def test_a_crash_of_the_editor_loses_nothing(
    home: Path, mail: Mail, arrive: Callable[[str], str], tmp_path: Path
) -> None:
    id = arrive(original(Message_ID="<c@valley.example>"))
    dying = script(tmp_path, 'printf "written before the crash\\n" >> "$1"; kill -9 $$')
    done = typed_at(home, "reply", id, editor=dying)
    assert done.code == 130 and "kept in" in done.err
    listed = mail("draft", "list", "--ids")
    assert "was not sent is in Drafts now" in listed.err
    kept = next(i for i in listed.out.split() if "before the crash" in mail("read", i).out)
    assert "<c@valley.example>" in mail("read", kept, "--raw").out, "the thread is known still"
    assert not list((home / "state" / "drafts").iterdir())
    mail("draft", "delete", kept)


def test_in_the_editor_aliases_and_mailto_urls_mean_what_they_mean_elsewhere(
    home: Path, mail: Mail, tmp_path: Path, config: Callable[..., None]
) -> None:
    config(alice="")
    with (home / "config.toml").open("a") as file:
        file.write(f'\n[aliases]\nbobby = "{BOB}"\n')
    seen = tmp_path / "seen"
    editor = script(tmp_path, f'cp "$1" {seen}; sed -i "s/^Cc: .*/Cc: bobby/" "$1"; echo more >> "$1"')
    url = f"mailto:{BOB}?subject=a%20b&body=x%0D%0Ay&attach=/etc/passwd&bcc=e@vil.example"
    done = typed_at(home, "send", url, "-n", answers=b"s\n", editor=editor)
    assert done.code == 0, done.err
    assert seen.read_text() == f"To: {BOB}\nCc: \nSubject: a b\n\nx\ny"
    assert f"Cc: {BOB}" in done.out and "passwd" not in done.out and "vil" not in done.err


def test_a_wrong_address_in_the_editor_is_told_and_edited_again(home: Path, tmp_path: Path) -> None:
    twice = script(
        tmp_path,
        f'if [ -e {tmp_path}/been ]; then sed -i "s/^To: .*/To: {BOB}/" "$1"; echo x >> "$1"; '
        f'else touch {tmp_path}/been; sed -i "s/^To: .*/To: nonsense/" "$1"; echo x >> "$1"; fi',
    )
    done = typed_at(home, "send", "-s", "Twice", "-n", answers=b"e\ns\n", editor=twice)
    assert done.code == 0 and "'nonsense' is not an address" in done.err
