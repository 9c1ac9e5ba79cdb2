"""Plans by HTTP alone, between parties: saved, shared, changed, asked for, handed over; and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import StoreError
from tests.support.own_program import Program, done, program_of, refused
from tests.support.ring import PERSON, Ring, make_plan, make_ring, organization

PLAN = make_plan().id


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    """A municipality that holds the plan, a hospital, a school, a general practice, and another municipality."""
    made = make_ring(tmp_path)
    yield made
    made.close()


@pytest.fixture
def holder(ring: Ring) -> Program:
    """The record system of the municipality."""
    return program_of(ring.holder)


@pytest.fixture
def hospital(ring: Ring) -> Program:
    """The record system of the hospital."""
    return program_of(ring["hospital"])


def shared(ring: Ring, holder: Program, *parties: str) -> Any:
    """The plan is saved and shared with these parties, and has arrived."""
    state = done(holder.post("plans", make_plan()), 201)
    for party in parties:
        state = done(holder.post(f"plans/{PLAN}/shares", {"party": party}))
    ring.settle()
    return state


def test_a_plan_is_saved_shared_and_read(ring: Ring, holder: Program, hospital: Program) -> None:
    """Versions, the participant's view, and the log of who was sent what; no secret of a share is shown."""
    state = shared(ring, holder, "hospital")
    assert (state["side"], state["version"], state["shared_with"]) == ("holder", 1, ["hospital"])
    assert "key" not in state["shares"][0]
    assert done(holder.get(f"plans/{PLAN}/content")) == make_plan().to_data()
    (view,) = done(hospital.get(f"plans/{PLAN}/views"))["items"]
    assert (view["number"], view["share"]) == (1, state["shares"][0]["id"])
    refused(hospital.get(f"plans/{PLAN}/content"), 422, "business-rule", "plan")
    plan = done(holder.get(f"plans/{PLAN}/content"))
    done(holder.ask("PUT", f"plans/{PLAN}", {**plan, "title": "Min plan"}))
    versions = done(holder.get(f"plans/{PLAN}/versions?limit=1"))
    assert (versions["items"][0]["version"], versions["items"][0]["by"]["id"]) == (2, "nina01")
    older = done(holder.get(f"plans/{PLAN}/versions?limit=1&cursor={versions['next']}"))
    assert [one["version"] for one in older["items"]] == [1]
    assert done(holder.get(f"plans/{PLAN}/content?version=1")) == make_plan().to_data()
    assert "Min plan" in str(done(holder.get(f"plans/{PLAN}/difference?lang=en")))
    assert done(holder.get(f"plans/{PLAN}/difference?from=2&to=2"))["items"] == []
    ring.settle()
    log = done(holder.get(f"plans/{PLAN}/access-log"))["items"]
    assert {one["kind"] for one in log} == {"view", "read"}
    assert log[0]["by"]["name"] == "Nina Ås"
    steps = done(holder.get(f"plans/{PLAN}/evidence?limit=2"))
    assert [one["kind"] for one in steps["items"]] == ["save", "share"]
    assert done(holder.get(f"plans/{PLAN}/evidence?limit=2&cursor={steps['next']}"))["items"]


def test_plans_are_found(ring: Ring, holder: Program, hospital: Program) -> None:
    """In the list, and by the person, who stands in the body alone."""
    shared(ring, holder, "hospital")
    for program, side in ((holder, "holder"), (hospital, "participant")):
        assert [one["id"] for one in done(program.get("plans"))["items"]] == [PLAN]
        assert [one["side"] for one in done(program.get(f"plans?side={side}"))["items"]] == [side]
        found = done(program.post("plans/search", {"person": str(PERSON)}))
        assert [one["id"] for one in found["items"]] == [PLAN]
    assert done(holder.get("plans?side=participant"))["items"] == []


def test_a_change_and_its_decision(ring: Ring, holder: Program, hospital: Program) -> None:
    """The participant asks for a change of a goal, once for one key; the holder's people decide it, part by part."""
    shared(ring, holder, "hospital")
    (view,) = done(hospital.get(f"plans/{PLAN}/views"))["items"]
    view["plan"]["goals"][0]["text"] = "Å svømme to ganger i uka"
    for _ in range(2):
        done(hospital.post(f"plans/{PLAN}/changes", {"view": view, "text": "avtalt"}, Idempotency_Key="c-1"))
    ring.settle()
    (asked,) = done(hospital.get(f"plans/{PLAN}/changes"))["items"]
    (kept,) = done(holder.get(f"plans/{PLAN}/changes"))["items"]
    assert asked["change"]["id"] == kept["change"]["id"]
    assert done(holder.get("plans"))["items"][0]["waiting"] == 1
    (part,) = [one for one in kept["decisions"] if one["outcome"] == "proposed"]
    path = f"plans/{PLAN}/changes/{kept['change']['id']}/decisions"
    looked = holder.get(f"plans/{PLAN}").headers["etag"]
    done(holder.post(path, {"decisions": [{**part, "outcome": "accepted"}]}, If_Match=looked))
    late = {"decisions": [{**part, "outcome": "declined", "reason": "nei"}]}
    refused(holder.post(path, late, If_Match=looked), 412, "conflict")
    refused(holder.post(path, {"decisions": []}), 422, "value")
    ring.settle()
    assert done(hospital.get(f"plans/{PLAN}/changes"))["items"][0]["status"] == "accepted"
    assert done(holder.get(f"plans/{PLAN}/content"))["goals"][0]["text"] == "Å svømme to ganger i uka"


def test_two_coordinators_save_at_once(ring: Ring, holder: Program) -> None:
    """The second one changed a version that is no longer the newest: 412, and the first one's stands."""
    shared(ring, holder)
    plan = done(holder.get(f"plans/{PLAN}/content"))
    done(holder.ask("PUT", f"plans/{PLAN}", {**plan, "title": "Den første"}))
    refused(holder.ask("PUT", f"plans/{PLAN}", {**plan, "title": "Den andre"}), 412, "conflict")
    refused(holder.post("plans", {**plan, "title": "Den andre"}), 412, "conflict")
    assert done(holder.get(f"plans/{PLAN}/content"))["title"] == "Den første"
    newest = {**done(holder.get(f"plans/{PLAN}/content")), "title": "Den tredje"}
    refused(holder.ask("PUT", f"plans/{PLAN}", newest, If_Match='W/"1"'), 412, "conflict")


def test_a_preview_before_it_is_saved(ring: Ring, holder: Program) -> None:
    """What each would see, and nothing is stored by it."""
    shared(ring, holder, "hospital")
    before = holder.get(f"plans/{PLAN}").headers["etag"]
    plan = done(holder.get(f"plans/{PLAN}/content"))
    found = done(holder.post(f"plans/{PLAN}/preview", {"plan": {**plan, "title": "Min plan"}}))
    seen = {one["party"]: one for one in found["items"]}
    assert (seen["hospital"]["is_shared"], seen["hospital"]["view"]["plan"]["title"]) == (True, "Min plan")
    assert seen["school"]["is_shared"] is False
    assert done(holder.post(f"plans/{PLAN}/preview", {}))["on"]
    assert holder.get(f"plans/{PLAN}").headers["etag"] == before
    other = {**plan, "id": "another"}
    refused(holder.post(f"plans/{PLAN}/preview", {"plan": other}), 422, "invariant", "plan.id")


def test_a_share_ends(ring: Ring, holder: Program, hospital: Program) -> None:
    """The participant has no view afterwards; a share of another plan is none of this one's."""
    state = shared(ring, holder, "hospital")
    path = f"plans/{PLAN}/shares/{state['shares'][0]['id']}"
    done(holder.post(f"{path}/release", {"parts": []}))
    ended = done(holder.post(f"{path}/end", {"reason": "flyttet"}))
    assert ended["shared_with"] == []
    ring.settle()
    assert done(hospital.get(f"plans/{PLAN}/views"))["items"] == []
    refused(holder.post(f"plans/{PLAN}/shares/nothing/end", {}), 404, "not-found", "share")
    refused(holder.post(f"plans/{PLAN}/shares", {"party": "nobody"}), 404, "not-found")


def test_a_question_for_the_plan(ring: Ring, holder: Program, hospital: Program) -> None:
    """Asked twice with one key it is one question; granted, a share begins."""
    done(holder.post("plans", make_plan()), 201)
    question = {"party": "municipality", "owner": make_plan().owner.to_data(), "reason": "innlagt"}
    first = done(hospital.post("plan-requests", question, Idempotency_Key="q-1"), 201)
    assert done(hospital.post("plan-requests", question, Idempotency_Key="q-1"), 201) == first
    ring.settle()
    (request,) = done(holder.get(f"plans/{PLAN}"))["requests"]
    granted = done(holder.post(f"plans/{PLAN}/requests/{request['id']}/answer", {"accepts": True}))
    assert granted["shared_with"] == ["hospital"]
    refused(holder.post(f"plans/{PLAN}/requests/nothing/answer", {"accepts": True}), 404, "not-found", "request")


def test_a_plan_goes_to_another_holder(ring: Ring, holder: Program) -> None:
    """Offered, accepted there, and held there."""
    known = make_plan()
    done(holder.post("plans", known.evolve(organizations=(*known.organizations, organization("elsewhere")))), 201)
    done(holder.post(f"plans/{PLAN}/handovers", {"party": "elsewhere", "reason": "flytter"}))
    ring.settle()
    other = program_of(ring["elsewhere"])
    handover = done(other.get(f"plans/{PLAN}"))["handover"]
    refused(other.post(f"plans/{PLAN}/handovers/nothing/answer", {"accepts": True}), 404, "not-found", "handover")
    done(other.post(f"plans/{PLAN}/handovers/{handover['id']}/answer", {"accepts": True}))
    ring.settle()
    assert done(other.get(f"plans/{PLAN}"))["side"] == "holder"
    assert done(holder.get(f"plans/{PLAN}"))["side"] == "participant"


def test_an_invitation_that_cannot_be(ring: Ring, holder: Program) -> None:
    """Of a membership that there is not, and an answer to none."""
    shared(ring, holder)
    answer = holder.post(f"plans/{PLAN}/invitations", {"membership": "nothing"})
    assert answer.status_code in {404, 422}
    refused(holder.post(f"plans/{PLAN}/invitations/nothing/answer", {"accepts": True}), 404, "not-found")


def test_what_is_not_there(holder: Program) -> None:
    """404 at every door of a plan that is not here, and the number of a person in an address is not repeated."""
    for path in ("", "/content", "/views", "/versions", "/difference", "/changes", "/access-log", "/evidence"):
        refused(holder.get(f"plans/nothing{path}"), 404, "not-found")
    refused(holder.ask("PUT", f"plans/{PLAN}", make_plan()), 404, "not-found")
    refused(holder.ask("PUT", "plans/other", make_plan()), 422, "invariant", "id")
    for path, body in (
        ("shares", {"party": "hospital"}),
        ("invitations", {"membership": "m"}),
        ("handovers", {"party": "hospital"}),
        ("preview", {}),
    ):
        refused(holder.post(f"plans/nothing/{path}", body), 404, "not-found")
    assert str(PERSON) not in holder.get(f"plans/{PERSON}").text


def test_a_plan_as_somebody_sees_it(ring: Ring, holder: Program, hospital: Program) -> None:
    """A party's view as it has it, or as it would be; the person's own; nobody else is anybody of the plan."""
    shared(ring, holder, "hospital")
    theirs = done(holder.get(f"plans/{PLAN}/seen-by/hospital"))
    assert (theirs["is_shared"], theirs["views"]) == (True, done(hospital.get(f"plans/{PLAN}/views"))["items"])
    would = done(holder.get(f"plans/{PLAN}/seen-by/school"))
    assert (would["is_shared"], len(would["views"])) == (False, 1)
    assert "Å få egen bolig" not in str(would)
    assert done(holder.get(f"plans/{PLAN}/seen-by/owner")) == {"plan": make_plan().to_data(), "is_shared": True}
    refused(holder.get(f"plans/{PLAN}/seen-by/nobody"), 404, "not-found", "as")
    refused(hospital.get(f"plans/{PLAN}/seen-by/hospital"), 422, "business-rule", "plan")
    refused(holder.get("plans/nothing/seen-by/hospital"), 404, "not-found")


def test_what_our_own_people_read_is_in_the_log_of_access(ring: Ring, holder: Program, hospital: Program) -> None:
    """Whoever is shown a plan or a view by /own stands there with what, by the id that the call named; lists do not."""
    shared(ring, holder, "hospital")
    done(holder.get("plans"))
    done(holder.get(f"plans/{PLAN}"))
    before = done(holder.get(f"plans/{PLAN}/access-log"))["items"]
    assert not [one for one in before if one["kind"] == "read"]
    for path in ("content", "content?version=1", "seen-by/hospital", "difference"):
        done(holder.get(f"plans/{PLAN}/{path}", Author_Id="ola02"))
    done(holder.post(f"plans/{PLAN}/preview", {}))
    read = [one for one in done(holder.get(f"plans/{PLAN}/access-log"))["items"] if one["kind"] == "read"]
    assert sorted(one["by"]["id"] for one in read) == ["nina01"] + ["ola02"] * 4
    assert {one["to"] for one in read} == {"municipality (test)"}
    assert {one["resource"] for one in read} == {f"CarePlan/{PLAN}"}
    done(hospital.get(f"plans/{PLAN}/views"))
    (kept,) = ring["hospital"].store.readings(Aggregate.of_plan(PLAN))  # type: ignore[attr-defined]
    assert (kept.party, kept.client, kept.way, kept.version) == ("us", "nina01", "view", 1)


def test_what_cannot_be_recorded_is_not_shown(ring: Ring, holder: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a line in the log of access there is no answer: 503, and not a word of the plan."""
    shared(ring, holder, "hospital")

    def broken(*_: object) -> None:
        raise StoreError("full")

    monkeypatch.setattr(ring.holder.store, "add_readings", broken)
    for path in ("content", "seen-by/hospital", "difference"):
        answer = holder.get(f"plans/{PLAN}/{path}")
        assert answer.status_code in {500, 503}
        assert "svømme" not in answer.text
