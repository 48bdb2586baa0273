"""`mailcli folder`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Group, Option
from mailcli.cli.views.results import CHANGES, FOLDERS

if TYPE_CHECKING:
    from mailcli.app.folders import Done

_NAME = Argument("name", "FOLDER", complete="folders")


def list_(session: Session) -> None:
    from mailcli.app import folders

    session.out.show(FOLDERS, folders.folders(session.ctx))


def create(session: Session, name: str) -> None:
    from mailcli.app import folders

    _tell(session, folders.create(session.ctx, name))


def rename(session: Session, name: str, to: str) -> None:
    from mailcli.app import folders

    _tell(session, folders.rename(session.ctx, name, to))


def delete(session: Session, name: str, yes: bool) -> None:
    from mailcli.app import folders

    if not yes and session.can_ask:
        from mailcli.cli.ask import confirm
        from mailcli.errors import Interrupted

        if not confirm(session.streams, f"Delete the folder {name} and all in it?"):
            raise Interrupted("nothing was changed")
    _tell(session, folders.delete(session.ctx, name))


def subscribe(session: Session, name: str) -> None:
    from mailcli.app import folders

    _tell(session, folders.subscribe(session.ctx, name))


def unsubscribe(session: Session, name: str) -> None:
    from mailcli.app import folders

    _tell(session, folders.subscribe(session.ctx, name, wanted=False))


def _tell(session: Session, done: Done) -> None:
    if done.notice:
        session.out.notice(done.notice)
    session.out.show(CHANGES, (done,), quiet=True)


COMMAND = Group(
    "folder",
    "List, create, rename, delete and subscribe folders.",
    (
        Command(
            "list",
            "List folders with the number of their messages.",
            list_,
            about="All accounts, or that of -A. Piped: account, folder, use, total, unread, parted by tabs.",
            view=FOLDERS,
        ),
        Command("create", "Create a folder; levels are parted by a slash.", create, (_NAME,), view=CHANGES),
        Command(
            "rename",
            "Rename a folder and those below it.",
            rename,
            (_NAME, Argument("to", "NEW", complete="folders")),
            view=CHANGES,
        ),
        Command(
            "delete",
            "Delete a folder; its messages can be recovered for 14 days.",
            delete,
            (_NAME,),
            (Option(("-y", "--yes"), "Do not ask."),),
            view=CHANGES,
        ),
        Command("subscribe", "Subscribe to a folder.", subscribe, (_NAME,), view=CHANGES),
        Command("unsubscribe", "End the subscription to a folder.", unsubscribe, (_NAME,), view=CHANGES),
    ),
    about="A folder belongs to one account: the default one, or that of -A.",
)
