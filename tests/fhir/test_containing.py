"""A resource of a Bundle made to stand alone."""

from typing import Any

from ip_fhir.fhir.bundle import Entry
from ip_fhir.fhir.containing import standing_alone
from ip_fhir.fhir.references import References


def links(*resources: dict[str, Any]) -> References:
    """Resources as those of a bundle; one without an id has a urn for its fullUrl."""
    return References(
        Entry(n, f"https://ehr.example/{r['resourceType']}/{r['id']}" if "id" in r else f"urn:uuid:u{n}", r)
        for n, r in enumerate(resources)
    )


REQUEST = {
    "resourceType": "ServiceRequest",
    "id": "s",
    "subject": {"reference": "urn:uuid:u1"},
    "requester": {"reference": "https://ehr.example/PractitionerRole/r"},
    "performer": [{"reference": "Organization/elsewhere"}, {"display": "words only"}],
    "contained": [{"resourceType": "Condition", "id": "own"}],
    "reasonReference": [{"reference": "#own"}],
}
PATIENT = {"resourceType": "Patient", "managingOrganization": {"reference": "Organization/o"}}
ROLE = {"resourceType": "PractitionerRole", "id": "r", "organization": {"reference": "Organization/o"}}
ORGANIZATION = {"resourceType": "Organization", "id": "o", "endpoint": [{"reference": "ServiceRequest/s"}]}
UNRELATED = {"resourceType": "Organization", "id": "unrelated"}


def test_what_is_referred_to_goes_along() -> None:
    """By fullUrl, by type and id, by urn, and by way of others; what nobody refers to does not (FHIR dom-3)."""
    alone = standing_alone(REQUEST, links(REQUEST, PATIENT, ROLE, ORGANIZATION, UNRELATED))
    assert {(c["resourceType"], c["id"]) for c in alone["contained"]} == {
        ("Condition", "own"), ("Patient", "u1"), ("PractitionerRole", "r"), ("Organization", "o"),
    }  # fmt: skip
    assert alone["subject"] == {"reference": "#u1"}
    assert alone["requester"] == {"reference": "#r"}
    assert alone["performer"] == REQUEST["performer"]
    assert alone["reasonReference"] == REQUEST["reasonReference"]
    role = next(c for c in alone["contained"] if c["id"] == "r")
    assert role["organization"] == {"reference": "#o"}


def test_the_original_is_not_touched() -> None:
    """It is a copy; what it was made from stays as it was."""
    before = str([REQUEST, PATIENT, ROLE])
    standing_alone(REQUEST, links(REQUEST, PATIENT, ROLE))
    assert str([REQUEST, PATIENT, ROLE]) == before


def test_what_has_an_address_or_contains_something_stays_outside() -> None:
    """A Task refers to its ServiceRequest by address; contained resources cannot be nested."""
    nesting = {**ROLE, "contained": [{"resourceType": "Organization", "id": "x"}]}
    alone = standing_alone(REQUEST, links(REQUEST, nesting))
    assert alone["requester"] == REQUEST["requester"]
    task = {"resourceType": "Task", "id": "t", "focus": {"reference": "ServiceRequest/s"}}
    assert standing_alone(task, links(task, REQUEST), ("ServiceRequest",)) == task


def test_a_ring_comes_to_an_end() -> None:
    """Two that refer to each other are each contained once."""
    one = {"resourceType": "Organization", "id": "a", "partOf": {"reference": "Organization/b"}}
    two = {"resourceType": "Organization", "id": "b", "partOf": {"reference": "Organization/a"}}
    root = {"resourceType": "Task", "owner": {"reference": "Organization/a"}}
    assert len(standing_alone(root, links(one, two))["contained"]) == 2
