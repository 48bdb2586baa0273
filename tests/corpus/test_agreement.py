"""What other parsers' fixtures expect, held against our reading. See `agreement.py`."""

from __future__ import annotations

import pytest

from tests.corpus import agreement, corpus

pytestmark = pytest.mark.skipif(corpus.directory() is None, reason="the corpus is not beside the checkout")


@pytest.fixture(scope="module")
def counted() -> tuple[str, set[agreement.Key]]:
    return agreement.counted()


def test_the_published_agreement_is_true(counted: tuple[str, set[agreement.Key]]) -> None:
    assert counted[0] == agreement.TABLE.read_text()


def test_each_difference_is_listed_and_none_is_that_is_gone(
    counted: tuple[str, set[agreement.Key]],
) -> None:
    assert counted[1] == set(agreement.reasons())


def test_each_difference_is_explained() -> None:
    assert [key for key, reason in agreement.reasons().items() if len(reason) < 10] == []
