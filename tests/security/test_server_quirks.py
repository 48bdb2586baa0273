"""What real servers do otherwise, each obeyed by a whole run: a scripted server behaves so, and both
sides end alike. The same facts have transcripts in `tests/transcripts/imap`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mailcli.cli.views.accounts import ACCOUNT, Shown
from mailcli.cli.views.view import Look
from mailcli.model.account import Account
from mailcli.model.quota import Usage
from mailcli.store.values import Arrival
from mailcli.sync.imap import push
from mailcli.wire.imap.uidset import UidSet
from tests.security.scripted import Imap, Peer, Says, Scripted, account, after, letter

OK = b"%T OK done\r\n"
MANY = {n: letter(f"m{n}") for n in range(1, 61)}


def heard(server: Imap, word: bytes) -> list[bytes]:
    return [line.strip() for line in server.heard if word in line]


def ids(peer: Peer, folder: str = "INBOX") -> list[str]:
    key = peer.store.find_folder("test", folder).key
    return [r.id for r in peer.store.summaries(folders=[key]).rows]


# -- Coremail (163.com) ---------------------------------------------------------------------------


class Coremail(Imap):
    """SELECT, EXAMINE and STATUS are "Unsafe Login" until an ID was sent on the connection."""

    greeting = b"* OK Coremail System IMap Server Ready(163com)\r\n"
    capabilities = b"IMAP4rev1 ID UIDPLUS SASL-IR AUTH=PLAIN"
    known = False

    def honest(self, name: str, tag: bytes, arguments: bytes) -> bytes:
        if name in ("AUTHENTICATE", "LOGIN"):
            self.known = False
        self.known |= name == "ID"
        if name in ("SELECT", "EXAMINE", "STATUS") and not self.known:
            return tag + b" NO %s Unsafe Login. Please contact kefu@188.com for help\r\n" % name.encode()
        return super().honest(name, tag, arguments)


def test_coremail_is_told_who_we_are_before_a_folder_is_opened(tmp_path: Path) -> None:
    with Coremail() as server:
        peer = Peer(tmp_path, server)
        assert (peer.fetch().error, peer.store.count()) == (None, 3)
        (said,) = heard(server, b" ID ")
        assert re.fullmatch(rb'\w+ ID \("name" "mailcli" "version" "[0-9.]+"\)', said)


def test_an_id_is_not_sent_where_it_is_switched_off_or_unknown(tmp_path: Path) -> None:
    with Imap() as server:
        Peer(tmp_path, server).fetch()
        assert not heard(server, b" ID ")


# -- Exchange Online ------------------------------------------------------------------------------


def busy(milliseconds: int, status: bytes = b"BAD") -> bytes:
    return b"%%T %s Request is throttled. Suggested Backoff Time: %d milliseconds\r\n" % (
        status,
        milliseconds,
    )


@pytest.mark.parametrize("verb", ["SELECT", "FETCH", "LIST"])
@pytest.mark.parametrize("status", [b"BAD", b"NO"])
def test_a_server_that_throttles_is_left_alone_as_long_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, status: bytes
) -> None:
    notices: list[str] = []
    with Imap({verb: after(busy(40, status))}) as server:
        peer = Peer(tmp_path, server)
        peer.ctx.notice = notices.append
        waited: list[float] = []
        monkeypatch.setattr(peer.ctx.cancel, "wait", waited.append)
        report = peer.fetch()
        assert (report.error, report.new, waited) == (None, 3, [0.04])
    assert notices == ["test: the server is busy; waiting 0.04 seconds as it asks"]


@pytest.mark.parametrize(
    ("milliseconds", "deadline"),
    [(10, None), (301_000, None), (9000, 5.0)],
    ids=["twice", "long", "deadline"],
)
def test_a_server_that_throttles_again_or_too_long_is_left_to_the_next_run(
    tmp_path: Path, milliseconds: int, deadline: float | None
) -> None:
    with Imap({"SELECT": busy(milliseconds)}) as server:
        error = Peer(tmp_path, server).fetch(deadline=deadline).error
        assert error is not None
        assert (error.exit_code, len(heard(server, b"AUTHENTICATE"))) == (75, 2 if milliseconds == 10 else 1)
        assert "Request is throttled" in error.message


# -- Yahoo: MESSAGELIMIT (RFC 9738) ---------------------------------------------------------------


class Limited(Imap):
    """Answers FETCH and SEARCH for seven messages at a time, the newest first, and says OK."""

    capabilities = b"IMAP4rev1 UIDPLUS MOVE MESSAGELIMIT=7"
    limit = 7

    def honest(self, name: str, tag: bytes, arguments: bytes) -> bytes:
        everything = self.mail
        if name not in ("FETCH", "SEARCH"):
            return super().honest(name, tag, arguments)
        first = arguments.split()[0] if name == "FETCH" else b"1:*"
        if name == "SEARCH" and (named := re.search(rb"UID ([0-9:,]+)", arguments)):
            first = named[1]
        asked = [uid for uid in sorted(everything) if any(self._within(uid, r) for r in first.split(b","))]
        some = asked[-self.limit :]
        self.mail = {uid: everything[uid] for uid in some}
        try:
            text = super().honest(name, tag, b"1:*" + arguments[len(first) :] if name == "FETCH" else b"")
        finally:
            self.mail = everything
        if len(some) < len(asked):
            done = b" OK [MESSAGELIMIT %d %d] partial\r\n" % (self.limit, some[0])
            text = text.replace(tag + b" OK done\r\n", tag + done)
        return text


def test_an_answer_cut_by_messagelimit_is_asked_on_and_nothing_counts_as_gone(tmp_path: Path) -> None:
    with Limited(mail=MANY) as server:
        peer = Peer(tmp_path, server)
        assert (peer.fetch().error, peer.store.count()) == (None, 60)
        del server.mail[30]
        server.mail[61] = letter("new")
        report = peer.fetch()
        assert (report.error, report.new, report.gone) == (None, 1, 1)
        assert peer.store.count() == 60


def test_a_renumbered_folder_behind_a_messagelimit_is_recognised_whole(tmp_path: Path) -> None:
    with Limited(mail=MANY) as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        server.uidvalidity = 8
        report = peer.fetch()
        assert (report.error, report.new, report.gone) == (None, 0, 0)
        assert peer.store.count() == 60


def test_sets_are_no_larger_than_the_messagelimit(tmp_path: Path) -> None:
    with Limited(mail=MANY) as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        peer.store.set_flags(ids(peer), frozenset({"\\Seen"}))
        assert peer.fetch().pushed == 60
        sets = [UidSet.parse(line.split()[3]) for line in heard(server, b"UID STORE")]
        assert len(sets) == 9
        assert max(map(len, sets)) == 7


@pytest.mark.parametrize("code", [b"[MESSAGELIMIT 7]", b"[MESSAGELIMIT 7 x]", b"[MESSAGELIMIT 7 99999]"])
def test_a_messagelimit_that_does_not_say_where_it_stopped_ends_the_run(tmp_path: Path, code: bytes) -> None:
    with Imap(mail=MANY) as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        peer.says(FETCH=b"* 1 FETCH (UID 1 FLAGS ())\r\n%T OK " + code + b" partial\r\n")
        report = peer.fetch()
        assert report.error is not None
        assert peer.store.count() == 60


# -- sets, expunging, numbers ---------------------------------------------------------------------


def ascending(server: object, tag: bytes, arguments: bytes) -> bytes | None:
    """QQ: BAD for a set that does not ascend."""
    numbers = [int(n) for n in re.findall(rb"\d+", arguments.split()[0])]
    return None if numbers == sorted(numbers) else b"%T BAD invalid sequence\r\n"


def test_qq_is_asked_for_ascending_sets_only(tmp_path: Path) -> None:
    says: dict[str, Says] = {"FETCH": ascending, "STORE": ascending}
    with Imap(says, mail=dict.fromkeys((1, 3, 9, 20), letter("x"))) as server:
        peer = Peer(tmp_path, server)
        assert peer.fetch().error is None
        peer.store.set_flags(ids(peer), frozenset({"\\Seen"}))
        report = peer.fetch()
        assert (report.error, report.pushed, peer.store.count()) == (None, 4, 4)


def test_hmailserver_never_hears_uid_expunge(tmp_path: Path) -> None:
    marked: set[int] = set()

    def store(server: object, tag: bytes, arguments: bytes) -> None:
        marked.update(UidSet.parse(arguments.split()[0]) if b"Deleted" in arguments else ())

    def search(server: object, tag: bytes, arguments: bytes) -> bytes:
        found = marked if b"DELETED" in arguments else set(imap.mail)
        return b"* SEARCH" + b"".join(b" %d" % u for u in sorted(found)) + b"\r\n" + OK

    def expunge(server: object, tag: bytes, arguments: bytes) -> bytes | None:
        if arguments:
            return b"%T BAD Unknown command\r\n"
        for uid in marked & set(imap.mail):
            del imap.mail[uid]
        return None

    says: dict[str, Says] = {"STORE": store, "SEARCH": search, "EXPUNGE": expunge}
    with Imap(says) as imap:
        imap.greeting = b"* OK IMAPrev1\r\n"
        imap.capabilities = b"IMAP4rev1 IDLE AUTH=PLAIN"
        imap.uidnext = 4
        peer = Peer(tmp_path, imap)
        peer.fetch()
        peer.store.purge(ids(peer)[:1])
        assert peer.fetch().error is None
        assert (len(imap.mail), peer.store.count()) == (2, 2)


def test_a_bridge_that_renumbers_downloads_nothing_again(tmp_path: Path) -> None:
    """Proton Mail Bridge after an upgrade."""
    with Imap(mail=MANY) as server:
        server.greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] Proton Mail Bridge 03.08 ready\r\n"
        peer = Peer(tmp_path, server)
        peer.fetch()
        kept = set(ids(peer))
        server.uidvalidity, server.mail = 900, {uid + 100: data for uid, data in server.mail.items()}
        report = peer.fetch()
        assert (report.error, report.new, report.gone, set(ids(peer))) == (None, 0, 0, kept)


# -- extensions that lie --------------------------------------------------------------------------

SEQUENCES = b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 4] n\r\n"


@pytest.mark.parametrize("code", [b"* OK [NOMODSEQ] none\r\n", b"* OK [HIGHESTMODSEQ 0]\r\n", b""])
def test_a_folder_without_modification_sequences_is_looked_at_whole(tmp_path: Path, code: bytes) -> None:
    """And never is CHANGEDSINCE 0 said."""
    with Imap({"SELECT": SEQUENCES + code + OK}) as server:
        server.capabilities = b"IMAP4rev1 UIDPLUS ENABLE CONDSTORE"
        peer = Peer(tmp_path, server)
        assert peer.fetch().new == 3
        flagged = b"".join(
            b"* %d FETCH (UID %d FLAGS (\\Seen) RFC822.SIZE 9)\r\n" % (n, n) for n in (1, 2, 3)
        )
        peer.says(SELECT=SEQUENCES + code + OK, FETCH=flagged + OK)
        assert peer.fetch().changed == 3
        assert not heard(server, b"CHANGEDSINCE")


def test_icloud_is_not_asked_for_qresync(tmp_path: Path) -> None:
    with Imap() as server:
        server.capabilities = b"IMAP4rev1 UIDPLUS ENABLE CONDSTORE QRESYNC XAPPLELITERAL"
        peer = Peer(tmp_path, server)
        assert (peer.fetch().error, peer.fetch().error) == (None, None)
        assert heard(server, b"ENABLE CONDSTORE")
        assert not heard(server, b"QRESYNC")
        assert not heard(server, b"RFC822)")


def test_cyrus_hears_no_star_among_known_uids_and_may_say_that_all_others_vanished(tmp_path: Path) -> None:
    """`1:*` is BAD for the known UIDs of QRESYNC, and its VANISHED goes to 4294967295."""
    counters = b"* OK [UIDVALIDITY 7] Ok\r\n* OK [UIDNEXT 4] Ok\r\n* OK [HIGHESTMODSEQ %d] Ok\r\n"
    closed = b"%T OK [READ-WRITE] Completed\r\n"

    def select(server: Scripted, tag: bytes, arguments: bytes) -> bytes:
        if b"QRESYNC" not in arguments:
            return b"* 3 EXISTS\r\n" + counters % 5 + closed
        if b"*" in arguments:
            return b"%T BAD Invalid known-uids parameter\r\n"
        changed = b"* 1 FETCH (FLAGS (\\Seen) UID 2 MODSEQ (6))\r\n"
        return (
            b"* 1 EXISTS\r\n" + counters % 6 + b"* VANISHED (EARLIER) 1,3:4294967295\r\n" + changed + closed
        )

    says: dict[str, Says] = {"ENABLE": b"* ENABLED CONDSTORE QRESYNC\r\n" + OK, "SELECT": select}
    with Imap(says) as server:
        server.greeting = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] Cyrus IMAP 3.8.1 server ready\r\n"
        server.capabilities = b"IMAP4rev1 UIDPLUS ENABLE CONDSTORE QRESYNC"
        peer = Peer(tmp_path, server)
        peer.fetch()
        server.mail = {2: server.mail[2]}
        server.uidnext = 4
        server.says["FETCH"] = b"* 1 FETCH (UID 2 FLAGS (\\Seen) RFC822.SIZE 9)\r\n" + OK
        report = peer.fetch()
        assert (report.error, report.new, report.changed, report.gone) == (None, 0, 1, 2)
        (row,) = peer.store.summaries(folders=None).rows
        assert (row.subject, row.flags) == ("m2", frozenset({"\\Seen"}))


# -- uploads and large sets -----------------------------------------------------------------------


class Courier(Imap):
    """What APPEND brings to the selected mailbox is seen from the next SELECT on; no UIDPLUS tells of it."""

    greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] Courier-IMAP ready. Copyright 1998-2018\r\n"
    capabilities = b"IMAP4rev1 CHILDREN NAMESPACE"

    def __init__(self) -> None:
        super().__init__(mail={1: letter("old")})
        self.hidden: list[bytes] = []

    def honest(self, name: str, tag: bytes, arguments: bytes) -> bytes:
        if name == "APPEND":
            self.hidden.append(arguments.partition(b"}\r\n")[2] + b"\r\n")
        if name in ("SELECT", "EXAMINE"):
            first = max(self.mail) + 1
            self.mail.update(enumerate(self.hidden, first))
            self.hidden.clear()
        return super().honest(name, tag, arguments)


def test_what_was_appended_to_the_open_folder_of_courier_is_found_and_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "APPEND_MESSAGES", 1)  # the second finds the folder selected
    with Courier() as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        inbox = peer.store.find_folder("test", "INBOX").key
        kept = peer.store.deliver([Arrival(inbox, letter(name)) for name in ("mine", "mine too")])
        report = peer.fetch()
        assert (report.error, report.pushed) == (None, 2)
        report = peer.fetch()
        assert (report.error, report.new, report.pushed) == (None, 0, 0)
        assert sorted(server.mail) == [1, 2, 3]
        assert {m.id for m in peer.store.agreed(inbox)} >= set(kept)


def test_no_command_is_too_long_for_exchange(tmp_path: Path) -> None:
    """It takes lines below 8 KB; the UIDs of these messages alone would be 9."""
    uids = range(4_000_000_000, 4_000_001_600, 2)
    with Imap(mail=dict.fromkeys(uids, letter("x"))) as server:
        peer = Peer(tmp_path, server)
        assert peer.fetch().new == len(uids)
        peer.store.set_flags(ids(peer), frozenset({"\\Seen"}))
        assert peer.fetch().pushed == len(uids)
        assert peer.fetch(full=True).error is None
        peer.store.purge(ids(peer))
        assert peer.fetch().pushed == len(uids)
        assert max(map(len, server.heard)) < 8192
        peer.ctx.close()


def one_at_a_time(server: object, tag: bytes, arguments: bytes) -> bytes:
    if len(arguments.split()) > 1:
        return b"%T BAD Invalid arguments\r\n"
    return b"* ENABLED " + arguments + b"\r\n" + OK


def test_purelymail_is_asked_for_one_extension_at_a_time(tmp_path: Path) -> None:
    opened = SEQUENCES + b"* OK [HIGHESTMODSEQ 5] m\r\n" + OK
    with Imap({"ENABLE": one_at_a_time, "SELECT": opened}) as server:
        server.greeting = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] Purelymail IMAP ready\r\n"
        server.capabilities = b"IMAP4rev1 UIDPLUS ENABLE CONDSTORE QRESYNC"
        peer = Peer(tmp_path, server)
        assert peer.fetch().error is None
        peer.fetch()
        assert heard(server, b"(QRESYNC (7 5))")


def test_utf8_is_accepted_where_the_server_insists(tmp_path: Path) -> None:
    """RFC 6855 §6: names are UTF-8 then, in both directions."""
    with Imap({"ENABLE": b"* ENABLED UTF8=ACCEPT\r\n" + OK}) as server:
        server.capabilities = b"IMAP4rev1 UIDPLUS ENABLE UTF8=ONLY"
        server.folders = [b"INBOX", b"Entw\xc3\xbcrfe"]
        server.astring = lambda name: b'"' + name + b'"'  # type: ignore[method-assign]
        peer = Peer(tmp_path, server)
        assert peer.fetch().error is None
        assert heard(server, b"ENABLE UTF8=ACCEPT")
        assert {f.name for f in peer.store.folders("test")} == {"INBOX", "Entwürfe"}
        assert heard(server, b'SELECT "Entw\xc3\xbcrfe"')


# -- what is never given (Yahoo's UNAVAILABLE, Exchange's OK without it) ---------------------------


def without(uid: int, answer: bytes) -> Says:
    """FETCH of bodies that leaves this UID out, and then says so, or not."""

    def fetch(server: object, tag: bytes, arguments: bytes) -> bytes | None:
        assert isinstance(server, Imap)
        items = arguments.partition(b" ")[2]
        if b"BODY.PEEK[]" not in items or uid not in server.mail:
            return None
        honest = server.honest("FETCH", tag, arguments)
        return (
            b"".join(re.findall(rb"(?s)\* \d+ FETCH \(UID (?!%d ).*?hello\r\n\)\r\n" % uid, honest)) + answer
        )

    return fetch


UNAVAILABLE = b"%T NO [UNAVAILABLE] UID FETCH Server error - Please try again later\r\n"


@pytest.mark.parametrize("answer", [UNAVAILABLE, OK], ids=["yahoo", "exchange"])
def test_a_message_that_never_comes_does_not_fail_every_run(tmp_path: Path, answer: bytes) -> None:
    clock = [1_700_000_000.0]
    notices: list[str] = []
    with Imap({"FETCH": without(2, answer)}) as server:
        peer = Peer(tmp_path, server)
        peer.ctx.clock = lambda: clock[0]
        peer.ctx.notice = notices.append
        codes = []
        for _ in range(5):
            report = peer.fetch()
            codes.append(report.error.exit_code if report.error else 0)
        assert (codes, peer.store.count()) == ([75, 75, 0, 0, 0], 2)
        asked = len(heard(server, b"BODY.PEEK[]"))
        clock[0] += 3700
        assert peer.fetch().error is None
        assert len(heard(server, b"BODY.PEEK[]")) > asked
        assert "did not give 1 messages of INBOX" in notices[-1]
        assert "in 4 hours" in notices[-1]
        server.mail[4] = letter("new")
        assert peer.fetch().new == 1
        peer.says()
        assert peer.fetch().new == 0
        assert (peer.fetch(full=True).new, peer.store.count()) == (1, 4)
        assert (peer.fetch().new, peer.store.count()) == (0, 4)


def test_a_withheld_message_that_goes_is_forgotten(tmp_path: Path) -> None:
    with Imap({"FETCH": without(2, OK)}) as server:
        peer = Peer(tmp_path, server)
        for _ in range(3):
            peer.fetch()
        del server.mail[2]
        report = peer.fetch()
        assert (report.error, report.gone, peer.store.count()) == (None, 0, 2)
        assert peer.store.folder_state(peer.store.find_folder("test", "INBOX").key).withheld == ""


def test_what_the_server_keeps_of_the_deleted_is_told(tmp_path: Path) -> None:
    with Imap() as server:
        peer = Peer(tmp_path, server)
        with (tmp_path / "config.toml").open("a") as config:
            config.write('delete = "nothing"\n')
        peer.ctx.reload()
        peer.fetch()
        peer.store.purge(ids(peer)[:1])
        assert peer.fetch().error is None
        assert len(server.mail) == 3
        assert (peer.store.status().hidden, peer.store.status().pending) == (1, 0)


def test_an_unknown_move_target_in_the_local_account_makes_that_account(tmp_path: Path) -> None:
    """Not a folder called `local:INBOX`."""
    from mailcli.app import changing

    with Imap() as server:
        peer = Peer(tmp_path, server)
        peer.fetch()
        changing.move(peer.ctx, ids(peer)[:1], "local:Kept", create=True)
        assert [f.name for f in peer.store.folders("local")] == ["Kept"]
        assert [f.name for f in peer.store.folders("test")] == ["INBOX"]


# -- quota (RFC 9208) -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 1200 5000)\r\n' + OK, (1228800, 5120000, 24)),
        (b"* QUOTA a (STORAGE 9 10)\r\n* QUOTA b (STORAGE 97 100)\r\n" + OK, (99328, 102400, 97)),
        (b"* QUOTA a (MESSAGE 9 10)\r\n" + OK, None),
        (b"* QUOTA a (STORAGE 9 0)\r\n" + OK, None),
        (b"%T NO [NOPERM] not for you\r\n", None),
        (b"%T BAD what?\r\n", None),
    ],
    ids=["one", "the fullest", "no storage", "no limit", "refused", "unknown"],
)
def test_the_quota_is_asked_for_on_the_way_and_shown(
    tmp_path: Path, answer: bytes, told: tuple[int, int, int] | None
) -> None:
    with Imap({"GETQUOTAROOT": answer}) as server:
        server.capabilities = b"IMAP4rev1 UIDPLUS QUOTA"
        program = account(tmp_path, imap=server.port)
        done = program.run("fetch")
        assert done.code == 0
        assert ("is 97 % full" in done.err) == (told is not None and told[2] == 97)
        (row,) = json.loads(program.run("account", "show", "--json").good().out)["data"]
        quota = row["quota"] and (row["quota"]["used"], row["quota"]["limit"], row["quota"]["percent"])
        assert quota == told
        assert len(heard(server, b"GETQUOTAROOT")) == 1


def test_a_terminal_shows_how_full_the_mailbox_was(tmp_path: Path) -> None:
    shown = Shown(
        Account("test", "bob@example.org", "", (), None, None),
        True,
        Usage(1_200_000_000, 5_000_000_000, 1000.0),
    )
    assert ACCOUNT.text is not None
    assert "quota:     1.2 GB of 5.0 GB (24 %), 2 hours ago\n" in ACCOUNT.text(shown, Look(80, 8200.0, {}))


def test_the_same_quota_is_written_once_an_hour(tmp_path: Path) -> None:
    now = [1_700_000_000.0]
    with Imap({"GETQUOTAROOT": b"* QUOTA a (STORAGE 9 10)\r\n" + OK}) as server:
        server.capabilities = b"IMAP4rev1 UIDPLUS QUOTA"
        peer = Peer(tmp_path, server)
        peer.ctx.clock = lambda: now[0]
        seen = []
        for later in (0, 60, 4000):
            now[0] += later
            peer.fetch()
            seen.append(peer.store.setting("imap quota test"))
        assert seen[0] == seen[1] == "9216 10240 1700000000"
        assert seen[2] == "9216 10240 1700004060"
