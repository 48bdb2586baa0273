"""SRV and MX by a small authoritative server on loopback, and discovery on top of it."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from mailcli.accounts.discovery import SERVICES, Proposal, guesses, published, within
from mailcli.errors import ConfigError, HostUnknown, TimedOut
from mailcli.model.account import Protocol, Tls
from mailcli.net.dns import Exchanger, Offer, Resolver, Service, _by_weight

ZONE = {
    ("_imaps._tcp.example.org.", "SRV"): ["10 0 993 imap2.example.org.", "5 0 1993 imap.example.org."],
    ("_pop3s._tcp.example.org.", "SRV"): ["0 0 0 ."],
    ("_pop3._tcp.example.org.", "SRV"): ["0 0 0 ."],
    ("_submissions._tcp.example.org.", "SRV"): ["0 1 465 smtp.hoster.net."],
    ("_submission._tcp.example.org.", "SRV"): ["0 1 587 smtp.example.org."],
    ("example.org.", "MX"): ["20 mx2.example.org.", "10 MX1.example.org."],
    ("null.example.", "MX"): ["0 ."],
    ("example.org.", "TXT"): ['"v=spf1 " "-all"'],
    ("_imaps._tcp.xn--bcher-kva.example.", "SRV"): ["0 0 993 imap.xn--bcher-kva.example."],
}


@contextlib.contextmanager
def name_server(zone: dict[tuple[str, str], list[str]]) -> Iterator[Resolver]:
    """A resolver that asks an authoritative UDP server for this zone. Names that are in it with
    another type give an empty answer, others NXDOMAIN."""
    names = {name for name, _ in zone}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]

        def serve() -> None:
            while True:
                data, client = sock.recvfrom(4096)
                if not data:
                    return
                query = dns.message.from_wire(data)
                question = query.question[0]
                name, kind = question.name.to_text().lower(), question.rdtype.name
                answer = dns.message.make_response(query)
                answer.flags |= dns.flags.AA
                if (name, kind) in zone:
                    answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *zone[name, kind]))
                elif name not in names:
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                sock.sendto(answer.to_wire(), client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield Resolver([("127.0.0.1", port)])
        finally:
            sock.sendto(b"", ("127.0.0.1", port))
            thread.join(5)


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    with name_server(ZONE) as resolver:
        yield resolver


def test_services_come_in_the_order_of_their_priorities(resolver: Resolver) -> None:
    offer = resolver.offer("example.org", "imaps")
    assert offer.services == (
        Service("imaps", "imap.example.org", 1993, 5, 0),
        Service("imaps", "imap2.example.org", 993, 10, 0),
    )
    assert not offer.refused


def test_a_dot_is_a_refusal_and_nothing_is_nothing(resolver: Resolver) -> None:
    assert resolver.offer("example.org", "pop3s") == ((), True)
    assert resolver.offer("example.org", "imap") == ((), False)
    assert resolver.offer("elsewhere.example", "imaps") == ((), False)


def test_weights_are_drawn_in_proportion() -> None:
    heavy, light = Service("imaps", "heavy", 1, 0, 90), Service("imaps", "light", 1, 0, 10)
    pick = random.Random(7)
    firsts = [_by_weight([light, heavy], pick)[0].host for _ in range(500)]
    assert 400 < firsts.count("heavy") < 490
    assert len(_by_weight([light, heavy], pick)) == 2


def test_exchangers_and_texts(resolver: Resolver) -> None:
    assert resolver.exchangers("example.org") == (
        Exchanger("mx1.example.org", 10),
        Exchanger("mx2.example.org", 20),
    )
    assert resolver.exchangers("null.example") == (Exchanger("", 0),)
    assert resolver.texts("example.org") == ("v=spf1 -all",)
    with pytest.raises(HostUnknown):
        resolver.exchangers("elsewhere.example")


def test_an_international_domain_is_asked_for_by_its_a_label(resolver: Resolver) -> None:
    [service] = resolver.offer("bücher.example", "imaps").services
    assert service.host == "imap.xn--bcher-kva.example"


def test_a_name_that_dns_cannot_hold_is_an_error_of_ours(resolver: Resolver) -> None:
    with pytest.raises(ConfigError):
        resolver.exchangers("a" * 70 + ".example")


def test_a_silent_name_server_is_timed_out() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        resolver = Resolver([("127.0.0.1", deaf.getsockname()[1])], limit=0.3)
        with pytest.raises(TimedOut, match=r"0\.3 seconds"):
            resolver.exchangers("example.org")


def test_discovery_proposes_what_the_domain_publishes_and_marks_what_is_outside(resolver: Resolver) -> None:
    found = published("Example.Org", resolver)
    assert found.best(Protocol.IMAP) == Proposal(
        Protocol.IMAP, "imap.example.org", 1993, Tls.IMPLICIT, "SRV _imaps._tcp.example.org", False
    )
    smtp = found.best(Protocol.SMTP)
    assert smtp is not None
    assert (smtp.host, smtp.tls, smtp.foreign) == ("smtp.hoster.net", Tls.IMPLICIT, True)
    own = [p for p in found.proposals if p.protocol is Protocol.SMTP and not p.foreign]
    assert [(p.host, p.port, p.tls) for p in own] == [("smtp.example.org", 587, Tls.STARTTLS)]
    assert found.best(Protocol.POP3) is None
    assert found.refused == {Protocol.POP3}
    assert found.trouble == ""


def test_discovery_off_line_is_an_empty_answer_with_the_reason_in_one_question_s_time() -> None:
    together = threading.Barrier(len(SERVICES))

    class Asked(Resolver):
        def offer(self, domain: str, name: str, *, pick: random.Random | None = None) -> Offer:
            together.wait(60)
            return super().offer(domain, name, pick=pick)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        found = published("example.org", Asked([deaf.getsockname()], limit=0.3))
    assert found.proposals == ()
    assert "DNS" in found.trouble


def test_guesses_prefer_implicit_tls_and_stay_inside_of_the_domain() -> None:
    found = guesses("example.org", Protocol.IMAP)
    assert [(p.host, p.port) for p in found[:2]] == [("imap.example.org", 993), ("mail.example.org", 993)]
    assert all(within(p.host, "example.org") for p in found)
    assert not within("badexample.org", "example.org")
