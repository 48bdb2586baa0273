"""`mailcli watch` as a process: what it prints, what it runs, how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.conftest import message
from tests.support.dovecot import Dovecot
from tests.support.program import Mailbox, finish, wait_until

FIRST = "mailcli: test: watched (notify)\n"


class Running:
    """A watch under way; `out` and `err` grow with what it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._threads = [
            threading.Thread(target=self.out.extend, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.err.append(line)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        try:
            return self.process.wait(20)
        finally:
            self.close()

    def close(self) -> None:
        """End it at once. A command that was left behind would hold the pipes."""
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def watching(mailbox: Mailbox, *words: str, environ: dict[str, str] | None = None) -> Iterator[Running]:
    """For the block, once it watches."""
    process = mailbox.program.start("-v", "watch", *words, environ=environ)
    running = Running(process)
    try:
        wait_until(lambda: FIRST in running.err)
        yield running
    finally:
        running.close()


@pytest.fixture
def mailbox(make_mailbox: Callable[..., Mailbox]) -> Mailbox:
    made = make_mailbox(count=2)
    made.run("fetch").good()
    return made


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_new_message_is_printed_at_once_as_list_prints_it(mailbox: Mailbox, dovecot: Dovecot) -> None:
    with watching(mailbox) as running:
        for subject in ("one", "two"):
            dovecot.append(mailbox.user, "INBOX", message(subject))
            wait_until(lambda: running.out and subject in running.out[-1])  # noqa: B023
        listed = mailbox.run("list", "-n", "2").good().out.splitlines(keepends=True)
        assert sorted(running.out) == sorted(listed)


def test_json_is_an_object_a_line(mailbox: Mailbox, dovecot: Dovecot) -> None:
    with watching(mailbox, "--json") as running:
        dovecot.append(mailbox.user, "INBOX", message("one"))
        wait_until(lambda: running.out)
        (listed,) = json.loads(mailbox.run("list", "-n", "1", "--json").good().out)["data"]
        assert json.loads(running.out[0]) == listed


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it(mailbox: Mailbox, number: int, code: int) -> None:
    with watching(mailbox) as running:
        assert running.end(number) == code
        assert "".join(running.err).removeprefix(FIRST) == ("" if code == 0 else "mailcli: interrupted\n")


def test_a_signal_ends_the_command_that_runs_too(mailbox: Mailbox, dovecot: Dovecot, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with watching(
        mailbox, "--exec", f"echo $$ > {pid}.part; mv {pid}.part {pid}; sleep 1000 & wait"
    ) as running:
        dovecot.append(mailbox.user, "INBOX", message("one"))
        wait_until(pid.exists)
        assert running.end(signal.SIGTERM) == 0
        wait_until(lambda: not Path(f"/proc/{pid.read_text().strip()}").exists())


def test_once_ends_with_the_first_arrival(mailbox: Mailbox, dovecot: Dovecot) -> None:
    with watching(mailbox, "--once", "--json") as running:
        dovecot.append(mailbox.user, "INBOX", message("one"))
        assert running.wait() == 0
        document = json.loads("".join(running.out))
        assert [m["subject"] for m in document["data"]] == ["one"] and document["schema"] == 1


def test_once_takes_what_waited_already(mailbox: Mailbox, dovecot: Dovecot) -> None:
    dovecot.append(mailbox.user, "INBOX", message("waited"))
    assert mailbox.run("watch", "--once", "--format", "{subject}").good().out == "waited\n"


def test_once_with_a_wrong_password_is_an_error(mailbox: Mailbox) -> None:
    (mailbox.program.profile / "test.password").write_text("wrong\n")
    mailbox.run("watch", "--once").failed(77, "test: ", f"localhost:{mailbox.port}")


def test_a_wrong_password_is_told_once_and_is_no_end(mailbox: Mailbox) -> None:
    (mailbox.program.profile / "test.password").write_text("wrong\n")
    with mailbox.program.start("-q", "watch") as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("mailcli: test: ")
        process.send_signal(signal.SIGTERM)
        done = finish(process)
        assert (done.code, done.out, done.err) == (0, "", "")


def test_nothing_to_watch_is_an_error(tmp_path: Path, mailbox: Mailbox) -> None:
    mailbox.run("watch", "nobody").failed(66, "nobody")
    mailbox.run("--offline", "watch").failed(2, "watch", "network")
    mailbox.run("watch", "--exec", "echo {nothing}").failed(2, "--exec", "nothing")


# ---- --exec


def test_the_command_gets_the_message_in_every_form(
    mailbox: Mailbox, dovecot: Dovecot, tmp_path: Path
) -> None:
    script = (
        f"cat > {tmp_path}/stdin; env > {tmp_path}/env; "
        f"printf '%s\\n' {{id}} {{subject}} '{{from.email}}' > {tmp_path}/args; echo out; echo err >&2"
    )
    subject = "$(touch x) '; touch x #"
    with watching(mailbox, "--exec", script) as running:
        dovecot.append(mailbox.user, "INBOX", message(subject, id="one"))
        wait_until(lambda: "out\n" in running.out and "err\n" in running.err)
    (told,) = [json.loads((tmp_path / "stdin").read_text())]
    assert told["subject"] == subject
    assert lines(tmp_path / "args") == [told["id"], subject, "alice@example.org"]
    env = dict(line.split("=", 1) for line in lines(tmp_path / "env") if line.startswith("MAILCLI_"))
    assert env == {
        "MAILCLI_PROFILE": str(mailbox.program.profile),
        "MAILCLI_ID": told["id"],
        "MAILCLI_ACCOUNT": "test",
        "MAILCLI_FOLDER": "INBOX",
        "MAILCLI_FROM": "Alice Ng <alice@example.org>",
        "MAILCLI_SUBJECT": subject,
        "MAILCLI_DATE": "2015-11-02T10:00:00+01:00",
        "MAILCLI_MESSAGE_ID": "one@example.org",
    }
    assert not (mailbox.program.root / "x").exists()


def test_control_characters_of_a_subject_reach_no_variable(
    mailbox: Mailbox, dovecot: Dovecot, tmp_path: Path
) -> None:
    encoded = "=?utf-8?B?G1sybSDigK5ldmls?="  # ESC [2m, then U+202E
    with watching(
        mailbox,
        "--exec",
        f'printf "%s" "$MAILCLI_SUBJECT"{{subject}} > {tmp_path}/s.part; mv {tmp_path}/s.part {tmp_path}/s',
    ):
        dovecot.append(mailbox.user, "INBOX", message(encoded, id="one"))
        wait_until((tmp_path / "s").exists)
    assert (tmp_path / "s").read_text() == "\ufffd[2m \ufffdevil" * 2


def test_a_failing_command_is_told_and_ends_nothing(mailbox: Mailbox, dovecot: Dovecot) -> None:
    with watching(mailbox, "--exec", "echo {subject}; exit 3") as running:
        for subject in ("one", "two"):
            dovecot.append(mailbox.user, "INBOX", message(subject))
            wait_until(lambda: f"{subject}\n" in running.out)  # noqa: B023
        wait_until(lambda: len([line for line in running.err if "ended with code 3" in line]) == 2)
        assert all(line.startswith("mailcli: the command for ") for line in running.err if "code 3" in line)


def test_a_command_that_hangs_is_ended(mailbox: Mailbox, dovecot: Dovecot) -> None:
    config = mailbox.program.profile / "config.toml"
    config.write_text("hooks.timeout = 1\n" + config.read_text())
    with watching(mailbox, "--once", "--exec", "sleep 1000") as running:
        dovecot.append(mailbox.user, "INBOX", message("one"))
        assert running.wait() == 1
        assert "took longer than 1 seconds" in running.err[-1]


def test_each_message_is_told_exactly_once_however_it_came(
    mailbox: Mailbox, dovecot: Dovecot, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    with watching(mailbox, "--exec", f"echo {{id}} {{subject}} >> {told}"):
        with dovecot.connect(mailbox.user) as session:
            for n in range(12):
                dovecot.append_to(session, "INBOX", message(f"m{n}"))
                if n % 3 == 0:
                    mailbox.run("fetch", "-q")
        wait_until(lambda: len(lines(told)) >= 12)
        mailbox.run("fetch").good()
        dovecot.append(mailbox.user, "INBOX", message("last"))
        wait_until(lambda: any("last" in line for line in lines(told)))
    subjects = [line.split()[1] for line in lines(told)]
    assert sorted(subjects) == sorted([*(f"m{n}" for n in range(12)), "last"])


# ---- hooks


def hooked(mailbox: Mailbox, table: str, *, account: str = "") -> None:
    config = mailbox.program.profile / "config.toml"
    text = config.read_text()
    config.write_text(
        f"[hooks]\n{table}\n{text}" if not account else f"{text}\n[accounts.{account}.hooks]\n{table}\n"
    )


def test_new_mail_is_run_once_for_a_fetch_with_new_messages(
    mailbox: Mailbox, dovecot: Dovecot, tmp_path: Path
) -> None:
    ids = tmp_path / "ids"
    hooked(
        mailbox,
        f"new_mail = 'cat >> {tmp_path}/new; echo $MAILCLI_COUNT $MAILCLI_ACCOUNT $MAILCLI_IDS >> {ids}'",
    )
    assert mailbox.run("fetch", "-q").good().out == ""
    assert not (tmp_path / "new").exists()
    for subject in ("one", "two"):
        dovecot.append(mailbox.user, "INBOX", message(subject))
    dovecot.append(mailbox.user, "Sent", message("mine"))
    mailbox.run("fetch", "--dry-run").good()
    mailbox.run("fetch", "--count").good()
    assert not (tmp_path / "new").exists()
    mailbox.run("fetch", "-q").good()
    told = json.loads((tmp_path / "new").read_text())
    assert [row["subject"] for row in told] == ["one", "two"]
    assert lines(tmp_path / "ids") == [f"2 test {told[0]['id']} {told[1]['id']}"]


def test_after_fetch_is_run_always_and_gets_the_result(mailbox: Mailbox, tmp_path: Path) -> None:
    hooked(mailbox, f"after_fetch = 'cat > {tmp_path}/result'")
    done = mailbox.run("fetch", "--json").good()
    (report,) = json.loads((tmp_path / "result").read_text())
    assert report == json.loads(done.out)["data"][0]
    (mailbox.program.profile / "test.password").write_text("wrong\n")
    assert mailbox.run("fetch", "-q").code == 77
    (report,) = json.loads((tmp_path / "result").read_text())
    assert report["error"]["code"] == 77


def test_an_accounts_own_hook_stands_in_place_of_the_general_one(mailbox: Mailbox, tmp_path: Path) -> None:
    hooked(mailbox, f"after_fetch = 'touch {tmp_path}/general'")
    hooked(mailbox, f"after_fetch = 'touch {tmp_path}/own'", account="test")
    mailbox.run("fetch", "-q").good()
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["own"]


def test_a_failing_hook_is_told_and_the_fetch_went_well(mailbox: Mailbox) -> None:
    hooked(mailbox, "after_fetch = 'exit 9'")
    done = mailbox.run("fetch", "-q")
    assert (done.code, done.out, done.err) == (0, "", "mailcli: the hook after_fetch ended with code 9\n")


def test_a_hook_inherits_no_password_no_lock_and_no_file(mailbox: Mailbox, tmp_path: Path) -> None:
    profile = mailbox.program.profile
    config = profile / "config.toml"
    password = (profile / "test.password").read_text().strip()
    text = config.read_text()
    lock = profile / "state/locks/account-test.lock"
    assert lock.exists()
    file = next(line for line in text.splitlines() if line.startswith("password"))
    config.write_text(text.replace(file, 'password = { env = "MAIL_SECRET" }'))
    hooked(
        mailbox,
        f"after_fetch = 'env > {tmp_path}/env; flock -n {lock} true || touch {tmp_path}/locked;"
        f" ls -l /proc/self/fd > {tmp_path}/fds'",
    )
    environ = {**mailbox.program.environ, "MAIL_SECRET": password}
    done = mailbox.program.run("fetch", "-q", environ=environ)
    assert (done.code, done.err) == (0, "")
    assert password not in (tmp_path / "env").read_text()
    assert not (tmp_path / "locked").exists()
    assert str(profile) not in (tmp_path / "fds").read_text().replace(str(tmp_path / "fds"), "")


def test_watch_runs_the_hooks_of_its_fetches(mailbox: Mailbox, dovecot: Dovecot, tmp_path: Path) -> None:
    hooked(
        mailbox, f"new_mail = 'echo $MAILCLI_IDS >> {tmp_path}/ids'\nafter_fetch = 'echo >> {tmp_path}/after'"
    )
    with watching(mailbox) as running:
        dovecot.append(mailbox.user, "INBOX", message("one"))
        wait_until(lambda: running.out and lines(tmp_path / "ids"))
        assert lines(tmp_path / "ids") == [running.out[0].split("\t")[0]]
        wait_until(lambda: len(lines(tmp_path / "after")) >= 2)
