"""What the configuration may say: every table, its keys and the type of each.

One declaration serves three: `config` checks files against it, `schema` publishes it, `edit`
converts the words of `config set` by it. Only what is implemented stands here.
"""

from __future__ import annotations

from typing import Final

from mailcli.model.extent import MODES, OLDER
from mailcli.model.record import NamedTuple


class Field(NamedTuple):
    """A key. `kind` is text, lines (a text of several), number, size (octets, or a text such as 10M),
    bool, texts (a list of strings), secret, table or tables (by names that are free); `choices` are the
    only values of a text, `least` and `most` bound a number (0: no bound), `table` names the table's own
    fields ("" for free keys with text values)."""

    kind: str
    about: str
    choices: tuple[str, ...] = ()
    least: int = 0
    table: str = ""
    most: int = 0


_SECRET: Final = Field("secret", "where the password is kept: one of keyring, command, file, env, credential")
_CA_FILE: Final = Field("text", "PEM file with a further trust anchor")
_TLS: Final = ("implicit", "starttls", "none")

_AUTH: Final = (
    *("auto", "scram", "plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256"),
    *("xoauth2", "oauthbearer", "scram-sha-256-plus", "scram-sha-1-plus", "external", "none"),
)

_WATCH_INTERVAL: Final = Field(
    "number", "seconds between two looks at what does not tell by itself, with `watch`", least=1
)
_HOOKS: Final = {
    "new_mail": Field("text", "run when a fetch brought new messages"),
    "after_fetch": Field("text", "run after every fetch"),
}

_SERVER: Final = {
    "host": Field("text", "host name or address"),
    "port": Field("number", "default: the protocol's port for this kind of TLS", least=1),
    "tls": Field("text", "how the connection is protected; none only to this machine", _TLS),
    "user": Field("text", "name to sign in with; default: the address"),
    "auth": Field(
        "text",
        'auto, scram (any kind of it), or the one SASL mechanism to use; "none" (SMTP): do not sign in',
        _AUTH,
    ),
    "password": _SECRET,
    "ca_file": _CA_FILE,
    "pin": Field("texts", "sha256:HEX of the server's certificate; any other is refused"),
    "allow_cleartext": Field("bool", "with tls = none: permit another machine than this one"),
    "disable": Field("texts", "protocol extensions not to use"),
    "socket": Field("text", "a Unix socket in place of host and port"),
    "command": Field("text", "a shell command that speaks the protocol, in place of host and port"),
    "proxy": Field("text", "socks5://HOST:PORT or http://HOST:PORT on the way; USER@ before HOST"),
    "proxy_password": Field("secret", "where the proxy's password is kept, as with password"),
    "client_cert": Field("text", "PEM file with our own certificate, for servers that ask for one"),
    "client_key": Field("text", "PEM file with its key, if that is not in the same file"),
}

_EXTENT: Final = {
    "mode": Field("text", "what is downloaded: messages whole, their headers, or recent ones whole", MODES),
    "since": Field("text", "with mode = recent: a date, or an age such as 90d or 3 months"),
    "older": Field("text", "with mode = recent: what comes of older messages", OLDER),
    "max_size": Field("size", "only the headers of larger messages: octets, or a text such as 10M", least=1),
}

TABLES: Final[dict[str, dict[str, Field]]] = {
    "root": {
        "default_account": Field("text", "the account used when none is named"),
        "watch_interval": _WATCH_INTERVAL,
        "hooks": Field("table", "commands that are run for what happens", table="all_hooks"),
        "reader": Field("table", "the full-screen reader", table="reader"),
        "accounts": Field("table", "the accounts by name", table="accounts"),
        "attachment_reminder": Field(
            "bool", "warn when the text speaks of an attachment and there is none; true without it"
        ),
        "aliases": Field("table", 'short names for addresses: team = "ann@example.org, bob@example.org"'),
        "queries": Field("table", 'saved queries by name: boss = "from:boss is:unread"'),
        "index_attachments": Field("bool", "read the text of attachments at the end of each fetch"),
        "alias_files": Field("texts", "files of mailx or mutt with more of them; without it ~/.mailrc"),
    },
    "all_hooks": {
        **_HOOKS,
        "timeout": Field("number", "seconds a command may take; 60 without it", least=1),
    },
    "hooks": _HOOKS,
    "reader": {"watch": Field("bool", "whether new mail appears by itself; true without it")},
    "account": {
        "email": Field("text", "the account's address"),
        "full_name": Field("text", "the name in From"),
        "aliases": Field("texts", "other addresses that are also yours; * stands for any characters"),
        "user": Field("text", "name to sign in with, for both servers; default: the address"),
        "password": _SECRET,
        "ca_file": _CA_FILE,
        "push": Field("text", "send changes to the server at once, or only with `fetch`", ("auto", "manual")),
        "watch_interval": _WATCH_INTERVAL,
        "hooks": Field("table", "commands for this account, in place of the general ones", table="hooks"),
        "save_sent": Field("bool", "keep a copy of what is sent in the Sent folder"),
        "signature": Field("lines", "put under what is written by this account"),
        "signature_file": Field("text", "the file that holds the signature"),
        "signature_place": Field("text", "below the quotation, or above it", ("below", "above")),
        "flowed": Field("bool", "send plain text as format=flowed; false without it"),
        "send_to": Field("texts", "patterns of recipients who are written to by this account"),
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
        "subscribed": Field("bool", "only folders subscribed to"),
    },
    "extent": _EXTENT,
    "imap": {
        **_SERVER,
        "folders": Field("table", "which folders take part", table="folders"),
        "sync": Field("text", "both ways, or nothing here changes the server", ("both", "pull")),
        "delete": Field("text", "what deleting here does on the server", ("trash", "expunge", "nothing")),
        **_EXTENT,
        "folder": Field("tables", "the same for single folders, by shell pattern", table="extent"),
        "keep_bodies": Field("bool", "keep bodies that were fetched to be read"),
        "connections": Field("number", "how many to open at once; default: 2", least=1, most=8),
        "compress": Field(
            "text",
            "compress what crosses the network; auto: where the line is slow",
            ("auto", "always", "never"),
        ),
    },
    "pop3": {
        **_SERVER,
        "auth": Field(
            "text",
            "as elsewhere; also user (USER and PASS), and apop, which is never tried unasked",
            (*_AUTH[:-1], "user", "apop"),
        ),
        "leave": Field("text", "what a download does with the server's copy", ("keep", "delete")),
        "delete_after": Field("number", "delete the server's copy so many days after the download", least=1),
        "max_size": Field(
            "size", "only the headers of larger messages: octets, or a text such as 10M", least=1
        ),
        "large": Field("text", "what comes of messages above max_size; skip: nothing", ("headers", "skip")),
        "session_size": Field("number", "sign in anew after so many messages", least=1),
        "skip": Field("text", "a query over the header: what matches is left on the server"),
        "discard": Field("text", "a query over the header: what matches is deleted there unread"),
        "deliver": Field(
            "text", "folder:NAME, maildir:PATH, mbox:PATH or pipe:COMMAND; default: the account's inbox"
        ),
    },
    "smtp": {
        **_SERVER,
        "protocol": Field("text", "what is spoken; lmtp delivers to a mailbox server", ("smtp", "lmtp")),
        "chunking": Field("bool", "send a message along with its envelope: one turn less (BDAT)"),
    },
}

SECRET_KINDS: Final = ("keyring", "command", "file", "env", "credential")
