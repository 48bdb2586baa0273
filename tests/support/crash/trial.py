"""One trial: a mailbox on the server and a profile, both copied from a template, and what became of
them after a cut."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mailcli.app import pushing
from mailcli.app.context import Context
from mailcli.app.fetching import FetchReport, FetchRequest, fetch
from mailcli.store import disk
from mailcli.sync.imap import connections, download, retrieval
from tests.support.crash import children, sites
from tests.support.crash.children import Ended
from tests.support.crash.sites import Boxes, End
from tests.support.dovecot import Dovecot
from tests.support.profiles import account_toml

ROUNDS = 8
LONG_AGO = 1_500_000_000


class Flow(NamedTuple):
    """What is cut: the fetch `request`, or a `change` of messages. `arrange` brings a template into
    the state it begins with. Afterwards the change is done again, so it must do only what is still
    to do, and it is fetched until all is quiet. `incoming` are more lines of the account's table.
    `known`: where octets are cut, the server has been looked at before, so that nothing is asked twice."""

    name: str
    protocol: str
    arrange: Callable[[Template], None]
    request: FetchRequest = FetchRequest()
    change: Callable[[Context], None] | None = None
    incoming: str = ""
    known: bool = False


class Verdict(NamedTuple):
    """What a cut did. `wrong` says what else differs from the end of a run that was not cut."""

    lost: int = 0
    doubled: int = 0
    wrong: str = ""

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.wrong)


def open_context(profile: Path, *, offline: bool = False) -> Context:
    return Context.open(profile=profile, environ={"HOME": "/proc/nonexistent"}, offline=offline)


def fetched(ctx: Context, request: FetchRequest) -> FetchReport:
    """Fetch the one account; raises its error."""
    (report,) = fetch(ctx, request)
    if report.error is not None:
        raise report.error
    return report


def do(flow: Flow, profile: Path, deadline: float | None = None) -> None:
    """What the flow is, in this process. A change spends no longer than `deadline` on its server."""
    if "connections" in flow.incoming:
        _open_eagerly()
    ctx = open_context(profile)
    if flow.change is not None:
        if deadline is not None:
            pushing.PATIENCE = deadline  # type: ignore[misc]
        flow.change(ctx)
    else:
        fetched(ctx, flow.request._replace(deadline=deadline))
    ctx.close()


def _open_eagerly() -> None:
    """As many connections as are allowed, at once, though there is little to share."""
    download.CHUNK_MESSAGES = 3  # type: ignore[misc]
    retrieval.IN_FLIGHT_MOST = 1  # type: ignore[misc]
    connections.WORTH_MESSAGES = 1  # type: ignore[misc]
    connections.PACE = 0.0  # type: ignore[misc]
    connections.IDLE = -1.0  # type: ignore[misc]
    connections.BUSY = float("inf")  # type: ignore[misc]


class Template:
    """A user and a profile in the state in which a flow begins."""

    def __init__(self, server: Dovecot, directory: Path, flow: Flow, *, tls: str = "none") -> None:
        children.warm()
        self.server, self.flow, self.tls = server, flow, tls
        self.directory = directory / f"{flow.name}-{tls}".replace(" ", "-")
        self.user, self._password = server.user()
        self.profile = self.directory / "template"
        self._numbers = itertools.count(1)
        self.configure(self.profile, self.user, self._password)
        flow.arrange(self)
        time.sleep(0.1)  # Dovecot's last words to its index files
        home = server.maildir(self.user)
        self.contents = set(sites.counted(sites.in_maildir(home))) | sites.contents_here(self.profile)
        self._expected: End | None = None

    def configure(self, profile: Path, user: str, password: str, port: int = 0) -> None:
        """Write the profile's configuration; the server's own port unless another is given."""
        (profile / "config.toml").unlink(missing_ok=True)
        account_toml(
            profile,
            self.server,
            user,
            password,
            protocol=self.flow.protocol,
            tls=self.tls,
            incoming_port=port,
            incoming=self.flow.incoming,
        )

    @property
    def target(self) -> int:
        """The server's port."""
        tail = "s" if self.tls == "implicit" else ""
        return int(getattr(self.server, self.flow.protocol + tail))

    @property
    def expected(self) -> End:
        """The end of a run that nothing cuts."""
        if self._expected is None:
            trial = self.trial()
            ended = trial.run()
            assert ended.code == 0, ended
            self._expected, _ = trial.settled()
            trial.remove()
        return self._expected

    def fetch(self) -> None:
        """A whole fetch into the template's profile."""
        self.here(lambda ctx: fetched(ctx, FetchRequest()))

    def here(self, work: Callable[[Context], object], *, offline: bool = False) -> None:
        """Something done in the template's profile."""

        def in_context() -> None:
            ctx = open_context(self.profile, offline=offline)
            work(ctx)
            ctx.close()

        ended = children.run(in_context)
        assert ended.code == 0, ended

    def trial(self, *, home: Path | None = None) -> Trial:
        """A copy of the whole, of the server's part in `home` if that is given."""
        return Trial(self, next(self._numbers), home or self.server.maildir(self.user).parent)


class Trial:
    """One copy. `run` does the flow's command, `judge` brings it to its end and compares.
    `connections` counts those to the server that went through a relay, `failures` are exit codes a
    lost connection may end with besides 75. `told` is how the last run ended."""

    told: Ended | None = None
    connections = 0
    disk_failed = False
    failures: frozenset[int] = frozenset()

    def __init__(self, template: Template, number: int, home: Path) -> None:
        self.template, self.flow, self.server = template, template.flow, template.server
        self.user, self._password = self.server.user()
        self.profile = template.directory / str(number)
        sites.copy_home(self.server, home, self.server.maildir(self.user).parent)
        shutil.copytree(template.profile, self.profile)
        self.configure()

    def configure(self, port: int = 0) -> None:
        self.template.configure(self.profile, self.user, self._password, port)

    def run(
        self,
        cutting: Callable[[], object] = lambda: None,
        *,
        deadline: float | None = None,
        meanwhile: Callable[[int], None] | None = None,
    ) -> Ended:
        """The command in a child that does `cutting` first; its value is what that gave."""

        def work() -> object:
            told = cutting()
            self.command(deadline)
            return told() if callable(told) else told

        self.told = children.run(work, meanwhile)
        return self.told

    def look(self, meanwhile: Callable[[int], object]) -> None:
        """See what is new, and bring none of it."""

        def work() -> None:
            ctx = open_context(self.profile)
            fetched(ctx, FetchRequest(count=True))
            ctx.close()

        ended = children.run(work, meanwhile)
        assert ended.code == 0, ended

    def command(self, deadline: float | None = None) -> None:
        """The flow's command, in this process."""
        do(self.flow, self.profile, deadline)

    # -- judging -------------------------------------------------------------------------------

    def lost(self) -> int:
        """Contents that are neither on the server nor here."""
        end = time.monotonic() + 3
        while True:
            there = set(sites.counted(sites.on_server(self.server, self.user)))
            missing = self.template.contents - there - sites.contents_here(self.profile)
            if not missing or time.monotonic() > end:
                return len(missing)
            time.sleep(0.02)  # a rename of the server's may have been under way

    def settled(self) -> tuple[End, str]:
        """Do the command again and fetch until all is quiet: both sides, and what went wrong."""

        def work() -> object:
            if self.flow.change is not None:
                self.command()
            noise = self._until_quiet()
            ctx = open_context(self.profile)
            boxes, recovery = sites.local_end(ctx, self.profile)
            ctx.close()
            return [boxes, recovery, noise]

        ended = children.run(work)
        if ended.code != 0:
            return End({}, {}, []), f"running it again ended with {ended.code}: {ended.message}"
        boxes, recovery, noise = ended.value
        return End(self._server_end(boxes), boxes, recovery), noise

    def _until_quiet(self) -> str:
        """Fetch until a run has nothing to do and writes nothing."""
        for _ in range(ROUNDS):
            self._age()
            commits: list[str] = []
            disk.failpoint = lambda name, path, to=commits: to.append(name)
            ctx = open_context(self.profile)
            report = fetched(ctx, self.flow.request)
            ctx.close()
            disk.failpoint = None
            active = report.new or report.changed or report.gone or report.pushed
            if not active and "commit" not in commits:
                return ""
        return f"it does not become quiet: {report}"

    def _age(self) -> None:
        """The mail's directories were changed long ago: those of just now are looked at again."""
        for directory, _, _ in os.walk(self.profile / "data/mail"):
            os.utime(directory, (LONG_AGO, LONG_AGO))

    def _server_end(self, local: Boxes) -> Boxes:
        """The server's mailbox; Dovecot may still be writing what it has confirmed."""
        end = time.monotonic() + 2
        while True:
            boxes = sites.on_server(self.server, self.user)
            expected = self.template._expected
            if expected is None or boxes == expected.server or time.monotonic() > end:
                return boxes
            time.sleep(0.02)

    def judge(self) -> Verdict:
        """Lost now, or lost or doubled once it was run again until quiet."""
        expected = self.template.expected
        lost = self.lost()
        end, wrong = self.settled()
        if wrong:
            return Verdict(max(lost, self.lost()), 0, wrong)
        doubled = max(
            sum((sites.counted(got) - sites.counted(want)).values())
            for got, want in ((end.server, expected.server), (end.local, expected.local))
        )
        if end != expected:
            wrong = _difference(expected, end)
        return Verdict(max(lost, self.lost()), doubled, wrong)

    def remove(self) -> None:
        """Both copies, once judged well."""
        shutil.rmtree(self.profile)
        shutil.rmtree(self.server.maildir(self.user).parent, ignore_errors=True)


def _difference(expected: End, end: End) -> str:
    lines = []
    for name, want, got in zip(End._fields, expected, end, strict=True):
        if want != got:
            lines.append(f"{name}: expected {_short(want)}, got {_short(got)}")
    return "; ".join(lines)


def _short(value: object) -> object:
    if isinstance(value, dict):
        return {key: [f"{row[0][:6]} {row[1]}".strip() for row in rows] for key, rows in value.items()}
    return [text[:6] for text in value] if isinstance(value, list) else value
