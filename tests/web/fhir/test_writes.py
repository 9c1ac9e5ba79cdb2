"""Writes as clients that others wrote send them: update without a header, PATCH, create, and by a condition."""

from __future__ import annotations

from typing import Any

import pytest

from ip_fhir.domain.referral import Role
from tests.support.rest_caller import FHIR, FORM, Caller, ids, refused
from tests.support.two_sides import Loop, notice

TASK = "Task/referral-01-1"
NOTE = [{"op": "add", "path": "/note", "value": [{"text": "ring"}]}]


@pytest.fixture
def request_of_02(loop: Loop) -> dict[str, Any]:
    """A notice as a ServiceRequest that stands alone, as the hospital holds it; the municipality does not have it."""
    loop.hospital.exchange.send_notice(notice("02"))
    (found,) = loop.hospital.store.search_resources("ServiceRequest", {})
    return {name: value for name, value in found.body.items() if name not in ("id", "meta")}


def transaction(*entries: dict[str, Any]) -> dict[str, Any]:
    """A transaction that posts each of these."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def posted(resource: dict[str, Any], url: str | None = None, condition: str | None = None) -> dict[str, Any]:
    """An entry that posts a resource, by the name `url` if it has one, and on a condition."""
    request = {"method": "POST", "url": resource["resourceType"]}
    request |= {} if condition is None else {"ifNoneExist": condition}
    return ({} if url is None else {"fullUrl": url}) | {"resource": resource, "request": request}


def evidence(loop: Loop) -> int:
    """The number of records that the municipality keeps."""
    return len(loop.municipality.exchange.store.evidence())


def identifier_of(request: dict[str, Any]) -> str:
    """The correlation id of a ServiceRequest as a token."""
    (found,) = [one for one in request["identifier"] if one["value"] == "referral-02"]
    return f"{found['system']}|{found['value']}"


@pytest.mark.usefixtures("three")
def test_an_update_says_where_its_version_is(caller: Caller) -> None:
    """By `Location` and `Content-Location`, which lead to what was answered."""
    task = caller.get(TASK).json()
    answer = caller.put(TASK, {**task, "note": [{"text": "ring"}]}, If_Match='W/"1"')
    assert answer.headers["location"] == answer.headers["content-location"] == f"{caller.base}/{TASK}/_history/2"
    assert caller.get(answer.headers["location"]).json() == answer.json()


@pytest.mark.usefixtures("three")
def test_the_version_may_stand_in_the_resource(caller: Caller) -> None:
    """A client that sends no `If-Match` puts back what it read: if that is not the newest, it is told so."""
    task = caller.get(TASK).json()
    assert caller.put(TASK, {**task, "note": [{"text": "ring"}]}).headers["etag"] == 'W/"2"'
    refused(caller.put(TASK, {**task, "note": [{"text": "skriv"}]}), 412, "conflict")
    refused(caller.put(TASK, {**task, "note": []}, If_Match='W/"1"'), 412, "conflict")
    for version in (None, 2, "x", "02", "*"):
        refused(caller.put(TASK, {**task, "meta": {"versionId": version}}), 428, "required")
    assert caller.get(TASK).json()["note"] == [{"text": "ring"}]


@pytest.mark.usefixtures("three")
def test_what_comes_back(caller: Caller) -> None:
    """`Prefer: return=` gives the resource, nothing, or an outcome; the version is in the headers each time."""
    for number, (wanted, type_) in enumerate(
        [("representation", "Task"), ("minimal", None), ("OperationOutcome", "OperationOutcome"), ("x", "Task")], 1
    ):
        body = {**caller.get(TASK).json(), "note": [{"text": str(number)}]}
        answer = caller.put(TASK, body, Prefer=f"handling=strict, return={wanted}")
        assert (answer.status_code, answer.headers["etag"]) == (200, f'W/"{number + 1}"')
        assert (answer.json()["resourceType"] if answer.content else None) == type_


def test_patch(caller: Caller, three: Loop) -> None:
    """It is an update with what comes of it: kept, or an event of the loop; evidence and version as for an update."""
    records = evidence(three)
    kept = caller.patch(TASK, NOTE, If_Match='W/"1"')
    assert (kept.status_code, kept.headers["etag"], kept.json()["note"]) == (200, 'W/"2"', [{"text": "ring"}])
    assert evidence(three) == records
    tested = [
        {"op": "test", "path": "/note/0/text", "value": "ring"},
        {"op": "replace", "path": "/status", "value": "cancelled"},
        {"op": "remove", "path": "/businessStatus"},
    ]
    answer = caller.patch(TASK, tested, If_Match='W/"2"')
    assert answer.status_code == 200, answer.text
    assert three.state(three.municipality, "referral-01") == "cancelled"
    assert (answer.json()["status"], answer.json()["note"]) == ("cancelled", [{"text": "ring"}])
    assert answer.headers["location"] == f"{caller.base}/{TASK}/_history/3"


@pytest.mark.parametrize(
    ("operations", "status", "code"),
    [
        ([{"op": "test", "path": "/status", "value": "draft"}], 422, "invariant"),
        ([{"op": "remove", "path": "/none"}], 422, "invariant"),
        ([{"op": "replace", "path": "/id", "value": "other"}], 422, "invariant"),
        ([{"op": "replace", "path": "/resourceType", "value": "Goal"}], 422, "invariant"),
        ([{"op": "replace", "path": "/meta", "value": 1}], 422, "invariant"),
        ([{"op": "replace", "path": "", "value": {"resourceType": "Task"}}], 422, "invariant"),
        ([{"op": "remove", "path": ""}], 400, "structure"),
        ({"op": "remove", "path": "/note"}, 400, "structure"),
        ({"resourceType": "Parameters"}, 400, "structure"),
        ([{"op": "replace", "path": "/status", "value": "completed"}], 422, "business-rule"),
    ],
)
def test_a_patch_that_is_refused(caller: Caller, three: Loop, operations: Any, status: int, code: str) -> None:
    """Nothing of it is done, and the reason is told."""
    before, records = caller.get(TASK).json(), evidence(three)
    answer = caller.patch(TASK, operations, If_Match='W/"1"')
    if code != "invariant" or status != 422:
        refused(answer, status, code)
    assert answer.status_code in (400, 422), answer.text
    assert (caller.get(TASK).json(), evidence(three)) == (before, records)


@pytest.mark.usefixtures("three")
def test_a_patch_deeper_than_a_resource_may_be(caller: Caller) -> None:
    """It is refused as the same resource would be."""
    deep: Any = {}
    for _ in range(60):
        deep = {"extension": [deep]}
    answer = caller.patch(TASK, [{"op": "add", "path": "/note", "value": [deep]}], If_Match='W/"1"')
    refused(answer, 413, "too-costly")


@pytest.mark.usefixtures("three")
def test_a_patch_needs_its_version_and_type(caller: Caller) -> None:
    """Without `If-Match` 428, with a stale one 412, of another type 415, of what is not there 404."""
    refused(caller.patch(TASK, NOTE), 428, "required")
    refused(caller.patch(TASK, NOTE, If_Match='W/"2"'), 412, "conflict")
    refused(caller.patch("Task/none", NOTE, If_Match='W/"1"'), 404, "not-found")
    for kind in (FHIR, "application/json", "application/merge-patch+json", FORM):
        refused(caller.ask("PATCH", TASK, kind=kind, content=NOTE and {}, If_Match='W/"1"'), 415, "not-supported")


def test_create(caller: Caller, loop: Loop, request_of_02: dict[str, Any]) -> None:
    """A ServiceRequest that brings its people along opens the loop; the same again is the same loop."""
    answer = caller.post("ServiceRequest", request_of_02)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{caller.base}/ServiceRequest/referral-02/_history/1"
    assert answer.json() == caller.get("ServiceRequest/referral-02").json()
    assert loop.state(loop.municipality, "referral-02") == "delivered"
    records = evidence(loop)
    again = caller.post("ServiceRequest", request_of_02)
    assert (again.status_code, again.headers["location"]) == (201, answer.headers["location"])
    assert evidence(loop) == records
    assert ids(caller.found("Task?focus=ServiceRequest/referral-02")) == ["referral-02-1"]


def test_conditional_create(caller: Caller, loop: Loop, request_of_02: dict[str, Any]) -> None:
    """In each form in which clients send the condition: the first creates, the others find."""
    token = identifier_of(request_of_02)
    quoted = token.replace("|", "%7C")
    conditions = [
        f"identifier={token}",
        f"?identifier={token}",
        f"ServiceRequest?identifier={token}",
        f"{caller.base}/ServiceRequest?identifier={quoted}",
    ]
    statuses = [
        caller.post("ServiceRequest", request_of_02, If_None_Exist=one, Prefer="return=minimal") for one in conditions
    ]
    assert [one.status_code for one in statuses] == [201, 200, 200, 200]
    assert {one.headers["location"] for one in statuses} == {f"{caller.base}/ServiceRequest/referral-02/_history/1"}
    assert evidence(loop) == 1


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("condition", "status", "code"),
    [
        ("status=active", 412, "multiple-matches"),
        ("colour=blue", 400, "not-supported"),
        ("patient.identifier=17851950222", 400, "not-supported"),
        ("identifier=17851950222", 400, "not-supported"),
        ("https://other.example/fhir/ServiceRequest?identifier=a", 400, "not-supported"),
        ("Task?identifier=a", 400, "not-supported"),
        ("", 400, "required"),
        ("nonsense", 400, "value"),
        ("_count=1", 400, "required"),
        ("identifier=a&_count=1", 400, "required"),
        ("_lastUpdated=2026", 400, "required"),
    ],
)
def test_a_condition_that_cannot_be_looked_for(caller: Caller, condition: str, status: int, code: str) -> None:
    """Several matches, another host or type, a person in it, none at all: nothing is created."""
    words = refused(
        caller.post("ServiceRequest", {"resourceType": "ServiceRequest"}, If_None_Exist=condition), status, code
    )
    assert "17851950222" not in words
    assert caller.found("ServiceRequest")["total"] == 3


@pytest.mark.parametrize("url", [None, "urn:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427"])
def test_a_transaction_on_a_condition(
    caller: Caller, loop: Loop, request_of_02: dict[str, Any], url: str | None
) -> None:
    """The first opens the loop; the others find notice and Task, and change nothing, whatever else they say."""
    condition = f"identifier={identifier_of(request_of_02)}"
    task = {"resourceType": "Task", "status": "requested", "intent": "order"}
    first = caller.post("", transaction(posted(request_of_02, url, condition)))
    assert (first.status_code, first.json()["entry"][0]["response"]["status"]) == (200, "201 Created"), first.text
    for sent in (request_of_02, {**request_of_02, "priority": "urgent"}):
        patient = {"resourceType": "Patient", "name": [{"family": "Testesen"}]}
        again = caller.post("", transaction(posted(patient), posted(task), posted(sent, url, condition)))
        assert (again.status_code, again.json()["type"]) == (200, "transaction-response"), again.text
        beside, of_task, there = (one["response"] for one in again.json()["entry"])
        assert [one["status"] for one in (beside, of_task, there)] == ["200 OK"] * 3
        assert there["location"] == first.json()["entry"][0]["response"]["location"]
        assert there["etag"] == caller.get("ServiceRequest/referral-02").headers["etag"]
        assert of_task["location"] == "Task/referral-02-1/_history/1"
        assert "location" not in beside
    assert evidence(loop) == 1


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("condition", "status", "code"),
    [
        ("status=active", 412, "multiple-matches"),
        ("colour=blue", 400, "not-supported"),
        ("identifier=17851950222", 400, "not-supported"),
        ("nonsense", 400, "value"),
        ("_count=1", 400, "required"),
    ],
)
def test_a_transaction_on_a_condition_that_cannot_be(caller: Caller, condition: str, status: int, code: str) -> None:
    """It is refused as a whole, and nothing is created."""
    answer = caller.post("", transaction(posted({"resourceType": "ServiceRequest"}, "urn:uuid:x", condition)))
    assert "17851950222" not in refused(answer, status, code)
    assert caller.found("ServiceRequest")["total"] == 3


@pytest.mark.usefixtures("three")
def test_a_condition_does_not_hide_what_is_wrong(caller: Caller) -> None:
    """A transaction that asks for more than can be done is refused, also where its notice is there."""
    request = caller.get("ServiceRequest/referral-01").json()
    entry = posted(request, condition=f"identifier={request['identifier'][0]['value']}")
    assert caller.post("", transaction(entry)).json()["entry"][0]["response"]["status"] == "200 OK"
    gone = {"request": {"method": "DELETE", "url": "Task/referral-01-1"}}
    refused(caller.post("", transaction(entry, gone)), 405, "not-supported")
    refused(caller.post("", transaction(entry, entry)), 412, "multiple-matches")


def test_a_notice_that_nothing_refers_to_needs_no_name(
    caller: Caller, loop: Loop, request_of_02: dict[str, Any]
) -> None:
    """A transaction may leave out `fullUrl`; sent again, or as a single create, it is the same notice."""
    unnamed = {name: value for name, value in request_of_02.items() if name != "identifier"}
    answer = caller.post("", transaction(posted(unnamed)))
    assert answer.status_code == 200, answer.text
    (made,) = (one["response"] for one in answer.json()["entry"])
    records = evidence(loop)
    assert caller.post("", transaction(posted(unnamed))).json() == answer.json()
    single = caller.post("ServiceRequest", unnamed)
    assert single.headers["location"] == f"{caller.base}/{made['location']}"
    assert (len(loop.municipality.store.referrals()), evidence(loop)) == (1, records)


@pytest.mark.parametrize(
    ("body", "status"),
    [({"resourceType": "Task"}, 422), ({"resourceType": "ServiceRequest"}, 422), ([], 400), ({}, 400)],
)
def test_what_is_not_created(caller: Caller, loop: Loop, body: Any, status: int) -> None:
    """What is no notice is refused with its places, and nothing is stored; a Task comes with its loop."""
    answer = caller.post("ServiceRequest", body)
    assert answer.status_code == status, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"
    refused(caller.post("Task", {"resourceType": "Task"}), 405, "not-supported")
    assert loop.municipality.store.referrals() == []


def test_a_hospital_takes_no_notice(loop: Loop, request_of_02: dict[str, Any]) -> None:
    """Create goes the way of the transaction, and so do its refusals."""
    from starlette.testclient import TestClient

    from ip_fhir.web.app import create_app
    from tests.support.two_sides import TOKENS

    assert loop.hospital.exchange._context.role is Role.HOSPITAL
    caller = Caller(TestClient(create_app(loop.hospital.exchange)), TOKENS["municipality"], loop.hospital.exchange.url)
    answer = caller.post("ServiceRequest", request_of_02)
    assert answer.status_code in (403, 422), answer.text


def test_conditional_update(caller: Caller, loop: Loop, request_of_02: dict[str, Any]) -> None:
    """It creates a notice that is not there, updates the one that is, and refuses several."""
    token = identifier_of(request_of_02)
    url = f"ServiceRequest?identifier={token}"
    made = caller.put(url, request_of_02)
    assert (made.status_code, made.json()["id"]) == (201, "referral-02")
    note = [{"text": "ring"}]
    updated = caller.put(url, {**request_of_02, "note": note}, If_Match='W/"1"')
    assert (updated.status_code, updated.headers["etag"], updated.json()["note"]) == (200, 'W/"2"', note)
    refused(caller.put(url, request_of_02), 428, "required")
    refused(caller.put(url, {**updated.json(), "id": "other"}), 400, "value")
    refused(caller.put(url, updated.json(), If_Match='W/"1"'), 412, "conflict")
    (task,) = [one["resource"] for one in caller.found(f"Task?focus={'ServiceRequest/referral-02'}")["entry"]]
    kept = caller.put(f"Task?identifier={token}", {**task, "note": note})
    assert (kept.status_code, kept.json()["note"]) == (200, note)
    refused(caller.put("Task?identifier=none", task), 404, "not-found")
    refused(caller.put("Task", task), 400, "required")


@pytest.mark.usefixtures("three")
def test_a_conditional_update_of_several(caller: Caller) -> None:
    """Is refused with 412."""
    refused(caller.put("Task?status=received", caller.get(TASK).json()), 412, "multiple-matches")
