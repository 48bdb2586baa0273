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


SIGNING_IN = 3
"""TLS, the greeting, the password; one more turn asks for all folders."""


def spread(dovecot: Dovecot, user: str, folders: int, filled: int) -> list[str]:
    """So many folders, the inbox among them; the first of them have three messages each."""
    names = ["INBOX", *(f"f{n:03}" for n in range(1, folders))]
    for n, name in enumerate(names):
        dovecot.fill(user, (message(f"{name} {m}") for m in range(3 if n < filled else 0)), name)
    return names


@pytest.mark.parametrize("folders", [1, 400])
def test_a_fetch_with_nothing_new_takes_the_same_turns_for_any_number_of_folders(
    make_profile: Callable[..., Profile], dovecot: Dovecot, folders: int
) -> None:
    with Proxy(dovecot.imaps, delay=0.02) as proxy:
        profile = make_profile(incoming_port=proxy.port)
        filled = min(folders, 10)
        spread(dovecot, profile.user, folders, filled)
        assert profile.fetch().new == 3 * filled
        proxy.take(1)
        report = profile.fetch()
        assert (report.new, report.changed, report.gone) == (0, 0, 0)
        (traffic,) = proxy.take(1)
    assert traffic.turns == SIGNING_IN + 1 + FAREWELL


@pytest.mark.parametrize("folders", [1, 10])
def test_what_is_new_flagged_and_gone_is_learnt_in_one_turn_and_fetched_in_another(
    make_profile: Callable[..., Profile], dovecot: Dovecot, folders: int
) -> None:
    with Proxy(dovecot.imaps, delay=0.02) as proxy:
        profile = make_profile(incoming_port=proxy.port)
        names = spread(dovecot, profile.user, folders, folders)
        profile.fetch()
        proxy.take(1)
        with dovecot.connect(profile.user) as session:
            for name in names:
                dovecot.append_to(session, name, message(f"new in {name}"))
                session.select(name)
                session.uid("STORE", "1", "+FLAGS", "(\\Flagged \\Seen)")
                session.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
                session.expunge()
        report = profile.fetch()
        (traffic,) = proxy.take(1)
        assert (report.new, report.changed, report.gone) == (folders, folders, folders)
    assert traffic.turns == SIGNING_IN + 1 + 2 + FAREWELL
    profile.in_step()


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
