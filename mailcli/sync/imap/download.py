"""What a run has to download, over all its folders: chunks in one queue, from which every connection
takes the next. What a connection leaves behind goes back to the front; what the server does not give is
asked for once more, and then reported."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from mailcli.model.record import NamedTuple
from mailcli.net.cancel import CancelToken
from mailcli.store.values import FolderState
from mailcli.sync.imap.withheld import Withheld

CHUNK_OCTETS: Final = 8 << 20
CHUNK_MESSAGES: Final = 200
PIECE: Final = 8 << 20
"""A message larger than this is asked for in pieces (BODY.PEEK[]<offset.length>), so that no
answer is larger than the engine allows a literal to be."""

META: Final = ("FLAGS", "INTERNALDATE", "RFC822.SIZE")
WHOLE: Final = (*META, "BODY.PEEK[]")
OUTLINE: Final = (*META, "BODYSTRUCTURE", "BODY.PEEK[HEADER]")

HEADER_OCTETS: Final = 4 << 10
"""What a header is reckoned with; mailing lists and big providers write longer ones."""
CHUNK_HEADERS: Final = 400


class Incoming:
    """The messages of one folder that are to come, newest first, and how far they are.

    Of `uids` they come whole, of `headers` without their bodies; `bodies` are those of messages that are
    here without: {uid: id}. `cursor` is committed as soon as all of it is durable, and not before.
    `complete` is whether it is all that is new there (not with `--limit`). `objects` are the server's own
    names of messages, `apart` how many are to be copied from other folders (`objects.Shared`).
    """

    def __init__(
        self,
        key: int,
        name: str,
        mailbox: str,
        uids: Sequence[int],
        sizes: Mapping[int, int],
        cursor: FolderState,
        *,
        complete: bool,
        headers: Sequence[int] = (),
        bodies: Mapping[int, str] | None = None,
        objects: Mapping[int, str] | None = None,
    ) -> None:
        self.key = key
        self.name = name
        self.mailbox = mailbox
        self.uidvalidity = cursor.uidvalidity or 0
        self.bodies = bodies or {}
        self.objects = objects or {}
        self.apart = 0
        self.whole = len(uids)
        self.total = len(uids) + len(headers) + len(self.bodies)
        self.octets = sum(sizes.get(uid, 0) for uid in (*uids, *self.bodies)) + HEADER_OCTETS * len(headers)
        self.came = 0
        self.done = 0  # durable
        self.refused: set[int] = set()  # not given, though asked for twice
        self.reason = ""  # in the server's words
        self.abandoned = ""  # why the rest is left to the next run
        self.committed = False
        self.uids = uids
        self._headers = headers
        self._sizes = sizes
        self._cursor = cursor
        self._complete = complete

    @property
    def withheld(self) -> int:
        """How many were not given."""
        return len(self.refused)

    @property
    def memory(self) -> Withheld:
        """What was not given, for the runs to come."""
        return Withheld.read(self._cursor.withheld).after(self.refused, self._cursor.synced_at or 0)

    @property
    def arrived(self) -> bool:
        """Whether all that will come is durable."""
        return not self.abandoned and self.done + self.withheld >= self.total

    @property
    def cursor(self) -> FolderState:
        """With a UIDNEXT only if all was asked for: else the next run opens the folder again."""
        state = self._cursor._replace(withheld=str(self.memory))
        return state if self._complete and not self.apart else state._replace(uidnext=0)

    def size(self, uid: int) -> int:
        """RFC822.SIZE, as far as it is known."""
        return self._sizes.get(uid, 0)

    def set_apart(self, uids: Collection[int]) -> None:
        """These whole messages are not asked for; the cursor waits for them."""
        if uids:
            self.apart += len(uids)
            self.whole -= len(uids)
            self.total -= len(uids)
            self.octets -= sum(map(self.size, uids))
            aside = set(uids)
            self.uids = [uid for uid in self.uids if uid not in aside]

    def chunks(self) -> Iterator[Chunk]:
        """What to ask for in one command each: the bodies of what is listed already come last."""
        yield from self._whole(self.uids)
        for start in range(0, len(self._headers), CHUNK_HEADERS):
            some = tuple(self._headers[start : start + CHUNK_HEADERS])
            yield Chunk(self, some, HEADER_OCTETS * len(some), outline=True)
        yield from self._whole(list(self.bodies))

    def _whole(self, wanted: Sequence[int]) -> Iterator[Chunk]:
        for uids in chunks(wanted, self._sizes):
            octets = sum(self._sizes.get(uid, 0) for uid in uids)
            yield Chunk(self, tuple(uids), octets, octets > PIECE and len(uids) == 1)


class Chunk(NamedTuple):
    """Messages to ask for in one command; `large`: a single one, which comes in pieces. `again`: the
    server did not give them when it was asked before. `outline`: all but the body."""

    folder: Incoming
    uids: tuple[int, ...]
    octets: int
    large: bool = False
    again: bool = False
    outline: bool = False

    @property
    def items(self) -> tuple[str, ...]:
        """What FETCH is to give of each. A server that cannot tell the structure of a broken mail, or
        tells it so that it cannot be read, is asked a second time without it."""
        if not self.outline:
            return WHOLE
        return (*META, "BODY.PEEK[HEADER]") if self.again else OUTLINE

    @property
    def section(self) -> str:
        """As the answer names it."""
        return "BODY[HEADER]" if self.outline else "BODY[]"


def chunks(uids: Sequence[int], sizes: Mapping[int, int]) -> Iterator[list[int]]:
    """Cut `uids` (in the order wanted) into chunks of at most CHUNK_OCTETS or CHUNK_MESSAGES;
    a larger message is a chunk of its own."""
    chunk: list[int] = []
    octets = 0
    for uid in uids:
        size = sizes.get(uid, 0)
        if chunk and (octets + size > CHUNK_OCTETS or len(chunk) == CHUNK_MESSAGES):
            yield chunk
            chunk, octets = [], 0
        chunk.append(uid)
        octets += size
    if chunk:
        yield chunk


class Queue:
    """The chunks that wait, shared by all connections of a run."""

    def __init__(self, folders: Iterable[Incoming]) -> None:
        self.folders = list(folders)
        self._waiting = deque(chunk for folder in self.folders for chunk in folder.chunks())
        self._out = 0  # chunks that a connection has
        self._closed = False
        self._failure: BaseException | None = None
        self._changed = threading.Condition()

    @property
    def messages(self) -> int:
        """How many wait to be asked for."""
        with self._changed:
            return sum(len(chunk.uids) for chunk in self._waiting)

    @property
    def octets(self) -> int:
        """Octets of what waits to be asked for."""
        with self._changed:
            return sum(chunk.octets for chunk in self._waiting)

    @property
    def closed(self) -> bool:
        return self._closed

    def take(self) -> Chunk | None:
        """The next chunk, if one waits. Raises what `fail` was given."""
        with self._changed:
            if self._failure is not None:
                raise self._failure
            while self._waiting and not self._closed:
                chunk = self._waiting.popleft()
                if not chunk.folder.abandoned:
                    self._out += 1
                    return chunk
            return None

    def wait(self, cancel: CancelToken) -> bool:
        """Wait until there is a chunk to take, or none will come any more (false)."""
        while True:
            cancel.check()
            with self._changed:
                if self._waiting or self._failure is not None:
                    return True
                if not self._out or self._closed:
                    return False
                self._changed.wait(0.2)

    def finished(self, chunk: Chunk, lacking: Sequence[int], *, words: str = "") -> None:
        """A taken chunk was answered, but for `lacking`. After a refusal (`words` are the server's)
        each of these is asked for alone: one message that the server cannot read costs no other."""
        with self._changed:
            self._out -= 1
            if lacking and chunk.again:
                chunk.folder.refused.update(lacking)
                chunk.folder.reason = words or chunk.folder.reason
            elif lacking:
                alone = [(uid,) for uid in lacking] if words else [tuple(lacking)]
                size = chunk.octets // len(chunk.uids)
                self._waiting.extendleft(
                    chunk._replace(uids=uids, octets=size * len(uids), again=True) for uids in alone
                )
            self._changed.notify_all()

    def put_back(self, chunk: Chunk, uids: Sequence[int]) -> None:
        """The connection that took this chunk is gone; these of it have not come."""
        with self._changed:
            self._out -= 1
            if uids:
                self._waiting.appendleft(chunk._replace(uids=tuple(uids)))
            self._changed.notify_all()

    def abandon(self, folder: Incoming, why: str) -> None:
        """Leave what is missing of a folder to the next run."""
        with self._changed:
            folder.abandoned = folder.abandoned or why

    def fail(self, failure: BaseException) -> None:
        """Something broke that is no connection's: the run has to end with it."""
        with self._changed:
            self._failure = self._failure or failure
            self._changed.notify_all()

    def close(self) -> None:
        """Give out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
