"""Profile directories for the test servers: what `mailcli --profile DIR` is given."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix

PORTS = {("imap", "implicit"): "imaps", ("pop3", "implicit"): "pop3s"}


def account_toml(
    directory: Path,
    dovecot: Dovecot,
    user: str,
    password: str,
    *,
    postfix: Postfix | None = None,
    name: str = "test",
    protocol: str = "imap",
    tls: str = "implicit",
    smtp_tls: str = "implicit",
    incoming_port: int = 0,
    smtp_port: int = 0,
    incoming: str = "",
    settings: str = "",
) -> Path:
    """Add account `name` to DIRECTORY/config.toml, its password to a file of mode 0600: the
    configuration's path.

    `tls` and `smtp_tls` are implicit, starttls or none; the ports are the servers' own unless
    given (a proxy's, say). `incoming` and `settings` are more TOML lines for the incoming table
    and for the account's.
    """
    directory.mkdir(parents=True, exist_ok=True)
    secret = directory / f"{name}.password"
    secret.touch(mode=0o600)
    secret.write_text(password + "\n")
    port = incoming_port or getattr(dovecot, PORTS.get((protocol, tls), protocol))
    lines = [
        f"[accounts.{name}]",
        f'email = "{dovecot.address(user)}"',
        f"user = {json.dumps(user)}",
        f"password = {{ file = {json.dumps(str(secret))} }}",
        f"ca_file = {json.dumps(str(dovecot.ca))}",
        *settings.splitlines(),
        f"[accounts.{name}.{protocol}]",
        f'host = "{dovecot.host}"',
        f"port = {port}",
        f'tls = "{tls}"',
        *incoming.splitlines(),
    ]
    if postfix is not None:
        port = smtp_port or (postfix.submissions if smtp_tls == "implicit" else postfix.submission)
        lines += [
            f"[accounts.{name}.smtp]",
            f'host = "{postfix.host}"',
            f"port = {port}",
            f'tls = "{smtp_tls}"',
        ]
    path = directory / "config.toml"
    before = path.read_text() + "\n" if path.exists() else ""
    path.touch(mode=0o600)
    path.write_text(before + "\n".join(lines) + "\n")
    return path
