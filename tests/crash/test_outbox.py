"""The outbox is killed at every step, while a message is queued and while the queue is sent. The server is
asked what it has accepted: nothing is lost, and nothing is sent twice by itself."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from mailcli.app import outbox, preparing
from mailcli.app.context import Context
from mailcli.errors import MailcliError
from tests.crash.test_delivery import _killed_at
from tests.security.scripted import Smtp, account

LETTERS = 3


def context(root: Path) -> Context:
    return Context.open(profile=root, notice=lambda text: None, environ={"HOME": "/proc/nonexistent"})


def enqueue(root: Path, number: int, **words: object) -> str:
    ctx = context(root)
    prepared = preparing.prepare(
        ctx, preparing.SendRequest(to=["a@b.example"], subject=f"letter {number}", text="x\n")
    )
    entry = outbox.entry(prepared, ctx.clock(), **words)  # type: ignore[arg-type]
    outbox.enqueue(ctx, entry)
    ctx.close()
    return prepared.message_id


def flush(root: Path) -> None:
    ctx = context(root)
    with suppress(MailcliError):
        outbox.run(ctx)
    ctx.close()


def accepted(server: Smtp) -> Counter[bytes]:
    lines = (line for taken in server.taken for line in taken.split(b"\r\n"))
    return Counter(line for line in lines if line.startswith(b"Subject:"))


def profile(root: Path, server: Smtp) -> None:
    account(root, smtp=server.port)
    config = root / "config.toml"
    smtp = "[accounts.test.smtp]"
    config.write_text(config.read_text().replace(smtp, f"save_sent = false\n{smtp}"))


def test_a_message_whose_queueing_was_killed_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    step = whole = 0
    while True:
        step += 1
        root = tmp_path / str(step)
        with Smtp() as server:
            profile(root, server)

            def work(root: Path = root) -> None:
                enqueue(root, 1)

            killed = _killed_at(step, work)
            flush(root)
            assert len(server.taken) in ((0, 1) if killed else (1,))
            whole += killed and len(server.taken) == 1
            flush(root)
            assert len(server.taken) <= 1
        if not killed:
            break
    assert step > 5 and whole >= 1


@pytest.mark.parametrize("on_unknown", ["hold", "retry"])
def test_a_run_killed_at_any_step_loses_nothing_and_doubles_only_what_the_user_allowed(
    tmp_path: Path, on_unknown: str
) -> None:
    step = unknown = 0
    while True:
        step += 1
        root = tmp_path / str(step)
        with Smtp() as server:
            profile(root, server)
            for n in range(LETTERS):
                enqueue(root, n, on_unknown=on_unknown)

            def work(root: Path = root) -> None:
                flush(root)

            killed = _killed_at(step, work)
            flush(root)
            flush(root)
            ctx = context(root)
            held = {row.entry.subject: row.word for row in outbox.listed(ctx)}
            ctx.close()
            counts = accepted(server)
            for n in range(LETTERS):
                times = counts[b"Subject: letter %d" % n]
                word = held.get(f"letter {n}", "")
                assert word in ("", "unknown"), held
                assert times or word == "unknown", f"letter {n} is lost (step {step})"
                assert times <= (1 if on_unknown == "hold" else 2), f"letter {n} twice (step {step})"
                unknown += word == "unknown" or times == 2
            assert on_unknown == "hold" or not held
        if not killed:
            assert held == {} and set(counts.values()) == {1}
            break
    assert step > 15
    assert unknown or on_unknown == "retry", "no cut fell behind a commitment: the test shows nothing"
