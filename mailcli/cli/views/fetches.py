"""What a fetch reports."""

from __future__ import annotations

from typing import Any, Final

from mailcli.cli.views.view import Field, Look, View
from mailcli.model import printable


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
