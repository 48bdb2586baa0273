"""Calls of the program in this process, and values to print."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import NamedTuple

from mailcli.cli.output import Output
from mailcli.cli.spec import Globals
from mailcli.cli.streams import Streams
from mailcli.model.address import Address
from mailcli.model.flags import FLAGGED, SEEN
from mailcli.model.message import Summary

NOW = 1_795_186_800.0  # 2026-11-20T15:00:00Z


class Called(NamedTuple):
    code: int
    out: str
    err: str


def streams(
    stdin: bytes = b"",
    *,
    terminals: tuple[bool, bool, bool] = (False, False, False),
    width: int = 80,
    environ: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
) -> Streams:
    return Streams(
        io.BytesIO(stdin),
        io.BytesIO(),
        io.BytesIO(),
        terminals=terminals,
        size=(width, 24),
        encoding=encoding,
        environ={} if environ is None else environ,
    )


def printed(made: Streams) -> tuple[str, str]:
    assert isinstance(made.stdout, io.BytesIO) and isinstance(made.stderr, io.BytesIO)
    return made.stdout.getvalue().decode(), made.stderr.getvalue().decode()


def output(
    options: Globals | None = None, *, terminal: bool = False, width: int = 80, **environ: str
) -> tuple[Output, Streams]:
    made = streams(terminals=(False, terminal, terminal), width=width, environ=environ)
    return Output(made, options or Globals(), clock=lambda: NOW), made


def summary(**changed: object) -> Summary:
    """A message of 20 November 2026, 14:05 in Berlin."""
    row = Summary(
        rid=1,
        id="7k2mabcd",
        account="work",
        folder="INBOX",
        when=1_795_179_900,
        date=1_795_179_900.0,
        zone=60,
        arrived=1_795_179_905.0,
        sender=(Address("Alice Ng", "alice@example.org"),),
        to=(Address("", "bob@example.org"), Address("Carol", "carol@example.org")),
        cc=(),
        subject="Launch plan",
        flags=frozenset({SEEN, FLAGGED, "work"}),
        size=2345,
        attachments=1,
        thread="t7k2mabcd",
        message_id="1@example.org",
        in_reply_to="0@example.org",
        preview="Here is the plan",
        remote_only=False,
    )
    return row._replace(**changed)  # type: ignore[arg-type]
