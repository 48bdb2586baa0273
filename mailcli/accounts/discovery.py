"""Finding an account's servers from its address.

What the domain itself publishes comes first (SRV records, RFC 6186 and 8314); names that are only
likely come last, and only if asked for. A target outside of the domain may be the truth (most
domains are hosted by others) or a forgery: it is marked, and whoever uses it asks the user.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from mailcli.errors import MailcliError
from mailcli.model.account import DEFAULT_PORTS, Protocol, Tls
from mailcli.model.record import NamedTuple
from mailcli.net.dns import Offer, Resolver

# RFC 8314 §5.1: of the two ways to TLS, implicit is preferred.
SERVICES: Final = (
    ("imaps", Protocol.IMAP, Tls.IMPLICIT),
    ("imap", Protocol.IMAP, Tls.STARTTLS),
    ("pop3s", Protocol.POP3, Tls.IMPLICIT),
    ("pop3", Protocol.POP3, Tls.STARTTLS),
    ("submissions", Protocol.SMTP, Tls.IMPLICIT),
    ("submission", Protocol.SMTP, Tls.STARTTLS),
)
_LIKELY: Final = {
    Protocol.IMAP: ("imap", "mail"),
    Protocol.POP3: ("pop", "pop3", "mail"),
    Protocol.SMTP: ("smtp", "mail"),
}


class Proposal(NamedTuple):
    """A server that may be right. `source` says in words where it is from; `foreign` is true for
    a published host outside of the address's domain: the user has to confirm it."""

    protocol: Protocol
    host: str
    port: int
    tls: Tls
    source: str
    foreign: bool


class Discovery(NamedTuple):
    """`proposals` per protocol, best first; `refused` are protocols the domain says it does not
    offer; `trouble` is why DNS could not be asked ("" if it could)."""

    proposals: tuple[Proposal, ...]
    refused: frozenset[Protocol] = frozenset()
    trouble: str = ""

    def best(self, protocol: Protocol) -> Proposal | None:
        return next((p for p in self.proposals if p.protocol is protocol), None)


def published(domain: str, resolver: Resolver) -> Discovery:
    """What the domain's SRV records say. Never raises and never takes longer than one question:
    off-line it is an empty result with the reason in `trouble`."""
    domain = domain.lower().rstrip(".")
    with ThreadPoolExecutor(len(SERVICES)) as threads:
        asked = [threads.submit(_asked, resolver, domain, name) for name, *_ in SERVICES]
        answers = [future.result() for future in asked]
    proposals: list[Proposal] = []
    refused: dict[Protocol, bool] = {}
    trouble = ""
    for (name, protocol, tls), answer in zip(SERVICES, answers, strict=True):
        if isinstance(answer, MailcliError):
            trouble = trouble or answer.message
            continue
        refused[protocol] = refused.get(protocol, True) and answer.refused
        for service in answer.services:
            source = f"SRV _{name}._tcp.{domain}"
            foreign = not within(service.host, domain)
            proposals.append(Proposal(protocol, service.host, service.port, tls, source, foreign))
    return Discovery(tuple(proposals), frozenset(protocol for protocol, no in refused.items() if no), trouble)


def guesses(domain: str, protocol: Protocol) -> tuple[Proposal, ...]:
    """Names that are only likely, implicit TLS first. They have to be probed: under verified TLS a
    server that answers to such a name is the domain's."""
    return tuple(
        Proposal(protocol, f"{word}.{domain}", DEFAULT_PORTS[protocol, tls], tls, "a guess", False)
        for tls in (Tls.IMPLICIT, Tls.STARTTLS)
        for word in _LIKELY[protocol]
    )


def within(host: str, domain: str) -> bool:
    """Whether a host is the domain or below it."""
    host, domain = host.lower().rstrip("."), domain.lower().rstrip(".")
    return host == domain or host.endswith(f".{domain}")


def _asked(resolver: Resolver, domain: str, name: str) -> Offer | MailcliError:
    try:
        return resolver.offer(domain, name)
    except MailcliError as error:
        return error
