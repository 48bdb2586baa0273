"""The world's submission server: aiosmtpd with the residents' passwords, delivering at once."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Deliver = Callable[[str, bytes], Awaitable[None]]
"""Puts a message (CRLF) where the resident with this address reads it."""


class Residents(Protocol):
    """What the server asks about people: whether an address is theirs, and their passwords."""

    def lives_here(self, address: str) -> bool: ...

    @property
    def passwords(self) -> Mapping[str, str]: ...


class Submission:
    """aiosmtpd calls the `handle_…` methods; each returns the reply."""

    def __init__(self, residents: Residents, deliver: Deliver, domain: str) -> None:
        self._residents = residents
        self._deliver = deliver
        self._domain = domain
        self._numbers = itertools.count(1)

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        known = isinstance(data, LoginPassword) and (
            self._residents.passwords.get(data.login.decode()) == data.password.decode()
        )
        return AuthResult(success=known, handled=False)

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Please sign in first"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not address.lower().endswith("@" + self._domain):
            return f"550 5.7.1 This world ends at {self._domain}"
        if not self._residents.lives_here(address):
            return "550 5.1.1 Nobody of that name lives here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        number = next(self._numbers)
        trace = f"Return-Path: <{envelope.mail_from}>\r\nReceived: from {session.host_name} by {self._domain}"
        for recipient in envelope.rcpt_tos:
            await self._deliver(recipient, f"{trace} id {number}\r\n".encode() + content)
        return f"250 2.0.0 Delivered as {number}"


async def serve(residents: Residents, deliver: Deliver, host: str, domain: str) -> asyncio.Server:
    """Listen on a free port of `host`."""
    handler = Submission(residents, deliver, domain)
    loop = asyncio.get_running_loop()
    # aiosmtpd warns of its own use of a deprecated attribute at each AUTH
    logging.getLogger("mail.log").setLevel(logging.ERROR)

    def connection() -> SMTP:
        return SMTP(
            handler,
            hostname=domain,
            ident="mailcli demo",
            loop=loop,
            enable_SMTPUTF8=True,
            auth_require_tls=False,  # loopback only; MAIL is refused without AUTH
            authenticator=handler.authenticate,
        )

    return await loop.create_server(connection, host, 0)
