"""6,010 real messages from three mailing lists, through a real server and both protocols.

The proof that nothing is lost or changed on the way: they are loaded into Dovecot, fetched by
`mailcli fetch` over IMAP (three folders) and over POP3 (one maildrop), and held against the
originals, byte for byte. Runs where the corpus is: $MAILCLI_CORPUS, or ../shared/corpus.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailcli.app import listing, reading
from mailcli.app.context import Context
from tests.support.dovecot import Dovecot

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("MAILCLI_CORPUS") or ROOT.parent / "shared/corpus")
LISTS = ("linux-man", "usrp-users", "kasan-dev")

pytestmark = [
    pytest.mark.skipif(not (CORPUS / "lists").is_dir(), reason=f"no corpus at {CORPUS}"),
    pytest.mark.xdist_group("corpus"),
]


def wire(message: bytes) -> bytes:
    return re.sub(rb"\r?\n", b"\r\n", message)


def digest(message: bytes) -> str:
    return hashlib.sha256(message).hexdigest()


class Loaded:
    """A server that holds the corpus twice, and a profile that has fetched both."""

    def __init__(self, profile: Path, lists: dict[str, list[bytes]], user: str) -> None:
        self.profile = profile
        self.lists = lists
        self.user = user
        self.all = [message for messages in lists.values() for message in messages]
        self.first = self.fetch()

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "mailcli", "--profile", str(self.profile), *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    def fetch(self) -> dict[str, dict[str, Any]]:
        document = json.loads(self.run("fetch", "--json"))
        return {row["account"]: row for row in document["data"]}

    def context(self) -> Context:
        return Context.open(profile=self.profile)

    def summaries(self, account: str) -> Iterator[tuple[Context, str]]:
        ctx = self.context()
        try:
            for row in listing.search(ctx, (f"account:{account} in:any",)).rows:
                yield ctx, row.id
        finally:
            ctx.close()


@pytest.fixture(scope="module")
def loaded(dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    from tests.support.profiles import account_toml

    lists = {}
    for name in LISTS:
        with tarfile.open(CORPUS / f"lists/{name}.tar.xz", "r:xz") as archive:
            members = (archive.extractfile(member) for member in archive if member.isfile())
            lists[name] = [file.read() for file in members if file]
    assert sum(map(len, lists.values())) == 6010
    by_imap, by_pop3 = dovecot.user(), dovecot.user()
    for name, messages in lists.items():
        dovecot.fill(by_imap[0], messages, f"Lists/{name}")
    dovecot.fill(by_pop3[0], [message for messages in lists.values() for message in messages])
    profile = tmp_path_factory.mktemp("corpus")
    account_toml(profile, dovecot, *by_imap, name="imap")
    account_toml(profile, dovecot, *by_pop3, name="pop", protocol="pop3")
    return Loaded(profile, lists, by_imap[0])


def test_every_message_is_fetched_once_by_either_protocol(loaded: Loaded) -> None:
    assert loaded.first["imap"]["new"] == 6010
    assert loaded.first["pop"]["new"] == 6010


@pytest.mark.parametrize("account", ["imap", "pop"])
def test_what_is_stored_is_what_was_sent_byte_for_byte(loaded: Loaded, account: str) -> None:
    expected = Counter(digest(wire(message)) for message in loaded.all)
    stored = Counter(digest(ctx.store.open_bytes(id)) for ctx, id in loaded.summaries(account))
    assert stored == expected


def test_counts_agree_with_the_server(loaded: Loaded, dovecot: Dovecot) -> None:
    rows = json.loads(loaded.run("folder", "list", "-A", "imap", "--json"))["data"]
    here = {row["name"]: row["total"] for row in rows}
    for name in LISTS:
        folder = f"Lists/{name}"
        answer = dovecot.doveadm("mailbox", "status", "-u", loaded.user, "messages", folder)
        assert here[folder] == int(answer.rpartition("=")[2]) == len(loaded.lists[name])
        assert len(loaded.run("list", "-A", "imap", folder, "--ids").split()) == here[folder]


def test_every_message_can_be_read(loaded: Loaded) -> None:
    for ctx, id in loaded.summaries("imap"):
        message = reading.read(ctx, id)
        assert message.summary.sender
        assert message.reading.text or message.reading.parts


@pytest.mark.parametrize(
    ("query", "criteria"),
    [
        ("larger:20000", "LARGER 20000"),
        ("larger:60000", "LARGER 60000"),
        ("from:alx@kernel.org", 'HEADER FROM "alx@kernel.org"'),
        ("subject:pthread_cancel", 'HEADER SUBJECT "pthread_cancel"'),
        ("smaller:4000", "SMALLER 4000"),
        ("list:kasan-dev.googlegroups.com", 'HEADER LIST-ID "kasan-dev.googlegroups.com"'),
    ],
)
def test_searches_find_what_the_server_finds(
    loaded: Loaded, dovecot: Dovecot, query: str, criteria: str
) -> None:
    there = 0
    with dovecot.connect(loaded.user) as session:
        for name in LISTS:
            session.select(f"Lists/{name}", readonly=True)
            there += len(session.uid("SEARCH", criteria)[1][0].split())
    assert there, "the query must be about something"
    for account in ("imap", "pop"):
        assert int(loaded.run("-A", account, "search", "--count", query)) == there


def test_a_second_run_transfers_nothing(loaded: Loaded, data_commands: Callable[[], int]) -> None:
    before = data_commands()
    again = loaded.fetch()
    for row in again.values():
        assert (row["new"], row["changed"], row["gone"], row["pushed"]) == (0, 0, 0, 0)
        assert row["bytes"] == 0
    assert data_commands() == before


@pytest.fixture
def data_commands(dovecot: Dovecot) -> Callable[[], int]:
    """Messages whose bodies or headers Dovecot has given away so far, from its log."""

    def count() -> int:
        log = dovecot.log.read_text()
        imap = re.findall(r" (?:hdr|body)_count=(\d+)", log)
        pop3 = re.findall(r" (?:top|retr)=(\d+)/", log)
        return sum(map(int, imap)) + sum(map(int, pop3))

    return count
