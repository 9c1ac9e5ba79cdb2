"""Mapping by HTTP: what goes out comes back the same, and what cannot be read is named with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ip_fhir.domain.message import Message
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.exchange import Exchange
from tests.support.own_program import Program, done, refused
from tests.support.two_sides import EXAMPLES, form, notice

FHIR = "application/fhir+json"
V2 = "x-application/hl7-v2+er7"


@pytest.fixture
def program(municipality: Program) -> Program:
    """A program that names no author: nothing is stored."""
    return municipality.without("Author-Id", "Author-Name")


def plan() -> IndividualPlan:
    """An example plan."""
    return read(IndividualPlan, min((EXAMPLES / "plans").glob("*.json")).read_bytes())


def test_a_plan_to_fhir_and_back(program: Program) -> None:
    """The same plan, and no warning; a Bundle without one is refused with its place."""
    answer = program.post("map/plan-to-fhir", plan())
    assert answer.headers["content-type"] == FHIR
    back = done(program.post("map/plan-from-fhir", answer.content, Content_Type=FHIR))
    assert back == {"plan": plan().to_data()}
    refused(program.post("map/plan-from-fhir", b'{"resourceType": "Bundle"}', Content_Type=FHIR), 422, "required")
    refused(program.post("map/plan-from-fhir", b'{"a": 1}', Content_Type=FHIR), 400, "structure", "resourceType")
    refused(program.post("map/plan-from-fhir", b"MSH|^~", Content_Type=FHIR), 400, "structure")


def test_a_plan_onto_anothers_bundle(program: Program) -> None:
    """Theirs comes back to the digit but for what our plan changes, and what left it is told; one half is refused."""
    theirs = program.post("map/plan-to-fhir", plan()).json()
    goal = next(one["resource"] for one in theirs["entry"] if one["resource"]["resourceType"] == "Goal")
    goal["extension"] = [*goal.get("extension", ()), {"url": "https://record.example/weight", "valueDecimal": 0}]
    ours = program.post("map/plan-to-fhir", plan().evolve(title="Ny tittel", needs=())).json()

    def both(**given: object) -> bytes:
        parameters = [{"name": name, "resource": one} for name, one in given.items()]
        whole = json.dumps({"resourceType": "Parameters", "parameter": parameters})
        return whole.replace('"valueDecimal": 0', '"valueDecimal": 1.50').encode()

    answer = program.post("map/plan-onto-bundle", both(plan=ours, onto=theirs), Content_Type=FHIR)
    assert b'"valueDecimal":1.50' in answer.content
    written = {one["name"]: one["resource"] for one in done(answer)["parameter"]}
    titles = [one["resource"].get("title") for one in written["bundle"]["entry"]]
    assert "Ny tittel" in titles
    assert written["outcome"]["issue"]
    same = done(program.post("map/plan-onto-bundle", both(plan=theirs, onto=theirs), Content_Type=FHIR))
    assert [one["name"] for one in same["parameter"]] == ["bundle"]
    place = "Parameters.parameter.where(name='onto')"
    refused(program.post("map/plan-onto-bundle", both(plan=ours), Content_Type=FHIR), 422, "required", place)
    refused(program.post("map/plan-onto-bundle", b'{"resourceType": "Bundle"}', Content_Type=FHIR), 422, "required")


def test_a_plan_to_hl7v2_and_back(program: Program) -> None:
    """PPG^PCG, with a warning for each thing that a pathway has no place for."""
    answer = program.post("map/plan-to-hl7v2", plan())
    assert answer.headers["content-type"].startswith(V2)
    assert answer.content.startswith(b"MSH|")
    back = program.post("map/plan-from-hl7v2", answer.content, Content_Type=V2)
    assert done(back)["plan"]["owner"]["name"] == plan().owner.to_data()["name"]


def test_a_message_both_ways(program: Program) -> None:
    """A notice as a FHIR message and as a REF, and back."""
    message = Message.of_notice(notice("03"), "message-03").to_data()
    bundle = program.post("map/message-to-fhir", message)
    assert done(program.post("map/message-from-fhir", bundle.content, Content_Type=FHIR)) == {"message": message}
    for query in ("", "?peer=hospital"):
        er7 = program.post(f"map/message-to-hl7v2{query}", message)
        read_again = done(program.post(f"map/message-from-hl7v2{query}", er7.content, Content_Type=V2))["message"]
        assert read_again["notice"]["owner"]["name"] == message["notice"]["owner"]["name"]
    refused(program.post("map/message-from-hl7v2", b"MSH|", Content_Type=V2), 400, "structure")
    refused(program.post("map/message-from-hl7v2", b"{}", Content_Type=V2), 400, "structure")
    assert program.post("map/message-to-hl7v2?peer=nobody", message).status_code in {404, 422}


def test_a_message_about_a_plan(program: Program) -> None:
    """It is read as such."""
    content = (EXAMPLES / "plan_messages" / "invitation.json").read_bytes()
    found: dict[str, Any] = done(program.post("map/message-from-fhir", content, Content_Type=FHIR))
    assert found["plan_message"]["kind"] == "invitation"


def test_checks(program: Program) -> None:
    """What a plan lacks of the regulation, what a green form lacks to close the loop, and what a person should see."""
    checked = done(program.post("check/plan", plan()))
    assert [item["item"] for item in checked["items"]] == list("abcdefghi")
    assert checked["complete"] is all(not item.get("missing") for item in checked["items"])
    incomplete = done(program.post("check/green-form", form("03-stroke-patient-1")))
    assert (incomplete["complete"], bool(incomplete["missing"])) == (False, True)
    assert done(program.post("check/green-form", form("03-stroke-patient-2"))) == {"complete": True}
    assert done(program.post("check/notice", notice("03")))["complete"] is True
    refused(program.post("check/notice", {"id": "n"}), 422, "required", "owner")


def test_nothing_is_stored(program: Program, loop: Any) -> None:
    """A check or a mapping leaves no trace."""
    exchange: Exchange = loop.municipality.exchange
    before = exchange.store.head()
    done(program.post("check/notice", notice("03")))
    done(program.post("map/plan-to-fhir", plan()))
    assert exchange.store.head() == before
