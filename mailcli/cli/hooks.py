"""The hooks of the configuration, and what `watch --exec` runs: which command, and what it is told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.cli import failure
from mailcli.cli.session import Session
from mailcli.cli.views.fetches import FETCHES
from mailcli.cli.views.messages import MESSAGES, date
from mailcli.cli.views.view import View, address_text
from mailcli.errors import PartialFailure
from mailcli.model import printable

if TYPE_CHECKING:
    from mailcli.app.fetching import FetchReport
    from mailcli.cli.shell import ShellTemplate
    from mailcli.model.account import Hooks
    from mailcli.model.message import Summary

_MOST_IDS: Final = 10_000
"""What fits into one variable; the document on stdin has them all."""


def after_fetch(session: Session, reports: Sequence[FetchReport]) -> None:
    """Run the hooks of the accounts that were fetched: each command once for all accounts that have
    it. No lock is held. A failing hook is told, and changes nothing else."""
    reports = [report for report in reports if not report.locked]
    for command, group in _by_command(session, reports, lambda hooks: hooks.new_mail):
        messages = [row for report in group for row in report.arrived]
        if messages:
            ids = " ".join(row.id for row in messages[:_MOST_IDS])
            variables = {"MAILCLI_IDS": ids, "MAILCLI_COUNT": str(len(messages))}
            _run_hook(session, "new_mail", command, group, MESSAGES, messages, variables)
    for command, group in _by_command(session, reports, lambda hooks: hooks.after_fetch):
        variables = {"MAILCLI_NEW": str(sum(report.new for report in group))}
        _run_hook(session, "after_fetch", command, group, FETCHES, group, variables)


def run_for(session: Session, template: ShellTemplate, row: Summary) -> bool:
    """Run the command of --exec for one message; whether it went well."""
    variables = {
        "MAILCLI_ID": row.id,
        "MAILCLI_ACCOUNT": row.account,
        "MAILCLI_FOLDER": row.folder,
        "MAILCLI_FROM": address_text(row.sender[0]) if row.sender else "",
        "MAILCLI_SUBJECT": row.subject,
        "MAILCLI_DATE": date(row),
        "MAILCLI_MESSAGE_ID": row.message_id,
    }
    document = _document(MESSAGES, [row])[0] + "\n"
    return _run(
        session, f"the command for {row.id}", template.script, template.parameters(row), document, variables
    )


def _by_command(
    session: Session, reports: Iterable[FetchReport], of: Callable[[Hooks], str]
) -> list[tuple[str, list[FetchReport]]]:
    groups: dict[str, list[FetchReport]] = {}
    for report in reports:
        account = session.ctx.config.accounts.get(report.account)
        if account is not None and (command := of(account.hooks)):
            groups.setdefault(command, []).append(report)
    return list(groups.items())


def _run_hook(
    session: Session,
    name: str,
    command: str,
    group: Sequence[FetchReport],
    view: View,
    rows: Sequence[Any],
    variables: Mapping[str, str],
) -> None:
    document = "[" + ",\n".join(_document(view, rows)) + "]\n"
    accounts = {"MAILCLI_ACCOUNT": " ".join(report.account for report in group)}
    _run(session, f"the hook {name}", command, (), document, {**accounts, **variables})


def _document(view: View, rows: Iterable[Any]) -> list[str]:
    from mailcli.cli import printers

    return [printers.json_line(view, row) for row in rows]


def _run(
    session: Session,
    what: str,
    script: str,
    parameters: Sequence[str],
    document: str,
    variables: Mapping[str, str],
) -> bool:
    from mailcli.app import hooks

    session.end_progress()
    session.streams.flush()  # before the command's own output
    told = {name: printable.line(value) for name, value in variables.items()}
    if session.options.profile:  # the mailcli that it calls is to find the same mail
        told["MAILCLI_PROFILE"] = os.path.dirname(session.ctx.paths.config)  # noqa: PTH120
    problem = hooks.run(session.ctx, script, parameters, document.encode("utf-8", "replace"), told)
    if problem:
        failure.tell(session.streams, session.options, PartialFailure(f"{what} {problem}"))
    return not problem
