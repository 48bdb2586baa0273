"""C:/S: transcripts: what is sent, what comes, and the events it means.

One line each:

    # a comment
    > Select("INBOX")       queue a command; `> tls`, `> eof` tell the engine of those
    C: A1 SELECT "INBOX"    what the engine writes next (CRLF understood)
    S: * 3 EXISTS           what the server sends (CRLF understood), literals over several lines
    R: b"+OK\n"             what the server sends, exactly these octets
    E: Exists("INBOX", 3)   an event of the S: block before it, in order

Commands and events are the constructors of the protocol's modules.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class AnyEngine(Protocol):
    def send(self, command: Any, /) -> int: ...
    def outgoing(self) -> bytes: ...
    def receive(self, data: bytes, /) -> list[Any]: ...
    def start_tls(self) -> None: ...


class Turn(NamedTuple):
    """Commands queued, octets then to be written, octets then received, events they mean."""

    line: int
    commands: list[str]
    client: bytes
    server: bytes
    events: list[str]


def turns(path: Path) -> list[Turn]:
    """A new turn begins with the first `>` or `C:` after an `S:` or `E:`."""
    found: list[Turn] = []
    turn: Turn | None = None
    for number, raw in enumerate(path.read_bytes().split(b"\n"), 1):
        mark, text = raw[:2], raw[3:]
        if mark in (b"", b"# ", b"#"):
            continue
        begins = mark == b"> " or mark == b"C:"
        if turn is None or (begins and (turn.server or turn.events)) or (mark == b"> " and turn.client):
            turn = Turn(number, [], b"", b"", [])
            found.append(turn)
        if mark == b"> ":
            turn.commands.append(raw[2:].decode())
        elif mark == b"E:":
            turn.events.append(text.decode())
        elif mark == b"C:":
            turn = found[-1] = turn._replace(client=turn.client + text + b"\r\n")
        elif mark == b"S:":
            turn = found[-1] = turn._replace(server=turn.server + text + b"\r\n")
        elif mark == b"R:":
            turn = found[-1] = turn._replace(server=turn.server + ast.literal_eval(text.decode()))
        else:
            raise AssertionError(f"{path}:{number}: {raw!r} is no line of a transcript")
    return found


Cut = Callable[[bytes], Iterable[bytes]]
Normal = Callable[[list[Any]], list[Any]]
"""Takes from a turn's events what legitimately depends on the split: joins pieces of content."""


def replay(
    path: Path, engine: AnyEngine, names: Mapping[str, Any], cut: Cut, normal: Normal = list
) -> list[tuple[type, Any]]:
    """All events, after checking every turn's octets and events. `cut` splits what comes."""
    everything: list[tuple[type, Any]] = []
    for turn in turns(path):
        where = f"{path.name}:{turn.line}"
        events: list[Any] = []
        for command in turn.commands:
            if command == "tls":
                engine.start_tls()
            elif command == "eof":
                events += engine.receive(b"")
            else:
                engine.send(eval(command, dict(names)))
        assert engine.outgoing() == turn.client, where
        for piece in cut(turn.server):
            events += engine.receive(piece)
        seen = [(type(event), event) for event in normal(events)]
        expected = [eval(event, dict(names)) for event in turn.events]
        assert seen == [(type(event), event) for event in expected], where
        everything += seen
    assert everything, f"{path.name} has no events"
    return everything
