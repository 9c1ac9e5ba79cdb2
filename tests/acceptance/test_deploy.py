"""examples/deploy: the units are hardened, and what the container file does gives a side that runs as it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ip_fhir.demo.place import free_ports

DEPLOY = Path(__file__).parents[2] / "examples" / "deploy"
UNITS = sorted(path.name for path in DEPLOY.glob("*.service"))
MOST_EXPOSED = 3.0


def instructions() -> list[tuple[str, str]]:
    """The instructions of the container file, in order: the word and the rest, lines joined."""
    said = re.sub(r"\\\n", " ", (DEPLOY / "Containerfile").read_text())
    lines = (line for line in said.splitlines() if line and not line.startswith("#"))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def given(word: str) -> list[str]:
    """The instructions of one word."""
    return [rest for first, rest in instructions() if first == word]


@pytest.mark.may_skip("not every machine has systemd")
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_hardened(unit: str) -> None:
    """By systemd's own scale, 0 to 10, its exposure is below 3."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze")
    command = [program, "security", "--offline=true", "--no-pager", str(DEPLOY / unit)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", ran.stdout)
    assert found is not None, ran.stderr
    assert float(found[1]) < MOST_EXPOSED


@pytest.mark.may_skip("not every machine has systemd")
def test_the_units_are_well_formed(tmp_path: Path) -> None:
    """With a program at its place systemd has nothing to say about service, backup and timer."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze")
    for path in (*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")):
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/ip-fhir/bin/ip-fhir", "/bin/true"))
    units = sorted(str(path) for path in tmp_path.iterdir())
    ran = subprocess.run([program, "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    ours = [line for line in ran.stderr.splitlines() if "ip-fhir" in line]
    assert (ran.returncode, ours) == (0, [])


def test_the_image_runs_as_nobody_in_particular() -> None:
    """In the second stage: a user by number, the store's folder the only volume, settings by environment, no shell."""
    stages = given("FROM")
    assert len(stages) == 2
    assert stages[0].endswith("AS build")
    assert given("USER") == ["10001:10001"]
    assert given("VOLUME") == ["/var/lib/ip-fhir"]
    (entry,), (command,) = given("ENTRYPOINT"), given("CMD")
    assert json.loads(entry) + json.loads(command) == ["ip-fhir", "serve", "--log-format", "json"]
    assert "/health/live" in given("HEALTHCHECK")[0]
    last = [word for word, _ in instructions()]
    assert "COPY" not in last[last.index("USER") :], "nothing is put in as that user"


def copy_sources(checkout: Path, sources: Path) -> None:
    """Copy what the container file copies for the wheel, to where it does."""
    for rest in given("COPY")[:-1]:
        *names, target = rest.split()
        place = sources / target.removeprefix("/src").strip("/")
        for name in names:
            if (checkout / name).is_dir():
                shutil.copytree(checkout / name, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                place.mkdir(exist_ok=True, parents=True)
                shutil.copy(checkout / name, place)


def until_alive(process: subprocess.Popen[str], port: int, environ: dict[str, str]) -> None:
    """Wait until the health check of the container file says yes."""
    check = json.loads(given("HEALTHCHECK")[0].partition("CMD ")[2])
    check = [sys.executable, *(one.replace(":8080/", f":{port}/") for one in check[1:])]
    for _ in range(300):
        assert process.poll() is None
        if subprocess.run(check, env=environ, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.3)
    pytest.fail("it never was alive")


def test_what_the_container_file_does(tmp_path: Path, checkout: Path) -> None:
    """From the files that it copies, and from no others, a wheel is made; it serves by its environment and is alive.

    Folders that only root could write are read-only here too: the program writes in the store's folder alone.
    """
    sources = tmp_path / "src"
    copy_sources(checkout, sources)
    installed = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(installed), str(sources)], check=True)
    (port,) = free_ports(1)
    environ = dict(pair.split("=", 1) for rest in given("ENV") for pair in shlex.split(rest))
    settings = tmp_path / "etc" / "side.toml"
    settings.parent.mkdir()
    shutil.copy(checkout / "examples" / "settings" / "municipality.toml", settings)
    said = settings.read_text().replace(
        'agreements = "../agreements/', f'agreements = "{checkout}/examples/agreements/'
    )
    store = tmp_path / "store"
    store.mkdir()
    settings.write_text(re.sub(r'(?m)^database = "[^"]*"', f'database = "sqlite:///{store}/side.sqlite"', said))
    environ |= {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(installed),
        "IP_FHIR_CONFIG": str(settings),
        "IP_FHIR_HTTP__HOST": "127.0.0.1",
        "IP_FHIR_HTTP__PORT": str(port),
    }
    (command,) = given("CMD")
    program = [sys.executable, "-m", "ip_fhir.cli", *json.loads(command)]
    before = {path for path in tmp_path.rglob("*") if store not in path.parents}
    process = subprocess.Popen(program, env=environ, cwd=store, stderr=subprocess.PIPE, text=True)
    try:
        until_alive(process, port, environ)
        where = [sys.executable, "-c", "import ip_fhir; print(ip_fhir.__file__)"]
        assert (
            str(installed)
            in subprocess.run(where, env=environ, cwd=store, capture_output=True, text=True, check=True).stdout
        )
    finally:
        process.terminate()
        _, log = process.communicate(timeout=100)
    assert process.returncode == 0
    assert all(json.loads(line)["logger"] for line in log.splitlines()), "each line of the log is JSON"
    assert {path for path in tmp_path.rglob("*") if store not in path.parents} == before, "it wrote nowhere else"
    assert (store / "side.sqlite").exists()
