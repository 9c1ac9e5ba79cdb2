"""What a participant's own system writes and no table names: it comes back to that participant, and to nobody else."""

from __future__ import annotations

from typing import Any

from ip_fhir.domain.plan import MeasureStatus
from ip_fhir.domain.sharing.change import Change
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.fhir.reading import write_json
from ip_fhir.mapping import plan_message_to_fhir
from tests.exchange.plans.test_plans import copy, shared, wanted
from tests.support.ring import NINA, Ring, organization

CANARY = "bare sykehusets egen merknad"


def a_change_of_another_system(ring: Ring, share: str) -> bytes:
    """A change of the hospital's measure, with a note of its own in a goal."""
    view = copy(ring, "hospital")
    ask = wanted(view, "Svømmetrening", status=MeasureStatus.IN_PROGRESS)
    now = ring.clock.now()
    change = Change(id="change-of-theirs", share=share, base=view.number, wanted=ask.plan, made=now)
    message = PlanMessage(
        id="message-of-theirs",
        kind=PlanMessageKind.PLAN_CHANGE,
        sent=now,
        sender=organization("hospital"),
        recipient=organization("municipality"),
        change=change,
    )
    made: dict[str, Any] = plan_message_to_fhir(message)
    goal = next(e["resource"] for e in made["entry"] if e["resource"]["resourceType"] == "Goal")
    goal["extension"] = [*goal.get("extension", ()), {"url": "https://theirs.example/note", "valueString": CANARY}]
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
