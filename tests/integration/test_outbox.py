"""The outbox through a real Postfix: what is queued is durable, sent once, and told truly."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.app import holding, outbox, preparing, sending
from mailcli.app.once import once
from mailcli.app.preparing import Prepared, SendRequest
from mailcli.app.sending import Delivery
from mailcli.errors import (
    Interrupted,
    LocalIOError,
    Locked,
    MessageMalformed,
    OutcomeUnknown,
    RecipientRefused,
    TryAgain,
    Unreachable,
)
from mailcli.model.draft import Sent
from mailcli.outbox.entry import COMMITTING, SENT, State
from mailcli.store import disk
from tests.integration.conftest import Profile
from tests.support.crash import children
from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix
from tests.support.program import Program
from tests.support.proxy import Cut, Proxy


@pytest.fixture
def sending_profile(make_profile: Callable[..., Profile], postfix: Postfix) -> Profile:
    return make_profile(postfix=postfix)


def letter(profile: Profile, subject: str = "s", to: str = "", text: str = "text\n") -> Prepared:
    address = to or profile.server.address(profile.user)
    return preparing.prepare(profile.ctx, SendRequest(to=[address], subject=subject, text=text))


def queue(profile: Profile, prepared: Prepared, **more: object) -> str:
    entry = outbox.entry(prepared, profile.ctx.clock(), **more)  # type: ignore[arg-type]
    return outbox.enqueue(profile.ctx, entry).entry.id


def words(profile: Profile) -> dict[str, str]:
    return {row.entry.subject: row.word for row in outbox.listed(profile.ctx)}


def accepted(postfix: Postfix, prepared: Prepared) -> int:
    return sum(e.message_id == prepared.message_id for e in postfix.accepted())


def test_a_queue_goes_out_over_one_connection_a_round_trip_a_message(
    make_profile: Callable[..., Profile], postfix: Postfix
) -> None:
    with Proxy(postfix.submissions) as proxy:
        profile = make_profile(postfix=postfix, smtp_port=proxy.port, settings="save_sent = false")
        one = letter(profile, "alone")
        sending.deliver(profile.ctx, one, Delivery())
        (alone,) = proxy.take(1)
        letters = [letter(profile, f"m{n}") for n in range(20)]
        for prepared in letters:
            queue(profile, prepared)
        reports = outbox.run(profile.ctx)
        (all_of_them,) = proxy.take(1)
    assert [report.error for report in reports] == [None] * 20
    assert all_of_them.turns == alone.turns + 19
    for prepared in letters:
        postfix.wait_delivered(prepared.message_id)
    assert words(profile) == {}


def test_a_message_of_a_queue_costs_two_fsyncs(
    make_profile: Callable[..., Profile], postfix: Postfix, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = make_profile(postfix=postfix, settings="save_sent = false")
    for n in range(12):
        queue(profile, letter(profile, f"m{n}"))
    steps: list[tuple[str, str]] = []
    monkeypatch.setattr(disk, "failpoint", lambda name, path: steps.append((name, path)))
    assert [report.error for report in outbox.run(profile.ctx)] == [None] * 12
    assert sum(name.startswith("fsync") for name, _ in steps) <= 2 * 12 + 4
    # The name of an entry has to be gone for good before its state goes.
    for n, (name, path) in enumerate(steps):
        if name == "unlink" and path.endswith(".state") and "/entries/" in path:
            before = steps[:n]
            gone = before.index(("unlink", path.removesuffix(".state")))
            assert any(each == "fsync directory" for each, _ in before[gone:])
    assert list((profile.directory / "data/outbox/entries").iterdir()) == []


def test_a_disk_that_fills_up_while_the_server_answers_makes_no_riddle_of_the_answer(
    make_profile: Callable[..., Profile], postfix: Postfix, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = make_profile(postfix=postfix, settings="save_sent = false")
    first, second = letter(profile, "m0"), letter(profile, "m1")
    ids = [queue(profile, first), queue(profile, second)]

    def full(name: str, path: str) -> None:
        if name == "write" and f"/tmp/{ids[1]}" in path:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "failpoint", full)
    with pytest.raises(LocalIOError):
        outbox.run(profile.ctx)
    monkeypatch.undo()
    assert words(profile) == {"m1": "queued"}
    assert [report.error for report in outbox.run(profile.ctx)] == [None]
    for prepared in (first, second):
        postfix.wait_delivered(prepared.message_id)
        assert accepted(postfix, prepared) == 1


def test_the_copy_in_sent_is_filed_once_and_with_its_bcc(sending_profile: Profile, postfix: Postfix) -> None:
    profile = sending_profile
    request = SendRequest(
        to=[profile.server.address(profile.user)], bcc=["secret@elsewhere.test"], subject="hidden", text="x"
    )
    queue(profile, preparing.prepare(profile.ctx, request))
    outbox.run(profile.ctx)
    (copy,) = profile.rows("Sent")
    assert b"secret@elsewhere.test" in profile.ctx.store.open_bytes(copy.id)
    entry = postfix.wait_delivered(copy.message_id, 2)
    assert "secret@elsewhere.test" in entry.recipients


def test_one_poison_message_does_not_stop_the_others(sending_profile: Profile, postfix: Postfix) -> None:
    profile = sending_profile
    good = [letter(profile, f"good{n}") for n in range(3)]
    queue(profile, good[0])
    queue(profile, letter(profile, "refused", to="no@reject.test"))
    queue(profile, good[1])
    queue(profile, letter(profile, "later", to="x@defer.test"))
    queue(profile, good[2])
    reports = outbox.run(profile.ctx)
    assert [type(r.error) for r in reports] == [
        type(None),
        RecipientRefused,
        type(None),
        TryAgain,
        type(None),
    ]
    for prepared in good:
        postfix.wait_delivered(prepared.message_id)
    assert words(profile) == {"refused": "failed", "later": "queued"}


def test_what_is_queued_waits_while_the_server_is_away(
    make_profile: Callable[..., Profile], postfix: Postfix
) -> None:
    profile = make_profile(postfix=postfix, smtp_port=1)
    sent = outbox.queue(profile.ctx, outbox.entry(letter(profile), profile.ctx.clock()))
    assert sending.failure(sent) is None
    assert [o.outcome for o in sent.recipients] == ["deferred"]
    (row,) = outbox.listed(profile.ctx)
    assert row.word == "queued" and row.state.attempts == 1 and row.state.next_try > profile.ctx.clock()


def test_where_nothing_was_sent_the_mailbox_server_is_left_alone(
    make_profile: Callable[..., Profile], dovecot: Dovecot, postfix: Postfix
) -> None:
    """There is no copy to tell it of; what else waits for it is the next fetch's."""
    profile = make_profile(postfix=postfix, smtp_port=1)
    dovecot.append(profile.user, "INBOX", b"Subject: one\n\none\n")
    profile.fetch()
    program = Program(profile.directory)
    ident = program.run("list", "--ids").good().out.strip()
    program.run("--offline", "flag", ident, "+flagged", "-q").good()
    assert queue(profile, letter(profile))
    done = program.run("outbox", "run")
    assert done.code == 75 and "cannot connect to localhost:1" in done.line
    assert dovecot.flags(profile.user) == {1: frozenset()}


def test_a_wrong_password_pauses_the_account_and_counts_no_try(
    make_profile: Callable[..., Profile], postfix: Postfix
) -> None:
    profile = make_profile(postfix=postfix)
    (profile.directory / "test.password").write_text("wrong\n")
    queue(profile, letter(profile))
    (report,) = outbox.run(profile.ctx)
    assert report.error is not None and report.error.exit_code == 77
    (row,) = outbox.listed(profile.ctx)
    assert (row.word, row.state.attempts) == ("queued", 0)


def test_a_plain_send_that_fails_keeps_nothing(
    make_profile: Callable[..., Profile], postfix: Postfix
) -> None:
    profile = make_profile(postfix=postfix, smtp_port=1)
    with pytest.raises(Unreachable):
        sending.deliver(profile.ctx, letter(profile), Delivery())
    assert words(profile) == {}


def test_a_disk_that_is_full_does_not_stop_the_mail_that_tells_of_it(
    sending_profile: Profile, postfix: Postfix, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(name: str, path: str) -> None:
        if name in ("create", "write", "mkdir"):
            raise OSError(28, "No space left on device", path)

    prepared = letter(sending_profile)
    monkeypatch.setattr(disk, "failpoint", full)
    sent = sending.deliver(sending_profile.ctx, prepared, Delivery())
    monkeypatch.setattr(disk, "failpoint", None)
    assert sending.failure(sent) is None
    postfix.wait_delivered(prepared.message_id)


def lost_answer(profile: Profile, prepared: Prepared, postfix: Postfix, proxy: Proxy) -> Sent:
    """A submission whose answer to the final dot is lost: the octets before it are counted first."""
    sending.deliver(profile.ctx, letter(profile, "counted"), Delivery())
    (whole,) = proxy.take(1)
    # The end of what the server says is the 250 and its TLS close; without them all else is there.
    proxy.cut = Cut("server", whole.down - 70)
    try:
        return sending.deliver(profile.ctx, prepared, Delivery())
    finally:
        proxy.cut = None


def test_a_lost_answer_is_unknown_and_never_sent_again_by_itself(
    make_profile: Callable[..., Profile], postfix: Postfix
) -> None:
    with Proxy(postfix.submissions) as proxy:
        profile = make_profile(postfix=postfix, smtp_port=proxy.port, settings="save_sent = false")
        prepared = letter(profile, "unknown")
        sent = lost_answer(profile, prepared, postfix, proxy)
        assert isinstance(sending.failure(sent), OutcomeUnknown)
        assert words(profile) == {"unknown": "unknown"}
        postfix.wait_delivered(prepared.message_id)  # it had arrived, in fact
        assert outbox.run(profile.ctx) == []
        assert words(profile) == {"unknown": "unknown"} and accepted(postfix, prepared) == 1
        (id,) = [row.entry.id for row in outbox.listed(profile.ctx)]
        holding.retry(profile.ctx, [id])
        (report,) = outbox.run(profile.ctx)
        assert report.error is None and accepted(postfix, prepared) == 2  # the user said so


def test_an_unknown_message_found_in_the_sent_folder_of_the_server_was_sent(
    make_profile: Callable[..., Profile], postfix: Postfix
) -> None:
    profile = make_profile(postfix=postfix, settings="save_sent = false")  # the provider files it
    profile.fetch()
    prepared = letter(profile, "found")
    id = queue(profile, prepared)
    outbox.spool(profile.ctx).set_state(id, State(COMMITTING))
    (report,) = outbox.run(profile.ctx)
    assert isinstance(report.error, OutcomeUnknown) and words(profile) == {"found": "unknown"}
    with profile.server.connect(profile.user) as session:
        session.create("Sent")
    profile.server.append(profile.user, "Sent", prepared.data)
    profile.fetch()
    assert words(profile) == {} and accepted(postfix, prepared) == 0


def test_a_run_killed_after_the_answer_only_files_the_copy(
    sending_profile: Profile, postfix: Postfix
) -> None:
    profile = sending_profile
    outcome = sending.deliver(profile.ctx, letter(profile, "other"), Delivery()).recipients
    prepared = letter(profile, "accepted")
    id = queue(profile, prepared)
    outbox.spool(profile.ctx).set_state(id, State(SENT, 1, outcomes=outcome))
    (report,) = outbox.run(profile.ctx)
    assert report.error is None and words(profile) == {} and accepted(postfix, prepared) == 0
    assert prepared.message_id in {row.message_id for row in profile.rows("Sent")}


def test_runs_beside_each_other_send_nothing_twice(sending_profile: Profile, postfix: Postfix) -> None:
    profile = sending_profile
    letters = [letter(profile, f"m{n}") for n in range(30)]
    for prepared in letters:
        queue(profile, prepared)
    program = Program(profile.directory)
    runs = [program.start("outbox", "run", "-q") for _ in range(4)]
    for process in runs:
        assert process.wait(60) == 0, process.communicate()
        process.communicate()
    outbox.run(profile.ctx)
    for prepared in letters:
        postfix.wait_delivered(prepared.message_id)
    assert [accepted(postfix, prepared) for prepared in letters] == [1] * 30


def test_a_cancelled_entry_is_not_sent_and_a_held_one_waits_for_retry(
    sending_profile: Profile, postfix: Postfix
) -> None:
    profile = sending_profile
    first, second = letter(profile, "cancelled"), letter(profile, "held")
    cancelled, held = queue(profile, first), queue(profile, second)
    holding.cancel(profile.ctx, [cancelled])
    holding.hold(profile.ctx, [held[:6]])
    assert outbox.run(profile.ctx) == []
    assert words(profile) == {"held": "held"}
    holding.retry(profile.ctx, [held])
    assert [report.error for report in outbox.run(profile.ctx)] == [None]
    assert (accepted(postfix, first), accepted(postfix, second)) == (0, 1)


def test_what_is_to_be_sent_later_waits_for_its_hour(sending_profile: Profile, postfix: Postfix) -> None:
    profile = sending_profile
    now = profile.ctx.clock()
    queue(profile, letter(profile, "later"), not_before=now + 3600)
    assert outbox.run(profile.ctx) == []
    profile.ctx.clock = lambda: now + 3601
    assert [report.error for report in outbox.run(profile.ctx)] == [None]


def test_a_fetch_and_a_send_take_along_what_is_due(sending_profile: Profile, postfix: Postfix) -> None:
    profile = sending_profile
    queue(profile, letter(profile, "by fetch"))
    profile.fetch()
    assert words(profile) == {}
    queue(profile, letter(profile, "by send"))
    sending.deliver(profile.ctx, letter(profile, "plain"), Delivery())
    assert words(profile) == {}


class Script:
    """What a script calls: `send --idempotency-key KEY`."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.calls = 0
        self.send: Callable[[str, Prepared], Sent] = lambda digest, prepared: sending.deliver(
            profile.ctx, prepared, Delivery(key=digest)
        )

    def __call__(self, key: str, prepared: Prepared) -> Sent:
        def send(digest: str, rest: Prepared) -> Sent:
            self.calls += 1
            return self.send(digest, rest)

        return once(self.profile.ctx, key, prepared, send)


def test_a_key_sends_one_message_however_often_the_script_runs(
    sending_profile: Profile, postfix: Postfix
) -> None:
    script = Script(sending_profile)
    first = script("job-17", letter(sending_profile))
    again = script("job-17", letter(sending_profile))  # a new run has a new Date and Message-ID
    assert again == first and script.calls == 1
    with pytest.raises(MessageMalformed, match="another message"):
        script("job-17", letter(sending_profile, text="other\n"))
    assert script("job-18", letter(sending_profile)).message_id != first.message_id


def test_a_refusal_is_remembered_and_a_temporary_failure_is_not(sending_profile: Profile) -> None:
    script = Script(sending_profile)
    for _ in range(2):
        sent = script("refused", letter(sending_profile, to="no@reject.test"))
        assert isinstance(sending.failure(sent), RecipientRefused)
    assert script.calls == 1
    for _ in range(2):
        sent = script("later", letter(sending_profile, to="x@defer.test"))
        assert isinstance(sending.failure(sent), TryAgain)
    assert script.calls == 3


def test_a_key_whose_send_was_killed_before_the_dot_sends_again_and_after_it_does_not(
    sending_profile: Profile, postfix: Postfix
) -> None:
    profile = sending_profile
    script = Script(profile)
    box = outbox.spool(profile.ctx)

    def killed(digest: str, _: Prepared) -> Sent:
        entry = outbox.entry(letter(profile), profile.ctx.clock(), kept=False, key=digest)
        left.append(box.enqueue(entry).id)
        raise KeyboardInterrupt

    left: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        once(profile.ctx, "k", letter(profile), killed)
    assert sending.failure(script("k", letter(profile))) is None and script.calls == 1
    assert words(profile) == {}
    with pytest.raises(KeyboardInterrupt):
        once(profile.ctx, "k2", letter(profile), killed)
    box.set_state(left[-1], State(COMMITTING))
    assert isinstance(sending.failure(script("k2", letter(profile))), OutcomeUnknown) and script.calls == 1


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("queued", [False, True])
def test_a_key_whose_run_was_killed_while_it_told_of_the_copy_does_not_send_again(
    sending_profile: Profile, postfix: Postfix, monkeypatch: pytest.MonkeyPatch, queued: bool
) -> None:
    """The entry is gone by then, and the run had yet to note what became of it."""
    profile, first = sending_profile, letter(sending_profile)
    script = Script(profile)
    if queued:
        script.send = lambda digest, prepared: outbox.queue(
            profile.ctx, outbox.entry(prepared, profile.ctx.clock(), key=digest)
        )
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "push_copy", _killed)
        with pytest.raises(KeyboardInterrupt):
            script("k", first)
    assert words(profile) == {}
    again = script("k", letter(profile))
    assert (again.message_id, script.calls) == (first.message_id, 1)
    assert {o.outcome for o in again.recipients} == {"sent"}


def test_a_copy_that_a_killed_run_has_left_without_its_row_is_kept_once(
    sending_profile: Profile, postfix: Postfix
) -> None:
    profile = sending_profile
    profile.fetch()
    first = letter(profile)

    def cut(name: str, path: str) -> None:
        if name == "commit" and path.endswith("mailcli.db") and files(profile.directory, "Sent"):
            os.kill(os.getpid(), signal.SIGKILL)

    def send() -> None:
        disk.failpoint = cut
        queue(profile, first)
        outbox.run(profile.ctx)

    assert children.run(send).killed
    outbox.run(profile.ctx)
    assert words(profile) == {}
    assert len(files(profile.directory, "Sent")) == 1
    assert accepted(postfix, first) == 1


def files(directory: Path, folder: str) -> list[Path]:
    """The messages of a folder here, as files."""
    place = directory / "data/mail/test" / folder
    return [*place.glob("cur/*"), *place.glob("new/*")]


def test_a_key_in_use_by_another_run_is_worth_a_retry(sending_profile: Profile) -> None:
    script = Script(sending_profile)

    def meanwhile(digest: str, _: Prepared) -> Sent:
        with pytest.raises(Locked):
            script("busy", letter(sending_profile))
        return sending.deliver(sending_profile.ctx, letter(sending_profile), Delivery(key=digest))

    once(sending_profile.ctx, "busy", letter(sending_profile), meanwhile)
    assert script.calls == 0


def test_send_queue_is_durable_when_it_returns_and_says_what_was_refused(
    sending_profile: Profile, postfix: Postfix
) -> None:
    program = Program(sending_profile.directory)
    to = sending_profile.server.address(sending_profile.user)
    done = program.run("--offline", "send", "--queue", "-s", "offline", to, text="hello\n")
    assert done.code == 0 and done.out == "" and "queued" in done.err
    (row,) = json.loads(program.run("outbox", "list", "--json").good().out)["data"]
    assert (row["state"], row["subject"], row["recipients"]) == ("queued", "offline", [to])
    shown = program.run("outbox", "show", row["entry"]).good().out
    assert "Subject: offline" in shown and "hello" in shown
    assert program.run("outbox", "run", "-q").good().out == ""
    refused = program.run("send", "--queue", "-s", "no", "no@reject.test", text="x\n")
    refused.failed(67, "no@reject.test")
    (row,) = json.loads(program.run("outbox", "list", "--json").good().out)["data"]
    assert row["state"] == "failed"
    program.run("outbox", "cancel", row["entry"]).good()
    program.run("send", "--undo", "5", "-s", "x", to, text="x\n").failed(2, "--undo")
    program.run("send", "--at", "yesterday", "-s", "x", to, text="x\n").failed(2, "yesterday")


@pytest.mark.parametrize("moment", ["entry", "state"])
def test_a_send_killed_while_it_runs_is_shown_and_not_sent_by_itself(
    make_profile: Callable[..., Profile], postfix: Postfix, tmp_path: Path, moment: str
) -> None:
    """A server that says nothing holds the send where the kill finds it."""
    with Proxy(postfix.submissions, cut=Cut("server", 0 if moment == "entry" else 6000, "stall")) as proxy:
        profile = make_profile(postfix=postfix, smtp_port=proxy.port)
        program = Program(profile.directory)
        process = program.start("send", "-s", "killed", "a@mail.test", stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write("text\n")
        process.stdin.close()
        process.stdin = None
        entries = profile.directory / "data/outbox/entries"
        while not (entries.exists() and any(entries.iterdir())):
            assert process.poll() is None, process.communicate()
        assert words(profile) == {"killed": "sending"}
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert words(profile)["killed"] in ("abandoned", "unknown")
    before = words(profile)
    outbox.run(profile.ctx)
    assert words(profile) == before


def test_a_key_is_settled_before_the_record_of_its_message_goes(
    sending_profile: Profile, postfix: Postfix, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the message was accepted and before `send` came to its end: the next run of the script
    gets the result, whoever sent the message."""
    profile = sending_profile
    script = Script(profile)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(outbox, "flush", killed)
    first = letter(profile)
    with pytest.raises(KeyboardInterrupt):
        script("plain", first)
    monkeypatch.undo()
    again = script("plain", letter(profile))
    assert again.message_id == first.message_id and script.calls == 1

    def queued_and_killed(digest: str, _: Prepared) -> Sent:
        queue(profile, first, key=digest)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once(profile.ctx, "queued", first, queued_and_killed)
    assert [report.error for report in outbox.run(profile.ctx)] == [None]  # cron's
    assert script("queued", letter(profile)).message_id == first.message_id and script.calls == 1


def test_an_interrupt_is_no_try_and_leaves_nothing_locked(sending_profile: Profile, postfix: Postfix) -> None:
    profile = sending_profile
    for n in range(3):
        queue(profile, letter(profile, f"m{n}"))
    profile.ctx.cancel.cancel()
    with pytest.raises(Interrupted):
        outbox.run(profile.ctx)
    rows = outbox.listed(profile.ctx)
    assert [(row.word, row.state.attempts) for row in rows] == [("queued", 0)] * 3
