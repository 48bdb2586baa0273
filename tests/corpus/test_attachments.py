"""The attachments of every fixture, saved: inside the directory, under harmless names, over nothing."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from mailcli.app import reading
from mailcli.mime import read
from mailcli.model.message import Part
from tests.corpus import corpus

pytestmark = pytest.mark.skipif(corpus.directory() is None, reason="the corpus is not beside the checkout")


def attachments() -> list[tuple[Part, bytes]]:
    found = []
    for path, data in corpus.fixtures().items():
        if path.endswith((".json", ".xml", ".expected", ".yaml", ".txt")):
            continue
        parts = [part for part in read.parts(data) if part.attachment]
        found += [(part, read.part_bytes(data, part)) for part in parts[:20] if part.size < 1_000_000]
    return found


def test_every_attachment_of_the_fixtures_is_saved_as_a_new_plain_file(tmp_path: Path) -> None:
    directory = tmp_path / "in" / "here"
    directory.mkdir(parents=True)
    there = attachments()
    assert len(there) > 400
    saved = [path for part, data in there for path in reading.save_chosen([(part, data)], directory)]
    assert len(set(saved)) == len(there)
    assert sorted(directory.iterdir()) == sorted(saved)
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["here"]
    for (_, data), path in zip(there, saved, strict=True):
        assert path.parent == directory
        assert path.is_file() and not path.is_symlink()
        assert path.stat().st_size == len(data)
        assert len(os.fsencode(path.name)) <= 255
        assert not path.name.startswith((".", "-", "~"))
        assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in path.name)
