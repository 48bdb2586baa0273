"""A profile on the test servers, used through the application layer as the commands use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailcli.app.context import Context
from mailcli.app.fetching import FetchReport, FetchRequest, fetch
from mailcli.model.message import Summary
from tests.support.dovecot import Dovecot
from tests.support.maildrop import Mail, Maildrop
from tests.support.pop3_box import Box
from tests.support.postfix import Postfix
from tests.support.profiles import account_toml
from tests.support.program import Mailbox, Program

MESSAGE = """\
From: Alice Ng <alice@example.org>
To: bob@example.org
Subject: {subject}
Message-ID: <{id}@example.org>
Date: Mon, 2 Nov 2015 10:00:00 +0100

{body}
"""


def message(subject: str, body: str = "hello", id: str = "") -> bytes:
    """A small message with LF line ends; its Message-ID follows from the subject unless given."""
    return MESSAGE.format(subject=subject, body=body, id=id or subject.replace(" ", ".")).encode()


class Profile:
    """One user of the test Dovecot, with an account `test` in a profile of its own."""

    def __init__(self, directory: Path, server: Dovecot, user: str) -> None:
        self.directory = directory
        self.server = server
        self.user = user
        self.notices: list[str] = []
        self._contexts: list[Context] = []
        self.ctx = self.open()

    def open(self, *, offline: bool = False) -> Context:
        ctx = Context.open(
            profile=self.directory,
            offline=offline,
            notice=self.notices.append,
            environ={"HOME": "/proc/nonexistent"},
        )
        self._contexts.append(ctx)
        return ctx

    def fetch(self, request: FetchRequest | None = None) -> FetchReport:
        """Fetch the one account; raises its error."""
        (report,) = fetch(self.ctx, request or FetchRequest())
        if report.error is not None:
            raise report.error
        return report

    def rows(self, folder: str = "INBOX") -> list[Summary]:
        key = self.ctx.store.find_folder("test", folder).key
        return list(self.ctx.store.summaries(folders=[key]).rows)

    def id(self, subject: str, folder: str = "INBOX") -> str:
        (found,) = [r.id for r in self.rows(folder) if r.subject == subject]
        return found

    def in_step(self) -> None:
        """Assert that every folder holds the same messages with the same flags on both sides."""
        for folder in self.ctx.store.folders("test"):
            agreed = {a.uid: a.flags for a in self.ctx.store.agreed(folder.key)}
            assert agreed == self.server.flags(self.user, folder.name), folder.name
            rows = {r.id for r in self.rows(folder.name)}
            assert rows == {a.id for a in self.ctx.store.agreed(folder.key)}, folder.name

    def close(self) -> None:
        for ctx in self._contexts:
            ctx.close()


@pytest.fixture
def make_profile(tmp_path: Path, dovecot: Dovecot) -> Iterator[Callable[..., Profile]]:
    """Makes a profile for a new user; words as for `account_toml`."""
    made: list[Profile] = []

    def make(**words: object) -> Profile:
        user, password = dovecot.user()
        directory = tmp_path / user
        account_toml(directory, dovecot, user, password, **words)  # type: ignore[arg-type]
        made.append(Profile(directory, dovecot, user))
        return made[-1]

    yield make
    for profile in made:
        profile.close()


@pytest.fixture
def imap(make_profile: Callable[..., Profile]) -> Profile:
    return make_profile()


@pytest.fixture
def pop3(make_profile: Callable[..., Profile]) -> Profile:
    return make_profile(protocol="pop3")


@pytest.fixture
def sending(make_profile: Callable[..., Profile], postfix: Postfix) -> Profile:
    return make_profile(postfix=postfix)


@pytest.fixture
def make_mailbox(tmp_path: Path, dovecot: Dovecot) -> Callable[..., Mailbox]:
    """Makes a new user with so many messages of a size, and a profile for the program as a process;
    more words as for `account_toml`."""

    def make(protocol: str = "imap", count: int = 3, size: int = 100, **words: object) -> Mailbox:
        user, password = dovecot.user()
        body = "\n".join(["a line of some text, 60 octets long with its end of line ...."] * (size // 60))
        dovecot.fill(user, [message(f"m{n:04}", body) for n in range(count)])
        account_toml(tmp_path / user, dovecot, user, password, protocol=protocol, **words)  # type: ignore[arg-type]
        return Mailbox(Program(tmp_path / user), dovecot, user, protocol, count)

    return make


MakeBox = Callable[..., Box]


@pytest.fixture
def make_box(tmp_path: Path) -> Iterator[MakeBox]:
    """Makes an account `box` at a new maildrop: its mail, then settings of the pop3 table."""
    drops: list[Maildrop] = []

    def made(mail: list[Mail] | int = 3, settings: str = "") -> Box:
        drops.append(Maildrop(mail).__enter__())
        return Box(tmp_path / f"p{len(drops)}", drops[-1], settings)

    yield made
    for drop in drops:
        drop.__exit__()
