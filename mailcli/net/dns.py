"""DNS beyond addresses. The only importer of dnspython.

Answers are what any resolver on the way may have made up: whoever uses them for more than a
question to the user has to look at `domain` of the targets, or at TLS.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from mailcli.errors import ConfigError, HostUnknown, TimedOut, Unreachable

if TYPE_CHECKING:
    import dns.resolver

LIMIT: Final = 4.0
"""Seconds for one question, retries included: discovery asks several, and a person waits."""


class Service(NamedTuple):
    """One SRV record (RFC 2782) of a service such as `_imaps._tcp`."""

    service: str
    host: str
    port: int
    priority: int
    weight: int


class Exchanger(NamedTuple):
    """One MX record; a `host` of "" is the null MX of RFC 7505: the domain takes no mail."""

    host: str
    preference: int


class Resolver:
    """Asks the system's name servers, or `servers` ((address, port) pairs, for tests).

    Raises, from every question: HostUnknown (the domain does not exist), TimedOut, Unreachable
    (no answer to be had now). No record of the type asked for is an empty answer, not an error.
    """

    def __init__(self, servers: Sequence[tuple[str, int]] = (), *, limit: float = LIMIT) -> None:
        self._servers = tuple(servers)
        self._limit = limit
        self._made: dns.resolver.Resolver | None = None

    def services(self, domain: str, name: str, *, pick: random.Random | None = None) -> tuple[Service, ...]:
        """The hosts that offer `name` (`imaps`) for a domain (RFC 6186), best first.

        An explicit "not offered" (a target of ".") gives (); so does the absence of records.
        """
        found = [
            Service(name, str(r.target).rstrip("."), int(r.port), int(r.priority), int(r.weight))
            for r in self._ask(f"_{name}._tcp.{domain}", "SRV", missing_is_error=False)
        ]
        return tuple(_by_weight([s for s in found if s.host], pick or random.SystemRandom()))

    def refuses(self, domain: str, name: str) -> bool:
        """Whether the domain says that it does not offer the service (RFC 6186 §3.4)."""
        return any(
            str(r.target) == "." for r in self._ask(f"_{name}._tcp.{domain}", "SRV", missing_is_error=False)
        )

    def exchangers(self, domain: str) -> tuple[Exchanger, ...]:
        """The MX records of a domain, best first; () if it has none."""
        found = [Exchanger(str(r.exchange).rstrip("."), int(r.preference)) for r in self._ask(domain, "MX")]
        return tuple(sorted(found, key=lambda x: (x.preference, x.host)))

    def texts(self, name: str) -> tuple[str, ...]:
        """The TXT records of a name, each joined to one string."""
        return tuple(
            b"".join(r.strings).decode("utf-8", "replace")
            for r in self._ask(name, "TXT", missing_is_error=False)
        )

    def _ask(self, name: str, kind: str, *, missing_is_error: bool = True) -> list[_Record]:
        import dns.exception
        import dns.resolver

        try:
            answer = self._resolver().resolve(
                name, kind, search=False, lifetime=self._limit, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN as error:
            if missing_is_error:
                raise HostUnknown(f"DNS knows no {name}") from error
            return []
        except dns.resolver.LifetimeTimeout as error:
            raise TimedOut(f"DNS did not answer within {self._limit:g} seconds ({kind} {name})") from error
        except (dns.resolver.NoNameservers, dns.resolver.NoResolverConfiguration, OSError) as error:
            raise Unreachable(
                f"DNS cannot be asked now ({kind} {name})", hint="is this machine on-line?"
            ) from error
        except dns.exception.DNSException as error:
            raise ConfigError(f"{name!r} cannot be asked of DNS: {error}") from error
        return list(answer) if answer.rrset is not None else []

    def _resolver(self) -> dns.resolver.Resolver:
        import dns.resolver

        if self._made is None:
            made = dns.resolver.Resolver(configure=not self._servers)
            if self._servers:
                made.nameservers = [_nameserver(host, port) for host, port in self._servers]
            made.timeout = min(2.0, self._limit)
            self._made = made
        return self._made
