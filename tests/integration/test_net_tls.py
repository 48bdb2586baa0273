"""Handshakes that must be refused, and what the refusal says."""

from __future__ import annotations

import datetime
import hashlib
import socket
import ssl
import time
import warnings
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mailcli.errors import (
    CertificateRefused,
    ConfigError,
    MailcliError,
    RemoteProtocolError,
    TimedOut,
    Unreachable,
)
from mailcli.model.account import Endpoint, Protocol, Tls
from mailcli.net import tls
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from mailcli.net.dial import dial
from mailcli.net.stream import Stream
from tests.support.peers import Conversation, read_to_end, serving

QUICK = Deadlines(connect=20, tls=20, greeting=20, reply=20)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def server_context(leaf: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


def under(context: ssl.SSLContext) -> Conversation:
    def converse(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as secured:
            read_to_end(secured)

    return converse


def connect(
    port: int,
    ca: Path | None,
    *,
    host: str = "localhost",
    pins: tuple[str, ...] = (),
    deadlines: Deadlines = QUICK,
) -> Stream:
    endpoint = Endpoint(Protocol.IMAP, host, port, Tls.IMPLICIT, "u", ca_file=ca, pins=pins)
    return dial(endpoint, deadlines, CancelToken())


def refusal(conversation: Conversation, ca: Path | None, **options: object) -> MailcliError:
    with serving(conversation) as port, pytest.raises(MailcliError) as caught:
        connect(port, ca, **options).close()  # type: ignore[arg-type]
    assert "localhost:" in caught.value.message or "127.0.0.1:" in caught.value.message
    return caught.value


def test_a_certificate_of_the_given_authority_is_accepted_and_described(
    authority: trustme.CA, ca_file: Path
) -> None:
    with serving(under(server_context(authority.issue_cert("localhost")))) as port:
        stream = connect(port, ca_file)
        assert stream.tls is not None
        found = tls.facts(stream.tls)
        assert found.version == "TLSv1.3"
        assert found.days_left > 100
        stream.close()


def test_an_address_is_verified_as_an_address(authority: trustme.CA, ca_file: Path) -> None:
    with serving(under(server_context(authority.issue_cert("127.0.0.1")))) as port:
        connect(port, ca_file, host="127.0.0.1").close()
    error = refusal(under(server_context(authority.issue_cert("localhost"))), ca_file, host="127.0.0.1")
    assert "another address than 127.0.0.1" in error.message


def test_an_unknown_authority_is_refused_with_the_way_out(authority: trustme.CA) -> None:
    error = refusal(under(server_context(authority.issue_cert("localhost"))), None)
    assert isinstance(error, CertificateRefused)
    assert error.exit_code == 77
    assert "authority" in error.message
    assert "--ca-file" in error.hint


def test_another_host_s_certificate_is_refused(authority: trustme.CA, ca_file: Path) -> None:
    error = refusal(under(server_context(authority.issue_cert("other.test"))), ca_file)
    assert isinstance(error, CertificateRefused)
    assert "another host name than localhost" in error.message


def test_an_expired_certificate_is_refused(authority: trustme.CA, ca_file: Path) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    leaf = authority.issue_cert("localhost", not_before=past, not_after=past + datetime.timedelta(days=90))
    error = refusal(under(server_context(leaf)), ca_file)
    assert isinstance(error, CertificateRefused)
    assert "has expired" in error.message


def self_signed(directory: Path) -> Path:
    """Certificate and key for localhost in one file, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "self.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


def test_a_self_signed_certificate_is_refused_unless_it_is_the_anchor(tmp_path: Path) -> None:
    path = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    error = refusal(under(context), None)
    assert isinstance(error, CertificateRefused)
    assert "self-signed" in error.message
    with serving(under(context)) as port:
        connect(port, path).close()


def test_a_pinned_certificate_is_accepted_and_every_other_refused(
    authority: trustme.CA, ca_file: Path
) -> None:
    leaf = authority.issue_cert("localhost")
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    pin = hashlib.sha256(der).hexdigest()
    colons = ":".join(pin[i : i + 2] for i in range(0, 64, 2)).upper()
    for good in (f"sha256:{pin}", f"sha256:{colons}"):
        with serving(under(server_context(leaf))) as port:
            connect(port, ca_file, pins=("sha256:" + "00" * 32, good)).close()
    error = refusal(under(server_context(leaf)), ca_file, pins=("sha256:" + "00" * 32,))
    assert isinstance(error, CertificateRefused)
    assert pin in error.message


def test_a_pin_does_not_replace_verification(authority: trustme.CA) -> None:
    leaf = authority.issue_cert("localhost")
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    pin = "sha256:" + hashlib.sha256(der).hexdigest()
    assert isinstance(refusal(under(server_context(leaf)), None, pins=(pin,)), CertificateRefused)


def test_tls_1_1_is_refused(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority.issue_cert("localhost", key_type=trustme.KeyType.RSA))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    error = refusal(under(context), ca_file)
    assert isinstance(error, CertificateRefused)
    assert "no TLS version newer than 1.1" in error.message


def test_a_plain_text_server_on_a_tls_port_is_named_as_such(ca_file: Path) -> None:
    def plain(sock: socket.socket) -> None:
        sock.sendall(b"* OK \x1b]0;evil\x07 ready\r\n")
        read_to_end(sock)

    error = refusal(plain, ca_file)
    assert isinstance(error, RemoteProtocolError)
    assert "does not speak TLS" in error.message
    assert "* OK" in error.message
    assert "starttls" in error.hint
    assert "\x1b" not in error.message


def test_a_server_that_hangs_in_the_handshake_is_timed_out(ca_file: Path) -> None:
    def silent(sock: socket.socket) -> None:
        read_to_end(sock)

    error = refusal(silent, ca_file, deadlines=QUICK._replace(tls=0.2))
    assert isinstance(error, TimedOut)
    assert "TLS handshake took longer than 0.2 seconds" in error.message


def test_a_server_that_drips_its_handshake_is_timed_out(ca_file: Path) -> None:
    def drip(sock: socket.socket) -> None:
        while True:
            sock.sendall(b"\x16")
            time.sleep(0.05)

    error = refusal(drip, ca_file, deadlines=QUICK._replace(tls=0.3))
    assert isinstance(error, (TimedOut, RemoteProtocolError))


def test_a_server_that_leaves_during_the_handshake_is_unreachable(ca_file: Path) -> None:
    error = refusal(lambda sock: None if sock.recv(1) else None, ca_file)  # noqa: RUF034
    assert isinstance(error, Unreachable)


def test_a_useless_ca_file_is_a_configuration_error_before_anything_is_sent(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match="ca_file"):
            connect(1, path)


def test_unexpected_ends_are_not_ignored_even_where_python_would(
    monkeypatch: pytest.MonkeyPatch, ca_file: Path
) -> None:
    made = ssl.create_default_context()
    made.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    monkeypatch.setattr(ssl, "create_default_context", lambda **given: made)
    tls._context.cache_clear()
    context = tls.context(Endpoint(Protocol.IMAP, "h", 1, Tls.IMPLICIT, "u", ca_file=ca_file))
    tls._context.cache_clear()
    assert context is made
    assert not context.options & ssl.OP_IGNORE_UNEXPECTED_EOF
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def _certificates(directory: Path, *, in_directory: bool) -> Path:
    """A bundle with the test authority; with its hashed name beside it, or without."""
    directory.mkdir()
    bundle = directory / "bundle.pem"
    bundle.write_bytes((directory.parent / "ca.pem").read_bytes())
    if in_directory:
        (directory / "0a1b2c3d.0").write_bytes(bundle.read_bytes())
    return bundle


@pytest.mark.parametrize(("complete", "loaded"), [(True, 0), (False, 1)])
def test_a_bundle_is_parsed_only_if_the_directory_lacks_some_of_it(
    tmp_path: Path, ca_file: Path, monkeypatch: pytest.MonkeyPatch, complete: bool, loaded: int
) -> None:
    (tmp_path / "ca.pem").write_bytes(ca_file.read_bytes())
    bundle = _certificates(tmp_path / "certs", in_directory=complete)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSL_CERT_DIR", str(bundle.parent))
    tls._context.cache_clear()
    context = tls.context(Endpoint(Protocol.IMAP, "h", 1, Tls.IMPLICIT, "u"))
    tls._context.cache_clear()
    assert context.cert_store_stats()["x509"] == loaded
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_bundle_of_ones_own_is_parsed(
    tmp_path: Path, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.pem").write_bytes(ca_file.read_bytes())
    (tmp_path / "0a1b2c3d.0").write_bytes(ca_file.read_bytes())
    _certificates(tmp_path / "certs", in_directory=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "certs"))
    tls._context.cache_clear()
    context = tls.context(Endpoint(Protocol.IMAP, "h", 1, Tls.IMPLICIT, "u"))
    tls._context.cache_clear()
    assert context.cert_store_stats()["x509"] == 1
