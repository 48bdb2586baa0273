"""What commands report: fetches, changes, folders, submissions, figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mailcli.cli.progress import size
from mailcli.cli.views.view import Column, Field, Look, View
from mailcli.model import printable
from mailcli.model.folder import Folder


def _fetched(report: Any, _look: Look) -> str:
    """`work: 12 new, 3 changed, 1 gone`; an account that failed has its line on stderr."""
    done = report.new or report.changed or report.gone or report.bodies
    if report.locked or (report.error is not None and not done):
        return ""
    pushed = f", {report.pushed} pushed" if report.pushed else ""
    bodies = f", {report.bodies} bodies" if report.bodies else ""
    account = printable.line(report.account)
    return f"{account}: {report.new} new, {report.changed} changed, {report.gone} gone{pushed}{bodies}\n"


_REPORT: Final = {
    "account": Field("text", lambda r: r.account),
    "protocol": Field("text", lambda r: r.protocol),
    "new": Field("integer", lambda r: r.new),
    "changed": Field("integer", lambda r: r.changed),
    "gone": Field("integer", lambda r: r.gone),
    "pushed": Field("integer", lambda r: r.pushed),
    "bytes": Field("integer", lambda r: r.octets),
    "seconds": Field("number", lambda r: round(r.seconds, 3)),
    "error": Field("error", lambda r: r.error, none=True),
}

FETCHES: Final = View("fetch", _REPORT, text=_fetched)

_FOLDER_PLAN: Final = View(
    "folder_plan",
    {
        "name": Field("text", lambda f: f.name),
        "new": Field("integer", lambda f: f.new),
        "changed": Field("integer", lambda f: f.changed),
        "gone": Field("integer", lambda f: f.gone),
        "pushed": Field("integer", lambda f: f.pushed),
    },
)


def _planned(report: Any, look: Look) -> str:
    """The account's line, then one for each folder in which something would happen."""
    lines = [_fetched(report, look)]
    for folder in report.plan:
        words = [
            f"{n} {w}" for n, w in zip(folder[1:], ("new", "changed", "gone", "pushed"), strict=True) if n
        ]
        if words:
            lines.append(f"  {printable.line(folder.name)}: {', '.join(words)}\n")
    return "".join(lines)


PLANS: Final = View(
    "fetch_plan",
    {**_REPORT, "folders": Field("objects", lambda r: r.plan, of=_FOLDER_PLAN)},
    text=_planned,
)
"""`fetch --dry-run`: nothing of it was done."""

COUNTS: Final = View("fetch", _REPORT, text=lambda r, _: "" if r.error is not None else f"{r.new}\n")
"""`fetch --count`: a bare number for each account."""


def _changed(change: Any, _look: Look) -> str:
    return printable.line(change.summary) + undo_hint(change.undo) + "\n"


def undo_hint(token: str) -> str:
    """How to undo a change, behind the line that reports it."""
    return f" (undo: mailcli undo {token})" if token else ""


CHANGES: Final = View(
    "change",
    {
        "ids": Field("words", lambda c: c.ids),
        "summary": Field("text", lambda c: c.summary),
        "undo": Field("text", lambda c: f"mailcli undo {c.undo}" if c.undo else ""),
        "pushed": Field("boolean", lambda c: c.pushed),
        "token": Field("text", lambda c: c.undo),
    },
    text=_changed,
    ident=lambda c: tuple(c.ids),
)


def _folder_columns(rows: Sequence[Folder], _look: Look) -> Sequence[Column]:
    columns = [
        Column(
            "folder",
            lambda f, _: printable.line(f.name),
            lambda f: "bold" if f.unread else "" if f.selectable else "dim",
            grow=True,
            keep=0,
        ),
        Column(
            "unread", lambda f, _: str(f.unread) if f.unread else "", lambda _: "bold", right=True, keep=1
        ),
        Column("total", lambda f, _: str(f.total), right=True, keep=2),
        Column("use", lambda f, _: f.special, lambda _: "dim", keep=3),
    ]
    if len({row.account for row in rows}) > 1:
        columns.insert(0, Column("account", lambda f, _: printable.line(f.account), lambda _: "cyan", keep=0))
    return columns


FOLDERS: Final = View(
    "folder",
    {
        "account": Field("text", lambda f: f.account),
        "name": Field("text", lambda f: f.name),
        "special": Field("text", lambda f: f.special),
        "total": Field("integer", lambda f: f.total),
        "unread": Field("integer", lambda f: f.unread),
        "subscribed": Field("boolean", lambda f: f.subscribed),
        "selectable": Field("boolean", lambda f: f.selectable),
    },
    tsv=("account", "name", "special", "total", "unread"),
    columns=_folder_columns,
)


def _sent(row: Any, look: Look) -> str:
    """Silent in scripts, like every mail sender; a person sees where the message went."""
    if not look.terminal:
        return ""
    reply = f" ({printable.line(row.outcome.text)})" if row.outcome.text else ""
    return f"{row.outcome.outcome} {printable.line(row.outcome.email)}{reply}\n"


SENT: Final = View(
    "sent",
    {
        "email": Field("text", lambda r: r.outcome.email),
        "outcome": Field("text", lambda r: r.outcome.outcome),
        "code": Field("integer", lambda r: r.outcome.code),
        "enhanced": Field("text", lambda r: r.outcome.enhanced),
        "text": Field("text", lambda r: r.outcome.text),
        "message_id": Field("text", lambda r: r.message_id),
        "queue_id": Field("text", lambda r: r.queue_id),
        "account": Field("text", lambda r: r.account),
    },
    text=_sent,
)


PREPARED: Final = View(
    "prepared",
    {
        "account": Field("text", lambda p: p.message.account.name),
        "sender": Field("text", lambda p: p.message.envelope.sender),
        "recipients": Field("words", lambda p: p.message.envelope.recipients),
        "size": Field("integer", lambda p: len(p.message.data)),
        "message_id": Field("text", lambda p: p.message.message_id),
        "message": Field("text", lambda p: p.message.data.decode("utf-8", "replace")),
        "extensions": Field("words", lambda p: p.needs),
    },
    raw=lambda p: p.message.data,
)
"""`send --dry-run`: the exact bytes."""


def _status(status: Any, _look: Look) -> str:
    rows = [
        ("messages", f"{status.messages}"),
        (
            "indexed",
            f"{status.indexed}" + ("" if status.complete else " (incomplete: mailcli index rebuild)"),
        ),
        ("headers only", f"{status.remote_only}"),
        ("folders", f"{status.folders}"),
        ("threads", f"{status.threads}"),
        ("to be pushed", f"{status.pending}"),
        *([("hidden", f"{status.hidden} (deleted here, still on the server)")] if status.hidden else []),
        ("in recovery", f"{status.recovery}"),
        ("mail", size(status.mail_size)),
        ("database", f"{size(status.database_size)}, schema {status.schema}"),
        ("place", printable.line(str(status.path))),
    ]
    return "".join(f"{name + ':':14} {value}\n" for name, value in rows)


STATUS: Final = View(
    "index",
    {
        "messages": Field("integer", lambda s: s.messages),
        "indexed": Field("integer", lambda s: s.indexed),
        "remote_only": Field("integer", lambda s: s.remote_only),
        "folders": Field("integer", lambda s: s.folders),
        "threads": Field("integer", lambda s: s.threads),
        "pending": Field("integer", lambda s: s.pending),
        "hidden": Field("integer", lambda s: s.hidden),
        "recovery": Field("integer", lambda s: s.recovery),
        "database_size": Field("integer", lambda s: s.database_size),
        "mail_size": Field("integer", lambda s: s.mail_size),
        "schema": Field("integer", lambda s: s.schema),
        "complete": Field("boolean", lambda s: s.complete),
        "path": Field("text", lambda s: str(s.path)),
    },
    text=_status,
)


ATTACHED: Final = View(
    "attached",
    {"found": Field("integer", lambda a: a.found), "left": Field("integer", lambda a: a.left)},
    text=lambda a, _: f"attachments of {a.found} messages indexed\n",
)


def _problem(problem: Any, _look: Look) -> str:
    head = f"{problem.id}: " if problem.id else ""
    path = f" ({problem.path})" if problem.path else ""
    return printable.line(f"{'repaired: ' if problem.repaired else ''}{head}{problem.text}{path}") + "\n"


PROBLEMS: Final = View(
    "problem",
    {
        "kind": Field("text", lambda p: p.kind),
        "text": Field("text", lambda p: p.text),
        "id": Field("text", lambda p: p.id),
        "path": Field("text", lambda p: p.path),
        "repaired": Field("boolean", lambda p: p.repaired),
    },
    text=_problem,
)
