from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from mailcli.errors import AuthenticationFailed, ConfigError
from mailcli.model.account import BearerToken, Password
from mailcli.wire import sasl
from mailcli.wire.challenge import CramMd5, Scram
from mailcli.wire.mechanism import Mechanism
from mailcli.wire.saslprep import saslprep


def names(mechanisms: list[Mechanism]) -> list[str]:
    return [mechanism.name for mechanism in mechanisms]


# -- the RFCs' own examples


def test_scram_sha_1_as_in_rfc_5802() -> None:
    scram = Scram("user", "pencil", algorithm="sha1", nonce="fyko+d2lbbFgONRv9qkxdawL")
    assert scram.name == "SCRAM-SHA-1"
    assert scram.step(b"") == b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"
    assert scram.step(b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096") == (
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    )
    assert scram.step(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=") == b""
    scram.finish()


def scram_256() -> Scram:
    return Scram("user", "pencil", nonce="rOprNGfwEbeRWgbNEkqO")


FIRST_256 = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL_256 = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_scram_sha_256_as_in_rfc_7677() -> None:
    scram = scram_256()
    assert scram.step(b"") == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert scram.step(FIRST_256) == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert scram.step(FINAL_256) == b""
    scram.finish()


def test_cram_md5_as_in_rfc_2195() -> None:
    cram = CramMd5("tim", "tanstaaftanstaaf")
    assert not cram.client_first
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    assert cram.step(challenge) == b"tim b913a602c7eda7a495b4e6e7334d3890"


def test_plain_as_in_rfc_4616() -> None:
    assert sasl.Plain("tim", "tanstaaftanstaaf").step(b"") == b"\x00tim\x00tanstaaftanstaaf"


def test_oauthbearer_as_in_rfc_7628() -> None:
    bearer = sasl.OAuthBearer(
        "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", host="server.example.com", port=143
    )
    assert base64.b64encode(bearer.step(b"")) == (
        b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI"
        b"HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    )
    assert bearer.step(b'{"status":"invalid_token"}') == b"\x01"
    assert bearer.reason == '{"status":"invalid_token"}'


def test_xoauth2_as_google_describes_it() -> None:
    bearer = sasl.XOAuth2("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")
    assert base64.b64encode(bearer.step(b"")) == (
        b"dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhk"
        b"SFJoZG1semRHRXVZMjl0Q2cBAQ=="
    )
    assert bearer.step(b'{"status":"401"}') == b""
    with pytest.raises(AuthenticationFailed, match="401"):
        bearer.finish()


# -- SCRAM against servers that cheat


@pytest.mark.parametrize(
    "first",
    [
        b"r=another,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",  # adds nothing of its own
        b"m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=!!,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=0",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=-1",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=1000001",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=99999999999999999999",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92,i=\xd9\xa1",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXCR+Q6sek8bf92",
        b"e=unknown-user",
        b"",
        b"\xff\xfe",
    ],
)
def test_scram_refuses_a_challenge_that_is_not_sound(first: bytes) -> None:
    scram = scram_256()
    scram.step(b"")
    with pytest.raises(AuthenticationFailed) as caught:
        scram.step(first)
    assert scram.refusal is caught.value
    with pytest.raises(AuthenticationFailed):
        scram.finish()


@pytest.mark.parametrize("final", [b"v=AAAA", b"v=", b"v=!", b"e=invalid-proof", b"", b"x", b"\xff"])
def test_scram_refuses_a_server_that_does_not_know_the_password(final: bytes) -> None:
    scram = scram_256()
    scram.step(b"")
    scram.step(FIRST_256)
    with pytest.raises(AuthenticationFailed):
        scram.step(final)


def test_scram_refuses_success_without_the_servers_signature() -> None:
    scram = scram_256()
    scram.step(b"")
    scram.step(FIRST_256)
    with pytest.raises(AuthenticationFailed, match="without proving"):
        scram.finish()


def test_scram_escapes_commas_and_equals_signs_in_the_name() -> None:
    assert Scram("a=b,c", "p", nonce="n").step(b"") == b"n,,n=a=3Db=2Cc,r=n"


def test_scram_draws_a_new_nonce_each_time() -> None:
    assert Scram("a", "p").step(b"") != Scram("a", "p").step(b"")


def test_scram_hashes_the_prepared_password() -> None:
    scram = Scram("user", "p\u00adencil\u00a0\u2168", nonce="c")
    scram.step(b"")
    final = scram.step(b"r=cs,s=c2FsdA==,i=1")
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil IX", b"salt", 1)
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    signed = b"n=user,r=c,r=cs,s=c2FsdA==,i=1," + final.split(b",p=")[0]
    assert scram.step(b"v=" + base64.b64encode(hmac.digest(server_key, signed, "sha256"))) == b""


# -- SASLprep (RFC 4013 §3)


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("\u00e9 x", "é x"),
    ],
)
def test_saslprep_gives_the_examples_of_its_rfc(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


@pytest.mark.parametrize("text", ["\u0007", "\u0627\u0031", "a\u200e", "\ue000", "\u0627a\u0628"])
def test_saslprep_prohibits(text: str) -> None:
    with pytest.raises(AuthenticationFailed):
        saslprep(text)


# -- the choice


ALL = ["LOGIN", "plain", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER", "GSSAPI"]


def test_in_the_clear_what_hides_the_password_comes_first() -> None:
    chosen = sasl.choose(ALL, Password("p"), "u", protected=True)
    assert names(chosen) == ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"]
    assert [sasl.hides(name) for name in names(chosen)] == [True, True, True, False, False]


def test_under_tls_what_takes_the_fewest_turns_comes_first() -> None:
    chosen = sasl.choose(ALL, Password("p"), "u", protected=True, private=True)
    assert names(chosen) == ["PLAIN", "LOGIN"]
    chosen = sasl.choose(["CRAM-MD5", "SCRAM-SHA-1"], Password("p"), "u", protected=True, private=True)
    assert names(chosen) == ["SCRAM-SHA-1", "CRAM-MD5"]
    tokens = sasl.choose(ALL, BearerToken("t"), "u", protected=True, private=True)
    assert names(tokens) == ["OAUTHBEARER", "XOAUTH2"]


@pytest.mark.parametrize("private", [True, False])
def test_scram_takes_the_strongest_kind_and_nothing_else(private: bool) -> None:
    chosen = sasl.choose(ALL, Password("p"), "u", wanted="scram", protected=True, private=private)
    assert names(chosen) == ["SCRAM-SHA-256", "SCRAM-SHA-1"]
    with pytest.raises(AuthenticationFailed, match="SCRAM, only PLAIN, LOGIN"):
        sasl.choose(["PLAIN", "LOGIN"], Password("p"), "u", wanted="scram", protected=True, private=private)


def test_tokens_go_in_the_order_of_preference() -> None:
    assert names(sasl.choose(ALL, BearerToken("t"), "u", protected=True)) == ["OAUTHBEARER", "XOAUTH2"]


def test_without_tls_nothing_reveals_the_secret() -> None:
    chosen = sasl.choose(ALL, Password("p"), "u", protected=False)
    assert names(chosen) == ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"]
    for offered, secret in ((["PLAIN", "LOGIN"], Password("p")), (ALL, BearerToken("t"))):
        with pytest.raises(AuthenticationFailed, match="TLS"):
            sasl.choose(offered, secret, "u", protected=False)
    with pytest.raises(AuthenticationFailed, match="TLS"):
        sasl.choose(ALL, Password("p"), "u", wanted="plain", protected=False)


def test_an_explicit_mechanism_is_the_only_one() -> None:
    assert names(sasl.choose(ALL, Password("p"), "u", wanted="login", protected=True)) == ["LOGIN"]


def test_an_explicit_mechanism_that_is_not_offered_is_not_replaced() -> None:
    with pytest.raises(AuthenticationFailed, match="SCRAM-SHA-256, only PLAIN, LOGIN"):
        sasl.choose(["PLAIN", "LOGIN"], Password("p"), "u", wanted="scram-sha-256", protected=True)


def test_a_token_is_not_used_as_a_password_nor_the_reverse() -> None:
    with pytest.raises(AuthenticationFailed, match="token"):
        sasl.choose(ALL, BearerToken("t"), "u", wanted="plain", protected=True)
    with pytest.raises(AuthenticationFailed, match="password"):
        sasl.choose(ALL, Password("p"), "u", wanted="xoauth2", protected=True)


@pytest.mark.parametrize("offered", [[], ["GSSAPI", "NTLM"]])
def test_no_common_mechanism_is_said_with_what_was_offered(offered: list[str]) -> None:
    with pytest.raises(AuthenticationFailed, match=", ".join(offered) or "none"):
        sasl.choose(offered, Password("p"), "u", protected=True)


def test_a_password_that_scram_prohibits_leaves_the_others() -> None:
    assert names(sasl.choose(ALL, Password("bell\u0007"), "u", protected=True)) == [
        "CRAM-MD5",
        "PLAIN",
        "LOGIN",
    ]
    with pytest.raises(AuthenticationFailed, match="prohibits"):
        sasl.choose(["SCRAM-SHA-256"], Password("bell\u0007"), "u", protected=True)


# -- what must not get into a message


def test_nul_cannot_shift_the_fields_of_plain() -> None:
    for user, password in (("a\x00b", "p"), ("a", "p\x00q")):
        with pytest.raises(ConfigError):
            sasl.Plain(user, password)


def test_control_characters_cannot_shift_the_fields_of_a_bearer_message() -> None:
    for make in (
        lambda: sasl.XOAuth2("a\x01auth=x", "t"),
        lambda: sasl.OAuthBearer("a", "t\x01"),
        lambda: sasl.OAuthBearer("a", "t", host="h\x01"),
    ):
        with pytest.raises(ConfigError):
            make()


def test_a_repr_shows_no_secret() -> None:
    for mechanism in (
        *sasl.choose(ALL, Password("sesame"), "u", protected=True),
        *sasl.choose(ALL, BearerToken("sesame"), "u", protected=True),
    ):
        assert "sesame" not in repr(mechanism)


def test_no_mechanism_answers_without_end() -> None:
    for mechanism in (
        *sasl.choose(["PLAIN", "LOGIN", "CRAM-MD5"], Password("p"), "u", protected=True),
        *sasl.choose(ALL, BearerToken("t"), "u", protected=True),
    ):
        with pytest.raises(AuthenticationFailed):
            for _ in range(4):
                mechanism.step(b"again")


# -- the exchange on the wire


def test_an_initial_response_travels_in_the_command_if_there_is_room() -> None:
    assert sasl.Exchange(sasl.Plain("u", "p"), room=8).words == b"PLAIN AHUAcA=="
    waiting = sasl.Exchange(sasl.Plain("u", "p"), room=7)
    assert waiting.words == b"PLAIN"
    assert waiting.answer(b"") == b"AHUAcA=="


def test_a_mechanism_that_refuses_cancels_the_exchange() -> None:
    scram = scram_256()
    exchange = sasl.Exchange(scram, room=100)
    assert exchange.answer(base64.b64encode(b"r=forged,s=AAAA,i=1")) == b"*"
    assert scram.refusal is not None


def test_prose_instead_of_a_challenge_is_no_obstacle_for_login() -> None:
    exchange = sasl.Exchange(sasl.Login("u", "p"), room=100)
    assert [exchange.answer(b"your name, please"), exchange.answer(b"")] == [b"dQ==", b"cA=="]


def test_scram_is_tied_to_the_certificate_where_the_server_offers_it() -> None:
    """The server's side is worked out here from RFC 5802 §3 alone."""
    offered = ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1"]
    binding = bytes(range(32))
    (bound, *_) = sasl.choose(offered, Password("pw"), "u", wanted="scram", protected=True, binding=binding)
    assert bound.name == "SCRAM-SHA-256-PLUS"
    first = bound.step(b"")
    assert first.startswith(b"p=tls-server-end-point,,n=u,r=")
    nonce = first.rpartition(b"r=")[2] + b"more"
    challenge = b"r=" + nonce + b",s=" + base64.b64encode(b"salt") + b",i=4096"
    final, _, proof = bound.step(challenge).rpartition(b",p=")
    assert final == b"c=" + base64.b64encode(b"p=tls-server-end-point,," + binding) + b",r=" + nonce
    salted = hashlib.pbkdf2_hmac("sha256", b"pw", b"salt", 4096)
    signed = first.partition(b",,")[2] + b"," + challenge + b"," + final
    key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
    assert bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True)) == key


def test_scram_says_that_it_could_have_been_tied() -> None:
    """Somebody who struck -PLUS from the list is found out by the server (RFC 5802 §6)."""
    words = (["SCRAM-SHA-256"], Password("p"), "u")
    (could, *_) = sasl.choose(*words, wanted="scram", protected=True, binding=b"x")
    assert could.step(b"").startswith(b"y,,")
    (could_not, *_) = sasl.choose(*words, wanted="scram", protected=True)
    assert could_not.step(b"").startswith(b"n,,")


def test_plus_without_tls_is_an_error() -> None:
    with pytest.raises(AuthenticationFailed, match="without TLS"):
        sasl.choose(["SCRAM-SHA-256-PLUS"], Password("p"), "u", wanted="scram-sha-256-plus", protected=True)
