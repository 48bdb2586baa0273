"""Regular expressions as queries mean them: Python's, case ignored, `^` and `$` at every line."""

from __future__ import annotations

import re
import warnings

from mailcli.errors import QueryError


def compile_regex(pattern: str, at: int = 0) -> re.Pattern[str]:
    """The compiled pattern; QueryError at offset `at` if Python does not take it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "possible nested set" is the user's business
            return re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    except (re.error, RecursionError, OverflowError) as error:
        raise QueryError(
            f"not a regular expression: {error}",
            hint="they are Python's; quote a text that only begins with a slash",
            position=at,
        ) from None
