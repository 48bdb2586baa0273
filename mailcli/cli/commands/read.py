"""`mailcli read`."""

from __future__ import annotations

from mailcli.cli.pager import paged
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Option
from mailcli.cli.views.reading import READING, How
from mailcli.errors import UsageError
from mailcli.model.message import Summary


def run(
    session: Session,
    ids: tuple[str, ...],
    thread: bool,
    raw: bool,
    html: bool,
    headers: bool,
    part: str | None,
    mark_seen: bool,
) -> None:
    from mailcli.app import bodies, reading

    if raw and part is not None:
        raise UsageError("--raw and --part do not go together")
    found = session.messages(ids)
    if thread:
        found = _with_threads(session, found)
    if any(m.remote_only for m in found):
        bodies.bring(session.ctx, [m.id for m in found])
        session.end_progress()
    if raw:
        for message in found:
            session.out.bytes(reading.raw(session.ctx, message.id))
        return
    if part is not None:
        for message in found:
            _print_part(session, message.id, part)
        return
    people = session.out.for_people
    with paged(session.streams, session.out.for_people):
        session.out.show(
            READING,
            (
                reading.read(session.ctx, m.id, html=html, mark_seen=mark_seen, header_will_do=headers)
                for m in found
            ),
            show=How(headers, html, wrap=people, colour=session.out.colour),
            between="\n",
        )


def _with_threads(session: Session, found: list[Summary]) -> list[Summary]:
    """The messages of the threads these belong to; a message in two folders once."""
    from mailcli.app import reading

    whole: dict[str, Summary] = {}
    for message in found:
        for each in reading.thread(session.ctx, message.id):
            whole.setdefault(each.message_id or each.id, each)
    return list(whole.values())


def _print_part(session: Session, message: str, n: str) -> None:
    """A part as it is; on a terminal only if it is text."""
    from mailcli.app import reading

    part, data = reading.part(session.ctx, message, n)
    if not session.out.for_people:
        session.out.bytes(data)
    elif part.type.startswith("text/"):
        session.out.block(data.decode(_codec(part.charset), "replace"))
    else:
        raise UsageError(f"part {n} is {part.type}, not text", hint=f"mailcli attach save {message} {n}")


def _codec(charset: str) -> str:
    import codecs

    try:
        return codecs.lookup(charset or "utf-8").name
    except (LookupError, ValueError):
        return "utf-8"


COMMAND = Command(
    "read",
    "Print messages for reading.",
    run,
    arguments=(Argument("ids", "ID", "Messages; - reads ids from stdin.", many=True, complete="ids"),),
    options=(
        Option(("--thread",), "The whole thread of each message, oldest first."),
        Option(("--raw",), "The bytes as they are stored."),
        Option(("--html",), "The HTML source instead of the text."),
        Option(("--headers",), "All header fields."),
        Option(("--part",), "One part, decoded, by its number.", "text", "N"),
        Option(("--mark-seen",), "Mark what is printed as read."),
    ),
    about="""
    Several messages are printed one after the other. On a terminal the text is wrapped and shown in
    $PAGER; piped, it is UTF-8 without a pager, colours or wrapping. Reading marks nothing as read unless
    --mark-seen is given.
    """,
    examples=(
        Example("mailcli read 7k2m", "Any unique prefix of an id will do."),
        Example("mailcli read 7k2m --raw | git am", "A patch, as it came."),
        Example("mailcli read 7k2m --json | jq -r '.data[0].parts[].name'", "For a program."),
    ),
    view=READING,
)
