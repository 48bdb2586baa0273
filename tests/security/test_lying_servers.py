"""Servers that lie, flood, or repeat what they were told. The program ends, says what was wrong, and
neither loses mail nor prints what could drive a terminal."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mailcli.app import fetching, maildrop
from mailcli.app.context import Context
from mailcli.app.fetching import FetchReport
from mailcli.errors import RemoteProtocolError
from mailcli.model.account import Endpoint, Protocol, Tls
from mailcli.net import pump
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from mailcli.net.smtp import open_smtp
from mailcli.store.along import Along
from mailcli.store.deliver import Delivery
from mailcli.store.store import Store
from mailcli.store.values import Arrival
from mailcli.wire.smtp import commands as smtp
from tests.security.scripted import PASSWORD, Imap, Pop3, Says, Scripted, Smtp, account, harmless, letter
from tests.support.program import Done, Program

UIDS = range(1, 41)
DONE = b"%T OK done\r\n"
OSC = b"\x1b]0;owned\x07\xc2\x9b31m\xe2\x80\xae"
SEND = ("send", "-s", "x", "alice@example.org")


def fetch(tmp_path: Path, server: Scripted, *words: str) -> Done:
    """What a fetch from this server says, harmless at any rate."""
    return harmless(account(tmp_path, **{type(server).__name__.lower(): server.port}).run("fetch", *words))


def fetched_here(tmp_path: Path, **ports: int) -> FetchReport:
    """The report of a fetch in this process, whose limits a test can lower."""
    account(tmp_path, **ports)
    ctx = Context.open(profile=tmp_path, environ={"HOME": str(tmp_path)})
    try:
        (report,) = fetching.fetch(ctx, fetching.FetchRequest())
    finally:
        ctx.close()
    return report


def send(tmp_path: Path, server: Smtp, *words: str) -> Done:
    return harmless(account(tmp_path, smtp=server.port).run(*SEND, *words, text="text\n"))


# -- what nobody foresaw is a failure, never a quiet success ---------------------------------------


def test_an_error_nobody_foresaw_in_a_fetch_is_told_and_not_exit_code_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OverflowError("int too big")

    with Pop3() as server:
        monkeypatch.setattr(maildrop, "download", broken)
        report = fetched_here(tmp_path, pop3=server.port)
    assert report.error is not None
    assert report.error.exit_code == 70
    assert "int too big" in report.error.message


# -- secrets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (
            Imap({"AUTHENTICATE": lambda s, t, a: t + b" NO " + a + b" " + PASSWORD.encode() + b"\r\n"}),
            ("fetch",),
        ),
        (Pop3({"AUTH": lambda s, t, a: b"-ERR " + a + b" " + PASSWORD.encode() + b"\r\n"}), ("fetch",)),
        (Smtp({"AUTH": lambda s, t, a: b"535 " + a + b" " + PASSWORD.encode() + b"\r\n"}), SEND),
    ],
    ids=["imap", "pop3", "smtp"],
)
def test_a_password_that_the_server_repeats_is_hidden(
    tmp_path: Path, server: Scripted, words: tuple[str, ...]
) -> None:
    with server:
        program = account(tmp_path, **{type(server).__name__.lower(): server.port})
        done = harmless(program.run(*words, "-vv", text="x\n"), traced=True)
    assert done.code == 77
    assert base64.b64encode(b"\0bob\0" + PASSWORD.encode()).decode()[12:-4] not in done.err
    assert "[hidden]" in done.err


# -- floods -----------------------------------------------------------------------------------------


def test_untagged_responses_without_an_end_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from mailcli.errors import RemoteProtocolError
    from mailcli.wire.imap import engine as module

    monkeypatch.setattr(module, "_ENDLESS", 1000)
    engine = module.ImapEngine()
    engine.receive(b"* OK here\r\n")
    engine.receive(b"* OK hello\r\n" * 900)
    assert len(engine.receive(b"* OK hello\r\n" * 200)) == 99  # what came before the break is good
    assert engine.closed
    with pytest.raises(RemoteProtocolError, match="1000 responses without an end"):
        engine.receive(b"* OK hello\r\n")


def test_remarks_beyond_a_number_are_dropped_until_a_command_completes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mailcli.wire.imap import commands
    from mailcli.wire.imap import engine as module

    monkeypatch.setattr(module, "_NOISE", 10)
    engine = module.ImapEngine()
    engine.receive(b"* OK here\r\n")
    assert len(engine.receive(b"* OK hello\r\n" * 500 + b"* \x01\r\n" * 500)) == 10
    engine.send(commands.Noop())
    engine.outgoing()
    engine.receive(b"A1 OK done\r\n")
    assert len(engine.receive(b"* OK hello\r\n" * 5)) == 5


def test_responses_between_two_mailboxes_are_held_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    from mailcli.wire.imap import commands
    from mailcli.wire.imap import engine as module

    monkeypatch.setattr(module, "_LIMBO_OCTETS", 10_000)
    engine = module.ImapEngine()
    engine.receive(b"* PREAUTH here\r\n")
    for number, name in enumerate(("a", "b"), 1):
        engine.send(commands.Select(name))
        engine.outgoing()
        if number == 1:
            engine.receive(b"A1 OK open\r\n")
    big = b"* 1 FETCH (UID 1 BODY[] {4000}\r\n" + b"x" * 4000 + b")\r\n"
    assert engine.receive(big * 2) == []
    assert len(engine.receive(big * 2)) >= 3


def test_bodies_far_larger_than_announced_are_stored_before_they_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailcli.sync import intake as module

    data = letter("large", body="y" * 30_000)

    def fetched(server: Scripted, tag: bytes, arguments: bytes) -> bytes | None:
        if b"BODY.PEEK[]" not in arguments:
            return None
        some = (b"* %d FETCH (UID %d FLAGS () BODY[] {%d}\r\n%s)\r\n" % (n, n, len(data), data) for n in UIDS)
        return b"".join(some) + b"%T OK done\r\n"

    monkeypatch.setattr(module, "BATCH_OCTETS", 200_000)
    batches: list[int] = []
    begin = Store.begin_delivery

    def counted(store: Store, arrivals: Sequence[Arrival], along: Along) -> Delivery:
        batches.append(len(arrivals))
        return begin(store, arrivals, along)

    monkeypatch.setattr(Store, "begin_delivery", counted)
    with Imap({"FETCH": fetched}, mail={n: letter(f"m{n}") for n in UIDS}) as server:
        report = fetched_here(tmp_path, imap=server.port)
    assert (report.error, report.new) == (None, 40)
    assert len(batches) > 1
    assert sum(batches) == 40


def test_bodies_nobody_asked_for_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailcli.sync.imap import server as module

    monkeypatch.setattr(module, "UNASKED_OCTETS", 50_000)
    body = b"* 1 FETCH (UID 1 BODY[] {10000}\r\n" + b"x" * 10_000 + b")\r\n"
    with Imap({"SELECT": body * 10 + DONE}) as server:
        report = fetched_here(tmp_path, imap=server.port)
    assert report.error is not None
    assert report.error.exit_code == 76
    assert "far more than it was asked for" in report.error.message


def test_a_pop3_message_without_an_end_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailcli.sync.pop3 import retr as module

    monkeypatch.setattr(module, "LARGEST_OCTETS", 100_000)
    endless = b"+OK\r\nSubject: x\r\n\r\n" + b"x" * 70 + b"\r\n" + b"y" * 70 * 5000
    with Pop3({"RETR": endless}) as server:
        report = fetched_here(tmp_path, pop3=server.port)
    assert report.error is not None
    assert report.error.exit_code == 76
    assert "without an end" in report.error.message


def test_more_folders_than_anybody_has_are_refused_before_any_is_made(tmp_path: Path) -> None:
    listed = b"".join(b'* LIST () "/" f%d\r\n' % n for n in range(10_001))
    with Imap({"LIST": listed + DONE}) as server:
        done = fetch(tmp_path, server)
    assert done.code == 76
    assert "lists 10001 folders" in done.err
    assert not (tmp_path / "data" / "mail" / "test" / "f1").exists()


@pytest.mark.parametrize(
    "says",
    [
        b'* LIST () "/" {4294967295}\r\nx',
        b"* LIST " + b"x" * 3_000_000,
        b"* LIST " + b"(" * 100_000 + b"\r\n" + DONE,
    ],
    ids=["a literal of 4 GB", "a line without an end", "parentheses"],
)
def test_a_response_without_measure_ends_soon(tmp_path: Path, says: bytes) -> None:
    with Imap({"LIST": says}) as server:
        assert fetch(tmp_path, server).code in (0, 76)


# -- words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "code"),
    [
        (Imap({"greeting": b"* OK [ALERT] " + OSC + b"\r\n"}), 0),
        (Imap({"greeting": b"* BYE [ALERT] " + OSC + b"\r\n"}), 75),
        (Imap({"SELECT": b"%T NO [UNAVAILABLE] " + OSC + b"\r\n"}), 75),
        (Imap({"AUTHENTICATE": b"%T NO [ALERT] " + OSC + b"\r\n"}), 77),
        (Pop3({"greeting": b"-ERR [IN-USE] " + OSC + b"\r\n"}), 75),
        (Pop3({"RETR": b"-ERR " + OSC + b"\r\n"}), 75),
    ],
)
def test_a_servers_words_never_drive_the_terminal(tmp_path: Path, server: Scripted, code: int) -> None:
    with server:
        assert fetch(tmp_path, server, "-v").code == code


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ({"greeting": b"554 " + OSC + b"\r\n"}, 69),
        ({"BODY": b"550 5.7.1 " + OSC + b" \x00\r\n"}, 65),
        ({"RCPT": b"550 5.1.1 " + OSC + b"\r\n"}, 67),
        ({"BODY": b"250 queued as " + OSC + b"\r\n"}, 0),
    ],
)
def test_a_submission_servers_words_never_drive_the_terminal(
    tmp_path: Path, says: dict[str, bytes], code: int
) -> None:
    with Smtp(says) as server:
        assert send(tmp_path, server, "-v").code == code


def test_a_good_bye_in_place_of_an_answer_is_told_soon_and_in_the_servers_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump, "_GOODBYE", 0.2)
    with Imap({"FETCH": b"* BYE shutting down\r\n"}) as server:
        report = fetched_here(tmp_path, imap=server.port)
    assert report.error is not None
    assert report.error.exit_code == 75
    assert "closed the connection (shutting down)" in report.error.message


def test_an_answer_out_of_order_is_told_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "_GOODBYE", 0.2)
    with Smtp({"MAIL": b"250 ok\r\n354 go\r\n", "RCPT": b""}) as server:
        endpoint = Endpoint(Protocol.SMTP, "127.0.0.1", server.port, Tls.NONE, user="")
        with (
            open_smtp(endpoint, None, ehlo="here", deadlines=Deadlines(), cancel=CancelToken()) as connection,
            pytest.raises(RemoteProtocolError, match="354 go is no answer to RCPT"),
        ):
            connection.pump.call(smtp.Mail("a@b.example"), smtp.Rcpt("c@d.example"))


# -- numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [b"\xc2\xb2", b"\xd9\xa3", b"9" * 5000, b"-1", b"x"])
def test_a_size_limit_that_is_no_number_limits_nothing(tmp_path: Path, size: bytes) -> None:
    hello = b"250-here\r\n250-SIZE " + size + b"\r\n250 AUTH PLAIN\r\n"
    with Smtp({"EHLO": hello}) as server:
        assert send(tmp_path, server).code == 0
        assert len(server.taken) == 1


@pytest.mark.parametrize(
    ("verb", "table"),
    [
        ("LIST", b"1 9999999999999999999\r\n2 18446744073709551616\r\n3 100\r\n"),
        ("UIDL", b"0 a\r\n1 b\r\n4294967296 c\r\n1 d\r\n"),
    ],
)
def test_a_maildrop_listing_with_impossible_numbers_breaks_nothing(
    tmp_path: Path, verb: str, table: bytes
) -> None:
    with Pop3({verb: b"+OK\r\n" + table + b".\r\n"}) as server:
        done = fetch(tmp_path, server)
    assert done.code in (0, 75), done


def test_uids_beyond_their_range_are_no_messages(tmp_path: Path) -> None:
    lies = b"".join(
        b"* 1 FETCH (UID %s FLAGS () RFC822.SIZE 5)\r\n" % u for u in (b"0", b"4294967296", b"9" * 30)
    )

    def fetched(server: Scripted, tag: bytes, arguments: bytes) -> bytes:
        assert isinstance(server, Imap)
        return lies + server.honest("FETCH", tag, arguments)

    with Imap({"FETCH": fetched}) as server:
        done = fetch(tmp_path, server)
    assert (done.code, done.out) == (0, "test: 3 new, 0 changed, 0 gone\n")


# -- mail stays, whatever the server says -------------------------------------------------------------


def stored(program: Program) -> list[str]:
    """Subjects of all message files here, the recovery area included."""
    found = []
    for path in (program.profile / "data").rglob("*"):
        if path.is_file() and path.parent.name in ("cur", "new", "recovery"):
            found += [line for line in path.read_text().splitlines() if line.startswith("Subject: ")]
    return sorted(line.removeprefix("Subject: ") for line in found)


def opened(facts: bytes) -> Callable[[Scripted, bytes, bytes], bytes]:
    return lambda server, tag, arguments: facts + tag + b" OK open\r\n"


FACTS = b"* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 4] n\r\n"
GONE: dict[str, dict[str, Says]] = {
    "EXISTS 0": {
        "SELECT": opened(b"* 0 EXISTS\r\n" + FACTS),
        "FETCH": DONE,
        "SEARCH": b"* SEARCH\r\n" + DONE,
    },
    "no FETCH": {"FETCH": DONE, "SEARCH": DONE},
    "VANISHED": {"SELECT": opened(b"* 3 EXISTS\r\n" + FACTS + b"* VANISHED 1:4294967295\r\n")},
    "UIDVALIDITY 0": {"SELECT": opened(b"* 3 EXISTS\r\n")},
    "no folders": {"LIST": DONE, "LSUB": DONE},
    "folders denied": {"LIST": DONE, "LSUB": DONE, "STATUS": b"%T NO [NONEXISTENT] gone\r\n"},
}


@pytest.mark.parametrize("lie", GONE)
def test_mail_that_the_server_denies_is_kept_and_comes_back(tmp_path: Path, lie: str) -> None:
    with Imap() as server:
        program = account(tmp_path, imap=server.port)
        program.run("fetch").good()
        server.says = GONE[lie]
        harmless(program.run("fetch"))
        assert stored(program) == ["m1", "m2", "m3"]
        server.says = {}
        harmless(program.run("fetch"))
        assert program.subjects() == ["m1", "m2", "m3"]


@pytest.mark.parametrize("pairs", [b"7 1,2 9,9", b"7 1:4294967295 1:4294967295", b"7 1:2 2:3", b"7 1 0"])
def test_a_lying_copyuid_costs_no_mail(tmp_path: Path, pairs: bytes) -> None:
    with Imap({"COPY": b"%T OK [COPYUID " + pairs + b"] done\r\n"}) as server:
        program = account(tmp_path, imap=server.port)
        program.run("fetch").good()
        program.run("--offline", "folder", "create", "F")
        program.run("--offline", "move", "mid:m1@example.org", "mid:m2@example.org", "--to", "F").good()
        harmless(program.run("fetch"))
        assert set(stored(program)) == {"m1", "m2", "m3"}


def test_bodies_that_were_not_asked_for_replace_nothing(tmp_path: Path) -> None:
    evil = letter("evil")

    def fetched(server: Scripted, tag: bytes, arguments: bytes) -> bytes | None:
        assert isinstance(server, Imap)
        if b"BODY.PEEK[]" not in arguments:
            return None
        lie = b"* 1 FETCH (UID %d FLAGS () BODY[] {%d}\r\n%s)\r\n"
        return (
            lie % (1, len(evil), evil) + lie % (99, len(evil), evil) + server.honest("FETCH", tag, arguments)
        )

    with Imap() as server:
        program = account(tmp_path, imap=server.port)
        program.run("fetch").good()
        server.mail[4] = letter("m4")
        server.says = {"FETCH": fetched}
        harmless(program.run("fetch"))
    assert stored(program) == ["m1", "m2", "m3", "m4"]


NAMES = [
    b"INBOX", b"../../x", b"..", b".", b"/etc/x", b"cur", b"new", b"tmp", b"a/cur", b"n" * 300,
    b"\x1b[31m\x07", b"Case", b"case", b"-rf", b"a//b", b"/", b"", b"x\r\ny", b"\xc2\x9b31m",
    b"\xe2\x80\xaeevil", b"\xff\xfe", b"%2e%2e", b".mailcli", b"INBOX/../..", b"/".join([b"d"] * 200),
    b"mailcli.db",
]  # fmt: skip


def test_folder_names_of_any_kind_stay_in_the_tree_and_print_harmlessly(tmp_path: Path) -> None:
    profile = tmp_path / "deep" / "profile"
    with Imap(folders=NAMES, mail={1: letter("m1")}) as server:
        program = account(profile, imap=server.port)
        assert harmless(program.run("fetch")).code == 0
    for words in (("folder", "list"), ("folder", "list", "--json"), ("__complete", "folders")):
        harmless(program.run(*words))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep"]
    assert sorted(p.name for p in profile.parent.iterdir()) == ["profile"]
    assert {p.name for p in profile.iterdir()} == {"config.toml", "data", "state", "test.password"}
    assert {p.name for p in (profile / "data" / "mail").iterdir()} == {"test"}
    kept = [
        p for p in (profile / "data" / "mail").rglob("*") if p.is_file() and p.parent.name in ("cur", "new")
    ]
    assert len(kept) == len(NAMES)


# -- refusals while downloading ----------------------------------------------------------------------


def refusing(words: bytes, broken: int) -> Says:
    """Refuse every FETCH of bodies that this UID is among, after the messages before it."""

    def fetched(server: Scripted, tag: bytes, arguments: bytes) -> bytes | None:
        assert isinstance(server, Imap)
        ranges, _, items = arguments.partition(b" ")
        among = any(server._within(broken, r) for r in ranges.split(b","))
        if b"BODY.PEEK[]" not in items or not among:
            return None
        given = b"".join(server._fetched(b"1:%d " % (broken - 1) + items)) if b":" in ranges else b""
        return given + tag + b" " + words + b"\r\n"

    return fetched


@pytest.mark.parametrize("words", [b"NO [SERVERBUG] cannot read it", b"NO [UNAVAILABLE] not now"])
def test_a_message_that_the_server_cannot_read_costs_no_other(tmp_path: Path, words: bytes) -> None:
    mail = {n: letter(f"m{n}") for n in range(1, 8)}
    with Imap({"FETCH": refusing(words, 4)}, mail=mail) as server:
        program = account(tmp_path, imap=server.port)
        done = harmless(program.run("fetch"))
        assert done.code == 75
        assert "did not give 1 messages of INBOX" in done.err
        assert words.partition(b"] ")[2].decode() in done.err
        assert program.subjects() == ["m1", "m2", "m3", "m5", "m6", "m7"]
        server.says = {}
        program.run("fetch").good()
        assert program.subjects() == [f"m{n}" for n in range(1, 8)]


@pytest.mark.parametrize(
    ("words", "code"),
    [(b"BAD what?", 76), (b"NO Request is throttled. Suggested Backoff Time: 900000 milliseconds", 75)],
)
def test_a_refusal_that_is_about_us_ends_the_download(tmp_path: Path, words: bytes, code: int) -> None:
    with Imap({"FETCH": refusing(words, 2)}) as server:
        done = harmless(account(tmp_path, imap=server.port).run("fetch"))
    assert done.code == code
    assert "refused FETCH" in done.err
    assert sum(b"BODY.PEEK" in line for line in server.heard) == 1


def test_a_search_that_names_four_billion_messages_ends_soon(tmp_path: Path) -> None:
    with Imap({"SEARCH": b"* SEARCH 1:4294967295\r\n* ESEARCH UID ALL 1:4294967295\r\n" + DONE}) as server:
        program = account(tmp_path, imap=server.port)
        program.run("fetch").good()
        server.says["SELECT"] = opened(b"* 4294967295 EXISTS\r\n" + FACTS)
        done = harmless(program.run("fetch"))
        assert done.code == 75
        assert "4294967295 messages" in done.err
        assert stored(program) == ["m1", "m2", "m3"]


def test_a_good_bye_in_place_of_the_answer_to_a_message_is_no_success(tmp_path: Path) -> None:
    with Smtp({"BODY": b"221 bye\r\n"}) as server:
        done = account(tmp_path, smtp=server.port).run("send", "-s", "x", "a@b.example", text="x\n")
    done.failed(79, "221 bye")
