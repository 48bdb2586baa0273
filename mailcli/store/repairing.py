"""Putting right what `check` finds out of step, with nothing made up and no file touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailcli.errors import LocalIOError
from mailcli.store import fulltext, index, location, rebuild, scanning
from mailcli.store.site import Site
from mailcli.store.sql import chunks, marks, rows
from mailcli.store.values import Problem

if TYPE_CHECKING:
    import apsw


def repair(site: Site) -> list[Problem]:
    """See Store.repair."""
    before = rebuild.check(site)
    kinds = {problem.kind for problem in before}
    if kinds & {"database", "not-mounted"}:
        return before  # what looks lost may only be out of sight
    if "incomplete" in kinds:
        rebuild.rebuild(site, None)
    if "unknown-file" in kinds or "missing-file" in kinds:
        _scan(site)
    lost = [p.id for p in rebuild.check(site) if p.kind == "missing-file"]
    with site.database.writing() as connection:
        for some in chunks(lost):
            _let_go(connection, some)
        for (rid,) in rows(connection, "SELECT rowid FROM fts WHERE rowid NOT IN (SELECT rid FROM message)"):
            fulltext.remove(connection, rid)
        connection.execute(
            "UPDATE message SET thread = (SELECT r.thread FROM thread_ref r"
            " WHERE r.message_id = message.message_id) WHERE rid IN"
            f" (SELECT m.rid {rebuild.ASTRAY})"
        )
    rebuild.index_missing(site)
    left = {_key(problem) for problem in rebuild.check(site)}
    return [problem._replace(repaired=_key(problem) not in left) for problem in before]


def _key(problem: Problem) -> tuple[str, str, str]:
    return problem.kind, problem.id, problem.path


def _scan(site: Site) -> None:
    """Adopt files without rows, and find those that only have another name now."""
    with site.database.reading() as connection:
        keys = sorted(location.homes(connection))
    for key in keys:
        try:
            scanning.scan(site, key, force=True)
        except LocalIOError:
            continue  # the folder's own problem is among those that stay


def _let_go(connection: apsw.Connection, ids: Sequence[str]) -> None:
    """Rows whose files are gone. What the server has is a message without a body again, which comes when
    it is read; of any other nothing is left that could be read, so that its row goes."""
    connection.execute(
        "UPDATE message SET file = NULL, missing_since = NULL"
        f" WHERE at_folder IS NOT NULL AND uid IS NOT NULL AND id IN ({marks(ids)})",
        ids,
    )
    for (rid,) in rows(
        connection, f"SELECT rid FROM message WHERE file IS NOT NULL AND id IN ({marks(ids)})", ids
    ):
        index.remove(connection, rid)
