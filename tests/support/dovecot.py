"""A throw-away Dovecot on loopback: IMAP, POP3, LMTP, and SASL for Postfix."""

from __future__ import annotations

import base64
import grp
import hashlib
import hmac
import imaplib
import itertools
import json
import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.support import daemons
from tests.support.certificates import ServerTls, make_server_tls

DOMAIN = "mail.test"
TOKEN_KEY = b"bearer tokens of the mailcli tests"

# mail_fsync = never: what the server keeps need not survive a crash.
# auth_failure_delay, anvil's penalty: wrong passwords are answered at once.
# The static userdb behind the users: mail Postfix sends abroad ends in one mailbox, `abroad`.
CONFIGURATION = """
base_dir = {d}/run
state_dir = {d}/run
instance_name = {instance}
log_path = {d}/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
first_valid_uid = 1
mail_uid = {uid}
mail_gid = {gid}
mail_home = {d}/mail/%n
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = 500
mail_attribute_dict = file:%h/dovecot-attributes
mail_plugins = $mail_plugins zlib quota
ssl = yes
ssl_cert = <{tls.certificate}
ssl_key = <{tls.key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer
auth_username_format = %Lu
auth_failure_delay = 0
auth_cache_size = 0
recipient_delimiter = +
imap_metadata = yes
shutdown_clients = yes
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {d}/etc/oauth2.conf
}
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {d}/etc/users/%u
}
userdb {
  driver = passwd-file
  args = username_format=%u {d}/etc/users/%u
}
userdb {
  driver = static
  args = uid={uid} gid={gid} home={d}/mail/abroad allow_all_users=yes
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    auto = subscribe
    special_use = \\Sent
  }
  mailbox Drafts {
    auto = subscribe
    special_use = \\Drafts
  }
  mailbox Trash {
    auto = subscribe
    special_use = \\Trash
  }
  mailbox Junk {
    auto = subscribe
    special_use = \\Junk
  }
  mailbox Archive {
    auto = subscribe
    special_use = \\Archive
  }
}
protocol imap {
  mail_plugins = $mail_plugins imap_zlib imap_quota
}
protocol pop3 {
  pop3_uidl_format = %08Xu%08Xv
}
service anvil {
  {no_chroot}
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  {no_chroot}
}
service auth {
  client_limit = 4000
  unix_listener auth-client {
    mode = 0666
  }
}
service lmtp {
  unix_listener lmtp {
    mode = 0666
  }
}
service imap-login {
  {no_chroot}
  service_count = 0
  inet_listener imap {
    port = {imap}
  }
  inet_listener imaps {
    port = {imaps}
    ssl = yes
  }
}
service pop3-login {
  {no_chroot}
  service_count = 0
  inet_listener pop3 {
    port = {pop3}
  }
  inet_listener pop3s {
    port = {pop3s}
    ssl = yes
  }
}
service imap {
  process_limit = 1000
  service_count = 100
}
{extra}
"""

# Tokens are HS256 JWTs that Dovecot checks by itself: there is no issuer to ask.
OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={d}/etc/jwt/
username_attribute = sub
username_format = %u
"""


class Dovecot:
    """One Dovecot. `imap`, `imaps`, `pop3`, `pop3s` are its ports on `host`, `ca` trusts it.

    `extra` are lines for the end of its configuration. Stopped and started again it keeps its
    ports and its mail.
    """

    host = "localhost"
    domain = DOMAIN

    def __init__(self, directory: Path, *, extra: str = "") -> None:
        self.directory = directory
        self.extra = extra
        self.log = directory / "dovecot.log"
        self.tls: ServerTls = make_server_tls(directory / "tls", DOMAIN)
        self.ca = self.tls.ca
        self.imap = self.imaps = self.pop3 = self.pop3s = 0
        self._daemon: daemons.Daemon | None = None
        self._numbers = itertools.count(1)
        self._owner = pwd.getpwnam("mail") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        for sub in ("etc/jwt/default/HS256", "etc/users", "run", "mail"):
            (directory / sub).mkdir(parents=True)
        (directory / "etc/oauth2.conf").write_text(OAUTH2.replace("{d}", str(directory)))
        key = base64.b64encode(TOKEN_KEY).decode()
        (directory / "etc/jwt/default/HS256/default").write_text(key)
        self._make_home("abroad")

    # -- the daemon ---------------------------------------------------------------------------

    def start(self) -> Dovecot:
        """Returns when all services listen."""
        program = shutil.which("dovecot") or "/usr/sbin/dovecot"

        def begin(ports: list[int]) -> daemons.Daemon:
            self.imap, self.imaps, self.pop3, self.pop3s = ports
            self._configure()
            return daemons.Daemon([program, "-F", "-c", str(self._conf)], self.log)

        self._daemon = daemons.started((self.imap, self.imaps, self.pop3, self.pop3s), begin)
        return self

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.end()
            self._daemon = None

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def _conf(self) -> Path:
        return self.directory / "etc/dovecot.conf"

    def _configure(self) -> None:
        root = os.getuid() == 0
        me, group = self._owner.pw_name, grp.getgrgid(self._owner.pw_gid).gr_name
        values = {
            "d": str(self.directory),
            "instance": self.directory.name,
            "internal": "dovecot" if root else me,
            "internal_group": "dovecot" if root else group,
            "login": "dovenull" if root else me,
            "uid": str(self._owner.pw_uid),
            "gid": str(self._owner.pw_gid),
            "no_chroot": "" if root else "chroot =",
            "tls.certificate": str(self.tls.certificate),
            "tls.key": str(self.tls.key),
            "imap": str(self.imap),
            "imaps": str(self.imaps),
            "pop3": str(self.pop3),
            "pop3s": str(self.pop3s),
            "extra": self.extra,
        }
        text = re.sub(r"\{([a-z0-9_.]+)\}", lambda found: values[found[1]], CONFIGURATION)
        self._conf.write_text(text)

    def doveadm(self, *words: str, data: bytes | None = None) -> str:
        """What `doveadm WORDS` prints; RuntimeError with its words when it fails."""
        done = subprocess.run(
            [shutil.which("doveadm") or "/usr/bin/doveadm", "-c", str(self._conf), *words],
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"doveadm {' '.join(words)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

    # -- users --------------------------------------------------------------------------------

    def user(self, name: str = "", password: str = "") -> tuple[str, str]:
        """A new user with an empty mailbox: (name, password). The address is `address(name)`."""
        name = name or f"u{os.getpid()}x{next(self._numbers)}"
        password = password or f"secret-of-{name}"
        self._make_home(name)
        # A file for each: Dovecot looks whether a file it knows has changed only once a second.
        # Either name signs in; Postfix delivers to the address.
        for known in (name, self.address(name)):
            (self.directory / "etc/users" / known).write_text(f"{known}:{{PLAIN}}{password}::::::\n")
        return name, password

    def address(self, name: str) -> str:
        return f"{name}@{DOMAIN}"

    def token(self, name: str, *, seconds: int = 3600) -> str:
        """A bearer token for this user; with negative `seconds` an expired one."""

        def b64(data: bytes) -> bytes:
            return base64.urlsafe_b64encode(data).rstrip(b"=")

        now = int(time.time())
        claims = {"sub": name, "iat": now - 7200, "nbf": now - 7200, "exp": now + seconds}
        signed = b64(b'{"typ":"JWT","alg":"HS256"}') + b"." + b64(json.dumps(claims).encode())
        return (signed + b"." + b64(hmac.digest(TOKEN_KEY, signed, hashlib.sha256))).decode()

    def _make_home(self, name: str) -> None:
        home = self.maildir(name).parent
        home.mkdir()
        self._give(home)

    def _give(self, path: Path) -> None:
        if os.getuid() == 0:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    # -- mail ---------------------------------------------------------------------------------

    def maildir(self, user: str) -> Path:
        return self.directory / "mail" / user / "Maildir"

    def connect(self, user: str) -> imaplib.IMAP4:
        """A signed-in IMAP session of the standard library, for arranging and looking."""
        session = imaplib.IMAP4(daemons.HOST, self.imap)
        session.login(user, self._password(user))
        return session

    def _password(self, user: str) -> str:
        line = (self.directory / "etc/users" / user).read_text().strip()
        return line.partition(":{PLAIN}")[2].removesuffix("::::::")

    def append(
        self, user: str, folder: str, message: bytes, flags: Sequence[str] = (), date: str = ""
    ) -> int:
        """APPEND one message as it is (LF becomes CRLF; the folder is made if absent): its UID.

        `date` is an IMAP date-time in double quotes.
        """
        with self.connect(user) as session:
            return self.append_to(session, folder, message, flags, date)

    def append_to(
        self, session: imaplib.IMAP4, folder: str, message: bytes, flags: Sequence[str] = (), date: str = ""
    ) -> int:
        """As `append`, on a session of the caller: for many messages."""
        name = '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
        wire = re.sub(rb"\r?\n", b"\r\n", message)
        arguments = (f"({' '.join(flags)})", date or None, wire)
        status, answer = session.append(name, *arguments)
        if status == "NO" and b"TRYCREATE" in answer[0]:
            session.create(name)
            status, answer = session.append(name, *arguments)
        if status != "OK":
            raise RuntimeError(f"APPEND to {folder}: {status} {answer!r}")
        found = re.search(rb"APPENDUID \d+ (\d+)", answer[0])
        assert found
        return int(found[1])

    def fill(self, user: str, messages: Iterable[bytes], folder: str = "INBOX", flags: str = "S") -> int:
        """Write many messages (LF line ends) straight into the Maildir: their number.

        `flags` are Maildir letters. Only for a folder that has no mail yet: UIDs follow the order
        of the messages.
        """
        top = self.maildir(user)
        place = top if folder == "INBOX" else top / ("." + folder.replace("/", "."))
        for made in (top, place, *(place / sub for sub in ("cur", "new", "tmp"))):
            made.mkdir(exist_ok=True)
            self._give(made)
        count = 0
        for count, message in enumerate(messages, 1):
            wire = len(message) + message.count(b"\n")
            stamp = 1_400_000_000 + count
            name = f"{stamp}.M{count:07d}.test,S={len(message)},W={wire}:2,{flags}"
            path = place / "cur" / name
            path.write_bytes(message)
            self._give(path)
            os.utime(path, (stamp, stamp))
        return count

    def messages(self, user: str, folder: str = "INBOX") -> dict[int, bytes]:
        """What the folder holds on the server: UID -> message with CRLF, in order of the UIDs."""
        with self.connect(user) as session:
            status, answer = session.select(f'"{folder}"', readonly=True)
            if status != "OK":
                raise LookupError(f"{user}: {folder}: {answer!r}")
            _, rows = session.uid("FETCH", "1:*", "(UID BODY.PEEK[])") if answer != [b"0"] else ("", [])
        found: dict[int, bytes] = {}
        for row in rows:
            if isinstance(row, tuple):
                number = re.search(rb"UID (\d+)", row[0])
                assert number
                found[int(number[1])] = row[1]
        return found

    def flags(self, user: str, folder: str = "INBOX") -> dict[int, frozenset[str]]:
        """UID -> flags on the server, without \\Recent."""
        with self.connect(user) as session:
            _, answer = session.select(f'"{folder}"', readonly=True)
            _, rows = session.uid("FETCH", "1:*", "(UID FLAGS)") if answer != [b"0"] else ("", [])
        found: dict[int, frozenset[str]] = {}
        for row in rows:
            matched = re.search(r"UID (\d+) FLAGS \(([^)]*)\)", row.decode())
            if matched:  # else somebody changed a flag just now: what is told of that has no UID
                found[int(matched[1])] = frozenset(matched[2].split()) - {"\\Recent"}
        return found
