"""Which folders a query speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailcli.errors import QueryError
from mailcli.model.folder import SPECIAL_USES
from mailcli.model.query.ast import Name
from mailcli.model.query.fields import suggestion
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    import apsw

ANY: Final = "any"
_LEFT_OUT: Final = ("Spam", "Trash")


class _Row(NamedTuple):
    key: int
    account: str
    name: str
    special: str


class Folders:
    """The folders of all accounts, read once for one query."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._rows = [
            _Row(*row)
            for row in connection.execute(
                "SELECT f.key, a.name, f.name, f.special FROM folder f JOIN account a ON a.key = f.account"
            )
        ]
        self._accounts = [str(name) for (name,) in connection.execute("SELECT name FROM account")]

    def left_out(self) -> list[int]:
        """Spam and Trash, which a query finds only if it names them or `in:any`."""
        return [row.key for row in self._rows if row.special in _LEFT_OUT]

    def sent(self) -> list[int]:
        """Where what one has written is kept."""
        return [row.key for row in self._rows if row.special == "Sent"]

    def named(self, node: Name) -> list[int] | None:
        """The folders of `in:NAME`, None for all of them. QueryError if there is none.

        A whole name in any case, or a special use (`in:trash` is "Deleted Items" where that is the
        trash); else the last part of a name if only one name ends so.
        """
        wanted = node.text.casefold()
        if wanted == ANY and not node.prefix:
            return None
        if node.prefix:
            return [row.key for row in self._rows if row.name.casefold().startswith(wanted)]
        special = wanted in {use.casefold() for use in SPECIAL_USES}
        found = [row.key for row in self._rows if wanted in (row.name.casefold(), row.special.casefold())]
        if found or special:
            return found
        last = [row for row in self._rows if row.name.casefold().rpartition("/")[2] == wanted]
        names = sorted({row.name for row in last})
        if len({name.casefold() for name in names}) > 1:
            message = f'"{node.text}" is the last part of several folders: {", ".join(names[:5])}'
            raise QueryError(message, hint=f'write the whole name: in:"{names[0]}"', position=node.at)
        if not last:
            near = suggestion(wanted, {row.name for row in self._rows} | {ANY})
            hint = f"did you mean in:{near}?" if near else "`mailcli folder list` shows them"
            raise QueryError(f'no folder "{node.text}"', hint=hint, position=node.at)
        return [row.key for row in last]

    def of_account(self, node: Name) -> list[int]:
        """The folders of `account:NAME`, any case. QueryError if there is no such account."""
        wanted = node.text.casefold()
        names = [name for name in self._accounts if name.casefold() == wanted]
        if not names:
            near = suggestion(wanted, self._accounts)
            hint = f"did you mean account:{near}?" if near else "`mailcli account list` shows them"
            raise QueryError(f'no account "{node.text}" in the mailbox', hint=hint, position=node.at)
        return [row.key for row in self._rows if row.account in names]

    def within(self, account: str) -> list[int]:
        """The folders of one account by its exact name, none if it has no mail yet."""
        return [row.key for row in self._rows if row.account == account]
