"""FHIR R5: plans, notices, forms, messages: valid by its own models, back without loss, by the same laws; no mixing."""

import copy
import json
import re
from datetime import date
from functools import cache
from typing import Any

import pytest
from fhir.resources import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, ConsentStatus, Provision
from ip_fhir.domain.message import Message
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import State
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, MappingError
from ip_fhir.mapping import (
    Mapper,
    default,
    event_from_task,
    from_fhir,
    message_from_fhir,
    message_to_fhir,
    put_plan,
    referral_to_fhir,
    to_fhir,
    to_models,
)
from ip_fhir.mapping.fhir_version import version_of
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.table import data_of
from ip_fhir.mapping.overlays.laws import broken_laws
from ip_fhir.mapping.tables.variants import VERSIONS, FhirVersion, read_variant
from tests.mapping import test_bad_input as bad_input
from tests.mapping.cases import EVERYBODY, LINKS, NAMES, RELATED, UNITS
from tests.mapping.json_diff import differences
from tests.support import strategies as make
from tests.support.two_sides import EXAMPLES

PLANS = sorted((EXAMPLES / "plans").glob("*.json"))
every_example = pytest.mark.parametrize("file", PLANS, ids=lambda file: file.stem)
FEW = settings(max_examples=10)

# Required bindings, restated from R5 (5.0.0): its Python models do not check codes.
CODES = {
    ("CarePlan", "status"): {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"},
    ("CarePlan", "intent"): {"proposal", "plan", "order", "option", "directive"},
    ("CareTeam", "status"): {"proposed", "active", "suspended", "inactive", "entered-in-error"},
    ("Consent", "status"): {"draft", "active", "inactive", "not-done", "entered-in-error", "unknown"},
    ("Consent", "decision"): {"deny", "permit"},
    ("Task", "status"): {
        *("draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress", "on-hold"),
        *("failed", "completed", "entered-in-error"),
    },
    ("Task", "intent"): {
        *("unknown", "proposal", "plan", "order", "original-order", "reflex-order", "filler-order", "instance-order"),
        "option",
    },
    ("Goal", "lifecycleStatus"): {
        *("proposed", "planned", "accepted", "active", "on-hold", "completed", "cancelled", "entered-in-error"),
        "rejected",
    },
    ("Appointment", "status"): {
        *("proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow", "entered-in-error"),
        *("checked-in", "waitlist"),
    },
}

CODES[("ServiceRequest", "status")] = CODES[("CarePlan", "status")]
CODES[("ServiceRequest", "intent")] = {
    *("proposal", "plan", "directive", "order", "original-order", "reflex-order", "filler-order", "instance-order"),
    "option",
}
CODES[("Communication", "status")] = {
    *("preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error", "unknown"),
}
CODES[("QuestionnaireResponse", "status")] = {"in-progress", "completed", "amended", "entered-in-error", "stopped"}

_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Appointment": make.reviews("review-1", EVERYBODY),
    "CareTeam": make.care_teams(NAMES),
    "Consent": make.consents("consent-1", RELATED, EVERYBODY),
    "Goal": make.goals("goal-1", ("goal-1", "goal-2"), ("owner", *RELATED)),
    "Measure": make.measures("measure-1", ("goal-1", "goal-2"), EVERYBODY),
    "Organization": make.organizations("organization-1", UNITS[1:]),
    "PractitionerRole": make.professionals("professional-1", UNITS),
}


def example(file: Any) -> IndividualPlan:
    """An example plan."""
    return read(IndividualPlan, json.loads(file.read_bytes()))


@cache
def stroke() -> IndividualPlan:
    """One with a team, consents and measures."""
    return example(EXAMPLES / "plans" / "03-stroke-patient.json")


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The resources of a type."""
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


def assert_r5(bundle: dict[str, Any]) -> None:
    """Every resource is one of R5, and every code of a required binding is in it."""
    for entry in bundle["entry"]:
        assert_r5_resource(entry["resource"])
    get_fhir_model_class("Bundle").model_validate(bundle)


def assert_r5_resource(resource: dict[str, Any]) -> None:
    """It is a resource of R5, what it contains too, and every code of a required binding is in it."""
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    for (kind, name), codes in CODES.items():
        if kind == resource["resourceType"]:
            assert resource[name] in codes
    for contained in resource.get("contained", ()):
        assert_r5_resource(contained)


@every_example
def test_an_example_plan_is_valid_r5_and_comes_back(file: Any) -> None:
    """Written as R5 it is what R5's models take, and read without a word about the version it is the same plan."""
    plan = example(file)
    bundle = to_fhir(plan, version="R5")
    assert_r5(bundle)
    assert from_fhir(bundle) == from_fhir(bundle, version="R5") == plan
    assert len(to_models(plan, version="R5")) == len(bundle["entry"])


@settings(max_examples=25)
@given(plan=make.plans())
def test_any_plan_is_valid_r5_and_comes_back(plan: IndividualPlan) -> None:
    """from_fhir(to_fhir(plan, R5)) == plan; a plan whose R5 has nothing that R4 has not needs the version said."""
    bundle = to_fhir(plan, version="R5")
    assert_r5(bundle)
    assert from_fhir(bundle, version="R5") == plan
    assert from_fhir(bundle) == plan
    assert put_plan(plan, bundle, version="R5") == bundle


@FEW
@given(plan=make.plans())
def test_the_fast_writer_says_what_the_lenses_say(plan: IndividualPlan) -> None:
    """The writer that is made from the R5 tables and the lenses that are made from them give the same JSON."""
    made = {(r["resourceType"], r["id"]): r for r in default("R5").compiled.assembly("plan").resources(plan)}
    assert {
        (r["resourceType"], r["id"]): r for e in to_fhir(plan, version="R5")["entry"] for r in [e["resource"]]
    } == made


def test_every_table_keeps_the_laws() -> None:
    """All R5 tables, with every field filled and every word used, beside foreign content."""
    tables = default("R5").tables
    assert list(broken_laws(tables, dict.fromkeys(tables.fields, ()), ())) == []


@pytest.mark.parametrize("table", sorted(_VALUES))
@FEW
@given(data=st.data())
def test_the_laws_hold_for_drawn_values(table: str, data: st.DataObject) -> None:
    """get(put(d, r)) == d, put(get(r), r) == r, put(d2, put(d1, r)) == put(d2, r) for the tables that R5 changes."""
    lens = default("R5").lens(table)
    first, second, third = (data_of(data.draw(_VALUES[table])) for _ in range(3))
    resource = lens.new(first, LINKS)
    assert lens.get(lens.put(second, resource, LINKS), LINKS) == lens.get(lens.new(second, LINKS), LINKS)
    assert lens.put(lens.get(resource, LINKS), resource, LINKS) == resource
    assert ordered(lens.put(third, lens.put(second, resource, LINKS), LINKS)) == ordered(
        lens.put(third, resource, LINKS)
    )


def ordered(node: Any) -> Any:
    """The node with lists in an order that does not tell which entry was written first."""
    if isinstance(node, dict):
        return {key: ordered(value) for key, value in node.items()}
    return (
        sorted(map(ordered, node), key=lambda item: json.dumps(item, sort_keys=True))
        if isinstance(node, list)
        else node
    )


def test_a_measure_is_a_task_that_the_plan_refers_to() -> None:
    """What was in CarePlan.activity.detail is a Task of its own, with the goals it is for and who owns it."""
    bundle = to_fhir(stroke(), version="R5")
    (plan,) = resources(bundle, "CarePlan")
    referred = [activity["plannedActivityReference"]["reference"] for activity in plan["activity"]]
    assert referred == [f"Task/{measure.id}" for measure in stroke().measures]
    tasks = resources(bundle, "Task")
    assert [task["code"]["text"] for task in tasks] == [measure.what for measure in stroke().measures]
    owned = {task["id"]: task["owner"]["reference"].partition("/")[2] for task in tasks if "owner" in task}
    assert owned == {m.id: m.responsible for m in stroke().measures if m.responsible}


def consent(access: Access, *provisions: Access) -> Consent:
    """A consent with provisions that say this, for one organisation each."""
    made = tuple(Provision(access=a, recipients=(UNITS[n],)) for n, a in enumerate(provisions))
    return Consent(id="c", kind=ConsentKind.SHARING, given_on=date(2026, 1, 5), access=access, provisions=made)


@pytest.mark.parametrize("access", list(Access))
def test_a_provision_is_an_exception_unless_it_says_otherwise(access: Access) -> None:
    """R5 has no type of a provision: one that agrees with the decision says so in what nobody may ignore."""
    other = Access.DENY if access is Access.PERMIT else Access.PERMIT
    lens = default("R5").lens("Consent")
    resource = lens.new(consent(access, other, access), LINKS)
    get_fhir_model_class("Consent").model_validate(resource)
    plain, agreeing = resource["provision"]
    assert resource["decision"] == access.value
    assert "modifierExtension" not in plain
    (modifier,) = agreeing["modifierExtension"]
    assert modifier["valueCode"] == "as-decision"
    assert [p["access"] for p in lens.get(resource, LINKS)["provisions"]] == [other.value, access.value]
    changed = lens.put(consent(other, other, access), resource, LINKS)
    assert ["modifierExtension" in provision for provision in changed["provision"]] == [True, False]


def test_an_unknown_modifier_on_a_provision_is_refused() -> None:
    """Ours is known; another one may turn the provision into anything."""
    lens = default("R5").lens("Consent")
    resource = lens.new(consent(Access.PERMIT, Access.PERMIT), LINKS)
    resource["provision"][0]["modifierExtension"].append({"url": "https://other.example/x", "valueBoolean": True})
    with pytest.raises(InvalidInput) as refused:
        lens.get(resource, LINKS)
    assert refused.value.problems[0].path == "Consent.provision[0].modifierExtension[1]"


@pytest.mark.parametrize("status", list(ConsentStatus))
def test_every_consent_status_has_an_r5_code(status: ConsentStatus) -> None:
    """R5 dropped two of R4's codes; each of ours still comes back."""
    value = data_of(consent(Access.PERMIT)) | {"status": status.value}
    lens = default("R5").lens("Consent")
    assert lens.get(lens.new(value, LINKS), LINKS)["status"] == status.value


def test_one_change_changes_one_place() -> None:
    """A bundle with foreign content: a measure is put on hold, and nothing else differs."""
    bundle = to_fhir(stroke(), version="R5")
    for resource in (e["resource"] for e in bundle["entry"]):
        resource["extension"] = [*resource.get("extension", ()), {"url": "urn:theirs", "valueString": "x"}]
    (care_plan,) = resources(bundle, "CarePlan")
    care_plan["activity"].append({"progress": [{"text": "theirs"}]})
    before = copy.deepcopy(bundle)
    data = stroke().to_data()
    data["measures"][1]["status"] = "on-hold"
    changed = put_plan(read(IndividualPlan, data), bundle)
    number = next(n for n, e in enumerate(bundle["entry"]) if e["resource"]["id"] == data["measures"][1]["id"])
    assert differences(bundle, changed) == [f"entry[{number}].resource.status"]
    assert bundle == before


@pytest.mark.parametrize(("version", "sign"), [(v, s) for v in VERSIONS for s in read_variant("r5")["signs"][v]])
def test_each_sign_tells_the_version(version: FhirVersion, sign: str) -> None:
    """An element that only one version has says which version it is, and contradicts the other with its path."""
    other: FhirVersion = "R5" if version == "R4" else "R4"
    bundle = signed(sign)
    assert version_of(bundle) == version_of(bundle, version) == version
    with pytest.raises(InvalidInput) as refused:
        version_of(bundle, other)
    (problem,) = refused.value.problems
    assert problem.path.replace("[0]", "") == f"Bundle.entry.resource.{sign.partition('.')[2]}"
    assert str(problem).endswith(f"is an element of {version}, and the bundle is read as {other}")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_sign_is_an_element_of_its_version_only(version: FhirVersion) -> None:
    """By the models of both versions: the one knows the element, the other does not."""
    r4b = pytest.importorskip("fhir.resources.R4B").get_fhir_model_class
    models = {"R4": r4b, "R5": get_fhir_model_class}
    for sign in read_variant("r5")["signs"][version]:
        path = sign.split(".")
        if (path[0], path[1]) in CODEABLE_REFERENCES:
            kinds = {v: type_of(model, *path[:2]) for v, model in models.items()}
            assert kinds["R5"] == "CodeableReferenceType" != kinds["R4"], sign
            continue
        known = {v: knows(model, path) for v, model in models.items()}
        assert known == {v: v == version for v in VERSIONS}, sign


# A Reference or a CodeableConcept in R4, a CodeableReference in R5: what stands in it tells which.
CODEABLE_REFERENCES = {("CarePlan", "addresses"), ("ServiceRequest", "code"), ("Task", "statusReason")}


def type_of(model: Any, kind: str, name: str) -> str:
    """The type of an element, of a list its entries'."""
    fields = model(kind).model_fields
    found = next(f for n, f in fields.items() if name in (n, f.alias))
    return str(re.findall(r"(\w+Type)\b", str(found.annotation))[-1])


def knows(model: Any, path: list[str]) -> bool:
    """Whether the models know the element."""
    kind, *names = path
    for depth, name in enumerate(names):
        inner = kind + "".join(n.capitalize() for n in names[:depth])
        if name not in {f.alias or n for n, f in model(inner).model_fields.items()}:
            return False
    return True


def signed(*signs: str) -> dict[str, Any]:
    """A bundle with these elements."""
    entries: list[dict[str, Any]] = []
    for sign in signs:
        kind, *names = sign.split(".")
        node: Any = "x"
        for name in reversed(names):
            node = {name: node}
        entries.append({"resource": {"resourceType": kind, "id": f"r{len(entries)}", **node}})
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def test_a_mix_of_versions_is_refused() -> None:
    """Both places are named; whoever says a version is refused as well."""
    bundle = to_fhir(stroke(), version="R5")
    team = resources(bundle, "CareTeam")[0]["participant"][0]
    team["period"] = {"start": "2026-01-01"}
    for said in (None, *VERSIONS):
        with pytest.raises(InvalidInput, match=r"mixes FHIR versions: R4 at .*participant\[0\].period; R5 at "):
            from_fhir(bundle, version=said)


@pytest.mark.parametrize("broken", [None, [], {}, {"entry": 3}, {"entry": [3, {"resource": 4}, {"resource": {}}]}])
def test_what_is_no_bundle_shows_no_version(broken: Any) -> None:
    """It is read as R4, and what is wrong with it is told by who reads it."""
    assert version_of(broken) == "R4"


def test_another_version_or_whole_is_not_there() -> None:
    """What there is not is refused with what there is."""
    with pytest.raises(MappingError, match="the tables for R5 have no form; they have plan, notice, green-form"):
        default("R5").compiled.assembly("form")
    with pytest.raises(MappingError, match="there is no FHIR version 'R3' here; there are R4, R5"):
        default("R3")  # type: ignore[arg-type]


@settings(max_examples=40)
@given(message=make.messages())
def test_any_message_is_valid_r5_and_comes_back(message: Message) -> None:
    """Notices, green forms, reminders and the rest: what R5's models take, and read by R5's tables the same message."""
    bundle = message_to_fhir(message, default("R5"))
    assert_r5(bundle)
    assert message_from_fhir(bundle, default("R5")) == message
    for read_as, other in ((default(), bundle), (default("R5"), message_to_fhir(message))):
        with pytest.raises(InvalidInput, match=r"is an element of R\d, and the bundle is read as R\d") as refused:
            message_from_fhir(other, read_as)  # never another message
        assert refused.value.problems[0].path.startswith("Bundle.entry[0].resource.")


def test_a_notice_in_r5_holds_its_needs_and_its_reason_in_one_list() -> None:
    """R4's reasonCode and reasonReference became one list; each entry is still told from the other, and from theirs."""
    lens = default("R5").lens("Notice")
    links = Links({"n1": "Condition/n1", "n2": "Condition/n2"})
    said = {"id": "n", "correlation_id": "r", "kind": "plan", "authored": "2026-01-12T08:00:00Z", "needs": ["n1", "n2"]}
    resource = lens.new({**said, "reason": "both levels"}, links)
    get_fhir_model_class("ServiceRequest").model_validate({**resource, "subject": {"reference": "Patient/p"}})
    references = [{"reference": {"reference": f"Condition/{need}"}} for need in said["needs"]]
    assert resource["reason"] == [*references, {"concept": {"text": "both levels"}}]
    resource["reason"].append({"reference": {"display": "theirs"}})
    changed = lens.put({**said, "needs": ["n2"]}, resource, links)
    assert changed["reason"] == [references[1], {"reference": {"display": "theirs"}}]


@FEW
@given(data=st.data())
def test_a_referral_in_r5(data: st.DataObject) -> None:
    """ServiceRequest and Task in any state: valid R5; a Task of the other version is refused with its place."""
    before = bad_input.referral().evolve(state=data.draw(st.sampled_from(State)), reason="because")
    request, task = referral_to_fhir(before, [], default("R5"))
    for resource in (request, task):
        assert_r5_resource(resource)
    assert referral_to_fhir(before, [request, task], default("R5")) == [request, task]
    assert task["statusReason"] == {"concept": {"text": "because"}}
    for read_as, other in (("R4", task), ("R5", referral_to_fhir(before, [])[1])):
        with pytest.raises(InvalidInput, match="and the resource is read as") as refused:
            event_from_task(before, other, bad_input.NOW, default(read_as))  # type: ignore[arg-type]
        assert refused.value.problems[0].path.startswith("Task.statusReason.")


def test_the_derived_resources_are_there_in_r5() -> None:
    """The coordinating unit as a service, and who wrote the plan."""
    kinds = [entry["resource"]["resourceType"] for entry in to_fhir(stroke(), version="R5")["entry"]]
    assert {"HealthcareService", "Provenance"} <= set(kinds)


def test_a_sites_overlay_goes_over_r5_too() -> None:
    """The municipality of the worked example, in R5: its goal category beside ours, the plan back."""
    mapper = Mapper.load(EXAMPLES / "overlays" / "nordvik.toml", "R5")
    bundle = to_fhir(stroke(), mapper)
    assert_r5(bundle)
    assert bundle != to_fhir(stroke(), version="R5")
    assert from_fhir(bundle, mapper) == stroke()
