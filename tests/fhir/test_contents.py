"""Entries without content: deletions, questions, answers, older versions, what a server says about its answer."""

from typing import Any

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import aside_of, entries_of, refuse_aside
from ip_fhir.fhir.contents import notes

JSON = dict[str, Any]
GOAL: JSON = {"resourceType": "Goal", "id": "g"}
DELETION: JSON = {"request": {"method": "DELETE", "url": "Goal/g"}}


def bundle(kind: str, *entries: Any) -> JSON:
    """A Bundle of this type."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def version(number: int, updated: str | None = None, **members: Any) -> JSON:
    """An entry of a history: one version of the goal."""
    meta = {"versionId": str(number), **({"lastUpdated": updated} if updated else {})}
    return {"fullUrl": "https://a.example/fhir/Goal/g", "resource": {**GOAL, "meta": meta}, **members}


def told(there: JSON) -> dict[int, tuple[str, str]]:
    """The warnings about entries without content."""
    return {number: (problem.path, problem.reason) for number, problem in aside_of(there).items()}


@pytest.mark.parametrize(
    ("kind", "entry", "place", "reason"),
    [
        ("transaction", DELETION, ".request", "is deleted by its request"),
        ("transaction", {"resource": GOAL, **DELETION}, ".request", "is deleted by its request"),
        ("collection", {"resource": GOAL, **DELETION}, ".request", "is deleted by its request"),
        ("batch", {"request": {"method": "GET", "url": "Goal/g"}}, ".request", "has a request that only asks"),
        ("batch", {"resource": GOAL, "request": {"method": "HEAD"}}, ".request", "has a request that only asks"),
        (
            "transaction",
            {"resource": {"resourceType": "Parameters"}, "request": {"method": "PATCH"}},
            ".request",
            "has a request that is neither PUT nor POST",
        ),
        (
            "batch",
            {"resource": GOAL, "request": {"method": 3}},
            ".request",
            "has a request that is neither PUT nor POST",
        ),
        ("transaction-response", {"response": {"status": "201 Created"}}, "", "has no resource"),
        ("batch-response", {"response": {"status": "404 Not Found"}}, "", "has no resource"),
        ("transaction", {"request": {"method": "PUT", "url": "Goal/g"}}, "", "has no resource"),
        (
            "transaction",
            {"resource": {"resourceType": "Goal"}, "request": {"method": "POST", "url": "Goal"}},
            ".resource",
            "has neither a fullUrl nor a resource id",
        ),
    ],
)
def test_told_and_not_there(kind: str, entry: JSON, place: str, reason: str) -> None:
    """Spark 714, openemr 12378: what is deleted, asked for or answered is no content; told by its place."""
    there = bundle(kind, {"resource": {"resourceType": "Task", "id": "t"}}, entry)
    assert [e.number for e in entries_of(there)] == [0]
    assert told(there) == {1: (f"Bundle.entry[1]{place}", f"{reason}: not read")}


@pytest.mark.parametrize("request_", [{"method": "PUT", "url": "Goal/g"}, {"method": "POST", "url": "Goal"}, {}])
def test_what_is_written_is_there(request_: JSON) -> None:
    """An entry that is to be created or updated holds its resource."""
    assert [e.number for e in entries_of(bundle("transaction", {"resource": GOAL, "request": request_}))] == [0]


@pytest.mark.parametrize("url", ["Goal/g", "https://a.example/fhir/Goal/g", "Goal/g/_history/2"])
def test_written_and_deleted_is_refused(url: str) -> None:
    """A transaction that holds a resource and deletes it: FHIR lets it fail, and so does reading, with the place."""
    deletion = {"request": {"method": "DELETE", "url": url}}
    with pytest.raises(InvalidInput) as refused:
        entries_of(bundle("transaction", {"resource": GOAL}, deletion))
    assert [(p.path, p.reason) for p in refused.value.problems] == [
        ("Bundle.entry[1].request", "deletes a resource that another entry holds")
    ]


def test_a_deletion_by_search_deletes_no_entry() -> None:
    """A conditional deletion names no resource: it is told, and what is there is read."""
    deletion = {"request": {"method": "DELETE", "url": "Goal?identifier=1"}}
    assert [e.number for e in entries_of(bundle("transaction", {"resource": GOAL}, deletion))] == [0]


@pytest.mark.parametrize(
    ("entries", "latest"),
    [
        ([version(3), version(2), version(1)], 0),
        ([version(1, "2026-01-01T10:00:00Z"), version(2, "2026-01-02T10:00:00Z")], 1),
        ([version(2, "2026-01-02T10:00:00+01:00"), version(1, "2026-01-02T09:30:00Z")], 1),
        ([version(2, "2026-01-02T10:00:00Z"), version(1)], 0),
        ([version(2, "2026-01-02T10:00:00Z"), version(1, "2026-01-02T10:00:00Z")], 0),
        ([version(2, "yesterday"), version(1, "2026-01-02")], 0),
        (
            [
                version(1, response={"lastModified": "2026-01-01T10:00:00Z"}),
                version(2, response={"lastModified": "2026-01-03T10:00:00Z"}),
            ],
            1,
        ),
    ],
)
def test_the_latest_version_of_a_history_counts(entries: list[JSON], latest: int) -> None:
    """By the times of the versions; without them by the order, which FHIR says is latest first. The others are told."""
    there = bundle("history", *entries)
    assert [e.number for e in entries_of(there)] == [latest]
    assert {told_[1] for told_ in told(there).values()} == {f"is an older version, as entry {latest} says: not read"}


def test_what_a_history_deleted_is_gone() -> None:
    """The latest entry is a deletion: no version of the resource is there, and each is told."""
    there = bundle("history", DELETION, version(2), version(1))
    assert entries_of(there) == []
    assert told(there)[1] == ("Bundle.entry[1]", "was deleted later, as entry 0 says: not read")
    again = bundle("history", version(3), {**DELETION, "fullUrl": "https://a.example/fhir/Goal/g"}, version(1))
    assert [e.number for e in entries_of(again)] == [0]


def test_a_history_out_of_order_is_refused() -> None:
    """Times that contradict the order, and a version without one: the latest cannot be told."""
    entries = (version(1, "2026-01-01T10:00:00Z"), version(2, "2026-01-02T10:00:00Z"), version(3))
    with pytest.raises(InvalidInput, match="the latest cannot be told") as refused:
        entries_of(bundle("history", *entries))
    assert [p.path for p in refused.value.problems] == [f"Bundle.entry[{n}]" for n in range(3)]


def test_two_resources_of_a_history_are_both_there() -> None:
    """Each resource has its own versions; one by URN too."""
    urn = {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Goal"}}
    other = {"resource": {**GOAL, "id": "h"}}
    assert [e.number for e in entries_of(bundle("history", version(2), other, urn, version(1), urn))] == [0, 1, 2]


@pytest.mark.parametrize(
    ("issue", "place", "reason"),
    [
        ({"severity": "warning", "code": "incomplete"}, "", "says something about the answer"),
        ({"severity": "error", "diagnostics": "Ola 17851950222"}, ".diagnostics", "says that something is wrong"),
        ({"severity": "fatal", "details": {"text": "Ola"}}, ".details.text", "says that something is wrong"),
    ],
)
def test_what_a_server_says_is_told_by_its_place(issue: JSON, place: str, reason: str) -> None:
    """An OperationOutcome, as a resource or in a response: the place of its text, never the text."""
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    there = bundle("searchset", {"resource": outcome}, {"response": {"status": "400", "outcome": outcome}})
    found = [(p.path, p.reason, p.severity) for p in notes(there)]
    assert found == [
        (f"Bundle.entry[{at}.issue[0]{place}", f"{reason}: not read", "warning")
        for at in ("0].resource", "1].response.outcome")
    ]


def test_an_outcome_without_issues_is_told() -> None:
    """Even one that says nothing."""
    found = [p.path for p in notes(bundle("searchset", {"resource": {"resourceType": "OperationOutcome"}}))]
    assert found == ["Bundle.entry[0].resource"]


def test_a_search_that_goes_on_is_told() -> None:
    """A searchset with a next page is not the whole answer."""
    there = {**bundle("searchset"), "link": [{"relation": "self", "url": "x"}, {"relation": "next", "url": "y"}]}
    assert [p.path for p in notes(there)] == ["Bundle.link[1]"]


@pytest.mark.parametrize(("asked", "stale"), [('W/"4"', False), ('"4"', False), ('W/"3"', True), ("3", True)])
def test_a_stale_if_match_is_told(asked: str, stale: bool) -> None:
    """A request for version 3, with version 4 of the resource beside it."""
    entry = {"resource": {**GOAL, "meta": {"versionId": "4"}}, "request": {"method": "PUT", "ifMatch": asked}}
    found = [p.path for p in notes(bundle("transaction", entry))]
    assert found == (["Bundle.entry[0].request.ifMatch"] if stale else [])


def test_who_is_asked_to_do_something_refuses_what_it_leaves_out() -> None:
    """A request that is left out would be answered as if it were done; so would a condition that is not looked at."""
    refuse_aside(bundle("transaction", {"resource": GOAL, "request": {"method": "PUT", "url": "Goal/g"}}))
    asked = {"resource": {**GOAL, "id": "h"}, "request": {"method": "PUT", "url": "Goal/h", "ifMatch": 'W/"1"'}}
    with pytest.raises(InvalidInput) as refused:
        refuse_aside(bundle("transaction", DELETION, asked))
    assert [(p.path, p.code) for p in refused.value.problems] == [
        ("Bundle.entry[0].request", "not-supported"),
        ("Bundle.entry[1].request.ifMatch", "not-supported"),
    ]
