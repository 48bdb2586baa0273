"""Names in the Maildir tree: of the directories of folders, and of files.

    mail/<account>/<level>/<level>/{tmp,new,cur}/<time>.<id>.<host>,W=…,V=…,U=…,F=…:2,<flags>

The name carries the identity, so that the database can be made again from the tree. W is the size on the
wire; V and U are UIDVALIDITY and UID at the time of arrival and count only in the folder whose tag is F.
Folder names come from servers: whatever they hold, a level becomes one file name that stays in the tree,
and different names become different directories (`directory_levels` keeps apart even those that differ
in case only).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from mailcli.model import flags as flag_words
from mailcli.model import pattern
from mailcli.model.ids import ALPHABET, LENGTH
from mailcli.model.record import NamedTuple
from mailcli.store.tree import MARKER, SUBDIRECTORIES, TMP

__all__ = ["MARKER", "SUBDIRECTORIES", "TMP"]

_LONGEST: Final = 180  # octets of an encoded level; names end at 255 and some systems add to them
_DEEPEST: Final = 32
_LONGEST_PATH: Final = 1500
_TAG_LENGTH: Final = 6


class Name(NamedTuple):
    """What a Maildir file name says. `base` is the part before the flags, unique in the tree."""

    base: str
    id: str | None
    size: int | None
    uidvalidity: int | None
    uid: int | None
    tag: str
    letters: str | None  # None: no `:2,` at all


_ID: Final = pattern.compile(rf"\d+\.([{ALPHABET}]{{{LENGTH}}})(?=[.,:]|$)")
_FIELD: Final = pattern.compile(r",([WVUF])=([0-9a-z]+)")


def parse_name(filename: str) -> Name:
    """Read a file name, ours or another program's."""
    base, mark, info = filename.partition(":")
    fields = dict(_FIELD.findall(base))
    found = _ID.match(base)

    def number(letter: str) -> int | None:
        text = fields.get(letter, "")
        return int(text) if text.isdigit() and len(text) < 19 else None

    letters = info[2:] if mark and info.startswith("2,") else None
    return Name(
        base,
        found[1] if found else None,
        number("W"),
        number("V"),
        number("U"),
        fields.get("F", ""),
        letters,
    )


@cache
def host_name() -> str:
    """This machine's name, fit for a Maildir name (`/` and `:` as Maildir has it, `,` for our fields)."""
    host = os.uname().nodename or "localhost"
    host = host.replace("/", "\\057").replace(":", "\\072").replace(",", "\\054")
    return re.sub(r"[^\x21-\x7e]", "_", host)[:64]


def make_name(
    when: float, identity: str, host: str, size: int, *, uidvalidity: int | None, uid: int | None, tag: str
) -> str:
    """The unique part of a file name, without flags."""
    name = f"{max(0, int(when))}.{identity}.{host},W={size}"
    if uid is not None and uidvalidity is not None:
        name += f",V={uidvalidity},U={uid},F={tag}"
    return name


def place_name(base: str, letters: str) -> str:
    """`cur/BASE:2,LETTERS`, or `new/BASE` for a message with no flags at all."""
    return f"cur/{base}:2,{letters}" if letters else f"new/{base}"


def letters_of(bits: int) -> str:
    """The flag letters of a bit set of the store."""
    return flag_words.to_letters(flag_words.from_bits(bits, ""))


def flagged_name(file: str, letters: str) -> str:
    """The name of a file with other flags. It does not go back to new/: it was taken notice of."""
    subdirectory, _, name = file.partition("/")
    base = name.partition(":")[0]
    if subdirectory == "new" and not letters:
        return file
    return f"cur/{base}:2,{letters}"


# -- folder names ------------------------------------------------------------------------------


def encode_level(level: str, forced: int = 0) -> str:
    """One file name for one level of a folder name, `forced` leading octets written as %XX at any rate.

    Injective, and decodable by `decode_level` unless it had to be shortened.
    """
    if not level:
        return "%_"
    raw = level.encode("utf-8", "surrogatepass")
    if level.startswith(".") or level.lower() in SUBDIRECTORIES:
        forced = max(forced, 1)
    encoded = "".join(f"%{byte:02X}" for byte in raw[:forced]) + _quoted(raw[forced:])
    if len(encoded.encode()) > _LONGEST:
        encoded = _shortened(encoded, raw)
    return encoded


def _quoted(raw: bytes) -> str:
    text = raw.decode("utf-8", "surrogateescape")
    if text.isprintable() and "%" not in text and "/" not in text and "\\" not in text:
        return text
    return "".join(
        c
        if c.isprintable() and c not in "%/\\"
        else "".join(f"%{b:02X}" for b in c.encode("utf-8", "surrogateescape"))
        for c in text
    )


def _shortened(encoded: str, raw: bytes) -> str:
    import hashlib

    head = encoded.encode()[:100].decode("utf-8", "ignore")
    head = re.sub(r"%[0-9A-F]?$", "", head)
    return f"{head}%~{hashlib.sha256(raw).hexdigest()[:32]}"


def decode_level(name: str) -> str | None:
    """The level an encoded name stands for; None if it was shortened or is not of our making."""
    if name == "%_":
        return ""
    if "%" not in name:
        return name
    if not re.fullmatch(r"(?:[^%]|%[0-9A-F]{2})*", name):
        return None
    raw = re.sub(
        rb"%([0-9A-F]{2})", lambda m: bytes((int(m[1], 16),)), name.encode("utf-8", "surrogateescape")
    )
    return raw.decode("utf-8", "surrogatepass") if _is_utf8(raw) else None


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _folded(name: str) -> str:
    """Equal for names that some file system takes for the same."""
    if name.isascii():
        return name.lower()
    import unicodedata

    return unicodedata.normalize("NFC", name).casefold()


class Directories:
    """The directories of an account's folders (name -> `/`-joined directory), to find names for more.

    Levels that exist already keep their directory; a new one that differs from its neighbours in case
    only has its first octets written as %XX, so that both can live on any file system.
    """

    def __init__(self, taken: Mapping[str, str]) -> None:
        self._known: dict[tuple[str, ...], str] = {}
        self._neighbours: dict[str, dict[str, str]] = {}
        for name, path in taken.items():
            self.add(name, path)

    def add(self, name: str, path: str) -> None:
        parts, directories = name.split("/"), path.split("/")
        if len(parts) != len(directories):
            parts = [name]
        for depth, directory in enumerate(directories):
            self._known.setdefault(tuple(parts[: depth + 1]), directory)
            above = "/".join(directories[:depth])
            self._neighbours.setdefault(above, {})[_folded(directory)] = directory

    def levels(self, name: str) -> list[str]:
        """The directory names for a folder, one for each level."""
        levels = name.split("/")
        if len(levels) > _DEEPEST or len(name.encode("utf-8", "surrogatepass")) > _LONGEST_PATH // 3:
            levels = [name]
        result: list[str] = []
        for depth, level in enumerate(levels):
            directory = self._known.get(tuple(levels[: depth + 1]), "")
            if not directory:
                beside = self._neighbours.get("/".join(result), {})
                forced = 0
                directory = encode_level(level)
                while _folded(directory) in beside:
                    forced += 1
                    directory = encode_level(level, forced)
            result.append(directory)
        return result


def directory_levels(name: str, taken: Mapping[str, str]) -> list[str]:
    """The directory names for a folder, given the folders that are there; see `Directories`."""
    return Directories(taken).levels(name)


def folder_tag(account: str, name: str, taken: Iterable[str]) -> str:
    """A short tag for a folder, the same whenever it is made anew from the same names."""
    import hashlib

    held = set(taken)
    salt = 0
    while True:
        seed = f"{account}\0{name}\0{salt}".encode("utf-8", "surrogatepass")
        tag = "".join(ALPHABET[b % len(ALPHABET)] for b in hashlib.sha256(seed).digest()[:_TAG_LENGTH])
        if tag not in held:
            return tag
        salt += 1
