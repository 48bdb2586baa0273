"""The mail world: its servers in one event loop on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TypeVar

from mailcli.demo import letters, pop3, smtp
from mailcli.demo.imap import ImapWorld
from mailcli.errors import LocalIOError
from mailcli.model.account import Account, Endpoint, Protocol, Tls
from mailcli.model.record import NamedTuple

HOST = "127.0.0.1"
DOMAIN = letters.DOMAIN
FOLDERS = ("Archive", "Drafts", "Sent", "Spam", "Trash")

T = TypeVar("T")


class Resident(NamedTuple):
    """Somebody who has mail here: how to reach it, and the password for both endpoints."""

    account: Account
    password: str


class World:
    """`with World() as world:` the servers run and `world.accounts` tells how to reach them.

    alice reads by IMAP, bob by POP3, and what one sends to the other arrives. `now` (seconds since
    the epoch) dates the mail that is there at the beginning: the last of it an hour ago.
    """

    def __init__(self, now: float | None = None) -> None:
        self._now = time.time() if now is None else now
        self._started: Future[None] = Future()
        self._loop = asyncio.new_event_loop()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="mail world", daemon=True)
        self._imap: ImapWorld | None = None
        self._drops: dict[str, pop3.Maildrop] = {}
        self.passwords: Mapping[str, str] = {"alice": "wonderland", "bob": "builder"}
        self.accounts: tuple[Resident, ...] = ()

    def __enter__(self) -> World:
        self._thread.start()
        try:
            self._started.result(timeout=30)
        except OSError as problem:
            self._thread.join()
            raise LocalIOError(f"the demo's servers cannot start: {problem}") from problem
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)

    # -- from other threads -------------------------------------------------------------------

    def deliver(self, user: str, message: bytes) -> None:
        """Put a message (CRLF line ends) into a resident's inbox."""
        self._call(self._deliver(f"{user}@{DOMAIN}", message))

    def inbox(self, user: str) -> list[bytes]:
        """The messages on the server, in order of arrival."""
        if user in self._drops:
            return list(self._drops[user].messages.values())
        assert self._imap is not None
        return self._call(self._imap.messages(user, "INBOX"))

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    # -- in the world's own thread ------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._live())
        except BaseException as problem:
            if self._started.done():
                raise
            self._started.set_exception(problem)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            asyncio.set_event_loop(None)
            self._loop.close()

    async def _live(self) -> None:
        self._stop = asyncio.Event()
        self._imap = ImapWorld()
        await self._imap.add_user("alice", self.passwords["alice"], FOLDERS)
        self._drops = {"bob": pop3.Maildrop(self.passwords["bob"])}
        await self._settle()
        async with contextlib.AsyncExitStack() as stack:
            ports = []
            for starting in (
                smtp.serve(self, self._deliver, HOST, DOMAIN),
                self._imap.serve(HOST),
                pop3.serve(self._drops, HOST, DOMAIN),
            ):
                server = await starting
                stack.callback(server.close)
                ports.append(server.sockets[0].getsockname()[1])
            self.accounts = (
                _resident("alice", "Alice Ng", self.passwords, Protocol.IMAP, ports[1], ports[0]),
                _resident("bob", "Bob Baumann", self.passwords, Protocol.POP3, ports[2], ports[0]),
            )
            self._started.set_result(None)
            await self._stop.wait()
        await self._hang_up()

    async def _hang_up(self) -> None:
        """End the connections that are still open, so that no task outlives the loop."""
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the next turn of the loop

    async def _settle(self) -> None:
        assert self._imap is not None
        for letter in letters.letters(self._now):
            if letter.owner in self._drops:
                self._drops[letter.owner].deliver(letter.data)
            else:
                date = datetime.fromtimestamp(letter.date, UTC)
                await self._imap.deliver(letter.owner, letter.folder, letter.data, letter.flags, date)

    def lives_here(self, address: str) -> bool:
        user, _, domain = address.lower().partition("@")
        return domain == DOMAIN and user in self.passwords

    async def _deliver(self, address: str, message: bytes) -> None:
        user = address.lower().partition("@")[0]
        if user in self._drops:
            self._drops[user].deliver(message)
        else:
            assert self._imap is not None
            await self._imap.deliver(user, "INBOX", message, (), datetime.now(UTC))


def _resident(
    user: str, full_name: str, passwords: Mapping[str, str], protocol: Protocol, port: int, smtp_port: int
) -> Resident:
    account = Account(
        name=user,
        email=f"{user}@{DOMAIN}",
        full_name=full_name,
        aliases=(),
        incoming=Endpoint(protocol, HOST, port, Tls.NONE, user),
        sending=Endpoint(Protocol.SMTP, HOST, smtp_port, Tls.NONE, user),
    )
    return Resident(account, passwords[user])
