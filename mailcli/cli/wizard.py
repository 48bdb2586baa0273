"""`account add`: questions on a terminal, options off one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailcli.cli.session import Session


def add(session: Session, address: str, answers: Mapping[str, Any]) -> int:
    raise NotImplementedError(address, answers)
