"""Generated data are the same whatever is imported: the order and selection of tests change no result."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import CONSTANTS_CACHE, HypothesisProvider

from tests.support.steady import LOOKED_UP


def drawn() -> list[object]:
    """What is drawn of the kinds that Hypothesis mixes constants into."""
    found: list[object] = []

    @settings(
        deadline=None,
        max_examples=500,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers() | st.text() | st.floats(allow_nan=False))
    def collect(value: object) -> None:
        found.append(value)

    collect()
    return found


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hypothesis as it comes."""
    monkeypatch.setattr(HypothesisProvider, "_local_constants", LOOKED_UP)
    yield
    CONSTANTS_CACHE.cache.clear()


def load_a_module(place: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Import a module of ours with numbers and a text that nothing else has."""
    file = place / f"constants_{number}.py"
    file.write_text(f'NUMBER = {number}\nTEXT = "nobody says {number}"\nHALF = {number}.5\n', encoding="utf-8")
    spec = spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, file.stem, module)
    spec.loader.exec_module(module)


def test_what_is_imported_changes_no_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module more or less gives the same examples."""
    before = drawn()
    load_a_module(tmp_path, monkeypatch, 31_415_926_535)
    assert drawn() == before


@pytest.mark.usefixtures("looked_up")
def test_it_would_change_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate can fail: left to itself Hypothesis draws what stands in the module."""
    before = drawn()
    for number in range(27_182_818_284, 27_182_818_384):  # one among many loaded ones may happen not to be drawn from
        load_a_module(tmp_path, monkeypatch, number)
        if drawn() != before:
            return
    pytest.fail("nothing that was loaded is drawn from")
