"""How a failure is told: one line on stderr, and an exit code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mailcli.cli.spec import Globals
from mailcli.cli.streams import Streams
from mailcli.errors import MailcliError, PartialFailure, QueryError
from mailcli.model import printable


def tell(streams: Streams, options: Globals, error: MailcliError, warnings: Sequence[str] = ()) -> None:
    """Say what failed: `mailcli: message (hint)`, or the JSON object of the error; with -vv also where
    in the program it came from."""
    if options.json:
        from json import dumps

        from mailcli.cli.views.view import error_json

        told = error_json(error)
        document: dict[str, object] = {"error": told}
        if isinstance(error, QueryError) and error.position is not None:
            told["position"] = error.position
        if warnings:
            document["warnings"] = warnings
        streams.say(dumps(document) + "\n")
    else:
        streams.say(f"mailcli: {sentence(error)}\n")
    if options.verbose >= 2:
        import traceback

        streams.say("".join(traceback.format_exception(error)))


def sentence(error: MailcliError) -> str:
    """What failed, where, and what to do next, on one line."""
    message = printable.line(error.message)
    if isinstance(error, QueryError) and error.position is not None:
        message += f", at character {error.position + 1}"
    hint = printable.line(error.hint)
    return f"{message} ({hint})" if hint else message


def combined(codes: Iterable[int]) -> int:
    """The exit code of several: all alike, that code; mixed, 1; none, 0."""
    different = set(codes)
    if len(different) > 1:
        return PartialFailure.exit_code
    return different.pop() if different else 0
