"""Saved queries: `[queries]` of the configuration, a name and a text each.

They are kept there and not in the mailbox's database because a person writes them: they can be edited,
commented and taken along with the other settings, and no mailbox that is made anew forgets them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mailcli.app.context import Context
from mailcli.errors import NotFound, QueryError, UsageError
from mailcli.model.record import NamedTuple


class SavedQuery(NamedTuple):
    """`problem` says why the text cannot be searched for, "" if it can."""

    name: str
    query: str
    problem: str = ""


def saved(ctx: Context) -> list[SavedQuery]:
    """All of them, in the order of the file."""
    return [SavedQuery(name, text, _problem(ctx, name)) for name, text in ctx.config.queries.items()]


def _problem(ctx: Context, name: str) -> str:
    try:
        _check(ctx, name, ctx.config.queries[name])
    except QueryError as error:
        return error.message
    return ""


def save(ctx: Context, name: str, words: Sequence[str]) -> SavedQuery:
    """Keep a query under a name, in place of what had it; with `-A` it names that account.

    Raises UsageError for a name that `query:` could not be followed by, QueryError for a query that does
    not parse or contains itself; nothing is written then.
    """
    if not name or not name.isprintable() or any(c.isspace() or c in '"(){}*' for c in name):
        raise UsageError(
            f'"{name}" is no name for a query',
            hint='a name has no spaces, quotes, stars and brackets: "boss"',
        )
    text = " ".join(words)
    within = _account(ctx)
    if within:
        text = f'account:"{within}" ({text})' if text.strip() else f'account:"{within}"'
    _check(ctx, name, text)
    from mailcli.accounts import edit

    edit.set_value(Path(ctx.paths.config), _key(name), text)
    ctx.reload()
    return SavedQuery(name, text)


def delete(ctx: Context, name: str) -> SavedQuery:
    """Forget a saved query. Raises NotFound."""
    text = ctx.config.queries.get(name)
    if text is None:
        from mailcli.model.query.fields import suggestion

        near = suggestion(name, ctx.config.queries)
        hint = f"did you mean {near}?" if near else "`mailcli query list` shows them"
        raise NotFound(f'there is no saved query "{name}"', hint=hint)
    from mailcli.accounts import edit

    edit.set_value(Path(ctx.paths.config), _key(name), None)
    ctx.reload()
    return SavedQuery(name, text)


def _account(ctx: Context) -> str:
    from mailcli.model.account import LOCAL

    if ctx.account is None or ctx.account == "all":
        return ""
    return LOCAL if ctx.account == LOCAL else ctx.chosen_account().name


def _check(ctx: Context, name: str, text: str) -> None:
    """Raises QueryError; a query that leads back to itself is found on the way."""
    from mailcli.model.query.parse import parse

    parse(text, now=ctx.clock(), saved={**ctx.config.queries, name: text})


def _key(name: str) -> str:
    import json

    return f"queries.{json.dumps(name, ensure_ascii=False)}"  # a basic string of TOML
