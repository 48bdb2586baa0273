"""The world's IMAP server: pymap with its in-memory backend, embedded.

pymap offers UIDPLUS, MOVE, IDLE, BINARY and OBJECTID, but neither CONDSTORE nor special uses:
the folders Sent, Trash and so on are known by their names.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from argparse import Namespace
from collections.abc import Iterable

from proxyprotocol.reader import ProxyProtocolReader
from proxyprotocol.version import ProxyProtocolVersion
from pymap.backend.dict import Config, DictBackend, Identity, Login
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials.flag import Flag
from pymap.user import Passwords, UserMetadata


class ImapWorld:
    """Users and their mailboxes. All methods run in the world's event loop."""

    def __init__(self) -> None:
        args = Namespace(passlib_cfg=None, proxy_protocol=None)
        self._config = Config(
            args,
            host=None,
            port=0,
            tls_enabled=False,  # PLAIN and LOGIN in the clear: loopback only
            demo_data=False,
            demo_user="",
            demo_password="",
            cpu_subsystem=Subsystem.for_asyncio(),  # else a thread of its own to hash passwords
        )
        # pymap keeps its locks and events in a context variable
        self._config.apply_context()
        self._backend = DictBackend(Login(self._config), self._config)

    async def add_user(self, name: str, password: str, folders: Iterable[str]) -> None:
        hashed = await Passwords(self._config).hash_password(password)
        identity = self._identity(name)
        await identity.set(UserMetadata(self._config, name, password=hashed))
        async with identity.new_session() as session:
            for folder in folders:
                await session.mailbox_set.add_mailbox(folder)
                await session.mailbox_set.set_subscribed(folder, True)

    def _identity(self, name: str) -> Identity:
        return Identity(name, self._backend.login, None, frozenset())

    async def deliver(
        self, name: str, folder: str, message: bytes, flags: Iterable[str], date: datetime.datetime
    ) -> None:
        """Append a message (CRLF line ends); whoever idles on the folder is told."""
        wire_flags = frozenset(Flag(flag) for flag in flags)
        async with self._identity(name).new_session() as session:
            mailbox = await session.mailbox_set.get_mailbox(folder)
            await mailbox.append(AppendMessage(message, date, wire_flags))

    async def messages(self, name: str, folder: str) -> list[bytes]:
        """What the folder holds, in order of arrival."""
        found = []
        async with self._identity(name).new_session() as session:
            mailbox = await session.mailbox_set.get_mailbox(folder)
            async for message in mailbox.messages():
                found.append(bytes(message._content) if message._content else b"")
        return found

    async def serve(self, host: str) -> asyncio.Server:
        """Listen on a free port of `host`."""
        server = IMAPServer(self._backend.login, self._config)
        converse = ProxyProtocolReader(ProxyProtocolVersion.get(None)).get_callback(server)

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):  # the world ends
                await converse(reader, writer)

        return await asyncio.start_server(talk, host, 0)
