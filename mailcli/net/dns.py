"""DNS beyond addresses. The only importer of dnspython.

Answers are what any resolver on the way may have made up: whoever uses them for more than a
question to the user has to look at `domain` of the targets, or at TLS.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.errors import ConfigError, HostUnknown, TimedOut, Unreachable
from mailcli.model.record import NamedTuple
from mailcli.net.eyeballs import to_ascii

if TYPE_CHECKING:
    import dns.resolver

LIMIT: Final = 4.0
"""Seconds for one question, retries included: discovery asks several, and a person waits."""


class Service(NamedTuple):
    """One SRV record (RFC 2782): a host that offers a service such as `imaps`."""

    name: str
    host: str
    port: int
    priority: int
    weight: int


class Offer(NamedTuple):
    """What SRV says of one service: the hosts, best first; or `refused`: the domain says that it
    does not offer it (a target of ".", RFC 6186 §3.4). Neither: it says nothing."""

    services: tuple[Service, ...]
    refused: bool


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

    def offer(self, domain: str, name: str, *, pick: random.Random | None = None) -> Offer:
        """The hosts that offer service `name` for a domain, in the order to try them (RFC 2782)."""
        records = self._ask(f"_{name}._tcp.{domain}", "SRV", missing_is_error=False)
        found = [Service(name, _name(r.target), int(r.port), int(r.priority), int(r.weight)) for r in records]
        hosts = [service for service in found if service.host]
        return Offer(tuple(_by_weight(hosts, pick or random.SystemRandom())), bool(found) and not hosts)

    def exchangers(self, domain: str) -> tuple[Exchanger, ...]:
        """The MX records of a domain, best first; () if it has none."""
        found = [Exchanger(_name(r.exchange), int(r.preference)) for r in self._ask(domain, "MX")]
        return tuple(sorted(found, key=lambda x: (x.preference, x.host)))

    def texts(self, name: str) -> tuple[str, ...]:
        """The TXT records of a name, each joined to one string."""
        return tuple(
            b"".join(r.strings).decode("utf-8", "replace")
            for r in self._ask(name, "TXT", missing_is_error=False)
        )

    def _ask(self, name: str, kind: str, *, missing_is_error: bool = True) -> list[Any]:
        import dns.exception
        import dns.resolver

        name = ".".join(to_ascii(label) for label in name.split("."))
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
        import dns.nameserver
        import dns.resolver

        if self._made is None:
            made = dns.resolver.Resolver(configure=not self._servers)
            if self._servers:
                made.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in self._servers]
            made.timeout = min(2.0, self._limit)
            self._made = made
        return self._made


def _name(target: object) -> str:
    return str(target).rstrip(".").lower()


def _by_weight(services: list[Service], pick: random.Random) -> list[Service]:
    """RFC 2782's order: by priority; within one, drawn in proportion to the weights."""
    ordered: list[Service] = []
    for priority in sorted({service.priority for service in services}):
        left = sorted((s for s in services if s.priority == priority), key=lambda s: s.weight)
        while left:
            mark = pick.randint(0, sum(s.weight for s in left))
            for service in left:
                mark -= service.weight
                if mark <= 0:
                    break
            ordered.append(service)
            left.remove(service)
    return ordered
