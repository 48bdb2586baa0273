"""One account under watch, on a thread of its own: connected as long as it can be, fetched whenever
something was noticed, connected again after whatever went wrong."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mailcli.app.backoff import Backoff, spread
from mailcli.app.connecting import deadlines, heeding, left_alone, named, open_incoming_imap
from mailcli.app.context import Context
from mailcli.app.debounce import Debounce
from mailcli.app.fetching import FetchReport, FetchRequest, fetch_account
from mailcli.app.suspension import Suspension
from mailcli.errors import (
    AuthenticationFailed,
    CertificateRefused,
    ConfigError,
    Interrupted,
    Locked,
    MailcliError,
    Throttled,
    TryAgain,
    told,
)
from mailcli.model.account import Account, Protocol
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from mailcli.net.pop3 import Pop3Connection
    from mailcli.store.values import FolderState, Pending
    from mailcli.sync.imap.watch import Watcher


class Timing(NamedTuple):
    """Seconds. What was noticed is fetched after `quiet` without more of it, after `longest` at the
    latest; `tick` is how often everything else is looked at; `first` and `most` are pauses before
    a server is tried again, `refused` the one after it did not accept us, `locked` while another
    mailcli fetches."""

    quiet: float = 1.0
    longest: float = 5.0
    tick: float = 1.0
    first: float = 1.0
    most: float = 300.0
    refused: float = 1800.0
    locked: float = 2.0


class Lost(NamedTuple):
    """The account is not being watched just now; it is tried again after `pause` seconds. `refused`:
    nothing will come of that before somebody mends it."""

    account: str
    error: MailcliError
    pause: float
    refused: bool = False


class Watching(NamedTuple):
    """The account is being watched (again): by "notify", "idle" or "poll"."""

    account: str
    way: str


class Fetched(NamedTuple):
    """The account was fetched."""

    report: FetchReport


class Ended(NamedTuple):
    """The thread has ended: the watch was cancelled."""

    account: str


Report = Lost | Watching | Fetched | Ended

_REFUSALS: Final = (AuthenticationFailed, CertificateRefused, ConfigError)
"""What the same attempt will not cure: trying often would only lock the account."""

_NEVER: Final = float("inf")


class Lookout:
    """Watches one account until the context is cancelled; `tell` is called on its thread."""

    def __init__(
        self,
        ctx: Context,
        account: Account,
        tell: Callable[[Report], None],
        *,
        timing: Timing,
        suspension: Suspension | None = None,
    ) -> None:
        self.account = account
        self._ctx = ctx
        self._tell = tell
        self._timing = timing
        self._suspension = suspension or Suspension()
        self._backoff = Backoff(timing.first, timing.most)
        self._retry = Backoff(timing.first, timing.most)  # of a fetch on a connection that is good
        self._nudged = threading.Event()
        self._pushed: Pending | None = None  # what was pending after the last fetch
        self._way = ""  # how the account is watched, as told last
        self._least = 0.0  # seconds between two sign-ins that the server asks for
        self.thread = threading.Thread(target=self._run, name=f"watch {account.name}", daemon=True)

    def nudge(self) -> None:
        """The mailbox here has changed: there may be something to push. From any thread."""
        self._nudged.set()

    # -- the thread

    def _run(self) -> None:
        try:
            while True:
                try:
                    self._ctx.cancel.check()
                    self._suspension.over()  # what was is of no more interest
                    if self._polled:
                        self._poll()
                    else:
                        self._watch()
                except Interrupted:
                    return
                except _Woken:
                    self._backoff.reset()
                except Exception as error:
                    self._lost(told(error))
        except Interrupted:
            return
        finally:
            self._tell(Ended(self.account.name))

    @property
    def _polled(self) -> bool:
        incoming = self.account.incoming
        return incoming is not None and incoming.protocol is Protocol.POP3

    def _lost(self, error: MailcliError) -> None:
        self._way = ""
        refused = isinstance(error, _REFUSALS)
        pause = self._timing.refused if refused else max(self._backoff.pause(), self._least, _asked(error))
        self._tell(Lost(self.account.name, error, pause, refused))
        if refused:
            self._ctx.secrets.forget()  # it may be mended meanwhile
        if not self._pause(pause):
            self._backoff.reset()

    def _pause(self, seconds: float) -> bool:
        """Wait; False if the machine slept meanwhile, which ends it. Raises Interrupted."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            select.select([self._ctx.cancel], [], [], min(left, self._timing.tick))
            self._ctx.cancel.check()
            if self._suspension.over():
                return False
        return True

    # -- POP3

    def _poll(self) -> None:
        """Sign in, download, sign out, wait: POP3 knows nothing else."""
        while True:
            report = self._fetch(FetchRequest(fail_if_locked=True), greeted=self._obey)
            if report.error is not None and not report.locked:
                raise report.error
            if report.locked:
                self._pause(self._timing.locked)
                continue
            self._settled("poll")
            self._pause(max(spread(self.account.watch_interval), self._least))

    def _obey(self, connection: Pop3Connection) -> None:
        """LOGIN-DELAY (RFC 2449 §6.5): signing in sooner is refused."""
        offered = connection.greeted.capabilities
        words = offered.parameters("LOGIN-DELAY") if offered is not None else ()
        if words and words[0].isascii() and words[0].isdigit():
            self._least = min(float(words[0]), 86400.0)

    # -- IMAP

    def _watch(self) -> None:
        """One connection, from signing in to its end, which is an exception."""
        from mailcli.sync.imap.server import Server
        from mailcli.sync.imap.watch import Watcher

        incoming = self.account.incoming
        assert incoming is not None
        if left := left_alone(self._ctx, self.account):
            self._pause(left)
        with (
            heeding(self._ctx, self.account),
            named(self.account),
            open_incoming_imap(self._ctx, self.account, deadlines()) as connection,
        ):
            watcher = Watcher(Server(connection, incoming.disabled), self.account)
            retry = self._synchronise(watcher, ())
            while True:
                if watcher.begin(self._known()):
                    noticed = True
                else:
                    if retry == _NEVER:
                        self._settled(watcher.way.value)
                    noticed = self._listen(watcher, retry)
                watcher.end()
                if noticed:
                    retry = self._synchronise(watcher, watcher.take())

    def _known(self) -> dict[str, FolderState]:
        return {row.name: row.state for row in self._ctx.store.sync_folders(self.account.name)}

    def _listen(self, watcher: Watcher, retry: float) -> bool:
        """Wait for something to fetch, at most until the watch has to be renewed. Whether there is.

        Raises _Woken when the machine slept: the connection would only be found dead much later.
        """
        timing = self._timing
        renewal = time.monotonic() + spread(watcher.renew(self.account.watch_interval))
        noticed = Debounce(timing.quiet, timing.longest)
        while True:
            if self._suspension.over():
                raise _Woken("the machine slept")
            now = time.monotonic()
            if now >= min(noticed.due, retry):
                return True
            if self._nudged.is_set() and self._something_to_push():
                return True
            if now >= renewal:
                return not watcher.precise
            if watcher.wait(min(noticed.due - now, retry - now, renewal - now, timing.tick)):
                noticed.note(time.monotonic())

    def _something_to_push(self) -> bool:
        """Whether more is pending than what the last fetch could not push either."""
        self._nudged.clear()
        if self.account.push == "manual":
            return False
        pending = self._ctx.store.pending(self.account.name)
        return bool(pending) and pending != self._pushed

    def _synchronise(self, watcher: Watcher, folders: tuple[str, ...]) -> float:
        """Fetch on the watching connection. Returns when to try again: after an error that has not
        cost us the connection. Raises the error that has."""
        while True:
            request = FetchRequest(folders=folders, fail_if_locked=True)
            report = self._fetch(request, watcher=watcher)
            if not report.locked:
                break
            # What the other fetch looked at before it changed is for us to fetch.
            if not self._pause(self._timing.locked):
                raise _Woken("the machine slept")
        self._pushed = self._ctx.store.pending(self.account.name)
        if report.error is None:
            self._retry.reset()
            return _NEVER
        if isinstance(report.error, Interrupted | Throttled):
            raise report.error  # whoever is to leave it alone does best by signing out
        try:
            watcher.alive()
        except Interrupted:
            raise
        except MailcliError:
            raise report.error from None
        self._way = ""
        pause = self._retry.pause()
        self._tell(Lost(self.account.name, report.error, pause))
        return time.monotonic() + pause

    # -- both

    def _fetch(
        self,
        request: FetchRequest,
        *,
        watcher: Watcher | None = None,
        greeted: Callable[[Pop3Connection], None] = lambda _: None,
    ) -> FetchReport:
        server = None if watcher is None else watcher.server
        report = fetch_account(self._ctx, self.account, request, deadlines(), server=server, greeted=greeted)
        if isinstance(report.error, Locked):
            report = report._replace(locked=True)
        if not report.locked:
            self._tell(Fetched(report))
        return report

    def _settled(self, way: str) -> None:
        self._backoff.reset()
        if way != self._way:
            self._tell(Watching(self.account.name, way))
        self._way = way


def _asked(error: MailcliError) -> float:
    """Seconds for which the server wants to be left alone."""
    return error.seconds if isinstance(error, Throttled) else 0.0


class _Woken(TryAgain):
    """The machine slept: connect again, at once."""
