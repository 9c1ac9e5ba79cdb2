"""Published resources, alone: read, or refused clearly; and what is read is written back unchanged."""

import json
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import lens
from tests.mapping.json_diff import differences

JSON = dict[str, Any]
TABLES = {
    "CarePlan": ("CarePlan",),
    "CareTeam": ("CareTeam",),
    "Goal": ("Goal",),
    "Consent": ("Consent",),
    "Task": ("Task",),
    "ServiceRequest": ("Notice",),
    "Patient": ("Patient",),
    "Organization": ("Organization",),
    "Condition": ("Need",),
    "Practitioner": ("Practitioner",),
    "PractitionerRole": ("PractitionerRole",),
    "Appointment": ("Appointment",),
    "HealthcareService": ("HealthcareService",),
    "Provenance": ("Provenance",),
    "RelatedPerson": ("RelatedPerson",),
}


@pytest.fixture(scope="module")
def published(shared_data: Path) -> list[JSON]:
    """Every resource of a type that we map, alone, in a bundle or contained."""
    found: list[JSON] = []
    for path in sorted(shared_data.rglob("*.json")):
        text = path.read_text(encoding="utf-8-sig")
        found += resources(json.loads(text)) if text.lstrip().startswith(("{", "[")) else []  # some are templates
    return found


def resources(node: Any) -> list[JSON]:
    """The resources below a node."""
    if isinstance(node, list):
        return [resource for item in node for resource in resources(item)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("resourceType") in TABLES else []
    return [*own, *(resource for value in node.values() for resource in resources(value))]


def read_by(table: str, resource: JSON) -> JSON | InvalidInput:
    """What the table reads, or why it does not."""
    try:
        return lens(table).get(resource)
    except InvalidInput as error:
        return error


def test_there_are_some(published: list[JSON]) -> None:
    """The examples are there, and some of each that the loop is about."""
    types = [resource["resourceType"] for resource in published]
    assert {"Goal", "Consent", "Task", "ServiceRequest", "Patient", "Organization"} <= set(types)
    assert len(types) > 60


def test_read_or_refused(published: list[JSON]) -> None:
    """Each gives data, and put(get(r), r) == r; or `InvalidInput` with the FHIRPath of what cannot be read."""
    read = 0
    for resource in published:
        for table in TABLES[resource["resourceType"]]:
            found = read_by(table, resource)
            if isinstance(found, InvalidInput):
                assert all(problem.path.startswith(table) for problem in found.problems)
                continue
            read += 1
            assert lens(table).put(found, resource) == resource
    assert read > 20


def test_one_change_changes_one_place(published: list[JSON]) -> None:
    """A goal's text, a person's birth date, a unit's name: changed in another system's resource, nothing else is."""
    edits = {
        "Goal": ("text", "Ny", "description.text"),
        "Patient": ("birth_date", "1969-12-24", "birthDate"),
        "Condition": ("text", "Ny", "code.text"),
        "Task": ("reason", "Ny", "statusReason"),
    }
    changed = set()
    for resource in published:
        table = TABLES[resource["resourceType"]][0]
        if resource["resourceType"] not in edits:
            continue
        field, value, place = edits[resource["resourceType"]]
        found = read_by(table, resource)
        if isinstance(found, InvalidInput):
            continue
        result = lens(table).put({**found, field: value}, resource)
        assert all(at.startswith(place.partition(".")[0]) for at in differences(resource, result))
        assert lens(table).get(result)[field] == value
        changed.add(resource["resourceType"])
    assert {"Condition", "Patient", "Task"} <= changed
