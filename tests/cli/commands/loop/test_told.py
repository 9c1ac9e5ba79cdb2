"""`ip-fhir told`: who is told and how far; a webhook is sent its events again from a number on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run, Sides
from tests.exchange.telling.conftest import KEY


@pytest.fixture
def config(sides: Sides) -> Path:
    """The municipality, with a webhook and an address that nobody can reach."""
    text = sides.municipality.read_text(encoding="utf-8")
    told = f"""
[[told]]
name = "ehr"
way = "webhook"
url = "http://127.0.0.1:9/told"
keys = ["{KEY}"]
[[told]]
name = "team"
way = "e-mail"
recipients = ["team@ke.example"]
[smtp]
host = "127.0.0.1"
port = 9
security = "plain"
sender = "ip-fhir@ke.example"
"""
    sides.municipality.write_text(f"{text}\n{told}", encoding="utf-8")
    return sides.municipality


def test_who_is_told(run: Run, config: Path) -> None:
    """A line for each, an address by its key; nobody, where settings name none."""
    found = run("told", "list", "--config", config, "--json").data
    assert [(one["name"], one["way"], one["last"], one["waiting"], one["parked"]) for one in found] == [
        ("ehr", "webhook", 0, 0, 0),
        ("team", "e-mail", 0, 0, 0),
    ]
    shown = run("told", "list", "--config", config)
    assert (shown.code, "ehr" in shown.text, "team@ke.example" in shown.text) == (0, True, False)


def test_nobody_is_told(run: Run, sides: Sides) -> None:
    """Then it says so."""
    assert run("told", "list", "--config", sides.hospital).text == "the settings name nobody: [[told]]\n"


@pytest.mark.parametrize(("name", "code"), [("ehr", 0), ("team", 2), ("nobody", 2)])
def test_replay(run: Run, config: Path, name: str, code: int) -> None:
    """Of a webhook, how many events there are; of anything else an error that says why."""
    ran = run("told", "replay", name, "--from", "1", "--config", config)
    assert ran.code == code
    if code == 0:
        assert ran.text == "ehr: 0 events from number 1 on are due now; `serve` or `work` sends them\n"
        again = run("told", "replay", name, "--from", "1", "--config", config, "--json")
        assert again.data == {"name": "ehr", "from": 1, "events": 0}
    else:
        assert name in ran.err
