"""Cancelling: seen by whoever looks, before or after the descriptor is made."""

from __future__ import annotations

import select
import threading

import pytest

from mailcli.errors import Interrupted
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines


def readable(token: CancelToken) -> bool:
    return bool(select.select([token], [], [], 0)[0])


def test_a_token_is_quiet_until_it_is_cancelled() -> None:
    token = CancelToken()
    token.check()
    assert not readable(token)
    token.cancel()
    token.cancel()
    assert token.cancelled
    assert readable(token)
    with pytest.raises(Interrupted) as caught:
        token.check()
    assert caught.value.exit_code == 130


def test_a_token_cancelled_before_it_is_polled_is_readable() -> None:
    token = CancelToken()
    token.cancel()
    assert readable(token)


def test_cancelling_while_the_descriptor_is_made_is_never_lost() -> None:
    for _ in range(200):
        token = CancelToken()
        thread = threading.Thread(target=token.cancel)
        thread.start()
        token.fileno()
        thread.join()
        assert readable(token)
        token.close()


def test_a_closed_token_can_still_be_cancelled_and_closed() -> None:
    token = CancelToken()
    token.fileno()
    token.close()
    token.cancel()
    token.close()
    assert token.cancelled


def test_the_end_of_the_run_bounds_every_phase() -> None:
    usual = Deadlines()
    assert usual.until(10) > usual.within(5).until(10)
    assert "deadline of this run" in usual.within(0).expired("h:1", "connecting", 30).message
    assert usual.expired("h:1", "connecting", 30).message == "h:1: connecting took longer than 30 seconds"


def test_a_child_is_cancelled_with_its_parent_and_alone_without_it() -> None:
    parent = CancelToken()
    first, second = parent.child(), parent.child()
    first.cancel()
    assert (first.cancelled, second.cancelled, parent.cancelled) == (True, False, False)
    parent.cancel()
    assert second.cancelled
    assert parent.child().cancelled
