"""A pager between us and the terminal: $PAGER, else less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mailcli.cli.streams import Streams

if TYPE_CHECKING:
    import subprocess


@contextmanager
def paged(streams: Streams, wanted: bool) -> Iterator[None]:
    """What is written to stdout inside goes through the pager. Quitting it early ends quietly."""
    command = _command(streams) if wanted else []
    if not command:
        yield
        return
    import subprocess

    environ = dict(streams.environ)
    environ.setdefault("LESS", "FRX")
    streams.flush()
    try:
        pager = subprocess.Popen(command, stdin=subprocess.PIPE, env=environ)  # noqa: S603
    except OSError:
        yield  # no such program: better unpaged than not at all
        return
    assert pager.stdin is not None
    terminal, streams.stdout = streams.stdout, pager.stdin  # type: ignore[assignment]
    try:
        yield
    except BrokenPipeError:
        pass
    finally:
        streams.stdout = terminal
        _finish(pager)


def _finish(pager: subprocess.Popen[bytes]) -> None:
    """Wait until the reader has seen enough; Ctrl-C belongs to the pager meanwhile."""
    assert pager.stdin is not None
    with suppress(OSError):
        pager.stdin.close()
    while True:
        try:
            pager.wait()
            return
        except KeyboardInterrupt:
            continue


def _command(streams: Streams) -> list[str]:
    import shlex

    configured = streams.environ.get("MAILCLI_PAGER") or streams.environ.get("PAGER")
    try:
        words = shlex.split(configured) if configured is not None else ["less"]
    except ValueError:
        return []  # no command line: as for a program that is not there
    return [] if words in ([], ["cat"]) else words
