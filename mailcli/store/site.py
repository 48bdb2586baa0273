"""Where one profile's mail is: what every part of the store works on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mailcli.store.database import Database
from mailcli.store.tree import Tree

if TYPE_CHECKING:
    from mailcli.store.parsing import Parser


class Site:
    """The database, the Maildir tree and the clock (seconds since the epoch)."""

    def __init__(self, database: Database, tree: Tree, clock: Callable[[], float]) -> None:
        self.database = database
        self.tree = tree
        self.clock = clock
        self._parser: Parser | None = None

    @property
    def parser(self) -> Parser:
        """What parses large deliveries."""
        if self._parser is None:
            from mailcli.store.parsing import Parser

            self._parser = Parser()
        return self._parser

    def close(self) -> None:
        """End what is running and close the connections."""
        if self._parser is not None:
            self._parser.close()
            self._parser = None
        self.database.close()
