"""The flows: what each begins with, and what is cut.

Messages are told apart by their subjects. A change picks what is still to be done, so that doing it
again after a cut is what a person would do who looks first.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mailcli.app import bodies, changing, exchange, undoing
from mailcli.app.context import Context
from mailcli.app.fetching import FetchRequest
from mailcli.errors import NotFound
from tests.integration.conftest import message
from tests.support.crash.trial import Flow, Template

HEADERS = 'mode = "headers"'
ONE_FOLDER = 'folders = { include = ["INBOX"] }'
TWO_FOLDERS = 'folders = { include = ["INBOX", "Trash"] }'
PLAIN = 'auth = "plain"'
KEEP = FetchRequest(leave="keep")
DELETE = FetchRequest(leave="delete")


def mail(number: int) -> bytes:
    return message(f"m{number}", "\n".join([f"line of m{number}", ".", "..two dots", ""]))


def pick(ctx: Context, folder: str, *subjects: str) -> list[str]:
    """The ids of those that are there."""
    try:
        key = ctx.store.find_folder("test", folder).key
    except NotFound:
        return []
    return [r.id for r in ctx.store.summaries(folders=[key]).rows if r.subject in subjects]


# -- what they begin with ----------------------------------------------------------------------


def filled(template: Template) -> None:
    """Four messages on the server, none here."""
    template.server.fill(template.user, [mail(n) for n in range(4)])


def one(template: Template) -> None:
    """One message on the server, none here."""
    template.server.fill(template.user, [mail(0)])


def in_step(template: Template) -> None:
    """The same, and all of it here."""
    filled(template)
    template.fetch()


def _changes_there(template: Template) -> None:
    """Two new messages, one gone, one flagged."""
    server, user = template.server, template.user
    server.append(user, "INBOX", mail(4))
    server.append(user, "Archive", mail(5), ["\\Flagged"])
    with server.connect(user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
        session.uid("STORE", "2", "+FLAGS", "(\\Flagged $Work)")
        session.expunge()


def changed_there(template: Template) -> None:
    in_step(template)
    _changes_there(template)


def changed_on_both_sides(template: Template) -> None:
    """And here flags, a move, a deletion, a purge, a copy and an upload that wait to be pushed."""
    server, user = template.server, template.user
    server.fill(user, [mail(n) for n in [*range(4), *range(10, 16)]])
    template.fetch()
    _changes_there(template)
    new = template.profile / "new.eml"
    new.write_bytes(mail(20))

    def change(ctx: Context) -> None:
        changing.flag(ctx, pick(ctx, "INBOX", "m10", "m11"), ["+flagged", "-seen"])
        changing.move(ctx, pick(ctx, "INBOX", "m12"), "Work", create=True)
        changing.delete(ctx, pick(ctx, "INBOX", "m13"))
        changing.delete(ctx, pick(ctx, "INBOX", "m14"), purge=True)
        changing.copy(ctx, pick(ctx, "INBOX", "m15"), "Archive")
        exchange.import_paths(ctx, [new])

    template.here(change, offline=True)


def three(template: Template) -> None:
    """Three messages on the server, none here."""
    template.server.fill(template.user, [mail(n) for n in range(3)])


def three_in_step(template: Template) -> None:
    three(template)
    template.fetch()


def three_changed_there(template: Template) -> None:
    """A new message, one gone, one flagged."""
    three_in_step(template)
    template.server.append(template.user, "INBOX", mail(4))
    with template.server.connect(template.user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
        session.uid("STORE", "2", "+FLAGS", "(\\Flagged)")
        session.expunge()


def three_changed_here(template: Template) -> None:
    """Flags, a move, a deletion and an upload that wait to be pushed."""
    three_in_step(template)
    new = template.profile / "new.eml"
    new.write_bytes(mail(20))

    def change(ctx: Context) -> None:
        changing.flag(ctx, pick(ctx, "INBOX", "m0"), ["+flagged", "-seen"])
        changing.move(ctx, pick(ctx, "INBOX", "m1"), "Trash")
        changing.delete(ctx, pick(ctx, "INBOX", "m2"), purge=True)
        exchange.import_paths(ctx, [new])

    template.here(change, offline=True)


def deleted(template: Template) -> None:
    """In step, with two messages deleted since."""
    in_step(template)
    template.here(delete)


def purged(template: Template) -> None:
    """In step, with two messages removed for good since."""
    in_step(template)
    template.here(purge)


def with_files(template: Template) -> None:
    """In step, with two files to import."""
    in_step(template)
    for n in (20, 21):
        (template.profile / f"m{n}.eml").write_bytes(mail(n))


def many(template: Template) -> None:
    """Twelve on the server in each of three folders, none here."""
    server, user = template.server, template.user
    for folder, start in (("INBOX", 0), ("Archive", 20), ("Drafts", 40)):
        server.fill(user, [mail(start + n) for n in range(12)], folder)


# -- changes -----------------------------------------------------------------------------------


def delete(ctx: Context) -> None:
    if ids := pick(ctx, "INBOX", "m0", "m1"):
        changing.delete(ctx, ids)


def move(ctx: Context) -> None:
    if ids := pick(ctx, "INBOX", "m0", "m1"):
        changing.move(ctx, ids, "Work", create=True)


def copy(ctx: Context) -> None:
    if ids := pick(ctx, "INBOX", *_missing(ctx, "Archive", "m0", "m1")):
        changing.copy(ctx, ids, "Archive")


def take_in(ctx: Context) -> None:
    if wanted := _missing(ctx, "INBOX", "m20", "m21"):
        profile = Path(ctx.paths.config).parent
        exchange.import_paths(ctx, [profile / f"{subject}.eml" for subject in wanted])


def _missing(ctx: Context, folder: str, *subjects: str) -> list[str]:
    """Those that are not there. What a cut has left are files; a scan shows them."""
    ctx.store.scan(ctx.store.find_folder("test", folder).key)
    there = {r.subject for r in ctx.store.get(pick(ctx, folder, *subjects))}
    return [s for s in subjects if s not in there]


def flag(ctx: Context) -> None:
    changing.flag(ctx, pick(ctx, "INBOX", "m0", "m1"), ["+flagged", "+work", "-seen"])


def purge(ctx: Context) -> None:
    if ids := pick(ctx, "INBOX", "m0", "m1"):
        changing.delete(ctx, ids, purge=True)


def bring(ctx: Context) -> None:
    """The bodies, as for reading."""
    bodies.need(ctx, [r.id for r in ctx.store.summaries(folders=None).rows if r.remote_only])


def undo(ctx: Context) -> None:
    if len(pick(ctx, "INBOX", "m0", "m1")) < 2:
        undoing.undo(ctx)


# -- all ---------------------------------------------------------------------------------------

FIRST = Flow("imap first fetch", "imap", filled)
INCREMENTAL = Flow("imap fetch", "imap", changed_there)
PUSHES = Flow("imap fetch with pushes", "imap", changed_on_both_sides)
POP3_KEEP = Flow("pop3 keep", "pop3", filled, KEEP)
POP3_DELETE = Flow("pop3 delete", "pop3", filled, DELETE)
POP3_LATE = Flow("pop3 delete what was kept", "pop3", in_step, DELETE)
POP3_ONE_KEPT = Flow("pop3 keep one", "pop3", one, KEEP, incoming=PLAIN, known=True)
POP3_ONE_DELETED = Flow("pop3 delete one", "pop3", one, DELETE, incoming=PLAIN, known=True)
HEADERS_FIRST = Flow("imap headers", "imap", changed_there, incoming=HEADERS)
PARALLEL = Flow("imap three connections", "imap", many, incoming="connections = 3")

SHORT: Sequence[Flow] = (
    Flow("imap short first fetch", "imap", three, incoming=ONE_FOLDER),
    Flow("imap short no-op", "imap", three_in_step, incoming=ONE_FOLDER),
    Flow("imap short fetch", "imap", three_changed_there, incoming=ONE_FOLDER),
    Flow("imap short pushes", "imap", three_changed_here, incoming=TWO_FOLDERS),
)
"""Sessions of few octets, to be cut at each of them."""

FETCHES: Sequence[Flow] = (
    FIRST,
    INCREMENTAL,
    PUSHES,
    HEADERS_FIRST,
    PARALLEL,
    POP3_KEEP,
    POP3_DELETE,
    POP3_LATE,
)
CHANGES: Sequence[Flow] = (
    Flow("delete", "imap", in_step, change=delete),
    Flow("move", "imap", in_step, change=move),
    Flow("copy", "imap", in_step, change=copy),
    Flow("flag", "imap", in_step, change=flag),
    Flow("purge", "imap", in_step, change=purge),
    Flow("undo a deletion", "imap", deleted, change=undo),
    Flow("undo a purge", "imap", purged, change=undo),
    Flow("import", "imap", with_files, change=take_in),
    Flow("bodies", "imap", in_step, change=bring, incoming=HEADERS),
)
FLOWS: Sequence[Flow] = (*FETCHES, *CHANGES)
