"""A certificate authority for one test session."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import trustme


class ServerTls(NamedTuple):
    """Files of PEM: the authority's certificate, the server's chain and its key."""

    ca: Path
    certificate: Path
    key: Path


def make_server_tls(directory: Path, *names: str) -> ServerTls:
    """A fresh authority and a certificate of its for localhost, 127.0.0.1 and `names`."""
    directory.mkdir(parents=True, exist_ok=True)
    made = ServerTls(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost", "127.0.0.1", *names, common_name="localhost")
    authority.cert_pem.write_to_path(str(made.ca))
    made.certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    leaf.private_key_pem.write_to_path(str(made.key))
    return made
