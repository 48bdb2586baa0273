"""The redacted wire log of `--transcript`."""

from __future__ import annotations


class Trace:
    """One connection's part of a transcript."""

    def sent(self, data: bytes) -> None: ...
    def received(self, data: bytes) -> None: ...
    def note(self, text: str) -> None: ...
    def hide(self, *secrets: str) -> None: ...


class Transcript:
    def connection(self, label: str, protocol: str) -> Trace:
        return Trace()
