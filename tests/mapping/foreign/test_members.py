"""Other systems' care teams: their participants are members, and are written back as they were."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.team import Membership, TeamRole
from ip_fhir.domain.values.value import read
from ip_fhir.mapping import from_fhir, put_plan, read_fhir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ip_fhir.mapping.foreign.reading import Reading

JSON = dict[str, Any]
SNOMED = "http://snomed.info/sct"
NURSE = {"coding": [{"system": SNOMED, "code": "224535009", "display": "Registered nurse"}], "text": "Sykepleier"}
CODED = {"coding": [{"system": SNOMED, "code": "768832004"}]}
OURS = {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9034", "code": "9"}]}

# The people and organisations whom the participants below name.
PEOPLE: list[JSON] = [
    {"resourceType": "Practitioner", "id": "d", "name": [{"family": "Lie", "given": ["Jo"]}]},
    {"resourceType": "Practitioner", "id": "w", "name": [{"text": "Jo Berg, lege"}]},
    {"resourceType": "Practitioner", "id": "e", "name": [{"family": "Dal"}]},
    {"resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "Practitioner/e"}},
    {"resourceType": "RelatedPerson", "id": "far", "patient": {"reference": "Patient/p"}, "name": [{"family": "Ås"}]},
    {"resourceType": "Organization", "id": "o", "name": "Hjemmetjenesten"},
    {"resourceType": "Organization", "id": "nameless"},
]

# Published participants, restated with invented persons, and what is read: role, its words, name of the member.
PUBLISHED: dict[str, tuple[JSON, tuple[str, str | None, str] | None]] = {
    "us-core": ({"role": [NURSE], "member": {"reference": "Practitioner/d"}}, ("other", "Sykepleier", "Jo Lie")),
    "tw-core": (
        {"role": [{"coding": NURSE["coding"]}], "member": {"reference": "Practitioner/d"}},
        ("other", "Registered nurse", "Jo Lie"),
    ),
    "code alone": (
        {"role": [CODED], "member": {"reference": "PractitionerRole/r"}},
        ("other", "768832004", "Dal"),
    ),
    "r4 example": (
        {"role": [{"text": "responsiblePerson"}], "member": {"reference": "Patient/p", "display": "Ida"}},
        ("other", "responsiblePerson", "Ida Ås"),
    ),
    "r4 example, adviser": (
        {
            "role": [{"text": "adviser"}],
            "member": {"reference": "Practitioner/f001", "display": "Dorothy Dietition"},
            "onBehalfOf": {"reference": "Organization/o"},
            "period": {"end": "2013-01-01"},
        },
        ("other", "adviser", "Dorothy Dietition"),
    ),
    "inc, no role": (
        {"member": {"reference": "RelatedPerson/far", "type": "RelatedPerson"}},
        ("other", None, "Ås"),
    ),
    "two roles": (
        {"role": [NURSE, {"text": "tolk"}], "member": {"reference": "Organization/o"}},
        ("other", "Sykepleier, tolk", "Hjemmetjenesten"),
    ),
    "known role": (
        {"role": [OURS], "member": {"reference": "Practitioner/d"}},
        ("primary-contact", None, "Jo Lie"),
    ),
    "known role, by display": (
        {"role": [OURS], "member": {"display": "Per Vik"}},
        ("primary-contact", None, "Per Vik"),
    ),
    "by display": ({"role": [NURSE], "member": {"display": "Per Vik"}}, ("other", "Sykepleier", "Per Vik")),
    "by display and identifier": (
        {"role": [NURSE], "member": {"display": "Per Vik", "identifier": {"value": "1"}}},
        ("other", "Sykepleier", "Per Vik"),
    ),
    "an organisation by display": (
        {"member": {"type": "Organization", "display": "NAV"}},
        ("other", None, "NAV"),
    ),
    "a team in the team": (
        {"member": {"reference": "CareTeam/x", "display": "Lunge-teamet"}},
        ("other", None, "Lunge-teamet"),
    ),
    "a name in words": ({"member": {"reference": "Practitioner/w"}}, ("other", None, "Jo Berg, lege")),
    "nobody": ({"role": [NURSE]}, None),
    "by identifier": ({"role": [NURSE], "member": {"identifier": {"value": "1"}}}, None),
    "not in the bundle": ({"role": [NURSE], "member": {"reference": "Practitioner/gone"}}, None),
    "nameless": ({"role": [NURSE], "member": {"reference": "Organization/nameless"}}, None),
    "another patient": ({"member": {"reference": "Patient/x", "display": "Per Vik"}}, None),
    "a device": ({"member": {"type": "Device", "display": "Pumpe"}}, None),
}


def bundle_of(*participants: JSON) -> JSON:
    """A plan of another system, whose team has these participants."""
    patient = {"resourceType": "Patient", "id": "p", "name": [{"family": "Ås", "given": ["Ida"]}]}
    plan = {"resourceType": "CarePlan", "id": "c", "status": "active", "intent": "plan", "created": "2026-01-02"}
    plan |= {"subject": {"reference": "Patient/p"}, "careTeam": [{"reference": "CareTeam/t"}]}  # type: ignore[dict-item]
    team = {"resourceType": "CareTeam", "id": "t", "participant": list(participants)}
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": copy.deepcopy(resource)} for resource in (patient, plan, team, *PEOPLE)],
    }


def memberships_of(plan: IndividualPlan) -> tuple[Membership, ...]:
    """The members of the plan's team."""
    return () if plan.team is None else plan.team.memberships


def name_of(plan: IndividualPlan, ident: str) -> str:
    """The name of somebody in the plan."""
    names = {plan.owner.id: plan.owner.name.full} | {o.id: o.name for o in plan.organizations}
    names |= {person.id: person.name.full for person in plan.related_persons}
    names |= {person.id: person.name.full for person in plan.professionals}
    return names[ident]


def participants_of(bundle: JSON) -> Any:
    """The participants of the team."""
    return bundle["entry"][2]["resource"]["participant"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_participant_is_a_member_or_is_told(name: str) -> None:
    """Role and name as restated; one whom nobody can know is told; writing what was read changes nothing."""
    participant, expected = PUBLISHED[name]
    bundle = bundle_of(participant)
    before = copy.deepcopy(bundle)
    found = read_fhir(bundle)
    said = [(m.role.value, m.role_text, name_of(found.plan, m.member)) for m in memberships_of(found.plan)]
    assert said == ([] if expected is None else [expected])
    told = [w.path for w in found.warnings if w.path.startswith("Bundle.entry[2].resource.participant[0]")]
    at = "Bundle.entry[2].resource.participant[0]"
    if expected is None:
        assert at in told or "Bundle.entry[2].resource.participant" in [w.path for w in found.warnings]
    else:
        assert (f"{at}.role" in told) is (expected[0] == "other")
    assert put_plan(found.plan, bundle) == before
    assert orjson.dumps(put_plan(found.plan.evolve(title="Ny"), bundle)["entry"][2:]) == orjson.dumps(
        before["entry"][2:]
    )


def test_on_behalf_of_and_period_are_read() -> None:
    """The organisation for whom a Practitioner takes part, and until when."""
    plan = from_fhir(bundle_of(PUBLISHED["r4 example, adviser"][0]))
    (membership,) = memberships_of(plan)
    assert (membership.on_behalf_of, str(membership.period.end)) == ("o", "2013-01-01")


def _changed(plan: IndividualPlan, **fields: Any) -> IndividualPlan:
    data = plan.to_data()
    data["team"]["memberships"][0] |= fields
    return read(IndividualPlan, data)


def test_a_foreign_code_stays_until_the_role_is_changed() -> None:
    """A membership that ends keeps its coding; one with another role gets that role's."""
    bundle = bundle_of(PUBLISHED["us-core"][0])
    plan = from_fhir(bundle)
    ended = _changed(plan, period={"end": "2026-06-30"})
    written = put_plan(ended, bundle)
    assert participants_of(written) == [{**participants_of(bundle)[0], "period": {"end": "2026-06-30"}}]
    assert from_fhir(written) == ended
    other = _changed(plan, role="primary-contact")
    written = put_plan(other, bundle)
    assert participants_of(written)[0]["role"][0]["coding"][0]["code"] == "9"
    assert from_fhir(written) == other


def _in_order(plan: IndividualPlan) -> IndividualPlan:
    """The plan with its professionals by id: a role that is written comes after those that were there."""
    return plan.evolve(professionals=tuple(sorted(plan.professionals, key=lambda person: person.id)))


def test_a_member_by_name_becomes_somebody_when_more_is_said() -> None:
    """What a plan says more of them needs a resource; until then there is none, and one used elsewhere stays too."""
    bundle = bundle_of(PUBLISHED["by display"][0])
    plan = from_fhir(bundle)
    data = plan.to_data()
    member = data["team"]["memberships"][0]["member"]
    number = next(n for n, person in enumerate(data["professionals"]) if person["id"] == member)
    data["professionals"][number]["title"] = "Fysioterapeut"
    for more in (data, plan.to_data() | {"measures": [{"id": "m", "what": "Trening", "responsible": member}]}):
        wanted = read(IndividualPlan, more)
        written = put_plan(wanted, bundle)
        added = [e["resource"]["resourceType"] for e in written["entry"][len(bundle["entry"]) :]]
        assert sorted(added) == ["Practitioner", "PractitionerRole"]
        assert participants_of(written)[0]["member"]["display"] == "Per Vik"
        assert _in_order(from_fhir(written)) == _in_order(wanted)


def test_who_leaves_the_team_and_stays_in_the_plan_stays() -> None:
    """A membership that is removed takes nobody out of the plan."""
    bundle = bundle_of(PUBLISHED["by display"][0])
    data = from_fhir(bundle).to_data()
    data["team"].pop("memberships")
    left = read(IndividualPlan, data)
    assert _in_order(from_fhir(put_plan(left, bundle))) == _in_order(left)


def test_a_new_member_of_another_role_follows_their_way() -> None:
    """Its words stand as the role's text, beside our code."""
    bundle = bundle_of(PUBLISHED["known role"][0])
    data = from_fhir(bundle).to_data()
    data["team"]["memberships"].append({"id": "ny", "member": "o", "role": "other", "role_text": "Tolketjeneste"})
    wanted = read(IndividualPlan, data)
    written = put_plan(wanted, bundle)
    assert {"text": "Tolketjeneste"} in participants_of(written)[1]["role"]
    assert from_fhir(written) == wanted


def test_the_coordinator_by_name_is_no_vacant_place() -> None:
    """A coordinator who is named in words alone holds the place."""
    role = {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9034", "code": "8"}]}
    bundle = bundle_of({"role": [role], "member": {"display": "Per Vik"}})
    found = read_fhir(bundle)
    assert found.plan.team is not None
    (place,) = found.plan.team.coordinators
    assert name_of(found.plan, str(place.holder)) == "Per Vik"
    assert put_plan(found.plan, bundle) == bundle


@settings(max_examples=60)
@given(names=st.lists(st.sampled_from(sorted(PUBLISHED)), max_size=6), end=st.booleans())
def test_any_team_is_kept(names: list[str], end: bool) -> None:
    """However participants stand together: all that can be known are members; both laws of the lenses hold."""
    bundle = bundle_of(*(copy.deepcopy(PUBLISHED[name][0]) for name in names))
    if not names:
        del bundle["entry"][2]["resource"]["participant"]
    plan = from_fhir(bundle)
    expected = [said for name in names if (said := PUBLISHED[name][1]) is not None]
    assert [(m.role.value, m.role_text, name_of(plan, m.member)) for m in memberships_of(plan)] == expected
    assert put_plan(plan, bundle) == bundle
    if expected and end:
        ended = _changed(plan, period={"end": "2026-06-30"}, status="ended")
        written = put_plan(ended, bundle)
        assert from_fhir(written) == ended
        assert [p.get("role") for p in participants_of(written)] == [p.get("role") for p in participants_of(bundle)]


def _plans_with_teams(shared_data: Path) -> Iterator[JSON]:
    for file in sorted(shared_data.rglob("*.json")):
        if b'"CareTeam"' not in (content := file.read_bytes()):
            continue
        found = orjson.loads(content)
        entries = found.get("entry", ()) if type(found) is dict and found.get("resourceType") == "Bundle" else ()
        if any(entry.get("resource", {}).get("resourceType") == "CareTeam" for entry in entries):
            yield found


def test_participants_of_published_teams_become_members(shared_data: Path) -> None:
    """Of the participants of every team in the shared data, and of those restated above, at least 95 % of the known."""
    bundles = [*_plans_with_teams(shared_data), *(bundle_of(p) for p, said in PUBLISHED.values() if said is not None)]
    count = members = 0
    for bundle in bundles:
        found: Reading = read_fhir(bundle)
        teams = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "CareTeam"]
        inside = [team for team in teams if not team.get("contained")]  # contained members: tests of references
        count += sum(len(team.get("participant", ())) for team in inside)
        members += len(memberships_of(found.plan)) if inside else 0
        assert TeamRole.OTHER not in {m.role for m in memberships_of(found.plan)} or found.warnings
    assert count >= 14
    assert members / count >= 0.95
