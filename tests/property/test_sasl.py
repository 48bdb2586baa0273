"""Laws of the mechanisms: any challenge gives a response or AuthenticationFailed, and SCRAM agrees
with a server written from RFC 5802."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mailcli.errors import AuthenticationFailed
from mailcli.model.account import BearerToken, Password
from mailcli.wire import sasl
from mailcli.wire.challenge import Scram
from mailcli.wire.saslprep import saslprep

ALL = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"]
CHALLENGE = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from([b"r=", b"s=", b"i=", b"v=", b"e=", b",", b"n", b"AAAA", b"1", b"=", b"\xff"]),
        max_size=9,
    ).map(b"".join),
)


@given(st.lists(CHALLENGE, max_size=5))
@settings(max_examples=150)
def test_any_challenge_gives_a_response_or_a_refusal(challenges: list[bytes]) -> None:
    for secret in (Password("p"), BearerToken("t")):
        for mechanism in sasl.choose(ALL, secret, "u", protected=True):
            exchange = sasl.Exchange(mechanism, room=100)
            for challenge in challenges:
                answer = exchange.answer(challenge)
                assert (answer == b"*") == (mechanism.refusal is not None)
                if answer == b"*":
                    break
                assert b"\r" not in answer
                assert b"\n" not in answer


def scram_server(
    first: bytes, password: str, algorithm: str, salt: bytes, rounds: int
) -> tuple[bytes, str, bytes]:
    """RFC 5802 §3, the server's side: (its first message, the user, what its AuthMessage begins with)."""
    assert first.startswith(b"n,,n=")
    bare = first[3:]
    name, nonce = bare[2:].split(b",r=")
    user = name.decode().replace("=2C", ",").replace("=3D", "=")
    reply = b"r=%sSERVER,s=%s,i=%d" % (nonce, base64.b64encode(salt), rounds)
    return reply, user, bare + b"," + reply


def verify(start: bytes, final: bytes, password: str, algorithm: str, salt: bytes, rounds: int) -> bytes:
    """Check the client's proof; the server's last message."""
    without_proof, _, proof = final.partition(b",p=")
    signed = start + b"," + without_proof
    salted = hashlib.pbkdf2_hmac(algorithm, password.encode(), salt, rounds)
    stored = hashlib.new(algorithm, hmac.digest(salted, b"Client Key", algorithm)).digest()
    signature = hmac.digest(stored, signed, algorithm)
    key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True))
    assert hashlib.new(algorithm, key).digest() == stored
    return b"v=" + base64.b64encode(
        hmac.digest(hmac.digest(salted, b"Server Key", algorithm), signed, algorithm)
    )


@given(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=12), st.binary(min_size=1, max_size=20),
       st.integers(1, 50), st.sampled_from(["sha1", "sha256"]))  # fmt: skip
@settings(max_examples=150)
def test_scram_agrees_with_a_server_of_its_rfc(
    user: str, password: str, salt: bytes, rounds: int, algorithm: str
) -> None:
    assume("\x00" not in user)
    try:
        prepared, name = saslprep(password), saslprep(user)
        scram = Scram(user, password, algorithm=algorithm)
    except AuthenticationFailed:
        return
    reply, seen, start = scram_server(scram.step(b""), prepared, algorithm, salt, rounds)
    assert seen == name
    last = verify(start, scram.step(reply), prepared, algorithm, salt, rounds)
    assert scram.step(last) == b""
    scram.finish()


@given(st.text(max_size=20))
def test_saslprep_is_idempotent(text: str) -> None:
    try:
        prepared = saslprep(text)
    except AuthenticationFailed:
        return
    try:
        assert saslprep(prepared) == prepared
    except AuthenticationFailed:
        pytest.fail("prepared text is prohibited")
