"""One server's table of the configuration as an Endpoint: where it is, how to get there, how to sign in.

The tables were checked against `fields` before: what is looked at here is what goes together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from mailcli.accounts.paths import absolute
from mailcli.errors import ConfigError
from mailcli.model.account import DEFAULT_PORTS, Endpoint, Protocol, Proxy, SecretSpec, Tls


class Servers:
    """Reads the servers of the configuration at `path`; `fault` makes the error of a place in it."""

    def __init__(self, path: str, fault: Callable[..., ConfigError]) -> None:
        self.path = path
        self.fault = fault

    def endpoint(self, at: tuple[str, ...], account: dict[str, Any], protocol: Protocol) -> Endpoint:
        table = account[protocol.value]
        at = (*at, protocol.value)
        name = ".".join(at)
        own = self.own_channel(at, table)
        if not own and not table.get("host"):
            raise self.fault(at, f"{name} has no `host`")
        if any(c.isspace() or c in "/@" for c in table.get("host", "")):
            raise self.fault((*at, "host"), f"{name}.host: {table['host']!r} is not a host name")
        lmtp = table.get("protocol") == "lmtp"
        tls = Tls(table.get("tls", "none" if own or lmtp else "implicit"))
        port = table.get("port", 24 if lmtp else DEFAULT_PORTS[protocol, tls])
        if port > 65535:
            raise self.fault((*at, "port"), f"{name}.port: {port} is not a port")
        for pin in table.get("pin", ()):
            if not re.fullmatch(r"sha256:([0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}", pin):
                raise self.fault(
                    (*at, "pin"), f"{name}.pin: {pin!r} is not of the form sha256:HEX (64 digits)"
                )
        auth = table.get("auth", "auto")
        if auth == "none" and protocol is not Protocol.SMTP:
            raise self.fault((*at, "auth"), f'{name}.auth: "none" is only for smtp')
        ca_file = table.get("ca_file", account.get("ca_file"))
        return Endpoint(
            protocol=protocol,
            host=table.get("host", "localhost"),
            port=port,
            tls=tls,
            user=table.get("user", account.get("user", account["email"])),
            auth=auth,
            secret=self.secret(account, table, protocol, tls),
            ca_file=None if ca_file is None else self.beside(ca_file),
            pins=tuple(table.get("pin", ())),
            allow_cleartext=table.get("allow_cleartext", False),
            disabled=frozenset(word.upper() for word in table.get("disable", ())),
            connections=table.get("connections", 2),
            compress=table.get("compress", "auto"),
            socket=self.beside(table["socket"]) if "socket" in table else None,
            command=table.get("command", ""),
            proxy=self.proxy(at, table),
            client_cert=self.file(at, table, "client_cert"),
            client_key=self.file(at, table, "client_key"),
            lmtp=lmtp,
            chunking=table.get("chunking", False),
        )

    def own_channel(self, at: tuple[str, ...], table: dict[str, Any]) -> bool:
        """Whether a socket or a command stands in place of a host."""
        given = [key for key in ("host", "socket", "command") if table.get(key)]
        name = ".".join(at)
        if "host" not in given and len(given) == 1:
            if table.get("tls", "none") != "none":
                raise self.fault((*at, "tls"), f"{name}: TLS is for hosts; leave `tls` out with `{given[0]}`")
            if "proxy" in table:
                raise self.fault((*at, "proxy"), f"{name}: a proxy is for hosts, not for `{given[0]}`")
            return True
        if len(given) > 1:
            raise self.fault((*at, given[-1]), f"{name} has both `{given[0]}` and `{given[1]}`")
        return False

    def proxy(self, at: tuple[str, ...], table: dict[str, Any]) -> Proxy | None:
        if "proxy" not in table:
            return None
        match = re.fullmatch(
            r"(socks5h?|http)://(?:([^\s/@:]+)@)?(\[[0-9A-Fa-f:.]+\]|[^\s/@:\[\]]+):(\d{1,5})/?",
            table["proxy"],
        )
        name = ".".join(at)
        if match is None or not 0 < int(match[4]) < 65536:
            raise self.fault(
                (*at, "proxy"),
                f"{name}.proxy is not of the form socks5://HOST:PORT or http://HOST:PORT",
                "a user name goes before the host, USER@HOST; its password into `proxy_password`",
            )
        given = table.get("proxy_password")
        if (given is None) != (match[2] is None):
            raise self.fault(
                (*at, "proxy"), f"{name}: a proxy's user name and `proxy_password` belong together"
            )
        secret = None if given is None else self.kept(given)
        kind = "http" if match[1] == "http" else "socks5"
        return Proxy(kind, match[3].strip("[]"), int(match[4]), match[2] or "", secret)

    def file(self, at: tuple[str, ...], table: dict[str, Any], key: str) -> str | None:
        if key not in table:
            return None
        if key == "client_key" and "client_cert" not in table:
            raise self.fault((*at, key), f"{'.'.join(at)} has a `client_key` and no `client_cert`")
        return self.beside(table[key])

    def secret(
        self, account: dict[str, Any], table: dict[str, Any], protocol: Protocol, tls: Tls
    ) -> SecretSpec | None:
        """The server's own password, else the account's, else the keyring; None: no sign-in."""
        if table.get("auth") == "none" or (table.get("protocol") == "lmtp" and "password" not in table):
            return None
        if table.get("auth") == "external":
            return None  # the certificate is all there is
        own = "socket" in table or "command" in table
        given = table.get("password", None if own else account.get("password"))
        if given is None and own:
            return None
        if given is None:
            # A relay on this machine is the one server people use without a password.
            open_relay = protocol is Protocol.SMTP and tls is Tls.NONE and "user" not in table
            return None if open_relay else SecretSpec("keyring")
        return self.kept(given)

    def kept(self, given: dict[str, Any]) -> SecretSpec:
        """Where a checked `{ KIND = … }` says a secret is."""
        [(kind, value)] = given.items()
        if kind == "keyring":
            return SecretSpec(kind, "" if value is True else value)
        return SecretSpec(kind, self.beside(value) if kind == "file" else value)

    def beside(self, path: str) -> str:
        """A path in the configuration: ~ is the home, a relative one counts from the file."""
        return absolute(path, os.path.dirname(self.path))
