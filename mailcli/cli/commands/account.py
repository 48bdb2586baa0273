"""`mailcli account`."""

from __future__ import annotations

from typing import Any

from mailcli.cli import failure
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Group, Option
from mailcli.cli.views.accounts import ACCOUNT, ACCOUNTS, ADDED, CHECKS, Shown

_NAME = Argument("name", "ACCOUNT", complete="accounts")
_TLS = ("implicit", "starttls", "none")


def list_(session: Session) -> None:
    from mailcli.app.quota import quota

    config = session.ctx.config
    shown = [Shown(a, a.name == config.default, quota(session.ctx, a.name)) for a in config.accounts.values()]
    session.out.show(ACCOUNTS, shown)


def show(session: Session, name: str | None) -> None:
    from mailcli.app.quota import quota

    config = session.ctx.config
    account = config.account(name or session.options.account)
    usage = quota(session.ctx, account.name)
    session.out.show(ACCOUNT, (Shown(account, account.name == config.default, usage),))


def add(session: Session, address: str, **answers: Any) -> int:
    from mailcli.cli.wizard import add as add_account

    added = add_account(session, address, answers)
    session.out.show(ADDED, (added,), quiet=True)
    if added.account.incoming is None or not session.can_ask:
        return 0
    from mailcli.cli.ask import confirm
    from mailcli.cli.commands.fetch import COMMAND as FETCH

    if not confirm(session.streams, "Fetch its mail now?", default=True):
        return 0
    return FETCH.run(session, **{**FETCH.absent, "accounts": (added.account.name,)}) or 0


def check(session: Session, names: tuple[str, ...]) -> int:
    from mailcli.app import accounts

    checks = accounts.check(session.ctx, names)
    session.end_progress()
    session.out.show(CHECKS, checks, show=session.out.colour)
    return failure.combined(c.code for c in checks)


def default(session: Session, name: str) -> None:
    from mailcli.app import accounts

    accounts.set_default(session.ctx, name)


def remove(session: Session, name: str, yes: bool) -> None:
    from mailcli.app import accounts

    if not yes and session.can_ask:
        from mailcli.cli.ask import confirm
        from mailcli.errors import Interrupted

        if not confirm(session.streams, f"Remove the account {name} and its mail on this machine?"):
            raise Interrupted("nothing was changed")
    accounts.remove(session.ctx, name)


def _endpoint(protocol: str, label: str) -> tuple[Option, ...]:
    p = f"--{protocol}"
    return (
        Option((f"{p}-host",), f"The {label} server.", "text", "HOST"),
        Option((f"{p}-port",), "Its port, if it is not the usual one.", "integer", "PORT"),
        Option((f"{p}-tls",), "How the connection is protected.", "choice", choices=_TLS),
        Option((f"{p}-user",), f"The user name for {label}, where it differs.", "text", "USER"),
        Option((f"{p}-password-command",), f"The password command for {label}.", "text", "COMMAND"),
        Option((f"{p}-password-file",), f"The password file for {label}.", "text", "FILE", complete="files"),
        Option((f"{p}-password-env",), f"The password variable for {label}.", "text", "NAME"),
    )


COMMAND = Group(
    "account",
    "Add, show, check and remove accounts.",
    (
        Command(
            "add",
            "Add an account.",
            add,
            (Argument("address", "ADDRESS", "The mail address."),),
            (
                Option(("--name",), "What to call the account; else the domain's first word.", "text", "KEY"),
                Option(("--full-name",), "Your name, for From.", "text", "NAME"),
                *_endpoint("imap", "IMAP"),
                *_endpoint("pop3", "POP3"),
                Option(
                    ("--pop3-leave",),
                    "What a download leaves on the server: keep (all), delete, or a number of days.",
                    "text",
                    "keep|delete|DAYS",
                ),
                *_endpoint("smtp", "SMTP"),
                Option(("--user",), "The user name for all servers; else the address.", "text", "USER"),
                Option(("--password-command",), "A command that prints the password.", "text", "COMMAND"),
                Option(
                    ("--password-file",),
                    "A file with the password, mode 0600.",
                    "text",
                    "FILE",
                    complete="files",
                ),
                Option(("--password-stdin",), "Read the password from stdin, and keep it in the keyring."),
                Option(("--password-env",), "An environment variable with the password.", "text", "NAME"),
                Option(
                    ("--ca-file",), "Trust this certificate authority too.", "text", "FILE", complete="files"
                ),
                Option(("--no-check",), "Do not sign in to try it."),
            ),
            about="""
            On a terminal the servers are looked up in DNS, shown and asked for; the password is asked for and
            kept in the keyring. Off a terminal every answer is an option, and nothing is asked. A password
            is never an option's value: of a password file only the path is kept. The logins are tried before
            anything is written.

            An account may have an incoming server (IMAP or POP3), one for sending, or both. The first
            account is the default.
            """,
            examples=(
                Example("mailcli account add alice@example.org", "Looks everything up, and asks."),
                Example(
                    "mailcli account add ops@example.org --smtp-host mx.example.org --password-file ~/pw",
                    "An account that only sends.",
                ),
            ),
            view=ADDED,
        ),
        Command("list", "List the accounts.", list_, view=ACCOUNTS),
        Command(
            "show",
            "Show one account; never its password.",
            show,
            (Argument("name", "ACCOUNT", required=False, complete="accounts"),),
            about="How full the mailbox on the server is comes from the last fetch (IMAP, where it tells).",
            view=ACCOUNT,
        ),
        Command(
            "check",
            "Connect and sign in, and say what worked.",
            check,
            (
                Argument(
                    "names",
                    "ACCOUNT",
                    "All, if none is named.",
                    many=True,
                    required=False,
                    complete="accounts",
                ),
            ),
            view=CHECKS,
        ),
        Command("default", "Make an account the default one.", default, (_NAME,)),
        Command(
            "remove",
            "Remove an account, and its mail from this machine.",
            remove,
            (_NAME,),
            (Option(("-y", "--yes"), "Do not ask."),),
            about="Nothing is deleted on a server.",
        ),
    ),
)
