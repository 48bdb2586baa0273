"""Signing in, against a server that is a list of replies."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from mailcli.errors import (
    AuthenticationFailed,
    MailcliError,
    ServerRefused,
    StartTlsInjection,
    TryAgain,
)
from mailcli.model.account import BearerToken, Endpoint, Password, Protocol, Secret, Tls
from mailcli.wire.flow import Greet, StartTls
from mailcli.wire.smtp.engine import SmtpEngine
from mailcli.wire.smtp.flows import Greeted, sign_in
from mailcli.wire.smtp.quirks import FILES_SENT

SECRETS = (b"sesame", base64.b64encode(b"\x00alice\x00sesame"), base64.b64encode(b"sesame"))
OFFER = b"250-mail\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 AUTH LOGIN PLAIN\r\n"


class Conversation:
    """Drives the flow through a real engine; each write of ours takes the next reply."""

    def __init__(self, *replies: bytes) -> None:
        self.replies = list(replies)
        self.clear = b""
        self.written = b""
        self.tls = False

    def run(
        self,
        tls: Tls = Tls.IMPLICIT,
        secret: Secret | None = Password("sesame"),  # noqa: B008
        *,
        protected: bool | None = None,
        auth: str = "auto",
        guarded: bool = False,
        lmtp: bool = False,
    ) -> Greeted:
        endpoint = Endpoint(Protocol.SMTP, "mail.example", 587, tls, "alice", auth, guarded=guarded)
        engine = SmtpEngine()
        safe = tls is Tls.IMPLICIT if protected is None else protected
        flow = sign_in(endpoint, secret, ehlo="client", protected=safe, lmtp=lmtp)
        step = next(flow)
        try:
            while True:
                if isinstance(step, StartTls):
                    engine.start_tls()
                    self.tls = True
                    step = flow.send([])
                    continue
                tags = [0] if isinstance(step, Greet) else [engine.send(c) for c in step.commands]
                events = []
                while not engine.done(tags[-1]):
                    written = engine.outgoing()
                    self.written += written
                    self.clear += b"" if self.tls else written
                    events += engine.receive(self.replies.pop(0))
                step = flow.send(events)
        except StopIteration as stop:
            result: Greeted = stop.value
            return result

    def fails(self, kind: type[MailcliError], match: str = "", **options: object) -> MailcliError:
        run: Callable[..., Greeted] = self.run
        with pytest.raises(kind, match=match or None) as caught:
            run(**options)
        assert type(caught.value) is kind
        return caught.value

    @property
    def told_the_secret(self) -> bool:
        return any(secret in self.written for secret in SECRETS)


def test_plain_signs_in_with_one_command() -> None:
    talk = Conversation(b"220 mx.google.com ESMTP x - gsmtp\r\n", OFFER, b"235 2.7.0 ok\r\n")
    greeted = talk.run()
    assert greeted.mechanism == "PLAIN"
    assert greeted.quirks == {FILES_SENT}
    assert "PIPELINING" in greeted.extensions
    assert talk.written == b"EHLO client\r\nAUTH PLAIN AGFsaWNlAHNlc2FtZQ==\r\n"


def test_starttls_comes_first_and_ehlo_again() -> None:
    talk = Conversation(
        b"220 x\r\n", OFFER, b"220 go\r\n", b"250-mail\r\n250-SIZE 9\r\n250 AUTH LOGIN\r\n",
        b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"235 ok\r\n",
    )  # fmt: skip
    greeted = talk.run(Tls.STARTTLS)
    assert greeted.mechanism == "LOGIN"
    assert greeted.extensions.parameters("SIZE") == ("9",)
    assert "STARTTLS" not in greeted.extensions
    assert talk.clear == b"EHLO client\r\nSTARTTLS\r\n"


def test_no_secret_no_auth() -> None:
    talk = Conversation(b"220 x\r\n", b"250 mail\r\n")
    assert talk.run(secret=None).mechanism == ""


def test_a_server_without_ehlo_is_greeted_the_old_way_if_nothing_is_needed_of_it() -> None:
    talk = Conversation(b"220 x\r\n", b"502 what\r\n", b"250 hello\r\n")
    assert talk.run(secret=None).extensions.names == ()
    assert talk.written == b"EHLO client\r\nHELO client\r\n"
    Conversation(b"220 x\r\n", b"502 what\r\n").fails(ServerRefused)


def test_lmtp_is_greeted_with_lhlo() -> None:
    talk = Conversation(b"220 x\r\n", b"250 mail\r\n")
    talk.run(secret=None, lmtp=True)
    assert talk.written == b"LHLO client\r\n"


# -- in the middle


def test_a_stripped_starttls_is_a_hard_failure() -> None:
    talk = Conversation(b"220 x\r\n", b"250-mail\r\n250 AUTH PLAIN LOGIN\r\n")
    error = talk.fails(AuthenticationFailed, "does not offer STARTTLS", tls=Tls.STARTTLS)
    assert "465" in error.hint
    assert not talk.told_the_secret
    assert talk.clear == b"EHLO client\r\n"


def test_a_stripped_starttls_is_a_hard_failure_without_a_secret_too() -> None:
    Conversation(b"220 x\r\n", b"250 mail\r\n").fails(AuthenticationFailed, tls=Tls.STARTTLS, secret=None)


@pytest.mark.parametrize(
    ("refusal", "kind"), [(b"454 4.7.0 not now\r\n", TryAgain), (b"502 no\r\n", AuthenticationFailed)]
)
def test_a_refused_starttls_is_a_hard_failure(refusal: bytes, kind: type[MailcliError]) -> None:
    talk = Conversation(b"220 x\r\n", OFFER, refusal)
    talk.fails(kind, tls=Tls.STARTTLS)
    assert not talk.told_the_secret


def test_bytes_behind_the_starttls_reply_end_it_all() -> None:
    talk = Conversation(b"220 x\r\n", OFFER, b"220 go\r\n250 AUTH PLAIN\r\n")
    talk.fails(StartTlsInjection, tls=Tls.STARTTLS)
    assert talk.written == b"EHLO client\r\nSTARTTLS\r\n"


def test_no_credential_is_written_without_protection() -> None:
    offers = b"250-mail\r\n250 AUTH PLAIN SCRAM-SHA-256 CRAM-MD5\r\n"
    talk = Conversation(b"220 x\r\n", offers)
    talk.fails(AuthenticationFailed, "unprotected", tls=Tls.NONE)
    assert talk.written == b"EHLO client\r\n"


def test_cleartext_that_was_explicitly_allowed_is_used() -> None:
    talk = Conversation(b"220 x\r\n", OFFER, b"235 ok\r\n")
    assert talk.run(Tls.NONE, protected=True).mechanism == "PLAIN"


def test_a_server_that_cannot_prove_itself_gets_no_plain_password() -> None:
    offers = b"250-mail\r\n250 AUTH PLAIN SCRAM-SHA-256\r\n"
    challenge = base64.b64encode(b"r=forged,s=AAAA,i=1")
    talk = Conversation(b"220 x\r\n", offers, b"334 " + challenge + b"\r\n", b"501 cancelled\r\n")
    talk.fails(AuthenticationFailed, "not an answer to ours", auth="scram")
    assert talk.written.endswith(b"*\r\n")
    assert not talk.told_the_secret


def test_once_a_server_did_without_the_password_in_the_clear_it_never_gets_it() -> None:
    talk = Conversation(b"220 x\r\n", b"250-mail\r\n250 AUTH PLAIN LOGIN\r\n")
    talk.fails(AuthenticationFailed, "not without TLS", tls=Tls.NONE, protected=True, guarded=True)
    assert talk.written == b"EHLO client\r\n"


def test_success_without_proof_is_no_success() -> None:
    talk = Conversation(b"220 x\r\n", b"250-mail\r\n250 AUTH PLAIN SCRAM-SHA-256\r\n", b"235 welcome\r\n")
    talk.fails(AuthenticationFailed, "without proving", auth="scram")
    assert not talk.told_the_secret


# -- refusals


@pytest.mark.parametrize(
    ("banner", "kind"),
    [
        (b"421 4.3.2 closing\r\n", TryAgain),
        (b"450 4.3.2 busy\r\n", TryAgain),
        (b"554 5.7.1 no service for you\r\n", ServerRefused),
    ],
)
def test_a_refusing_banner_is_final_or_not(banner: bytes, kind: type[MailcliError]) -> None:
    talk = Conversation(banner)
    assert banner[:3].decode() in talk.fails(kind).message
    assert talk.written == b""


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"535 5.7.8 bad credentials\r\n", AuthenticationFailed),
        (b"534 5.7.9 application-specific password required\r\n", AuthenticationFailed),
        (b"530 5.7.0 what\r\n", AuthenticationFailed),
        (b"454 4.7.0 temporary failure\r\n", TryAgain),
        (b"421 4.7.0 too many errors\r\n", TryAgain),
        (b"432 4.7.12 password transition\r\n", TryAgain),
    ],
)
def test_a_refusal_at_auth_is_what_its_code_says(reply: bytes, kind: type[MailcliError]) -> None:
    error = Conversation(b"220 x\r\n", OFFER, reply).fails(kind, "mail.example:587")
    assert reply[:3].decode() in error.message


def test_a_refused_password_is_not_said_again_in_a_weaker_way() -> None:
    talk = Conversation(b"220 x\r\n", b"250-m\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n", b"535 no\r\n")
    talk.fails(AuthenticationFailed)
    assert talk.written.count(b"AUTH ") == 1


def test_a_mechanism_the_server_does_not_have_after_all_is_followed_by_the_next() -> None:
    talk = Conversation(
        b"220 x\r\n", OFFER, b"504 5.5.4 not that one\r\n", b"334 \r\n", b"334 \r\n", b"235 ok\r\n"
    )
    assert talk.run().mechanism == "LOGIN"


def test_a_server_that_offers_no_auth_is_the_wrong_port() -> None:
    error = Conversation(b"220 x\r\n", b"250 mail\r\n").fails(
        AuthenticationFailed, "does not offer to sign in"
    )
    assert "587" in error.hint


def test_an_explicit_mechanism_that_is_not_offered_fails_with_what_was() -> None:
    talk = Conversation(b"220 x\r\n", OFFER)
    talk.fails(AuthenticationFailed, "mail.example:587: .*LOGIN, PLAIN", auth="scram-sha-256")
    assert not talk.told_the_secret


def test_the_error_document_of_an_expired_token_is_shown() -> None:
    talk = Conversation(
        b"220 x\r\n", b"250-m\r\n250 AUTH XOAUTH2\r\n",
        b"334 " + base64.b64encode(b'{"status":"401","x":"\x1b[2J"}') + b"\r\n", b"535 5.7.8 no\r\n",
    )  # fmt: skip
    error = talk.fails(AuthenticationFailed, '"status":"401"', secret=BearerToken("ya29"))
    assert "\x1b" not in error.message
    assert talk.written.endswith(b"\r\n\r\n")


def test_control_characters_of_a_server_do_not_reach_the_message() -> None:
    error = Conversation(b"554 \x1b]0;owned\x07\r\n").fails(ServerRefused)
    assert error.message.isprintable()
