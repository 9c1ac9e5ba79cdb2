"""What holds exactly where something of ours and something foreign meet, place by place."""

from typing import Any

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import lens
from ip_fhir.mapping.lenses.references import Links

JSON = dict[str, Any]
LINKS = Links({"p1": "Practitioner/p1", "p2": "Practitioner/p2", "g1": "Goal/g1"}, closed=False)
ORG = "urn:oid:2.16.578.1.12.4.1.4.101"
FNR, DNR = "urn:oid:2.16.578.1.12.4.1.4.1", "urn:oid:2.16.578.1.12.4.1.4.2"
OLD_FNR = "http://hl7.no/fhir/NamingSystem/FNR"
AREA = "https://ip-fhir.github.io/fhir/CodeSystem/life-area"


def changed(table: str, resource: JSON, **changes: Any) -> JSON:
    """The resource read, changed and written back; None takes a field out."""
    data = {**lens(table).get(resource, LINKS), **changes}
    result = lens(table).put({k: v for k, v in data.items() if v is not None}, resource, LINKS)
    assert {k: v for k, v in lens(table).get(result, LINKS).items() if k in changes} == {
        k: v for k, v in changes.items() if v is not None
    }
    return result


def refusal(table: str, resource: JSON, **changes: Any) -> str:
    """The path and reason of what is refused, on reading or on writing the change."""
    with pytest.raises(InvalidInput) as caught:
        changed(table, resource, **changes)
    return str(caught.value)


PATIENT: JSON = {"resourceType": "Patient", "id": "p", "name": [{"family": "Sæbø"}]}
GOAL: JSON = {"resourceType": "Goal", "id": "g", "description": {"text": "Gå"}, "lifecycleStatus": "active"}
TEAM: JSON = {"resourceType": "CareTeam", "id": "t"}
UNIT: JSON = {
    "resourceType": "Organization",
    "id": "o",
    "name": "Nordvik",
    "type": [
        {"coding": [{"system": "https://ip-fhir.github.io/fhir/CodeSystem/organization-kind", "code": "municipality"}]}
    ],
}


def area(code: str, **more: Any) -> JSON:
    """A life area as a concept, with what another system knows of it."""
    return {"coding": [{"system": AREA, "code": code}], **more}


def test_a_value_that_leaves_takes_what_was_said_of_it() -> None:
    """Of two life areas the first leaves: the second keeps its own text, and not its neighbour's."""
    goal = {**GOAL, "category": [area("work", text="Jobb"), {"text": "theirs"}, area("leisure", text="Fritid")]}
    assert changed("Goal", goal, areas=["leisure"])["category"] == [area("leisure", text="Fritid"), {"text": "theirs"}]


def test_a_phone_that_leaves_takes_its_use() -> None:
    """Of two numbers the work number leaves: the private one is not called a work number thereafter."""
    work, home = ({"system": "phone", "value": n, "use": use} for n, use in (("1", "work"), ("2", "home")))
    patient = {**PATIENT, "telecom": [work, {"system": "fax", "value": "3"}, home]}
    result = changed("Patient", patient, contacts=[{"system": "phone", "value": "2"}])
    assert result["telecom"] == [home, {"system": "fax", "value": "3"}]


def test_a_phone_that_changes_keeps_its_use() -> None:
    """A corrected number stands where the old one stood, with its use."""
    patient = {**PATIENT, "telecom": [{"system": "phone", "value": "1", "use": "work"}]}
    result = changed("Patient", patient, contacts=[{"system": "phone", "value": "2"}])
    assert result["telecom"] == [{"system": "phone", "value": "2", "use": "work"}]


def test_a_new_target_loses_what_described_the_old_one() -> None:
    """A Reference's display, identifier and type are about its target: with another target they go.

    So put(d2, put(d1, r)) cannot bring back a display that stood in r.
    """
    who = {"reference": "Practitioner/p1", "display": "Anna", "type": "Practitioner", "extension": [{"url": "urn:x"}]}
    result = changed("Goal", {**GOAL, "expressedBy": who}, expressed_by="p2")
    assert result["expressedBy"] == {"reference": "Practitioner/p2", "extension": [{"url": "urn:x"}]}
    assert changed("Goal", {**GOAL, "expressedBy": who}, expressed_by="p1")["expressedBy"] == who


def test_a_moment_spelled_in_another_way_stays() -> None:
    """The same moment in another spelling is left as it stands; a new one is written our way.

    So put(d2, put(d1, r)) cannot bring back the spelling.
    """
    plan = {"resourceType": "CarePlan", "id": "c", "status": "active", "created": "2026-03-02T12:00:00.000Z"}
    assert changed("CarePlan", plan, title="Ny")["created"] == "2026-03-02T12:00:00.000Z"
    assert changed("CarePlan", plan, created="2026-03-02T12:00:01Z")["created"] == "2026-03-02T12:00:01Z"


def test_an_alias_stays_while_the_number_is_of_the_same_register() -> None:
    """An alias of an identifier system is read, and kept when the number changes; another register has its own."""
    patient = {**PATIENT, "identifier": [{"system": OLD_FNR, "value": "17851950222", "period": {"start": "2020"}}]}
    assert lens("Patient").get(patient)["identifier"] == "17851950222"
    other = changed("Patient", patient, identifier="09838830290")["identifier"]
    assert other == [{"system": OLD_FNR, "value": "09838830290", "period": {"start": "2020"}}]


def test_the_number_that_counts() -> None:
    """Of a fødselsnummer and a D-number the first counts; one marked as old is left alone."""
    fnr, dnr = {"system": FNR, "value": "17851950222"}, {"system": DNR, "value": "57851950298"}
    assert lens("Patient").get({**PATIENT, "identifier": [dnr, fnr]})["identifier"] == "17851950222"
    old = {**fnr, "use": "old"}
    assert lens("Patient").get({**PATIENT, "identifier": [old, dnr]})["identifier"] == "57851950298"
    kept = changed("Patient", {**PATIENT, "identifier": [old, dnr]}, identifier=None)
    assert kept["identifier"] == [old]
    assert "would be taken for it" in refusal("Patient", {**PATIENT, "identifier": [dnr, fnr]}, identifier=None)
    assert "counts before" in refusal("Patient", {**PATIENT, "identifier": [fnr, dnr]}, identifier="200012345678")


def test_two_that_match_are_refused() -> None:
    """Two organisation numbers: which one is meant is not guessed."""
    two = {**UNIT, "identifier": [{"system": ORG, "value": "312010968"}, {"system": ORG, "value": "312001373"}]}
    assert refusal("Organization", two) == "Organization.identifier[1]: is a second one, and there can be one only"
    same_register = {**PATIENT, "identifier": [{"system": s, "value": "17851950222"} for s in (FNR, OLD_FNR)]}
    assert refusal("Patient", same_register).startswith("Patient.identifier[1]: is a second number of one register")


def test_what_stands_after_ours_is_not_taken_for_it() -> None:
    """The first note is ours. Removed, the next one would become ours: so it cannot be removed, and that is said."""
    goal = {**GOAL, "note": [{"text": "ours"}, {"text": "theirs"}]}
    assert refusal("Goal", goal, note=None).startswith("Goal.note[0]: cannot be removed")
    assert changed("Goal", goal, note="new")["note"] == [{"text": "new"}, {"text": "theirs"}]
    assert "note" not in changed("Goal", {**GOAL, "note": [{"text": "ours"}]}, note=None)


def test_a_choice_of_another_type_is_not_overwritten() -> None:
    """FHIR allows one of `deceasedBoolean` and `deceasedDateTime`: another system's is not ours to replace."""
    alive = {**PATIENT, "deceasedBoolean": False}
    assert refusal("Patient", alive, deceased="2026-01-12").startswith("Patient.deceasedDateTime: is where another")
    assert changed("Patient", alive, gender="female") == {**alive, "gender": "female"}
    activity = {"id": "m", "detail": {"code": {"text": "x"}, "status": "scheduled", "scheduledString": "ukentlig"}}
    assert refusal("Measure", activity, period={"start": "2026-01-12"}).startswith("Measure.detail.scheduledPeriod: ")
    title = {"resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "Practitioner/p1"}}
    ext = {"url": "https://ip-fhir.github.io/fhir/StructureDefinition/ip-title", "valueCode": "x"}
    assert ".valueString: is where another" in refusal("PractitionerRole", {**title, "extension": [ext]}, title="y")


def test_extensions_of_primitives_stay_with_their_value() -> None:
    """`_line` stands beside `line`, place by place: when a line leaves, its extensions leave and the others' stay."""
    no, street = {"extension": [{"url": "urn:no"}]}, {"extension": [{"url": "urn:street"}]}
    address = {"line": ["c/o Bo", "Storgata 1"], "_line": [no, street], "city": "Nordvik"}
    assert changed("Address", address, lines=["Storgata 1"]) == {**address, "line": ["Storgata 1"], "_line": [street]}
    more = changed("Address", address, lines=["Ny", "c/o Bo", "Storgata 1"])
    assert more["_line"] == [None, no, street]
    assert changed("Address", address, lines=["Ny"]) == {"line": ["Ny"], "city": "Nordvik"}


def test_a_null_in_a_list_of_primitives_is_kept() -> None:
    """A null holds the place of a primitive that has only extensions."""
    address = {"line": [None, "Storgata 1"], "_line": [{"extension": [{"url": "urn:x"}]}, None]}
    assert lens("Address").get(address) == {"lines": ["Storgata 1"]}
    assert changed("Address", address, city="Nordvik") == {**address, "city": "Nordvik"}
    assert changed("Address", address, lines=["Ny"])["line"] == [None, "Ny"]
    assert lens("HumanName").get({"family": "Sæbø", "given": ["Åse", None, "Marie"]})["given"] == "Åse Marie"


def test_a_part_of_ours_leaves_whole() -> None:
    """A mandate without its ground is none: taken away, it leaves with what another system had put into it."""
    ext = {
        "url": "https://ip-fhir.github.io/fhir/StructureDefinition/ip-mandate",
        "extension": [{"url": "kind", "valueCode": "parent"}, {"url": "urn:theirs", "valueCode": "x"}],
    }
    person: JSON = {
        "resourceType": "RelatedPerson",
        "id": "r",
        "name": [{"family": "Sæbø"}],
        "relationship": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}]}],
    }
    assert changed("RelatedPerson", {**person, "extension": [ext]}, mandate=None) == person


def test_an_address_of_another_system_that_says_nothing_to_us() -> None:
    """An address with only a country reads as none, and keeps its country when a city comes."""
    patient = {**PATIENT, "address": [{"country": "NO"}]}
    assert "address" not in lens("Patient").get(patient)
    assert changed("Patient", patient, address={"city": "Nordvik"})["address"] == [{"country": "NO", "city": "Nordvik"}]


def test_entries_without_an_id_are_known_by_their_place() -> None:
    """Measures of another system have no ids: they are numbered, stay without an id, and get one when they move."""
    one, two = ({"detail": {"code": {"text": text}, "status": "scheduled"}} for text in ("a", "b"))
    plan: JSON = {"resourceType": "CarePlan", "id": "c", "status": "active", "created": "2026-03-02T12:00:00Z"}
    plan |= {"activity": [one, {"reference": {"reference": "ServiceRequest/s"}}, two]}
    measures = lens("CarePlan").get(plan)["measures"]
    assert [(m["id"], m["what"]) for m in measures] == [("measure-1", "a"), ("measure-2", "b")]
    assert lens("CarePlan").put(lens("CarePlan").get(plan), plan) == plan
    moved = changed("CarePlan", plan, measures=measures[1:])["activity"]
    assert moved == [{**two, "id": "measure-2"}, plan["activity"][1]]


def test_two_entries_of_one_id_are_refused() -> None:
    """Which of them an update would be for cannot be told."""
    entry = {"id": "m", "detail": {"code": {"text": "x"}, "status": "scheduled"}}
    plan: JSON = {"resourceType": "CarePlan", "id": "c", "status": "active", "created": "2026-03-02T12:00:00Z"}
    plan["activity"] = [entry, entry]
    assert refusal("CarePlan", plan) == "CarePlan.activity[1]: has the id of an entry before it"


MODIFIED: list[tuple[str, JSON, str]] = [
    ("Goal", {**GOAL, "modifierExtension": [{"url": "urn:not"}]}, "Goal.modifierExtension"),
    (
        "Goal",
        {**GOAL, "target": [{"dueDate": "2026-01-12", "modifierExtension": [{"url": "urn:x"}]}]},
        "Goal.target[0].modifierExtension",
    ),
    (
        "Measure",
        {"detail": {"code": {"text": "x"}, "modifierExtension": [{"url": "urn:x"}]}},
        "Measure.detail.modifierExtension",
    ),
    (
        "CareTeam",
        {
            **TEAM,
            "participant": [
                {"role": [{"text": "theirs"}], "modifierExtension": [{"url": "urn:x"}]},
                {
                    "role": [{"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9034", "code": "6"}]}],
                    "modifierExtension": [{"url": "urn:x"}],
                    "member": {"reference": "Practitioner/p1"},
                },
            ],
        },
        "CareTeam.participant[1].modifierExtension",
    ),
]


@pytest.mark.parametrize(("table", "resource", "path"), MODIFIED)
def test_an_unknown_modifier_is_refused_with_its_path(table: str, resource: JSON, path: str) -> None:
    """A modifierExtension on what is mapped may turn its meaning round: it is refused with its FHIRPath.

    On an entry that is not ours it is left alone.
    """
    assert refusal(table, resource).startswith(f"{path}")
