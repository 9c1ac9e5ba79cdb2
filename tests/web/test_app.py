"""The FHIR endpoint: what it does, and how it says no."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.referral import EventKind
from ip_fhir.mapping import message_to_fhir
from ip_fhir.web.app import create_app
from tests.support.two_sides import TOKENS, Loop, form, notice, unsent

AUTH = {"Authorization": f"Bearer {TOKENS['hospital']}"}
FHIR = {**AUTH, "Content-Type": "application/fhir+json"}
NEAR, FAR = ("127.0.0.1", 50_000), ("192.0.2.7", 50_000)


@pytest.fixture
def client(loop: Loop) -> Iterator[TestClient]:
    """The municipality's endpoint."""
    app = create_app(loop.municipality.exchange)
    with TestClient(app, client=NEAR, raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def message(loop: Loop) -> bytes:
    """A notice as it goes out, not yet delivered."""
    return unsent(loop, "01")


def refused(response: Any, status: int, code: str) -> str:
    """Check an error: status, OperationOutcome with that code, nothing technical; return its words."""
    assert response.status_code == status, response.text
    outcome = response.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert response.headers["content-type"].startswith("application/fhir+json")
    assert [issue["code"] for issue in outcome["issue"]][:1] == [code]
    assert "Traceback" not in response.text
    return str(outcome["issue"][0]["diagnostics"])


@pytest.mark.promise(1)
def test_a_notice_is_taken_in_once(client: TestClient, loop: Loop, message: bytes) -> None:
    """It is stored, acknowledged, and the same again gets the same bytes and changes nothing."""
    first = client.post("/$process-message", content=message, headers=FHIR)
    assert first.status_code == 200
    assert first.json()["entry"][0]["resource"]["response"]["code"] == "ok"
    records = len(loop.municipality.exchange.store.evidence())
    again = client.post("/$process-message", content=message, headers=FHIR)
    assert again.content == first.content
    assert len(loop.municipality.exchange.store.evidence()) == records
    assert loop.state(loop.municipality, "referral-01") == "delivered"


def test_laid_out_otherwise_it_is_still_the_same(client: TestClient, message: bytes) -> None:
    """A resend that another program has re-written, with a new envelope, is a resend."""
    first = client.post("/$process-message", content=message, headers=FHIR)
    bundle = json.loads(message)
    bundle = {**dict(reversed(bundle.items())), "meta": {"lastUpdated": "2026-01-13T00:00:00Z"}}
    again = client.post("/$process-message", content=json.dumps(bundle, indent=2).encode(), headers=FHIR)
    assert again.content == first.content


def test_metadata_needs_no_token(client: TestClient) -> None:
    """The CapabilityStatement says what is there: resources, searches, operation; and that versions are kept."""
    statement = client.get("/metadata").json()
    assert (statement["resourceType"], statement["fhirVersion"]) == ("CapabilityStatement", "4.0.1")
    (rest,) = statement["rest"]
    types = {resource["type"]: resource for resource in rest["resource"]}
    assert {p["name"] for p in types["Task"]["searchParam"]} >= {"identifier", "status", "based-on", "focus"}
    assert types["Task"]["versioning"] == "versioned-update"
    assert rest["operation"][0]["name"] == "process-message"
    assert [p.rpartition("/")[2] for p in types["Task"]["supportedProfile"]] == ["ip-FeedbackTask"]
    assert [p.rpartition("/")[2] for p in types["ServiceRequest"]["supportedProfile"]] == ["ip-Notice"]


def test_health_names_nobody(client: TestClient, loop: Loop, message: bytes) -> None:
    """It says how it stands, in numbers, to a program on this machine."""
    client.post("/$process-message", content=message, headers=FHIR)
    health = client.get("/health")
    assert health.json()["status"] == "ok"
    assert health.json()["waiting"] == 1
    assert not health.json()["idle"]
    loop.municipality.exchange.run_due()
    loop.municipality.exchange.run_due()
    health = client.get("/health")
    assert health.json()["idle"]
    assert health.json()["due"] == 0
    assert "referral" not in health.text
    assert notice("01").owner.name.family not in health.text


def test_health_tells_anybody_only_the_status(loop: Loop) -> None:
    """Numbers are for whoever may read the metrics: shows their token or, where there is none, is on this machine."""
    exchange = loop.municipality.exchange
    assert TestClient(create_app(exchange), client=FAR).get("/health").json() == {"status": "ok"}
    made = TestClient(create_app(exchange, metrics_token="a-token-for-the-metrics"), client=NEAR)
    assert made.get("/health").json() == {"status": "ok"}
    assert "waiting" in made.get("/health", headers={"Authorization": "Bearer a-token-for-the-metrics"}).json()
    assert made.get("/health", headers={"Authorization": "Bearer a-token-for-somebody"}).status_code == 401


def delivered(client: TestClient, message: bytes) -> dict[str, Any]:
    """Deliver a notice; return its Task as the endpoint shows it."""
    assert client.post("/$process-message", content=message, headers=FHIR).status_code == 200
    bundle = client.get("/Task", params={"status": "received"}, headers=AUTH).json()
    assert bundle["total"] == 1
    task: dict[str, Any] = bundle["entry"][0]["resource"]
    return task


def test_read_and_search(client: TestClient, loop: Loop, message: bytes) -> None:
    """ServiceRequest and Task are found by id, identifier, status, focus; each with its version."""
    task = delivered(client, message)
    base = loop.municipality.exchange.url
    read = client.get(f"/Task/{task['id']}", headers=AUTH)
    assert read.json() == task
    assert read.headers["etag"] == f'W/"{task["meta"]["versionId"]}"'
    assert read.headers["last-modified"] == "Mon, 12 Jan 2026 13:00:00 GMT"
    request_id = task["focus"]["reference"]
    request = client.get(f"/{request_id}", headers=AUTH).json()
    assert request["resourceType"] == "ServiceRequest"
    identifier = request["identifier"][0]
    token = f"{identifier['system']}|{identifier['value']}"
    for query, count in [
        (f"Task?focus={request_id}", 1),
        ("Task?focus=ServiceRequest/none", 0),
        (f"Task?_id={task['id']}&status=received", 1),
        (f"Task?_id={task['id']}&status=completed", 0),
        (f"ServiceRequest?identifier={token}", 1),
        (f"ServiceRequest?identifier={identifier['value']}&_format=json", 1),
        (f"ServiceRequest?identifier=urn:other|{identifier['value']}", 0),
        ("Task?status=http://hl7.org/fhir/task-status|received", 1),
        ("ServiceRequest?status=http://hl7.org/fhir/request-status|active", 1),
        ("Task?status=requested,received", 1),
        ("Task?status=requested,http://hl7.org/fhir/task-status|received&_count=1", 1),
        ("Task?status=requested,accepted", 0),
        (f"Task?focus={base}/{request_id}", 1),
        (f"Task?based-on=ServiceRequest/none,{base}/{request_id}", 1),
        (f"Task?focus=https://other.example/fhir/{request_id}", 0),
        (f"Task?_id=none,{task['id']}", 1),
        (f"Task?_id=none\\,{task['id']}", 0),
        (f"ServiceRequest?identifier=urn:other|1,{token}", 1),
        ("Task?code=x,http://hl7.org/fhir/CodeSystem/task-code|fulfill", 1),
        ("Task?code=x,y", 0),
    ]:
        found = client.get(f"/{query}", headers=AUTH)
        assert found.json()["type"] == "searchset"
        assert found.json()["total"] == len(found.json().get("entry", [])) == count, query
    posted = client.post("/ServiceRequest/_search", data={"identifier": token}, headers=AUTH)
    assert posted.json()["total"] == 1


@pytest.mark.parametrize("post", [False, True])
def test_page_by_page(client: TestClient, loop: Loop, post: bool) -> None:
    """`_count` gives a page, `next` leads on until all were found once; by GET and by POST, from its first page."""
    for name in ("01", "02", "03"):
        loop.hospital.exchange.send_notice(notice(name))
    loop.settle()
    asked = {"_count": "2", "status": "received"}
    if post:
        page = client.post("/Task/_search", data=asked, headers=AUTH).json()
    else:
        page = client.get("/Task", params=asked, headers=AUTH).json()
    links = {link["relation"]: link["url"].removeprefix(loop.municipality.exchange.url) for link in page["link"]}
    assert (page["total"], len(page["entry"]), sorted(links)) == (3, 2, ["next", "self"])
    following = client.get(links["next"], headers=AUTH).json()
    assert (following["total"], [link["relation"] for link in following["link"]]) == (3, ["self"])
    found = [entry["resource"]["id"] for entry in (*page["entry"], *following["entry"])]
    assert sorted(set(found)) == found
    assert len(found) == 3
    itself = following["link"][0]["url"].removeprefix(loop.municipality.exchange.url)
    assert client.get(itself, headers=AUTH).json() == following
    refused(client.get(links["next"].replace("Task?", "ServiceRequest?"), headers=AUTH), 400, "structure")
    refused(client.get(links["next"].replace("received", "accepted"), headers=AUTH), 400, "structure")
    refused(client.get(links["next"] + "x", headers=AUTH), 400, "structure")


def test_a_search_by_post_takes_no_number_either(client: TestClient) -> None:
    """Its answer has links, which are URLs."""
    answer = client.post("/Task/_search", data={"identifier": "urn:x|13116900135"}, headers=AUTH)
    assert "13116900135" not in refused(answer, 400, "not-supported")


def test_search_by_code(client: TestClient, message: bytes) -> None:
    """A token with or without system."""
    task = delivered(client, message)
    coding = task["code"]["coding"][0]
    for value, count in [
        (coding["code"], 1),
        (f"{coding['system']}|{coding['code']}", 1),
        (f"urn:other|{coding['code']}", 0),
        ("other", 0),
    ]:
        assert client.get("/Task", params={"code": value}, headers=AUTH).json()["total"] == count


def test_a_version_that_is_known_is_not_sent_again(client: TestClient, message: bytes) -> None:
    """With `If-None-Match` and the current version the answer is 304 without a body; with another, the resource."""
    task = delivered(client, message)
    tag = client.get(f"/Task/{task['id']}", headers=AUTH).headers["etag"]
    for known in (tag, tag.removeprefix("W/"), f'W/"99", {tag}', "*"):
        same = client.get(f"/Task/{task['id']}", headers={**AUTH, "If-None-Match": known})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    for other in ('W/"99"', '"x"', ""):
        assert client.get(f"/Task/{task['id']}", headers={**AUTH, "If-None-Match": other}).json() == task
    assert client.get("/Task/none", headers={**AUTH, "If-None-Match": "*"}).status_code == 404


def test_a_task_is_kept_as_it_was_put(client: TestClient, loop: Loop, message: bytes) -> None:
    """Unchanged it keeps its version; what is added is kept; the loop does not move and no refusal is counted."""
    task = delivered(client, message)
    path, records = f"/Task/{task['id']}", len(loop.municipality.exchange.store.evidence())
    version = f'W/"{task["meta"]["versionId"]}"'
    same = client.put(path, json=task, headers={**FHIR, "If-Match": version})
    assert (same.status_code, same.headers["etag"], same.json()) == (200, version, task)
    note = {"text": "sett på mandag"}
    added = client.put(path, json={**task, "note": [note]}, headers={**FHIR, "If-Match": version})
    assert added.status_code == 200, added.text
    assert added.json()["note"] == [note]
    assert added.headers["etag"] != version
    assert client.get(path, headers=AUTH).json() == added.json()
    assert loop.state(loop.municipality, "referral-01") == "delivered"
    assert len(loop.municipality.exchange.store.evidence()) == records
    assert not list(loop.municipality.exchange.store.refusals())


def test_numbers_keep_their_text(client: TestClient, message: bytes) -> None:
    """What another system adds with `0.700` is answered and read again with `0.700` (field/07; firely 732)."""
    path = f"/{delivered(client, message)['focus']['reference']}"
    request = client.get(path, headers=AUTH).content
    number = (
        b'"note":[{"text":"x","extension":[{"url":"https://ehr.example/km","valueDecimal":0.700}]}],"status":"active"'
    )
    added = request.replace(b'"status":"active"', number, 1)
    assert added != request
    put = client.put(path, content=added, headers={**FHIR, "If-Match": 'W/"1"'})
    assert put.status_code == 200, put.text
    assert b'"valueDecimal":0.700' in put.content
    assert b'"valueDecimal":0.700' in client.get(path, headers=AUTH).content


def test_a_key_twice_is_refused(client: TestClient, loop: Loop, message: bytes) -> None:
    """A body in which a key stands twice is refused with its place, and nothing is stored (field/06)."""
    twice = message.replace(b'"intent":"order"', b'"intent":"proposal","intent":"order"', 1)
    assert twice != message
    response = client.post("/$process-message", content=twice, headers=FHIR)
    assert "stands twice" in refused(response, 400, "structure")
    assert response.json()["issue"][0]["expression"][0].endswith(".resource.intent")
    assert loop.municipality.exchange.store.referral("referral-01") is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("Task?patient=Patient/1", "not-supported"),
        ("Task?patient.identifier=13116900135", "not-supported"),
        ("Task?subject=x", "not-supported"),
        ("Task?identifier=urn:oid:2.16.578.1.12.4.1.4.1|13116900135", "not-supported"),
        ("Task?_lastUpdated=ne2020", "value"),
        ("Task?_lastUpdated=gt2020-13", "value"),
        ("Task?_lastUpdated=gt2020-01-01T12:00:00", "value"),
        ("Task?_lastUpdated=gt2020-01-01,lt2021", "value"),
        ("Task?owner=Organization/1", "not-supported"),
        ("Task?owner:identifier=", "value"),
        ("Task?patient:identifier=x", "not-supported"),
        ("Task?owner:identifier=urn:oid:2.16.578.1.12.4.1.4.1|13116900135", "not-supported"),
        ("Task?_sort=status", "not-supported"),
        ("Task?_include=Task:owner", "not-supported"),
        ("Task?_revinclude=Task:focus", "not-supported"),
        ("Task?_summary=yes", "value"),
        ("Task?_elements=for.identifier", "value"),
        ("Task?_elements=for&_summary=true", "not-supported"),
        ("Task/referral-01-1/_history?_at=2026", "not-supported"),
        ("Task/referral-01-1/_history?_since=gt2026", "value"),
        ("Task/referral-01-1/_history?_cursor=x", "structure"),
        ("Task/referral-01-1/_history?_count=0", "value"),
        ("Task?status:not=draft", "not-supported"),
        ("Task?status=draft&status=received", "not-supported"),
        ("Task?status=draft,,received", "value"),
        ("Task?status=https://other.example/status|received", "value"),
        ("Task?status=|received", "value"),
        ("Task?identifier=urn:a|", "not-supported"),
        (f"Task?status={','.join(['draft'] * 21)}", "too-costly"),
        ("Task?status=", "value"),
        ("ServiceRequest?focus=Task/1", "not-supported"),
        ("Task?_count=1001", "value"),
        ("Task?_count=-1", "value"),
        ("Task?_count=ten", "value"),
        ("Task?_count=٣", "value"),
        ("Task?_count=1&_count=2", "not-supported"),
        ("Task?_cursor=abc", "structure"),
        ("Task?_cursor=13116900135", "not-supported"),
    ],
)
def test_a_search_that_cannot_be_done_is_refused(client: TestClient, query: str, code: str) -> None:
    """What would be ignored would find too much; a person's number has no place in a URL."""
    words = refused(client.get(f"/{query}", headers=AUTH), 400, code)
    assert "13116900135" not in words


def test_accept_by_update(client: TestClient, loop: Loop, message: bytes) -> None:
    """The other party changes the Task; it becomes an event of the loop, and foreign content survives."""
    client.post("/$process-message", content=message, headers=FHIR)
    loop.hospital.exchange.run_due()
    task = client.get("/Task", headers=AUTH).json()["entry"][0]["resource"]
    extension = [{"url": "https://ehr.example/colour", "valueString": "blue"}]
    changed = {**task, "status": "cancelled", "businessStatus": None, "extension": extension}
    del changed["businessStatus"]
    version = f'W/"{task["meta"]["versionId"]}"'
    response = client.put(f"/Task/{task['id']}", json=changed, headers={**FHIR, "If-Match": version})
    assert response.status_code == 200, response.text
    assert loop.state(loop.municipality, "referral-01") == "cancelled"
    assert response.json()["status"] == "cancelled"
    assert extension[0] in response.json()["extension"]
    assert response.headers["etag"] != version
    stale = client.put(f"/Task/{task['id']}", json=changed, headers={**FHIR, "If-Match": version})
    refused(stale, 412, "conflict")


def test_service_request_keeps_foreign_content(client: TestClient, loop: Loop, message: bytes) -> None:
    """What another system adds is kept, a change of what the notice says is refused, the loop does not move."""
    task = delivered(client, message)
    path = f"/{task['focus']['reference']}"
    request = client.get(path, headers=AUTH).json()
    note = {"text": "ring etter klokka 12"}
    response = client.put(path, json={**request, "note": [note]}, headers={**FHIR, "If-Match": 'W/"1"'})
    assert response.status_code == 200, response.text
    assert note in response.json()["note"]
    assert response.headers["etag"] == 'W/"2"'
    assert loop.state(loop.municipality, "referral-01") == "delivered"
    for change in ({"status": "revoked"}, {"priority": "stat"}):
        changed = {**response.json(), **change}
        put = client.put(path, json=changed, headers={**FHIR, "If-Match": 'W/"2"'})
        assert put.status_code == 422, put.text
        assert client.get(path, headers=AUTH).json() == response.json()


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"If-Match": " "}, 428, "required"),
        ({"If-Match": "abc"}, 400, "value"),
        ({"If-Match": 'W/"99999999999"'}, 400, "value"),
        ({"If-Match": 'W/"7"'}, 412, "conflict"),
        ({"If-Match": 'W/"1"', "Content-Type": "text/plain"}, 415, "not-supported"),
    ],
)
def test_an_update_needs_the_version(
    client: TestClient, message: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """None, nonsense and a stale one are told apart."""
    task = delivered(client, message)
    del task["meta"]["versionId"]
    refused(client.put(f"/Task/{task['id']}", json=task, headers={**FHIR, **headers}), status, code)


def test_an_update_of_another_resource_is_refused(client: TestClient, message: bytes) -> None:
    """The body's type and id are those of the address."""
    task = delivered(client, message)
    other = {**task, "id": "another"}
    refused(client.put(f"/Task/{task['id']}", json=other, headers={**FHIR, "If-Match": 'W/"1"'}), 422, "invariant")
    refused(client.put("/Task/another", json=other, headers={**FHIR, "If-Match": 'W/"1"'}), 404, "not-found")


def test_an_update_that_means_nothing_is_refused(client: TestClient, loop: Loop, message: bytes) -> None:
    """A status that this party may not set is an error, and the loop stands where it stood."""
    task = delivered(client, message)
    changed = {**task, "status": "completed"}
    response = client.put(f"/Task/{task['id']}", json=changed, headers={**FHIR, "If-Match": 'W/"1"'})
    assert response.status_code in (409, 422)
    assert response.json()["resourceType"] == "OperationOutcome"
    assert loop.state(loop.municipality, "referral-01") == "delivered"


@pytest.mark.parametrize("header", [None, "Bearer wrong-wrong-wrong-wrong", "Basic abc", "Bearer", "bearer  "])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/"), ("POST", "/$process-message"), ("GET", "/Task"), ("GET", "/Task/1"), ("PUT", "/Task/1"),
     ("POST", "/Task/_search"), ("GET", "/ServiceRequest?identifier=1")],
)  # fmt: skip
def test_a_token_is_required(client: TestClient, header: str | None, method: str, path: str) -> None:
    """Every door but two wants one, and says which kind."""
    headers = {"Authorization": header} if header else {}
    response = client.request(method, path, headers=headers)
    refused(response, 401, "security")
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/Patient/1", 404, "not-found"),
        ("DELETE", "/Task/1", 405, "not-supported"),
        ("PATCH", "/metadata", 405, "not-supported"),
        ("POST", "/Task", 405, "not-supported"),
        ("GET", "/Task/unknown/_history", 404, "not-found"),
        ("GET", "/Task/unknown/_history/1", 404, "not-found"),
        ("GET", "/$process-message", 405, "not-supported"),
        ("GET", "/Task/unknown", 404, "not-found"),
        ("GET", "/Task/", 404, "not-found"),
    ],
)
def test_what_is_not_there(client: TestClient, method: str, path: str, status: int, code: str) -> None:
    """Unknown addresses and methods are OperationOutcomes too."""
    refused(client.request(method, path, headers=AUTH), status, code)


def test_xml_is_not_spoken(client: TestClient) -> None:
    """Neither in nor out."""
    refused(client.get("/metadata", headers={"Accept": "application/fhir+xml"}), 406, "not-supported")
    assert client.get("/metadata", headers={"Accept": "text/html, application/fhir+json;q=0.9"}).status_code == 200
    xml = {**AUTH, "Content-Type": "application/fhir+xml"}
    refused(client.post("/$process-message", content=b"<Bundle/>", headers=xml), 415, "not-supported")
    latin = {**AUTH, "Content-Type": "application/fhir+json; charset=iso-8859-1"}
    refused(client.post("/$process-message", content=b"{}", headers=latin), 415, "not-supported")


def test_an_unforeseen_error_tells_nothing(client: TestClient, loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """A bug is 500 with an OperationOutcome; neither answer nor log holds what the exception said."""

    def broken() -> None:
        message = "Kari Nordmann 13116900135"
        raise RuntimeError(message)

    loop.municipality.exchange.health = broken  # type: ignore[method-assign, assignment]
    refused(client.get("/health"), 500, "exception")
    assert "RuntimeError" in caplog.text
    assert "Nordmann" not in caplog.text


def test_other_party_sees_nothing(client: TestClient, loop: Loop, message: bytes) -> None:
    """A referral is shown to the party that it concerns; for another it is not there."""
    from ip_fhir.exchange.peers import Peer, Peers
    from ip_fhir.ports import Endpoint

    task = delivered(client, message)
    context = loop.municipality.exchange._context
    stranger = context.organizations[0].evolve(
        id="other", her_id="90000999", organization_number=None, resh_id=None, kind="hospital"
    )
    known = context.peers._peers
    added = Peer("other", (stranger,), known[0].adapter, Endpoint("memory://"), ("token-of-another-hospital",))
    object.__setattr__(context, "peers", Peers([*known, added]))
    context.__post_init__()
    theirs = {"Authorization": "Bearer token-of-another-hospital"}
    refused(client.get(f"/Task/{task['id']}", headers=theirs), 404, "not-found")
    assert client.get("/Task", headers=theirs).json()["total"] == 0
    put = client.put(f"/Task/{task['id']}", json=task, headers={**FHIR, **theirs, "If-Match": 'W/"1"'})
    refused(put, 404, "not-found")
    refused(client.post("/$process-message", content=message, headers={**FHIR, **theirs}), 403, "forbidden")


def test_a_green_form_in_a_task(loop: Loop) -> None:
    """The municipality's own system may answer by message only; the hospital sees the form's Task completed."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.municipality.exchange.act("referral-01", EventKind.ACCEPT)
    loop.municipality.exchange.answer(form("01"))
    loop.settle()
    auth = {"Authorization": f"Bearer {TOKENS['municipality']}"}
    with TestClient(create_app(loop.hospital.exchange)) as client:
        (entry,) = client.get("/Task", headers=auth).json()["entry"]
    assert entry["resource"]["status"] == "completed"
    assert entry["resource"]["meta"]["versionId"] == "4"


def transaction(message: bytes) -> dict[str, Any]:
    """A notice as an EHR that knows only REST would post it."""
    bundle = json.loads(message)
    entries = [
        {**entry, "request": {"method": "POST", "url": entry["resource"]["resourceType"]}}
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] != "MessageHeader"
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def test_a_notice_as_a_transaction(client: TestClient, loop: Loop, message: bytes) -> None:
    """It opens the same loop; entries are answered in order, with the address of what has one."""
    bundle = transaction(message)
    request = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "ServiceRequest")
    request["extension"] = [{"url": "https://ehr.example/ward", "valueString": "3B"}]
    first = client.post("/", json=bundle, headers=FHIR)
    assert first.status_code == 200, first.text
    answer = first.json()
    assert (answer["type"], len(answer["entry"])) == ("transaction-response", len(bundle["entry"]))
    assert all(entry["response"]["status"] == "201 Created" for entry in answer["entry"])
    (located,) = [entry["response"] for entry in answer["entry"] if "location" in entry["response"]]
    stored = client.get(f"/{located['location'].partition('/_history')[0]}", headers=AUTH)
    assert stored.headers["etag"] == located["etag"]
    assert request["extension"][0] in stored.json()["extension"]
    assert client.post("/", json=bundle, headers=FHIR).content == first.content
    assert loop.state(loop.municipality, "referral-01") == "delivered"
    assert len(loop.municipality.exchange.store.evidence()) == 1


@pytest.mark.promise(14)
def test_a_transaction_answered_by_message(client: TestClient, loop: Loop, message: bytes) -> None:
    """A loop may start on one wire and be answered on another: the hospital's own loop finds the form."""
    client.post("/", json=transaction(message), headers=FHIR)
    loop.municipality.exchange.answer(form("01"))
    loop.settle()
    assert loop.states("referral-01") == ("confirmed", "confirmed")


@pytest.mark.parametrize("type_", ["batch-response", "searchset", "message", None])
def test_only_a_transaction_is_taken_at_the_root(
    client: TestClient, loop: Loop, message: bytes, type_: str | None
) -> None:
    """Another Bundle is refused, and nothing is stored."""
    bundle = {**transaction(message), "type": type_}
    response = client.post("/", json=bundle, headers=FHIR)
    assert response.status_code in (400, 422), response.text
    assert loop.state(loop.municipality, "referral-01") == "none"


def references(node: Any) -> list[str]:
    """Every reference below a node."""
    if isinstance(node, list):
        return [reference for item in node for reference in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["reference"]] if isinstance(node.get("reference"), str) else []
    return own + [reference for value in node.values() for reference in references(value)]


@pytest.mark.parametrize("path", ["/$process-message", "/"])
def test_what_is_stored_stands_alone(client: TestClient, message: bytes, path: str) -> None:
    """Whoever brought the people along: every reference of the ServiceRequest leads to something contained in it."""
    content = message if path != "/" else json.dumps(transaction(message)).encode()
    assert client.post(path, content=content, headers=FHIR).status_code == 200
    (entry,) = client.get("/ServiceRequest", headers=AUTH).json()["entry"]
    contained = {f"#{resource['id']}" for resource in entry["resource"]["contained"]}
    found = references(entry["resource"])
    assert len(found) > 5
    assert set(found) <= contained
    (task,) = client.get("/Task", headers=AUTH).json()["entry"]
    assert client.get(f"/{task['resource']['focus']['reference']}", headers=AUTH).json() == entry["resource"]


def noticed(client: TestClient, ident: str, correlation_id: str) -> Any:
    """A notice of the hospital's, numbered as wanted."""
    other = notice("03").evolve(id=ident, correlation_id=correlation_id)
    sender, recipient = other.organization(other.sender), other.organization(other.recipient)
    made = Message(
        id=f"m-{correlation_id}"[-64:], kind=MessageKind.NOTICE, correlation_id=correlation_id, sent=other.authored,
        sender=sender, recipient=recipient, notice=other,
    )  # fmt: skip
    return client.post("/$process-message", json=message_to_fhir(made), headers=FHIR)


def test_two_who_number_their_notices_alike(client: TestClient, loop: Loop, message: bytes) -> None:
    """Each notice has a ServiceRequest of its own, under the referral's id, whatever the sender calls it."""
    client.post("/$process-message", content=message, headers=FHIR)
    assert noticed(client, "notice-01", "referral-03").status_code == 200
    assert loop.states("referral-01")[1] == loop.states("referral-03")[1] == "delivered"
    found = client.get("/ServiceRequest", headers=AUTH).json()["entry"]
    assert sorted(entry["resource"]["id"] for entry in found) == ["referral-01", "referral-03"]


def test_two_ids_that_differ_at_the_end_only(client: TestClient, loop: Loop) -> None:
    """Ids so long that their Tasks would be called alike were they cut off: each has a Task of its own."""
    idents = [f"{'x' * 63}{end}" for end in "ab"]
    for number, ident in enumerate(idents):
        assert noticed(client, f"notice-{number}", ident).status_code == 200
    tasks = [entry["resource"] for entry in client.get("/Task", headers=AUTH).json()["entry"]]
    assert len({task["id"] for task in tasks}) == 2
    assert all(len(task["id"]) <= 64 for task in tasks)
    assert {task["focus"]["reference"] for task in tasks} == {f"ServiceRequest/{ident}" for ident in idents}


@pytest.mark.parametrize("old", ["referral-01", "notice-01"])
def test_an_id_that_is_a_persons_number_stays_outside(
    client: TestClient, loop: Loop, message: bytes, caplog: pytest.LogCaptureFixture, old: str
) -> None:
    """As correlation id or id of the notice it is refused, with its place; it comes into no answer, log or table."""
    assert old.encode() in message
    answer = client.post("/$process-message", content=message.replace(old.encode(), b"05827500285"), headers=FHIR)
    assert answer.status_code in (400, 422), answer.text
    assert "a person's number in it" in answer.text
    kept = [answer.text, caplog.text, repr(loop.municipality.store.refusals())]
    assert not any("05827500285" in text for text in kept)
    assert loop.municipality.store.referrals() == []
