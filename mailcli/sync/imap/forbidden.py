"""Folders that the server lets us read and not change (RFC 4314, [READ-ONLY]): what changed here stays
here, and that is told once, not at every run."""

from __future__ import annotations

from mailcli.store.store import Store
from mailcli.sync.tally import Tally


def tell(store: Store, tally: Tally, folder: int, name: str) -> None:
    """A change was not pushed to this folder."""
    if store.setting(_key(folder)) is None:
        store.put_setting(_key(folder), name)
        tally.notices.append(
            f"the server does not let {name} be changed: what was changed there stays on this side only"
        )


def lift(store: Store, folder: int) -> None:
    """The folder was found to be writable."""
    if store.setting(_key(folder)) is not None:
        store.put_setting(_key(folder), None)


def _key(folder: int) -> str:
    return f"forbidden.{folder}"
