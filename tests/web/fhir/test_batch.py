"""A batch: each entry by itself, answered as the same request would be."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from ip_fhir.web.fhir.batch import MOST_ENTRIES
from tests.support.rest_caller import Caller, refused
from tests.support.two_sides import Loop

pytestmark = pytest.mark.usefixtures("three")

TASK = "Task/referral-01-1"


def batch(*requests: Any) -> dict[str, Any]:
    """A batch of these entries; a text is what is read."""
    entries = [{"request": {"method": "GET", "url": one}} if isinstance(one, str) else one for one in requests]
    return {"resourceType": "Bundle", "type": "batch", "entry": entries}


def answered(caller: Caller, *requests: Any, **headers: str) -> list[dict[str, Any]]:
    """The entries of the answer."""
    response = caller.post("", batch(*requests), **headers)
    assert response.status_code == 200, response.text
    assert response.json()["type"] == "batch-response"
    found: list[dict[str, Any]] = response.json()["entry"]
    return found


def statuses(entries: list[dict[str, Any]]) -> list[int]:
    """The status of each."""
    return [int(one["response"]["status"].split()[0]) for one in entries]


def test_reads_and_searches(caller: Caller) -> None:
    """Each answer is that of the request: resource, ETag, Bundle; or its error as outcome."""
    paths = [
        TASK, f"/{TASK}", f"{caller.base}/{TASK}", f"{TASK}?_elements=owner", f"{TASK}/_history", f"{TASK}/_history/1",
        "Task?status=received&_count=1", "ServiceRequest?_revinclude=Task%3Afocus", "Task/none", "Task?colour=blue",
        "Nothing", "Patient/1", "Task?patient=Patient/1",
    ]  # fmt: skip
    for path, entry in zip(paths, answered(caller, *paths), strict=True):
        alone = caller.get(path)
        assert entry["response"]["status"].startswith(f"{alone.status_code} "), path
        found = entry["resource"] if alone.status_code == 200 else entry["response"]["outcome"]
        assert found["resourceType"] == alone.json()["resourceType"]
        if alone.status_code == 200:
            assert found == alone.json()
            assert entry["response"].get("etag") == alone.headers.get("etag")
    (entry,) = answered(caller, TASK)
    assert entry["fullUrl"] == f"{caller.base}/{TASK}"


def test_writes(caller: Caller, three: Loop) -> None:
    """An update, a patch and a refused one stand beside each other: what can be done is done."""
    task = caller.get(TASK).json()
    note = [{"op": "add", "path": "/note", "value": [{"text": "ring"}]}]
    patch = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": b64encode(json.dumps(note).encode()).decode(),
    }
    other = caller.get("Task/referral-02-1").json()
    entries = answered(
        caller,
        {"resource": {**task, "note": []}, "request": {"method": "PUT", "url": TASK, "ifMatch": 'W/"9"'}},
        {"resource": patch, "request": {"method": "PATCH", "url": TASK, "ifMatch": 'W/"1"'}},
        {"resource": {**other, "note": [{"text": "x"}]}, "request": {"method": "PUT", "url": "Task/referral-02-1"}},
        {"resource": patch, "request": {"method": "PATCH", "url": TASK}},
        {"request": {"method": "DELETE", "url": TASK}},
        {"request": {"method": "GET", "url": TASK, "ifNoneMatch": 'W/"2"'}},
    )
    assert statuses(entries) == [412, 200, 200, 428, 405, 304]
    assert entries[1]["response"]["location"] == f"{TASK}/_history/2"
    assert entries[1]["resource"] == caller.get(TASK).json()
    assert [one["resource"].get("note") for one in (entries[1], entries[2])] == [[{"text": "ring"}], [{"text": "x"}]]


def test_a_condition(caller: Caller) -> None:
    """`ifNoneExist` finds what is there; `Prefer` of the request counts for each entry."""
    request = caller.get("ServiceRequest/referral-01").json()
    identifier = request["identifier"][0]
    condition = f"identifier={identifier['system']}|{identifier['value']}"
    entry = {"resource": request, "request": {"method": "POST", "url": "ServiceRequest", "ifNoneExist": condition}}
    (found,) = answered(caller, entry, Prefer="return=minimal")
    assert found == {
        "response": {"status": "200 OK", "location": "ServiceRequest/referral-01/_history/1", "etag": 'W/"1"'}
    }


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        (None, 400),
        ({}, 400),
        ({"request": []}, 400),
        ({"request": {"method": "GET", "url": 1}}, 400),
        ({"request": {"method": "get", "url": "Task"}}, 422),
        ({"request": {"method": "GET"}}, 404),
        ({"request": {"method": "GET", "url": "https://other.example/fhir/Task/1"}}, 404),
        ({"request": {"method": "GET", "url": "Task/../metadata"}}, 404),
        ({"request": {"method": "GET", "url": "Task?&&"}}, 400),
        ({"request": {"method": "GET", "url": "Task?identifier=17851950222"}}, 400),
        ({"request": {"method": "GET", "url": TASK, "ifModifiedSince": "2026-01-01T00:00:00Z"}}, 400),
        ({"request": {"method": "GET", "url": TASK, "other": "x"}}, 400),
        ({"request": {"method": "PUT", "url": TASK}}, 400),
        ({"request": {"method": "PUT", "url": TASK}, "resource": []}, 400),
        ({"request": {"method": "PATCH", "url": TASK}, "resource": {"resourceType": "Binary"}}, 400),
        ({"request": {"method": "POST", "url": "Task"}, "resource": {"resourceType": "Task"}}, 405),
    ],
)
def test_an_entry_that_cannot_be(caller: Caller, entry: Any, status: int) -> None:
    """It is refused by itself, with an outcome; the one after it is answered."""
    bad, good = answered(caller, entry, TASK)
    assert (statuses([bad]), statuses([good])) == ([status], [200])
    assert bad["response"]["outcome"]["issue"][0]["severity"] == "error"
    assert "17851950222" not in str(bad)


def test_bounds(caller: Caller) -> None:
    """Too many entries are refused as a whole; none at all is answered with none."""
    refused(caller.post("", batch(*[TASK] * (MOST_ENTRIES + 1))), 413, "too-costly")
    assert caller.post("", {"resourceType": "Bundle", "type": "batch"}).json().get("entry") is None
    refused(caller.post("", {**batch(), "entry": {}}), 400, "structure")
    refused(caller.post("", {**batch(), "implicitRules": "urn:x"}), 405, "not-supported")
    assert caller.ask("POST", "", kind="text/plain", content=batch(TASK)).status_code == 415


def test_each_is_shown_its_own(caller: Caller) -> None:
    """A batch needs a token as any request does."""
    stranger = Caller(caller.client, "nobody", caller.base)
    refused(stranger.post("", batch(TASK)), 401, "security")
