"""`ip-fhir told`: who is told and how far; a webhook is sent its events again from a number on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run, Sides
from tests.exchange.telling.conftest import KEY
from tests.support.webhook_receiver import webhook_receiver


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


def test_try(run: Run, config: Path) -> None:
    """A trial tells at once; one that did not arrive is exit code 4, by its key, and settings must have the name."""
    with webhook_receiver() as receiver:
        text = config.read_text(encoding="utf-8").replace("http://127.0.0.1:9/told", receiver.url)
        config.write_text(text, encoding="utf-8")
        ran = run("told", "try", "ehr", "--config", config)
        assert (ran.code, ran.text.startswith("ehr: told, ")) == (0, True)
        assert [one["type"] for one in receiver.events()] == ["trial"]
    ran = run("told", "try", "team", "--config", config, "--json")
    assert (ran.code, [one["error"] for one in ran.data]) == (4, ["no connection to the mail server"])
    assert "team@ke.example" not in ran.text + ran.err
    assert run("told", "try", "nobody", "--config", config).code == 2


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
