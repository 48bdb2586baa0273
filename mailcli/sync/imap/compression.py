"""Whether a connection is compressed (RFC 4978): where the line is slower than the compressing pays.

Measured on generated mail: deflating costs the server 25 ms of processor time for a megabyte and halves
it, inflating costs us 4 ms. At 4 MB/s a megabyte is then 125 ms sooner here, four times what it costs;
on a fast line compression is a loss.
"""

from __future__ import annotations

from typing import Final

from mailcli.model.account import Endpoint
from mailcli.store.store import Store
from mailcli.sync.imap.server import Server
from mailcli.wire.imap import commands as imap

PAYS_BELOW: Final = 4_000_000
"""Octets a second that the line carries."""
TELLING: Final = 1 << 20
"""Octets received that tell how fast the line is; round trips blur what less of them take."""
WORTH: Final = 256 << 10
"""Octets to come that are worth the round trip of switching it on."""


class Line:
    """How fast the way to one server is, as octets on the wire a second, remembered between runs."""

    def __init__(self, store: Store, endpoint: Endpoint) -> None:
        self._store = store
        self._endpoint = endpoint
        self._setting = f"imap.rate.{endpoint.label}"
        self._remembered: int | None = None
        self._octets = 0
        self._seconds = 0.0

    def note(self, octets: int, seconds: float) -> None:
        """So many more octets have come, and we did nothing but wait for them so long."""
        self._octets += octets
        self._seconds += seconds

    @property
    def rate(self) -> int:
        """Octets a second; 0 while it is not known."""
        if self._octets >= TELLING and self._seconds > 0:
            return int(self._octets / self._seconds)
        if self._remembered is None:
            text = self._store.setting(self._setting) or ""
            self._remembered = int(text) if text.isdigit() else 0
        return self._remembered

    def remember(self) -> None:
        """Keep what was measured for the next run, if it tells something new."""
        measured = self.rate
        text = self._store.setting(self._setting) or "0"
        before = int(text) if text.isdigit() else 0
        if self._octets >= TELLING and not 0.8 * before < measured < 1.25 * before:
            self._store.put_setting(self._setting, str(measured))

    def compress(self, server: Server, expected: int | None = None) -> None:
        """Turn compression on if the account wants it, or leaves it to us and it pays. `expected` are
        octets to come (None: many)."""
        policy = self._endpoint.compress
        slow = 0 < self.rate < PAYS_BELOW and (expected is None or expected >= WORTH)
        if server.compressed or not server.has("COMPRESS=DEFLATE"):
            return
        if policy == "always" or (policy == "auto" and slow):
            _, answers = server.try_each(imap.Compress())
            server.compressed = answers[0].ok
