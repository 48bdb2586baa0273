"""Sending, cut: accepted once at most, and never after it was told that it may be sent again.

Whether the server has a message is read off Postfix's log. What the outbox calls unknown is sent again
only when the user says so.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from mailcli.app import holding, outbox, preparing, sending
from mailcli.app.context import Context
from mailcli.app.once import once
from mailcli.app.preparing import Prepared
from mailcli.errors import MailcliError
from tests.support.crash import children, sites
from tests.support.crash.children import Ended
from tests.support.crash.flows import pick
from tests.support.crash.trial import Flow, Template, Trial, Verdict, open_context
from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix
from tests.support.profiles import account_toml

RECIPIENT = "somebody@mail.test"
UNKNOWN = 79
TRY_AGAIN = 75


class Log:
    """What Postfix's log tells, read as it grows: sessions, and by sender how often each message was
    accepted."""

    def __init__(self, postfix: Postfix) -> None:
        self._path = postfix.log
        self._offset = 0
        self.begun = self.ended = 0
        self.accepted: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._named: dict[str, str] = {}

    def read(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        self._offset += len(data)
        for line in data.decode(errors="replace").splitlines():
            if "smtpd[" in line:
                self.begun += ": connect from" in line
                self.ended += ": disconnect from" in line
            elif found := re.search(r"cleanup\[\d+\]: (\w+): message-id=(.*)", line):
                self._named[found[1]] = found[2]
            elif found := re.search(r"qmgr\[\d+\]: (\w+): from=<([^>]*)>.*queue active", line):
                self.accepted[found[2]][self._named.get(found[1], found[1])] += 1

    def settled(self, sessions: int) -> None:
        """Wait until so many sessions have begun since the start, and all have ended."""
        end = time.monotonic() + 1
        self.read()
        while (self.begun < sessions or self.ended < self.begun) and time.monotonic() < end:
            time.sleep(0.005)
            self.read()


# -- commands ----------------------------------------------------------------------------------


def _letter(ctx: Context) -> Prepared:
    body = "a line\n.\n..two dots\n" + "x" * 70 + "\n"
    return preparing.prepare(ctx, preparing.SendRequest(to=[RECIPIENT], subject="a letter", text=body))


def _send(ctx: Context, deadline: float | None) -> MailcliError | None:
    delivery = sending.Delivery(deadline=deadline, ehlo="localhost")
    return sending.failure(sending.deliver(ctx, _letter(ctx), delivery))


def _send_once(ctx: Context, deadline: float | None) -> MailcliError | None:
    letter, delivery = _letter(ctx), sending.Delivery(deadline=deadline, ehlo="localhost")
    sent = once(ctx, "key", letter, lambda key, _: sending.deliver(ctx, letter, delivery._replace(key=key)))
    return sending.failure(sent)


def _queue(ctx: Context, deadline: float | None) -> MailcliError | None:
    waiting = outbox.entry(_letter(ctx), ctx.clock(), ehlo="localhost")
    return sending.failure(outbox.queue(ctx, waiting))


def _queue_once(ctx: Context, deadline: float | None) -> MailcliError | None:
    letter = _letter(ctx)
    waiting = outbox.entry(letter, ctx.clock(), ehlo="localhost")
    sent = once(ctx, "key", letter, lambda key, _: outbox.queue(ctx, waiting._replace(key=key)))
    return sending.failure(sent)


def _run(ctx: Context, deadline: float | None) -> MailcliError | None:
    return next((r.error for r in outbox.run(ctx) if r.error is not None), None)


COMMANDS: Mapping[str, Callable[[Context, float | None], MailcliError | None]] = {
    "send": _send,
    "send under a key": _send_once,
    "queue": _queue,
    "queue under a key": _queue_once,
    "outbox run": _run,
    "outbox run of two": _run,
}
"""What is cut, by the name of its flow."""


def do(name: str, profile: Path, deadline: float | None = None) -> None:
    """A command, in this process. Raises the error it would end with."""
    ctx = open_context(profile)
    error = COMMANDS[name](ctx, deadline)
    ctx.close()
    if error is not None:
        raise error


# -- trials ------------------------------------------------------------------------------------


class Sending(Template):
    """A template whose command is one of COMMANDS; `log` tells what became of the message."""

    def __init__(
        self,
        server: Dovecot,
        postfix: Postfix,
        directory: Path,
        name: str = "send",
        *,
        tls: str = "none",
        settings: str = "",
    ) -> None:
        self.postfix, self._settings = postfix, settings
        self.log = Log(postfix)
        self.log.settled(0)
        self.sessions = self.log.begun
        super().__init__(server, directory, Flow(name, "imap", lambda template: template.fetch()), tls=tls)

    def configure(self, profile: Path, user: str, password: str, port: int = 0) -> None:
        (profile / "config.toml").unlink(missing_ok=True)
        account_toml(
            profile,
            self.server,
            user,
            password,
            postfix=self.postfix,
            tls="none",
            smtp_tls=self.tls,
            smtp_port=port or self.target,
        )
        with (profile / "config.toml").open("a") as file:
            file.write(f"{self._settings}\n" + 'auth = "none"\n' * (self.tls == "none"))

    @property
    def target(self) -> int:
        ports = {"implicit": "submissions", "starttls": "submission", "none": "smtp"}
        return int(getattr(self.postfix, ports[self.tls]))

    @property
    def expected(self) -> sites.End:
        return sites.End({}, {}, [])

    def trial(self, *, home: Path | None = None) -> SendTrial:
        kinds = {
            "send": SendTrial,
            "queue": QueueTrial,
            "outbox run": RunTrial,
            "outbox run of two": TwoTrial,
        }
        kind = kinds.get(self.flow.name, KeyTrial)
        return kind(self, next(self._numbers), home or self.server.maildir(self.user).parent)


class SendTrial(Trial):
    """So many `letters`, from an address nobody else uses."""

    template: Sending
    failures = frozenset({UNKNOWN})
    letters = 1

    def command(self, deadline: float | None = None) -> None:
        do(self.flow.name, self.profile, deadline)

    def accepted(self, sure: int) -> Counter[str]:
        """How often the server took each message, once no session is open any more; `sure` of them it
        must have."""
        template = self.template
        template.sessions += self.connections
        self.connections = 0
        template.log.settled(template.sessions)
        template.sessions = template.log.begun  # one that was reset at once is not in the log
        end = time.monotonic() + (5 if sure else 0.05)
        address = template.server.address(self.user)
        taken = template.log.accepted[address]
        while taken.total() < max(sure, 1) and time.monotonic() < end:
            time.sleep(0.005)  # the queue manager speaks a moment after the session
            template.log.read()
        return Counter(taken)

    def judge(self) -> Verdict:
        assert self.told is not None
        code = self.told.code
        taken = self.accepted(code == 0).total()
        if code not in (0, UNKNOWN) and not self.told.killed and taken:
            return Verdict(0, taken, f"told {code} ({self.told.message}), and the server had accepted it")
        if code == TRY_AGAIN:
            again = self.run()
            if again.code != 0:
                return Verdict(wrong=f"sending again ended with {again}")
            code, taken = 0, self.accepted(1).total()
        return self._verdict(taken, sure=code == 0, after=str(code))

    def _verdict(self, taken: int, *, sure: bool, after: str) -> Verdict:
        """`sure`: they were sent, as far as anybody was told."""
        here, there, noise = self._copies()
        owed = sure and not self.disk_failed  # a copy that cannot be kept is a notice
        if not noise and (here != there or here > self.letters or (owed and here != self.letters)):
            noise = f"copies in Sent: {here} here, {there} there, after {after}"
        lost = max(self.letters - taken, 0) if sure else 0
        return Verdict(lost, max(taken, here, there, self.letters) - self.letters, noise)

    def _copies(self) -> tuple[int, int, str]:
        def work() -> object:
            noise = self._until_quiet()
            ctx = open_context(self.profile)
            assert not ctx.store.check()
            count = len(pick(ctx, "Sent", "a letter"))
            ctx.close()
            return [count, noise]

        ended = children.run(work)
        if ended.code != 0:
            return 0, 0, f"fetching afterwards ended with {ended.code}: {ended.message}"
        count, noise = ended.value
        return count, len(sites.on_server(self.server, self.user).get("Sent", [])), noise


class KeyTrial(SendTrial):
    """A script that was cut runs again with the same key, and again: sent once, and told the same."""

    def judge(self) -> Verdict:
        again = self._again()
        taken = self.accepted(again.code == 0).total()
        if again.code not in (0, UNKNOWN):
            return Verdict(0, taken, f"running it again ended with {again}")
        third = self._again()
        if third.code != again.code:
            return Verdict(0, taken, f"told {again.code}, and then {third}")
        return self._verdict(self.accepted(0).total(), sure=third.code == 0, after=str(third.code))

    def _again(self) -> Ended:
        """And then the outbox, which may have been given the message."""

        def flush() -> None:
            ctx = open_context(self.profile)
            outbox.run(ctx)
            ctx.close()

        again = self.run()
        ended = children.run(flush)
        return again if ended.code == 0 else ended


class QueueTrial(SendTrial):
    """The outbox is run until it rests: what it was told to have is sent. Only of what is unknown may
    there be two, once the user has asked for another try."""

    owed = False

    def judge(self) -> Verdict:
        assert self.told is not None
        left, wrong = self._rest()
        if wrong:
            return Verdict(wrong=wrong)
        owed = self.owed or self.told.code == 0
        taken = self.accepted(self.letters - len(left) if owed else 0)
        twice = taken.total() - len(taken)
        if twice:
            return Verdict(0, twice, f"sent twice by itself, and {left} is left")
        if set(left.values()) - {"unknown"}:
            return Verdict(wrong=f"the outbox rests with {left}")
        if left:
            due = taken + Counter(left.keys())
            left, wrong = self._rest(retry=True)
            taken = self.accepted(due.total())
            if wrong or left or taken != due:
                return Verdict(wrong=wrong or f"after the retry it rests with {left}; taken: {taken}")
        return self._verdict(len(taken), sure=owed or bool(taken), after="the outbox rests")

    def _rest(self, *, retry: bool = False) -> tuple[dict[str, str], str]:
        """Run the outbox twice: what it has then, by Message-ID, and what went wrong."""

        def work() -> object:
            ctx = open_context(self.profile)
            if retry:
                holding.retry(ctx, [row.entry.id for row in outbox.listed(ctx)])
            for _ in range(2):
                outbox.run(ctx)
            left = {f"<{row.entry.message_id}>": row.word for row in outbox.listed(ctx)}
            ctx.close()
            return left

        ended = children.run(work)
        return ended.value or {}, f"running the outbox ended with {ended}" if ended.code else ""


class RunTrial(QueueTrial):
    """What was queued before, without a network."""

    owed = True

    def __init__(self, template: Sending, number: int, home: Path) -> None:
        super().__init__(template, number, home)

        def work() -> None:
            ctx = open_context(self.profile, offline=True)
            for _ in range(self.letters):
                _queue(ctx, None)
            ctx.close()

        ended = children.run(work)
        assert ended.code == 0, ended


class TwoTrial(RunTrial):
    """Two, on one connection."""

    letters = 2
