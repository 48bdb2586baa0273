"""How a call ends: exit codes, one line of error, quiet pipes. Mostly the real program."""

from __future__ import annotations

import inspect
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailcli import errors
from mailcli.cli import failure, run
from mailcli.cli.output import Output
from mailcli.cli.session import Session
from mailcli.cli.spec import Command, Globals, Invocation
from mailcli.cli.topics import EXIT_CODES
from mailcli.cli.views.messages import MESSAGES
from mailcli.errors import MailcliError, NotFound, TimedOut
from tests.cli.calling import Called, printed, streams, summary

CLASSES = [
    found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, MailcliError)
]


def raising(error: BaseException) -> Command:
    def fail(_session: Session) -> None:
        raise error

    return Command("fail", "Fails.", fail)


@pytest.fixture
def plain_main(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Called]:
    """Run a command that is made up, with the real ending."""

    def calling(command: Command, options: Globals | None = None) -> Called:
        given = options or Globals()
        invocation = Invocation((command.name,), command, given, {})
        monkeypatch.setattr("mailcli.cli.fast.parse", lambda _argv: invocation)
        made = streams()
        return Called(run.main([command.name], made), *printed(made))

    return calling


@pytest.mark.parametrize("kind", CLASSES, ids=lambda k: k.__name__)
def test_every_error_ends_with_the_code_of_its_class(kind: Any, plain_main: Callable[..., Called]) -> None:
    done = plain_main(raising(kind("work: it failed", hint="try this")))
    assert done == (kind.exit_code, "", "mailcli: work: it failed (try this)\n")


def test_every_exit_code_is_explained() -> None:
    explained = {line.split()[0] for line in EXIT_CODES.splitlines() if line[2:3].isdigit()}
    assert {str(kind.exit_code) for kind in CLASSES} | {"0"} == explained


def test_with_json_an_error_is_an_object_on_stderr(plain_main: Callable[..., Called]) -> None:
    done = plain_main(raising(TimedOut("no answer", hint="wait")), Globals(json=True))
    assert done.out == ""
    assert json.loads(done.err) == {
        "error": {"code": 75, "kind": "TimedOut", "message": "no answer", "hint": "wait"}
    }


def test_a_full_stop_of_the_server_ends_no_message_that_goes_on() -> None:
    for said, told in (
        ("refused: Login failed.", "refused: Login failed"),
        ("there is no file ..", "there is no file .."),
        ("cannot read .", "cannot read ."),
        ("not sent: said so...", "not sent: said so..."),
    ):
        assert errors.MailcliError(said).message == told


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (2, ["undo", "\udcff"]),
        (2, ["list", "-A", "local", "--after", "9" * 30]),
        (2, ["list", "-A", "local", "--after", "²"]),
        (2, ["search", "x", "--after", "9" * 30]),
        (2, ["search", "x", "--reverse", "--after", "9" * 30]),
        (0, ["list", "-A", "local", "-n", "9" * 30]),
        (0, ["search", "x", "-n", "9" * 5000]),
        (0, ["log", "-n", "9" * 30]),
        (78, ["fetch", "--config", "~there_is_no_such_user/config"]),
        (78, ["list", "--profile", "~there_is_no_such_user"]),
        (66, ["import", "~there_is_no_such_user/mbox"]),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else str(value),
)
def test_words_nobody_should_write_are_no_bug(
    code: int, words: list[str], call: Callable[..., Called], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.eml").write_bytes(b"From: a@example.org\nSubject: x\n\nx\n")
    assert call("import", "a.eml").code == 0
    done = call(*words)
    assert done.code == code, done
    assert not code or (done.out == "" and done.err.count("\n") == 1 and "a bug" not in done.err), done


def test_an_error_is_one_harmless_line(plain_main: Callable[..., Called]) -> None:
    done = plain_main(raising(NotFound("no folder a\nb\x1b[31m", hint="c\u202ed")))
    assert done.err.count("\n") == 1
    assert not set(done.err) & set("\x1b\u202e")


def test_an_unexpected_exception_is_a_bug_with_a_traceback_only_for_vv(
    plain_main: Callable[..., Called],
) -> None:
    done = plain_main(raising(ZeroDivisionError("oops")))
    assert done.code == 70
    assert "a bug: ZeroDivisionError: oops" in done.err and "Traceback" not in done.err
    assert "Traceback" not in plain_main(raising(ZeroDivisionError("oops")), Globals(verbose=1)).err
    assert "Traceback" in plain_main(raising(ZeroDivisionError("oops")), Globals(verbose=2)).err


def test_ctrl_c_is_130(plain_main: Callable[..., Called]) -> None:
    assert plain_main(raising(KeyboardInterrupt())) == (130, "", "mailcli: interrupted\n")


def test_a_full_disk_is_74(plain_main: Callable[..., Called]) -> None:
    assert plain_main(raising(OSError(28, "No space left on device"))).code == 74


@pytest.mark.parametrize(
    ("codes", "code"), [([], 0), ([0, 0], 0), ([75, 75], 75), ([0, 75], 1), ([75, 77], 1), ([77], 77)]
)
def test_several_results_end_alike_or_with_1(codes: list[int], code: int) -> None:
    assert failure.combined(codes) == code


def test_a_usage_error_with_json_is_json_even_when_the_line_cannot_be_read(
    call: Callable[..., Called],
) -> None:
    done = call("list", "--json", "--nonsense")
    assert done.code == 2
    assert json.loads(done.err)["error"]["code"] == 2


def test_help_goes_to_stdout_and_ends_with_0(call: Callable[..., Called]) -> None:
    for argv in (["--help"], [], ["help"]):
        done = call(*argv)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("Usage: mailcli")
    assert call("help", "nonsense").code == 2
    for topic in ("query", "output", "exit-codes", "environment"):
        assert call("help", topic).code == 0


def test_quiet_and_no_ids_on_stdin_are_nothing_to_do(call: Callable[..., Called]) -> None:
    for command in (["read", "-"], ["delete", "-"], ["flag", "-", "+seen"], ["move", "-", "--to", "X"]):
        assert call(*command, stdin=b"") == (0, "", "")
    done = call("archive", "-", "--json", stdin=b"\n")
    assert (done.code, json.loads(done.out)["data"]) == (0, [])


# -- the process -----------------------------------------------------------------------------------


def program(*argv: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "mailcli", *argv], capture_output=True, **options)


def test_version_is_one_line() -> None:
    done = program("--version")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"mailcli ") and done.stdout.count(b"\n") == 1


def test_a_closed_pipe_ends_quietly() -> None:
    """The reader is gone before anything is written, so that the last flush meets EPIPE too."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "mailcli", "--help"], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_closed_stderr_does_not_hide_the_exit_code() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "mailcli", "nonsense"], stderr=writing)
    os.close(writing)
    assert done.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_output_that_cannot_be_written_is_an_error() -> None:
    for word in ("--help", "--version"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "mailcli", word], stdout=full, stderr=subprocess.PIPE
            )
        assert done.returncode == 74
        assert done.stderr.startswith(b"mailcli: cannot write the output: ")
        assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_stderr_that_cannot_be_written_changes_no_exit_code(tmp_path: Path) -> None:
    """Nor does it stop the command at its first notice: a `send` that has sent must say so."""
    drawn = b"From: a@example.org\nTo: b@example.org\nSubject: x\n\nhello\n"
    (tmp_path / "a.eml").write_bytes(drawn)
    (tmp_path / "b.eml").write_bytes(b"")
    words = [sys.executable, "-m", "mailcli", "--profile", str(tmp_path / "profile")]
    with open("/dev/full", "wb") as full:
        nothing = subprocess.run([*words, "nonsense"], stderr=full)
        some = subprocess.run(
            [*words, "import", str(tmp_path / "b.eml"), str(tmp_path / "a.eml")],
            stdout=subprocess.PIPE,
            stderr=full,
        )
    assert (nothing.returncode, some.returncode) == (2, 1)
    assert some.stdout.startswith(b"1 message imported into local:")


def test_closed_standard_streams_are_no_bug() -> None:
    shell = f"{sys.executable} -m mailcli nonsense <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", shell]).returncode == 2


def test_a_large_result_stops_when_the_pipe_closes() -> None:
    """Rows are printed as they come: closing the pipe ends the traversal, not only the writing."""
    seen = []

    class Closing:
        def write(self, data: bytes) -> int:
            raise BrokenPipeError

    def rows() -> Iterator[Any]:
        for n in range(100_000):
            seen.append(n)
            yield summary()

    made = streams()
    made.stdout = Closing()  # type: ignore[assignment]
    with pytest.raises(BrokenPipeError):
        Output(made, Globals()).show(MESSAGES, rows())
    assert len(seen) < 2000


def test_sigint_during_a_command_ends_with_130(tmp_path: Path) -> None:
    """A read of ids from a terminal-less stdin that never ends, interrupted."""
    child = subprocess.Popen(
        [sys.executable, "-m", "mailcli", "read", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "MAILCLI_PROFILE": str(tmp_path)},
        # A job in the background of a shell hands down an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert child.stdin is not None and child.stderr is not None
    while "mailcli" not in Path(f"/proc/{child.pid}/cmdline").read_text():
        pass
    while not _blocked_reading(child.pid):
        pass
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=10)
    assert (child.returncode, err) == (130, b"mailcli: interrupted\n")


def _blocked_reading(pid: int) -> bool:
    """Whether the process sleeps in read(0): /proc names the system call and its first argument."""
    try:
        call = Path(f"/proc/{pid}/syscall").read_text().split()
    except OSError:
        return False
    return call[:2] == ["0", "0x0"]
