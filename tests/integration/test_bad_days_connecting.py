"""Bad days on the way to a server: one clear line, the right exit code, and nothing lost."""

from __future__ import annotations

import datetime
import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from tests.integration.conftest import message
from tests.support.dovecot import Dovecot
from tests.support.peers import Conversation, dead_port, read_to_end, serving
from tests.support.postfix import Postfix
from tests.support.program import Done, Program
from tests.support.proxy import Cut, Proxy

PROTOCOLS = ("imap", "pop3", "smtp")
TLS_PORTS = {"imap": "imaps", "pop3": "pop3s", "smtp": "submissions"}
PLAIN_PORTS = {"imap": "imap", "pop3": "pop3", "smtp": "submission"}


class Account:
    """A user of the test servers and a profile; the server meant by `protocol` is the one a bad
    day befalls."""

    def __init__(self, program: Program, protocol: str, server: Dovecot | Postfix, user: str) -> None:
        self.program = program
        self.protocol = protocol
        self.server = server
        self.user = user

    def ask(self, *words: str) -> Done:
        """Have the program use that server: a fetch, or a message to oneself."""
        if self.protocol == "smtp":
            return self.program.run("send", "-s", "letter", f"{self.user}@mail.test", *words, text="text\n")
        return self.program.run("fetch", *words)

    def change(self, pattern: str, value: str) -> None:
        """Replace what matches in the table of the server meant."""
        path = self.program.profile / "config.toml"
        head, mark, table = path.read_text().partition(f"[accounts.test.{self.protocol}]")
        changed, count = re.subn(pattern, value, table, count=1)
        assert count == 1, (pattern, table)
        path.write_text(head + mark + changed)

    def at(self, port: int) -> str:
        """Point the account at another port of this machine: `localhost:PORT`."""
        self.change(r"port = \d+", f"port = {port}")
        return f"localhost:{port}"

    def trust(self, ca: Path) -> None:
        path = self.program.profile / "config.toml"
        path.write_text(re.sub(r'ca_file = ".*"', f'ca_file = "{ca}"', path.read_text()))

    @property
    def port(self) -> int:
        return int(getattr(self.server, TLS_PORTS[self.protocol]))

    def recovers(self) -> None:
        """The day is over: everything arrives, once."""
        self.at(self.port)
        assert self.ask().good()
        if self.protocol != "smtp":
            assert self.program.subjects() == ["m0", "m1", "m2"]


def only(*protocols: str) -> pytest.MarkDecorator:
    """For what does not depend on the protocol: these alone stand for all."""
    return pytest.mark.parametrize("account", protocols, indirect=True)


@pytest.fixture(params=PROTOCOLS)
def account(
    request: pytest.FixtureRequest,
    dovecot: Dovecot,
    postfix: Postfix,
    tmp_path: Path,
    account_toml: Callable[..., Path],
) -> Account:
    protocol = str(request.param)
    user, password = dovecot.user()
    dovecot.fill(user, [message(f"m{n}") for n in range(3)])
    incoming = "imap" if protocol == "smtp" else protocol
    account_toml(tmp_path, dovecot, user, password, protocol=incoming, postfix=postfix)
    return Account(Program(tmp_path), protocol, postfix if protocol == "smtp" else dovecot, user)


def silent(sock: socket.socket) -> None:
    read_to_end(sock)


def secured(leaf: trustme.LeafCert) -> Conversation:
    """A server that does the handshake with this certificate and would serve whoever accepts it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)

    def converse(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as wrapped:
            assert not read_to_end(wrapped), "something was sent to a server that is not trusted"

    return converse


def test_a_wrong_password_is_told_and_nothing_is_tried_again(account: Account) -> None:
    secret = account.program.profile / "test.password"
    right = secret.read_text()
    secret.write_text("wrong\n")
    account.ask().failed(77, "test", f"localhost:{account.port}", account.user, "password")
    secret.write_text(right)
    account.recovers()


def test_a_port_nobody_listens_on_is_told(account: Account) -> None:
    with dead_port() as port:
        where = account.at(port)
        account.ask().failed(75, "test", where, "connection refused", "is the port right?")
    account.recovers()


@only("imap")
def test_a_host_that_does_not_exist_is_told(account: Account) -> None:
    account.change(r'host = ".*"', 'host = "mail.nowhere.invalid"')
    account.ask().failed(68, "test", "mail.nowhere.invalid", "no host", "`host` in the configuration")
    account.change(r'host = ".*"', 'host = "localhost"')
    account.recovers()


@only("imap")
def test_a_certificate_of_an_unknown_authority_is_refused(account: Account, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    account.trust(other)
    account.ask().failed(77, "test", f"localhost:{account.port}", "authority", "ca_file")
    account.trust(account.server.ca)
    account.recovers()


@only("pop3")
def test_a_certificate_for_another_host_is_refused(account: Account, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    account.trust(tmp_path / "ca.pem")
    with serving(secured(authority.issue_cert("elsewhere.test"))) as port:
        where = account.at(port)
        account.ask().failed(77, "test", where, "another host name than localhost", "`host`")


@only("smtp")
def test_a_certificate_that_has_expired_is_refused(account: Account, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    account.trust(tmp_path / "ca.pem")
    ended = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    leaf = authority.issue_cert("localhost", not_before=ended - datetime.timedelta(days=1), not_after=ended)
    with serving(secured(leaf)) as port:
        where = account.at(port)
        account.ask().failed(77, "test", where, "expired", "operator")


@only("imap", "smtp")
def test_a_plain_text_server_on_a_tls_port_is_told_as_such(account: Account) -> None:
    where = account.at(getattr(account.server, PLAIN_PORTS[account.protocol]))
    account.ask().failed(76, "test", where, "does not speak TLS", "starttls")
    account.recovers()


@only("pop3")
def test_a_tls_server_on_a_plain_text_port_is_told_as_such(account: Account) -> None:
    account.change('tls = "implicit"', 'tls = "starttls"')
    account.ask("--deadline", "2").failed(
        75, "test", f"localhost:{account.port}", "greeting", 'tls = "implicit"'
    )
    account.change('tls = "starttls"', 'tls = "implicit"')
    account.recovers()


@only("imap", "smtp")
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_server_that_accepts_and_says_nothing_is_given_up(account: Account, tls: str) -> None:
    account.change('tls = "implicit"', f'tls = "{tls}"')
    with serving(silent) as port:
        where = account.at(port)
        done = account.ask("--deadline", "2")
    phase = "TLS handshake" if tls == "implicit" else "greeting"
    done.failed(75, "test", where, "deadline", phase, "(")


@only("imap", "smtp")
@pytest.mark.parametrize("octets", [0, 700])
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_connection_cut_in_the_handshake_is_told(account: Account, octets: int, how: str) -> None:
    with Proxy(account.port, cut=Cut("server", octets, how)) as proxy:
        where = account.at(proxy.port)
        account.ask().failed(75, "test", where)


def test_a_server_that_speaks_garbage_is_told(account: Account) -> None:
    account.change('tls = "implicit"', 'tls = "none"')

    def garbage(sock: socket.socket) -> None:
        sock.sendall(b"\x00\xff\x1b[31mSSH-2.0-OpenSSH_9.2\x07 welcome\r\n" * 3)
        read_to_end(sock)

    with serving(garbage) as port:
        where = account.at(port)
        done = account.ask()
    done.failed(76, "test", where, "(")
    assert done.line.isprintable()
