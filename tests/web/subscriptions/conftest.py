"""The municipality's endpoint, asked by the hospital; addresses of this machine may be notified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hook import LOOPBACK
from tests.support.two_sides import Loop, make_loop


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Both sides, without a loop yet."""
    made = make_loop(tmp_path, endpoints=LOOPBACK)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()
