"""Several plans in one bundle, entries that hold nothing, and what the caller must say: read, told, refused, kept."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from ip_fhir.domain.people import PersonName, PlanOwner
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import from_fhir, notice_from_form, open_plan, put_plan, read_fhir, rebase
from tests.mapping import examples
from tests.mapping.json_diff import differences
from tests.support.two_sides import EXAMPLES

JSON = dict[str, Any]
OWNER = PlanOwner(id="p", name=PersonName(family="Ås", given="Ida"), identifier="17851950222")  # type: ignore[arg-type]
CREATED = datetime(2026, 1, 2, 9, tzinfo=UTC)


def theirs() -> JSON:
    """Another system's bundle with a plan."""
    found: JSON = json.loads((EXAMPLES / "neighbours" / "kommunefhir.json").read_bytes())
    return found


def care_plan(bundle: JSON) -> JSON:
    """The first CarePlan."""
    found: JSON = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "CarePlan")
    return found


def with_second(bundle: JSON, **members: Any) -> JSON:
    """The bundle with a second CarePlan, `second`, at the end."""
    second = {**copy.deepcopy(care_plan(bundle)), "id": "second", **members}
    return {**bundle, "entry": [*bundle["entry"], {"resource": second}]}


def retitled(plan: IndividualPlan) -> IndividualPlan:
    """The plan with another title."""
    return read(IndividualPlan, {**plan.to_data(), "title": "Ny tittel"})


def refusal(call: Callable[[], object]) -> list[str]:
    """The problems for which something is refused."""
    with pytest.raises(InvalidInput) as refused:
        call()
    return [str(problem) for problem in refused.value.problems]


BUNDLES = pytest.mark.parametrize("bundle", [examples.bundle(1), theirs()], ids=["ours", "theirs"])


@BUNDLES
def test_the_active_one_of_two_is_read_and_the_other_told(bundle: JSON) -> None:
    """The same plan as without the second one; the second is told by its place, and kept on put."""
    two = with_second(bundle, status="completed")
    found = read_fhir(two)
    assert found.plan == from_fhir(two) == from_fhir(bundle)
    told = [str(w) for w in found.warnings if w.path == f"Bundle.entry[{len(bundle['entry'])}].resource"]
    assert told == [
        f"Bundle.entry[{len(bundle['entry'])}].resource: is another plan than the one that is read: not read"
    ]
    assert put_plan(found.plan, two) == two


@BUNDLES
def test_a_put_goes_to_the_plan_that_was_read(bundle: JSON) -> None:
    """Whichever the caller chose: only its title changes, by `put`, by `open_plan`, and in a rebase."""
    two = with_second(bundle, status="completed")
    last = len(bundle["entry"])
    plan = read_fhir(two, plan="second").plan
    assert (plan.id, plan.status.value) == ("second", "ended")
    for written in (
        put_plan(retitled(plan), two),
        open_plan(two, plan="second").put(retitled(plan)),
        open_plan(two, plan="CarePlan/second").put(retitled(plan)),
        rebase(plan, retitled(plan), two).bundle,
    ):
        assert differences(two, written) == [f"entry[{last}].resource.title"]
    first = read_fhir(two).plan
    assert [d.split("]")[0] for d in differences(two, put_plan(retitled(first), two))] != [f"entry[{last}"]


@BUNDLES
def test_a_plan_of_neither_id_is_put_nowhere(bundle: JSON) -> None:
    """It is a third plan: the refusal names both; `onto` says which one it replaces."""
    two = with_second(bundle, status="completed")
    third = read(IndividualPlan, {**from_fhir(bundle).to_data(), "id": "third"})
    first = care_plan(bundle)["id"]
    (said,) = refusal(lambda: put_plan(third, two))
    assert f"its plans are: {first}, second" in said
    written = put_plan(third, two, onto=first)
    assert two["entry"][-1] in written["entry"]
    assert "third" in {entry["resource"].get("id") for entry in written["entry"]}


def test_an_individual_plan_beside_another_systems_care_plan_is_meant() -> None:
    """The category says which one is an individual plan, whatever the status of the other is."""
    bundle = examples.bundle(1)
    other = {k: v for k, v in care_plan(bundle).items() if k not in ("category", "meta")}
    both = {**bundle, "entry": [{"resource": {**other, "id": "other", "status": "active"}}, *bundle["entry"]]}
    assert read_fhir(both).plan == from_fhir(bundle)
    assert put_plan(from_fhir(both), both) == both


def test_an_id_that_may_be_a_number_is_not_named() -> None:
    """A refusal names the ids; one with a person's number in it by its place."""
    two = with_second(theirs(), id="plan-17851950222")
    (said,) = refusal(lambda: read_fhir(two))
    assert "17851950222" not in said
    assert f"(plan, Bundle.entry[{len(two['entry']) - 1}].resource)" in said


def test_two_plans_of_one_id_are_refused() -> None:
    """Two servers' plans may have the same id; the fullUrl tells them apart."""
    two = with_second(theirs(), id="plan", status="completed")
    two["entry"][-1]["fullUrl"] = "https://b.example/fhir/CarePlan/plan"
    owner = next(e["fullUrl"] for e in two["entry"] if e["resource"]["resourceType"] == "Patient")
    two["entry"][-1]["resource"]["subject"] = {"reference": owner}  # who is at the other server
    assert "holds 2 CarePlans of the id" in refusal(lambda: read_fhir(two, plan="plan"))[0]
    assert read_fhir(two, plan="https://b.example/fhir/CarePlan/plan").plan.status.value == "ended"


def test_a_plan_that_is_not_there_is_refused() -> None:
    """With the ids of those that are."""
    (said,) = refusal(lambda: read_fhir(theirs(), plan="nothing"))
    assert said == "Bundle: holds no CarePlan of the id or reference that was asked for; its plans are: plan"
    empty = {"resourceType": "Bundle", "type": "collection"}
    assert refusal(lambda: read_fhir(empty, plan="x")) == [
        "Bundle: holds no CarePlan of the id or reference that was asked for"
    ]


def test_a_plan_that_is_deleted_is_refused_at_its_place() -> None:
    """fhir-systems.md 3 (6): a refusal never names nothing; here it names the request that deletes the plan."""
    bundle = theirs()
    bundle["entry"][10]["request"] = {"method": "DELETE", "url": "CarePlan/plan"}
    assert refusal(lambda: read_fhir(bundle)) == ["Bundle.entry[10].request: is deleted by its request"]


@pytest.mark.parametrize("type_", ["CarePlan", "Consent"])
def test_what_may_not_be_left_out_without_a_name_is_refused(type_: str) -> None:
    """Without id and fullUrl, a plan cannot be one, and a consent may be a no that nobody must lose."""
    bundle = theirs()
    bundle["entry"].append({"resource": {"resourceType": type_}, "request": {"method": "POST", "url": type_}})
    assert refusal(lambda: from_fhir(bundle)) == ["Bundle.entry[11].resource: has neither a fullUrl nor a resource id"]


def with_another_person(bundle: JSON, number: str | None, *, register: str = "urn:oid:2.16.578.1.12.4.1.4.1") -> JSON:
    """The bundle with another Patient, and a no that this one has given."""
    patient: JSON = {"resourceType": "Patient", "id": "q", "name": [{"family": "Ås"}]}
    if number is not None:
        patient["identifier"] = [{"system": register, "value": number}]
    consent: JSON = {
        "resourceType": "Consent",
        "id": "k",
        "status": "active",
        "scope": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
        },
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/q"},
        "dateTime": "2026-01-05",
        "provision": {"type": "deny"},
    }
    return {**bundle, "entry": [*bundle["entry"], {"resource": patient}, {"resource": consent}]}


@BUNDLES
def test_what_is_about_another_person_is_told_and_kept(bundle: JSON) -> None:
    """A search answers with two persons' resources: the other's consent is no part of this plan; it refuses nothing."""
    there = with_another_person(bundle, "14826121549")
    found = read_fhir(there)
    assert found.plan == from_fhir(there) == from_fhir(bundle)
    last = len(there["entry"]) - 1
    assert f"Bundle.entry[{last}].resource: is about another person than the plan: not read" in map(str, found.warnings)
    assert put_plan(found.plan, there) == open_plan(there).put(found.plan) == there
    assert read_fhir(put_plan(retitled(found.plan), there)).plan == retitled(found.plan)


@BUNDLES
@pytest.mark.parametrize(
    ("number", "register"),
    [(None, ""), ("own", "urn:oid:2.16.578.1.12.4.1.4.1"), ("57912075186", "urn:oid:2.16.578.1.12.4.1.4.2")],
    ids=["no number", "the same number", "a number of another register"],
)
def test_a_no_of_who_may_be_the_same_person_is_never_left_out(bundle: JSON, number: str | None, register: str) -> None:
    """Two Patients that may be one person: the consent is not taken for another's, and the bundle is refused."""
    own = from_fhir(bundle).owner.identifier
    there = with_another_person(bundle, own if number == "own" else number, register=register)
    assert any(f"entry[{len(there['entry']) - 1}]" in said for said in refusal(lambda: read_fhir(there)))


ENTRIES: tuple[JSON, ...] = (
    {"request": {"method": "DELETE", "url": "Goal/old"}},
    {"resource": {"resourceType": "Goal", "id": "old"}, "request": {"method": "DELETE", "url": "Goal/old"}},
    {"request": {"method": "GET", "url": "Goal/x"}},
    {"resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete"}]}},
    {"response": {"status": "404 Not Found"}},
    {"resource": {"resourceType": "Organization"}, "request": {"method": "POST", "url": "Organization"}},
)


@BUNDLES
@pytest.mark.parametrize("at", [0, 5, 99])
def test_entries_without_content_are_told_and_stay(bundle: JSON, at: int) -> None:
    """They change nothing of what is read, are told by their number, and stay where they are when the plan changes."""
    at = min(at, len(bundle["entry"]))
    there = {**bundle, "entry": [*bundle["entry"][:at], *ENTRIES, *bundle["entry"][at:]]}
    found = read_fhir(there)
    assert found.plan == from_fhir(there) == from_fhir(bundle)
    told = {warning.path for warning in found.warnings}
    for number in range(at, at + len(ENTRIES)):
        assert any(path.startswith(f"Bundle.entry[{number}]") for path in told)
    assert put_plan(found.plan, there) == there
    assert open_plan(there).put(found.plan) == there
    written = put_plan(retitled(found.plan), there)
    assert [entry for entry in written["entry"] if entry in ENTRIES] == list(ENTRIES)
    assert read_fhir(written).plan == retitled(found.plan)


@BUNDLES
def test_a_deleted_goal_is_gone(bundle: JSON) -> None:
    """A goal whose entry says DELETE is not read as there; the plan is read without it, and told."""
    plan = from_fhir(bundle)
    goal = next(g.id for g in reversed(plan.goals) if not any(o.part_of == g.id for o in plan.goals))
    number = next(n for n, e in enumerate(bundle["entry"]) if e["resource"].get("id") == goal)
    there = copy.deepcopy(bundle)
    there["entry"][number]["request"] = {"method": "DELETE", "url": f"Goal/{goal}"}
    try:
        found = read_fhir(there)
    except InvalidInput as error:  # ours refers to it: the reference leads nowhere, and its place is named
        assert all("entry[" in problem.path for problem in error.problems)  # noqa: PT017 - one of two right outcomes
        return
    assert goal not in [g.id for g in found.plan.goals]
    assert f"Bundle.entry[{number}].request" in [w.path for w in found.warnings]
    assert put_plan(found.plan, there) == there


def test_a_history_gives_the_plan_of_today() -> None:
    """Two versions of the CarePlan, the latest first: it is read, the older one told, and a put changes the latest."""
    bundle = {**theirs(), "type": "history"}
    older = {"resource": {**care_plan(bundle), "title": "Gammel"}}
    bundle["entry"].append(older)
    found = read_fhir(bundle)
    assert found.plan == from_fhir(theirs())
    assert "Bundle.entry[11]" in [w.path for w in found.warnings]
    written = put_plan(retitled(found.plan), bundle)
    assert differences(bundle, written) == ["entry[10].resource.title"]


def test_what_the_caller_must_say_is_named() -> None:
    """A missing time of creation, a missing Patient: the refusal says which argument and option gives it."""
    bundle = theirs()
    del care_plan(bundle)["created"]
    bundle["entry"][0]["resource"]["id"] = "another"
    bundle["entry"][0].pop("fullUrl", None)
    assert any("--owner" in said for said in refusal(lambda: read_fhir(bundle)))
    bundle = theirs()
    del care_plan(bundle)["created"]
    (said,) = refusal(lambda: from_fhir(bundle))
    assert "is required" in said
    assert "--created" in said
    assert refusal(lambda: read_fhir(bundle, created=datetime(2026, 1, 2))) == [  # noqa: DTZ001 - that is the fault
        "created: has no time zone"
    ]


@BUNDLES
def test_what_the_caller_says_is_not_written_into_the_bundle(bundle: JSON) -> None:
    """Without `created`: read and put back with what the caller says, nothing is added; a change changes its place."""
    there = copy.deepcopy(bundle)
    del care_plan(there)["created"]
    plan = read_fhir(there, created=CREATED).plan
    assert plan.created == CREATED
    assert put_plan(plan, there) == there
    opened = open_plan(there, created=CREATED)
    assert opened.plan == plan
    number = next(n for n, e in enumerate(there["entry"]) if e["resource"]["resourceType"] == "CarePlan")
    assert differences(there, opened.put(retitled(plan))) == [f"entry[{number}].resource.title"]
    assert differences(there, rebase(plan, retitled(plan), there).bundle) == [f"entry[{number}].resource.title"]


def test_a_plan_without_its_patient_is_opened_with_the_owner() -> None:
    """The national plan API gives the person by number only: `owner=` says who it is, for reading and for opening."""
    bundle = json.loads((EXAMPLES / "neighbours" / "national-plan-api.json").read_bytes())
    owner = read(PlanOwner, {**OWNER.to_data(), "identifier": "14826121549"})
    opened = open_plan(bundle, owner=owner)
    assert opened.plan == read_fhir(bundle, owner=owner).plan
    assert opened.put(opened.plan) == bundle
    assert refusal(lambda: read_fhir(bundle, owner=OWNER)) == [
        "Bundle.entry[0].resource.subject: is not the person that the plan is said to be of"
    ]


@BUNDLES
def test_told_is_error(bundle: JSON) -> None:
    """`told_is_error` refuses with the places that would be told; where nothing is, it changes nothing."""
    told = read_fhir(bundle).warnings
    if not told:
        assert read_fhir(bundle, told_is_error=True) == read_fhir(bundle)
        return
    assert refusal(lambda: read_fhir(bundle, told_is_error=True)) == [str(warning) for warning in told]


def test_a_form_that_asks_for_more_is_refused() -> None:
    """A notice as a form is taken whole: an entry that deletes is not left out without a word."""
    there = {"resourceType": "Bundle", "type": "transaction", "entry": [ENTRIES[0]]}
    assert refusal(lambda: notice_from_form(there)) == ["Bundle.entry[0].request: is deleted by its request"]


@pytest.mark.parametrize(("entry", "element"), [(0, "subject"), (3, "subject")])
def test_a_number_says_who_it_is_under_a_register_of_persons_only(entry: int, element: str) -> None:
    """The same digits under another system are another thing's number: refused, not taken for the person's."""
    bundle = json.loads((EXAMPLES / "neighbours" / "national-plan-api.json").read_bytes())
    owner = read(PlanOwner, {**OWNER.to_data(), "identifier": "14826121549"})
    subject = bundle["entry"][entry]["resource"][element]
    subject["identifier"]["system"] = "https://a.example/journal"
    assert any(
        said.startswith(f"Bundle.entry[{entry}].resource.{element}: is not the person")
        for said in refusal(lambda: read_fhir(bundle, owner=owner))
    )
    subject["identifier"]["system"] = "http://hl7.no/fhir/NamingSystem/FNR"
    assert read_fhir(bundle, owner=owner).plan.owner == owner
