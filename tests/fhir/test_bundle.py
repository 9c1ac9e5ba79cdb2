"""A Bundle's entries, and what is no Bundle."""

from typing import Any

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import aside_of, content_of, content_of_transaction, entries_of, posted_url, refuse_aside

GOAL = {"resourceType": "Goal", "id": "g"}


def bundle(*entries: Any) -> dict[str, Any]:
    """A Bundle of these entries."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def test_entries_in_order() -> None:
    """Each entry has its number, its place as FHIRPath, its type and id."""
    found = entries_of(bundle({"resource": GOAL}, {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Task"}}))
    assert [(e.number, e.at, e.type, e.id) for e in found] == [
        (0, "Bundle.entry[0].resource", "Goal", "g"),
        (1, "Bundle.entry[1].resource", "Task", "1"),
    ]


def test_no_entries() -> None:
    """A Bundle without entries is empty, not wrong."""
    assert entries_of({"resourceType": "Bundle"}) == []


@pytest.mark.parametrize("thing", [None, 1, "Bundle", [], {}, {"resourceType": "Goal"}, {"resourceType": ["Bundle"]}])
def test_no_bundle(thing: Any) -> None:
    """What is no Bundle is refused as such."""
    with pytest.raises(InvalidInput) as caught:
        entries_of(thing)
    assert [(p.path, p.code) for p in caught.value.problems] == [("Bundle", "structure")]


def test_entries_that_are_no_list() -> None:
    """`entry` is a list."""
    with pytest.raises(InvalidInput) as caught:
        entries_of({"resourceType": "Bundle", "entry": {}})
    assert [p.path for p in caught.value.problems] == ["Bundle.entry"]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (None, "is not an object"),
        ([], "is not an object"),
        ({}, "has no resource with a resourceType"),
        ({"resource": []}, "has no resource with a resourceType"),
        ({"resource": {"resourceType": 1, "id": "x"}}, "has no resource with a resourceType"),
        ({"resource": GOAL, "fullUrl": 1}, "has a fullUrl that is not text"),
        ({"resource": {"resourceType": "Goal", "id": 1}}, "has a resource whose id is not text"),
        ({"resource": GOAL, "request": "PUT"}, "has a request that is not an object"),
        ({"fullUrl": "urn:uuid:1", "search": {"mode": "match"}}, "has no resource with a resourceType"),
    ],
)
def test_entries_that_are_none(entry: Any, reason: str) -> None:
    """Each entry that cannot be used is told with its number; all of them at once."""
    with pytest.raises(InvalidInput) as caught:
        entries_of(bundle({"resource": GOAL}, entry, entry))
    assert [(p.path, p.reason) for p in caught.value.problems] == [
        ("Bundle.entry[1]", reason),
        ("Bundle.entry[2]", reason),
    ]


def test_a_content_is_read_once() -> None:
    """A Bundle's content gives the same entries however often, and is taken where a Bundle is."""
    content = content_of(bundle({"resource": GOAL}))
    assert content_of(content) is content
    assert entries_of(content) is entries_of(content)
    assert entries_of(content) == entries_of(content.bundle)
    assert aside_of(content) == {}


def test_a_content_that_is_wrong_is_refused_each_time() -> None:
    """The errors of a Bundle come when its entries are asked for, and again when they are asked for again."""
    content = content_of(bundle({}))
    for _ in range(2):
        with pytest.raises(InvalidInput):
            entries_of(content)
        with pytest.raises(InvalidInput):
            refuse_aside(content)


def test_what_is_posted_has_a_name() -> None:
    """Without fullUrl and id it is named by what it says, the same each time and no two alike; all else stays."""
    unnamed = {"resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}}
    named = {**unnamed, "fullUrl": "urn:uuid:1"}
    with_id = {**unnamed, "resource": GOAL}
    put = {**unnamed, "request": {"method": "PUT", "url": "Patient/1"}}
    sent = bundle(unnamed, named, with_id, unnamed)
    found = content_of_transaction(sent)
    first, *others, last = (entry.full_url for entry in found.entries)
    assert (first, others) == (posted_url({"resourceType": "Patient"}), ["urn:uuid:1", None])
    assert last not in (first, "urn:uuid:1", None)
    assert content_of_transaction(sent).bundle == found.bundle
    assert sent == bundle(unnamed, named, with_id, unnamed)
    assert content_of_transaction(found) is found
    assert aside_of(content_of_transaction(bundle(put))).keys() == {0}


@pytest.mark.parametrize("thing", [None, 1, [], {}, {"resourceType": "Bundle", "entry": [None, {}, {"request": 1}]}])
def test_what_is_no_transaction_stays_as_it_is(thing: Any) -> None:
    """Whoever reads it says what is wrong, also with what JSON cannot hold."""
    assert content_of_transaction(thing).bundle == thing
    odd = bundle({"resource": {"resourceType": "Patient", "x": object()}, "request": {"method": "POST"}})
    assert content_of_transaction(odd).bundle == odd
