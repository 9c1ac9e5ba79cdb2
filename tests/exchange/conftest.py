"""The two sides that most tests of the exchange need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.two_sides import Loop, make_loop


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """A hospital and a municipality."""
    made = make_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()
