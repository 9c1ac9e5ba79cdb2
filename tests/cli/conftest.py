"""Running commands: in this process, with what they wrote; and the settings of two sides."""

import io
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.cli import main
from ip_fhir.demo.place import SimulatedClock, loop_parties, write_settings
from ip_fhir.store import upgrade_store
from tests.support.two_sides import notice


@dataclass(frozen=True)
class Ran:
    """What a command did: its exit code, stdout and stderr."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """What it printed."""
        return self.out.decode()

    @property
    def data(self) -> Any:
        """What it printed, as JSON; stdout must hold one JSON text and nothing else."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process; `stdin` is what it reads."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.delenv("IP_FHIR_CONFIG", raising=False)

    def run_it(*arguments: str | Path, stdin: bytes | io.BytesIO = b"") -> Ran:
        buffer = io.BytesIO(stdin) if isinstance(stdin, bytes) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(buffer))
        capfdbinary.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return Ran(code, out, err.decode())

    return run_it


@dataclass(frozen=True)
class Sides:
    """The settings files of two sides that know one another, and their clock."""

    hospital: Path
    municipality: Path
    clock: SimulatedClock


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store as `db upgrade` makes it: a copy takes a hundredth of the time."""
    file = tmp_path_factory.mktemp("store") / "empty.sqlite"
    upgrade_store(f"sqlite:///{file}")
    return file


@pytest.fixture
def sides(bare_sides: Sides, empty_store: Path) -> Sides:
    """Two sides as the demo has them, on the morning of the notices, each with its store."""
    for file in (bare_sides.hospital, bare_sides.municipality):
        shutil.copy(empty_store, file.with_suffix(".sqlite"))
    return bare_sides


@pytest.fixture
def bare_sides(tmp_path: Path) -> Sides:
    """Two sides whose stores are not there yet."""
    place = tmp_path / "run"
    write_settings(place, loop_parties(notice("01")), "en")
    clock = SimulatedClock(place / "clock")
    clock.set(datetime(2026, 1, 12, 8, 0, tzinfo=UTC))
    return Sides(place / "hospital.toml", place / "municipality.toml", clock)
