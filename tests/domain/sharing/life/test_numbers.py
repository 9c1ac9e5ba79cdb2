"""Numbers decide, never clocks: views, withdrawals and receipts in any order, and after a backup was restored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ip_fhir.domain.effects import Effect, Reason
from ip_fhir.domain.sharing.case import PlanTimer, PlanTimerKind
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life.shares import withdrawal_digest
from ip_fhir.errors import NotTaken, NotYet
from tests.support.plan_life import (
    NOW,
    PLAN,
    Side,
    event_of,
    exchanged,
    holder,
    named,
    participant,
    reasons,
    saved,
    sent,
    share_of,
    shared,
    view_of,
    wanted,
    with_item,
)


@pytest.mark.sharing_promise(1)
def test_a_late_view_is_not_taken() -> None:
    """A view below the number held changes nothing; its receipt is ok, and the holder is told what is held."""
    unit, hospital = holder(), participant("hospital")
    saved(unit)
    (first,) = [unit.message(row, NOW) for row in unit.waiting if row.party == "hospital"]
    saved(unit, with_item(PLAN, "measures", "train", how="ny"))
    exchanged(unit, hospital)
    decision = hospital.apply(event_of(first, "unit", NOW))
    assert decision.records[0].note is not None
    assert decision.records[0].note.startswith("late:")
    assert (sent(decision), decision.problems, view_of(hospital).number) == ([("plan-state", "unit", 2)], (), 2)


def test_the_same_view_again() -> None:
    """The same number with the same content is nothing new; the receipt is ok."""
    unit, hospital = shared("hospital")
    again = event_of(unit.message(_row_again(unit), NOW), "unit", NOW).evolve(id="again")
    decision = hospital.apply(again)
    assert (decision.effects, decision.problems) == ((), ())


def propose(hospital: Side, unit: Side) -> None:
    """The hospital wants a goal otherwise; the holder has said that this waits for a person."""
    goal = named(view_of(hospital).plan, "goals", "Gå")
    wanted(hospital, "c-1", with_item(view_of(hospital).plan, "goals", goal.id, text="Gå fortere"))
    exchanged(hospital, unit)
    exchanged(unit, hospital)


def clocks(unit: Side) -> tuple[PlanTimer, ...]:
    """The clocks that run."""
    assert unit.case is not None
    return unit.case.timers


def _row_again(unit: Side) -> Effect:
    """The row by which the newest view goes to the hospital again."""
    decision = unit.do("share", to_party="hospital")
    return next(effect for effect in decision.effects if effect.party == "hospital")


def test_the_same_number_with_other_content() -> None:
    """It is a conflict: not taken, both sides out of step, a person of each is told; a higher number ends it."""
    unit, hospital = shared("hospital")
    view = view_of(hospital)
    other = view.evolve(plan=view.plan.evolve(title="Noe annet"))
    event = PlanEvent(
        id="x", kind=PlanEventKind.VIEW, at=NOW, raised_by=PlanSource.HOLDER, party="unit", view=other, epoch=1
    )
    decision = hospital.apply(event)
    assert decision.problems[0].code == "conflict"
    assert reasons(decision) == ["out-of-step"]
    assert view_of(hospital) == view
    saved(unit, with_item(PLAN, "measures", "train", how="ny"))
    exchanged(unit, hospital)
    assert hospital.case is not None
    assert hospital.case.copies[0].in_step


def test_a_receipt_of_a_number_that_was_never_given() -> None:
    """The share is out of step: nothing but its end is sent until a person shares again, above the highest."""
    unit, _ = shared("hospital")
    share = share_of(unit, "hospital")
    row = unit.do("share", to_party="hospital").effects[0]
    assert reasons(unit.receipt(row.evolve(number=7), NOW)) == ["out-of-step"]
    assert ("plan", "hospital", 2) not in sent(saved(unit, with_item(PLAN, "measures", "train", how="ny")))
    assert sent(unit.do("share", to_party="hospital")) == [("plan", "hospital", 2)]
    assert share_of(unit, "hospital").in_step
    assert share_of(unit, "hospital").id == share.id


def test_a_view_that_the_other_machine_refuses() -> None:
    """Refused for good, a newest view puts the share out of step; a refusal of an older one says nothing."""
    unit = holder()
    saved(unit)
    row = next(row for row in unit.waiting if row.party == "hospital")
    saved(unit, with_item(PLAN, "measures", "train", how="ny"))
    assert reasons(unit.receipt(row, NOW, ok=False)) == []
    assert reasons(unit.receipt(row.evolve(number=2), NOW, ok=False)) == ["out-of-step"]


def test_a_withdrawal_of_what_never_came() -> None:
    """A participant that never had a view knows no such share; the refusal ends the matter and tells nobody."""
    unit, school = holder(), participant("school")
    saved(unit)
    unit.do("end-share", share=share_of(unit, "school").id)
    exchanged(unit, school)
    share = share_of(unit, "school")
    assert (school.case, share.acknowledged, unit.told) == (None, share.number, [])
    assert not any(timer.about == share.id for timer in clocks(unit))


def test_a_withdrawal_is_numbered() -> None:
    """A view that comes after the withdrawal is late; the withdrawal again is nothing new."""
    unit, school = holder(), participant("school")
    saved(unit)
    (first,) = [unit.message(row, NOW) for row in unit.waiting if row.party == "school"]
    school.apply(event_of(first, "unit", NOW))
    unit.do("end-share", share=share_of(unit, "school").id)
    row = next(row for row in unit.waiting if row.party == "school")
    withdrawal = event_of(unit.message(row, NOW), "unit", NOW)
    assert reasons(school.apply(withdrawal)) == ["view-withdrawn"]
    assert school.apply(withdrawal.evolve(id="again")).effects == ()
    assert sent(school.apply(event_of(first, "unit", NOW).evolve(id="late"))) == [("plan-state", "unit", 2)]
    assert school.case is not None
    (copy,) = school.case.copies
    assert (copy.view, copy.number, copy.digest) == (None, 2, withdrawal_digest(copy.share, 2))
    assert school.case.over


def test_another_side_than_the_holder() -> None:
    """Only the holder is listened to: another gets the one answer; one of a higher epoch may come again later."""
    _, hospital = shared("hospital")
    event = PlanEvent(
        id="x", kind=PlanEventKind.VIEW, at=NOW, raised_by=PlanSource.HOLDER, party="gp", view=view_of(hospital)
    )
    with pytest.raises(NotTaken, match="unknown here"):
        hospital.apply(event)
    with pytest.raises(NotYet):
        hospital.apply(event.evolve(epoch=2))


def test_acknowledgement() -> None:
    """A receipt of the newest number stops the clock; an older one gives the newest its own time."""
    unit = holder()
    saved(unit)
    row = next(row for row in unit.waiting if row.party == "gp")
    saved(unit, with_item(PLAN, "measures", "train", how="ny"))
    unit.receipt(row, NOW)
    share = share_of(unit, "gp")
    assert (share.acknowledged, share.number) == (1, 2)
    assert any(timer.about == share.id for timer in clocks(unit))
    unit.receipt(row.evolve(number=2), NOW)
    assert not any(timer.about == share.id and timer.kind is PlanTimerKind.ACKNOWLEDGEMENT for timer in clocks(unit))


@pytest.mark.sharing_promise(6)
def test_a_restored_holder_asks_first() -> None:
    """After a backup was restored nothing goes out before each participant has said what it holds."""
    unit, hospital, gp = shared("hospital", "gp")
    unit.waiting.clear()
    decision = unit.do("restored")
    assert {kind for kind, _, _ in sent(decision)} == {"plan-state-request"}
    assert decision.drops is not None
    assert sent(saved(unit, with_item(PLAN, "measures", "train", how="ny"))) == []
    exchanged(unit, hospital)
    assert exchanged(hospital, unit)[0].records[0].note == "same: in step"
    assert sent(saved(unit, with_item(PLAN, "measures", "train", how="nyere"))) == [("plan", "hospital", 2)]
    exchanged(unit, gp)
    exchanged(gp, unit)
    assert share_of(unit, "gp").in_step


@pytest.mark.sharing_promise(6, 11)
def test_restored_before_the_first_view_had_left() -> None:
    """Who refuses the question, since the plan is not known there, gets the first view: there is nothing to compare.

    Of one that had a view, a person is told.
    """
    unit, hospital = holder(), participant("hospital")
    saved(unit)
    unit.do("restored")
    (asks,) = [row for row in unit.waiting if row.party == "hospital"]
    unit.waiting.remove(asks)
    assert reasons(unit.receipt(asks, NOW, ok=False)) == []
    assert share_of(unit, "hospital").in_step
    exchanged(unit, hospital)
    assert view_of(hospital).number == 1
    unit.do("restored")
    (asks,) = [row for row in unit.waiting if row.party == "hospital"]
    assert reasons(unit.receipt(asks, NOW, ok=False)) == ["not-taken"]
    assert not share_of(unit, "hospital").in_step


@pytest.mark.sharing_promise(6, 11)
def test_an_answer_that_a_second_backup_has_lost() -> None:
    """A restored holder without an answer asks again, ever more seldom, and tells a person after the third time.

    With the answer the share is in step, and nobody is asked any more.
    """
    unit, hospital = shared("hospital")
    unit.waiting.clear()
    unit.do("restored")
    exchanged(unit, hospital)
    hospital.waiting.clear()  # its answer came to a store that is there no more
    share = share_of(unit, "hospital").id
    turns = [unit.turn(NOW + timedelta(hours=hours)) for hours in (0.9, 1, 3, 7, 15)]
    found = [[one.plan_message or one.reason for one in turn.effects if one.about == share] for turn in turns]
    asked = PlanMessageKind.PLAN_STATE_REQUEST
    assert found == [[], [asked], [asked], [Reason.OUT_OF_STEP, asked], [asked]]
    exchanged(unit, hospital)
    exchanged(hospital, unit)
    assert share_of(unit, "hospital").in_step
    assert not any(one.about == share for one in unit.turn(NOW + timedelta(days=2)).effects)


def test_a_question_without_an_agreement_any_more() -> None:
    """Who may not be asked again is told of instead, once; then the share ends as any does without an agreement."""
    unit, _ = shared("hospital")
    unit.waiting.clear()
    unit.do("restored")
    unit.terms["hospital"] = replace(unit.terms["hospital"], agreed=False)
    share = share_of(unit, "hospital").id
    turns = [unit.turn(NOW + timedelta(hours=hours)) for hours in (1, 48)]
    found = [[one.plan_message or one.reason for one in turn.effects if one.about == share] for turn in turns]
    assert found == [[Reason.OUT_OF_STEP], [PlanMessageKind.PLAN_WITHDRAWN]]


def test_a_participant_that_is_ahead() -> None:
    """Numbers go on above the highest, a person is told, and nothing goes out until that person shares again."""
    unit, hospital = shared("hospital")
    before = unit.case
    saved(unit, with_item(PLAN, "measures", "train", how="ny"))
    exchanged(unit, hospital)
    assert before is not None
    unit.cases[PLAN.id] = before  # the backup
    unit.waiting.clear()
    unit.do("restored")
    exchanged(unit, hospital)
    (told,) = exchanged(hospital, unit)
    assert (reasons(told), share_of(unit, "hospital").number) == (["out-of-step"], 2)
    assert sent(saved(unit, with_item(PLAN, "measures", "train", how="en annen"))) == []
    assert sent(unit.do("share", to_party="hospital")) == [("plan", "hospital", 3)]
    exchanged(unit, hospital)
    assert view_of(hospital).number == 3


@pytest.mark.sharing_promise(3, 6)
def test_what_is_undecided_comes_again_to_a_restored_holder() -> None:
    """A change that the backup lacks is sent again, behind what the holder has to know first, and decided."""
    unit, hospital = shared("hospital")
    backup = unit.case
    propose(hospital, unit)
    assert backup is not None
    assert hospital.case is not None
    assert hospital.case.changes[0].status is ChangeStatus.PROPOSED
    unit.cases[PLAN.id] = backup
    unit.waiting.clear()
    unit.do("restored")
    exchanged(unit, hospital)
    assert [row.plan_message for row in hospital.waiting] == ["plan-state", "plan-change"]
    exchanged(hospital, unit)
    assert unit.case is not None
    assert [kept.status for kept in unit.case.changes] == [ChangeStatus.PROPOSED]


@pytest.mark.sharing_promise(3, 11)
def test_what_a_holder_has_lost_without_knowing_it_comes_again() -> None:
    """A change that its holder had said waits is sent again by a clock until it is decided: a backup may lack it."""
    unit, hospital = shared("hospital")
    backup = unit.case
    propose(hospital, unit)
    assert backup is not None
    unit.cases[PLAN.id] = backup  # nobody says that it was put back
    turn = hospital.turn(NOW + timedelta(days=7))
    assert (sent(turn), reasons(turn)) == ([("plan-change", "unit", None)], [])
    exchanged(hospital, unit)
    assert unit.case is not None
    (kept,) = unit.case.changes
    assert kept.status is ChangeStatus.PROPOSED
    exchanged(unit, hospital)
    assert sent(hospital.turn(NOW + timedelta(days=14))) == [("plan-change", "unit", None)]
    said = tuple(one.evolve(outcome="accepted") for one in kept.decisions)
    unit.do("decide", about="c-1", decisions=said)
    exchanged(unit, hospital)
    assert sent(hospital.turn(NOW + timedelta(days=60))) == []


@pytest.mark.sharing_promise(3, 6)
def test_what_is_on_its_way_to_a_restored_holder_waits_behind_what_is_held() -> None:
    """A change that waits already gives way: a restored holder takes none before it knows what its author holds."""
    unit, hospital = shared("hospital")
    plan = view_of(hospital).plan
    wanted(hospital, "c-1", plan.evolve(title="Ny tittel"))
    unit.do("restored")
    exchanged(unit, hospital)
    assert [row.plan_message for row in hospital.waiting] == ["plan-state", "plan-change"]


def _status(side: Side, change: str) -> str:
    assert side.case is not None
    return next(str(kept.status) for kept in side.case.changes if kept.change.id == change)


@pytest.mark.sharing_promise(3)
def test_an_answer_counts_for_more_than_a_machine_that_refused() -> None:
    """A change that was refused when it was sent again, and is answered then, is as it was decided."""
    unit, hospital = shared("hospital")
    goal = named(view_of(hospital).plan, "goals", "Gå")
    wanted(hospital, "c-1", with_item(view_of(hospital).plan, "goals", goal.id, text="Gå fortere"))
    (row,) = hospital.waiting
    exchanged(hospital, unit)
    hospital.receipt(row, NOW, ok=False)
    assert _status(hospital, "c-1") == "declined"
    exchanged(unit, hospital)
    assert _status(hospital, "c-1") == "proposed"


@pytest.mark.sharing_promise(6)
def test_a_holder_that_was_restored_and_does_not_know_it() -> None:
    """It gives out numbers once more: who holds a higher one says so, and a person is told and shares again."""
    unit, hospital = shared("hospital")
    backup = unit.case
    for how in ("a", "b", "c"):
        saved(unit, with_item(PLAN, "measures", "train", how=how))
        exchanged(unit, hospital)
    assert backup is not None
    unit.cases[PLAN.id] = backup
    unit.waiting.clear()
    saved(unit, with_item(PLAN, "measures", "train", how="d"))
    exchanged(unit, hospital)
    (told,) = exchanged(hospital, unit)
    assert (reasons(told), share_of(unit, "hospital").number) == (["out-of-step"], 4)
    assert sent(unit.do("share", to_party="hospital")) == [("plan", "hospital", 5)]


@pytest.mark.sharing_promise(6)
def test_a_participant_that_is_ahead_of_an_ended_share() -> None:
    """A share that had ended in the backup is withdrawn anew, above the highest number."""
    unit, hospital = shared("hospital")
    unit.do("end-share", share=share_of(unit, "hospital").id)
    backup = unit.case
    unit.do("share", to_party="hospital")
    exchanged(unit, hospital)
    assert backup is not None
    unit.cases[PLAN.id] = backup
    unit.do("restored")
    exchanged(unit, hospital)
    assert ("plan-withdrawn", "hospital", 4) in sent(exchanged(hospital, unit)[0])


def test_a_restored_participant_gets_the_newest() -> None:
    """It says what it holds, and gets the newest view, unchanged."""
    unit, hospital = shared("hospital")
    backup = hospital.case
    saved(unit, with_item(PLAN, "measures", "train", how="ny"))
    exchanged(unit, hospital)
    assert backup is not None
    hospital.cases[PLAN.id] = backup
    hospital.do("restored", by_participant=True)
    (told,) = exchanged(hospital, unit)
    assert ("plan", "hospital", 2) in sent(told)
    exchanged(unit, hospital)
    assert view_of(hospital).number == 2


def test_a_state_of_somebody_else() -> None:
    """What a party says about a share that is not its own gets the one answer."""
    unit, _ = shared("hospital")
    event = PlanEvent(
        id="x",
        kind=PlanEventKind.RESTORED,
        at=NOW,
        raised_by=PlanSource.PARTICIPANT,
        party="gp",
        share=share_of(unit, "hospital").id,
        number=9,
    )
    with pytest.raises(NotTaken, match="unknown here"):
        unit.apply(event)
