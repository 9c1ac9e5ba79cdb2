"""The parties around one plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ring import Ring, make_ring


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    """A municipality that holds the plan, a hospital, a school, a general practice, and another municipality."""
    made = make_ring(tmp_path)
    yield made
    made.close()
