"""The file a letter is edited in: what was written outlives the editor, the terminal and a crash.

    state/drafts/draft-XXXX.eml     the text for the editor
    state/drafts/draft-XXXX.base    the message it began as: what the text does not show (threading,
                                    attachments); locked while the letter is being written

A pair that nobody holds was left by a crash, or kept after a failure; it is moved into Drafts the next
time a letter is begun.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

from mailcli.app import drafting, drafts
from mailcli.app.addressing import local_zone
from mailcli.app.context import Context
from mailcli.errors import CannotCreate, MailcliError
from mailcli.mime import compose, redraft
from mailcli.model.draft import Draft


class Unsent:
    """One letter being written. `path` is what the editor is given."""

    def __init__(self, ctx: Context, draft: Draft) -> None:
        """Write the files; raises CannotCreate, MessageMalformed."""
        folder = Path(ctx.paths.state, "drafts")
        base = compose.compose(draft._replace(flowed=False), smtputf8=True, keep_bcc=True)
        self.before = drafting.to_text(draft)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._held, name = tempfile.mkstemp(prefix="draft-", suffix=".base", dir=folder)
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._base = Path(name)
            self.path = self._base.with_suffix(".eml")
            with open(self._held, "wb", closefd=False) as file:
                file.write(base)
                file.flush()
                os.fsync(self._held)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as text:
                text.write(self.before)
        except OSError as error:
            raise CannotCreate(f"cannot create a draft in {folder}: {error.strerror}") from error

    def text(self) -> str:
        """What stands in the file now."""
        return self.path.read_text(encoding="utf-8", errors="surrogateescape")

    def leave(self) -> None:
        """Keep the letter for the next time."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def drop(self) -> None:
        """The letter is sent, or in Drafts, or nothing was written."""
        self.path.unlink(missing_ok=True)
        self._base.unlink(missing_ok=True)
        self.leave()


def adopt(ctx: Context) -> None:
    """Move letters that were left behind into Drafts, with a notice for each; one that cannot be read
    stays where it is."""
    folder = Path(ctx.paths.state, "drafts")
    if not folder.is_dir():
        return
    for base in sorted(folder.glob("draft-*.base")):
        try:
            held = os.open(base, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _adopt(ctx, base)
        except BlockingIOError:
            continue  # being written just now
        except MailcliError as error:
            ctx.notice(f"an unsent letter is in {base.with_suffix('.eml')}: {error.message}")
        finally:
            os.close(held)


def _adopt(ctx: Context, base: Path) -> None:
    path = base.with_suffix(".eml")
    if path.exists():
        now = ctx.clock()
        draft = redraft.redraft(
            base.read_bytes(),
            sender=ctx.chosen_account().sender,
            date=now,
            zone=local_zone(now),
            message_id=compose.new_message_id("localhost"),
        )
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        if text.strip() != drafting.to_text(draft).strip():
            id = drafts.save(ctx, drafting.from_text(ctx, draft, text))
            ctx.notice(f"a letter that was not sent is in Drafts now: mailcli draft edit {id}")
        path.unlink(missing_ok=True)
    base.unlink(missing_ok=True)
