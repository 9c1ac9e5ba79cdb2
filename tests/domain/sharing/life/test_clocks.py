"""Days that turn in Norway, and deadlines that end in an item on somebody's worklist."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.case import PlanTimerKind, SharedPlan
from ip_fhir.domain.sharing.life.decision import decide_plan, due_plan_event
from ip_fhir.domain.sharing.life.surroundings import PartyTerms
from ip_fhir.domain.sharing.life.worklist import OCCASIONS, PLAN_REASONS, no_longer_needed
from ip_fhir.domain.sharing.terms import ShareStart, SharingTerms
from ip_fhir.domain.values.calendar import OSLO, ClosedDays
from ip_fhir.report.words.codes import word
from tests.support.plan_life import (
    NOW,
    PLAN,
    Side,
    days,
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


def closing(end: date) -> IndividualPlan:
    """The plan with a consent by which treatment is open to the hospital until a day."""
    provisions = [
        {"access": "permit", "recipients": ["hospital"], "areas": ["treatment"], "period": {"end": end}},
        {"access": "deny", "areas": ["treatment"]},
        {"access": "permit"},
    ]
    return PLAN.evolve(consents=(PLAN.consents[0].evolve(provisions=provisions),))


def midnight(year: int, month: int, day: int) -> datetime:
    """The start of a Norwegian day."""
    return datetime(year, month, day, tzinfo=OSLO)


def case_of(side: Side) -> SharedPlan:
    """The case of a side."""
    assert side.case is not None
    return side.case


@pytest.mark.sharing_promise(1)
def test_a_view_shrinks_by_date() -> None:
    """The day after the last one of a provision, at midnight in Norway, the participant gets the view without it."""
    unit, hospital = shared("hospital")
    saved(unit, closing(date(2026, 5, 20)))
    exchanged(unit, hospital)
    assert view_of(hospital).holds_until == date(2026, 5, 20)
    assert sent(unit.turn(datetime(2026, 5, 20, 21, 59, tzinfo=UTC))) == []
    assert ("plan", "hospital", 3) in sent(unit.turn(datetime(2026, 5, 20, 22, 0, tzinfo=UTC)))
    exchanged(unit, hospital, datetime(2026, 5, 21, tzinfo=UTC))
    assert "Trening" not in [measure.what for measure in view_of(hospital).plan.measures]


def test_a_turn_is_told_before() -> None:
    """Fourteen days before a view opens or shrinks by date, the coordinator is told, once; then the day comes."""
    unit, _ = shared("hospital")
    decision = saved(unit, closing(date(2026, 5, 20)))
    assert "view-turns" not in reasons(decision)
    assert [timer.due for timer in case_of(unit).timers if timer.kind is PlanTimerKind.DAY] == [midnight(2026, 5, 7)]
    told = unit.turn(midnight(2026, 5, 7))
    assert [effect.text for effect in told.effects if effect.reason == "view-turns"] == ["2026-05-21"]
    assert "view-turns" not in reasons(unit.turn(midnight(2026, 5, 8)))
    assert [timer.due for timer in case_of(unit).timers if timer.kind is PlanTimerKind.DAY] == [midnight(2026, 5, 21)]


def test_a_turn_that_is_near_is_told_at_once() -> None:
    """A consent that ends within fourteen days is told when it is saved."""
    unit, _ = shared("hospital")
    assert "view-turns" in reasons(saved(unit, closing(date(2026, 3, 10))))


@pytest.mark.sharing_promise(11)
def test_an_undecided_change() -> None:
    """After five working days its decider is told again, after ten the unit's leader; Easter does not count."""
    at = datetime(2026, 3, 30, 9, 0, tzinfo=UTC)
    unit, hospital = shared("hospital", at=at)
    view = view_of(hospital).plan
    wanted(hospital, "c", with_item(view, "measures", named(view, "measures", "Leseøving").id, how="x"), at=at)
    exchanged(hospital, unit, at)
    told: list[tuple[date, str]] = []
    for number in range(40):
        moment = at + days(number)
        told += [(moment.date(), reason) for reason in reasons(unit.turn(moment)) if reason.startswith("change")]
    assert told == [(date(2026, 4, 9), "change-to-decide"), (date(2026, 4, 16), "change-overdue")]
    assert case_of(unit).changes[0].told == 2


def test_closed_days_of_an_agreement() -> None:
    """Days that two parties have agreed to be closed are no working days."""
    closed = ClosedDays(days=frozenset({date(2026, 3, 3), date(2026, 3, 4)}))
    terms = PartyTerms(agreed=True, sharing=SharingTerms(shares_begin=ShareStart.BY_RULE), closed=closed)
    unit, _ = shared("gp", hospital=terms)
    due = {timer.about: timer.due.date() for timer in case_of(unit).timers}
    assert due[share_of(unit, "hospital").id] == date(2026, 3, 11)
    assert due[share_of(unit, "school").id] == date(2026, 3, 9)


@pytest.mark.sharing_promise(11)
def test_an_unanswered_change_of_ours() -> None:
    """A participant whose change is not answered tells its own people once, and sends it again each week."""
    _, hospital = shared("hospital")
    wanted(hospital, "c", view_of(hospital).plan)
    assert hospital.turn(NOW + days(6)).effects == ()
    told = [hospital.turn(NOW + days(number)) for number in (7, 14)]
    assert [reasons(turn) for turn in told] == [["change-unanswered"], []]
    assert [sent(turn) for turn in told] == [[("plan-change", "unit", None)]] * 2


@pytest.mark.sharing_promise(11)
def test_a_view_that_is_not_acknowledged() -> None:
    """It is told after five working days, for each participant once."""
    unit, _ = shared("hospital")
    decision = unit.turn(NOW + days(7))
    assert reasons(decision) == ["not-acknowledged"] * 2
    assert reasons(unit.turn(NOW + days(30))) == []
    saved(unit, PLAN.evolve(title="Ny"), NOW + days(30))
    assert "not-acknowledged" in reasons(unit.turn(NOW + days(60)))


def test_reviews_are_due_on_their_day() -> None:
    """A planned review is told on its day; held in time, it is not."""
    unit, _ = shared("hospital")
    assert "review-due" not in reasons(unit.turn(midnight(2026, 8, 31)))
    assert "review-due" in reasons(unit.turn(midnight(2026, 9, 1)))
    other, _ = shared("hospital")
    saved(other, with_item(PLAN, "reviews", "review-1", status="held", held=date(2026, 8, 1)))
    assert "review-due" not in reasons(other.turn(midnight(2026, 9, 1)))


def test_a_review_that_is_moved() -> None:
    """With another day it is told on that day; saved as it was, it is not told again."""
    unit, _ = shared("hospital")
    unit.turn(midnight(2026, 9, 1))
    saved(unit, PLAN.evolve(title="Ny"), midnight(2026, 9, 2))
    assert "review-due" not in reasons(unit.turn(midnight(2026, 9, 3)))
    moved = with_item(PLAN, "reviews", "review-1", planned=date(2026, 9, 20))
    saved(unit, moved, midnight(2026, 9, 3))
    assert "review-due" in reasons(unit.turn(midnight(2026, 9, 20)))


def test_an_arrangement_without_a_planned_review() -> None:
    """Where an evaluation should be planned by the arrangement and is not, that is told, and again a turn later."""
    unit, _ = shared("hospital")  # made on 12 January 2026, with a follow-up planned, and no evaluation
    told = []
    for month in range(36):
        moment = datetime(2026 + month // 12, month % 12 + 1, 15, 12, tzinfo=UTC)
        if moment > NOW:
            told += [(moment.date(), reason) for reason in reasons(unit.turn(moment)) if "not-planned" in reason]
    assert [day for day, _ in told] == [date(2027, 1, 15), date(2028, 2, 15)]


def test_the_clock_comes_to_an_end() -> None:
    """Deciding on what is due leaves nothing due; the same moment gives the same event, with the same id."""
    unit, _ = shared("hospital")
    now = NOW + days(400)
    event = due_plan_event(case_of(unit), now, 1)
    assert event is not None
    assert due_plan_event(case_of(unit), now, 1) == event
    decision = decide_plan(case_of(unit), event, unit.around(event))
    assert decide_plan(case_of(unit), event, unit.around(event)).effects == decision.effects
    assert due_plan_event(decision.plan, now, 1) is None
    assert decide_plan(decision.plan, event, unit.around(event)).records == ()


def test_items_that_nobody_needs_any_more() -> None:
    """What a step has settled is closed: a decided change, a question with its answer, a view that was acknowledged."""
    unit, hospital = shared("hospital")
    view = view_of(hospital).plan
    wanted(hospital, "c", with_item(view, "measures", named(view, "measures", "Leseøving").id, how="x"))
    exchanged(hospital, unit)
    before = case_of(unit)
    part = before.changes[0].decisions[0].evolve(outcome="declined")
    after = unit.do("decide", about="c", decisions=(part,)).plan
    share = share_of(unit, "hospital").id
    assert no_longer_needed(before, after) == (("change-overdue", share), ("change-to-decide", share))
    assert no_longer_needed(None, after) == ()
    waiting = case_of(hospital)
    exchanged(unit, hospital)
    assert ("change-unanswered", "c") in no_longer_needed(waiting, case_of(hospital))


@pytest.mark.parametrize("reason", PLAN_REASONS)
def test_each_reason_has_an_occasion_and_words(reason: str) -> None:
    """Somebody is told for each reason, in words of both languages."""
    sides, about, occasion = OCCASIONS[next(one for one in PLAN_REASONS if one == reason)]
    assert sides
    assert about
    assert occasion
    assert word(next(one for one in PLAN_REASONS if one == reason), "nb")
