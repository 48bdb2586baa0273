"""Signing in, against a server that is a list of answers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import pytest

from mailcli.errors import (
    AuthenticationFailed,
    MailcliError,
    ServerRefused,
    StartTlsInjection,
    TryAgain,
    Unreachable,
)
from mailcli.model.account import BearerToken, Endpoint, Password, Protocol, Secret, Tls
from mailcli.wire.flow import Greet, StartTls
from mailcli.wire.pop3.commands import ListSizes, Pop3Command, Uidl
from mailcli.wire.pop3.engine import Pop3Engine
from mailcli.wire.pop3.events import Capabilities, UniqueIds
from mailcli.wire.pop3.flows import Greeted, Offers, sign_in

READY = b"+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n"
NO = b"-ERR unknown command\r\n"
YES = b"+OK\r\n"


def capa(*names: bytes) -> bytes:
    return b"+OK\r\n" + b"".join(name + b"\r\n" for name in names) + b".\r\n"


class Conversation:
    """Drives the flow through a real engine; each write of ours takes the next answer."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.clear = b""
        self.written = b""
        self.tls = False

    def run(
        self,
        tls: Tls = Tls.IMPLICIT,
        secret: Secret = Password("sesame"),  # noqa: B008
        *,
        protected: bool | None = None,
        auth: str = "auto",
        guarded: bool = False,
        user: str = "alice",
        known: Offers | None = None,
        behind: Sequence[Pop3Command] = (),
    ) -> Greeted:
        endpoint = Endpoint(Protocol.POP3, "pop.example", 995, tls, user, auth, guarded=guarded)
        pipelining = known is not None and known.after is not None and "PIPELINING" in known.after
        engine = self.engine = Pop3Engine(pipelining=pipelining)
        protected = tls is Tls.IMPLICIT if protected is None else protected
        flow = sign_in(endpoint, secret, protected=protected, known=known, behind=behind)
        step = next(flow)
        try:
            while True:
                if isinstance(step, StartTls):
                    engine.start_tls()
                    self.tls = True
                    step = flow.send([])
                    continue
                try:
                    tags = [0] if isinstance(step, Greet) else [engine.send(c) for c in step.commands]
                except MailcliError as error:
                    step = flow.throw(error)
                    continue
                for command in () if isinstance(step, Greet) else step.behind:
                    engine.send(command)
                events = []
                while not engine.done(tags[-1]):
                    written = engine.outgoing()
                    self.written += written
                    self.clear += b"" if self.tls else written
                    if not self.answers:
                        break
                    events += engine.receive(self.answers.pop(0))
                closed = not engine.done(tags[-1])
                step = flow.throw(Unreachable("it has closed")) if closed else flow.send(events)
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
        return b"sesame" in self.written or base64.b64encode(b"\x00alice\x00sesame") in self.written


def test_capa_is_not_asked_again_where_all_was_offered_before_the_login() -> None:
    talk = Conversation(READY, capa(b"TOP", b"UIDL", b"PIPELINING", b"SASL PLAIN"), YES)
    assert talk.run().pipelining
    assert talk.written.count(b"CAPA") == 1


@pytest.mark.parametrize("line", [b"EXPIRE 30 USER", b"LOGIN-DELAY 120 USER"])
def test_capa_is_asked_again_where_the_user_matters(line: bytes) -> None:
    before = capa(b"TOP", b"UIDL", b"PIPELINING", b"SASL PLAIN", line)
    after = capa(b"TOP", b"UIDL", b"PIPELINING", b"EXPIRE NEVER")
    talk = Conversation(READY, before, YES, after)
    offered = talk.run().capabilities
    assert offered is not None and offered.parameters("EXPIRE") == ("NEVER",)


def test_capabilities_are_those_after_the_login() -> None:
    before, after = capa(b"USER", b"SASL PLAIN"), capa(b"TOP", b"UIDL", b"PIPELINING")
    talk = Conversation(READY, before, YES, after)
    greeted = talk.run()
    assert (greeted.mechanism, greeted.pipelining) == ("PLAIN", True)
    assert greeted.offers("TOP")
    assert not greeted.offers("SASL")
    assert talk.written == b"CAPA\r\nAUTH PLAIN AGFsaWNlAHNlc2FtZQ==\r\nCAPA\r\n"


def test_a_server_without_capa_gets_user_and_pass() -> None:
    talk = Conversation(READY, NO, YES, YES, NO)
    greeted = talk.run()
    assert (greeted.mechanism, greeted.capabilities, greeted.pipelining) == ("USER", None, False)
    assert talk.written == b"CAPA\r\nUSER alice\r\nPASS sesame\r\nCAPA\r\n"


def test_user_and_pass_are_one_flight_if_the_server_pipelines() -> None:
    offered = capa(b"USER", b"PIPELINING")
    talk = Conversation(READY, offered, YES + YES, offered)
    assert talk.run().mechanism == "USER"


def test_mechanisms_we_do_not_have_leave_user_and_pass() -> None:
    talk = Conversation(READY, capa(b"SASL GSSAPI NTLM"), YES, YES, NO)
    assert talk.run().mechanism == "USER"


def test_user_and_pass_can_be_asked_for() -> None:
    talk = Conversation(READY, capa(b"SASL PLAIN"), YES, YES, NO)
    assert talk.run(auth="user").mechanism == "USER"


def test_apop_is_used_only_if_asked_for() -> None:
    talk = Conversation(READY, NO, YES, NO)
    assert talk.run(user="mrose", secret=Password("tanstaaf"), auth="apop").mechanism == "APOP"
    assert b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n" in talk.written  # RFC 1939 §7
    Conversation(b"+OK no timestamp\r\n", NO).fails(AuthenticationFailed, "timestamp", auth="apop")


def test_utf8_is_asked_for_before_the_login_if_offered() -> None:
    offered = capa(b"UTF8", b"SASL PLAIN")
    talk = Conversation(READY, offered, NO, YES, offered)
    talk.run()
    assert talk.written.startswith(b"CAPA\r\nUTF8\r\nAUTH ")


def test_stls_comes_first_and_capa_again() -> None:
    talk = Conversation(READY, capa(b"STLS"), YES, capa(b"SASL PLAIN"), YES, capa(b"TOP"))
    assert talk.run(Tls.STARTTLS).mechanism == "PLAIN"
    assert talk.clear == b"CAPA\r\nSTLS\r\n"


def test_stls_is_tried_where_capa_is_unknown() -> None:
    talk = Conversation(READY, NO, YES, NO, YES, YES, NO)
    assert talk.run(Tls.STARTTLS).mechanism == "USER"
    assert talk.clear == b"CAPA\r\nSTLS\r\n"


# -- in the middle


def test_a_stripped_stls_is_a_hard_failure() -> None:
    talk = Conversation(READY, capa(b"USER", b"SASL PLAIN"))
    error = talk.fails(AuthenticationFailed, "does not offer STLS", tls=Tls.STARTTLS)
    assert "995" in error.hint
    assert talk.written == b"CAPA\r\n"


@pytest.mark.parametrize(
    ("offered", "refusal", "kind"),
    [
        (capa(b"STLS"), NO, AuthenticationFailed),
        (NO, NO, AuthenticationFailed),
        (capa(b"STLS"), b"-ERR [SYS/TEMP] later\r\n", TryAgain),
    ],
)
def test_a_refused_stls_is_a_hard_failure(offered: bytes, refusal: bytes, kind: type[MailcliError]) -> None:
    talk = Conversation(READY, offered, refusal)
    talk.fails(kind, tls=Tls.STARTTLS)
    assert talk.written == b"CAPA\r\nSTLS\r\n"


def test_bytes_behind_the_stls_reply_end_it_all() -> None:
    talk = Conversation(READY, capa(b"STLS"), YES + YES)
    talk.fails(StartTlsInjection, tls=Tls.STARTTLS)
    assert talk.written == b"CAPA\r\nSTLS\r\n"


@pytest.mark.parametrize("auth", ["auto", "plain", "user", "apop", "scram-sha-256"])
def test_no_credential_is_written_without_protection(auth: str) -> None:
    talk = Conversation(READY, capa(b"USER", b"SASL PLAIN SCRAM-SHA-256"))
    talk.fails(AuthenticationFailed, "unprotected", tls=Tls.NONE, auth=auth)
    assert talk.written == b"CAPA\r\n"


def test_a_server_that_cannot_prove_itself_gets_no_plain_password() -> None:
    challenge = base64.b64encode(b"r=forged,s=AAAA,i=1")
    talk = Conversation(READY, capa(b"SASL PLAIN SCRAM-SHA-256", b"USER"), b"+ " + challenge + b"\r\n", NO)
    talk.fails(AuthenticationFailed, "not an answer to ours", auth="scram")
    assert not talk.told_the_secret


@pytest.mark.parametrize("lines", [(b"SASL PLAIN LOGIN", b"USER"), (b"USER",)])
def test_once_a_server_did_without_the_password_in_the_clear_it_never_gets_it(
    lines: tuple[bytes, ...],
) -> None:
    talk = Conversation(READY, capa(*lines))
    talk.fails(AuthenticationFailed, "pop.example", tls=Tls.NONE, protected=True, guarded=True)
    assert talk.written == b"CAPA\r\n"


def test_success_without_proof_is_no_success() -> None:
    talk = Conversation(READY, capa(b"SASL PLAIN SCRAM-SHA-256"), YES)
    talk.fails(AuthenticationFailed, "without proving", auth="scram")
    assert not talk.told_the_secret


# -- refusals


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"-ERR [IN-USE] another session\r\n", TryAgain),
        (b"-ERR [LOGIN-DELAY] not so often\r\n", TryAgain),
        (b"-ERR [SYS/TEMP] later\r\n", TryAgain),
        (b"-ERR maildrop already locked\r\n", TryAgain),
        (b"-ERR Unable to lock mailbox: mailbox is busy\r\n", TryAgain),
        (b"-ERR [SYS/PERM] gone\r\n", ServerRefused),
        (b"-ERR [AUTH] mailbox is locked\r\n", AuthenticationFailed),
        (b"-ERR [AUTH] bad password\r\n", AuthenticationFailed),
        (b"-ERR your account is locked\r\n", AuthenticationFailed),
        (b"-ERR\r\n", AuthenticationFailed),
    ],
)
def test_a_refused_login_is_what_its_code_says(answer: bytes, kind: type[MailcliError]) -> None:
    Conversation(READY, capa(b"SASL PLAIN"), answer).fails(kind, "pop.example:995")
    Conversation(READY, NO, YES, answer).fails(kind, "pop.example:995")
    Conversation(READY, NO, answer).fails(kind, auth="apop")


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        (b"-ERR [SYS/TEMP] too many connections\r\n", TryAgain),
        (b"-ERR [IN-USE] wait\r\n", TryAgain),
        (b"-ERR go away\r\n", ServerRefused),
    ],
)
def test_a_refusing_greeting_is_final_or_not(greeting: bytes, kind: type[MailcliError]) -> None:
    talk = Conversation(greeting)
    talk.fails(kind, "pop.example:995")
    assert talk.written == b""


def test_a_refused_password_is_not_said_again_in_a_weaker_way() -> None:
    talk = Conversation(READY, capa(b"SASL CRAM-MD5 PLAIN LOGIN", b"USER"), b"-ERR [AUTH] no\r\n")
    talk.fails(AuthenticationFailed)
    assert talk.written.count(b"AUTH ") == 1
    assert b"USER" not in talk.written


def test_an_unknown_user_fails_the_pipelined_login() -> None:
    talk = Conversation(READY, capa(b"PIPELINING"), NO + b"-ERR no user\r\n")
    talk.fails(AuthenticationFailed, "unknown command")


def test_the_error_document_of_an_expired_token_is_shown() -> None:
    document = base64.b64encode(b'{"status":"400"}')
    talk = Conversation(READY, capa(b"SASL PLAIN XOAUTH2"), b"+ " + document + b"\r\n", b"-ERR [AUTH] no\r\n")
    talk.fails(AuthenticationFailed, '"status":"400"', secret=BearerToken("ya29"))


def test_a_token_is_never_sent_as_a_password() -> None:
    for offered in (NO, capa(b"USER", b"SASL PLAIN")):
        talk = Conversation(READY, offered)
        talk.fails(AuthenticationFailed, secret=BearerToken("sesame"))
        assert not talk.told_the_secret


def test_an_explicit_mechanism_that_is_not_offered_fails_with_what_was() -> None:
    talk = Conversation(READY, capa(b"SASL PLAIN LOGIN"))
    talk.fails(AuthenticationFailed, "pop.example:995: .*PLAIN, LOGIN", auth="scram-sha-256")


# -- with what is known ----------------------------------------------------------------------------

DOVECOT = b"+OK Dovecot ready.\r\n"
AUTH = b"AUTH PLAIN AGFsaWNlAHNlc2FtZQ==\r\n"
TABLES = (Uidl(), ListSizes())


def known(*names: bytes) -> Offers:
    offered = Capabilities(tuple((n.split()[0].decode(), tuple(n.decode().split()[1:])) for n in names))
    return Offers(offered, offered)


PLAIN = known(b"TOP", b"UIDL", b"PIPELINING", b"SASL PLAIN")


def test_known_capabilities_are_not_asked_again() -> None:
    talk = Conversation(READY, YES)
    greeted = talk.run(known=PLAIN)
    assert (greeted.pipelining, greeted.learned, greeted.ran_on) == (True, None, 0)
    assert talk.written == AUTH


def test_what_was_asked_is_told_so_that_it_can_be_known() -> None:
    talk = Conversation(READY, capa(b"SASL PLAIN"), YES, capa(b"TOP", b"UIDL", b"PIPELINING"))
    assert talk.run().learned == Offers(
        known(b"SASL PLAIN").before, known(b"TOP", b"UIDL", b"PIPELINING").after
    )


def test_commands_travel_behind_the_login_of_a_server_that_hears_on() -> None:
    talk = Conversation(DOVECOT, YES + b"+OK\r\n1 u1\r\n2 u")
    greeted = talk.run(known=PLAIN, behind=TABLES)
    assert talk.written == AUTH + b"UIDL\r\nLIST\r\n"
    assert greeted.ran_on == 3 and greeted.early == [UniqueIds(2, b"1 u1\r\n")]


@pytest.mark.parametrize(
    ("greeting", "offers"),
    [(READY, PLAIN), (DOVECOT, known(b"TOP", b"UIDL", b"SASL PLAIN")), (DOVECOT, None)],
    ids=["another server", "no pipelining", "not known yet"],
)
def test_nothing_travels_behind_the_login_elsewhere(greeting: bytes, offers: Offers | None) -> None:
    said = capa(b"TOP", b"UIDL", b"PIPELINING", b"SASL PLAIN")
    talk = Conversation(greeting, *([] if offers else [said]), YES)
    assert talk.run(known=offers, behind=TABLES).ran_on == 0
    assert talk.written.endswith(AUTH)


@pytest.mark.parametrize("mechanism", [b"OAUTHBEARER", b"XOAUTH2"])
def test_nothing_travels_behind_a_token_that_may_have_expired(mechanism: bytes) -> None:
    talk = Conversation(DOVECOT, YES)
    offers = known(b"TOP", b"UIDL", b"PIPELINING", b"SASL " + mechanism)
    assert talk.run(secret=BearerToken("t"), known=offers, behind=TABLES).ran_on == 0


def test_a_long_password_waits_for_its_plus_and_nothing_travels_behind_it() -> None:
    talk = Conversation(DOVECOT, b"+ \r\n", YES)
    assert talk.run(secret=Password("x" * 200), known=PLAIN, behind=TABLES).mechanism == "PLAIN"
    assert talk.written.startswith(b"AUTH PLAIN\r\n") and b"UIDL" not in talk.written


def test_user_and_pass_run_on_too() -> None:
    offers = known(b"TOP", b"UIDL", b"USER", b"PIPELINING")
    talk = Conversation(DOVECOT, YES + YES)
    assert talk.run(known=offers, behind=TABLES).ran_on == 4
    assert talk.written == b"USER alice\r\nPASS sesame\r\nUIDL\r\nLIST\r\n"


def test_a_login_made_by_what_is_no_more_offered_is_made_anew() -> None:
    now = capa(b"USER", b"TOP", b"UIDL", b"PIPELINING")
    talk = Conversation(DOVECOT, NO + NO + NO, now, YES + YES)
    greeted = talk.run(known=PLAIN, behind=TABLES)
    assert talk.written == AUTH + b"UIDL\r\nLIST\r\nCAPA\r\nUSER alice\r\nPASS sesame\r\n"
    assert (greeted.mechanism, greeted.ran_on) == ("USER", 0)
    assert greeted.learned is not None and greeted.learned.before == greeted.capabilities


def test_a_refused_password_is_not_said_again_where_nothing_has_changed() -> None:
    talk = Conversation(READY, NO, capa(b"TOP", b"UIDL", b"PIPELINING", b"SASL PLAIN"))
    talk.fails(AuthenticationFailed, known=PLAIN)
    assert talk.written == AUTH + b"CAPA\r\n"


def test_a_server_that_closes_after_it_refused_has_refused() -> None:
    talk = Conversation(READY, NO)
    talk.fails(AuthenticationFailed, "did not accept", known=PLAIN)


def test_a_server_that_hangs_up_on_what_ran_on_has_refused() -> None:
    talk = Conversation(DOVECOT, NO + NO + NO + b"-ERR Too many invalid bad commands.\r\n")
    talk.fails(AuthenticationFailed, "did not accept", known=PLAIN, behind=TABLES)


def test_a_mailbox_that_is_busy_is_not_asked_for_its_capabilities() -> None:
    talk = Conversation(READY, b"-ERR [IN-USE] later\r\n")
    talk.fails(TryAgain, known=PLAIN)
    assert talk.written == AUTH


def test_stls_is_demanded_whatever_is_known() -> None:
    talk = Conversation(READY, NO)
    talk.fails(AuthenticationFailed, "refused STLS", tls=Tls.STARTTLS, known=PLAIN, behind=TABLES)
    assert talk.written == b"STLS\r\n" and not talk.told_the_secret
    talk = Conversation(DOVECOT, YES, YES)
    assert talk.run(tls=Tls.STARTTLS, known=PLAIN, behind=TABLES).ran_on
    assert talk.clear == b"STLS\r\n"
