"""A client makes, reads, searches, changes and takes out its own subscriptions; what is not understood is refused."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.support.hook import database_of, wanted
from tests.support.rest_caller import Caller, ids, link, refused
from tests.support.two_sides import Loop

URL = "https://hospital.example/hook"
SECRET = "Bearer a-token-of-theirs"


def made(caller: Caller, **more: Any) -> dict[str, Any]:
    """A subscription that was taken."""
    answer = caller.post("Subscription", wanted(URL, **more))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_subscription_is_made_and_read(caller: Caller) -> None:
    """Created it is active, and has an id, a version and an address; read it is the same."""
    answer = caller.post("Subscription", wanted(URL, "Task?status=completed", payload="application/fhir+json"))
    assert answer.status_code == 201
    found = answer.json()
    assert (found["status"], found["meta"]["versionId"], found["criteria"]) == ("active", "1", "Task?status=completed")
    assert found["channel"] == {"type": "rest-hook", "endpoint": URL, "payload": "application/fhir+json"}
    assert answer.headers["location"] == f"{caller.base}/Subscription/{found['id']}"
    assert answer.headers["etag"] == 'W/"1"'
    assert caller.get(answer.headers["location"]).json() == found


def test_the_secret_is_never_shown(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """In no answer and no log line; put back as it was read, it stays what it was."""
    caplog.set_level(logging.DEBUG)
    answer = caller.post("Subscription", wanted(URL, header=[f"Authorization: {SECRET}"]))
    found = answer.json()
    assert found["channel"]["header"] == ["Authorization: ***"]
    path = f"Subscription/{found['id']}"
    put = caller.put(path, {**found, "reason": "Another"}, If_Match='W/"1"')
    searched = caller.get("Subscription")
    assert put.status_code == 200
    for text in (answer.text, put.text, searched.text, caller.get(path).text, caplog.text):
        assert SECRET not in text
        assert "a-token" not in text


def test_a_masked_secret_goes_to_no_other_host(caller: Caller, loop: Loop) -> None:
    """Who can write the subscription cannot have the secret sent to themselves; on the same host it is kept."""
    found = made(caller, header=[f"authorization:{SECRET}"])
    path, channel = f"Subscription/{found['id']}", found["channel"]
    elsewhere = {**found, "channel": {**channel, "endpoint": "https://other.example/hook"}}
    words = refused(caller.put(path, elsewhere, If_Match='W/"1"'), 422, "value")
    assert "channel.header" in caller.put(path, elsewhere, If_Match='W/"1"').text
    assert "send it again" in words
    there = {**found, "channel": {**channel, "endpoint": f"{URL}/2"}}
    assert caller.put(path, there, If_Match='W/"1"').status_code == 200
    kept = loop.municipality.exchange.store.subscription(found["id"])  # type: ignore[attr-defined]
    assert kept.subscription.secret == SECRET
    assert SECRET not in repr(kept)
    refused(caller.post("Subscription", wanted(URL, header=["Authorization: ***"])), 422, "value")


@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        ({"criteria": "Patient?name=x"}, "criteria", "not-supported"),
        ({"criteria": "Task?category=x"}, "criteria", "not-supported"),
        ({"criteria": "Task?_sort=_lastUpdated"}, "criteria", "not-supported"),
        ({"criteria": "Task?_lastUpdated=gt2026"}, "criteria", "not-supported"),
        ({"criteria": "Task?_include=Task:focus"}, "criteria", "not-supported"),
        ({"criteria": "Task?_count=2"}, "criteria", "not-supported"),
        ({"criteria": "Task?patient:identifier=13116900216"}, "criteria", "not-supported"),
        ({"criteria": "Task?status"}, "criteria", "structure"),
        ({"criteria": "http://hl7.org/SubscriptionTopic/x"}, "criteria", "not-supported"),
        ({"criteria": None}, "criteria", "required"),
        ({"criteria": "Task?identifier=" + 2_000 * "x"}, "criteria", "too-long"),
        ({"reason": None}, "reason", "required"),
        ({"reason": 2_001 * "x"}, "reason", "too-long"),
        ({"status": "error"}, "status", "value"),
        ({"status": ["active"]}, "status", "value"),
        ({"end": "2026-01-01T00:00:00Z"}, "end", "value"),
        ({"end": "2027-01-01"}, "end", "value"),
        ({"end": "2027-01-01T00:00:00"}, "end", "value"),
        ({"modifierExtension": []}, "modifierExtension", "not-supported"),
        ({"_criteria": {}}, "_criteria", "not-supported"),
        ({"channel": None}, "channel", "required"),
        ({"channel": {"type": "websocket"}}, "channel.type", "not-supported"),
        ({"channel": {"endpoint": None}}, "channel.endpoint", "required"),
        ({"channel": {"payload": "application/fhir+xml"}}, "channel.payload", "not-supported"),
        ({"channel": {"_payload": {}}}, "channel._payload", "not-supported"),
        ({"channel": {"header": ["X-Api-Key: 1"]}}, "channel.header", "not-supported"),
        ({"channel": {"header": ["Authorization: a\r\nX: b"]}}, "channel.header", "not-supported"),
        ({"channel": {"header": ["Authorization: æ"]}}, "channel.header", "not-supported"),
        ({"channel": {"header": ["Authorization: a", "Authorization: b"]}}, "channel.header", "not-supported"),
        ({"channel": {"header": "Authorization: a"}}, "channel.header", "not-supported"),
    ],
)
def test_what_is_not_understood_is_refused(caller: Caller, change: dict[str, Any], place: str, code: str) -> None:
    """With the element and the reason, and without a number of a person; nothing is kept."""
    body = wanted(URL)
    channel = change.get("channel", {})
    body |= {**change, "channel": {**body["channel"], **channel} if isinstance(channel, dict) else channel}
    body["channel"] = {k: v for k, v in body["channel"].items() if v is not None} if body["channel"] else None
    answer = caller.post("Subscription", {name: value for name, value in body.items() if value is not None})
    assert 400 <= answer.status_code < 500
    issue = answer.json()["issue"][0]
    assert (issue["code"], issue["expression"]) == (code, [f"Subscription.{place}"]), answer.text
    assert "13116900216" not in answer.text
    assert caller.found("Subscription")["total"] == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://hospital.example/hook",
        "ftp://hospital.example/",
        "https://10.1.2.3/hook",
        "https://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/",
        "https://[fd00::1]/",
        "https://[64:ff9b::a00:1]/",
        "https://192.168.1.1:8443/x",
        "https://user:word@hospital.example/",
        "https://hospital.example/#x",
        "https://hospital.example/13116900216",
        "https://hospital.example:99999/",
        "https:///hook",
        "https://hospital.example/a b",
        "https://[::1",
        "",
    ],
)
def test_an_inner_address_is_refused(caller: Caller, url: str) -> None:
    """Nor one that is not encrypted, has credentials, or holds a number; it is not repeated."""
    for endpoint in (url, url.upper() if url.startswith("http:") else url):
        answer = caller.post("Subscription", wanted(endpoint))
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.json()["issue"][0]["expression"] == ["Subscription.channel.endpoint"]
        assert not url or url not in answer.text


def test_no_documents_are_kept(caller: Caller) -> None:
    """A Subscription with a long text is refused."""
    refused(caller.post("Subscription", {**wanted(URL), "text": {"div": 20_000 * "x"}}), 413, "too-long")


def test_a_query_goes_with_no_payload(caller: Caller) -> None:
    """Nothing can be put behind a query."""
    assert caller.post("Subscription", wanted(f"{URL}?key=1")).status_code == 201
    refused(caller.post("Subscription", wanted(f"{URL}?key=1", payload="application/fhir+json")), 422, "value")


def test_conditional_create(caller: Caller) -> None:
    """Found by address, it is not made again, in each form that clients send; two that match are told."""
    for condition in (f"url={URL}", f"Subscription?url={URL}", f"{caller.base}/Subscription?url={URL}"):
        answers = [caller.post("Subscription", wanted(URL), If_None_Exist=condition) for _ in range(2)]
        assert answers[1].status_code == 200
        assert answers[1].json()["id"] == answers[0].json()["id"]
    assert caller.found("Subscription")["total"] == 1
    refused(caller.post("Subscription", wanted(URL), If_None_Exist="_count=2"), 400, "required")
    made(caller)
    refused(caller.post("Subscription", wanted(URL), If_None_Exist=f"url={URL}"), 412, "multiple-matches")


def test_search(caller: Caller) -> None:
    """By id, status, criteria, address and type, page by page; any other parameter is refused."""
    first, second = made(caller, criteria="Task?status=completed"), made(caller)
    everything = sorted([first["id"], second["id"]])
    assert ids(caller.found("Subscription")) == everything
    assert ids(caller.found(f"Subscription?_id={first['id']}")) == [first["id"]]
    assert ids(caller.found("Subscription?criteria=Task?status")) == [first["id"]]
    assert ids(caller.found(f"Subscription?url={URL}&type=rest-hook&status=active,error")) == everything
    assert ids(caller.found("Subscription?status=off")) == []
    page = caller.found("Subscription?_count=1")
    assert (ids(page), page["total"]) == (everything[:1], 2)
    following = caller.found(link(page, "next") or "")
    assert (ids(following), link(following, "next")) == (everything[1:], None)
    assert ids(caller.form("Subscription/_search", status="active").json()) == everything
    assert caller.found("Subscription?_count=0")["total"] == 2
    refused(caller.get("Subscription?payload=x"), 400, "not-supported")
    refused(caller.get("Subscription?url="), 400, "value")
    assert ids(caller.found("Subscription?payload=x", Prefer="handling=lenient")) == everything


def test_another_client_has_none_of_it(caller: Caller, loop: Loop) -> None:
    """Not read, found, changed or taken out: as if it were not there."""
    found = made(caller)
    store = loop.municipality.exchange.store
    kept = store.subscription(found["id"])  # type: ignore[attr-defined]
    assert kept.subscription.client == "hospital"
    with database_of(loop.municipality).writing() as connection:
        connection.exec_driver_sql("UPDATE subscription SET client = 'another'")
    path = f"Subscription/{found['id']}"
    refused(caller.get(path), 404, "not-found")
    refused(caller.put(path, found, If_Match='W/"1"'), 404, "not-found")
    refused(caller.ask("DELETE", path), 404, "not-found")
    assert caller.found("Subscription")["total"] == 0


def test_update_off_and_delete(caller: Caller) -> None:
    """A stale update is refused; off is told; taken out it is gone."""
    found = made(caller)
    path = f"Subscription/{found['id']}"
    refused(caller.put(path, {**found, "meta": {}}), 428, "required")
    off = caller.put(path, {**found, "status": "off"})
    assert (off.status_code, off.json()["status"], off.headers["etag"]) == (200, "off", 'W/"2"')
    refused(caller.put(path, found, If_Match='W/"1"'), 412, "conflict")
    refused(caller.put(path, {**found, "id": "other"}, If_Match='W/"2"'), 422, "invariant")
    assert caller.put(path, {**off.json(), "status": "active"}).json()["status"] == "active"
    assert caller.ask("DELETE", path).status_code == 204
    refused(caller.get(path), 404, "not-found")
    refused(caller.ask("DELETE", path), 404, "not-found")
    refused(caller.put("Subscription/none", {**found, "id": "none"}, If_Match='W/"1"'), 404, "not-found")


def test_it_ends_by_itself(caller: Caller, loop: Loop) -> None:
    """After its end it is off, also if nothing has happened since."""
    body = {**wanted(URL), "end": "2026-02-01T00:00:00+01:00"}
    found = caller.post("Subscription", body).json()
    assert (found["status"], found["end"]) == ("active", "2026-02-01T00:00:00+01:00")
    loop.clock.forward(days=40)
    assert caller.get(f"Subscription/{found['id']}").json()["status"] == "off"


def test_a_client_has_so_many(caller: Caller) -> None:
    """Fifty, and the next is refused."""
    for _ in range(50):
        made(caller)
    refused(caller.post("Subscription", wanted(URL)), 413, "too-costly")
    assert caller.found("Subscription?_count=10")["total"] == 50


def test_in_a_batch(caller: Caller) -> None:
    """Made, read and taken out by the entries of a batch, too."""
    found = made(caller)
    entries = [
        {"request": {"method": "POST", "url": "Subscription"}, "resource": wanted(URL)},
        {"request": {"method": "GET", "url": f"Subscription/{found['id']}"}},
        {"request": {"method": "DELETE", "url": f"Subscription/{found['id']}"}},
    ]
    answer = caller.post("", {"resourceType": "Bundle", "type": "batch", "entry": entries}).json()
    assert [one["response"]["status"][:3] for one in answer["entry"]] == ["201", "200", "204"]
