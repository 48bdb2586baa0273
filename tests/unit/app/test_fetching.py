"""Fetching several accounts side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.app import fetching
from mailcli.app.context import Context

ACCOUNT = '[accounts.{0}]\nemail = "a@{0}.test"\n[accounts.{0}.imap]\nhost = "imap.{0}.test"\n'


def test_a_bug_in_a_thread_is_the_account_s_error_and_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text(ACCOUNT.format("one") + ACCOUNT.format("two"))

    def broken(*_: object) -> fetching.FetchReport:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(fetching, "_imap", broken)
    ctx = Context.open(profile=tmp_path, environ={"HOME": str(tmp_path)})
    reports = fetching.fetch(ctx, fetching.FetchRequest())
    ctx.close()
    for report in reports:
        assert report.error is not None
        assert report.error.exit_code == 70
        assert report.error.message == f"{report.account}: a bug: ZeroDivisionError: a bug"
        assert isinstance(report.error.__cause__, ZeroDivisionError)
