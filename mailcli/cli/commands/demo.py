"""`mailcli demo`."""

from __future__ import annotations

from mailcli.cli.session import Session
from mailcli.cli.spec import Command, Example, Option


def run(session: Session, script: bool) -> int:
    from mailcli.app import demonstration

    return demonstration.run(session.ctx, script=script, say=session.out.text)


COMMAND = Command(
    "demo",
    "Try mailcli in a mail world of its own on this machine.",
    run,
    options=(Option(("--script",), "Run through the commands without a hand, and print what happens."),),
    about="""
    Mail servers of its own are started on the loopback interface, with a fresh profile and some mail, and
    a shell is opened in which mailcli works with them. Nothing of yours is touched; all is gone when the
    shell ends.
    """,
    examples=(Example("mailcli demo --script", "A tour of a few seconds, also a test of the installation."),),
)
