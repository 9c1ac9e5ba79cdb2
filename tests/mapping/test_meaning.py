"""Nothing that changes the meaning is read over: field cases of public reports, and damage at random places."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import (
    default,
    from_fhir,
    from_fhir_json,
    message_from_fhir,
    message_from_transaction,
    message_to_fhir,
    open_plan,
    put_plan,
    read_fhir,
    to_fhir,
)
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.table import data_of
from ip_fhir.mapping.tables.variants import VERSIONS, FhirVersion
from tests.support import strategies as make
from tests.support.two_sides import EXAMPLES, START, form, notice, organizations

_CONCEPTS = {
    "clinicalStatus": ("http://terminology.hl7.org/CodeSystem/condition-clinical", "resolved"),
    "verificationStatus": ("http://terminology.hl7.org/CodeSystem/condition-ver-status", "refuted"),
}
_LINK = [{"type": "replaced-by", "other": {"reference": "Patient/another"}}]
_EXTENSION = [{"url": "urn:x", "valueBoolean": True}]
_STATUS: list[tuple[str, Any]] = [("status", "entered-in-error"), ("modifierExtension", _EXTENSION)]
_HARM: dict[str, list[tuple[str, Any]]] = {
    "Appointment": _STATUS,
    "CarePlan": [("intent", "option"), ("intent", "proposal"), *_STATUS],
    "CareTeam": _STATUS,
    "Communication": [("status", "not-done"), *_STATUS],
    "Condition": [
        *((name, {"coding": [{"system": s, "code": c}]}) for name, (s, c) in _CONCEPTS.items()),
        ("verificationStatus", {"text": "avkreftet"}),
        ("clinicalStatus", "active"),
    ],
    "Consent": _STATUS,
    "scope": [("coding", [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}])],
    "Goal": [("lifecycleStatus", "entered-in-error"), ("modifierExtension", _EXTENSION)],
    "Organization": [("active", False), ("active", "true"), ("implicitRules", "urn:x")],
    "Patient": [("active", False), ("deceasedBoolean", True), ("link", _LINK)],
    "Practitioner": [("active", False)],
    "PractitionerRole": [("active", False)],
    "QuestionnaireResponse": [("status", "in-progress"), ("status", "stopped"), *_STATUS],
    "RelatedPerson": [("active", False)],
    "ServiceRequest": [("doNotPerform", True), ("intent", "option"), ("status", "revoked"), *_STATUS],
    "Task": [("doNotPerform", True), ("intent", "proposal"), *_STATUS],
    "detail": [("doNotPerform", True), ("status", "entered-in-error"), ("modifierExtension", _EXTENSION)],
    "name": [("use", "old"), ("use", "maiden"), ("use", "nickname"), ("use", "anonymous")],
    "telecom": [("use", "old"), ("period", {"end": "2020"})],
    "address": [("use", "old"), ("use", "billing"), ("period", {"end": "2020-01-01"})],
    "identifier": [("use", "old")],
}
"""By type of resource, or name of an element: what is set there so that the rest does not hold any more."""

_SAID_AGAIN = ("HealthcareService", "Provenance")  # derived from the whole, and never read


def field_case(shared_data: Path, name: str) -> Any:
    """The bundle of a field case, by the beginning of its file's name."""
    (file,) = (shared_data / "field").glob(f"{name}-*.json")
    return json.loads(file.read_bytes())


def refusal(bundle: Any) -> list[str]:
    """The paths for which a bundle is refused, by each verb that reads."""
    found = []
    for verb in (read_fhir, from_fhir, open_plan):
        with pytest.raises(InvalidInput) as refused:
            verb(bundle)
        found.append([problem.path for problem in refused.value.problems])
    assert found[0] == found[1] == found[2]
    return found[0]


@pytest.mark.parametrize(
    ("name", "place"), [("01", "entry[1].resource.activity[0].detail.doNotPerform"), ("15", "entry[1].resource.intent")]
)
def test_what_is_no_plan_and_no_measure_is_refused(shared_data: Path, name: str, place: str) -> None:
    """Field cases 01 and 15: a thing not to do is never a measure, an option or proposal is no plan."""
    assert refusal(field_case(shared_data, name)) == [f"Bundle.{place}"]


@pytest.mark.parametrize(("name", "kept"), [("04", "Gammel"), ("04b", None)])
def test_the_name_that_counts_is_read_and_written(shared_data: Path, name: str, kept: str | None) -> None:
    """Field cases 04 and 04b: the official name is read and written; the old one and the nickname stay."""
    bundle = field_case(shared_data, name)
    plan = read_fhir(bundle).plan
    assert (plan.owner.name.family, plan.owner.name.given) == ("Ny", "Ida")
    renamed = plan.evolve(owner=plan.owner.evolve(name=plan.owner.name.evolve(family="Nyere")))
    written = put_plan(renamed, bundle)
    names = written["entry"][0]["resource"]["name"]
    assert names[0] == bundle["entry"][0]["resource"]["name"][0]
    assert (names[0].get("family"), names[1]) == (kept, {"use": "official", "family": "Nyere", "given": ["Ida"]})
    assert put_plan(plan, bundle) == bundle


@pytest.mark.parametrize(("name", "element"), [("05", "verificationStatus"), ("05b", "clinicalStatus")])
def test_what_is_no_need_is_out_of_sight(shared_data: Path, name: str, element: str) -> None:
    """Field cases 05 and 05b: a need refuted or resolved is none; it is told, and kept when the plan is written."""
    bundle = field_case(shared_data, name)
    reading = read_fhir(bundle)
    assert reading.plan.needs == ()
    assert any(w.path == "Bundle.entry[2].resource" and w.reason.startswith(element) for w in reading.warnings)
    titled = put_plan(reading.plan.evolve(title="Ny tittel"), bundle)
    assert titled["entry"][1]["resource"].pop("title") == "Ny tittel"
    assert titled == bundle


def test_in_a_bundle_of_ours_too() -> None:
    """A need of ours that somebody has refuted since: out of sight, told and kept by every verb."""
    plan = make_plan()
    bundle = to_fhir(plan)
    condition = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Condition")
    system, code = _CONCEPTS["verificationStatus"]
    condition["verificationStatus"] = {"coding": [{"system": system, "code": code}]}
    reading = read_fhir(bundle)
    assert [need.id for need in reading.plan.needs] == [need.id for need in plan.needs if need.id != condition["id"]]
    assert from_fhir(bundle) == from_fhir_json(orjson.dumps(bundle)) == open_plan(bundle).plan == reading.plan
    assert any(warning.reason.startswith("verificationStatus: ") for warning in reading.warnings)
    titled = open_plan(bundle).put(reading.plan.evolve(title="Ny tittel"))
    (root,) = (e["resource"] for e in titled["entry"] if e["resource"]["resourceType"] == "CarePlan")
    assert root["title"] == "Ny tittel"
    assert condition in [entry["resource"] for entry in titled["entry"]]


def make_plan() -> IndividualPlan:
    """The first example plan."""
    return read(IndividualPlan, next(iter(sorted((EXAMPLES / "plans").glob("*.json")))).read_bytes())


def nodes(node: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in a bundle that has an element which changes its meaning, after its type or name."""
    if isinstance(node, list):
        for item in node:
            yield from nodes(item, name)
    elif isinstance(node, dict):
        kind = node.get("resourceType", name)
        if kind in _SAID_AGAIN:
            return
        if kind in _HARM and (kind != "identifier" or "value" in node):
            yield kind, node
        for key, child in node.items():
            yield from nodes(child, key)


def test_a_write_onto_what_does_not_hold_is_refused() -> None:
    """To write a change into a referral that is revoked would leave a contradiction: it is refused, not left."""
    compiled = default().compiled
    resource = compiled.assembly("notice").resources(notice("03"))[-1]
    said = compiled.assembly("notice").root_data(data_of(notice("03")))
    links = Links.within(resource)
    for change in ({"status": "revoked"}, {"doNotPerform": True}, {"intent": "option"}):
        with pytest.raises(InvalidInput) as refused:
            compiled.lens("Notice").put({**said, "reason": "En annen grunn"}, {**resource, **change}, links)
        assert [problem.path for problem in refused.value.problems] == [f"Notice.{next(iter(change))}"]


@pytest.mark.parametrize("change", [{"intent": "proposal"}, {"status": "entered-in-error"}], ids=json.dumps)
def test_a_task_that_asks_for_nothing_brings_no_notice(change: dict[str, str]) -> None:
    """In a transaction of a ServiceRequest and a Task the Task is looked at too; one of another kind is not."""
    resources = default().compiled.assembly("notice").resources(notice("03"))
    task = {"resourceType": "Task", "id": "t", "status": "requested", "intent": "order"}
    other = {**task, **change, "code": {"text": "Bestill time"}}
    bundle = {"resourceType": "Bundle", "type": "transaction"}
    entries = [{"resource": resource} for resource in resources]
    assert message_from_transaction({**bundle, "entry": [*entries, {"resource": other}]}).notice == notice("03")
    with pytest.raises(InvalidInput) as refused:
        message_from_transaction({**bundle, "entry": [*entries, {"resource": {**task, **change}}]})
    place = f"Bundle.entry[{len(entries)}].resource.{next(iter(change))}"
    assert [problem.path for problem in refused.value.problems] == [place]


def damaged(data: st.DataObject, bundle: dict[str, Any]) -> dict[str, Any]:
    """A copy of the bundle in which one element says that the rest does not hold."""
    harmed = copy.deepcopy(bundle)
    kind, node = data.draw(st.sampled_from(sorted(nodes(harmed), key=lambda pair: pair[0])))
    element, value = data.draw(st.sampled_from(_HARM[kind]))
    assume(node.get(element) != value)
    node[element] = value
    return harmed


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=60)
@given(data=st.data())
def test_a_plan_is_not_read_over_damage_of_meaning(version: FhirVersion, data: st.DataObject) -> None:
    """It is refused, told, or another plan is read; the fast reader and the lenses give the same; put keeps it."""
    plan = data.draw(make.plans())
    harmed = damaged(data, to_fhir(plan, version=version))
    try:
        reading = read_fhir(harmed)
    except InvalidInput:
        refusal(harmed)
        with pytest.raises(InvalidInput):
            from_fhir_json(orjson.dumps(harmed))
        return
    assert reading.plan != plan or reading.warnings
    assert from_fhir_json(orjson.dumps(harmed)) == from_fhir(harmed) == reading.plan
    assert put_plan(reading.plan, harmed) == harmed


@settings(max_examples=60)
@given(data=st.data())
def test_a_message_is_not_read_over_damage_of_meaning(data: st.DataObject) -> None:
    """A notice or a green form is refused, or another message is read; by the fast reader as by the lenses."""
    hospital, unit = organizations(notice("03"))
    sent = data.draw(
        st.sampled_from(
            [
                Message(id="m-1", kind=MessageKind.NOTICE, correlation_id="referral-03", sent=START, sender=hospital,
                        recipient=unit, notice=notice("03")),
                Message(id="m-2", kind=MessageKind.GREEN_FORM, correlation_id="referral-03", sent=START, sender=unit,
                        recipient=hospital, form=form("03-stroke-patient-1")),
                Message(id="m-3", kind=MessageKind.REMINDER, correlation_id="referral-03", sent=START, sender=hospital,
                        recipient=unit, number=1, text="Vi venter"),
            ]
        )
    )  # fmt: skip
    harmed = damaged(data, message_to_fhir(sent))
    try:
        found = message_from_fhir(harmed)
    except InvalidInput:
        return
    assert found != sent
    if found.notice is not None and default().compiled.fast_notices is not None:
        assert default().compiled.assembly("notice").value(type(found.notice), harmed) == found.notice
