"""Drafts on a real IMAP server."""

from __future__ import annotations

import pytest

from mailcli.app import drafts, preparing
from mailcli.app.preparing import SendRequest
from mailcli.errors import LocalIOError
from mailcli.store.store import Store
from tests.integration.conftest import Profile


def written(profile: Profile, text: str) -> str:
    request = SendRequest(to=["bob@else.test"], subject="draft", text=text)
    return drafts.save(profile.ctx, preparing.drafted(profile.ctx, request))


def test_a_draft_is_on_the_server_at_once_and_the_old_one_goes_after_the_new_one(
    sending: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = sending
    profile.fetch()
    first = written(profile, "one")
    (row,) = drafts.listed(profile.ctx)
    on_server = profile.server.flags(profile.user, row.folder)
    assert len(on_server) == 1 and "\\Draft" in str(on_server)
    again = drafts.opened(profile.ctx, first)

    def full(*_: object, **__: object) -> None:
        raise LocalIOError("the disk is full")

    with monkeypatch.context() as broken, pytest.raises(LocalIOError):
        broken.setattr(Store, "deliver", full)
        drafts.save(profile.ctx, again._replace(text="two"), replacing=first)
    assert [row.id for row in drafts.listed(profile.ctx)] == [first], "without a new one the old one stays"
    second = drafts.save(profile.ctx, again._replace(text="two"), replacing=first)
    assert [row.id for row in drafts.listed(profile.ctx)] == [second]
    assert len(profile.server.flags(profile.user, row.folder)) == 1
    assert drafts.opened(profile.ctx, second).text == "two\n"
    profile.in_step()
