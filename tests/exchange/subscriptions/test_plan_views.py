"""Parties are told of their views of a plan, as they read them; of what they do not see they are not told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ip_fhir.domain.sharing.case import SharedPlan
from ip_fhir.exchange import Exchange
from tests.support.hook import LOOPBACK, Hook, hook, subscribed
from tests.support.ring import NINA, PARTIES, Ring, make_ring
from tests.support.ring_plan import PLAN, shared


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    """The plan is shared with the hospital and, without housing, the school."""
    made = make_ring(tmp_path)
    context = replace(made.holder._context, endpoints=LOOPBACK)
    made.network.sides[PARTIES[0]] = Exchange(context)
    shared(made, "hospital", "school")
    yield made
    made.close()


def change(ring: Ring, goal: str) -> None:
    """Save the plan with another text of one goal, and let all happen that follows."""
    plan = kept(ring).plan
    assert plan is not None
    goals = tuple(one.evolve(text=f"{one.text} igjen") if one.id == goal else one for one in plan.goals)
    ring.holder.save_plan(plan.evolve(goals=goals), by=NINA)
    ring.settle()


def kept(ring: Ring) -> SharedPlan:
    """The plan as its holder has it."""
    found = ring.plan("municipality")
    assert found is not None
    return found


def share_of_school(ring: Ring) -> str:
    """The id of the school's share."""
    return next(one.id for one in kept(ring).shares if one.party == "school")


def test_each_is_told_of_its_own_view(ring: Ring) -> None:
    """A change in housing is told to the hospital, not to the school; one in leisure to both."""
    with hook() as hospital, hook() as school:
        for client, receiver in (("hospital", hospital), ("school", school)):
            subscribed(ring.holder, receiver.url, client, client, type="CarePlan")
        change(ring, "goal-2")
        assert (len(hospital.came), len(school.came)) == (1, 0)
        change(ring, "goal-1")
        assert (len(hospital.came), len(school.came)) == (2, 1)


def test_the_plan_goes_along_as_it_is_read(ring: Ring) -> None:
    """With a payload the CarePlan is put, equal to what a read by that party gives; the reading is recorded."""
    with hook() as school:
        subscribed(ring.holder, school.url, "school", type="CarePlan", payload=True)
        change(ring, "goal-1")
        assert {(one.method, one.path) for one in school.came} == {("PUT", f"/hook/CarePlan/{PLAN}")}
        peer = ring.holder.peer_by_token("token-of-school")
        assert peer is not None
        assert school.came[-1].resource == ring.holder.read_plan_resource(peer, "CarePlan", PLAN).body
        readings = ring.holder.store.readings()  # type: ignore[attr-defined]
        assert any(one.party == "school" and one.ground.startswith("share ") for one in readings)


def test_only_what_matches(ring: Ring, tmp_path: Path) -> None:
    """Of another plan or another share nothing is told."""
    wanted = {"of": {"_id": PLAN, "share": share_of_school(ring)}, "none": {"_id": "other"}, "else": {"share": "other"}}
    hooks: dict[str, Hook] = {}
    with hook() as hooks["of"], hook() as hooks["none"], hook() as hooks["else"]:
        for name, criteria in wanted.items():
            subscribed(ring.holder, hooks[name].url, "school", name, type="CarePlan", criteria=criteria)
        change(ring, "goal-1")
        assert {name: len(one.came) for name, one in hooks.items()} == {"of": 1, "none": 0, "else": 0}


def test_an_ended_share(ring: Ring) -> None:
    """After its share has ended a party is told nothing more."""
    with hook() as school:
        subscribed(ring.holder, school.url, "school", type="CarePlan")
        ring.holder.end_share(share_of_school(ring), by=NINA)
        ring.settle()
        school.came.clear()
        change(ring, "goal-1")
        assert school.came == []
