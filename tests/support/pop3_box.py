"""An account at a scripted maildrop, fetched in this process."""

from __future__ import annotations

from pathlib import Path

from mailcli.app.context import Context
from mailcli.app.fetching import FetchReport, FetchRequest, fetch
from mailcli.store.store import Store
from tests.support.maildrop import PASSWORD, Maildrop

KEEP = FetchRequest()
DELETE = FetchRequest(leave="delete")


class Box:
    """An account at a maildrop, used through the application layer."""

    def __init__(self, directory: Path, drop: Maildrop, settings: str = "") -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.drop = drop
        self.notices: list[str] = []
        secret = directory / "password"
        secret.touch(mode=0o600)
        secret.write_text(PASSWORD)
        self.now = 1_700_000_000.0
        self.set(settings)

    def set(self, settings: str) -> None:
        """Configure the server's table anew."""
        config = self.directory / "config.toml"
        config.touch(mode=0o600)
        config.write_text(
            f'[accounts.box]\nemail = "bob@example.org"\nuser = "bob"\npassword = {{ file = "password" }}\n'
            f'[accounts.box.pop3]\nhost = "127.0.0.1"\nport = {self.drop.port}\ntls = "none"\n{settings}\n'
        )

    def context(self) -> Context:
        ctx = Context.open(profile=self.directory, notice=self.notices.append, environ={})
        ctx.clock = lambda: self.now
        return ctx

    def report(self, request: FetchRequest = KEEP) -> FetchReport:
        self.drop.settled()
        self.drop.heard.clear()
        self.drop.retrieved.clear()
        ctx = self.context()
        try:
            (report,) = fetch(ctx, request)
        finally:
            ctx.close()
        self.drop.settled()
        return report

    def fetch(self, request: FetchRequest = KEEP) -> FetchReport:
        report = self.report(request)
        if report.error is not None:
            raise report.error
        return report

    @property
    def store(self) -> Store:
        return Store(self.directory / "data", self.directory / "state")

    def subjects(self) -> list[str]:
        with self.store as store:
            keys = [folder.key for folder in store.folders("box")]
            return sorted(row.subject for row in store.summaries(folders=keys).rows)

    def states(self) -> dict[tuple[str, int], str]:
        with self.store as store:
            return {key: row.state for key, row in store.pop3_known("box").items()}
