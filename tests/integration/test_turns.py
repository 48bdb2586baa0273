"""What a run costs on a long wire: how often the client waits for the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailcli.app import sending as app
from mailcli.app.preparing import SendRequest, prepare
from mailcli.app.sending import Delivery
from tests.integration.conftest import Profile, message
from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix
from tests.support.proxy import Proxy

FAREWELL = 1
"""Good-bye is said, and nothing waited for. TCP's own round trip is not among the proxy's turns."""


@pytest.mark.parametrize(("protocol", "port", "waits"), [("imap", "imaps", 4), ("pop3", "pop3s", 3)])
def test_a_fetch_with_nothing_new(
    make_profile: Callable[..., Profile], dovecot: Dovecot, protocol: str, port: str, waits: int
) -> None:
    # Long enough that the server's good-bye does not come between ours and that of TLS.
    with Proxy(getattr(dovecot, port), delay=0.02) as proxy:
        profile = make_profile(protocol=protocol, incoming_port=proxy.port)
        for n in range(3):
            dovecot.append(profile.user, "INBOX", message(f"number {n}"))
        assert profile.fetch().new == 3
        proxy.take(1)
        assert profile.fetch().new == 0
        (traffic,) = proxy.take(1)
    assert traffic.turns == waits + FAREWELL


@pytest.mark.parametrize(
    ("tls", "port", "waits"), [("implicit", "submissions", 6), ("starttls", "submission", 8)]
)
def test_a_message_sent(
    make_profile: Callable[..., Profile], postfix: Postfix, tls: str, port: str, waits: int
) -> None:
    with Proxy(getattr(postfix, port)) as proxy:
        profile = make_profile(
            postfix=postfix, smtp_port=proxy.port, smtp_tls=tls, settings="save_sent = false"
        )
        address = profile.server.address(profile.user)
        prepared = prepare(profile.ctx, SendRequest(to=[address], subject="s", text="x\n"))
        sent = app.deliver(profile.ctx, prepared, Delivery())
        assert [o.outcome for o in sent.recipients] == ["sent"]
        (traffic,) = proxy.take(1)
    assert traffic.turns in (waits, waits + FAREWELL)  # QUIT went with the body; TLS's own good-bye
