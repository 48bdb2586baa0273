"""A POP3 engine's events, however what it read was split."""

from __future__ import annotations

from collections.abc import Iterable

from mailcli.wire.pop3.events import Content, Pop3Event, Sizes, UniqueIds


def joined(events: Iterable[Pop3Event]) -> list[Pop3Event]:
    """The same with the pieces of a message or of a table as one."""
    result: list[Pop3Event] = []
    for event in events:
        last = result[-1] if result else None
        if isinstance(event, Content) and isinstance(last, Content) and last.tag == event.tag:
            result[-1] = Content(event.tag, last.data + event.data)
        elif isinstance(event, UniqueIds) and isinstance(last, UniqueIds) and last.tag == event.tag:
            result[-1] = UniqueIds(event.tag, last.lines + event.lines)
        elif isinstance(event, Sizes) and isinstance(last, Sizes) and last.tag == event.tag:
            result[-1] = Sizes(event.tag, last.lines + event.lines)
        else:
            result.append(event)
    return result
