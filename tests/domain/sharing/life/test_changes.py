"""A participant's change is decided part by part, against the view it was made on; once, and answered."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from ip_fhir.domain.merge import BOUND
from ip_fhir.domain.plan import Goal, IndividualPlan, Measure, MeasureStatus, Review
from ip_fhir.domain.sharing.change import ChangeStatus, Outcome, PartDecision
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.sharing.life.parts import applied, decided_with, parts_of, value_at
from ip_fhir.domain.sharing.life.surroundings import PartyTerms
from ip_fhir.domain.sharing.rights import Rights
from ip_fhir.domain.sharing.terms import ShareStart, SharingTerms
from ip_fhir.errors import InvalidInput, NotTaken
from tests.support.plan_life import (
    NOW,
    PLAN,
    Side,
    days,
    event_of,
    exchanged,
    named,
    reasons,
    saved,
    sent,
    share_of,
    shared,
    view_of,
    wanted,
    with_item,
)


def plan_at(unit: Side) -> IndividualPlan:
    """The plan at its holder."""
    assert unit.case is not None
    assert unit.case.plan is not None
    return unit.case.plan


def measure_at(unit: Side, ident: str) -> Measure:
    """A measure at the holder."""
    return next(measure for measure in plan_at(unit).measures if measure.id == ident)


def change(side: Side, what: str, ident: str = "change-1", **fields: Any) -> None:
    """Lets a participant change a measure of its view."""
    plan = view_of(side).plan
    wanted(side, ident, with_item(plan, "measures", named(plan, "measures", what).id, **fields))


def outcomes(unit: Side, number: int = 0) -> dict[str, str]:
    """What became of each part of a change."""
    assert unit.case is not None
    return {one.field: str(one.outcome) for one in unit.case.changes[number].decisions}


def test_what_its_own_people_are_responsible_for_takes_effect_at_once() -> None:
    """The hospital's physician is responsible: the status stands, all who see it get a view, the answer says so."""
    unit, hospital = shared("hospital")
    change(hospital, "Trening", status="in-progress", status_reason="begun")
    (decision,) = exchanged(hospital, unit)
    assert outcomes(unit) == {"measures.status": "done", "measures.status_reason": "done"}
    assert measure_at(unit, "train").status is MeasureStatus.IN_PROGRESS
    assert sent(decision) == [("plan", "gp", 2), ("plan", "hospital", 2), ("plan-change-answer", "hospital", 2)]
    exchanged(unit, hospital)
    assert hospital.case is not None
    assert hospital.case.changes[0].status is ChangeStatus.ACCEPTED


def test_what_others_are_responsible_for_waits_for_a_person() -> None:
    """Proposed: nothing changes before a person says yes, and the answer says that it waits."""
    unit, hospital = shared("hospital")
    change(hospital, "Leseøving", status="in-progress")
    (decision,) = exchanged(hospital, unit)
    assert (outcomes(unit), reasons(decision)) == ({"measures.status": "proposed"}, ["change-to-decide"])
    assert sent(decision) == [("plan-change-answer", "hospital", 1)]
    assert measure_at(unit, "read").status is MeasureStatus.SCHEDULED


@pytest.mark.parametrize(("outcome", "status"), [("accepted", "in-progress"), ("declined", "scheduled")])
def test_a_person_decides(outcome: str, status: str) -> None:
    """Accepted, the value stands and everybody who sees it gets a view; declined, it does not; answered either way."""
    unit, hospital = shared("hospital")
    change(hospital, "Leseøving", status="in-progress")
    exchanged(hospital, unit)
    assert unit.case is not None
    (part,) = unit.case.changes[0].decisions
    said = PartDecision(field=part.field, id=part.id, outcome=Outcome(outcome), reason="so")
    decision = unit.do("decide", about="change-1", decisions=(said,))
    assert measure_at(unit, "read").status == status
    assert ("plan-change-answer", "hospital", 2 if outcome == "accepted" else 1) in sent(decision)
    exchanged(unit, hospital)
    assert hospital.case is not None
    (kept,) = hospital.case.changes
    assert (kept.status, kept.decisions[0].reason) == (outcome, "so")
    with pytest.raises(InvalidInput, match="no such part waits"):
        unit.do("decide", about="change-1", decisions=(said,))


def test_decided_part_by_part() -> None:
    """A part that is not named goes on waiting; what one rule binds is decided together."""
    unit, hospital = shared("hospital")
    change(hospital, "Leseøving", status="stopped", status_reason="ferie", how="hjemme")
    exchanged(hospital, unit)
    assert unit.case is not None
    ident = unit.case.changes[0].decisions[0].id
    said = PartDecision(field="measures.status_reason", id=ident, outcome=Outcome.ACCEPTED)
    decision = unit.do("decide", about="change-1", decisions=(said,))
    assert decision.records[0].note is not None
    assert decision.records[0].note.startswith("waits:")
    assert outcomes(unit) == {
        "measures.how": "proposed",
        "measures.status": "accepted",
        "measures.status_reason": "accepted",
    }
    two = (
        said.evolve(field="measures.how"),
        said.evolve(field="measures.how", outcome=Outcome.DECLINED),
    )
    with pytest.raises(InvalidInput, match="decided otherwise"):
        unit.do("decide", about="change-1", decisions=two)


def test_refused_parts_hold_up_no_others() -> None:
    """What nobody may change is refused in fixed words, and the rest of the change stands."""
    unit, hospital = shared("hospital")
    view = view_of(hospital).plan
    train = named(view, "measures", "Trening")
    plan = with_item(view, "measures", train.id, status="in-progress")
    wanted(hospital, "change-1", plan.evolve(status="on-hold", owner=plan.owner.evolve(birth_date="1980-01-01")))
    exchanged(hospital, unit)
    assert outcomes(unit) == {"status": "refused", "owner.birth_date": "refused", "measures.status": "done"}
    assert unit.case is not None
    assert unit.case.changes[0].status is ChangeStatus.PARTLY
    assert plan_at(unit).status == "active"


def test_nothing_is_taken_out() -> None:
    """With a whole view, what is missing was taken out: that is refused. Else it is unchanged, and no part at all."""
    unit, hospital = shared("hospital")
    view = view_of(hospital).plan
    less = view.evolve(measures=tuple(one for one in view.measures if one.what != "Hjemmebesøk"))
    wanted(hospital, "whole", less)
    wanted(hospital, "partial", less, whole=False)
    exchanged(hospital, unit)
    assert outcomes(unit, 0) == {"measures": "refused"}
    assert outcomes(unit, 1) == {}
    assert len(plan_at(unit).measures) == 3


@pytest.mark.sharing_promise(7)
def test_a_whole_bundle_back() -> None:
    """A participant that sends all of its view back changes the difference, and nothing that it never saw."""
    unit, school = shared("school")
    assert [measure.what for measure in view_of(school).plan.measures] == ["Leseøving", "Hjemmebesøk"]
    change(school, "Leseøving", status="in-progress")
    exchanged(school, unit)
    before = {measure.id: measure for measure in PLAN.measures}
    after = {measure.id: measure for measure in plan_at(unit).measures}
    assert after["read"].status is MeasureStatus.IN_PROGRESS
    assert {ident: one for ident, one in after.items() if ident != "read"} == {
        ident: one for ident, one in before.items() if ident != "read"
    }


def test_areas_are_always_proposed() -> None:
    """What decides who sees an item is for a person, whatever the agreement says of the rest."""
    terms = SharingTerms(shares_begin=ShareStart.BY_RULE, rights=Rights(at_once_for_all=("measures.how",)))
    unit, hospital = shared("hospital", hospital=PartyTerms(agreed=True, sharing=terms))
    view = view_of(hospital).plan
    read = named(view, "measures", "Leseøving")
    wanted(hospital, "change-1", with_item(view, "measures", read.id, how="hjemme", areas=("leisure",)))
    exchanged(hospital, unit)
    assert outcomes(unit) == {"measures.how": "done", "measures.areas": "proposed"}


def test_an_item_that_is_added() -> None:
    """What is added is proposed; accepted, it has an id of its own in the plan and keeps its own in the view."""
    unit, hospital = shared("hospital")
    view = view_of(hospital).plan
    goal = named(view, "goals", "Gå").id
    new = Measure(id="ours", what="Svømming", goals=(goal,))
    wanted(hospital, "change-1", view.evolve(measures=(*view.measures, new)))
    exchanged(hospital, unit)
    assert outcomes(unit) == {"measures": "proposed"}
    said = PartDecision(field="measures", id="ours", outcome=Outcome.ACCEPTED)
    unit.do("decide", about="change-1", decisions=(said,))
    (added,) = [measure for measure in plan_at(unit).measures if measure.what == "Svømming"]
    assert (added.id != "ours", added.goals) == (True, ("goal-2",))
    exchanged(unit, hospital)
    assert named(view_of(hospital).plan, "measures", "Svømming").id == "ours"


def test_a_conflict_is_for_a_person() -> None:
    """Changed here and there since the view it was made on: the holder's value stands until a person chooses."""
    unit, hospital = shared("hospital")
    saved(unit, with_item(PLAN, "measures", "train", status="on-hold"))
    change(hospital, "Trening", status="in-progress")
    (decision,) = exchanged(hospital, unit)
    assert outcomes(unit) == {"measures.status": "conflict"}
    assert reasons(decision) == ["change-conflict", "change-to-decide"]
    assert measure_at(unit, "train").status is MeasureStatus.ON_HOLD
    assert unit.case is not None
    part = unit.case.changes[0].decisions[0].evolve(outcome=Outcome.ACCEPTED)
    unit.do("decide", about="change-1", decisions=(part,))
    assert measure_at(unit, "train").status is MeasureStatus.IN_PROGRESS


def test_the_same_value_is_no_conflict() -> None:
    """Where both have changed a field to the same, there is nothing to decide."""
    unit, hospital = shared("hospital")
    saved(unit, with_item(PLAN, "measures", "train", status="on-hold"))
    change(hospital, "Trening", status="on-hold")
    exchanged(hospital, unit)
    assert outcomes(unit) == {"measures.status": "done"}


@pytest.mark.sharing_promise(3)
def test_decided_against_the_view_it_was_made_on() -> None:
    """A change on an earlier view is compared with that view, made again, and not with the newest."""
    unit, hospital = shared("hospital")
    saved(unit, with_item(PLAN, "measures", "train", how="ny"))
    change(hospital, "Trening", status="in-progress")
    exchanged(hospital, unit)
    assert outcomes(unit) == {"measures.status": "done"}
    assert (measure_at(unit, "train").how, measure_at(unit, "train").status) == ("ny", "in-progress")


def test_what_is_no_longer_seen_is_not_found() -> None:
    """Deleted, moved or closed is not told: not found, kept for the coordinator, the rest stands."""
    unit, school = shared("school")
    saved(unit, with_item(PLAN, "goals", "goal-3", areas=("treatment",)))
    view = view_of(school).plan
    plan = with_item(view, "measures", named(view, "measures", "Hjemmebesøk").id, how="x")
    wanted(school, "change-1", with_item(plan, "measures", named(view, "measures", "Leseøving").id, status="stopped"))
    (decision,) = exchanged(school, unit)
    assert outcomes(unit) == {"measures.how": "not-found", "measures.status": "done"}
    assert "change-not-found" in reasons(decision)


def test_an_area_that_is_closed_to_it() -> None:
    """A participant cannot move an item out of its own sight; the words are the same whatever else is there."""
    unit, school = shared("school")
    view = view_of(school).plan
    wanted(school, "change-1", with_item(view, "goals", named(view, "goals", "Lese").id, areas=("treatment",)))
    exchanged(school, unit)
    assert outcomes(unit) == {"goals.areas": "refused"}


@pytest.mark.sharing_promise(3)
def test_the_same_change_again() -> None:
    """It has its effect once and gets the same answer; another change under its id is refused."""
    unit, hospital = shared("hospital")
    change(hospital, "Trening", status="in-progress")
    (row,) = [row for row in hospital.waiting if row.party == "unit"]
    event = event_of(hospital.message(row, NOW), "hospital", NOW)
    unit.apply(event)
    saved(unit, with_item(plan_at(unit), "measures", "train", status="completed"))
    again = unit.apply(event.evolve(id="again"))
    assert sent(again) == [("plan-change-answer", "hospital", 3)]
    assert measure_at(unit, "train").status is MeasureStatus.COMPLETED
    assert event.change is not None
    other = event.evolve(id="other", change=event.change.evolve(wanted=view_of(hospital).plan))
    assert unit.apply(other).problems[0].code == "conflict"


def test_bad_bases() -> None:
    """An unknown view, one that was another, and one too old: "on your newest, please", and the newest goes again."""
    unit, hospital = shared("hospital")
    view = view_of(hospital)
    change(hospital, "Trening", status="in-progress")
    event = event_of(hospital.message(hospital.waiting[0], NOW), "hospital", NOW)
    assert event.change is not None
    wrongs: tuple[dict[str, Any], ...] = ({"base": 9}, {"digest": "0" * 64}, {"wanted": view.plan.evolve(id="another")})
    for number, wrong in enumerate(wrongs):
        decision = unit.apply(event.evolve(id=f"e{number}", change=event.change.evolve(id=f"c{number}", **wrong)))
        assert decision.problems[0].reason == "on your newest view, please"
        assert sent(decision) == [("plan", "hospital", 1)]
    saved(unit, with_item(PLAN, "measures", "train", how="ny"))
    late = event.evolve(id="late", at=NOW + days(91))
    assert unit.apply(late).problems[0].code == "conflict"
    assert plan_at(unit).version == 2


def test_the_newest_view_is_never_too_old() -> None:
    """A view that has not changed for months is what the plan is: a change on it is decided."""
    unit, hospital = shared("hospital")
    change(hospital, "Trening", status="in-progress")
    event = event_of(hospital.message(hospital.waiting[0], NOW), "hospital", NOW).evolve(at=NOW + days(100))
    assert unit.apply(event).problems == ()


def test_a_share_of_somebody_else() -> None:
    """From a party that has no such share, or has none any more, nothing is taken."""
    unit, hospital = shared("hospital")
    change(hospital, "Trening", status="in-progress")
    event = event_of(hospital.message(hospital.waiting[0], NOW), "hospital", NOW)
    with pytest.raises(NotTaken, match="unknown here"):
        unit.apply(event.evolve(party="gp"))
    unit.do("end-share", share=share_of(unit, "hospital").id)
    assert unit.apply(event).problems[0].reason == "the share has ended"


def test_over_fifty_undecided() -> None:
    """A participant whose changes wait in great number is refused more of them."""
    terms = SharingTerms(shares_begin=ShareStart.BY_RULE, undecided_changes=2)
    unit, hospital = shared("hospital", hospital=PartyTerms(agreed=True, sharing=terms))
    for number in range(3):
        change(hospital, "Leseøving", f"c{number}", how=f"x{number}")
    answers = exchanged(hospital, unit)
    assert [bool(one.problems) for one in answers] == [False, False, True]
    assert hospital.case is not None
    assert hospital.case.changes[2].status is ChangeStatus.DECLINED


def test_changes_of_a_share_that_ends() -> None:
    """What waits when a share ends is answered as not found, and kept for the coordinator."""
    unit, hospital = shared("hospital")
    change(hospital, "Leseøving", status="in-progress")
    exchanged(hospital, unit)
    decision = unit.do("end-share", share=share_of(unit, "hospital").id)
    assert outcomes(unit) == {"measures.status": "not-found"}
    assert "change-not-found" in reasons(decision)
    assert ("plan-change-answer", "hospital", 2) in sent(decision)


def test_data_that_no_table_names_is_kept_for_its_author() -> None:
    """What a participant wrote beside stays with its share."""
    unit, hospital = shared("hospital")
    change(hospital, "Trening", status="in-progress")
    event = event_of(hospital.message(hospital.waiting[0], NOW), "hospital", NOW)
    assert event.change is not None
    kept = ({"resource": "g", "type": "Goal", "data": "{}"},)
    unit.apply(event.evolve(change=event.change.evolve(kept=kept)))
    assert [one.resource for one in share_of(unit, "hospital").kept] == ["g"]
    assert share_of(unit, "gp").kept == ()


def test_answers_in_the_wrong_order() -> None:
    """An answer that leaves more undecided than one before is late, whenever it was sent."""
    unit, hospital = shared("hospital")
    change(hospital, "Leseøving", status="in-progress")
    exchanged(hospital, unit)
    (early,) = [unit.message(row, NOW) for row in unit.waiting if row.about == "change-1"]
    assert unit.case is not None
    part = unit.case.changes[0].decisions[0].evolve(outcome=Outcome.ACCEPTED)
    unit.do("decide", about="change-1", decisions=(part,))
    exchanged(unit, hospital)
    hospital.apply(event_of(early, "unit", NOW).evolve(id="late"))
    assert hospital.case is not None
    assert hospital.case.changes[0].status is ChangeStatus.ACCEPTED


def test_a_decision_that_was_lost_and_made_again_otherwise() -> None:
    """The decision with the higher number counts: the holder's store was replaced by a backup after the first."""
    unit, hospital = shared("hospital")
    change(hospital, "Leseøving", status="in-progress")
    exchanged(hospital, unit)
    assert unit.case is not None
    part = unit.case.changes[0].decisions[0]
    unit.do("decide", about="change-1", decisions=(part.evolve(outcome=Outcome.ACCEPTED),))
    *_, row = (row for row in unit.waiting if row.about == "change-1")
    accepted = event_of(unit.message(row, NOW), "unit", NOW)
    assert accepted.answer is not None
    no = accepted.answer.evolve(
        status=ChangeStatus.DECLINED,
        decisions=(part.evolve(outcome=Outcome.DECLINED),),
        number=accepted.answer.number + 1,
    )
    hospital.apply(accepted)
    decision = hospital.apply(accepted.evolve(id="anew", answer=no))
    assert hospital.case is not None
    assert hospital.case.changes[0].status is ChangeStatus.DECLINED
    assert "change-answered" in reasons(decision)
    hospital.apply(accepted.evolve(id="late"))
    assert hospital.case.changes[0].status is ChangeStatus.DECLINED


def test_what_a_participant_cannot_send() -> None:
    """A change is made on the newest view, of this plan, while it may be shown."""
    unit, hospital = shared("hospital")
    view = view_of(hospital)
    with pytest.raises(InvalidInput, match="another plan"):
        wanted(hospital, "a", view.plan.evolve(id="another"))
    wanted(hospital, "b", view.plan)
    with pytest.raises(InvalidInput, match="another change has this id"):
        wanted(hospital, "b", view.plan)
    saved(unit, with_item(PLAN, "measures", "train", how="ny"))
    event = hospital.cases[PLAN.id].changes[0].change.evolve(id="c")
    exchanged(unit, hospital)
    with pytest.raises(InvalidInput, match="the newest view has the number 2"):
        hospital.do("change", by_participant=True, change=event)


def test_changes_from_strangers_tell_nothing() -> None:
    """A change about a plan that is not here, or of another share, gets the same words."""
    unit, hospital = shared("hospital")
    change(hospital, "Trening", status="in-progress")
    event = event_of(hospital.message(hospital.waiting[0], NOW), "hospital", NOW)
    assert event.change is not None
    asked = [
        event.evolve(party="gp"),
        event.evolve(change=event.change.evolve(share="nobody")),
        PlanEvent(
            id="x",
            kind=PlanEventKind.RESTORED,
            at=NOW,
            raised_by=PlanSource.PARTICIPANT,
            party="gp",
            share="no",
            number=1,
        ),
    ]
    words = set()
    for one in asked:
        with pytest.raises(NotTaken) as raised:
            unit.apply(one)
        words.add(raised.value.problems[0].reason)
    assert words == {"unknown here"}


@pytest.mark.sharing_promise(4)
@pytest.mark.parametrize("order", list(permutations(["unit", "hospital", "school"])))
def test_three_change_different_fields_at_once(order: tuple[str, ...]) -> None:
    """All three stand, in whatever order they arrive."""
    unit, hospital, school = shared("hospital", "school")
    change(hospital, "Trening", "of-hospital", status="in-progress")
    change(school, "Leseøving", "of-school", status="completed")
    for name in order:
        if name == "unit":
            saved(unit, with_item(plan_at(unit), "measures", "visit", how="hver uke"))
        else:
            exchanged({"hospital": hospital, "school": school}[name], unit)
    assert [measure_at(unit, ident).status for ident in ("train", "read")] == ["in-progress", "completed"]
    assert measure_at(unit, "visit").how == "hver uke"


def test_what_one_rule_binds() -> None:
    """Status with reason and date, status and day of a review, are one; a period and `part_of` are one value each."""
    assert BOUND[Goal] == (("status", "achievement", "status_date", "status_reason"),)
    assert BOUND[Measure] == (("status", "status_reason"),)
    assert BOUND[Review] == (("status", "held"),)
    assert decided_with("measures.period") == ("measures.period",)
    assert decided_with("goals.part_of") == ("goals.part_of",)
    assert decided_with("goals.status_date") == (
        "goals.status",
        "goals.achievement",
        "goals.status_date",
        "goals.status_reason",
    )


def test_parts_are_put_together() -> None:
    """What differs between two plans, put onto the first, gives the second; in the team and the owner too."""
    team = PLAN.team
    assert team is not None
    place = team.memberships[0].evolve(task="Trening")
    new = team.memberships[0].evolve(id="new", member="kari")
    other = PLAN.evolve(
        title="Plan",
        owner=PLAN.owner.evolve(language="nb"),
        goals=(*PLAN.goals, Goal(id="goal-4", text="Synge", part_of="goal-1")),
        team=team.evolve(name="Gruppa", memberships=(place, *team.memberships[1:], new)),
    )
    parts = parts_of(PLAN, other)
    assert applied(PLAN, [(one.field, one.id, one.after) for part in parts for one in part.differences]) == other
    assert value_at(other, "team.memberships.task", "of-helge") == "Trening"
    with pytest.raises(InvalidInput, match="not there"):
        applied(PLAN, [("goals.text", "nobody", "x")])


@pytest.mark.parametrize("whole", [False, True])
def test_what_a_change_says_is_unchanged_is_no_part_of_it(whole: bool) -> None:
    """Other words of it count for nothing, at the participant who sends it and at the holder who gets it."""
    unit, hospital = shared("hospital")
    plan = view_of(hospital).plan
    measure = named(plan, "measures", "Trening")
    wish = with_item(plan, "measures", measure.id, status="in-progress")
    wish = with_item(wish, "measures", named(plan, "measures", "Leseøving").id, what="Noe annet")
    wanted(hospital, "change-1", wish, whole=whole, unchanged=(named(plan, "measures", "Leseøving").id,))
    exchanged(hospital, unit)
    assert outcomes(unit) == {"measures.status": "done"}


def test_a_change_from_the_wire_that_says_what_is_unchanged() -> None:
    """It is decided by the view that it was made on: nothing of it is a wish."""
    unit, hospital = shared("hospital")
    change(hospital, "Leseøving", where="Ute")
    event = event_of(hospital.message(hospital.waiting[0], NOW), "hospital", NOW)
    assert event.change is not None
    read = named(view_of(hospital).plan, "measures", "Leseøving").id
    unit.apply(event.evolve(change=event.change.evolve(unchanged=(read,))))
    assert outcomes(unit) == {}
