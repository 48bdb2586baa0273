"""What a run over an account did, of either protocol."""

from __future__ import annotations


class Tally:
    """Counts as they grow: messages that came, changed flags here, went, and that the server was
    told about; octets of the messages that came. With POP3 `gone` were deleted on the server, and
    `pushed` are those of them that had been purged here. `bodies` came for messages whose header was
    here. `problems` are faults of single folders or messages that did not stop the run, `notices` what
    the user should know though nothing failed.
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
