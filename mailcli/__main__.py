"""`mailcli` and `python -m mailcli`."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # not from typing: its import would double the time of --version
if TYPE_CHECKING:
    from mailcli.app.context import Context


def main() -> int:
    """Run the command line; the exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from mailcli import __version__

        try:
            os.write(1, f"mailcli {__version__}\n".encode())
        except BrokenPipeError:
            pass
        except OSError as error:
            sys.stderr.write(f"mailcli: cannot write the output: {error.strerror}\n")
            return 74
        return 0
    import gc

    # What is imported stays: 28,000 objects after a fetch with nothing new, looked at forty times over
    # with Python's 700, and once more at the end.
    gc.set_threshold(50_000)
    from mailcli.cli import run, streams

    code = run.main(_words(), streams.standard(), reader=_reader)
    gc.freeze()
    return code


def _words() -> list[str]:
    """The command line. A link named sendmail, mailq or newaliases makes it sendmail's."""
    name = sys.argv[0].rpartition("/")[2]
    called = {"sendmail": [], "mailq": ["-bp"], "newaliases": ["-bi"]}.get(name)
    return sys.argv[1:] if called is None else ["sendmail", *called, *sys.argv[1:]]


def _reader(ctx: Context, start: str | None, plain: bool) -> int:
    """The full-screen reader. It is started from here because neither face imports the other."""
    from mailcli.tui.run import run

    return run(ctx, start, plain=plain)


if __name__ == "__main__":
    sys.exit(main())
