"""Versions of a resource: each is read by its number, and all of them in order."""

from __future__ import annotations

import pytest

from tests.support.rest_caller import Caller, link, refused
from tests.support.two_sides import Loop

TASK = "Task/referral-01-1"


@pytest.fixture
def changed(caller: Caller, three: Loop) -> list[dict[str, object]]:
    """Three versions of a Task, an hour apart, as they were answered."""
    found = [caller.get(TASK).json()]
    for text in ("ring", "skriv"):
        answer = caller.put(TASK, {**found[-1], "note": [{"text": text}]})
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        three.clock.forward(hours=1)
    return found


def test_each_version_is_read(caller: Caller, changed: list[dict[str, object]]) -> None:
    """As it was, with its own ETag and time; one that there is not yet, or never was, is 404."""
    for number, resource in enumerate(changed, 1):
        answer = caller.get(f"{TASK}/_history/{number}")
        assert (answer.json(), answer.headers["etag"]) == (resource, f'W/"{number}"')
    assert len({caller.get(f"{TASK}/_history/{number}").headers["last-modified"] for number in (1, 3)}) == 2
    for wrong in ("0", "4", "x", "999999999", "9999999999", "-1", "٣"):
        refused(caller.get(f"{TASK}/_history/{wrong}"), 404, "not-found")


def test_history(caller: Caller, changed: list[dict[str, object]]) -> None:
    """Latest first, with the request and the answer of each; page by page; since a time."""
    whole = caller.get(f"{TASK}/_history").json()
    assert (whole["type"], whole["total"]) == ("history", 3)
    assert [one["resource"] for one in whole["entry"]] == changed[::-1]
    assert {one["fullUrl"] for one in whole["entry"]} == {f"{caller.base}/{TASK}"}
    assert [one["response"]["status"] for one in whole["entry"]] == ["200 OK", "200 OK", "201 Created"]
    assert [one["response"]["etag"] for one in whole["entry"]] == ['W/"3"', 'W/"2"', 'W/"1"']
    assert all(one["request"] == {"method": "PUT", "url": TASK} for one in whole["entry"])
    page = caller.get(f"{TASK}/_history?_count=2").json()
    rest = caller.get(str(link(page, "next"))).json()
    assert [one["resource"] for one in (*page["entry"], *rest["entry"])] == changed[::-1]
    assert link(rest, "next") is None
    assert caller.get(str(link(rest, "self"))).json() == rest
    since = str(changed[-1]["meta"]["lastUpdated"]).replace("+", "%2B")  # type: ignore[index]
    later = caller.get(f"{TASK}/_history?_since={since}").json()
    assert ([one["resource"] for one in later["entry"]], "total" in later) == (changed[-1:], False)
    assert "entry" not in caller.get(f"{TASK}/_history?_since=2027-01-01").json()
    assert caller.get(f"{TASK}/_history?colour=blue", Prefer="handling=lenient").json() == whole


def test_no_versions_of_a_view(caller: Caller) -> None:
    """Of plans only the view of today is there: earlier versions are not at any address."""
    refused(caller.get("CarePlan/plan-01/_history/1"), 404, "not-found")
    refused(caller.get("CarePlan/plan-01/_history"), 404, "not-found")
