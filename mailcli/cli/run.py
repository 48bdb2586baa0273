"""One call of the program: parse, run, and end with the right exit code."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mailcli.cli import fast
from mailcli.cli.session import Session
from mailcli.cli.spec import Globals, Invocation
from mailcli.cli.streams import Streams, abandon
from mailcli.errors import Interrupted, LocalIOError, MailcliError, UsageError, told

if TYPE_CHECKING:
    from mailcli.app.context import Context

    Reader = Callable[[Context, str | None, bool], int]

BUG = 70
INTERRUPTED = Interrupted.exit_code


def main(argv: Sequence[str], streams: Streams, *, reader: Reader | None = None) -> int:
    """Carry out a command line; the exit code. Nothing escapes but SystemExit of the interpreter."""
    options = _probable(argv)
    warnings: list[str] = []
    try:
        invocation = fast.parse(argv) or _through_click(argv)
        options = invocation.globals
        code = execute(invocation, streams, warnings, reader)
        streams.flush()
    except BrokenPipeError:
        abandon(streams.stdout)
        return 0
    except MailcliError as error:
        return _failed(streams, options, error, warnings=warnings)
    except KeyboardInterrupt:
        return _failed(streams, options, Interrupted("interrupted"))
    except OSError as error:
        return _failed(streams, options, _from_system(error), error)
    except Exception as error:
        return _failed(streams, options, _of_words(error, argv) or told(error), error)
    _log(options, argv, code, "")
    return code


def execute(
    invocation: Invocation, streams: Streams, warnings: list[str], reader: Reader | None = None
) -> int:
    """Run a parsed command. What --format and --ids ask for is checked before it does anything.

    `warnings` gets what was noticed before an error, for the document that tells it.
    """
    command, options = invocation.command, invocation.globals
    if not invocation.path and not streams.stdout_terminal:
        invocation = fast.help_for(())
        command = invocation.command
    where = " ".join(invocation.path)
    with Session(streams, options, reader=reader) as session:
        if options.format is not None:
            if command.view is None:
                raise UsageError(f"{where}: --format does not apply here")
            from mailcli.cli.template import Template

            Template(options.format, command.view)
        if options.ids and (command.view is None or command.view.ident is None):
            raise UsageError(f"{where}: --ids does not apply here")
        try:
            return command.run(session, **invocation.params) or 0
        except MailcliError:
            warnings += session.out.warnings
            raise


def _through_click(argv: Sequence[str]) -> Invocation:
    from mailcli.cli.grammar import parse

    return parse(argv)


def _probable(argv: Sequence[str]) -> Globals:
    """How to tell an error in the command line itself, before the line could be read."""
    before = list(argv[: argv.index("--")] if "--" in argv else argv)
    verbose = sum(len(word) - 1 for word in before if word.startswith("-v") and not word.strip("-v"))
    return Globals(json="--json" in before, verbose=verbose + before.count("--verbose"))


def _failed(
    streams: Streams,
    options: Globals,
    error: MailcliError,
    cause: BaseException | None = None,
    *,
    warnings: Sequence[str] = (),
) -> int:
    """Tell the error, then flush what was printed before it."""
    from mailcli.cli import failure

    try:
        streams.flush()
    except (OSError, ValueError):
        abandon(streams.stdout)
    error.__cause__ = cause or error.__cause__
    failure.tell(streams, options, error, warnings)
    _log(options, (), error.exit_code, failure.sentence(error))
    return error.exit_code


def _from_system(error: OSError) -> MailcliError:
    """An error of the operating system that no layer has named: reading and writing here."""
    if error.errno == errno.ENOSPC and not error.filename:
        return LocalIOError("cannot write the output: the disk is full")
    return told(error)


def _of_words(error: Exception, argv: Sequence[str]) -> MailcliError | None:
    """A word that is not in the locale's encoding may name a file, and nothing else: what is meant to
    be text, and is stored or sent, meets its end where it is encoded."""
    if isinstance(error, UnicodeEncodeError):
        for word in argv:
            try:
                word.encode()
            except UnicodeEncodeError:
                return UsageError(f"{word!r} is not valid UTF-8", hint="write it in UTF-8")
    return None


def _log(options: Globals, argv: Sequence[str], code: int, text: str) -> None:
    """--log-file: a line for each run, for cron jobs whose output goes nowhere."""
    if not options.log_file:
        return
    import time

    from mailcli.model import printable

    said = text or "done"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    try:
        place = os.path.expanduser(options.log_file)  # noqa: PTH111
        descriptor = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with open(descriptor, "a", encoding="utf-8", errors="replace") as file:
            words = printable.line(" ".join(argv[:1]))
            file.write(f"{stamp} [{os.getpid()}] exit {code}: {words} {said}\n")
    except OSError:
        return  # the log must not turn a done command into a failed one
