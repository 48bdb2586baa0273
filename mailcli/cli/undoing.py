"""What `undo` and `redo` share: what was done on stdout, what was left on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailcli.cli.session import Session
from mailcli.cli.views.journal import UNDONE

if TYPE_CHECKING:
    from mailcli.app.undoing import Undone


def show(session: Session, done: Undone | None) -> None:
    if done is not None and done.remark:
        session.out.notice(done.remark)
    session.out.show(UNDONE, () if done is None else (done,), quiet=True)
