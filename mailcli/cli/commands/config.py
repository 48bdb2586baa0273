"""`mailcli config`."""

from __future__ import annotations

from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Group
from mailcli.cli.views.places import PATHS

_KEY = Argument("key", "KEY", "Like default_account or accounts.work.email.")


def get(session: Session, key: str) -> None:
    from mailcli.app import configuring

    session.out.value(configuring.get(session.ctx, key))


def set_(session: Session, key: str, value: str) -> None:
    from mailcli.app import configuring

    configuring.set(session.ctx, key, value)


def edit(session: Session) -> None:
    from mailcli.app import configuring
    from mailcli.cli.ask import confirm
    from mailcli.cli.editor import edit as run_editor
    from mailcli.errors import ConfigError, UsageError

    if not session.can_ask:
        raise UsageError(
            "config edit needs a terminal", hint="mailcli config set KEY VALUE works without one"
        )
    path = configuring.prepare(session.ctx)
    while True:
        run_editor(session.streams, path)
        session.ctx.reload()
        try:
            _ = session.ctx.config
            return
        except ConfigError as error:
            if not confirm(session.streams, f"{error.message}. Edit again?", default=True):
                raise


def path(session: Session) -> None:
    session.out.show(PATHS, (session.ctx.paths.config,))


def schema(session: Session) -> None:
    from json import dumps

    from mailcli.cli.schema import published

    session.out.text(dumps(published(), indent=2) + "\n")


COMMAND = Group(
    "config",
    "Read and change the configuration.",
    (
        Command("get", "Print a setting.", get, (_KEY,)),
        Command(
            "set",
            "Change a setting; comments in the file stay.",
            set_,
            (_KEY, Argument("value", "VALUE", "A TOML value, or a word.")),
            examples=(Example("mailcli config set default_account work", "The account for most things."),),
        ),
        Command("edit", "Open the configuration in $EDITOR, and check it afterwards.", edit),
        Command("path", "Print where the configuration is.", path, view=PATHS),
        Command(
            "schema",
            "Print the JSON schemas of the output and of the configuration.",
            schema,
            about='One document: {"output": SCHEMA, "config": SCHEMA}.',
        ),
    ),
    about="The file is described in mailcli-config(5). It is checked whenever it is read.",
)
