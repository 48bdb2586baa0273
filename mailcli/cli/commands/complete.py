"""`mailcli __complete`: what the completion files ask for. Not for people; see `completion`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command
from mailcli.model import printable

KINDS = ("accounts", "folders", "ids", "addresses", "changes", "queries")


def run(session: Session, kind: str, prefix: str | None) -> None:
    """One candidate a line, `value TAB description`. Any trouble: none, and silence."""
    from mailcli.app import completing
    from mailcli.errors import MailcliError

    offers: Callable[..., Iterable[tuple[str, str]]] | None = getattr(completing, kind, None)
    if kind not in KINDS or offers is None:
        return
    try:
        session.out.text("".join(_lines(offers(session.ctx), prefix or "")))
    except MailcliError:
        return


def _lines(offers: Iterable[tuple[str, str]], prefix: str) -> Iterator[str]:
    """Those that begin with the prefix, in any case, and fit on a line as they are."""
    start = prefix.lower()
    for value, says in offers:
        if value.lower().startswith(start) and value == printable.line(value):
            yield f"{value}\t{printable.line(says)[:60]}\n"


COMMAND = Command(
    "__complete",
    "Answer a completion file (for shells).",
    run,
    arguments=(Argument("kind", "KIND"), Argument("prefix", "PREFIX", required=False)),
)
