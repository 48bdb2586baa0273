"""`mailcli completion`."""

from __future__ import annotations

from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example
from mailcli.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


def run(session: Session, shell: str) -> None:
    from mailcli.cli.completion import script

    if shell not in SHELLS:
        raise UsageError(f"completion: there is nothing for {shell!r}", hint=f"one of {', '.join(SHELLS)}")
    session.out.text(script(shell))


COMMAND = Command(
    "completion",
    "Print the completion file of a shell.",
    run,
    arguments=(Argument("shell", "bash|zsh|fish", "The shell.", complete="shells"),),
    about="""
    Commands and options are completed, and from the local mailbox accounts, folders, addresses and the
    ids of recent messages. Nothing is asked of a server.
    """,
    examples=(
        Example("mailcli completion bash > ~/.local/share/bash-completion/completions/mailcli", "For bash."),
        Example("mailcli completion zsh > ~/.zfunc/_mailcli", "For zsh, in a directory of its fpath."),
        Example("mailcli completion fish > ~/.config/fish/completions/mailcli.fish", "For fish."),
    ),
)
