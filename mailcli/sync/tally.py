"""What a run over an account did, of either protocol."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts as they grow: messages that came, changed flags here, went, and that the server was
    told about; octets of the messages that came. With POP3 `gone` were deleted on the server, and
    `pushed` are those of them that had been purged here. `bodies` came for messages whose header was
    here. `problems` are faults of single folders or messages that did not stop the run, `notices` what
    the user should know though nothing failed.
    """

    new: int = 0
    changed: int = 0
    gone: int = 0
    pushed: int = 0
    octets: int = 0
    bodies: int = 0
    notices: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
