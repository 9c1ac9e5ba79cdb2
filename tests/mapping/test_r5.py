"""Plans in FHIR R5: valid by R5's own models, back without loss, by the same laws; a mix of versions is refused."""

import copy
import json
from datetime import date
from functools import cache
from typing import Any

import pytest
from fhir.resources import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.consent import Access, Consent, ConsentKind, ConsentStatus, Provision
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.value import read
from ip_fhir.errors import InvalidInput, MappingError
from ip_fhir.mapping import Mapping, default, from_fhir, put_plan, to_fhir, to_models
from ip_fhir.mapping.laws import broken_laws
from ip_fhir.mapping.lens import data_of
from ip_fhir.mapping.variants import VERSIONS, FhirVersion, read_variant, version_of
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
        resource = entry["resource"]
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        for (kind, name), codes in CODES.items():
            if kind == resource["resourceType"]:
                assert resource[name] in codes
    get_fhir_model_class("Bundle").model_validate(bundle)


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
    made = {(r["resourceType"], r["id"]): r for r in default("R5").assembly("plan").resources(plan)}
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
        if sign.startswith("CarePlan.addresses."):
            continue  # in R4 a Reference, whose `reference` is text; in R5 a CodeableReference
        known = {v: knows(model, sign.split(".")) for v, model in models.items()}
        assert known == {v: v == version for v in VERSIONS}, sign


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


def test_only_plans_are_there_in_r5() -> None:
    """A notice in R5 is refused with what there is."""
    with pytest.raises(MappingError, match="the tables for R5 have no notice; they have plan"):
        default("R5").assembly("notice")
    with pytest.raises(MappingError, match="there is no FHIR version 'R3' here; there are R4, R5"):
        default("R3")  # type: ignore[arg-type]


def test_a_sites_overlay_goes_over_r5_too() -> None:
    """The municipality of the worked example, in R5: its goal category beside ours, the plan back."""
    mapping = Mapping.load(EXAMPLES / "overlays" / "nordvik.toml", "R5")
    bundle = to_fhir(stroke(), mapping)
    assert_r5(bundle)
    assert bundle != to_fhir(stroke(), version="R5")
    assert from_fhir(bundle, mapping) == stroke()
