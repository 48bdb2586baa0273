"""The peers: how each is told to do a task on the arena's servers."""

from __future__ import annotations

import getpass
import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

PACKAGES = {
    "mbsync": "isync",
    "offlineimap": "offlineimap3",
    "notmuch": "notmuch",
    "mu": "maildir-utils",
    "mpop": "mpop",
    "getmail": "getmail6",
    "fetchmail": "fetchmail",
    "msmtp": "msmtp",
    "swaks": "swaks libnet-ssleay-perl",
    "curl": "curl",
    "s-nail": "s-nail",
}
"""Program -> the Debian package that has it."""


class Server(NamedTuple):
    """What a peer must know: `tls` is implicit or starttls."""

    port: int
    user: str
    password: str
    ca: Path
    tls: str = "implicit"


class Run(NamedTuple):
    command: list[str]
    environ: dict[str, str]


def mbsync(
    home: Path, server: Server, *, patterns: str = "INBOX", compress: bool = True, fsync: bool = True
) -> Run:
    """Durable as mbsync is by default (it fsyncs files, not directories), or not at all."""
    (home / "mail").mkdir(exist_ok=True)
    (home / "rc").write_text(f"""
FSync {"yes" if fsync else "no"}

IMAPAccount a
Host localhost
Port {server.port}
User {server.user}
Pass {server.password}
AuthMechs PLAIN
SSLType IMAPS
CertificateFile {server.ca}
{"" if compress else "DisableExtension COMPRESS=DEFLATE"}

IMAPStore far
Account a

MaildirStore near
Path {home}/mail/
Inbox {home}/mail/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns {patterns}
Create Near
Expunge Both
Sync All
SyncState *
""")
    return Run(["mbsync", "-q", "-c", str(home / "rc"), "c"], {})


def offlineimap(home: Path, server: Server, *, folders: bool = False) -> Run:
    """It fsyncs files (its default)."""
    (home / "mail").mkdir(exist_ok=True)
    chosen = "" if folders else "folderfilter = lambda name: name == 'INBOX'"
    (home / "rc").write_text(f"""
[general]
accounts = a
metadata = {home}/state
ui = quiet
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {home}/mail
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {server.port}
remoteuser = {server.user}
remotepass = {server.password}
auth_mechanisms = PLAIN
ssl = yes
sslcacertfile = {server.ca}
{chosen}
""")
    return Run(["offlineimap", "-c", str(home / "rc")], {"HOME": str(home)})


def mpop(home: Path, server: Server, *, keep: bool) -> Run:
    rc = home / "rc"
    for folder in ("cur", "new", "tmp"):
        (home / "mail" / folder).mkdir(parents=True, exist_ok=True)
    rc.touch(mode=0o600)
    rc.write_text(f"""
account a
host localhost
port {server.port}
tls on
tls_starttls off
tls_trust_file {server.ca}
auth plain
user {server.user}
password {server.password}
keep {"on" if keep else "off"}
delivery maildir {home}/mail
uidls_file {home}/uidls
""")
    return Run(["mpop", "-q", "-C", str(rc), "a"], {})


def getmail(home: Path, server: Server, *, keep: bool) -> Run:
    owner = "mail" if os.getuid() == 0 else getpass.getuser()  # it refuses to deliver as root
    for folder in ("cur", "new", "tmp", "."):
        (home / "mail" / folder).mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            shutil.chown(home / "mail" / folder, owner)
    (home / "getmailrc").write_text(f"""
[retriever]
type = SimplePOP3SSLRetriever
server = localhost
port = {server.port}
username = {server.user}
password = {server.password}
ca_certs = {server.ca}
[destination]
type = Maildir
path = {home}/mail/
user = {owner}
[options]
verbose = 0
read_all = false
delete = {"false" if keep else "true"}
""")
    return Run(["getmail", "--getmaildir", str(home)], {"HOME": str(home)})


def fetchmail(home: Path, server: Server, *, keep: bool) -> Run:
    rc = home / "rc"
    rc.touch(mode=0o600)
    rc.write_text(
        f'poll localhost service {server.port} proto pop3 uidl user "{server.user}" password '
        f'"{server.password}" ssl sslcertfile "{server.ca}" {"keep" if keep else "nokeep"} '
        'mda "cat >/dev/null"\n'
    )
    files = ["--idfile", str(home / "ids"), "--pidfile", str(home / "pid")]
    return Run(["fetchmail", "--silent", "-f", str(rc), *files], {"FETCHMAILHOME": str(home)})


def msmtp(home: Path, server: Server, recipient: str, sender: str) -> Run:
    rc = home / "msmtprc"
    rc.touch(mode=0o600)
    rc.write_text(f"""
account default
host localhost
port {server.port}
tls on
tls_starttls {"on" if server.tls == "starttls" else "off"}
tls_trust_file {server.ca}
auth plain
user {server.user}
password {server.password}
from {sender}
""")
    return Run(["msmtp", "-C", str(rc), recipient], {})


def curl(home: Path, server: Server, recipient: str, sender: str, message: Path) -> Run:
    scheme = "smtps" if server.tls == "implicit" else "smtp"
    command = ["curl", "-sS", "--ssl-reqd", "--cacert", str(server.ca), "--login-options", "AUTH=PLAIN"]
    command += ["--user", f"{server.user}:{server.password}", "--mail-from", sender, "--mail-rcpt", recipient]
    return Run([*command, "-T", str(message), f"{scheme}://localhost:{server.port}"], {})


def swaks(home: Path, server: Server, recipient: str, sender: str, message: Path) -> Run:
    tls = "--tls-on-connect" if server.tls == "implicit" else "--tls"
    command = ["swaks", "--silent", "2", "--server", f"localhost:{server.port}", tls, "--tls-verify"]
    command += ["--tls-ca-path", str(server.ca), "--auth", "PLAIN", "--auth-user", server.user]
    command += ["--auth-password", server.password, "--from", sender, "--to", recipient]
    return Run([*command, "--data", f"@{message}"], {"HOME": str(home)})


def snail(home: Path, server: Server, recipient: str, sender: str) -> Run:
    rc = home / "nailrc"
    scheme = "smtps" if server.tls == "implicit" else "smtp"
    rc.write_text(f"""
set v15-compat from={sender} smtp-auth=plain sendwait
set mta={scheme}://{server.user}:{server.password}@localhost:{server.port}
set {"smtp-use-starttls" if server.tls == "starttls" else "nosmtp-use-starttls"}
set tls-ca-file={server.ca} tls-verify=strict
""")
    return Run(["s-nail", "-:u", "-S", "record=/dev/null", "-s", "hello", recipient], {"MAILRC": str(rc)})


_SMTPLIB = """
import smtplib, ssl, sys
port, ca, tls, user, password, sender, recipient = sys.argv[1:]
trust = ssl.create_default_context(cafile=ca)
if tls == "implicit":
    server = smtplib.SMTP_SSL("localhost", int(port), context=trust)
else:
    server = smtplib.SMTP("localhost", int(port))
    server.starttls(context=trust)
with server:
    server.login(user, password)
    server.sendmail(sender, [recipient], sys.stdin.buffer.read())
"""


def smtplib(server: Server, recipient: str, sender: str) -> Run:
    """What a script of a few lines does with Python's own library."""
    words = [str(server.port), str(server.ca), server.tls, server.user, server.password, sender, recipient]
    return Run([sys.executable, "-c", _SMTPLIB, *words], {})


def notmuch(home: Path, maildir: Path) -> dict[str, str]:
    """The environment for `notmuch …` on this Maildir; its database is kept under `home`."""
    (home / "notmuch").mkdir(parents=True, exist_ok=True)
    (home / "config").write_text(f"""
[database]
path={home}/notmuch
mail_root={maildir}
[user]
name=x
primary_email=x@mail.test
[new]
tags=unread;inbox
ignore=/.*[.](json|lock|bak|db)$/;.uidvalidity;.mbsyncstate;.mailcli
[maildir]
synchronize_flags=false
""")
    return {"NOTMUCH_CONFIG": str(home / "config"), "HOME": str(home)}
