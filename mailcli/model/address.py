"""A mail address as people see it."""

from __future__ import annotations

from mailcli.model.record import NamedTuple


class Address(NamedTuple):
    """One mailbox of a header: decoded display name ("" if none) and `local@domain`.

    `email` keeps the spelling of the header; an IDN domain is shown as Unicode only where
    `display` decides that it is safe. A group without members has no Address.
    """

    name: str
    email: str

    @property
    def label(self) -> str:
        """The name if there is one, else the address: for columns."""
        return self.name or self.email

    def as_json(self) -> dict[str, str]:
        return {"name": self.name, "email": self.email}
