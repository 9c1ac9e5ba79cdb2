"""Messages about a plan: there and back, of every kind, and refused with their place."""

import random
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import message_to_fhir
from ip_fhir.mapping.compiled import shipped
from ip_fhir.mapping.sharing.message import is_plan_message, plan_message_from_fhir, plan_message_to_fhir
from ip_fhir.testing.message_samples import NUMBER, plan_message
from ip_fhir.testing.message_samples import message as loop_message
from tests.mapping.damage import damaged
from tests.support.sharing_strategies import plan_messages


@pytest.mark.parametrize("kind", PlanMessageKind)
@settings(max_examples=8)
@given(st.data())
def test_a_message_comes_back(kind: PlanMessageKind, data: st.DataObject) -> None:
    """plan_message_from_fhir(plan_message_to_fhir(m)) == m, of every kind, in R4 and R5."""
    message: PlanMessage = data.draw(plan_messages(kind))
    compiled = shipped(data.draw(st.sampled_from(("R4", "R5"))))
    made: dict[str, Any] = plan_message_to_fhir(message, compiled, EVERY_PART)
    assert is_plan_message(made, compiled)
    assert plan_message_from_fhir(made, compiled) == message


def changed(kind: PlanMessageKind, at: str, value: Any) -> Any:
    """The Bundle of a message of this kind in which the value at a dotted place is another one; None: it is gone."""
    made: Any = deepcopy(plan_message_to_fhir(plan_message(kind), shipped()))
    node, (*steps, last) = made, at.split(".")
    for step in steps:
        node = node[int(step) if step.lstrip("-").isdigit() else step]
    key = int(last) if last.lstrip("-").isdigit() else last
    if value is None:
        del node[key]
    else:
        node[key] = value
    return made


K = PlanMessageKind
_OTHER_PATIENT = {"resourceType": "Patient", "id": "owner", "name": [{"family": "En", "given": ["Annen"]}]}
PLACES: list[tuple[K, str, Any, str]] = [
    (K.PLAN, "timestamp", None, "Bundle.timestamp"),
    (K.PLAN, "type", "collection", "Bundle"),
    (K.PLAN, "entry.0.resource.eventCoding.code", "x", "Bundle.entry[0].resource.eventCoding"),
    (K.PLAN, "entry.0.resource.contained.0.name", " ", "Bundle.entry[0].resource.contained[0].name"),
    (K.PLAN, "entry.0.resource.id", "no id", "Bundle.entry[0].resource.id"),
    (
        K.PLAN,
        "entry.0.resource.extension.0.valuePositiveInt",
        0,
        "Bundle.entry[0].resource.extension[0].valuePositiveInt",
    ),
    (K.PLAN, "entry.-1.resource.meta.tag", None, "Bundle.entry[3].resource.meta.tag"),
    (K.PLAN, "entry.2.resource.description.text", " ", "Bundle.entry[2].resource.description.text"),
    (K.PLAN_CHANGE, "entry.-2.resource.meta.tag", None, "Bundle.entry[3].resource.meta.tag"),
    (K.PLAN_CHANGE, "entry.-1", None, "Bundle"),
    (K.PLAN_CHANGE, "entry.-1.resource.parameter.2", None, "Bundle.entry[4].resource.parameter"),
    (
        K.PLAN_CHANGE,
        "entry.-1.resource.parameter.3.valueString",
        "x",
        "Bundle.entry[4].resource.parameter[3].valueString",
    ),
    (K.PLAN_WITHDRAWN, "entry.1.resource.parameter.1.valuePositiveInt", "4", "Bundle.entry[1].resource.parameter[1]"),
    (
        K.PLAN_CHANGE_ANSWER,
        "entry.1.resource.parameter.2.valueCoding.code",
        "x",
        "Bundle.entry[1].resource.parameter[2]",
    ),
    (
        K.PLAN_CHANGE_ANSWER,
        "entry.1.resource.parameter.4.part.0.valueString",
        " ",
        "Bundle.entry[1].resource.parameter[4]",
    ),
    (K.INVITATION, "entry.1", None, "Bundle"),
    (K.INVITATION, "entry.1.resource.name", None, "Bundle.entry[1].resource"),
    (K.INVITATION_ANSWER, "entry.1.resource.parameter.1.valueBoolean", "yes", "Bundle.entry[1].resource.parameter[1]"),
    (K.HANDOVER, "entry.2.resource.data", "%", "Bundle.entry[2].resource.data"),
    (K.HANDOVER, "entry.2.resource.data", "e30=", "Bundle.entry[2].resource.data"),
    (K.HANDOVER, "entry.2.resource.contentType", "text/plain", "Bundle.entry[2].resource"),
    (K.HANDOVER, "entry.1.resource", _OTHER_PATIENT, "Bundle.entry[2].resource.data"),
    (K.PLAN_REQUEST, "entry.2", None, "Bundle"),
    (K.PLAN_GONE, "entry.1.resource.name", " ", "Bundle.entry[1].resource.name"),
    (
        K.PLAN_STATE,
        "entry.1.resource.parameter.2.valueString",
        "x",
        "Bundle.entry[1].resource.parameter[2].valueString",
    ),
]


@pytest.mark.parametrize(("kind", "at", "value", "path"), PLACES)
def test_a_problem_of_a_message_is_told_with_its_place(kind: K, at: str, value: Any, path: str) -> None:
    """By FHIRPath: in the header, the Parameters, the cut plan, the person, the organisation or the Binary."""
    with pytest.raises(InvalidInput) as caught:
        plan_message_from_fhir(changed(kind, at, value), shipped())
    assert caught.value.problems[0].path.startswith(path)
    assert str(NUMBER) not in str(caught.value)


def test_a_withdrawal_names_share_and_number_alone() -> None:
    """It needs no consent, so it tells nothing of plan or person."""
    made = plan_message_to_fhir(plan_message(K.PLAN_WITHDRAWN), shipped())
    header, parameters = (entry["resource"] for entry in made["entry"])
    assert header["resourceType"] == "MessageHeader"
    assert [given["name"] for given in parameters["parameter"]] == ["share", "number"]


def test_absence_in_a_change_of_another_system_says_nothing() -> None:
    """Only who says `whole` has taken out what is missing; this library says it."""
    made = changed(K.PLAN_CHANGE, "entry.-1.resource.parameter.4", None)
    names = [given["name"] for given in made["entry"][-1]["resource"]["parameter"]]
    assert "whole" not in names
    read = plan_message_from_fhir(made, shipped()).change
    assert read is not None
    assert not read.whole


def test_who_made_a_change_is_never_sent() -> None:
    """The person of our own side stays here."""
    message = plan_message(K.PLAN_CHANGE)
    assert message.change is not None
    signed = message.evolve(change=message.change.evolve(by=Author(id="navn01", name="Navn Navnesen")))
    assert "Navnesen" not in str(plan_message_to_fhir(signed, shipped()))


def test_a_message_of_a_loop_is_none_about_a_plan() -> None:
    """Header by header; what is no message is none of either."""
    assert not is_plan_message(message_to_fhir(loop_message(MessageKind.NOTICE)), shipped())
    for other in (None, {}, {"entry": [None]}, {"entry": [{"resource": {"resourceType": "MessageHeader"}}]}):
        assert not is_plan_message(other, shipped())
    assert not is_plan_message(changed(K.PLAN, "entry.0.resource.eventCoding", {"system": [], "code": {}}), shipped())


def test_the_document_names_every_kind_and_parameter(checkout: Path) -> None:
    """docs/sharing-wires.md has a row for each event, and the name of each parameter and of each part of a view."""
    text = (checkout / "docs" / "sharing-wires.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| `")}
    for kind in PlanMessageKind:
        names = [
            given["name"]
            for entry in plan_message_to_fhir(plan_message(kind), shipped())["entry"]
            for given in entry["resource"].get("parameter", ())
        ]
        assert [name for name in names if f"`{name}`" not in rows[f"`{kind}`"]] == [], kind
    fields = shipped().tables.fields
    placed = [row.place for name in ("PlanView", "PlanMessageHeader") for row in fields[name].rows]
    wanted = {name for place in placed for name in re.findall(r"extension\(=?([a-z-]+)\)", place)}
    assert [name for name in wanted if f"`{name}`" not in text and f"({name})" not in text] == []


def refusal(bundle: Any) -> str:
    """The words of the refusal of a message; empty if it is read."""
    try:
        plan_message_from_fhir(bundle, shipped())
    except InvalidInput as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", PlanMessageKind)
def test_damage_is_read_or_refused(kind: PlanMessageKind) -> None:
    """One random change anywhere in a message: it is read, or `InvalidInput` names the place and no person."""
    chance = random.Random(f"{kind}")
    whole = plan_message_to_fhir(plan_message(kind), shipped())
    for _ in range(250):
        there = damaged(whole, chance)
        is_plan_message(there, shipped())
        assert str(NUMBER) not in refusal(there)
