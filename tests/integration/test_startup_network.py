"""What a command that uses the network imports, when it finds little to do: counted, not timed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.integration.conftest import Profile, message
from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix

_PROBE = """
import json, os, re, sys
import re._compiler as compiler
compile, made = compiler.compile, []
def counted(*given):
    made.append(sys._getframe(3).f_globals.get("__name__", ""))
    return compile(*given)
compiler.compile = counted
before = set(sys.modules)
sys.argv = ["mailcli", *{argv!r}]
from mailcli.__main__ import main
saved = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
code = main()
sys.stdout.flush()
os.dup2(saved, 1)
print(json.dumps([code, sorted(set(sys.modules) - before), made]))
"""

NEVER = {
    "_hashlib",
    "asyncio",
    "click",
    "dataclasses",
    "datetime",
    "dns",
    "email",
    "encodings.idna",
    "hashlib",
    "hmac",
    "importlib.metadata",
    "inspect",
    "ipaddress",
    "keyring",
    "mimetypes",
    "pathlib",
    "prompt_toolkit",
    "random",
    "selectolax",
    "subprocess",
    "tempfile",
    "tomlkit",
    "tomllib",
    "urllib.parse",
    "zoneinfo",
}
"""Modules that a run with little to do has no use for; each takes 1 to 30 ms."""


def traces(profile: Profile, *argv: str, stdin: bytes = b"") -> tuple[set[str], list[str]]:
    """The modules a command line imports in a fresh process, and who compiled patterns."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE.format(argv=["--profile", str(profile.directory), *argv])],
        capture_output=True,
        input=stdin,
        env={**os.environ, "HOME": "/proc/nonexistent"},
        check=False,
    )
    assert done.stdout, done.stderr
    code, modules, patterns = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr
    return set(modules), patterns


@pytest.mark.parametrize(
    ("protocol", "others", "most", "compiled"),
    [
        ("imap", {"wire.pop3", "wire.smtp", "net.pop3", "sync.imap.reconcile", "store.agreement"}, 106, 16),
        ("pop3", {"wire.imap", "net.imap", "sync.intake", "store.adoption", "store.index"}, 104, 4),
    ],
)
def test_a_fetch_with_nothing_new_imports_no_more_than_it_needs(
    make_profile: Callable[..., Profile],
    dovecot: Dovecot,
    protocol: str,
    others: set[str],
    most: int,
    compiled: int,
) -> None:
    profile = make_profile(protocol=protocol)
    dovecot.append(profile.user, "INBOX", message("one"))
    assert profile.fetch().new == 1
    modules, patterns = traces(profile, "fetch", "-q")
    unneeded = {"mailcli." + name for name in others} | {
        "mailcli.mime.read",
        "mailcli.net.trace",
        "mailcli.store.search",
        "mailcli.wire.challenge",
    }
    allowed = {"hashlib", "_hashlib"} if protocol == "pop3" else set()
    assert sorted(modules & ((NEVER | unneeded) - allowed)) == []
    assert len({name for name in modules if name.startswith("mailcli.")}) <= most
    assert len(patterns) <= compiled


def test_sending_imports_no_more_than_it_needs(
    make_profile: Callable[..., Profile], postfix: Postfix
) -> None:
    profile = make_profile(postfix=postfix, settings="save_sent = false")
    address = profile.server.address(profile.user)
    modules, patterns = traces(profile, "send", "-s", "hello", address, stdin=b"text\n")
    unneeded = {"mailcli.wire.imap", "mailcli.wire.pop3", "mailcli.wire.challenge", "mailcli.store.store"}
    unneeded |= {"mailcli.mime.read", "mailcli.mime.reply", "mailcli.app.inlining", "mailcli.app.pushing"}
    assert sorted(modules & (NEVER | unneeded)) == []
    assert len({name for name in modules if name.startswith("mailcli.")}) <= 98
    assert len(patterns) <= 25
