"""`index`: figures of the local mailbox, its check, and making the derived part anew."""

from __future__ import annotations

from mailcli.app.context import Context, Progress
from mailcli.errors import MailcliError
from mailcli.model.record import NamedTuple
from mailcli.store.values import IndexStatus, Problem


def status(ctx: Context) -> IndexStatus:
    return ctx.store.status()


def check(ctx: Context) -> list[Problem]:
    """Compare rows, files and index; changes nothing."""
    return ctx.store.check()


def repair(ctx: Context) -> list[Problem]:
    """Put right what `check` finds; each problem says whether that could be done."""
    return ctx.store.repair()


class Attached(NamedTuple):
    """`found`: messages with text in their attachments that can be searched now; `left`: to be read yet."""

    found: int
    left: int


def attachments(ctx: Context, seconds: float | None = None) -> Attached:
    """Read the attachments not read before, newest first, for `attachment:`; for so long at most."""

    def progress(done: int, total: int) -> None:
        ctx.progress(Progress("", "attachments", done, total, 0))

    return Attached(*ctx.store.index_attachments(progress, seconds=seconds))


def after_fetch(ctx: Context) -> None:
    """Attachments for a minute; the next fetch goes on. That a search finds less is no failure of a fetch."""
    try:
        attachments(ctx, 60.0)
    except MailcliError as error:
        ctx.notice(error.message)


def rebuild(ctx: Context) -> list[Problem]:
    """Parse every file again; ids, flags, UIDs and history stay. Returns what could not be read."""

    def progress(done: int, total: int) -> None:
        ctx.progress(Progress("", "index", done, total, 0))

    return ctx.store.rebuild(progress)
