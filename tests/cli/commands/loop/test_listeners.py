"""`serve` and `work` run the listeners that the settings name, and end them when they end."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Run, Sides
from tests.support.plugin_site import LISTENER, install


@pytest.fixture
def notes(sides: Sides, plugin_site: Path) -> Path:
    """Where the hospital's listener notes its start and stop."""
    install(plugin_site, "ear", "plugin_ear", LISTENER, "ip_fhir.listeners")
    add(sides.hospital, 'use = "ear"\nnotes = { path = "notes" }')
    return sides.hospital.parent / "notes"


def add(config: Path, listener: str) -> None:
    """A listener more."""
    with config.open("a", encoding="utf-8") as file:
        file.write(f"\n[[listeners]]\n{listener}\n")


def started(command: str, config: Path, site: Path, *more: str) -> subprocess.Popen[bytes]:
    """`ip-fhir serve` or `work` as a process that sees the plug-in."""
    arguments = [sys.executable, "-m", "ip_fhir.cli", command, "--config", str(config), *more]
    return subprocess.Popen(arguments, env={**os.environ, "PYTHONPATH": str(site)}, stderr=subprocess.PIPE)


def noted(notes: Path, words: str) -> bool:
    """True as soon as these are the notes, half a minute at most."""
    end = time.monotonic() + 30
    while not notes.exists() or notes.read_text(encoding="utf-8") != words:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("command", ["serve", "work"])
def test_started_and_stopped(command: str, sides: Sides, notes: Path, plugin_site: Path) -> None:
    """It runs while the process does; SIGTERM stops it and ends the process with 0."""
    with started(command, sides.hospital, plugin_site) as process:
        try:
            assert noted(notes, "start\n")
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert noted(notes, "start\nstop\n")


@pytest.mark.parametrize("command", ["serve", "work"])
def test_one_that_cannot_start(command: str, sides: Sides, notes: Path, plugin_site: Path) -> None:
    """A line that names it, and exit code 2; the one before it is stopped."""
    add(sides.hospital, 'use = "ear"\nfails = true')
    with started(command, sides.hospital, plugin_site) as process:
        assert process.wait(30) == 2
        assert process.stderr is not None
        said = process.stderr.read().decode().splitlines()
    assert said[-1] == "ip-fhir: listeners.1: ear cannot start: Address already in use"
    assert not [line for line in said if "Traceback" in line]
    assert noted(notes, "start\nstop\n")


@pytest.mark.parametrize("command", ["serve", "work"])
def test_one_that_is_wrong(run: Run, command: str, sides: Sides, notes: Path) -> None:
    """An option that it does not know, and one that is not installed: exit code 2, a line for each, nothing started."""
    add(sides.hospital, 'use = "ear"\ncolour = "blue"')
    add(sides.hospital, 'use = "nose"')
    ran = run(command, "--config", sides.hospital)
    assert ran.code == 2
    assert ran.err.splitlines()[-2:] == [
        "ip-fhir: listeners.1.colour: is not known here",
        "ip-fhir: listeners.2.use: not installed (installed: ear, fhirserver, mllp)",
    ]
    assert not notes.exists()


def test_workers_beside_a_server(run: Run, sides: Sides, notes: Path, plugin_site: Path) -> None:
    """`work --once` runs no listener, and `--no-listeners` leaves them to another process of the same settings."""
    assert run("work", "--once", "--config", sides.hospital).code == 0
    with started("work", sides.hospital, plugin_site, "--no-listeners") as process:
        try:
            run("doctor", "--config", sides.hospital)  # as long as that takes
            assert process.poll() is None
            process.terminate()
            assert process.wait(30) in (0, -15)
        finally:
            process.kill()
    assert not notes.exists()
