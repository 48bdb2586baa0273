"""A throw-away Postfix on loopback: MX, submission and submissions. It needs root.

Users of its Dovecot get their mail by LMTP; what is addressed to other domains is accepted from
signed-in users and ends in Dovecot's mailbox `abroad`. Refusals are by address:
anything@reject.test 550, anything@defer.test 450, nobody@mail.test 550.
"""

from __future__ import annotations

import email.utils
import os
import pwd
import re
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from tests.support import daemons
from tests.support.dovecot import DOMAIN, Dovecot

MAIN = """
compatibility_level = 3.6
config_directory = {d}/postfix
queue_directory = {d}/spool
data_directory = {d}/data
maillog_file = {d}/log/postfix.log
maillog_file_prefixes = {d}/log
maillog_file_permissions = 0644
myhostname = mx.{domain}
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = regexp:{d}/postfix/mailboxes
virtual_transport = lmtp:unix:{dovecot}/run/lmtp
default_transport = lmtp:unix:{dovecot}/run/lmtp
recipient_delimiter = +
message_size_limit = {size_limit}
mailbox_size_limit = 0
smtputf8_enable = yes
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
smtpd_sasl_type = dovecot
smtpd_sasl_path = {dovecot}/run/auth-client
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access inline:{{
    {{ reject.test = 550 5.1.1 not here, never }}, {{ defer.test = 450 4.2.0 come back later }} }}, permit
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_process_limit = 50
in_flow_delay = 0
lmtp_destination_recipient_limit = 1
process_id_directory = pid
"""

MASTER = """
127.0.0.1:{smtp} inet n - n - - smtpd
    -o smtpd_sasl_auth_enable=no
127.0.0.1:{submission} inet n - n - - smtpd
    -o syslog_name=postfix/submission -o smtpd_tls_security_level=encrypt
    -o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=yes
    -o smtpd_client_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{submissions} inet n - n - - smtpd
    -o syslog_name=postfix/submissions -o smtpd_tls_wrappermode=yes
    -o smtpd_sasl_auth_enable=yes
    -o smtpd_client_restrictions=permit_sasl_authenticated,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

# What `postfix start` makes (conf/postfix-files), so that master can be started without its
# half second of shell: directory -> (mode, group that owns it beside the user postfix)
QUEUES = (
    *((name, 0o700, "") for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold")),
    *((name, 0o700, "") for name in ("incoming", "private", "saved", "trace")),
    ("maildrop", 0o730, "postdrop"),
    ("public", 0o710, "postdrop"),
)


class Accepted(NamedTuple):
    """One message Postfix has taken responsibility for, as its log tells."""

    queue_id: str
    message_id: str
    sender: str
    recipients: tuple[str, ...]
    """Those delivered by now."""


class Postfix:
    """One Postfix. `smtp`, `submission`, `submissions` are its ports on `host`."""

    host = "localhost"
    domain = DOMAIN

    def __init__(self, directory: Path, dovecot: Dovecot, *, size_limit: int = 50 << 20) -> None:
        self.directory = directory
        self.dovecot = dovecot
        self.ca = dovecot.ca
        self.size_limit = size_limit
        self.log = directory / "log/postfix.log"
        self.smtp = self.submission = self.submissions = 0
        self._daemon: daemons.Daemon | None = None
        daemon = pwd.getpwnam("postfix")
        for sub in ("postfix", "log", "data", "spool", "spool/pid"):
            (directory / sub).mkdir(parents=True)
        os.chown(directory / "data", daemon.pw_uid, daemon.pw_gid)
        for name, mode, group in QUEUES:
            path = directory / "spool" / name
            path.mkdir()
            shutil.chown(path, daemon.pw_uid, group or "root")
            path.chmod(mode)

    def start(self) -> Postfix:
        program = "/usr/lib/postfix/sbin/master"

        def begin(ports: list[int]) -> daemons.Daemon:
            self.smtp, self.submission, self.submissions = ports
            self._configure()
            # -s: in the foreground, as `postfix start-fg` starts it
            return daemons.Daemon([program, "-c", str(self.directory / "postfix"), "-s"], self.log)

        self._daemon = daemons.started((self.smtp, self.submission, self.submissions), begin)
        return self

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.end()
            self._daemon = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def _configure(self) -> None:
        values = {
            "d": self.directory,
            "dovecot": self.dovecot.directory,
            "domain": DOMAIN,
            "cert": self.dovecot.tls.certificate,
            "key": self.dovecot.tls.key,
            "size_limit": self.size_limit,
            "smtp": self.smtp,
            "submission": self.submission,
            "submissions": self.submissions,
        }
        texts = {"main.cf": MAIN, "master.cf": MASTER, "mailboxes": "!/^nobody@/ here\n"}
        for name, text in texts.items():
            path = self.directory / "postfix" / name
            path.write_text(text.format(**values))
            # master reads a file again and again while it is younger than a second
            os.utime(path, (1, 1))

    # -- what became of the mail --------------------------------------------------------------

    def accepted(self) -> list[Accepted]:
        """Every message accepted so far, in order, from the log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        found: dict[str, Accepted] = {}
        for queue_id, message_id in re.findall(r"cleanup\[\d+\]: (\w+): message-id=<?([^>\n]*)", text):
            found[queue_id] = Accepted(queue_id, message_id, "", ())
        for queue_id, sender in re.findall(r"qmgr\[\d+\]: (\w+): from=<([^>]*)>", text):
            if queue_id in found:
                found[queue_id] = found[queue_id]._replace(sender=sender)
        for queue_id, recipient in re.findall(r"\]: (\w+): to=<([^>]*)>.* status=sent", text):
            if queue_id in found:
                entry = found[queue_id]
                found[queue_id] = entry._replace(recipients=(*entry.recipients, recipient))
        # qmgr names a message only once it lies in the queue: cut transactions have no sender line
        queued = set(re.findall(r"qmgr\[\d+\]: (\w+): from=<", text))
        return [entry for queue_id, entry in found.items() if queue_id in queued]

    def wait_delivered(self, message_id: str, recipients: int = 1, seconds: float = 10) -> Accepted:
        """The message with this id (no angle brackets) once `recipients` of it are delivered."""
        end = time.monotonic() + seconds
        while True:
            for entry in self.accepted():
                if entry.message_id == message_id and len(entry.recipients) >= recipients:
                    return entry
            if time.monotonic() > end:
                raise TimeoutError(f"{message_id} not delivered\n{daemons.tail(self.log)}")
            time.sleep(0.02)

    def abroad(self, recipient: str) -> list[bytes]:
        """The messages delivered to an address of another domain, as they arrived there."""
        place = self.dovecot.maildir("abroad")
        found = []
        for path in sorted(place.glob("new/*")) + sorted(place.glob("cur/*")):
            data = path.read_bytes()
            fields = re.findall(rb"(?im)^Delivered-To: (.*)$", data.split(b"\n\n", 1)[0])
            if recipient in [email.utils.parseaddr(field.decode())[1] for field in fields]:
                found.append(data)
        return found
