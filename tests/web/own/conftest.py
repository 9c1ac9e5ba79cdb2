"""Two sides with empty stores, each with a program of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.own_program import Program, program_of
from tests.support.two_sides import Loop, make_loop


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Both sides."""
    made = make_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


@pytest.fixture
def hospital(loop: Loop) -> Program:
    """The hospital's record system."""
    return program_of(loop.hospital.exchange)


@pytest.fixture
def municipality(loop: Loop) -> Program:
    """The municipality's record system."""
    return program_of(loop.municipality.exchange)
