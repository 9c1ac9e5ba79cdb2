"""A party adds resources to its view, alone or in a transaction: once each, and answered as other changes are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.sharing.change import Outcome, PartDecision
from ip_fhir.web.fhir.plan_transactions import is_about_views
from tests.support.rest_caller import Caller, refused
from tests.support.ring import NINA, Ring
from tests.support.ring_plan import PLAN, current

ROOT = f"CarePlan/{PLAN}"
JSON = dict[str, Any]


def in_view(caller: Caller, type_: str) -> JSON:
    """A resource of the party's view."""
    bundle = caller.get(f"{ROOT}/$view").json()
    found: JSON = next(one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == type_)
    return found


def new_goal(caller: Caller, text: str = "Sykle til skolen") -> JSON:
    """A goal that is in no view: made after one that is."""
    there = in_view(caller, "Goal")
    kept = ("resourceType", "lifecycleStatus", "subject", "category", "extension")
    return {**{name: there[name] for name in kept if name in there}, "description": {"text": text}}


def accept(ring: Ring) -> None:
    """The coordinator says yes to all that waits."""
    for kept in ring.holder.plan(PLAN).changes:
        waiting = [one for one in kept.decisions if one.outcome is Outcome.PROPOSED]
        if waiting:
            yes = [PartDecision(field=one.field, id=one.id, outcome=Outcome.ACCEPTED) for one in waiting]
            ring.holder.answer_change(kept.change.id, yes, by=NINA)
    ring.settle()


def entry(method: str, url: str, resource: JSON, name: str | None = None, **more: str) -> JSON:
    """An entry of a transaction."""
    named = {} if name is None else {"fullUrl": name}
    return {**named, "resource": resource, "request": {"method": method, "url": url, **more}}


def transaction(*entries: JSON) -> JSON:
    """A transaction."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def test_a_goal_is_proposed_once(ring: Ring, hospital: Caller) -> None:
    """202; the same again is the same, before and after somebody said yes; then it is in the view, at its address."""
    goal = new_goal(hospital)
    answer = hospital.post("Goal", goal)
    assert answer.status_code == 202, answer.text
    assert hospital.post("Goal", goal).headers["content-location"] == answer.headers["content-location"]
    assert len(ring.holder.plan(PLAN).changes) == 1
    accept(ring)
    again = hospital.post("Goal", goal)
    assert again.status_code == 201, again.text
    assert len(ring.holder.plan(PLAN).changes) == 1
    made = hospital.get(again.headers["location"].partition("/_history/")[0])
    assert (made.status_code, made.json()["description"]["text"]) == (200, "Sykle til skolen")
    assert [goal.text for goal in current(ring).goals].count("Sykle til skolen") == 1
    assert made.json()["id"] in hospital.get(f"{ROOT}/$view").text


def test_an_added_goal_is_changed_by_its_address(ring: Ring, hospital: Caller) -> None:
    """What a party has added is read, and changed, as all else in its view; another party has it under another id."""
    hospital.post("Goal", new_goal(hospital))
    accept(ring)
    answer = hospital.post("Goal", new_goal(hospital))
    path = f"Goal/{answer.json()['id']}"
    before = hospital.get(path)
    wish = {**before.json(), "description": {"text": "Sykle langt"}}
    assert hospital.put(path, wish, If_Match=before.headers["etag"]).status_code == 202
    accept(ring)
    assert hospital.get(path).json()["description"]["text"] == "Sykle langt"
    stranger = Caller(hospital.client, "token-of-practice", hospital.base)
    refused(stranger.get(path), 404, "not-found")


def test_a_measure_is_added_by_its_entry_in_the_care_plan(ring: Ring, hospital: Caller) -> None:
    """A new activity of the CarePlan, by PATCH, is a measure that is proposed."""
    before = hospital.get(ROOT)
    one = next(one for one in before.json()["activity"] if "Svømmetrening" in str(one))
    other = {"detail": {**one["detail"], "description": "Ridning"}}
    other["detail"].pop("id", None)
    added = [{"op": "add", "path": "/activity/-", "value": {**other, "id": "ridning"}}]
    answer = hospital.patch(ROOT, added, If_Match=before.headers["etag"])
    assert answer.status_code == 202, answer.text
    assert "Ridning" not in hospital.get(ROOT).text
    accept(ring)
    assert "Ridning" in hospital.get(ROOT).text


def test_a_transaction_is_one_change(ring: Ring, hospital: Caller) -> None:
    """A PUT and a POST are decided together; what waits is told, and afterwards the entries have their addresses."""
    root = hospital.get(ROOT)
    goal = new_goal(hospital)
    plan = root.json()
    next(one["detail"] for one in plan["activity"] if "Svømmetrening" in str(one))["status"] = "in-progress"
    sent = transaction(
        entry("PUT", ROOT, plan, ifMatch=root.headers["etag"]), entry("POST", "Goal", goal, "urn:uuid:a-goal")
    )
    answer = hospital.post("", sent)
    assert answer.status_code == 202, answer.text
    assert {one["diagnostics"].partition(":")[0] for one in answer.json()["issue"]} == {"done", "proposed"}
    assert len(ring.holder.plan(PLAN).changes) == 1
    refused(hospital.post("", sent), 412, "conflict")


def test_a_transaction_that_takes_effect(ring: Ring, hospital: Caller) -> None:
    """200 with a transaction-response: each entry with status, address and version."""
    root = hospital.get(ROOT)
    plan = root.json()
    next(one["detail"] for one in plan["activity"] if "Svømmetrening" in str(one))["status"] = "in-progress"
    answer = hospital.post("", transaction(entry("PUT", ROOT, plan, ifMatch=root.headers["etag"])))
    assert (answer.status_code, answer.json()["type"]) == (200, "transaction-response")
    (one,) = answer.json()["entry"]
    now = hospital.get(ROOT)
    assert one["response"]["status"] == "200 OK"
    assert one["response"]["etag"] == now.headers["etag"]
    assert one["resource"] == now.json()
    again = hospital.post("", transaction(entry("PUT", ROOT, now.json(), ifMatch=now.headers["etag"])))
    assert again.status_code == 200


def test_added_things_refer_to_each_other(ring: Ring, hospital: Caller) -> None:
    """The names by which entries refer to each other count for this once: other names are the same transaction."""

    def sent(name: str) -> JSON:
        goal = new_goal(hospital)
        need = {key: value for key, value in in_view(hospital, "Condition").items() if key not in ("id", "meta")}
        need["code"] = {"text": "Vil sykle"}
        return transaction(
            entry("POST", "Condition", need, name),
            entry("POST", "Goal", {**goal, "addresses": [{"reference": name}]}),
        )

    first = hospital.post("", sent("urn:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427"))
    assert first.status_code == 202, first.text
    again = hospital.post("", sent("urn:uuid:aaaaaaaa-2fa1-11d2-883f-0016d3cca427"))
    assert first.headers["content-location"] == again.headers["content-location"]
    accept(ring)
    done = hospital.post("", sent("urn:uuid:bbbbbbbb-2fa1-11d2-883f-0016d3cca427")).json()
    need, goal = (one["resource"] for one in done["entry"])
    assert [one["response"]["status"] for one in done["entry"]] == ["201 Created"] * 2
    assert goal["addresses"] == [{"reference": f"Condition/{need['id']}"}]


OWN = {"system": "https://hospital.example/goals", "value": "77"}
TOKEN = f"{OWN['system']}|{OWN['value']}"


def test_a_goal_on_a_condition(ring: Ring, hospital: Caller) -> None:
    """It waits once, whatever else it says the second time; then it is there, and each form finds it."""
    goal = {**new_goal(hospital), "identifier": [OWN]}
    first = hospital.post("Goal", goal, If_None_Exist=f"identifier={TOKEN}")
    assert first.status_code == 202, first.text
    other = {**goal, "description": {"text": "Sykle langt"}}
    again = hospital.post("Goal", other, If_None_Exist=f"identifier={TOKEN}")
    assert (again.status_code, again.headers["content-location"]) == (202, first.headers["content-location"])
    accept(ring)
    where = {
        (made.status_code, made.headers["location"], made.headers["etag"], made.json()["description"]["text"])
        for made in (
            hospital.post("Goal", other, If_None_Exist=f"{before}identifier={TOKEN.replace('|', '%7C')}")
            for before in ("", "?", "Goal?", f"{hospital.base}/Goal?")
        )
    }
    ((status, location, etag, text),) = where
    assert (status, text) == (200, "Sykle til skolen")
    made = hospital.get(location.partition("/_history/")[0])
    assert (made.headers["etag"], made.json()["identifier"]) == (etag, [OWN])
    by_id = hospital.post(f"Goal?_id={made.json()['id']}", other, Prefer="return=minimal")
    assert (by_id.status_code, by_id.headers["location"]) == (200, location)
    assert len(ring.holder.plan(PLAN).changes) == 1
    assert hospital.post("Goal", other, If_None_Exist="identifier=urn:x|78").status_code == 202


def test_a_condition_finds_what_its_author_may_see(ring: Ring, hospital: Caller, school: Caller) -> None:
    """Several matches are refused; what stands in another party's view, or is another's own, is not there."""
    goal = {**new_goal(hospital), "identifier": [OWN]}
    hospital.post("Goal", goal)
    accept(ring)
    assert hospital.post("Goal", goal, If_None_Exist="identifier=77").status_code == 200
    assert (
        school.post("Goal", {**new_goal(school), "identifier": [OWN]}, If_None_Exist="identifier=77").status_code == 202
    )
    goals = [one["resource"] for one in hospital.get(f"{ROOT}/$view").json()["entry"]]
    several = ",".join(one["id"] for one in goals if one["resourceType"] == "Goal")
    refused(hospital.post("Goal", goal, If_None_Exist=f"_id={several}"), 412, "multiple-matches")


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("", "required"),
        ("_format=json", "required"),
        ("share=x", "not-supported"),
        ("description=x", "not-supported"),
        ("identifier=13116900135", "not-supported"),
        ("identifier=urn:x|", "not-supported"),
        ("identifier=a&identifier=b", "not-supported"),
        ("identifier=", "value"),
        ("nonsense", "value"),
        ("https://other.example/fhir/Goal?identifier=a", "not-supported"),
    ],
)
def test_a_condition_that_cannot_be(ring: Ring, hospital: Caller, condition: str, code: str) -> None:
    """It is refused, and nothing is added."""
    goal = new_goal(hospital)
    assert "13116900135" not in refused(hospital.post("Goal", goal, If_None_Exist=condition), 400, code)
    refused(hospital.post("", transaction(entry("POST", "Goal", goal, ifNoneExist=condition))), 400, code)
    assert ring.holder.plan(PLAN).changes == ()


def test_a_transaction_on_conditions(ring: Ring, hospital: Caller) -> None:
    """What is there is answered 200 with its address, and others refer to it; the rest is added, once."""
    need = {key: value for key, value in in_view(hospital, "Condition").items() if key not in ("id", "meta")}
    need |= {"code": {"text": "Vil sykle"}, "identifier": [OWN]}
    hospital.post("Condition", need)
    accept(ring)
    name = "urn:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427"
    goal = {**new_goal(hospital), "addresses": [{"reference": name}]}
    sent = transaction(
        entry("POST", "Condition", need, name, ifNoneExist=f"identifier={TOKEN}"), entry("POST", "Goal", goal)
    )
    assert hospital.post("", sent).status_code == 202
    accept(ring)
    changes = len(ring.holder.plan(PLAN).changes)
    done = hospital.post("", sent).json()
    assert [one["response"]["status"] for one in done["entry"]] == ["200 OK", "201 Created"]
    found, made = (one["resource"] for one in done["entry"])
    assert made["addresses"] == [{"reference": f"Condition/{found['id']}"}]
    alone = hospital.post("", transaction(sent["entry"][0])).json()
    assert alone["entry"] == done["entry"][:1]
    assert len(ring.holder.plan(PLAN).changes) == changes
    assert [need.text for need in current(ring).needs].count("Vil sykle") == 1


def test_what_nothing_refers_to_is_refused(ring: Ring, hospital: Caller) -> None:
    """It would be no part of the plan, and lost without a word."""
    patient = {"reference": f"Patient/{in_view(hospital, 'Patient')['id']}"}
    lost = {"resourceType": "Practitioner", "name": [{"family": "Testesen"}], "extension": [{"url": "urn:x"}]}
    answer = hospital.post("Practitioner", {**lost, "extension": [{"url": "urn:x", "valueReference": patient}]})
    refused(answer, 422, "invariant")
    assert ring.holder.plan(PLAN).changes == ()


def test_whose_plan_it_is_must_be_said(ring: Ring, hospital: Caller, school: Caller) -> None:
    """By what it refers to; another party's view, or none, adds nothing."""
    goal = new_goal(hospital)
    refused(hospital.post("Goal", {**goal, "subject": {"display": "x"}}), 422, "required")
    refused(school.post("Goal", goal), 404, "not-found")
    refused(hospital.post("Goal", {**goal, "subject": {"reference": "Patient/none"}}), 404, "not-found")
    assert ring.holder.plan(PLAN).changes == ()


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ([{"resource": {"resourceType": "Goal"}, "request": {"method": "DELETE", "url": "Goal/x"}}], 405),
        ([{"request": {"method": "GET", "url": "Goal/x"}}], 400),
        ([{"resource": {"resourceType": "Goal"}, "request": {"method": "POST", "url": "Goal/x"}}], 405),
        ([{"resource": {"resourceType": "CarePlan"}, "request": {"method": "POST", "url": "CarePlan"}}], 405),
        ([{"resource": {"resourceType": "Goal", "id": "x"}, "request": {"method": "PUT", "url": "Goal/x"}}], 428),
        ([{"resource": 7, "request": {"method": "POST", "url": "Goal"}}], 400),
        (
            [{"resource": {"resourceType": "Goal"}, "request": {"method": "POST", "url": "Goal", "ifNoneExist": "a"}}],
            400,
        ),
        ([{"resource": {"resourceType": "Goal"}, "request": {"method": "POST", "url": "Goal?share=s"}}] * 2, 422),
        ([{"resource": {"resourceType": "Goal"}, "request": {"method": "POST", "url": "Goal"}}] * 101, 413),
    ],
)
def test_transactions_that_are_none(ring: Ring, hospital: Caller, entries: list[JSON], status: int) -> None:
    """Each is refused as a whole, with a status that says why, and nothing has changed."""
    answer = hospital.post("", transaction(*entries))
    assert answer.status_code == status, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert ring.holder.plan(PLAN).changes == ()


def test_put_and_patch_do_not_mix(ring: Ring, hospital: Caller) -> None:
    """What is missing means different things in the two; the same resource twice is refused, too."""
    root, goal = hospital.get(ROOT), in_view(hospital, "Goal")
    put = entry("PUT", ROOT, root.json(), ifMatch=root.headers["etag"])
    patch = entry(
        "PATCH",
        f"Goal/{goal['id']}",
        {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "W10="},
        ifMatch=f'W/"{goal["meta"]["versionId"]}"',
    )
    assert "PUT and PATCH" in hospital.post("", transaction(put, patch)).text
    assert "twice" in hospital.post("", transaction(put, put)).text
    assert hospital.post("", transaction(patch)).status_code == 200
    assert ring.holder.plan(PLAN).changes != ()


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["request", "url", "a"]), inner),
    max_leaves=8,
)


@given(_VALUES, st.sampled_from(["transaction", "batch", None, 7]))
@settings(max_examples=200)
def test_what_is_about_views_is_told_without_a_crash(value: Any, type_: Any) -> None:
    """Any JSON, and bytes that are none, are no transaction of a view unless each entry says so."""
    from orjson import dumps

    assert not is_about_views(dumps(value))
    assert not is_about_views(dumps({"resourceType": "Bundle", "type": type_, "entry": value}))
    assert not is_about_views(b'{"resourceType": "Bundle", "type": "transaction", ')
    good = {"request": {"method": "PUT", "url": "Goal/1"}}
    assert is_about_views(dumps(transaction(good)))
    assert not is_about_views(dumps(transaction(good, {"request": {"method": "POST", "url": "Task"}})))
