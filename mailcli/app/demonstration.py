"""`demo`: the embedded mail world, a profile in it, and a tour that is also a test.

The tour goes through the functions every command goes through, and ends with an error if
something is not as it should be; `demo --script` is therefore a check of an installation.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mailcli.accounts.durable import replace_file
from mailcli.accounts.edit import add_account
from mailcli.accounts.paths import paths
from mailcli.app import changing, fetching, listing, preparing, reading, sending
from mailcli.app.context import Context
from mailcli.errors import ConfigError, LocalIOError, MailcliError
from mailcli.model import printable
from mailcli.model.account import Endpoint
from mailcli.model.message import Summary
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from mailcli.demo.world import Resident, World

WELCOME: Final = """
This is a mail world of its own: servers on this machine, two accounts, some mail.
alice reads by IMAP, bob by POP3; what they send to each other arrives. For example:

  mailcli list                          alice's inbox
  mailcli                               the reader, q ends it
  mailcli search has:attachment
  echo 'See you!' | mailcli send -s Sunday bob@valley.example
  mailcli fetch && mailcli list -A bob

Nothing of yours is touched. Type exit to leave; everything here is gone then.

"""


class Step(NamedTuple):
    """One stop of the tour: what it shows, the shell command that does the same, what came of it
    (lines without breaks, harmless on a terminal)."""

    title: str
    command: str
    lines: tuple[str, ...]


def run(ctx: Context, *, script: bool, say: Callable[[str], None]) -> int:
    """`demo`: with `script`, or without a terminal, the tour; else a shell in the world.

    `ctx` gives clock, environment and callbacks; its own profile is not touched. Returns the exit
    code of the shell, or 0. Raises ConfigError when the servers' packages are not installed.
    """
    with world(ctx.clock()) as running, tempfile.TemporaryDirectory(prefix="mailcli-demo-") as directory:
        home = Path(directory)
        inside = settle(running, home, ctx)
        try:
            if script or not os.isatty(0):
                for step in tour(inside):
                    say(f"\n# {step.title}\n$ {step.command}\n" + "".join(f"{line}\n" for line in step.lines))
                say("\nThe tour is over; all went as it should.\n")
                return 0
            _ready(fetching.fetch(inside, fetching.FetchRequest()))
        finally:
            inside.close()
        say(WELCOME)
        return _shell(home, ctx.environ)


def world(now: float) -> World:
    """The mail world, not yet started. Raises ConfigError without the extra that has the servers."""
    try:
        from mailcli.demo.world import World
    except ModuleNotFoundError as problem:
        raise ConfigError(
            f"the demo needs {problem.name}, which is not installed", hint="pip install 'mailcli[demo]'"
        ) from problem
    return World(now)


def settle(world: World, home: Path, ctx: Context) -> Context:
    """Write a profile for the world's residents into `home`, and open a context on it."""
    places = paths(home, None, ctx.environ)
    for resident in world.accounts:
        add_account(Path(places.config), resident.account.name, _table(resident, home))
    return Context(places, progress=ctx.progress, notice=ctx.notice, clock=ctx.clock, environ=ctx.environ)


def tour(ctx: Context) -> Iterator[Step]:
    """Fetch, list, search, read, send and answer, in a profile made by `settle`.

    Raises LocalIOError if something is not as the world has it, and what the functions raise.
    """
    reports = _ready(fetching.fetch(ctx, fetching.FetchRequest()))
    yield Step(
        "Bring both accounts here: one by IMAP, one by POP3",
        "mailcli fetch",
        tuple(f"{r.account}: {r.new} new over {r.protocol.upper()}" for r in reports),
    )
    yield _list(ctx, "The inbox of the default account, newest first", "mailcli list -n 6", None, 6)
    yield _search(ctx, "Search everything that is here", ("bridge",))
    yield _search(ctx, "Search by what messages are and have", ("has:attachment", "-in:Archive"))
    yield _list(ctx, "Hostile subjects cannot drive the terminal", "mailcli list Spam", "Spam", None)
    yield _send(ctx)
    _ready(fetching.fetch(ctx, fetching.FetchRequest(accounts=("bob",))))
    arrived = _one(ctx, "subject:ladder account:bob from:alice")
    yield _read(ctx, "It has arrived: bob reads it", arrived)
    yield _reply(ctx, arrived)
    _ready(fetching.fetch(ctx, fetching.FetchRequest(accounts=("alice",))))
    answer = _one(ctx, "subject:ladder account:alice in:INBOX from:bob")
    yield _read(ctx, "The answer, in alice's inbox", answer)
    change = changing.archive(ctx, [answer.id])
    yield Step(
        "File it",
        f"mailcli archive {_short(ctx, answer)}",
        (change.summary, f"undo: mailcli undo {change.undo}"),
    )


# -- stops of the tour -------------------------------------------------------------------------


def _list(ctx: Context, title: str, command: str, folder: str | None, limit: int | None) -> Step:
    rows = listing.list_messages(ctx, folder, limit=limit).rows
    _expect(bool(rows), "the folder is empty")
    return Step(title, command, _rows(ctx, rows))


def _search(ctx: Context, title: str, words: tuple[str, ...]) -> Step:
    rows = listing.search(ctx, words).rows
    _expect(bool(rows), f"nothing found for {' '.join(words)}")
    return Step(title, "mailcli search " + shlex.join(words), _rows(ctx, rows))


def _send(ctx: Context) -> Step:
    text = "Bob, you may have the ladder on Saturday.\n"
    request = preparing.SendRequest(to=("bob@valley.example",), subject="The ladder", text=text)
    return Step(
        "Send: it is in the other mailbox at once",
        f"echo {shlex.quote(text.strip())} | mailcli send -s 'The ladder' bob@valley.example",
        _submit(ctx, preparing.prepare(ctx, request)),
    )


def _reply(ctx: Context, original: Summary) -> Step:
    prepared = preparing.prepare_reply(
        ctx, original.id, preparing.SendRequest(text="Thank you!\n"), everyone=False, quote=True
    )
    lines = _submit(ctx, prepared)
    preparing.mark_answered(ctx, original.id)
    return Step("Answer it", f"echo 'Thank you!' | mailcli reply {_short(ctx, original)}", lines)


def _submit(ctx: Context, prepared: preparing.Prepared) -> tuple[str, ...]:
    sent = sending.deliver(ctx, prepared, sending.Delivery())
    problem = sending.failure(sent)
    if problem is not None:
        raise problem
    return tuple(printable.line(f"{one.email}: {one.outcome} ({one.text})") for one in sent.recipients)


def _read(ctx: Context, title: str, row: Summary) -> Step:
    message = reading.read(ctx, row.id)
    head = (f"From: {row.sender[0].email}", f"Subject: {row.subject}", "")
    lines = (*head, *printable.block(message.reading.text).rstrip("\n").split("\n"))
    return Step(title, f"mailcli read {_short(ctx, row)}", tuple(map(printable.line, lines)))


def _one(ctx: Context, query: str) -> Summary:
    rows = listing.search(ctx, (query,)).rows
    _expect(len(rows) == 1, f"{len(rows)} messages found for {query}, not one")
    return rows[0]


def _rows(ctx: Context, rows: Iterable[Summary]) -> tuple[str, ...]:
    found = list(rows)
    short = listing.shortest(ctx, [row.id for row in found])
    lines = []
    for row in found:
        when = datetime.fromtimestamp(row.when).astimezone()
        sender = printable.line(row.sender[0].label if row.sender else "")
        lines.append(f"{short[row.id]:8}  {when:%d %b %H:%M}  {sender:24.24}  {printable.line(row.subject)}")
    return tuple(lines)


def _short(ctx: Context, row: Summary) -> str:
    return listing.shortest(ctx, [row.id])[row.id]


def _ready(reports: list[fetching.FetchReport]) -> list[fetching.FetchReport]:
    for report in reports:
        if report.error is not None:
            raise report.error
    return reports


def _expect(fact: bool, otherwise: str) -> None:
    if not fact:
        raise LocalIOError(f"the demo went wrong: {otherwise}")


# -- the profile and the shell -----------------------------------------------------------------


def _table(resident: Resident, home: Path) -> Mapping[str, Any]:
    account = resident.account
    secret = home / f"{account.name}.password"
    replace_file(secret, resident.password.encode() + b"\n")
    table: dict[str, Any] = {
        "email": account.email,
        "full_name": account.full_name,
        "password": {"file": str(secret)},
    }
    for endpoint in (account.incoming, account.sending):
        if endpoint is not None:
            table[endpoint.protocol.value] = _endpoint(endpoint)
    return table


def _endpoint(endpoint: Endpoint) -> Mapping[str, Any]:
    return {
        "host": endpoint.host,
        "port": endpoint.port,
        "tls": endpoint.tls.value,
        "user": endpoint.user,
    }


def _shell(home: Path, environ: Mapping[str, str]) -> int:
    """The user's shell, with `mailcli` meaning this one and the world's profile."""
    programs = home / "bin"
    programs.mkdir()
    program = programs / "mailcli"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mailcli "$@"\n')
    program.chmod(0o755)
    inside = {
        **environ,
        "MAILCLI_PROFILE": str(home),
        "PATH": f"{programs}:{environ.get('PATH', os.defpath)}",
        "PS1": "demo$ ",
    }
    shell = environ.get("SHELL") or "/bin/sh"
    try:
        return subprocess.run([shell, "-i"], env=inside, check=False).returncode  # noqa: S603  # their own shell
    except OSError as problem:
        raise MailcliError(f"cannot start {shell}: {problem.strerror}") from problem
