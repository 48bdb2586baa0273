"""Servers that say that mail is gone which is there. Nothing is removed here on one word."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.app.fetching import FetchReport
from tests.security.scripted import Imap, Peer, Says, Scripted, after, letter

OK = b"%T OK done\r\n"
MANY = {n: letter(f"m{n}") for n in range(1, 61)}
GONE = b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 61] n\r\n" + OK


def refused(report: FetchReport, text: str) -> None:
    assert report.error is not None
    assert report.error.exit_code == 75, report.error
    assert text in report.error.message


@pytest.mark.parametrize(
    "search",
    [None, OK, b"* SEARCH 1 2 3\r\n" + OK],
    ids=["finds them", "finds nothing", "finds some"],
)
def test_an_empty_answer_is_asked_a_second_way_and_nothing_goes(tmp_path: Path, search: bytes | None) -> None:
    with Imap(mail=MANY) as server:
        peer = Peer(tmp_path, server)
        assert peer.fetch().new == 60
        peer.says(SELECT=after(GONE), FETCH=after(OK), SEARCH=after(search))
        refused(peer.fetch(), "nothing was removed here")
        assert peer.store.count() == 60
        assert peer.store.recovery() == []
        peer.says()
        again = peer.fetch()
        assert (again.error, again.new, again.gone) == (None, 0, 0)


def test_what_is_gone_by_both_ways_goes_to_recovery(tmp_path: Path) -> None:
    with Imap(mail=MANY) as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        server.mail.clear()
        server.uidnext = 61
        assert peer.fetch().gone == 60
        assert any(b"SEARCH ALL" in line for line in server.heard)
        assert len([e for e in peer.store.recovery() if e.file_present]) == 60


def test_a_few_need_no_second_question(tmp_path: Path) -> None:
    with Imap(mail=MANY) as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        for uid in range(1, 51):
            del server.mail[uid]
        assert peer.fetch().gone == 50
        assert not any(b"SEARCH" in line for line in server.heard)


def test_a_new_numbering_that_lacks_most_messages_is_asked_again(tmp_path: Path) -> None:
    with Imap(mail=MANY) as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        server.uidvalidity = 8
        peer.says(FETCH=after(None, b"* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n" + OK))
        refused(peer.fetch(), "nothing was removed here")
        assert peer.store.count() == 60
        peer.says()
        assert (peer.fetch().error, peer.store.count()) == (None, 60)


# -- folders ------------------------------------------------------------------------------------


def lists(*names: bytes) -> bytes:
    return b"".join(b'* LIST () "/" %s\r\n' % name for name in names) + OK


def work_status(answer: bytes) -> Says:
    """STATUS of Work, for which the scripted server has only the mail of the inbox."""
    return lambda server, tag, arguments: answer if arguments.startswith(b'"Work"') else None


@pytest.mark.parametrize("code", [b"[UNAVAILABLE] ", b"[NOPERM] ", b"[INUSE] ", b"[SERVERBUG] "])
def test_a_folder_that_cannot_be_seen_now_is_not_gone(tmp_path: Path, code: bytes) -> None:
    with Imap(folders=[b"INBOX", b"Work"]) as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        server.folders = [b"INBOX"]
        peer.says(STATUS=work_status(b"%T NO " + code + b"not now\r\n"), LIST=after(lists(b"INBOX"), OK))
        refused(peer.fetch(), "does not list Work now")
        assert peer.store.find_folder("test", "Work").total == 3


def test_a_folder_that_is_there_when_asked_by_name_is_not_gone(tmp_path: Path) -> None:
    with Imap(folders=[b"INBOX", b"Work"]) as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        peer.says(STATUS=work_status(b"%T NO what?\r\n"), LIST=after(lists(b"INBOX"), lists(b"Work")))
        peer.fetch()
        assert peer.store.find_folder("test", "Work").total == 3


def test_a_folder_that_does_not_exist_goes_to_recovery(tmp_path: Path) -> None:
    with Imap(folders=[b"INBOX", b"Work"]) as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        gone = b"%T NO [NONEXISTENT] no such folder\r\n"
        peer.says(STATUS=work_status(gone), LIST=after(lists(b"INBOX"), OK))
        assert peer.fetch().gone == 3
        assert [f.name for f in peer.store.folders("test")] == ["INBOX"]
        assert len(peer.store.recovery()) == 3


def test_a_server_that_lists_nothing_is_not_believed(tmp_path: Path) -> None:
    with Imap(folders=[b"INBOX", b"Work"]) as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        peer.says(LIST=OK, STATUS=b"%T NO [NONEXISTENT] no such folder\r\n")
        refused(peer.fetch(), "lists no folder, not even the inbox")
        assert peer.store.count() == 6


# -- rights, and what servers cannot do ---------------------------------------------------------


def test_a_read_only_folder_keeps_changes_here_and_says_so_once(tmp_path: Path) -> None:
    opened = (
        b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 4] n\r\n* OK [PERMANENTFLAGS ()] p\r\n"
        b"%T OK [READ-ONLY] done\r\n"
    )
    notices: list[str] = []
    with Imap({"SELECT": opened}) as server:
        peer = Peer(tmp_path, server)
        peer.ctx.notice = notices.append
        peer.fetch()
        ids = [r.id for r in peer.store.summaries(folders=None).rows]
        peer.store.set_flags(ids[:1], frozenset({"\\Seen"}))
        peer.store.purge(ids[1:2])
        for _ in range(3):
            report = peer.fetch()
            assert (report.error, report.new, report.pushed) == (None, 0, 0)
        assert "\\Seen" in peer.store.get(ids[:1])[0].flags
        assert peer.store.count() == 2
        assert not any(b"STORE" in line or b"EXPUNGE" in line for line in server.heard)
        assert len(notices) == 1
        assert "INBOX" in notices[0]


def test_an_upload_that_is_forbidden_waits_here_and_says_so_once(tmp_path: Path) -> None:
    from mailcli.store.values import Arrival

    notices: list[str] = []
    with Imap({"APPEND": b"%T NO [NOPERM] you may not\r\n"}) as server:
        peer = Peer(tmp_path, server)
        peer.ctx.notice = notices.append
        peer.fetch()
        inbox = peer.store.find_folder("test", "INBOX").key
        peer.store.deliver([Arrival(inbox, letter("mine"))])
        for _ in range(2):
            assert peer.fetch().error is None
        assert peer.store.count() == 4
        assert len(notices) == 1


def test_a_refused_upload_does_not_keep_new_mail_from_coming(tmp_path: Path) -> None:
    from mailcli.store.values import Arrival

    with Imap({"APPEND": b"%T NO [OVERQUOTA] full\r\n"}) as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        inbox = peer.store.find_folder("test", "INBOX").key
        peer.store.deliver([Arrival(inbox, letter("mine"))])
        server.mail[4] = letter("new")
        report = peer.fetch()
        assert report.error is not None
        assert report.error.exit_code == 75
        assert report.new == 1


def test_the_copyuid_of_yahoo_is_never_trusted_for_several_messages(tmp_path: Path) -> None:
    """One message a command: no pair can be wrong then."""
    greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] IMAP4rev1 imapgate-1 (yahoo)\r\n"
    moved: list[bytes] = []

    def move(server: Scripted, tag: bytes, arguments: bytes) -> bytes:
        moved.append(arguments.split()[0])
        return b"* OK [COPYUID 7 %s %d] done\r\n" % (moved[-1], 100 + len(moved)) + OK

    with Imap({"greeting": greeting, "MOVE": move}, folders=[b"INBOX", b"Archive"]) as server:
        server.capabilities = b"IMAP4rev1 UIDPLUS MOVE ENABLE"
        peer = Peer(tmp_path, server)
        peer.fetch()
        archive = peer.store.find_folder("test", "Archive").key
        inbox = peer.store.find_folder("test", "INBOX").key
        peer.store.move([r.id for r in peer.store.summaries(folders=[inbox]).rows], archive)
        peer.fetch()
    assert moved == [b"1", b"2", b"3"]
