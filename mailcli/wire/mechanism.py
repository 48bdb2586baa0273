"""What a SASL mechanism is: a step object.

A mechanism knows nothing of base64 or of a protocol: an engine hands `step` the decoded challenge
and writes what it returns. The rules for engines:

- `client_first`: the first `step(b"")` gives the initial response, which travels in the command if
  the protocol and the server allow that, else answers the server's first (empty) challenge.
- `step` raises AuthenticationFailed if the server is not to be trusted or the mechanism cannot go
  on. The engine (`Exchange`) catches it and cancels with `*`; it stays in `refusal`, which the
  flow raises when the server has acknowledged the end.
- The flow calls `finish` when the server reports success. It raises AuthenticationFailed if the
  server skipped proving that it knows the password.
- If the server reports failure, `reason` may tell more than its reply.
"""

from __future__ import annotations

from typing import Protocol

from mailcli.errors import AuthenticationFailed, ConfigError


class Mechanism(Protocol):
    """One run of one mechanism; good for one attempt only."""

    @property
    def name(self) -> str:
        """As on the wire: "SCRAM-SHA-256"."""
        ...

    @property
    def client_first(self) -> bool: ...

    @property
    def reason(self) -> str:
        """What the server said of a failure beside its reply (the error document of the OAuth
        mechanisms), in one harmless line; or ""."""
        ...

    @property
    def refusal(self) -> AuthenticationFailed | None:
        """What `step` has raised: the exchange ended because of us, not because of the server."""
        ...

    def step(self, challenge: bytes) -> bytes:
        """The response to a decoded challenge. Raises AuthenticationFailed: cancel with `*`."""
        ...

    def finish(self) -> None:
        """To be called when the server reported success; raises AuthenticationFailed if it has
        not proved what the mechanism makes it prove."""
        ...


class Steps:
    """What all mechanisms share: a count of steps, and no proof demanded of the server."""

    name: str = ""
    client_first: bool = True

    def __init__(self, user: str) -> None:
        if "\x00" in user:
            raise ConfigError("the user name contains a NUL character")
        self._user = user
        self._steps = 0
        self.reason = ""
        self.refusal: AuthenticationFailed | None = None

    def __repr__(self) -> str:
        return f"<{self.name} for {self._user!r}>"

    def step(self, challenge: bytes) -> bytes:
        self._steps += 1
        try:
            return self._step(self._steps, challenge)
        except AuthenticationFailed as error:
            self.refusal = error
            raise

    def _step(self, number: int, challenge: bytes) -> bytes:
        raise NotImplementedError

    def finish(self) -> None:
        """Nothing to prove."""

    def unexpected(self) -> AuthenticationFailed:
        return AuthenticationFailed(f"the server asked for more than {self.name} has to say")


def saslname(text: str) -> bytes:
    """A user name as RFC 5801 §4 writes it."""
    return text.replace("=", "=3D").replace(",", "=2C").encode()
