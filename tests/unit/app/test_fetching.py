"""Fetching several accounts side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.app import fetching
from mailcli.app.context import Context

ACCOUNT = '[accounts.{0}]\nemail = "a@{0}.test"\n[accounts.{0}.imap]\nhost = "imap.{0}.test"\n'


def test_what_breaks_in_a_thread_is_raised_and_not_taken_for_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text(ACCOUNT.format("one") + ACCOUNT.format("two"))

    def broken(*_: object) -> fetching.FetchReport:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(fetching, "_fetch_one", broken)
    ctx = Context.open(profile=tmp_path, environ={"HOME": str(tmp_path)})
    with pytest.raises(ZeroDivisionError):
        fetching.fetch(ctx, fetching.FetchRequest())
    ctx.close()
