"""Accounts whose folders are labels (Gmail): which folder has all their mail, whatever its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailcli.store.store import Store


def all_mail(store: Store, account: str) -> str | None:
    """Its name; None where folders are folders, as far as is known."""
    return store.setting(f"all mail {account}")


def note_all_mail(store: Store, account: str, name: str | None) -> None:
    """The server has said so."""
    store.put_setting(f"all mail {account}", name)
