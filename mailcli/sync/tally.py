"""What a run over an account did, of either protocol."""

from __future__ import annotations

from mailcli.model.record import NamedTuple


class FolderPlan(NamedTuple):
    """What a run would do with one folder; counts as in `Tally`."""

    name: str
    new: int = 0
    changed: int = 0
    gone: int = 0
    pushed: int = 0


class Tally:
    """Counts as they grow: messages that came, changed flags here, went, and that the server was
    told about; octets of the messages that came. With POP3 `gone` were deleted on the server, and
    `pushed` are those of them that had been purged here. `bodies` came for messages whose header was
    here. `problems` are faults of single folders or messages that did not stop the run; `notices` are
    no faults, but for the user to know. `plan` is what a dry run of IMAP found out, by folder.
    """

    def __init__(self) -> None:
        self.new = 0
        self.changed = 0
        self.gone = 0
        self.pushed = 0
        self.octets = 0
        self.problems: list[str] = []
        self.bodies = 0
        self.notices: list[str] = []
        self.plan: list[FolderPlan] = []
