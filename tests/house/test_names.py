"""The documents name only what is there: paths, modules, commands, targets; the gate that holds this can fail."""

import tomllib
from pathlib import Path

import pytest

from tests.house import names_gate


def test_whatever_the_documents_name_is_there(checkout: Path) -> None:
    """Each path, module, command, option and make target in the documents exists."""
    found = {
        document.name: problems
        for document in names_gate.documents(checkout)
        if (problems := names_gate.problems(document.read_text(encoding="utf-8"), checkout))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Read `ip_fhir/exchange/outlandish.py` first.", "no such path: ip_fhir/exchange/outlandish.py"),
        ("The gates are in `tests/golden/`.", "no such path: tests/golden/"),
        ("See `ip_fhir.testing.AdapterOfNobody`.", "no such name: ip_fhir.testing.AdapterOfNobody"),
        ("Call `ip_fhir.nowhere.read`.", "no such name: ip_fhir.nowhere.read"),
        ("```python\nfrom ip_fhir import Plan, read\n```", "no such name: ip_fhir.Plan"),
        ("    ip-fhir outbox empty --config x.toml", "no such command: ip-fhir outbox empty"),
        ("    ip-fhir outbox list --colour", "no such option: ip-fhir outbox list --colour"),
        ("Run `make coffee`.", "no such target: make coffee"),
    ],
)
def test_gate_sees_what_is_not_there(checkout: Path, text: str, problem: str) -> None:
    """A path, a name, a command, an option and a target that do not exist are each seen, by name."""
    assert names_gate.problems(text, checkout) == [problem]


def test_gate_allows_what_is_there(checkout: Path) -> None:
    """What exists is let through, and so are a pattern, an entry point's group and words that only look alike."""
    text = (
        "`ip_fhir/exchange/inbound.py`, `adapters/ip_fhir_<system>/`, the group `ip_fhir.adapters`, "
        "`ip_fhir.ports.Store`, `ip-fhir outbox list --config FILE`, `ip-fhir --version`, `make test ARGS=x`; "
        "to make sure, ip_fhir/nothing is"
    )
    assert names_gate.problems(text, checkout) == ["no such path: ip_fhir/nothing"]


def test_the_floors_are_those_of_the_contract(checkout: Path) -> None:
    """CONTRIBUTING draws the floors that the layer contract holds, in its order."""
    text = (checkout / "CONTRIBUTING.md").read_text(encoding="utf-8")
    drawn = text.partition("<!-- floors -->\n")[2].partition("\n\n")[0]
    settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (one for one in settings["tool"]["importlinter"]["contracts"] if one["id"] == "layers")
    floors = [" ".join(floor.replace("(", "").replace(")", "").split()) for floor in contract["layers"]]
    assert [line.strip() for line in drawn.splitlines()] == floors
