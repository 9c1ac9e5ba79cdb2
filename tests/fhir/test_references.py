"""References by FHIR's rules (http://hl7.org/fhir/R4/bundle.html#references), restated by hand as a table of cases."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.fhir.bundle import Entry, entries_of
from ip_fhir.fhir.references import References, base_of

A, B = "https://a.example/fhir", "http://b.example/r4"
URN = "urn:uuid:6f7e1f6c-8d2c-4a59-9a0e-0c4f6d3f0a11"
FNR = ("urn:oid:2.16.578.1.12.4.1.4.1", "http://hl7.no/fhir/NamingSystem/FNR")


def resource(type_: str, ident: str | None = "p", **rest: Any) -> dict[str, Any]:
    """A resource of a type, with an id unless that is None."""
    return {"resourceType": type_, **({} if ident is None else {"id": ident}), **rest}


def links(*entries: tuple[str | None, dict[str, Any]] | tuple[str | None, dict[str, Any], str]) -> References:
    """The references of a bundle of entries: fullUrl, resource and (if it has one) method."""
    made: list[dict[str, Any]] = []
    for url, content, *method in entries:
        made.append({"resource": content})
        if url is not None:
            made[-1]["fullUrl"] = url
        if method:
            made[-1]["request"] = {"method": method[0], "url": content["resourceType"]}
    return References(entries_of({"resourceType": "Bundle", "type": "collection", "entry": made}))


PLAN, PATIENT, NO_ID = resource("CarePlan", "c"), resource("Patient"), resource("Patient", None)
VERSIONED = resource("Patient", meta={"versionId": "5"})

# The CarePlan's fullUrl; the other entry's fullUrl, resource and method; the reference; if the other entry is meant.
CASES = [
    (f"{A}/CarePlan/c", f"{A}/Patient/p", PATIENT, None, "Patient/p", True),
    (f"{A}/CarePlan/c", f"{B}/Patient/p", PATIENT, None, "Patient/p", False),
    (f"{A}/CarePlan/c", f"{B}/Patient/p", PATIENT, None, f"{B}/Patient/p", True),
    (f"{A}/CarePlan/c", f"{B}/Patient/p", PATIENT, None, f"{A}/Patient/p", False),
    (f"{A}/CarePlan/c", f"{A}/Patient/p", PATIENT, None, f"{A}/Patient/p", True),
    (f"{A}/CarePlan/c", f"{A}/Patient/p", PATIENT, None, f"{A}/Patient/p/_history/5", True),
    (f"{A}/CarePlan/c", f"{A}/Patient/p", VERSIONED, None, "Patient/p/_history/5", True),
    (f"{A}/CarePlan/c", f"{A}/Patient/p", PATIENT, None, "RelatedPerson/p", False),
    (f"{A}/CarePlan/c", f"{A}/Patient/p", PATIENT, None, "Patient/q", False),
    (f"{A}/CarePlan/c", f"{A}/Patient/p", PATIENT, None, "#p", False),
    (f"{A}/CarePlan/c", f"{A}/Patient/p", PATIENT, None, "Patient?identifier=http://x|1", False),
    (f"{A}/CarePlan/c/_history/2", f"{A}/Patient/p/_history/1", PATIENT, None, "Patient/p", True),
    (f"{A}/CarePlan/c", f"{A}/Patient/p", NO_ID, None, "Patient/p", True),
    (f"{A}/CarePlan/c", URN, PATIENT, None, URN, True),
    (f"{A}/CarePlan/c", URN, PATIENT, None, "Patient/p", True),
    (f"{A}/CarePlan/c", URN, PATIENT, "PUT", "Patient/p", True),
    (f"{A}/CarePlan/c", URN, PATIENT, "POST", URN, True),
    (f"{A}/CarePlan/c", URN, PATIENT, "POST", "Patient/p", False),
    (URN.replace("6f", "7f"), URN, NO_ID, None, URN, True),
    (URN.replace("6f", "7f"), URN, NO_ID, None, f"Patient/{URN[9:]}", False),
    ("urn:oid:1.2.3", "urn:oid:1.2.4", NO_ID, None, "urn:oid:1.2.4", True),
    ("urn:oid:1.2.3", "urn:oid:1.2.4", NO_ID, None, "urn:oid:1.2.5", False),
    (None, None, PATIENT, None, "Patient/p", True),
    (None, None, PATIENT, None, f"{A}/Patient/p", False),
    (None, f"{A}/Patient/p", PATIENT, None, "Patient/p", True),
    (f"{A}/CarePlan/c", None, PATIENT, None, "Patient/p", True),
    (f"{A}/CarePlan/c", None, PATIENT, None, f"{A}/Patient/p", True),
    (f"{A}/CarePlan/c", None, PATIENT, None, f"{B}/Patient/p", False),
]


@pytest.mark.parametrize(("holds", "url", "target", "method", "reference", "means"), CASES)
def test_table(
    holds: str | None, url: str | None, target: dict[str, Any], method: str | None, reference: str, means: bool
) -> None:
    """Each reference means what FHIR says, or nothing."""
    found = links((holds, PLAN), (url, target, method) if method else (url, target))
    holder, there = found.entries
    assert found.one(reference, holder) == (there if means else None)


def test_an_entry_without_a_base_belongs_to_no_server_where_there_are_two() -> None:
    """Between two servers an entry without fullUrl is reached by entries without one, and by nobody else."""
    found = links((f"{A}/CarePlan/c", PLAN), (f"{B}/Goal/g", resource("Goal", "g")), (None, PATIENT), (None, PLAN))
    of_a, of_b, patient, lone = found.entries
    assert [found.one("Patient/p", holder) for holder in (of_a, of_b, lone)] == [None, None, patient]


def test_contained() -> None:
    """`#id` means what the same resource contains, also from one contained resource to another, `#` their container."""
    inside = [resource("CareTeam", "t", subject={"reference": "#"}, participant=[{"member": {"reference": "#p"}}])]
    inside += [resource("Practitioner", "p"), resource("Practitioner", "unused")]
    plan = resource("CarePlan", "c", contained=inside, careTeam=[{"reference": "#t"}])
    found = links((f"{A}/CarePlan/c", plan), (f"{A}/CarePlan/d", resource("CarePlan", "d")))
    holder, other = found.entries
    team, person = found.contained[0]
    assert [one.at for one in (team, person)] == [
        "Bundle.entry[0].resource.contained[0]",
        "Bundle.entry[0].resource.contained[1]",
    ]
    assert found.one("#t", holder) == team
    assert found.one("#p", team) == person
    assert found.one("#", team) == holder
    assert found.one("#t", other) is None
    assert found.one("#unused", holder) is None
    assert found.between(holder, team) == "#t"
    assert found.between(other, team) is None


def test_of_two_versions_the_one_that_is_named() -> None:
    """A history may hold a resource twice: a version tells them apart, nothing else does."""
    old, new = resource("Patient", meta={"versionId": "4"}), VERSIONED
    found = links((f"{A}/CarePlan/c", PLAN), (f"{A}/Patient/p", old), (f"{A}/Patient/p", new))
    holder = found.entries[0]
    assert found.one("Patient/p/_history/4", holder) == found.entries[1]
    assert found.one("Patient/p/_history/5", holder) == found.entries[2]
    assert found.one("Patient/p/_history/6", holder) is None
    assert found.one("Patient/p", holder) is None


@pytest.mark.parametrize(
    ("system", "value", "kind", "found"),
    [
        (FNR[0], "1", None, True),
        (FNR[1], "1", "Patient", True),
        (FNR[0], "1", "Practitioner", False),
        (FNR[0], "2", None, False),
        ("urn:oid:1.2", "1", None, False),
        (None, "1", None, False),
    ],
)
def test_by_identifier(system: str | None, value: str, kind: str | None, found: bool) -> None:
    """An identifier means the one resource that has it, under the system or an alias, and of the type that is said."""
    there = links((None, PLAN), (None, resource("Patient", identifier=[{"system": FNR[0], "value": "1"}])))
    meant = there.by_identifier({"system": system, "value": value}, kind, [frozenset(FNR)])
    assert meant == (there.entries[1] if found else None)


def test_by_an_identifier_that_two_have() -> None:
    """Two resources with one identifier: it is not known which is meant."""
    twice = [resource("Patient", ident, identifier=[{"system": FNR[0], "value": "1"}]) for ident in "pq"]
    there = links((None, PLAN), *((None, one) for one in twice))
    assert there.by_identifier({"system": FNR[0], "value": "1"}, None) is None
    assert there.by_identifier({"system": FNR[0], "value": "1"}, "Patient") is None


_BASES = st.sampled_from([f"{A}/", f"{A}/r4/", f"{B}/", "http://[::1]:8080/"])
_IDS = st.from_regex(r"[A-Za-z0-9\-.]{1,12}", fullmatch=True)


@given(st.lists(st.tuples(_BASES, _IDS), min_size=1, max_size=6, unique=True), st.randoms(use_true_random=False))
def test_with_random_bases_and_versions(places: list[tuple[str, str]], chance: Random) -> None:
    """In a bundle of several servers a reference means the resource of its own server, whatever it is written like."""
    resources = [(f"{base}Goal/{ident}", resource("Goal", ident)) for base, ident in places]
    chance.shuffle(resources)
    holder_base = chance.choice(places)[0]
    found = links((f"{holder_base}CarePlan/c", PLAN), *resources)
    holder = found.entries[0]
    for base, ident in places:
        for version in ("", "/_history/7"):
            meant = found.one(f"Goal/{ident}{version}", holder)
            assert (meant is not None) == ((holder_base, ident) in places)
            assert meant is None or meant.full_url == f"{holder_base}Goal/{ident}"
            exact = found.one(f"{base}Goal/{ident}{version}", holder)
            assert exact is not None
            assert exact.full_url == f"{base}Goal/{ident}"
            written = found.between(holder, exact)
            assert written == (f"Goal/{ident}" if base == holder_base else f"{base}Goal/{ident}")


@pytest.mark.parametrize(
    ("url", "base"),
    [
        (f"{A}/Goal/g", f"{A}/"),
        (f"{A}/Goal/g/_history/2", f"{A}/"),
        (f"{A}/Patient/g", None),
        ("Goal/g", None),
        (f"{A}/Goal", None),
        (f"{A}/Goal/g?x=1", None),
        (URN, None),
        (None, None),
    ],
)
def test_base(url: str | None, base: str | None) -> None:
    """The base is what stands before the type and id of a RESTful fullUrl."""
    assert base_of(Entry(0, url, resource("Goal", "g"))) == base
