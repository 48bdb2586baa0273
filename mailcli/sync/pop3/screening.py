"""Which new messages of a maildrop are wanted, whole or as headers: by size, and by queries over the header.

TOP gives the header before anything is downloaded. Where the server has no TOP, the message comes and is
judged then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from mailcli.store.store import Store
from mailcli.store.values import Pop3Row
from mailcli.sync.pop3.history import History
from mailcli.sync.pop3.maildrop import Listed, Tops

if TYPE_CHECKING:
    from mailcli.model.query.ast import Query


class Verdict(Enum):
    """What to do with a message: download it, leave it there, delete it there."""

    TAKE = "take"
    SKIP = "skip"
    DISCARD = "discard"


class Screen:
    """The account's rules; `own` are the user's addresses (`from:me`). With `bare` the headers come of
    what is too large."""

    def __init__(
        self,
        max_size: int,
        skip: Query | None,
        discard: Query | None,
        own: Sequence[str] = (),
        *,
        bare: bool = False,
    ) -> None:
        self.max_size = max_size
        self.bare = bare
        self.skip = skip
        self.discard = discard
        self._own = [address.casefold() for address in own]

    @property
    def reads_headers(self) -> bool:
        return self.skip is not None or self.discard is not None

    def fingerprint(self) -> str:
        """Changes when the rules do: what was left there by others is judged again."""
        texts = [query.text if query else "" for query in (self.skip, self.discard)]
        large = f"{self.max_size} headers" if self.bare else self.max_size
        return repr((large, *texts)) if self.max_size or any(texts) else ""

    def without_headers(self) -> Screen:
        """The same where a header cannot come alone."""
        return Screen(self.max_size, self.skip, self.discard, self._own)

    def too_large(self, size: int) -> bool:
        return bool(self.max_size) and size > self.max_size

    def verdict(self, header: bytes, size: int) -> Verdict:
        """What the queries say of a message with this header and this size. To keep is safer than to
        delete, so `skip` goes first."""
        from mailcli.sync.pop3.headerquery import Header

        message = Header(header, size, self._own)
        if self.skip is not None and message.holds(self.skip.node):
            return Verdict.SKIP
        if self.discard is not None and message.holds(self.discard.node):
            return Verdict.DISCARD
        return Verdict.TAKE


class Sieve:
    """The rules at work in one session: judges what is new, and has it written down."""

    def __init__(
        self,
        store: Store,
        account: str,
        history: History,
        screen: Screen,
        notice: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._account = account
        self._history = history
        self._screen = screen
        self._notice = notice
        self._clock = clock

    def wanted(self, tops: Tops, new: list[Listed], *, record: bool) -> list[Listed]:
        """The messages to download. What the rules leave on the server is written down, so that its
        header is asked for once; what they delete there is, too."""
        screen = self._screen
        rules = screen.fingerprint()
        if not rules:
            return new
        setting = f"pop3 screen {self._account}"
        known = self._history.known
        if self._store.setting(setting) == rules:
            new = [m for m in new if (row := known.get(m.key)) is None or row.state != "skipped"]
        left = [] if screen.bare else [m for m in new if screen.too_large(m.size)]
        verdicts = dict.fromkeys((m.number for m in left), Verdict.SKIP)
        kept = [m for m in new if m.number not in verdicts]
        if screen.reads_headers:
            found = tops.headers([m.number for m in kept])
            verdicts |= {m.number: screen.verdict(found[m.number], m.size) for m in kept if m.number in found}
        if record:
            judged = [(m, v) for m in new if (v := verdicts.get(m.number, Verdict.TAKE)) is not Verdict.TAKE]
            self._history.record([self.judged(m, v) for m, v in judged])
            if self._store.setting(setting) != rules:
                self._store.put_setting(setting, rules)
            self.leave(left)
        return [m for m in new if verdicts.get(m.number, Verdict.TAKE) is Verdict.TAKE]

    def leave(self, left: Sequence[Listed]) -> None:
        """Tell of messages that are too large."""
        if left:
            what = f"{len(left)} messages are" if len(left) > 1 else "a message is"
            self._notice(f"{self._account}: {what} larger than max_size, and left on the server")

    def judged(self, message: Listed, verdict: Verdict) -> Pop3Row:
        """The line that the history gets for a message that does not come."""
        state = "skipped" if verdict is Verdict.SKIP else "discarded"
        return Pop3Row(message.uidl, message.occurrence, message.size, state, first_seen=self._clock())
