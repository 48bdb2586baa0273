"""Configurations that are read without tomllib."""

from __future__ import annotations

import tomllib

import pytest

from mailcli.accounts import plain
from mailcli.accounts.edit import rendered
from tests.unit.accounts.test_config import FULL

WRITTEN = rendered(
    "work",
    {
        "email": "alice@example.org",
        "password": {"keyring": True},
        "imap": {"host": "imap.example.org", "port": 993, "folders": {"exclude": ["Spam", "All"]}},
        "smtp": {"host": "smtp.example.org"},
    },
).decode()


@pytest.mark.parametrize("text", ["", "# nothing yet\n", FULL, WRITTEN])
def test_what_people_write_and_what_we_write_needs_no_tomllib(text: str) -> None:
    assert plain.read(text) == tomllib.loads(text)
