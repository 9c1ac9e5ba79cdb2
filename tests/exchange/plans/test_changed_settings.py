"""After a change of settings every plan is looked at once: nothing goes by the agreement that was."""

from __future__ import annotations

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.domain.sharing.share import EndReason
from ip_fhir.domain.sharing.terms import ShareStart
from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.exchange import Exchange
from tests.support.ring import NINA, OLE, Ring, make_plan, with_settings
from tests.support.ring_plan import copy, share_of, shared

WHOLE = {"hospital": ContentLevel.PLAN, "school": ContentLevel.PLAN}


def looks(ring: Ring) -> int:
    """How often the clock has moved the plan."""
    records = ring.holder.store.records(Aggregate(kind=PLAN, id=make_plan().id))  # type: ignore[attr-defined]
    return sum(record.record["kind"] == "time" for record in records)


def test_a_narrower_agreement_counts_at_the_next_start(ring: Ring) -> None:
    """The share of the party gets its next view by the new level; others hear nothing, and nobody saves the plan."""
    shared(ring, "hospital", "school")
    with_settings(ring, levels=WHOLE | {"hospital": ContentLevel.HEADER})
    ring.settle()
    view = copy(ring, "hospital")
    assert (view.level, view.number, view.plan.goals) == (ContentLevel.HEADER, 2, ())
    assert share_of(ring, "school").number == 1


def test_what_waits_does_not_leave_by_the_old_level(ring: Ring) -> None:
    """A view that could not be sent before the restart is not sent after it: the one of the new level goes."""
    ring.network.down.add("hospital")
    ring.holder.save_plan(make_plan(), by=NINA)
    ring.holder.share(make_plan().id, "hospital", by=NINA)
    ring.holder.run_due()
    ring.network.sent.clear()
    side = with_settings(ring, levels=WHOLE | {"hospital": ContentLevel.NEEDS})
    ring.network.down.clear()
    ring.clock.forward(hours=1)
    side.run_outbox(lambda: True)  # before anything has looked at the clocks
    ring.settle()
    assert not any(b"mmetrening" in content for _, to, content in ring.network.sent if to == "hospital")
    view = copy(ring, "hospital")
    assert (view.level, view.number) == (ContentLevel.NEEDS, 2)


def test_an_agreement_that_is_there_no_more_ends_the_share(ring: Ring) -> None:
    """The party is told to use the view no longer."""
    shared(ring, "hospital", "school")
    with_settings(ring, levels={"school": ContentLevel.PLAN})
    ring.settle()
    assert share_of(ring, "hospital").end_reason is EndReason.NO_AGREEMENT
    assert ring.copy("hospital", share_of(ring, "hospital").id) is None
    assert copy(ring, "school").number == 1


def test_an_agreement_that_opens_more(ring: Ring) -> None:
    """Its shares begin by rule at once, and views grow: nobody has to save the plan for it."""
    shared(ring, "hospital")
    with_settings(ring, levels={"hospital": ContentLevel.NEEDS}, begin=ShareStart.BY_RULE)
    ring.settle()
    with_settings(ring, levels=WHOLE, begin=ShareStart.BY_RULE)
    ring.settle()
    assert {party: copy(ring, party).level for party in WHOLE} == WHOLE


def test_the_same_settings_move_nothing(ring: Ring) -> None:
    """A restart by itself adds neither evidence nor a view; a change of settings looks at each plan once."""
    shared(ring, "hospital")
    with_settings(ring, levels=WHOLE)
    ring.settle()
    before = looks(ring)
    with_settings(ring, levels=WHOLE)
    ring.settle()
    assert looks(ring) == before
    with_settings(ring, levels=WHOLE | {"practice": ContentLevel.NEEDS})
    ring.settle()
    assert looks(ring) == before + 1
    assert share_of(ring, "hospital").number == 1


def test_of_two_processes_the_later_one_has_the_say(ring: Ring) -> None:
    """One that was not restarted after a change of settings does not decide anew what the other has decided."""
    shared(ring, "hospital")
    old = ring.holder
    old.run_due()
    ring.clock.forward(minutes=1)
    with_settings(ring, levels=WHOLE | {"hospital": ContentLevel.NEEDS})
    ring.settle()
    assert share_of(ring, "hospital").number == 2
    for side in (old, ring.holder, old):
        assert not side.run_due().anything
    assert share_of(ring, "hospital").number == 2
    assert_idle(old, ring.holder)


def assert_idle(*sides: Exchange) -> None:
    """None of them has anything to do."""
    assert [side.health()["due"] for side in sides] == [0] * len(sides)


def test_a_change_is_decided_by_what_may_be_seen_by_now(ring: Ring) -> None:
    """A change that was made on a wider view and comes after the restart does nothing: on the newest, please."""
    shared(ring, "hospital")
    view = copy(ring, "hospital")
    measures = (view.plan.measures[0].evolve(how="I basseng"), *view.plan.measures[1:])
    ring["hospital"].change_plan(view.evolve(plan=view.plan.evolve(measures=measures)), by=OLE)
    with_settings(ring, levels={"hospital": ContentLevel.NEEDS})
    ring["hospital"].run_due()  # before ours has looked at its clocks
    ring.settle()
    plan = ring.plan("hospital")
    assert plan is not None
    assert plan.changes[0].status is ChangeStatus.DECLINED
    kept = ring.plan("municipality")
    assert kept is not None
    assert kept.plan is not None
    assert kept.plan.measures[0].how is None
