"""Two sides with empty stores, for whoever talks to the municipality's endpoint as the hospital."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.two_sides import Loop, make_loop


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Both sides; the tests talk to the municipality, as the hospital."""
    made = make_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()
