"""What a participant's own system writes and no table names: it comes back to that participant, and to nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest

from ip_fhir.domain.plan import MeasureStatus
from ip_fhir.domain.sharing.change import Change
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.peers import Peers
from ip_fhir.exchange.plans.rest import SERVED, PlanCriteria
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.mapping import plan_message_to_fhir
from tests.exchange.plans.test_plans import wanted
from tests.support.ring import NINA, PARTIES, PERSON, Ring, organization
from tests.support.ring_plan import copy, shared

CANARY = "bare sykehusets egen merknad"


def a_change_of_another_system(ring: Ring, share: str, ident: str = "theirs", note: str | None = CANARY) -> bytes:
    """A change of the hospital's measure, with a note of its own in a goal; None: without one."""
    view = copy(ring, "hospital")
    ask = wanted(view, "Svømmetrening", status=MeasureStatus.IN_PROGRESS)
    now = ring.clock.now()
    change = Change(id=f"change-of-{ident}", share=share, base=view.number, wanted=ask.plan, made=now)
    message = PlanMessage(
        id=f"message-of-{ident}",
        kind=PlanMessageKind.PLAN_CHANGE,
        sent=now,
        sender=organization("hospital"),
        recipient=organization("municipality"),
        change=change,
    )
    made: dict[str, Any] = plan_message_to_fhir(message)
    goal = next(e["resource"] for e in made["entry"] if e["resource"]["resourceType"] == "Goal")
    if note is not None:
        said = {"url": "https://theirs.example/note", "valueString": note}
        goal["extension"] = [*goal.get("extension", ()), said]
    return write_json(made)


def test_it_is_given_back_to_the_participant_alone(ring: Ring) -> None:
    """Promise 7: sent back by another system, the bundle changes the difference and loses nothing of its own."""
    share = shared(ring, "hospital", "practice")["hospital"]
    content = a_change_of_another_system(ring, share.id)
    ring.network.sent.clear()
    assert ring.network.deliver("hospital", "municipality", content).code == "ok"
    ring.settle()
    plan = ring.plan("municipality")
    assert plan is not None
    assert plan.plan is not None
    ring.holder.save_plan(plan.plan.evolve(title="En ny tittel"), by=NINA)
    ring.settle()
    told = {to for _sender, to, bytes_ in ring.network.sent if CANARY.encode() in bytes_}
    assert told == {"hospital"}
    assert {to for _sender, to, bytes_ in ring.network.sent if b"En ny tittel" in bytes_} >= {"practice"}
    assert CANARY not in plan.plan.to_json()


@pytest.mark.parametrize(("absent", "left"), [("unchanged", 1), ("removed", 0)])
def test_it_is_taken_away_by_who_always_sends_all(
    ring: Ring, absent: Literal["unchanged", "removed"], left: int
) -> None:
    """Of a system that always sends all, what it leaves out is forgotten; of any other, absence says nothing."""
    context = ring.holder._context
    peers = [replace(one, absent=absent) if one.name == "hospital" else one for one in context.peers]
    ring.network.sides[PARTIES[0]] = Exchange(replace(context, peers=Peers(peers)))
    share = shared(ring, "hospital")["hospital"]
    for ident, note in (("first", CANARY), ("second", "noe annet"), ("third", None)):
        content = a_change_of_another_system(ring, share.id, ident, note)
        assert ring.network.deliver("hospital", "municipality", content).code == "ok"
        ring.settle()
    kept = [one.data for one in ring.holder.plan(share.plan).shares[0].kept]
    assert ["noe annet" in one for one in kept] == [True] * left
    assert CANARY not in "".join(kept), "what is sent again takes its place"


def test_a_message_has_the_versions_that_a_read_has(ring: Ring) -> None:
    """Each resource says in which view it last changed, the same on both wires; the participant need not compare."""
    shared(ring, "hospital")
    plan = ring.holder.plan("plan-of-the-ring").plan
    assert plan is not None
    ring.network.sent.clear()
    measures = (plan.measures[0].evolve(how="I basseng"), *plan.measures[1:])
    goals = (plan.goals[0].evolve(text="Å svømme"), *plan.goals[1:])
    ring.holder.save_plan(plan.evolve(measures=measures, goals=goals), by=NINA)
    ring.settle()
    ((content,),) = [[content for _, to, content in ring.network.sent if to == "hospital"]]
    sent = {
        (one["resource"]["resourceType"], one["resource"]["id"]): one["resource"].get("meta", {}).get("versionId")
        for one in read_json(content)["entry"][1:]
    }
    peer = ring.holder.peer_by_token("token-of-hospital")
    assert peer is not None
    read = {
        (type_, one.id): str(one.version)
        for type_ in SERVED
        for one in ring.holder.search_plans(peer, type_, PlanCriteria(person=PERSON)).found
    }
    assert sent == read
    assert sorted(set(sent.values())) == ["1", "2"]
