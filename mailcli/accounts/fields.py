"""What the configuration may say: every table, its keys and the type of each.

One declaration serves three: `config` checks files against it, `schema` publishes it, `edit`
converts the words of `config set` by it. Only what is implemented stands here.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Field(NamedTuple):
    """A key. `kind` is text, number, bool, texts (a list of strings), secret or table;
    `choices` are the only values of a text, `least` the least of a number, `table` names the
    table's own fields ("" for free keys with text values)."""

    kind: str
    about: str
    choices: tuple[str, ...] = ()
    least: int = 0
    table: str = ""


_SECRET: Final = Field("secret", "where the password is kept: one of keyring, command, file, env, credential")
_CA_FILE: Final = Field("text", "PEM file with a further trust anchor")
_TLS: Final = ("implicit", "starttls", "none")

_SERVER: Final = {
    "host": Field("text", "host name or address"),
    "port": Field("number", "default: the protocol's port for this kind of TLS", least=1),
    "tls": Field("text", "how the connection is protected; none only to this machine", _TLS),
    "user": Field("text", "name to sign in with; default: the address"),
    "auth": Field(
        "text",
        'auto, or the one SASL mechanism to use; "none" (SMTP): do not sign in',
        (
            "auto",
            "plain",
            "login",
            "cram-md5",
            "scram-sha-1",
            "scram-sha-256",
            "xoauth2",
            "oauthbearer",
            "none",
        ),
    ),
    "password": _SECRET,
    "ca_file": _CA_FILE,
    "pin": Field("texts", "sha256:HEX of the server's certificate; any other is refused"),
    "allow_cleartext": Field("bool", "with tls = none: permit another machine than this one"),
    "disable": Field("texts", "protocol extensions not to use"),
}

TABLES: Final[dict[str, dict[str, Field]]] = {
    "root": {
        "default_account": Field("text", "the account used when none is named"),
        "accounts": Field("table", "the accounts by name", table="accounts"),
        "aliases": Field("table", 'short names for addresses: team = "ann@example.org, bob@example.org"'),
        "alias_files": Field("texts", "files of mailx or mutt with more of them; without it ~/.mailrc"),
    },
    "account": {
        "email": Field("text", "the account's address"),
        "full_name": Field("text", "the name in From"),
        "aliases": Field("texts", "other addresses that are also yours; * stands for any characters"),
        "user": Field("text", "name to sign in with, for both servers; default: the address"),
        "password": _SECRET,
        "ca_file": _CA_FILE,
        "push": Field("text", "send changes to the server at once, or only with `fetch`", ("auto", "manual")),
        "save_sent": Field("bool", "keep a copy of what is sent in the Sent folder"),
        "special": Field("table", "which folder is Trash, Sent and so on", table="special"),
        "imap": Field("table", "the IMAP server", table="imap"),
        "pop3": Field("table", "the POP3 server", table="pop3"),
        "smtp": Field("table", "the submission server", table="smtp"),
    },
    "special": {
        name: Field("text", f"the folder that is {name}")
        for name in ("Archive", "Drafts", "Sent", "Spam", "Trash")
    },
    "folders": {
        "include": Field("texts", "shell patterns of folders that take part"),
        "exclude": Field("texts", "shell patterns of folders that do not"),
    },
    "imap": {
        **_SERVER,
        "folders": Field("table", "which folders take part", table="folders"),
        "mode": Field("text", "what is downloaded", ("full",)),
        "connections": Field("number", "how many to open at once", least=1),
    },
    "pop3": {
        **_SERVER,
        "leave": Field("text", "what a download does with the server's copy", ("keep", "delete")),
        "delete_after": Field("number", "delete the server's copy so many days after the download", least=1),
        "max_size": Field("number", "leave larger messages on the server (octets)", least=1),
    },
    "smtp": _SERVER,
}

SECRET_KINDS: Final = ("keyring", "command", "file", "env", "credential")
