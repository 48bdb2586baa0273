from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.letters import memory_directory


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Killed processes leave what they wrote, on a disk or in memory; memory is faster."""
    with memory_directory() as directory:
        yield directory
