"""Short names for addresses: the configuration's own, and those of mailx and mutt.

[aliases]                              in config.toml
root = "alice@example.org"
team = "ann@example.org, bob@example.org, alice"

alias team ann@example.org "Bob B <bob@example.org>"     ~/.mailrc (POSIX mailx)
alias -group work team Ann A <ann@example.org>, bob@…    mutt
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from mailcli.accounts.paths import user_path
from mailcli.errors import ConfigError
from mailcli.model import pattern

MOST: Final = 1000
"""Addresses that one name may come to."""

_LINE: Final = pattern.compile(r"\s*(?:alias|group|g|a)\s+((?:-group\s+\S+\s+)*)(\S+)\s+(.+)", re.IGNORECASE)

_BEFORE_COMMENT: Final = pattern.compile(r'(?:"[^"]*"|[^"#])*')


def read(files: Iterable[Path]) -> dict[str, str]:
    """The aliases of such files, by name in lower case; a file that is not there has none.

    Raises ConfigError for one that cannot be read.
    """
    found: dict[str, str] = {}
    for path in files:
        try:
            text = user_path(path).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ConfigError(f"cannot read the aliases of {path}: {error.strerror}") from error
        for name, value in parsed(text).items():
            found.setdefault(name, value)
    return found


def parsed(text: str) -> dict[str, str]:
    """The aliases of one file's text."""
    found: dict[str, str] = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        uncommented = _BEFORE_COMMENT.match(line)
        match = _LINE.fullmatch(uncommented[0].rstrip() if uncommented else "")
        if match:
            value = match[3] if _is_mutt(match[3]) else _of_mailx(match[3])
            found.setdefault(match[2].lower(), value)
    return found


def _is_mutt(value: str) -> bool:
    """mutt writes a list as a header has it: commas, or a name outside of quotes before `<`. mailx
    parts words by blanks, and quotes what has one."""
    outside = re.sub(r'"[^"]*"', "", value)
    return "," in outside or "<" in outside


def _of_mailx(value: str) -> str:
    try:
        return ", ".join(shlex.split(value))
    except ValueError:
        return value


def expand(name: str, aliases: Mapping[str, str]) -> list[str]:
    """The texts an alias stands for, aliases among them expanded too; [] if it is none.

    Raises ConfigError for one that leads back to itself.
    """
    found: list[str] = []
    _expand(name, aliases, (), found)
    return found


def _expand(name: str, aliases: Mapping[str, str], above: Sequence[str], found: list[str]) -> None:
    key = name.lower()
    if key in above:
        raise ConfigError(f"the alias {name} leads back to itself", hint="mailcli config edit")
    for text in _parted(aliases.get(key, "")):
        if text.lower() in aliases and "@" not in text:
            _expand(text, aliases, (*above, key), found)
        elif len(found) < MOST:
            found.append(text)
        else:
            raise ConfigError(f"the alias {name} comes to more than {MOST} addresses")


def _parted(value: str) -> list[str]:
    """A header's list cut at its commas, those in quotes and brackets left alone."""
    parts = re.findall(r'(?:[^,"<(]|"(?:\\.|[^"\\])*"|<[^>]*>|\([^)]*\))+', value)
    return [part.strip() for part in parts if part.strip()]
