"""Never weaker than the last time, where anybody may listen."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.app.connecting import _guarded
from mailcli.app.context import Context
from mailcli.errors import AuthenticationFailed
from mailcli.model.account import Endpoint, Protocol, Tls

CLEAR = Endpoint(Protocol.IMAP, "localhost", 143, Tls.NONE, "alice")


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return Context.open(profile=tmp_path, environ={"HOME": str(tmp_path)})


def signed_in(ctx: Context, endpoint: Endpoint, mechanism: str) -> bool:
    """Sign in by this mechanism; whether the endpoint was guarded."""
    with _guarded(ctx, endpoint) as (target, done):
        done(mechanism)
    return target.guarded


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"])
def test_a_sign_in_that_hid_the_password_is_remembered(ctx: Context, mechanism: str) -> None:
    assert not signed_in(ctx, CLEAR, mechanism)
    assert signed_in(ctx, CLEAR, mechanism)
    assert not signed_in(ctx, CLEAR._replace(port=110), mechanism)
    assert not signed_in(ctx, CLEAR._replace(user="bob"), mechanism)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "USER", ""])
def test_one_that_showed_it_is_not(ctx: Context, mechanism: str) -> None:
    signed_in(ctx, CLEAR, mechanism)
    assert not signed_in(ctx, CLEAR, mechanism)


def test_under_tls_and_by_the_users_own_word_nothing_is_guarded(ctx: Context) -> None:
    signed_in(ctx, CLEAR, "SCRAM-SHA-256")
    assert not signed_in(ctx, CLEAR._replace(tls=Tls.IMPLICIT), "PLAIN")
    assert not signed_in(ctx, CLEAR._replace(auth="plain"), "PLAIN")


def test_the_refusal_says_what_was_used_before(ctx: Context) -> None:
    signed_in(ctx, CLEAR, "SCRAM-SHA-256")
    with pytest.raises(AuthenticationFailed) as caught, _guarded(ctx, CLEAR):
        raise AuthenticationFailed("not without TLS", hint="use TLS")
    assert "SCRAM-SHA-256" in caught.value.hint
