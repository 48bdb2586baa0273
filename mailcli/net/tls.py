"""TLS as we want it: verified, 1.2 or newer, truncation noticed; and its errors in plain words."""

from __future__ import annotations

import functools
import os
import re
import ssl
import time
from typing import Final

from mailcli.errors import CertificateRefused, ConfigError, MailcliError, RemoteProtocolError, Unreachable
from mailcli.model import pattern, printable
from mailcli.model.account import Endpoint
from mailcli.model.record import NamedTuple

_TRUST: Final = "if you trust this server, give its certificate or its authority's with `ca_file` (--ca-file)"

# OpenSSL's X509_V_ERR_* (x509_vfy.h): what to tell, and what to do about it.
_REASONS: Final = {
    9: ("is not valid yet", "check the clock of this machine"),
    10: ("has expired", "tell the server's operator; check the clock of this machine"),
    18: ("is self-signed", _TRUST),
    19: ("is signed by an authority that is not trusted here (self-signed)", _TRUST),
    20: ("is signed by an authority that is not known here", _TRUST),
    21: ("cannot be verified: the server does not send the whole chain", _TRUST),
    23: ("has been revoked", "do not use this server until its operator has explained"),
    26: ("is not meant for a server", "tell the server's operator"),
    62: ("is for another host name", "check `host` in the configuration"),
    64: ("is for another address", "use the server's name as `host`, not its address"),
    66: ("has a key that is too short", "tell the server's operator"),
    67: ("has an authority whose key is too short", "tell the server's operator"),
    68: ("is signed with a digest that is too weak", "tell the server's operator"),
}

_OLD: Final = frozenset(
    {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "WRONG_SSL_VERSION"}
)
_PIN: Final = pattern.compile(r"(?:sha256:)?((?:[0-9a-f]{2}:?){31}[0-9a-f]{2})", re.IGNORECASE)


def context(endpoint: Endpoint) -> ssl.SSLContext:
    """The context for this endpoint; one per trust anchor and own certificate, shared by all
    connections.

    Raises ConfigError if `ca_file` or `client_cert` cannot be read or hold no certificate.
    """
    given = endpoint.ca_file, endpoint.client_cert, endpoint.client_key
    return _context(*(None if path is None else os.fspath(path) for path in given))


@functools.cache
def _context(ca_file: str | None, client_cert: str | None, client_key: str | None) -> ssl.SSLContext:
    made = ssl.create_default_context(capath=_authorities())
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # Set by some builds of Python and by OpenSSL's configuration: a cut connection would then look
    # like an honest end.
    made.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    if ca_file is not None:
        try:
            made.load_verify_locations(cafile=ca_file)
        except OSError as error:  # SSLError is one
            reason = (
                error.strerror
                if not isinstance(error, ssl.SSLError)
                else "it holds no certificate in PEM form"
            )
            raise ConfigError(f"ca_file {ca_file} cannot be used: {reason}") from error
    if client_cert is not None:
        _present(made, client_cert, client_key)
    return made


def _present(made: ssl.SSLContext, certificate: str, key: str | None) -> None:
    """Have our own certificate shown to a server that asks for one."""

    def no_passphrase() -> str:  # OpenSSL would ask for it on the terminal
        raise ConfigError(
            f"the key in {key or certificate} is encrypted", hint="openssl pkey -in KEY -out PLAIN, mode 0600"
        )

    try:
        made.load_cert_chain(certificate, key, password=no_passphrase)
    except OSError as error:  # SSLError is one
        where = f"client_cert {certificate}" + (f" with client_key {key}" if key is not None else "")
        reason = error.strerror
        if isinstance(error, ssl.SSLError):
            reason = "the key belongs to another certificate"
            if error.reason != "KEY_VALUES_MISMATCH":
                reason = "it holds no certificate and key in PEM form"
        hint = "both are PEM files; see client_cert in mailcli-config(5)"
        raise ConfigError(f"{where} cannot be used: {reason}", hint=hint) from error


def _authorities() -> str | None:
    """The directory of hashed names with the authorities this system trusts; None if it has none
    that would do.

    OpenSSL parses a bundle as a whole beforehand (150 certificates: 20 ms), and opens of such a
    directory only what a chain needs. It will do if the bundle lies in it and has no more, as
    `update-ca-certificates` makes both.
    """
    paths = ssl.get_default_verify_paths()
    if not paths.cafile or not paths.capath:
        return paths.capath
    bundle = os.path.realpath(paths.cafile)
    directory = os.path.dirname(bundle)
    if directory != os.path.realpath(paths.capath):
        return None
    try:
        names = os.listdir(directory)
        hashed = sum(name[8:9] == "." and name[9:].isdigit() for name in names)
        with open(bundle, "rb") as file:
            return paths.capath if file.read().count(b"-----BEGIN ") <= hashed else None
    except OSError:
        return None


def check_pins(sock: ssl.SSLObject, endpoint: Endpoint) -> None:
    """Raise CertificateRefused unless the leaf is one of `endpoint.pins` (none: any is)."""
    if not endpoint.pins:
        return
    import hashlib

    leaf = sock.getpeercert(binary_form=True) or b""
    found = hashlib.sha256(leaf).hexdigest()
    if found not in {normal_pin(pin) for pin in endpoint.pins}:
        raise CertificateRefused(
            f"{endpoint.label}: the certificate is not a pinned one (it is sha256:{found})",
            hint="if the operator confirms the change, put the new value into `pin`",
        )


def normal_pin(pin: str) -> str:
    """The 64 lower-case hex digits of `sha256:HEX`, colons allowed. Raises ConfigError."""
    match = _PIN.fullmatch(pin.strip())
    if match is None:
        raise ConfigError(f"pin {printable.line(pin)!r} is not of the form sha256:HEX (64 hex digits)")
    return match[1].replace(":", "").lower()


_DIGESTS: Final = {
    # signatureAlgorithm in DER, and the digest that RFC 5929 §4.1 wants for it
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04": "sha256",  # MD5 and SHA-1 are replaced
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05": "sha256",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b": "sha256",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c": "sha384",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d": "sha512",
    b"\x2a\x86\x48\xce\x3d\x04\x01": "sha256",
    b"\x2a\x86\x48\xce\x3d\x04\x03\x02": "sha256",
    b"\x2a\x86\x48\xce\x3d\x04\x03\x03": "sha384",
    b"\x2a\x86\x48\xce\x3d\x04\x03\x04": "sha512",
}


def server_end_point(sock: ssl.SSLObject) -> bytes:
    """tls-server-end-point (RFC 5929 §4): a digest of the server's certificate, by the digest of its
    signature; b"" for one that has none of its own (RSA-PSS, Ed25519)."""
    import hashlib

    der = sock.getpeercert(binary_form=True) or b""
    _, inside, _ = _value(der, 0)
    _, _, behind = _value(der, inside)  # tbsCertificate
    _, algorithm, _ = _value(der, behind)
    _, oid, end = _value(der, algorithm)
    digest = _DIGESTS.get(der[oid:end])
    return hashlib.new(digest, der).digest() if digest else b""


def _value(der: bytes, at: int) -> tuple[int, int, int]:
    """A DER value: its tag, where its contents begin, and where they end."""
    if at + 2 > len(der):
        return 0, len(der), len(der)
    tag, size, begin = der[at], der[at + 1], at + 2
    if size & 0x80:
        octets = size & 0x7F
        size = int.from_bytes(der[begin : begin + octets], "big")
        begin += octets
    return tag, begin, begin + size


class Facts(NamedTuple):
    """What is worth telling of a TLS connection: "TLSv1.3", the cipher's name, and how many days
    the certificate is still valid."""

    version: str
    cipher: str
    days_left: int


def facts(sock: ssl.SSLObject) -> Facts:
    """The facts of a connection after its handshake."""
    certificate = sock.getpeercert() or {}
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"])) if "notAfter" in certificate else 0.0
    cipher = sock.cipher()
    return Facts(sock.version() or "", cipher[0] if cipher else "", int((ends - time.time()) // 86400))


def library() -> str:
    """The TLS library in use, "OpenSSL 3.0.22"."""
    return " ".join(ssl.OPENSSL_VERSION.split()[:2])


def refused(error: Exception, label: str, host: str, first: bytes) -> MailcliError:
    """The error for a failed handshake. `first` is the beginning of what the server sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        told, hint = _REASONS.get(error.verify_code, (f"was refused: {error.verify_message}", _TRUST))
        if error.verify_code in (62, 64):
            told = f"{told} than {host}"
        return CertificateRefused(f"{label}: the server's certificate {told}", hint=hint)
    if first and first[0] not in (0x14, 0x15, 0x16, 0x17):  # TLS content types
        said = printable.line(first.split(b"\n")[0].decode("latin-1").strip())[:60]
        return RemoteProtocolError(
            f"{label} does not speak TLS on this port (it said {said!r})",
            hint='use `tls = "starttls"`, or the port for implicit TLS (993 IMAP, 995 POP3, 465 submission)',
        )
    reason = getattr(error, "reason", None) or ""
    if reason in _OLD:
        return CertificateRefused(
            f"{label}: the server offers no TLS version newer than 1.1",
            hint="TLS 1.2 is the oldest version that is safe; ask the operator to turn it on",
        )
    if _cut(error):
        return Unreachable(f"{label} closed the connection during the TLS handshake", hint="try again later")
    return RemoteProtocolError(
        f"{label}: the TLS handshake failed: {_words(reason) or error}",
        hint="check the port; `openssl s_client -connect HOST:PORT` shows what the server does",
    )


def broken(error: ssl.SSLError, label: str) -> MailcliError:
    """The error for a TLS connection that broke after the handshake."""
    if _cut(error):
        return Unreachable(f"{label}: the connection was cut (no TLS close_notify)", hint="try again later")
    return Unreachable(
        f"{label}: the TLS connection broke: {_words(error.reason or '') or error}", hint="try again later"
    )


def _cut(error: BaseException) -> bool:
    """Whether the peer was gone without a word. With OpenSSL 3, Python before 3.11.4 (Debian 12's
    is older) tells it by the reason only."""
    return (
        isinstance(error, ssl.SSLEOFError) or getattr(error, "reason", "") == "UNEXPECTED_EOF_WHILE_READING"
    )


def _words(reason: str) -> str:
    return reason.replace("_", " ").lower()
