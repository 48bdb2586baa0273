"""Mail broken by mutation is read without an error, within its time and its bounds."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpus import corpus
from tests.support import generate, mime_law, mutate
from tests.support.enclosed import LETTERS

_LARGEST = 40_000


@cache
def mails() -> list[bytes]:
    """Generated mail, the letters written for this, and the corpus's fixtures where it is there."""
    found = [*generate.messages(60), *LETTERS]
    if corpus.directory() is not None:
        found += [
            data
            for path, data in corpus.fixtures().items()
            if path.endswith((".eml", ".msg", ".raw")) and len(data) < _LARGEST
        ]
    return found


@settings(max_examples=400)
@given(st.integers(0, 1 << 48))
def test_no_mutant_breaks_the_laws_of_the_reader(seed: int) -> None:
    mime_law.hold(mutate.mutant(seed, mails()))


def test_each_mutation_changes_mail_and_the_same_seed_gives_the_same_bytes() -> None:
    some = mails()[:40]
    assert mutate.mutant(7, some) == mutate.mutant(7, some)
    assert len({mutate.mutant(seed, some) for seed in range(200)}) > 190
