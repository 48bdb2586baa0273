"""SASL mechanisms that say who we are in one step, the choice between all, and their way over the wire.

`mechanism` says what a mechanism is.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection
from typing import Final

from mailcli.errors import AuthenticationFailed, ConfigError
from mailcli.model import pattern, printable
from mailcli.model.account import BearerToken, Certificate, Password, Secret
from mailcli.wire.mechanism import Mechanism, Steps, saslname

_CONTROL: Final = pattern.compile(r"[\x00-\x1f\x7f]")


class Exchange:
    """The run of a mechanism on the wire, which is the same in all three protocols.

    `words` is what stands behind AUTH or AUTHENTICATE: the name, and the initial response if the
    mechanism has one and it is at most `room` octets in base64 (0: the server takes none). An
    initial response that did not fit answers the first challenge.
    """

    def __init__(self, mechanism: Mechanism, *, room: int) -> None:
        self._mechanism = mechanism
        self._waiting: bytes | None = None
        self.words = mechanism.name.encode("ascii")
        if mechanism.client_first:
            response = mechanism.step(b"")
            encoded = _encode(response) or b"="  # RFC 4954 §4, RFC 5034 §4: "=" is the empty one
            if len(encoded) <= room:
                self.words += b" " + encoded
            else:
                self._waiting = response

    @property
    def said_all(self) -> bool:
        """Whether the initial response went with the command, so that no challenge need come."""
        return self._mechanism.client_first and self._waiting is None

    def answer(self, challenge: bytes) -> bytes:
        """The line that answers a challenge, both in base64, without CRLF; `*` cancels.

        Text that is no base64 is handed to the mechanism as it came: old servers write prose to
        ask for PLAIN or LOGIN ("334 ok, go on"), where nobody reads it; the other mechanisms
        refuse what they cannot parse.
        """
        if self._waiting is not None:
            response, self._waiting = self._waiting, None
            return _encode(response)
        try:
            decoded = base64.b64decode(challenge.strip(), validate=True)
        except binascii.Error:
            decoded = challenge
        try:
            return _encode(self._mechanism.step(decoded))
        except AuthenticationFailed:
            return b"*"  # why is in `Mechanism.refusal`


def _encode(response: bytes) -> bytes:
    return binascii.b2a_base64(response, newline=False)


class Plain(Steps):
    """RFC 4616. The password as it is: only over TLS."""

    name = "PLAIN"

    def __init__(self, user: str, password: str) -> None:
        super().__init__(user)
        if "\x00" in password:
            raise ConfigError("the password contains a NUL character")
        self._password = password

    def _step(self, number: int, challenge: bytes) -> bytes:
        if number > 1:
            raise self.unexpected()
        return f"\x00{self._user}\x00{self._password}".encode()


class Login(Steps):
    """The mechanism of draft-murchison-sasl-login, for servers without PLAIN.

    The prompts are not read: servers word them differently ("Username:", "User Name"), all ask in
    this order.
    """

    name = "LOGIN"
    client_first = False

    def __init__(self, user: str, password: str) -> None:
        super().__init__(user)
        self._password = password

    def _step(self, number: int, challenge: bytes) -> bytes:
        if number > 2:
            raise self.unexpected()
        return (self._user if number == 1 else self._password).encode()


class _Bearer(Steps):
    """What XOAUTH2 and OAUTHBEARER share: a token, and an error document instead of a refusal."""

    _after_error = b""

    def __init__(self, user: str, token: str) -> None:
        super().__init__(user)
        if _CONTROL.search(token) or _CONTROL.search(user):
            raise ConfigError("the OAuth token or the user name contains a control character")
        self._token = token

    def _step(self, number: int, challenge: bytes) -> bytes:
        if number == 1:
            return self._initial()
        if number > 2:
            raise self.unexpected()
        # A JSON document with status, scope and schemes. The server awaits a dummy response and
        # then fails the command.
        self.reason = printable.line(challenge.decode("utf-8", "replace")[:500])
        return self._after_error

    def _initial(self) -> bytes:
        raise NotImplementedError

    def finish(self) -> None:
        if self.reason:
            raise AuthenticationFailed(
                f"the server refused the token and then reported success: {self.reason}"
            )


class XOAuth2(_Bearer):
    """Google's and Microsoft's own, before RFC 7628."""

    name = "XOAUTH2"

    def _initial(self) -> bytes:
        return f"user={self._user}\x01auth=Bearer {self._token}\x01\x01".encode()


class OAuthBearer(_Bearer):
    """RFC 7628. `host` and `port` are those we connected to."""

    name = "OAUTHBEARER"
    _after_error = b"\x01"

    def __init__(self, user: str, token: str, *, host: str = "", port: int = 0) -> None:
        super().__init__(user, token)
        if _CONTROL.search(host):
            raise ConfigError("the host name contains a control character")
        self._where = (f"host={host}\x01" if host else "") + (f"port={port}\x01" if port else "")

    def _initial(self) -> bytes:
        header = b"n,a=%s,\x01" % saslname(self._user)
        return header + f"{self._where}auth=Bearer {self._token}\x01\x01".encode()


class External(Steps):
    """RFC 4422, appendix A: the certificate we showed in TLS says who we are."""

    name = "EXTERNAL"

    def _step(self, number: int, challenge: bytes) -> bytes:
        if number > 1:
            raise self.unexpected()
        return b""


def _scram(
    user: str, password: str, algorithm: str, *, binding: bytes = b"", plus: bool = False
) -> Mechanism:
    from mailcli.wire.challenge import Scram

    return Scram(user, password, algorithm=algorithm, binding=binding, plus=plus)


def _cram_md5(user: str, password: str) -> Mechanism:
    from mailcli.wire.challenge import CramMd5

    return CramMd5(user, password)


_Maker = Callable[[str, str, str, int], Mechanism]
_FOR_PASSWORD: Final[dict[str, _Maker]] = {
    "SCRAM-SHA-256": lambda user, password, host, port: _scram(user, password, "sha256"),
    "SCRAM-SHA-1": lambda user, password, host, port: _scram(user, password, "sha1"),
    "CRAM-MD5": lambda user, password, host, port: _cram_md5(user, password),
    "PLAIN": lambda user, password, host, port: Plain(user, password),
    "LOGIN": lambda user, password, host, port: Login(user, password),
}
_FOR_TOKEN: Final[dict[str, _Maker]] = {
    "OAUTHBEARER": lambda user, token, host, port: OAuthBearer(user, token, host=host, port=port),
    "XOAUTH2": lambda user, token, host, port: XOAuth2(user, token),
}
"""In the order for a link that anybody may read: what says least to a listener comes first."""

_HASHES: Final = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
_SCRAM: Final = (*(f"{name}-PLUS" for name in _HASHES), *_HASHES)
_REVEALING: Final = frozenset({"PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"})
"""Under TLS nobody listens, and the certificate says whom we talk to: there these come first, for
they take one turn. SCRAM takes three, and asks the server to keep its own kind of secret; who wants
it nevertheless, from a server that must not see the password, says so."""


def binds(wanted: str, offered: Collection[str]) -> bool:
    """Whether `choose` has a use for a binding: SCRAM may be what signs in."""
    plain = any(name.upper() in _REVEALING for name in offered)
    return wanted.lower().startswith("scram") or (wanted.lower() == "auto" and not plain)


def hides(mechanism: str) -> bool:
    """Whether signing in by this name keeps the secret from whoever reads the link."""
    return mechanism.startswith("SCRAM-") or mechanism in ("CRAM-MD5", "APOP")


def _known(secret: Secret, offered: Collection[str], binding: bytes) -> dict[str, _Maker]:
    """The mechanisms that go with a secret, best first."""
    if isinstance(secret, BearerToken):
        return _FOR_TOKEN
    if isinstance(secret, Certificate):
        return {"EXTERNAL": lambda user, secret, host, port: External(user)}
    if not binding:
        return _FOR_PASSWORD
    known: dict[str, _Maker] = {}
    for name, algorithm in _HASHES.items():
        known[f"{name}-PLUS"] = _bound(algorithm, binding, plus=True)
    known |= _FOR_PASSWORD
    for name, algorithm in _HASHES.items():
        if f"{name}-PLUS" not in offered:
            known[name] = _bound(algorithm, binding, plus=False)
    return known


def _bound(algorithm: str, binding: bytes, *, plus: bool) -> _Maker:
    return lambda user, password, host, port: _scram(user, password, algorithm, binding=binding, plus=plus)


def choose(
    offered: Collection[str],
    secret: Secret,
    user: str,
    *,
    wanted: str = "auto",
    protected: bool,
    private: bool = False,
    host: str = "",
    port: int = 0,
    binding: bytes = b"",
) -> list[Mechanism]:
    """The mechanisms to try, best first; never empty.

    `offered` are names as the server gave them; `wanted` is "auto", "scram" (any kind of it, and
    nothing else) or one name, in any case. `private`: the link is under verified TLS. `binding` ties SCRAM
    to it (b"": it cannot be). Without
    protection (TLS, or cleartext explicitly allowed) the mechanisms that reveal the secret are left
    out. Raises AuthenticationFailed if nothing is left, with what was offered.
    """
    names = [name.upper() for name in offered]
    known = _known(secret, names, binding)
    wanted = wanted.upper()
    listed = printable.line(", ".join(names)) or "none"
    takes = _SCRAM if wanted == "SCRAM" else tuple(known) if wanted == "AUTO" else (wanted,)
    if wanted != "AUTO":
        if not any(name in known for name in takes):
            kind = {Password: "password", BearerToken: "token"}.get(type(secret), "certificate")
            if wanted.endswith("-PLUS"):
                kind += " without TLS"
            raise AuthenticationFailed(
                f"auth = {wanted.lower()!r} cannot be used with a {kind}",
                hint=f"use auto, {', '.join(known).lower()}",
            )
        if not any(name in names for name in takes):
            raise AuthenticationFailed(
                f"the server does not offer {wanted}, only {listed}",
                hint='set auth = "auto" to use what it offers',
            )
    usable = [name for name in known if name in names and name in takes]
    if private:
        # The others would ask for more turns after a refusal that they cannot better.
        usable = [name for name in usable if name in _REVEALING] or usable
    allowed = [name for name in usable if protected or name not in _REVEALING]
    if not allowed and usable:
        raise AuthenticationFailed(
            f"{', '.join(usable)} would show the secret to everyone on the way: not without TLS",
            hint='set tls = "implicit" or "starttls" for this server',
        )
    if not allowed:
        raise AuthenticationFailed(f"the server offers no way of signing in that we know, only {listed}")
    mechanisms, refused = [], None
    for name in allowed:
        try:
            mechanisms.append(known[name](user, secret.text, host, port))
        except AuthenticationFailed as error:  # a password that SASLprep prohibits
            refused = error
    if not mechanisms and refused:
        raise refused
    return mechanisms
