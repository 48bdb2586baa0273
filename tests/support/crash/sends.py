"""Sending, cut: accepted once at most, and never after it was told that it may be sent again."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

from mailcli.app import preparing, sending
from mailcli.app.context import Context
from mailcli.model.draft import Sent
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
    """What Postfix's log tells, read as it grows: sessions, and messages accepted by sender."""

    def __init__(self, postfix: Postfix) -> None:
        self._path = postfix.log
        self._offset = 0
        self.begun = self.ended = 0
        self.accepted: Counter[str] = Counter()

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
            elif found := re.search(r"qmgr\[\d+\]: \w+: from=<([^>]*)>.*queue active", line):
                self.accepted[found[1]] += 1

    def settled(self, sessions: int) -> None:
        """Wait until so many sessions have begun since the start, and all have ended."""
        end = time.monotonic() + 1
        self.read()
        while (self.begun < sessions or self.ended < self.begun) and time.monotonic() < end:
            time.sleep(0.005)
            self.read()


class Sending(Template):
    """A template whose command sends a message; `log` tells what became of it."""

    def __init__(self, server: Dovecot, postfix: Postfix, directory: Path, *, tls: str = "none") -> None:
        self.postfix = postfix
        self.log = Log(postfix)
        self.log.settled(0)
        self.sessions = self.log.begun
        flow = Flow("send", "imap", lambda template: template.fetch())
        super().__init__(server, directory, flow, tls=tls)

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
        if self.tls == "none":
            with (profile / "config.toml").open("a") as file:
                file.write('auth = "none"\n')

    @property
    def target(self) -> int:
        return self.postfix.submissions if self.tls == "implicit" else self.postfix.smtp

    @property
    def expected(self) -> sites.End:
        return sites.End({}, {}, [])

    def trial(self, *, home: Path | None = None) -> SendTrial:
        return SendTrial(self, next(self._numbers), home or self.server.maildir(self.user).parent)


class SendTrial(Trial):
    """One message, from an address nobody else uses. `told` is what the last run ended with."""

    template: Sending
    told: Ended | None = None
    failures = frozenset({UNKNOWN})

    def run(self, *args: object, **words: object) -> Ended:
        self.told = super().run(*args, **words)  # type: ignore[arg-type]
        return self.told

    def command(self, deadline: float | None = None) -> None:
        ctx = open_context(self.profile)
        sent = self._send(ctx, deadline)
        error = sending.failure(sent)
        ctx.close()
        if error is not None:
            raise error

    def _send(self, ctx: Context, deadline: float | None) -> Sent:
        body = "a line\n.\n..two dots\n" + "x" * 70 + "\n"
        request = preparing.SendRequest(to=[RECIPIENT], subject="a letter", text=body)
        delivery = sending.Delivery(deadline=deadline, ehlo="localhost")
        return sending.deliver(ctx, preparing.prepare(ctx, request), delivery)

    def accepted(self) -> int:
        """How often the server took it, once no session is open any more."""
        template = self.template
        template.sessions += self.connections
        self.connections = 0
        template.log.settled(template.sessions)
        template.sessions = template.log.begun  # one that was reset at once is not in the log
        end = time.monotonic() + 0.05
        address = template.server.address(self.user)
        sure = self.told is not None and self.told.code == 0
        while not template.log.accepted[address] and (sure or time.monotonic() < end):
            assert time.monotonic() < end + 5, "told that it was sent, and Postfix has not got it"
            time.sleep(0.005)  # the queue manager speaks a moment after the session
            template.log.read()
        return template.log.accepted[address]

    def judge(self) -> Verdict:
        assert self.told is not None
        code, taken = self.told.code, self.accepted()
        if code not in (0, UNKNOWN) and not self.told.killed and taken:
            return Verdict(0, taken, f"told {code} ({self.told.message}), and the server had accepted it")
        if code == TRY_AGAIN:
            again = self.run()
            if again.code != 0:
                return Verdict(wrong=f"sending again ended with {again}")
            code, taken = 0, self.accepted()
        lost, doubled = int(code == 0 and not taken), max(0, taken - 1)
        here, there, noise = self._copies()
        owed = code == 0 and not self.disk_failed  # a copy that cannot be kept is a notice
        if not noise and (here != there or here > 1 or (owed and here != 1)):
            noise = f"copies in Sent: {here} here, {there} there, after {code}"
        return Verdict(lost, max(doubled, here - 1, there - 1, 0), noise)

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
