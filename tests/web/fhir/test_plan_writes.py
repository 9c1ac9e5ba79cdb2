"""A party changes its view over REST: it takes effect, waits for a person, or is refused; and is answered each time."""

from __future__ import annotations

from typing import Any

import pytest

from ip_fhir.domain.plan import MeasureStatus
from ip_fhir.domain.sharing.change import ChangeStatus, Outcome, PartDecision
from tests.support.rest_caller import Caller, refused
from tests.support.ring import NINA, Ring
from tests.support.ring_plan import PLAN, copy, current

ROOT = f"CarePlan/{PLAN}"
SWIMMING = "Svømmetrening"


def activity(plan: dict[str, Any], what: str = SWIMMING) -> dict[str, Any]:
    """The activity of a CarePlan with these words."""
    found = [one["detail"] for one in plan["activity"] if what in str(one["detail"])]
    assert found
    detail: dict[str, Any] = found[0]
    return detail


def begun(plan: dict[str, Any]) -> dict[str, Any]:
    """The CarePlan with the swimming begun."""
    activity(plan)["status"] = "in-progress"
    return plan


def issues(answer: Any) -> list[tuple[str, str]]:
    """The code of each issue, and the first of its words."""
    found = answer.json()
    assert found["resourceType"] == "OperationOutcome", answer.text
    return [(one["code"], one["diagnostics"].partition(":")[0]) for one in found["issue"]]


def a_goal(caller: Caller) -> tuple[str, Any]:
    """The address and the answer of a goal of a party's view."""
    bundle = caller.get(f"{ROOT}/$view").json()
    ident = next(one["resource"]["id"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Goal")
    return f"Goal/{ident}", caller.get(f"Goal/{ident}")


def test_what_a_party_may_do_takes_effect(ring: Ring, hospital: Caller) -> None:
    """200 with the resource as it is now; the plan and the other views have it, and no answer goes out by message."""
    before = hospital.get(ROOT)
    answer = hospital.put(ROOT, begun(before.json()), If_Match=before.headers["etag"])
    assert answer.status_code == 200, answer.text
    assert activity(answer.json())["status"] == "in-progress"
    assert current(ring).measures[0].status is MeasureStatus.IN_PROGRESS
    assert answer.headers["etag"] == hospital.get(ROOT).headers["etag"] != before.headers["etag"]
    ring.settle()
    assert copy(ring, "hospital").plan.measures[0].status is MeasureStatus.IN_PROGRESS
    (kept,) = ring.holder.plan(PLAN).changes
    assert (kept.status, kept.polled) == (ChangeStatus.ACCEPTED, True)
    assert not ring.holder.store.outbox("parked")
    status = hospital.get(f"{ROOT}/$change?change={kept.change.id}")
    assert (status.status_code, issues(status)) == (200, [("informational", "done")])


def test_what_is_proposed_waits(ring: Ring, hospital: Caller) -> None:
    """202 with an OperationOutcome; where it points to tells what a person decides, and the view has it then."""
    path, before = a_goal(hospital)
    words = {**before.json()["description"], "text": "Svømme ti meter"}
    wish = {**before.json(), "description": words}
    answer = hospital.put(path, wish, If_Match=before.headers["etag"])
    assert (answer.status_code, issues(answer)) == (202, [("informational", "proposed")])
    where = answer.headers["content-location"]
    assert hospital.get(path).content == before.content
    again = hospital.put(path, wish, If_Match=before.headers["etag"])
    assert (again.status_code, again.headers["content-location"]) == (202, where)
    (kept,) = ring.holder.plan(PLAN).changes
    assert hospital.get(where).status_code == 202
    decided = [PartDecision(field=one.field, id=one.id, outcome=Outcome.ACCEPTED) for one in kept.decisions]
    ring.holder.answer_change(kept.change.id, decided, by=NINA)
    ring.settle()
    told = hospital.get(where)
    assert (told.status_code, issues(told)) == (200, [("informational", "accepted")])
    assert hospital.get(path).json()["description"]["text"] == "Svømme ti meter"
    assert not ring.holder.store.outbox("parked")


def test_what_is_declined_is_told(ring: Ring, hospital: Caller) -> None:
    """The reason is given where the answer is asked for; nobody else is told anything there."""
    path, before = a_goal(hospital)
    wish = {**before.json(), "description": {"text": "Noe helt annet"}}
    where = hospital.put(path, wish, If_Match=before.headers["etag"]).headers["content-location"]
    (kept,) = ring.holder.plan(PLAN).changes
    no = [
        PartDecision(field=one.field, id=one.id, outcome=Outcome.DECLINED, reason="ikke nå") for one in kept.decisions
    ]
    ring.holder.answer_change(kept.change.id, no, by=NINA)
    told = hospital.get(where)
    assert (told.status_code, told.json()["issue"][0]["diagnostics"]) == (200, "declined: ikke nå")
    assert hospital.get(path).content == before.content


def test_patch_takes_away(ring: Ring, hospital: Caller) -> None:
    """An element that PUT lacks is unchanged; one that PATCH removes is taken out, or asked to be."""
    before = hospital.get(ROOT)
    less = {name: value for name, value in before.json().items() if name != "addresses"}
    same = hospital.put(ROOT, less, If_Match=before.headers["etag"])
    assert (same.status_code, same.json()["addresses"]) == (200, before.json()["addresses"])
    index = next(i for i, one in enumerate(before.json()["activity"]) if SWIMMING in str(one))
    begin = [
        {"op": "test", "path": f"/activity/{index}/detail/status", "value": activity(before.json())["status"]},
        {"op": "replace", "path": f"/activity/{index}/detail/status", "value": "in-progress"},
    ]
    answer = hospital.patch(ROOT, begin, If_Match=before.headers["etag"])
    assert answer.status_code == 200, answer.text
    assert current(ring).measures[0].status is MeasureStatus.IN_PROGRESS
    path, goal = a_goal(hospital)
    removed = hospital.patch(path, [{"op": "remove", "path": "/category"}], If_Match=goal.headers["etag"])
    assert removed.status_code in (202, 422), removed.text


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_version_counts(hospital: Caller, method: str) -> None:
    """428 without it, 412 with another; with the one in the resource a PUT needs no header."""
    before = hospital.get(ROOT).json()
    del before["meta"]["versionId"]
    content = begun(before) if method == "PUT" else []
    kind = "application/fhir+json" if method == "PUT" else "application/json-patch+json"
    refused(hospital.ask(method, ROOT, kind=kind, content=content), 428, "required")
    refused(hospital.ask(method, ROOT, kind=kind, content=content, If_Match='W/"9"'), 412, "conflict")
    assert hospital.put(ROOT, hospital.get(ROOT).json()).status_code == 200


def test_each_changes_its_own_view(ring: Ring, hospital: Caller, school: Caller) -> None:
    """What is not in a party's view is not there to be changed, nor are changes of others; nothing moves."""
    before = current(ring)
    hidden = {one.id for one in before.goals}
    for entry in hospital.get(f"{ROOT}/$view").json()["entry"]:
        resource = entry["resource"]
        path = f"{resource['resourceType']}/{resource['id']}"
        if resource["id"] != PLAN:
            refused(school.put(path, resource, If_Match='W/"1"'), 404, "not-found")
    stranger = Caller(hospital.client, "token-of-practice", hospital.base)
    whole = hospital.get(ROOT).json()
    refused(stranger.put(ROOT, whole), 404, "not-found")
    assert hidden
    assert current(ring) == before
    path, goal = a_goal(hospital)
    answer = hospital.put(path, {**goal.json(), "description": {"text": "x"}})
    for other in (school, stranger):
        refused(other.get(answer.headers["content-location"]), 404, "not-found")
    refused(hospital.get(f"{ROOT}/$change?change=none"), 404, "not-found")
    refused(hospital.get("CarePlan/none/$change?change=none"), 404, "not-found")
    refused(hospital.get(f"{ROOT}/$change"), 422, "required")


def test_what_nobody_may_change(ring: Ring, hospital: Caller) -> None:
    """Who the person is, and ids: refused, and the plan is as it was."""
    before = current(ring)
    bundle = hospital.get(f"{ROOT}/$view").json()
    patient = next(one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Patient")
    answer = hospital.put(f"Patient/{patient['id']}", {**patient, "birthDate": "2001-01-01"})
    assert answer.status_code == 422, answer.text
    assert {code for code, _ in issues(answer)} == {"business-rule"}
    assert current(ring) == before


@pytest.mark.parametrize(
    ("change", "status", "path"),
    [
        ({"id": "other"}, 422, "CarePlan.id"),
        ({"resourceType": "Goal"}, 422, "CarePlan.id"),
        ({"meta": {"versionId": "1"}}, 422, "CarePlan.meta.tag"),
        ({"status": "nonsense"}, 422, "CarePlan.status"),
    ],
)
def test_what_is_no_such_resource(ring: Ring, hospital: Caller, change: dict[str, Any], status: int, path: str) -> None:
    """It is refused with the place in the resource that was sent."""
    answer = hospital.put(ROOT, {**hospital.get(ROOT).json(), **change}, If_Match='W/"1"')
    assert answer.status_code == status, answer.text
    assert answer.json()["issue"][0]["expression"] == [path]
    assert ring.holder.plan(PLAN).changes == ()


def test_a_part_of_a_resource_is_not_put_back(ring: Ring, hospital: Caller) -> None:
    """A summary of a view's resource is refused as any other."""
    refused(hospital.put(ROOT, hospital.get(f"{ROOT}?_summary=true").json()), 422, "business-rule")
    assert ring.holder.plan(PLAN).changes == ()


def test_in_a_batch(ring: Ring, hospital: Caller) -> None:
    """An entry of a batch changes the view as a request does."""
    before = hospital.get(ROOT)
    request = {"method": "PUT", "url": ROOT, "ifMatch": before.headers["etag"]}
    batch = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"resource": begun(before.json()), "request": request}],
    }
    (entry,) = hospital.post("", batch).json()["entry"]
    assert entry["response"]["status"] == "200 OK"
    assert current(ring).measures[0].status is MeasureStatus.IN_PROGRESS
