"""Whatever is asked for, the answer is FHIR: what was asked for, or an OperationOutcome that names nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ip_fhir.web.app import create_app
from tests.support.rest_caller import Caller
from tests.support.two_sides import TOKENS, make_loop, notice

PERSON = "17851950222"
_NAMES = (
    *("_id", "_lastUpdated", "_sort", "_count", "_summary", "_elements", "_include", "_revinclude", "_cursor"),
    "_since",
    *("identifier", "status", "code", "focus", "based-on", "owner:identifier", "requester.identifier", "patient",
      "patient:identifier", "subject.identifier", "_format", "_total", "colour"),
)  # fmt: skip
_VALUES = st.one_of(
    st.sampled_from(
        ["received", "referral-01", "gt2026", "2026-02-30", "le2026-01-12T13:00:00Z", "0", "1", "true", "count", "text",
         "Task:focus", "-_lastUpdated", "*", "json", "xml", "|", ",", "\\", "a|b", "owner,status", "9" * 400, PERSON]
    ),
    st.text(max_size=12),
)  # fmt: skip
PAIRS = st.lists(st.tuples(st.sampled_from(_NAMES), _VALUES), max_size=4)
PATHS = st.sampled_from(
    ["Task", "ServiceRequest", "Task/referral-01-1", "Task/referral-01-1/_history", "Task/referral-01-1/_history/1",
     "Task/_search", "ServiceRequest/_search", "CarePlan/_search", "Goal", "", "metadata", "Task/%00", "Task/..", "x"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_OPS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
     "path": st.sampled_from(["", "/", "/note", "/status", "/meta/versionId", "/meta/tag/-", "/for", "/focus/reference",
                              "/identifier/0", "/code/coding/0/code", "/extension"])},
    optional={"from": st.sampled_from(["", "/for", "/note"]), "value": JSON},
)  # fmt: skip


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """The hospital, which asks the municipality, with one loop between them."""
    loop = make_loop(tmp_path_factory.mktemp("abuse"))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    exchange = loop.municipality.exchange
    with TestClient(create_app(exchange), raise_server_exceptions=False) as client:
        yield Caller(client, TOKENS["hospital"], exchange.url)
    exchange.close()
    loop.hospital.exchange.close()


def is_fhir(response: Any) -> None:
    """Check an answer: no error of ours, and JSON with a type; an error is an OperationOutcome without a number."""
    assert response.status_code not in (500, 501, 502, 503), response.text
    if response.content:
        found = response.json()
        assert isinstance(found["resourceType"], str)
        if response.status_code >= 400:
            assert found["resourceType"] == "OperationOutcome"
            assert PERSON not in response.text


@settings(max_examples=150, deadline=None)
@given(
    path=PATHS, pairs=PAIRS, method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]), lenient=st.booleans()
)
def test_any_query(caller: Caller, path: str, pairs: list[tuple[str, str]], method: str, *, lenient: bool) -> None:
    """Any parameters at any address, in the URL or as a form."""
    prefer = {"Prefer": "handling=lenient"} if lenient else {}
    headers = {"Authorization": f"Bearer {caller.token}", **prefer}
    if path.endswith("_search") and method == "POST":
        form = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        is_fhir(caller.client.post(f"/{path}", content=urlencode(pairs), headers=form))
    is_fhir(caller.client.request(method, f"/{path}", params=urlencode(pairs), headers=headers))


@settings(max_examples=100, deadline=None)
@given(operations=st.lists(_OPS, max_size=4))
def test_any_patch(caller: Caller, operations: list[dict[str, Any]]) -> None:
    """Any patch is applied or refused, and afterwards the Task can be read as before: with its type, id and status."""
    version = caller.get("Task/referral-01-1").headers["etag"]
    is_fhir(caller.patch("Task/referral-01-1", operations, If_Match=version))
    task = caller.get("Task/referral-01-1").json()
    assert (task["resourceType"], task["id"], task["status"]) == ("Task", "referral-01-1", "received")


@settings(max_examples=100, deadline=None)
@given(entries=st.lists(JSON | st.fixed_dictionaries({"request": st.fixed_dictionaries({
    "method": st.sampled_from(["GET", "PUT", "POST", "PATCH"]), "url": PATHS | st.text(max_size=9),
}), "resource": JSON}), max_size=3))  # fmt: skip
def test_any_batch(caller: Caller, entries: list[Any]) -> None:
    """Each entry of any batch is answered, and no error is ours."""
    answer = caller.post("", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    is_fhir(answer)
    found = answer.json().get("entry", [])
    assert len(found) == len(entries)
    assert not any(one["response"]["status"].startswith("5") for one in found), json.dumps(found)
