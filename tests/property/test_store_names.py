"""Folder names come from servers: whatever they are, they stay in the tree and apart."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from mailcli.model.flags import SYSTEM
from mailcli.model.ids import new_id
from mailcli.store import maildir

WORDS = ("..", ".", "", "cur", "new", "tmp", "CUR", "Tmp", ".mailcli", "con", "a:2,S")
SIGNS = ("%", "%2E", "%_", "%~", "\\", "\0", "a\x1bb", "\ud800", "\u202e")
LETTERS = ("é", "e\u0301", "ﬀ", "İ", "ß", "a" * 300, "é" * 130)
NASTY = st.sampled_from((*WORDS, *SIGNS, *LETTERS))
LEVEL = NASTY | st.text(max_size=12) | st.text(alphabet="aA%/.2E_~", max_size=6)
NAMES = st.lists(st.lists(LEVEL, min_size=1, max_size=4).map("/".join), min_size=1, max_size=8, unique=True)


@given(LEVEL.filter(lambda level: "/" not in level))
def test_a_level_becomes_one_harmless_file_name(level: str) -> None:
    name = maildir.encode_level(level)
    assert name
    assert "/" not in name
    assert name.isprintable()
    assert not name.startswith(".")
    assert name.lower() not in maildir.SUBDIRECTORIES
    assert len(name.encode()) <= 255
    assert maildir.decode_level(name) == level or "%~" in name


@given(LEVEL.filter(lambda level: "/" not in level), st.integers(0, 40))
def test_a_level_is_the_same_however_much_of_it_is_escaped(level: str, forced: int) -> None:
    name = maildir.encode_level(level, forced)
    assert maildir.decode_level(name) == level or "%~" in name


@given(NAMES)
@example(["a", "A", "a/b", "A/b", "A/B", "a/B"])
@example(["x" * 999, "x" * 998 + "/y"])
@example(["/".join("d" * 60), "/".join("d" * 59)])
@example(["a//b", "a/b", "/a", "a/", "/"])
@example(["é", "e\u0301", "É"])
def test_different_folders_have_different_directories_on_any_file_system(names: list[str]) -> None:
    taken: dict[str, str] = {}
    for name in names:
        levels = maildir.directory_levels(name, taken)
        for level in levels:
            assert level not in ("", ".", "..")
            assert "/" not in level
            assert "\0" not in level
            assert len(level.encode()) <= 255
        path = "/".join(levels)
        assert len(path.encode()) < 3500
        taken[name] = path
    folded = {unicodedata.normalize("NFC", path).casefold() for path in taken.values()}
    assert len(folded) == len(names)


@given(NAMES)
def test_a_folder_lies_in_the_directory_of_the_one_above_it(names: list[str]) -> None:
    taken: dict[str, str] = {}
    for name in sorted(names, key=lambda n: n.count("/")):
        taken[name] = "/".join(maildir.directory_levels(name, taken))
    for name, path in taken.items():
        above, slash, _ = name.rpartition("/")
        if slash and above in taken and path.count("/") == name.count("/"):
            assert path.rpartition("/")[0] == taken[above]


@given(
    st.floats(0, 1e11),
    st.text(alphabet="abcxyz/:,. é\n", max_size=80),
    st.integers(0, 1 << 40),
    st.integers(1, (1 << 32) - 1) | st.none(),
    st.integers(1, (1 << 32) - 1),
    st.sets(st.sampled_from([*SYSTEM, "$Forwarded"])),
)
def test_a_file_name_says_what_was_put_in(
    when: float, host: str, size: int, uid: int | None, uidvalidity: int, flags: set[str]
) -> None:
    from mailcli.model.flags import from_letters, to_letters

    identity = new_id()
    base = maildir.make_name(
        when, identity, _escaped(host), size, uidvalidity=uidvalidity, uid=uid, tag="abc234"
    )
    file = maildir.place_name(base, to_letters(flags))
    directory, _, name = file.partition("/")
    assert "/" not in name
    assert directory == ("cur" if flags else "new")
    read = maildir.parse_name(name)
    assert (read.base, read.id, read.size, read.uid) == (base, identity, size, uid)
    assert (read.uidvalidity, read.tag) == ((uidvalidity, "abc234") if uid else (None, ""))
    assert from_letters(read.letters or "") == flags


def _escaped(host: str) -> str:
    import os
    from unittest.mock import patch

    class Named:
        nodename = host

    with patch.object(os, "uname", lambda: Named):
        return maildir.host_name()


@given(st.text(max_size=80))
def test_any_file_name_can_be_read(name: str) -> None:
    read = maildir.parse_name(name)
    assert read.base == name.partition(":")[0]
    if read.id is not None:
        assert len(read.id) == 8
