"""`doctor`: one line for each thing that has to work."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from mailcli.accounts.secrets import Secrets
from mailcli.app.checks import Check, endpoints, failed, sign_in
from mailcli.app.context import Context
from mailcli.errors import MailcliError
from mailcli.model.account import Account

_SCARCE = 1 << 30
_TOO_LITTLE = 50 << 20


def examine(ctx: Context, *, cron: bool = False) -> list[Check]:
    """Look at everything, sign in everywhere. Never raises for what it finds.

    `cron` takes passwords as a cron job would: with nothing in the environment but what cron sets.
    """
    checks = [*_configuration(ctx), *_privacy(ctx), _guarded("database", lambda: _database(ctx))]
    checks += [_guarded("TLS library", _library), _disk(ctx)]
    try:
        accounts = list(ctx.config.accounts.values())
    except MailcliError:
        return checks  # told by _configuration
    environ = _cron_environment(ctx) if cron else ctx.environ
    secrets = Secrets(environ)
    if _uses_keyring(accounts):
        checks.append(_keyring(secrets))
    for account in accounts:
        for endpoint in endpoints(account):
            checks.append(sign_in(ctx, account, endpoint, secrets))
    return checks


def _configuration(ctx: Context) -> Iterator[Check]:
    path = Path(ctx.paths.config)
    try:
        count = len(ctx.config.accounts)
    except MailcliError as error:
        yield failed("configuration", error)
        return
    if not count:
        yield Check("configuration", "warning", f"{path}: no account", "mailcli account add ADDRESS")
        return
    yield Check("configuration", "ok", f"{path}: {count} account{'s' if count > 1 else ''}")


def _privacy(ctx: Context) -> Iterator[Check]:
    """What others on this machine may read or change."""
    found = False
    for path, forbidden in ((ctx.paths.config, 0o022), (ctx.paths.data, 0o077), (ctx.paths.state, 0o077)):
        try:
            status = Path(path).stat()
        except OSError:
            continue  # not made yet
        mode = stat.S_IMODE(status.st_mode)
        if mode & forbidden:
            found = True
            able = "change" if forbidden == 0o022 else "read"
            remedy = f"chmod go-{'w' if forbidden == 0o022 else 'rwx'} {path}"
            yield Check("permissions", "warning", f"others may {able} {path} (mode {mode:04o})", remedy)
        elif status.st_uid not in (os.getuid(), 0):
            found = True
            yield Check("permissions", "warning", f"{path} belongs to another user (uid {status.st_uid})")
    if not found:
        yield Check("permissions", "ok", "only you can read what mailcli keeps")


def _database(ctx: Context) -> Check:
    status = ctx.store.status()
    text = f"{status.messages} messages in {status.folders} folders, schema {status.schema}, {status.path}"
    if status.hidden:
        text += f", {status.hidden} deleted here that the server keeps"
    if not status.complete:
        return Check("database", "warning", text, "the search index is not complete: mailcli index rebuild")
    return Check("database", "ok", text)


def _library() -> Check:
    from mailcli.net.tls import library

    return Check("TLS library", "ok", library())


def _disk(ctx: Context) -> Check:
    place = Path(ctx.paths.data)
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return Check("disk", "warning", f"{place}: {error.strerror}")
    text = f"{free >> 20} MiB free for {ctx.paths.data}"
    if free < _TOO_LITTLE:
        return Check("disk", "failed", text, "make room: no mail can be stored", 74)
    return Check("disk", "warning" if free < _SCARCE else "ok", text, "make room" if free < _SCARCE else "")


def _keyring(secrets: Secrets) -> Check:
    fault = secrets.keyring_fault()
    if fault:
        from mailcli.accounts.secrets import REMEDIES

        return Check("credential store", "failed", fault, REMEDIES, 78)
    return Check("credential store", "ok", "the keyring answers")


def _uses_keyring(accounts: list[Account]) -> bool:
    return any(e.secret is not None and e.secret.kind == "keyring" for a in accounts for e in endpoints(a))


def _cron_environment(ctx: Context) -> dict[str, str]:
    """What crontab(5) promises a job, and nothing else."""
    home = ctx.environ.get("HOME") or str(Path.home())
    return {
        "HOME": home,
        "PATH": "/usr/bin:/bin",
        "SHELL": "/bin/sh",
        "LOGNAME": ctx.environ.get("LOGNAME", ""),
    }


def _guarded(name: str, examine: Callable[[], Check]) -> Check:
    try:
        return examine()
    except MailcliError as error:
        return failed(name, error)
