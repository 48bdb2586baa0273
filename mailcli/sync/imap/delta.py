"""What changed in one folder on the server since we last agreed, asked in the cheapest way the
server knows: QRESYNC, CONDSTORE (both RFC 7162), or by looking at every message's flags.

Here is what to ask and how to reckon with the answer; `survey` asks.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from mailcli.errors import MailcliError, RemoteProtocolError
from mailcli.model.flags import Flags
from mailcli.model.record import NamedTuple
from mailcli.sync.imap import objects
from mailcli.sync.imap.plan import Remote
from mailcli.sync.imap.server import SET_OCTETS, Server
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.commands import Command
from mailcli.wire.imap.events import (
    Event,
    Exists,
    Fetched,
    HighestModseq,
    Opened,
    PermanentFlags,
    Searched,
    UidNext,
    UidValidity,
    Vanished,
)
from mailcli.wire.imap.uidset import UidSet

MOST_MESSAGES: Final = 5_000_000
"""In a folder; `1:4294967295` is said as quickly as `7`."""


class Cursor(NamedTuple):
    """How far we have agreed with the server on a folder; 0 where nothing is known."""

    uidvalidity: int = 0
    uidnext: int = 0
    modseq: int = 0


class Delta(NamedTuple):
    """What changed. `cursor` may be committed once all of it is durable. `sizes` are RFC822.SIZE
    of new messages as far as they are known, `objects` their server object ids. `rebuilt` is true when
    UIDVALIDITY changed: then the delta is the whole folder and the UIDs known before mean nothing."""

    remote: Remote
    sizes: dict[int, int]
    cursor: Cursor
    read_only: bool
    rebuilt: bool
    objects: dict[int, str]


class Question(NamedTuple):
    """What is asked about one folder. `full` looks at every message whatever the server can do;
    `examine` opens it read-only, for a dry run; `expected` is about how many messages the answer
    will name. `among`: only these are asked about, and nothing is new (`folders.partial`)."""

    key: int
    mailbox: str
    cursor: Cursor
    full: bool = False
    examine: bool = False
    expected: int = 0
    among: UidSet | None = None


class Answer:
    """What the server said of one mailbox, taken in as it arrives."""

    def __init__(self) -> None:
        self.flags: dict[int, Flags] = {}
        self.sizes: dict[int, int] = {}
        self.objects: dict[int, str] = {}
        self.vanished: list[UidSet] = []
        self.searched: set[int] = set()
        self.gone: set[int] | None = None  # known UIDs that are not there, once that was asked
        self.exists: int | None = None
        self.permanent: PermanentFlags | None = None
        self.read_only = False
        self.modseq = 0
        self.uidnext = 0
        self.uidvalidity = 0
        self.refused: MailcliError | None = None
        self.left: list[Command] = []  # to ask still, since one answer does not hold it all (RFC 9738)

    def take(self, event: Event) -> None:
        """`n:*` also names the last message there is, which does no harm: its flags are facts like
        any other's."""
        match event:
            case Fetched():
                if event.uid is not None:
                    if event.flags is not None:
                        self.flags[event.uid] = event.flags
                    if event.size is not None:
                        self.sizes[event.uid] = event.size
                    if event.email_id:
                        self.objects[event.uid] = event.email_id
            case Vanished():
                self.vanished.append(event.uids)
            case Searched():
                if len(event.uids) > MOST_MESSAGES:
                    self.refused = RemoteProtocolError(
                        f"the server says that {event.mailbox} has {len(event.uids)} messages"
                    )
                else:
                    self.searched.update(event.uids)
            case Exists():
                self.exists = event.count
            case PermanentFlags():
                self.permanent = event
            case Opened():
                self.read_only = event.read_only
            case HighestModseq():
                self.modseq = event.value or 0
            case UidNext():
                self.uidnext = event.value
            case UidValidity():
                self.uidvalidity = event.value
            case _:
                pass

    def join(self, more: Answer) -> None:
        """The rest of an answer. The first one's counters stay: what happened since is still to be told."""
        self.flags = more.flags | self.flags
        self.sizes |= more.sizes
        self.objects |= more.objects
        self.searched |= more.searched
        self.refused = self.refused or more.refused

    def correct(self, there: Answer, held: Collection[int]) -> set[int]:
        """Take from a second answer which UIDs there are. Returns those nothing is known of yet."""
        self.flags = {uid: flags for uid, flags in self.flags.items() if uid in there.searched}
        self.gone = set(held) - there.searched
        return there.searched - set(held) - (self.flags.keys() & self.sizes.keys())


def commands(server: Server, question: Question) -> list[Command]:
    """Open the folder and learn what changed; one flight where nothing is out of step."""
    cursor, mailbox, examine = question.cursor, question.mailbox, question.examine
    if question.among is not None:
        return _about(server, question, question.among)
    facts = ("FLAGS", "RFC822.SIZE", *objects.item(server))
    news = imap.Fetch(f"{max(cursor.uidnext, 1)}:*", facts)
    if _whole(server, question):
        # RFC 7162 §3.1: naming CONDSTORE is harmless where it is there, and an error elsewhere.
        select = imap.Select(mailbox, examine, condstore=_modseq(server))
        return [select, imap.Fetch("1:*", facts)]
    if "QRESYNC" in server.enabled:
        since = imap.QResync(cursor.uidvalidity, cursor.modseq, None)
        return [imap.Select(mailbox, examine, qresync=since), news]
    changed = imap.Fetch("1:*", ("FLAGS",), changed_since=cursor.modseq)
    return [imap.Select(mailbox, examine, condstore=True), changed, news]


def _about(server: Server, question: Question, among: UidSet) -> list[Command]:
    """Which of these are there, and what changed of them."""
    asked: list[Command] = [imap.Select(question.mailbox, question.examine, condstore=_modseq(server))]
    returns = ("ALL",) if server.has("ESEARCH") else ()
    since = 0 if question.full or not _modseq(server) else question.cursor.modseq
    for part in among.chunks(SET_OCTETS):
        asked.append(imap.Search(("UID", str(part)), returns=returns))
        asked.append(imap.Fetch(part, ("FLAGS",), changed_since=since or None))
    return asked


def which(server: Server, question: Question) -> list[Command]:
    """Open the folder again and ask which UIDs it has."""
    returns = ("ALL",) if server.has("ESEARCH") else ()
    return [imap.Select(question.mailbox, question.examine), imap.Search(("ALL",), returns=returns)]


def whose(server: Server, question: Question, uids: Collection[int]) -> list[Command]:
    """Open the folder again and ask what these are."""
    parts = UidSet.of(uids).chunks(SET_OCTETS)
    fetches = (imap.Fetch(part, ("FLAGS", "RFC822.SIZE", *objects.item(server))) for part in parts)
    return [imap.Select(question.mailbox, question.examine), *fetches]


def rebuilt(question: Question, answer: Answer) -> bool:
    """Whether the folder was numbered anew."""
    return question.cursor.uidvalidity not in (0, answer.uidvalidity)


def same_numbers(answer: Answer, later: Answer) -> bool:
    """Whether the UIDs of two answers mean the same."""
    return answer.uidvalidity == later.uidvalidity


def agrees(server: Server, question: Question, answer: Answer, held: Collection[int]) -> bool:
    """|known - vanished + new| = EXISTS, and nothing that is new lacks its size."""
    if question.among is not None:
        return True
    if rebuilt(question, answer) and not _whole(server, question):
        return False
    now = set(held) - _gone(server, question, answer, held) | answer.flags.keys()
    if answer.exists is not None and len(now) != answer.exists:
        return False
    return not (answer.flags.keys() - held - answer.sizes.keys())


def reckon(server: Server, question: Question, answer: Answer, held: Collection[int]) -> Delta:
    """The delta of an answer that agrees, or was corrected. `held` are the UIDs we hold."""
    if question.among is not None:
        answer.gone = set(held) - answer.searched
        answer.flags = {uid: flags for uid, flags in answer.flags.items() if uid in question.among}
    gone = _gone(server, question, answer, held)
    now = set(held) - gone | answer.flags.keys()
    permanent = answer.permanent
    remote = Remote(
        answer.flags,
        gone,
        permanent.flags if permanent else frozenset(),
        permanent is None or permanent.new_keywords,
    )
    following = answer.uidnext or max(now, default=0) + 1
    return Delta(
        remote=remote,
        sizes=answer.sizes,
        cursor=Cursor(answer.uidvalidity, following, answer.modseq),
        read_only=answer.read_only,
        rebuilt=rebuilt(question, answer),
        objects=answer.objects,
    )


def as_selected(delta: Delta, flags: Flags | None) -> Delta:
    """EXAMINE says of every folder that it takes no change; which flags it took the last time is known."""
    keeps = delta.remote._replace(permanent=flags or frozenset(), keywords=flags is None or "\\*" in flags)
    return delta._replace(remote=keeps, read_only=False)


def _gone(server: Server, question: Question, answer: Answer, held: Collection[int]) -> set[int]:
    if answer.gone is not None:
        return answer.gone
    gone: set[int] = set()
    for uids in answer.vanished:  # `1:4294967295` is said as quickly as `7`
        gone.update(
            (uid for uid in held if uid in uids) if len(uids) > len(held) else (set(uids) & set(held))
        )
    if _whole(server, question):
        gone |= set(held) - answer.flags.keys()
    return gone


def _whole(server: Server, question: Question) -> bool:
    """Whether every message is looked at, since there is nothing to count from."""
    cursor = question.cursor
    return question.full or not cursor.uidvalidity or not cursor.modseq or not _modseq(server)


def _modseq(server: Server) -> bool:
    return server.has("CONDSTORE") or server.has("QRESYNC")
