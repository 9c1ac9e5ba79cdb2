"""The abilities of a server, as its CapabilityStatement names them."""

from typing import Any

import pytest

from ip_fhir.fhir.rest.linking import linked
from ip_fhir.fhir.rest.ways import Ways

WRITES = [{"code": "create"}]
TASK = {"type": "Task", "interaction": WRITES, "searchParam": [{"name": "identifier"}], "conditionalCreate": True}


def statement(*resources: Any, interaction: Any = ({"code": "transaction"},), mode: str = "server") -> dict[str, Any]:
    """A CapabilityStatement."""
    rest = [{"mode": mode, "resource": [*resources], "interaction": [*interaction]}]
    return {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": rest}


def test_all_can_be_done() -> None:
    """Nothing rules it out, and no way round is needed."""
    ways = Ways.of(statement(TASK))
    assert (ways.refusals(["Task"]), ways.detours(["Task"])) == ([], [])


def test_ways_round() -> None:
    """What is left out, created by name, or searched for first is told by type."""
    searched = {"type": "Goal", "interaction": WRITES, "searchParam": [{"name": "identifier"}]}
    unsearched = {"type": "Consent", "interaction": [{"code": "update"}], "searchParam": [{"name": "patient"}]}
    ways = Ways.of(statement(TASK, searched, unsearched, {"type": "CarePlan", "interaction": [{"code": "read"}]}))
    told = ways.detours(["Task", "Goal", "Consent", "CarePlan", "CareTeam"])
    assert [one.partition(":")[0] for one in told] == ["CarePlan", "CareTeam", "Consent", "Goal"]
    assert ways.refusals(["Task", "CareTeam"]) == ["cannot create CareTeam"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({**statement(TASK), "fhirVersion": "3.0.2"}, "is no R4 server: 3.0.2"),
        ({**statement(TASK), "fhirVersion": None}, "is no R4 server: no version"),
        (statement(TASK, interaction=[{"code": "batch"}]), "takes no transactions: a message might be written in part"),
        (statement(), "cannot create Task"),
        (statement(TASK, mode="client"), "takes no transactions: a message might be written in part"),
    ],
)
def test_refusals(content: dict[str, Any], words: str) -> None:
    """Another version, no transactions, or no Task: words say it."""
    assert words in Ways.of(content).refusals(["Task"])


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"rest": 1},
        {"rest": [1, None]},
        {"rest": [{"resource": {"type": "Task"}, "interaction": "transaction"}]},
        {"rest": [{"resource": [{"interaction": [1], "searchParam": 2, "conditionalCreate": "yes"}]}]},
    ],
)
def test_what_is_no_statement(content: dict[str, Any]) -> None:
    """Nothing is taken for an ability that is not said to be one."""
    ways = Ways.of(content)
    assert not ways.transaction
    assert not (ways.writable | ways.searchable | ways.conditional) - {"None"}
    assert ways.refusals(["Task"])


def test_linked() -> None:
    """References are renamed at any depth, words are kept, contained ones and others stay."""
    resource: dict[str, Any] = {
        "contained": [{"id": "a", "managing": {"reference": "Organization/1"}}],
        "x": [{"reference": "#a"}, {"reference": "Patient/1", "display": "Kept"}, {"reference": "Goal/9"}, "y", 1],
    }
    made = linked(resource, {"Organization/1": "Organization/77", "Patient/1": None})
    assert made["contained"][0]["managing"] == {"reference": "Organization/77"}
    assert made["x"] == [{"reference": "#a"}, {"display": "Kept"}, {"reference": "Goal/9"}, "y", 1]
    assert resource["x"][1] == {"reference": "Patient/1", "display": "Kept"}
