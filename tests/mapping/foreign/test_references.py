"""References and contained resources in other systems' bundles: rows 03, 08, 09, 14, 14b of shared/data/field."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.plan import Goal, IndividualPlan, Measure
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import from_fhir, put_plan, read_fhir
from tests.mapping import examples
from tests.mapping.json_diff import differences

JSON = dict[str, Any]
BASE = "https://a.example/fhir"


def field_case(shared_data: Path, name: str) -> JSON:
    """One of the field cases."""
    found: JSON = json.loads((shared_data / "field" / f"{name}.json").read_bytes())
    return found


def refusal(bundle: JSON) -> list[str]:
    """The problems for which a bundle is refused."""
    with pytest.raises(InvalidInput) as refused:
        read_fhir(bundle)
    return [str(problem) for problem in refused.value.problems]


def with_base(bundle: JSON, base: str = BASE) -> JSON:
    """The bundle with a server's fullUrls."""
    entries = [
        {"fullUrl": f"{base}/{e['resource']['resourceType']}/{e['resource']['id']}", **e} for e in bundle["entry"]
    ]
    return {**bundle, "entry": entries}


def test_a_patient_of_another_server(shared_data: Path) -> None:
    """Row 03: a relative reference belongs to the server of the CarePlan; the other server's Patient is not meant."""
    bundle = field_case(shared_data, "03-patient-of-another-server")
    reason = "must refer to the person whom it is about, in the bundle"
    (said,) = refusal(bundle)
    assert said.startswith(f"Bundle.entry[1].resource.subject: {reason};")
    bundle["entry"][1]["resource"]["subject"]["reference"] = "https://b.example/fhir/Patient/p"
    assert read_fhir(bundle).plan.owner.name.family == "Berg"


def test_a_goal_by_its_version(shared_data: Path) -> None:
    """Row 08: the goal is read, and its reference keeps the version on put, also when another goal is added."""
    bundle = field_case(shared_data, "08-versioned-goal-reference")
    plan = read_fhir(bundle).plan
    assert [goal.text for goal in plan.goals] == ["Gå tur"]
    assert put_plan(plan, bundle) == bundle
    more = plan.evolve(goals=(*plan.goals, Goal(id="ny", text="Danse")))
    written = put_plan(more, bundle)
    assert written["entry"][1]["resource"]["goal"] == [{"reference": "Goal/g/_history/5"}, {"reference": "Goal/ny"}]
    assert read_fhir(written).plan == more


def test_the_owner_by_number(shared_data: Path) -> None:
    """Row 09: the Patient of the bundle with that number is the owner, under any name of the number's system."""
    bundle = field_case(shared_data, "09-subject-by-number-patient-in-bundle")
    reading = read_fhir(bundle)
    assert (reading.plan.owner.id, reading.warnings) == ("p", ())
    assert put_plan(reading.plan, bundle) == bundle
    titled = put_plan(reading.plan.evolve(title="Ny"), bundle)
    assert differences(bundle, titled) == ["entry[1].resource.title"]
    subject = bundle["entry"][1]["resource"]["subject"]
    subject["identifier"]["system"] = "http://hl7.no/fhir/NamingSystem/FNR"
    assert read_fhir(bundle).plan.owner.id == "p"
    subject["identifier"]["system"] = "urn:oid:1.2.3"
    assert len(refusal(bundle)) == 1
    subject["identifier"]["system"] = "http://hl7.no/fhir/NamingSystem/FNR"
    twin = {**bundle["entry"][0]["resource"], "id": "q"}
    assert len(refusal({**bundle, "entry": [*bundle["entry"], {"resource": twin}]})) == 1


def test_a_contained_team(shared_data: Path) -> None:
    """Row 14: the team is read; put writes into the contained resource, and takes it out with its reference."""
    bundle = field_case(shared_data, "14-contained-team")
    plan = read_fhir(bundle).plan
    assert plan.team is not None
    assert plan.team.id == "t"
    assert put_plan(plan, bundle) == bundle
    named = plan.evolve(team=plan.team.evolve(name="Laget"))
    written = put_plan(named, bundle)
    assert differences(bundle, written) == ["entry[1].resource.contained[0].name"]
    assert read_fhir(written).plan == named
    without = put_plan(plan.evolve(team=None), bundle)
    assert {"contained", "careTeam"} & set(without["entry"][1]["resource"]) == set()


def test_who_has_no_role_is_referred_to_as_the_person(shared_data: Path) -> None:
    """A measure's new responsible is written as the Practitioner: no reference to a role that is not in the bundle."""
    bundle = field_case(shared_data, "14-contained-team")
    plan = read_fhir(bundle).plan
    more = plan.evolve(measures=(Measure(id="m", what="Gå tur", responsible="d"),))
    written = put_plan(more, bundle)
    (performer,) = written["entry"][1]["resource"]["activity"][0]["detail"]["performer"]
    assert performer["reference"] == "Practitioner/d"
    assert read_fhir(written).plan == more


def test_a_contained_relative(shared_data: Path) -> None:
    """Row 14b: the relative is read and changed where they are contained, and stays when the team does not."""
    bundle = field_case(shared_data, "14b-contained-relative-in-team")
    plan = read_fhir(bundle).plan
    assert [relative.id for relative in plan.related_persons] == ["far"]
    assert put_plan(plan, bundle) == bundle
    (father,) = plan.related_persons
    renamed = plan.evolve(related_persons=(father.evolve(name=father.name.evolve(given="Pål")),))
    written = put_plan(renamed, bundle)
    assert differences(bundle, written) == ["entry[2].resource.contained[0].name[0].given[0]"]
    assert read_fhir(written).plan == renamed
    alone = put_plan(plan.evolve(team=None), bundle)
    assert [e["resource"]["resourceType"] for e in alone["entry"]] == ["Patient", "CarePlan", "RelatedPerson"]
    assert read_fhir(alone).plan == plan.evolve(team=None)


def test_a_problem_in_a_contained_resource_is_told_at_its_place(shared_data: Path) -> None:
    """Errors and warnings name the contained resource."""
    bundle = field_case(shared_data, "14b-contained-relative-in-team")
    inside = bundle["entry"][2]["resource"]["contained"]
    inside[0]["name"] = "Per"
    assert [problem.partition(":")[0] for problem in refusal(bundle)] == [
        "Bundle.entry[2].resource.contained[0].name",
    ]
    inside[0]["name"] = [{"family": "Ås", "given": ["Per"]}]
    inside.append({"resourceType": "Practitioner", "id": "unused", "name": [{"family": "Li"}]})
    told = {str(problem).partition(":")[0] for problem in read_fhir(bundle).warnings}
    assert "Bundle.entry[2].resource.contained[1]" in told
    assert read_fhir(bundle).plan.professionals == ()


def test_what_others_contain_is_nobody_of_the_plan(shared_data: Path) -> None:
    """A Practitioner contained in an Observation is no professional of the plan."""
    bundle = field_case(shared_data, "09-subject-by-number-patient-in-bundle")
    inside = [{"resourceType": "Practitioner", "id": "d", "name": [{"family": "Lie", "given": ["Jo"]}]}]
    observation = {"resourceType": "Observation", "id": "o", "contained": inside, "performer": [{"reference": "#d"}]}
    bundle["entry"].append({"resource": observation})
    assert read_fhir(bundle).plan.professionals == ()
    assert put_plan(read_fhir(bundle).plan, bundle) == bundle


@pytest.mark.parametrize("kind", ["collection", "searchset", "transaction"])
def test_what_is_new_has_the_base_of_the_bundle(shared_data: Path, kind: str) -> None:
    """A new goal gets the server's base, and a request where others have one (fhir-systems.md, fault 10)."""
    bundle = {**with_base(field_case(shared_data, "08-versioned-goal-reference")), "type": kind}
    if kind == "transaction":
        for entry in bundle["entry"]:
            entry["request"] = {"method": "PUT", "url": entry["fullUrl"].removeprefix(f"{BASE}/")}
    plan = read_fhir(bundle).plan
    written = put_plan(plan.evolve(goals=(*plan.goals, Goal(id="ny", text="Danse"))), bundle)
    new = written["entry"][-1]
    assert new["fullUrl"] == f"{BASE}/Goal/ny"
    assert new.get("request") == ({"method": "PUT", "url": "Goal/ny"} if kind == "transaction" else None)


def test_what_is_new_among_urns_has_a_urn() -> None:
    """Where the bundle creates by urn, so does the new entry, and the CarePlan refers to it by that."""
    bundle = examples.as_urns(examples.bundle(1))
    for entry in bundle["entry"]:
        entry["request"] = {"method": "POST", "url": entry["resource"]["resourceType"]}
    plan = from_fhir(bundle)
    more = plan.evolve(goals=(*plan.goals, Goal(id="ny", text="Danse")))
    written = put_plan(more, bundle)
    new = written["entry"][-1]
    assert new["fullUrl"].startswith("urn:uuid:")
    assert new["request"] == {"method": "POST", "url": "Goal"}
    assert {"reference": new["fullUrl"]} in examples.resource(written, "CarePlan")["goal"]
    assert from_fhir(written) == more
    assert put_plan(more, bundle) == written


def test_two_servers_may_have_the_same_ids() -> None:
    """Practitioner/1 of one server is not Practitioner/1 of another: both are read, in any order of the entries."""
    plan: JSON = {
        "resourceType": "CarePlan", "id": "c", "status": "active", "intent": "plan",
        "created": "2026-01-02T10:00:00+01:00", "subject": {"reference": "Patient/p"},
    }  # fmt: skip
    number = [{"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "17851950222"}]
    name = [{"family": "Ås", "given": ["Ida"]}]
    patient: JSON = {"resourceType": "Patient", "id": "p", "identifier": number, "name": name}
    people: list[tuple[str, JSON]] = [
        (base, {"resourceType": "Practitioner", "id": "1", "name": [{"family": family, "given": ["Jo"]}]})
        for base, family in ((BASE, "Lie"), ("https://b.example/fhir", "Moe"))
    ]
    entries = [
        {"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one}
        for base, one in [(BASE, patient), (BASE, plan), *people]
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    found = read_fhir(bundle).plan
    assert sorted(p.name.family for p in found.professionals) == ["Lie", "Moe"]
    assert read_fhir({**bundle, "entry": entries[::-1]}).plan == found
    assert put_plan(found, bundle) == bundle


@settings(max_examples=20)
@given(st.sampled_from(range(1, len(examples.PLANS) + 1)), st.randoms(use_true_random=False))
def test_the_order_of_entries_makes_no_other_plan(number: int, chance: Random) -> None:
    """The same resources in another order are the same plan, and writing it changes nothing (fault 7)."""
    bundle = examples.bundle(number)
    plan = from_fhir(bundle)
    shuffled = {**bundle, "entry": chance.sample(bundle["entry"], len(bundle["entry"]))}
    found = from_fhir(shuffled)
    assert found == plan
    assert hash(found) == hash(plan)
    assert put_plan(plan, shuffled) == shuffled
    assert put_plan(found, bundle) == bundle


def test_another_order_is_the_same_and_another_item_is_not() -> None:
    """Only the order of the lists that have none in FHIR is left out of account; the order of goals is the person's."""
    plan: IndividualPlan = examples.example(1)
    for name in ("related_persons", "organizations", "professionals", "reviews", "consents"):
        assert plan.evolve(**{name: getattr(plan, name)[::-1]}) == plan
    assert plan.evolve(goals=plan.goals[::-1]) != plan
    first, *others = plan.organizations
    assert plan.evolve(organizations=(first.evolve(name="En annen"), *others)) != plan
    assert plan != plan.team
