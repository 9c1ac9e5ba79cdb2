"""A whole plan in a bundle: there and back, onto a bundle that is there, one change at a time."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import default, from_fhir, put_plan, to_fhir
from tests.mapping.examples import (
    FORMS,
    JSON,
    PLANS,
    as_absolute,
    as_urns,
    bundle,
    example,
    number_of,
    resource,
    without_ids,
)
from tests.mapping.foreign_content import marks, woven
from tests.mapping.json_diff import differences
from tests.support.strategies import plans

NUMBERS = range(1, len(PLANS) + 1)
FEW = settings(max_examples=20)

FOREIGN: list[JSON] = [
    {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Basic", "id": "x", "code": {"text": "theirs"}}},
    {"fullUrl": "https://ehr.example/Condition/x", "resource": {"resourceType": "Condition", "id": "x"}},
    {"resource": {"resourceType": "Goal", "id": "unnamed", "description": {"text": "nobody's"}}},
    {"resource": {"resourceType": "Practitioner", "id": "nobody"}},
]


def with_foreign(bundle: JSON, places: list[int]) -> JSON:
    """The bundle with other systems' entries at these places."""
    entries = list(bundle["entry"])
    for entry, place in zip(FOREIGN, places, strict=False):
        entries.insert(place % (len(entries) + 1), entry)
    return {**bundle, "entry": entries}


def foreign(bundle: JSON) -> list[JSON]:
    """Other systems' entries in it."""
    return [entry for entry in bundle["entry"] if entry in FOREIGN]


@FEW
@given(plans())
def test_there_and_back(plan: IndividualPlan) -> None:
    """from_fhir(to_fhir(p)) == p, and writing it back changes nothing."""
    made = to_fhir(plan)
    assert from_fhir(made) == plan
    assert put_plan(plan, made) == made


@FEW
@given(plans())
def test_the_fast_way_writes_what_the_lenses_write(plan: IndividualPlan) -> None:
    """What is compiled to write and what the lenses write is the same bundle."""
    by_lenses = default().compiled.assembly("plan").resources(plan)
    assert [entry["resource"] for entry in to_fhir(plan)["entry"]] == by_lenses


@FEW
@given(plans(), plans(), st.lists(st.integers(0, 60), min_size=4, max_size=4))
def test_another_plan_onto_a_bundle(before: IndividualPlan, after: IndividualPlan, places: list[int]) -> None:
    """from_fhir(put_plan(q, b)) == q; other systems' entries stay, in order."""
    after = after.evolve(owner=after.owner.evolve(id=before.owner.id))
    there = with_foreign(to_fhir(before), places)
    result = put_plan(after, there)
    assert from_fhir(result) == after
    assert foreign(result) == foreign(there)


@settings(max_examples=12)
@given(st.sampled_from(NUMBERS), st.data())
def test_foreign_content_in_a_bundle_changes_nothing(number: int, data: st.DataObject) -> None:
    """Whatever is in the entries beside what we map: the plan is read the same, and written back nothing changes."""
    there = bundle(number)
    chosen = data.draw(st.lists(st.sampled_from(range(len(there["entry"]))), max_size=6, unique=True))
    for n in chosen:
        there["entry"][n]["resource"] = data.draw(woven(there["entry"][n]["resource"]))
    plan = from_fhir(there)
    assert plan == example(number)
    assert put_plan(plan, there) == there
    changed = put_plan(plan.evolve(title="Ny"), there)
    assert sorted(marks(changed)) == sorted(marks(there))


@settings(max_examples=10)
@given(st.sampled_from(NUMBERS), st.randoms(use_true_random=False))
def test_the_order_of_goals_and_persons_in_the_bundle_does_not_matter(number: int, chance: Any) -> None:
    """What the CarePlan names is read in its order, whatever the order of the entries; put leaves them as they stand.

    Of what it does not name (organisations, professionals, consents) the bundle's order is the plan's.
    """
    there = bundle(number)
    chance.shuffle(there["entry"])
    plan = from_fhir(there)
    assert put_plan(plan, there) == there
    expected = example(number)
    assert (plan.goals, plan.needs, plan.team, plan.owner) == (
        expected.goals,
        expected.needs,
        expected.team,
        expected.owner,
    )
    for name in ("organizations", "professionals", "related_persons", "consents", "reviews"):
        key = {item.id: item for item in getattr(plan, name)}
        assert key == {item.id: item for item in getattr(expected, name)}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("form", FORMS)
def test_references_in_every_form(number: int, form: str) -> None:
    """urn:uuid, absolute and relative references mean the same, and stay as they are written."""
    there = FORMS[form](bundle(number))
    assert from_fhir(there) == example(number)
    assert put_plan(example(number), there) == there
    changed = put_plan(example(number).evolve(title="Ny"), there)
    place = f"entry[{number_of(there, 'CarePlan', example(number).id)}].resource.title"
    assert differences(there, changed) == [place]


def test_a_new_goal_in_a_bundle_of_urns() -> None:
    """What comes is referred to as what it is; what stays keeps its urn."""
    plan = example(1)
    there = as_urns(bundle(1))
    goal = plan.goals[0].evolve(id="goal-new", text="Nytt mål", part_of=plan.goals[0].id)
    result = put_plan(plan.evolve(goals=(*plan.goals, goal)), there)
    assert from_fhir(result).goals == (*plan.goals, goal)
    new = resource(result, "Goal", "goal-new")
    assert new["subject"]["reference"].startswith("urn:uuid:")


def test_entries_without_ids() -> None:
    """A transaction that creates has fullUrls and no ids: the uuids are the ids, and put gives nobody another one."""
    there = without_ids(bundle(3))
    plan = from_fhir(there)
    assert len(plan.goals) == len(example(3).goals)
    assert put_plan(plan, there) == there
    assert all("id" not in entry["resource"] for entry in put_plan(plan.evolve(title="Ny"), there)["entry"])


def test_versioned_references() -> None:
    """A reference to one version of an entry means the entry."""
    there = bundle(1)
    plan = resource(there, "CarePlan")
    plan["goal"][0]["reference"] += "/_history/3"
    assert from_fhir(there) == example(1)
    assert put_plan(example(1), there) == there


def test_two_resources_of_different_type_with_one_id() -> None:
    """A Patient, a Goal and a Condition may all have the id 1: they keep apart, also when one of them changes."""
    plan = example(1)
    text = str(to_fhir(plan))
    assert plan.goals[0].id in text
    there = bundle(1)
    need = plan.needs[0].id
    renamed = deepcopy(there)
    for entry in renamed["entry"]:
        if entry["resource"].get("id") in (plan.goals[0].id, need) and entry["resource"]["resourceType"] in (
            "Goal",
            "Condition",
        ):
            entry["resource"]["id"] = "1"
            entry["fullUrl"] = f"https://ip-fhir.github.io/fhir/{entry['resource']['resourceType']}/1"
    renamed = _replace(renamed, {f"Goal/{plan.goals[0].id}": "Goal/1", f"Condition/{need}": "Condition/1"})
    found = from_fhir(renamed)
    assert {found.goals[0].text, found.needs[0].text} == {plan.goals[0].text, plan.needs[0].text}
    assert found.goals[0].id != found.needs[0].id
    assert put_plan(found, renamed) == renamed
    goals = (found.goals[0].evolve(text="Nytt"), *found.goals[1:])
    assert next(g.text for g in from_fhir(put_plan(found.evolve(goals=goals), renamed)).goals) == "Nytt"


def _replace(node: Any, references: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            k: references.get(v, v) if k == "reference" and isinstance(v, str) else _replace(v, references)
            for k, v in node.items()
        }
    return [_replace(item, references) for item in node] if isinstance(node, list) else node


def test_two_entries_that_one_reference_means() -> None:
    """Two goals of one id: which one is meant is not guessed, and neither is lost."""
    there = bundle(1)
    number = number_of(there, "Goal", example(1).goals[0].id)
    there["entry"].append(deepcopy(there["entry"][number]))
    with pytest.raises(InvalidInput) as caught:
        from_fhir(there)
    assert caught.value.problems[0].path == f"Bundle.entry[{len(there['entry']) - 1}].resource"
    assert caught.value.problems[0].code == "multiple-matches"


def test_the_owner_is_the_subject() -> None:
    """Another Patient whom the plan names, and who stands first, is not the plan's owner."""
    there = bundle(1)
    other = {"resourceType": "Patient", "id": "other", "name": [{"family": "Annen"}]}
    there["entry"].insert(0, {"fullUrl": "https://ehr.example/Patient/other", "resource": other})
    resource(there, "CarePlan")["contributor"] = [{"reference": "Patient/other"}]
    assert from_fhir(there).owner == example(1).owner


def test_one_person_in_two_roles() -> None:
    """Two roles of one Practitioner are two professionals; they cannot get two names."""
    there = bundle(1)
    first, second = (p.id for p in example(1).professionals[:2])
    role = resource(there, "PractitionerRole", second)
    role["practitioner"]["reference"] = f"Practitioner/{first}"
    del there["entry"][number_of(there, "Practitioner", second)]
    plan = from_fhir(there)
    assert plan.professionals[0].name == plan.professionals[1].name
    assert put_plan(plan, there) == there
    name = plan.professionals[0].name.evolve(family="Ny")
    both = tuple(p.evolve(name=name) if p.id in (first, second) else p for p in plan.professionals)
    assert from_fhir(put_plan(plan.evolve(professionals=both), there)).professionals == both
    one = tuple(p.evolve(name=name) if p.id == first else p for p in plan.professionals)
    with pytest.raises(InvalidInput, match="one person in two roles"):
        put_plan(plan.evolve(professionals=one), there)


def test_another_persons_bundle_is_refused() -> None:
    """A plan is not written onto the bundle of somebody else."""
    with pytest.raises(InvalidInput, match="about another person"):
        put_plan(example(1), bundle(3))


def test_aliases_are_kept() -> None:
    """The canonical names of identifier systems that no-basis used before are read, and stay."""
    there = bundle(1)
    patient = resource(there, "Patient")
    patient["identifier"][0]["system"] = "http://hl7.no/fhir/NamingSystem/FNR"
    unit = resource(there, "Organization", "org-nordvik")
    for identifier in unit["identifier"]:
        if identifier["value"] == "312010968":
            identifier["system"] = "http://hl7.no/fhir/NamingSystem/ENH"
    assert from_fhir(there) == example(1)
    assert put_plan(example(1), there) == there
    assert "http://hl7.no/fhir/NamingSystem/ENH" in str(put_plan(example(1).evolve(title="Ny"), there))


CAREPLAN = ("CarePlan", "plan-01")
GOAL = ("Goal", "goal-01")


def changes(plan: IndividualPlan) -> list[tuple[str, IndividualPlan, tuple[str, str], set[str]]]:
    """A change, the plan with it, and the resource and the places in it where FHIR has to change."""
    team, owner = plan.team, plan.owner
    assert team is not None
    assert owner.address is not None
    care, person = ("CarePlan", plan.id), ("Patient", owner.id)

    def first(field: str, **change: Any) -> IndividualPlan:
        """The first of a list changed."""
        one, *others = getattr(plan, field)
        return plan.evolve(**{field: (one.evolve(**change), *others)})

    def owners(**change: Any) -> IndividualPlan:
        return plan.evolve(owner=owner.evolve(**change))

    goal, need, unit = ("Goal", plan.goals[0].id), ("Condition", plan.needs[0].id), plan.organizations[0].id
    pro, consent = plan.professionals[0], plan.consents[0].id
    given, practitioner = pro.name.evolve(given="Ny"), ("Practitioner", pro.id)
    return [
        ("title", plan.evolve(title="Ny"), care, {"title"}),
        ("status", plan.evolve(status="on-hold"), care, {"status"}),
        ("end", plan.evolve(period=plan.period.evolve(end="2031-01-01")), care, {"period.end"}),
        ("goal's text", first("goals", text="Ny"), goal, {"description.text"}),
        ("goal's status", first("goals", status="completed"), goal, {"lifecycleStatus"}),
        ("measure's status", first("measures", status="stopped"), care, {"activity[0].detail.status"}),
        ("measure's place", first("measures", where="Ny"), care, {"activity[0].detail.location.display"}),
        ("need", first("needs", text="Ny"), need, {"code.text"}),
        ("team's name", plan.evolve(team=team.evolve(name="Ny")), ("CareTeam", team.id), {"name"}),
        ("family name", owners(name=owner.name.evolve(family="Ny")), person, {"name[0].family"}),
        ("postal code", owners(address=owner.address.evolve(postal_code="0001")), person, {"address[0].postalCode"}),
        ("a unit's name", first("organizations", name="Ny"), ("Organization", unit), {"name"}),
        ("a professional's name", first("professionals", name=given), practitioner, {"name[0].given[0]"}),
        ("consent's day", first("consents", given_on="2026-03-03"), ("Consent", consent), {"dateTime"}),
    ]


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("form", ["relative", "absolute"])
def test_one_change_changes_one_place(number: int, form: str) -> None:
    """A change of one field changes the JSON at the place that the table names, and nothing else in the bundle."""
    there = bundle(number) if form == "relative" else as_absolute(bundle(number))
    for name, plan, (type_, ident), places in changes(example(number)):
        at = f"entry[{number_of(there, type_, ident)}].resource"
        result = put_plan(plan, there)
        assert set(differences(there, result)) == {f"{at}.{place}" for place in places}, name
        assert from_fhir(result) == plan, name
