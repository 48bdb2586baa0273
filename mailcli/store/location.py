"""Where the files of accounts and folders are: what is looked up before anything is done with them.

A run that finds nothing new needs no more of folders than this; `folders` makes and changes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailcli.errors import LocalIOError, NotFound
from mailcli.model.record import NamedTuple
from mailcli.store.tree import MARKER, Tree

if TYPE_CHECKING:
    import apsw


class Home(NamedTuple):
    """Where a folder's files are. `uidvalidity` and `tag` are for the names of new ones."""

    key: int
    account: int
    account_name: str
    protocol: str
    name: str
    path: str
    tag: str
    uidvalidity: int | None


_HOME: Final = (
    "SELECT f.key, a.key, a.name, a.protocol, f.name, f.path, f.tag, f.uidvalidity"
    " FROM folder f JOIN account a ON a.key = f.account"
)


def home(connection: apsw.Connection, key: int) -> Home:
    """Raises NotFound."""
    for row in connection.execute(f"{_HOME} WHERE f.key = ?", (key,)):
        return Home(*row)
    raise NotFound(f"there is no folder number {key}")


def homes(connection: apsw.Connection) -> dict[int, Home]:
    """All folders by key."""
    return {row[0]: Home(*row) for row in connection.execute(_HOME)}


def account_row(connection: apsw.Connection, name: str) -> tuple[int, str, str] | None:
    """An account's key, protocol and directory; None if nothing of it is here."""
    for key, protocol, directory in connection.execute(
        "SELECT key, protocol, directory FROM account WHERE name = ?", (name,)
    ):
        return key, protocol, directory
    return None


def check_mounted(connection: apsw.Connection, tree: Tree, account: int) -> None:
    """Refuse to take an unmounted disk for an empty mailbox: the account's marker file must be there."""
    directory = connection.execute("SELECT directory FROM account WHERE key = ?", (account,)).get
    if tree.has_marker(directory):
        return
    raise LocalIOError(
        f"{tree.mail}/{directory} is not the mailbox it was: {MARKER} is missing there",
        hint=f"is its disk mounted? If it is meant to be so, create an empty file {MARKER} there",
    )
