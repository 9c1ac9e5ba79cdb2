"""The commands of docs/integration-engine.md, run as they stand there: on files, and against a mock."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from ip_fhir.demo.place import DemoParty, SimulatedClock, loop_parties, write_settings
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import read
from tests.cli.conftest import Ran, Run
from tests.support.two_sides import START, notice

_TRIED = re.compile(r"<!-- tried: tests/cli/test_integration_engine.py -->\n```sh\n(.*?)```", re.DOTALL)


@pytest.fixture
def boxes(checkout: Path) -> list[list[str]]:
    """The lines of each box that is tried."""
    page = (checkout / "docs" / "integration-engine.md").read_text(encoding="utf-8")
    return [box.strip().splitlines() for box in _TRIED.findall(page)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the page: a notice, and a hospital that speaks HL7 v2 with the municipality. Time goes on."""
    place = tmp_path / "run"
    hospital, town = loop_parties(notice("03"))
    write_settings(place, (hospital, DemoParty(town.name, town.organization, town.role, hl7v2=True)), "en")
    clock = SimulatedClock(place / "clock")
    clock.set(START)
    (place / "notice.json").write_text(notice("03").to_json(), encoding="utf-8")
    monkeypatch.chdir(place)
    monkeypatch.setenv("IP_FHIR_PEERS__0__TIMEOUT", "250")  # the machine may be busy with other tests
    monkeypatch.setenv("IP_FHIR_WORKER__LEASE", "600")
    over = threading.Event()

    def tick() -> None:
        now = START
        while not over.wait(0.1):
            now += timedelta(seconds=0.5)
            clock.set(now)

    ticking = threading.Thread(target=tick)
    ticking.start()
    try:
        yield place
    finally:
        over.set()
        ticking.join()


def do(run: Run, line: str) -> Ran:
    """Run a line in this process; what it prints goes to the file that the line names."""
    command, _, target = line.partition(" > ")
    ran = run(*shlex.split(command)[1:])
    assert ran.code == 0, (line, ran)
    if target:
        Path(target).write_bytes(ran.out)
    return ran


@contextmanager
def beside(line: str) -> Iterator[Path]:
    """A line that ends with &, as a process of its own, from its first line of output on; it must end well."""
    command, _, target = line.removesuffix(" &").partition(" > ")
    arguments = [sys.executable, "-m", "ip_fhir.cli", *shlex.split(command)[1:]]
    output = Path(target)
    with output.open("wb") as written, Path("mock.err").open("wb") as errors:
        process = subprocess.Popen(arguments, stdout=written, stderr=errors, env=os.environ)
    try:
        end = time.monotonic() + 300
        while not output.read_bytes():
            assert process.poll() is None, Path("mock.err").read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        yield output
    finally:
        process.terminate()
        code = process.wait(300)
    assert code == 0


@pytest.mark.timeout(1800)  # the machine may be busy with other tests
def test_the_page(run: Run, boxes: list[list[str]], folder: Path) -> None:
    """Files are mapped and checked; the mock takes the message that was sent, and its answer comes over MLLP."""
    on_files, against_mock = boxes
    for line in on_files:
        do(run, line)
    first, *others = against_mock
    with beside(first) as output:
        for line in others:
            do(run, line)
    (came,) = (folder / "came").iterdir()
    assert b"MOCK" in came.read_bytes()
    assert read(came.read_bytes(), DEFAULT_LIMITS).event[:2] == ("RRI", "I12")
    journal = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert journal[0]["mock"] == "municipality"
    assert [entry["received"] for entry in journal if "received" in entry] == ["new-notice"]
    assert [entry["did"] for entry in journal if "did" in entry] == ["rejection"]
    assert "this is a MOCK of municipality" in (folder / "mock.err").read_text(encoding="utf-8")
    given = notice("03").owner
    assert given.name.family is not None
    assert given.name.family not in output.read_text(encoding="utf-8")
