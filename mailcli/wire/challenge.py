"""The SASL mechanisms that answer a challenge by a hash of the password instead of saying it.

Apart from `sasl`, because under TLS they are not used, and the hashes take 4 ms to import.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Final

from mailcli.errors import AuthenticationFailed
from mailcli.model import pattern, printable
from mailcli.wire.mechanism import Steps, saslname
from mailcli.wire.saslprep import saslprep

MAX_ITERATIONS: Final = 1_000_000
"""A hostile server must not keep us busy: PBKDF2 with so many rounds takes about half a second."""

_NUMBER: Final = pattern.compile(r"[1-9][0-9]{0,9}")


class CramMd5(Steps):
    """RFC 2195. The password does not travel, but MD5 is old and the server proves nothing."""

    name = "CRAM-MD5"
    client_first = False

    def __init__(self, user: str, password: str) -> None:
        super().__init__(user)
        self._password = password

    def _step(self, number: int, challenge: bytes) -> bytes:
        if number > 1:
            raise self.unexpected()
        try:
            digest = hmac.new(self._password.encode(), challenge, "md5").hexdigest()
        except ValueError as error:  # a FIPS build of OpenSSL
            raise AuthenticationFailed(
                "this system does not allow MD5, so CRAM-MD5 cannot be used"
            ) from error
        return f"{self._user} {digest}".encode()


class Scram(Steps):
    """RFC 5802 and 7677. `binding` are the octets of tls-server-end-point (RFC 5929 §4): with `plus` the
    server has to see the same certificate; without, they say that we could have, so that a server
    that could have too notices if somebody struck -PLUS from its list.

    `nonce` is for tests. The server's signature is verified: `finish` refuses a server that
    reported success without it.
    """

    def __init__(
        self,
        user: str,
        password: str,
        *,
        algorithm: str = "sha256",
        nonce: str = "",
        binding: bytes = b"",
        plus: bool = False,
    ) -> None:
        super().__init__(user)
        self.name = {"sha1": "SCRAM-SHA-1", "sha256": "SCRAM-SHA-256"}[algorithm] + ("-PLUS" if plus else "")
        self._gs2_header = b"p=tls-server-end-point,," if plus else b"y,," if binding else b"n,,"
        self._bound = binding if plus else b""
        self._algorithm = algorithm
        self._password = saslprep(password)
        self._nonce = (nonce or base64.b64encode(os.urandom(24)).decode("ascii")).encode("ascii")
        self._first_bare = b"n=%s,r=%s" % (saslname(saslprep(user)), self._nonce)
        self._server_signature = b""
        self._proved = False

    def _step(self, number: int, challenge: bytes) -> bytes:
        if number == 1:
            return self._gs2_header + self._first_bare
        if number == 2:
            return self._final(challenge)
        if number == 3:
            self._verify(challenge)
            return b""
        raise self.unexpected()

    def finish(self) -> None:
        if not self._proved:
            raise AuthenticationFailed(
                f"the server reported success without proving that it knows the password ({self.name})",
                hint="someone may be posing as the server; do not send the password another way",
            )

    def _final(self, server_first: bytes) -> bytes:
        fields = _fields(server_first)
        if fields and fields[0][0] == "e":
            raise AuthenticationFailed(
                f"the server refused {self.name}: {printable.line(fields[0][1][:200])}"
            )
        if [key for key, _ in fields[:3]] != ["r", "s", "i"]:  # an "m=" in front must be refused
            raise AuthenticationFailed(f"the server's {self.name} challenge cannot be understood")
        nonce, salt_text, rounds_text = (value for _, value in fields[:3])
        if not nonce.startswith(self._nonce.decode("ascii")) or len(nonce) <= len(self._nonce):
            raise AuthenticationFailed(f"the server's {self.name} challenge is not an answer to ours")
        if not _NUMBER.fullmatch(rounds_text) or int(rounds_text) > MAX_ITERATIONS:
            raise AuthenticationFailed(
                f"the server asks for an unreasonable number of {self.name} iterations: {rounds_text[:12]!r}"
            )
        try:
            salt = base64.b64decode(salt_text, validate=True)
        except ValueError as error:
            raise AuthenticationFailed(f"the server's {self.name} salt is not base64") from error
        salted = hashlib.pbkdf2_hmac(self._algorithm, self._password.encode(), salt, int(rounds_text))
        without_proof = b"c=%s,r=%s" % (base64.b64encode(self._gs2_header + self._bound), nonce.encode())
        signed = b",".join((self._first_bare, server_first, without_proof))
        client_key = self._hmac(salted, b"Client Key")
        stored_key = hashlib.new(self._algorithm, client_key).digest()
        proof = _xor(client_key, self._hmac(stored_key, signed))
        self._server_signature = self._hmac(self._hmac(salted, b"Server Key"), signed)
        return without_proof + b",p=" + base64.b64encode(proof)

    def _verify(self, server_final: bytes) -> None:
        key, value = (_fields(server_final) or [("", "")])[0]
        if key == "e":
            raise AuthenticationFailed(f"the server refused {self.name}: {printable.line(value[:200])}")
        try:
            signature = base64.b64decode(value, validate=True) if key == "v" else b""
        except ValueError:
            signature = b""
        if not hmac.compare_digest(signature, self._server_signature):
            raise AuthenticationFailed(
                f"the server does not know the password: its {self.name} signature is wrong",
                hint="someone may be posing as the server; do not send the password another way",
            )
        self._proved = True

    def _hmac(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, self._algorithm)


def _fields(message: bytes) -> list[tuple[str, str]]:
    """The `k=value` pairs of a SCRAM message; [] if it is none."""
    try:
        pairs = [part.partition("=") for part in message.decode("utf-8").split(",")]
    except UnicodeDecodeError:
        return []
    return [(key, value) for key, _, value in pairs]


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")
