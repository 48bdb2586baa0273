"""Mail merge: one letter for each row of a table, through the outbox.

Each row is an entry of the outbox under a key of its own, made of the whole letter: a run that was killed
goes on where it stopped when it is started again, and no row is sent twice.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from mailcli.app import outbox
from mailcli.app.context import Context
from mailcli.app.once import digest_of, once
from mailcli.app.outbox import Report
from mailcli.app.preparing import Prepared, SendRequest, prepare
from mailcli.errors import MailcliError, MessageMalformed
from mailcli.model import pattern, printable
from mailcli.model.draft import Sent
from mailcli.model.record import NamedTuple
from mailcli.outbox.entry import QUEUED, Entry

_FIELD: Final = pattern.compile(r"\{\{|\}\}|\{([A-Za-z_][\w .-]{0,60})\}")
_ADDRESSED: Final = ("email", "to", "e-mail", "address")
"""Columns that name the recipient where the command line does not."""

Row = Mapping[str, str]


def rows(data: bytes, name: str) -> list[Row]:
    """The rows of a table: lines of JSON objects if `name` ends in .jsonl or the first line is one, else
    CSV whose first line names the fields. Raises MessageMalformed."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    if name.endswith((".jsonl", ".ndjson")) or text.lstrip().startswith("{"):
        return _json_rows(text, name)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    found: list[Row] = []
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        titles = [title.strip() for title in next(reader, [])]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(titles):
                raise MessageMalformed(
                    f"{name}, line {reader.line_num}: more cells than the first line has fields"
                )
            found.append(dict(zip(titles, cells, strict=False)))
    except csv.Error as error:
        raise MessageMalformed(f"{name}, line {reader.line_num}: {error}") from error
    return found


def _json_rows(text: str, name: str) -> list[Row]:
    found: list[Row] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise MessageMalformed(f"{name}, line {number}: no JSON: {error}") from error
        if not isinstance(record, dict) or any(isinstance(v, dict | list) for v in record.values()):
            raise MessageMalformed(f"{name}, line {number}: not an object of plain values")
        found.append({key: _plain(value) for key, value in record.items() if value is not None})
    return found


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def letters(ctx: Context, template: SendRequest, table: Sequence[Row], name: str) -> Iterator[Prepared]:
    """The letter of each row. Raises MessageMalformed for a field that a row does not have, and whatever
    `prepare` raises, the row named."""
    for number, row in enumerate(table, 1):
        try:
            yield prepare(ctx, _filled(template, row))
        except MailcliError as error:
            raise type(error)(f"{name}, row {number}: {error.message}", hint=error.hint) from error


def _filled(template: SendRequest, row: Row) -> SendRequest:
    def each(texts: Sequence[str]) -> list[str]:
        return [filled(text, row) for text in texts]

    to = each(template.to)
    if not to:
        to = [row[name] for name in row if name.lower() in _ADDRESSED][:1]
    return template._replace(
        to=to,
        cc=each(template.cc),
        bcc=each(template.bcc),
        subject=filled(template.subject, row),
        text=filled(template.text, row),
        html=filled(template.html, {name: html.escape(value) for name, value in row.items()}),
        attachments=[Path(filled(str(path), row)) for path in template.attachments],
        headers=[(name, filled(value, row)) for name, value in template.headers],
    )


def filled(template: str, row: Row) -> str:
    """`{field}` replaced by the row's value; `{{` and `}}` are braces. Raises MessageMalformed."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0][0]
        if name not in row:
            known = ", ".join(printable.line(field) for field in row)
            raise MessageMalformed(
                f"there is no field {{{name}}}", hint=f"the fields are {known}; write {{{{ for a brace"
            )
        return row[name]

    return _FIELD.sub(value, template)


class Job(NamedTuple):
    """What was put into the outbox: the keys of its entries, and how many rows had been there before."""

    keys: frozenset[str]
    accounts: tuple[str, ...]
    new: int
    before: int


def queue(
    ctx: Context,
    made: Iterator[Prepared],
    *,
    key: str = "",
    interval: float = 0.0,
    limit: int | None = None,
    on_unknown: str = "hold",
) -> Job:
    """Put letters into the outbox, each once, `interval` seconds apart; at most `limit` new ones.

    `key` tells one merge from another with the same letters.
    """
    keys: set[str] = set()
    accounts: dict[str, None] = {}
    before = new = 0
    twins: dict[str, int] = {}
    waiting = [row.state.next_try for row in outbox.spool(ctx).rows() if row.entry.not_before > ctx.clock()]
    start = max([ctx.clock(), *(when + interval for when in waiting)]) if interval else ctx.clock()
    for prepared in made:
        content = digest_of(prepared)
        twins[content] = twins.get(content, 0) + 1
        fresh: list[str] = []
        entry = outbox.entry(prepared, ctx.clock(), not_before=start + new * interval, on_unknown=on_unknown)

        def send(digest: str, _: Prepared, entry: Entry = entry, fresh: list[str] = fresh) -> Sent:
            fresh.append(digest)
            return outbox.standing(outbox.enqueue(ctx, entry._replace(key=digest)))

        name = f"merge\0{key}\0{content}\0{twins[content]}"
        once(ctx, name, prepared, send)
        keys.add(digest_of(name))
        accounts.setdefault(prepared.account.name)
        if fresh:
            new += 1
            if limit is not None and new >= limit:
                break
        else:
            before += 1
    return Job(frozenset(keys), tuple(accounts), new, before)


def run(ctx: Context, job: Job, *, pause: Callable[[float], None] = time.sleep) -> Iterator[Report]:
    """Send the entries of a job that have not been tried yet, when their time comes, each account's in one
    connection as far as they are due together. Those that must be tried again stay in the outbox."""
    done: set[str] = set()
    while not ctx.offline:
        rows_ = [row for row in outbox.spool(ctx).rows() if row.entry.key in job.keys]
        untried = [row for row in rows_ if row.state.phase == QUEUED and row.entry.id not in done]
        if not untried:
            return
        soonest = min(row.state.next_try for row in untried)
        if soonest > ctx.clock():
            pause(soonest - ctx.clock())
        reports = outbox.run(ctx, job.accounts, everything=False)
        tried = [report for report in reports if report.row.entry.key in job.keys]
        yield from tried
        done.update(report.row.entry.id for report in tried)
        if not tried:
            return  # another mailcli is sending them, or the server is away
