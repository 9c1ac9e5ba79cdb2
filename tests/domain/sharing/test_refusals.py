"""A change that cannot be taken: by rules of the change, its base and the day's view alone, and in their words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ip_fhir.domain.consent.consent import Consent, ConsentKind
from ip_fhir.domain.people import PersonName, Professional
from ip_fhir.domain.plan import Goal, IndividualPlan, Measure, MeasureStatus, Need, PlanStatus, ReviewStatus
from ip_fhir.domain.sharing.change import Outcome
from ip_fhir.domain.sharing.ids import view_id
from ip_fhir.domain.sharing.lens import refusals
from ip_fhir.domain.sharing.lens.refusals import HiddenClash, ViewRefused
from ip_fhir.domain.sharing.lens.wanted import filled
from ip_fhir.domain.sharing.put_back import PutBack, put_back
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.team import CareTeam, Coordinator, MembershipStatus
from ip_fhir.domain.values.ids import HprNumber
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period
from ip_fhir.errors import InvalidInput
from tests.domain.sharing.examples import ON, SCHOOL, YES, deny, place, plan_with, share_of

PLAN = plan_with(deny(LifeArea.ECONOMY))
VIEW = see(PLAN, SCHOOL, ON).plan


def _put(wanted: IndividualPlan, *, whole: bool = True, base: IndividualPlan | None = None) -> PutBack:
    return put_back(wanted, SCHOOL, PLAN, ON, whole=whole, base=base)


def _words(wanted: IndividualPlan, **options: Any) -> set[tuple[str, str | None, str | None]]:
    """The refused parts: field, id and reason."""
    with pytest.raises(ViewRefused) as refusal:
        _put(wanted, **options)
    assert {problem.reason for problem in refusal.value.problems} == {part.reason for part in refusal.value.parts}
    return {(part.field, part.id, part.reason) for part in refusal.value.parts}


def _goal() -> Goal:
    return VIEW.goals[0]


def _measure() -> Measure:
    return VIEW.measures[0]


def test_an_item_is_not_taken_out() -> None:
    """Where absence says that it was; else it is unchanged."""
    without = VIEW.evolve(needs=VIEW.needs[1:])
    assert _words(without) == {("needs", VIEW.needs[0].id, refusals.TAKEN_OUT)}
    assert _put(without, whole=False) == PutBack(PLAN, SCHOOL)


def test_a_closed_area_is_named_neither_in_a_new_item_nor_in_one_that_is_there() -> None:
    """Whether anything stands in it or not."""
    new = Need(id="ny", text="Lån", area=LifeArea.ECONOMY)
    assert _words(VIEW.evolve(needs=(*VIEW.needs, new))) == {("needs", "ny", refusals.CLOSED_AREA)}
    goal = _goal().evolve(areas=(LifeArea.LEISURE, LifeArea.ECONOMY))
    assert ("goals.areas", goal.id, refusals.CLOSED_AREA) in _words(VIEW.evolve(goals=(goal,)))


def test_areas_are_not_emptied_and_a_goal_stays_part_of_its_own() -> None:
    """What hides behind the view could decide what the item counts as then."""
    emptied = VIEW.evolve(measures=(_measure().evolve(areas=()),))
    assert _words(emptied) == {("measures.areas", _measure().id, refusals.EMPTIED)}
    plan = plan_with(YES)
    view = see(plan, SCHOOL, ON).plan
    goals = tuple(goal.evolve(part_of=None) for goal in view.goals)
    with pytest.raises(ViewRefused, match=refusals.STAYS_PART):
        put_back(view.evolve(goals=goals), SCHOOL, plan, ON, whole=True)


def test_a_new_item_that_its_author_could_not_see() -> None:
    """Of no area where only areas are open; a person whom nothing names."""
    stranger = Professional(id="ny", name=PersonName(family="Ny"))
    unnamed = VIEW.evolve(professionals=(*VIEW.professionals, stranger))
    assert _words(unnamed) == {("professionals", "ny", refusals.UNSEEN)}
    plan = plan_with(
        YES.evolve(access="deny", provisions=[{"access": "permit", "areas": [LifeArea.TRANSPORT, LifeArea.LEISURE]}])
    )
    view = see(plan, SCHOOL, ON).plan
    with pytest.raises(ViewRefused) as refusal:
        put_back(view.evolve(needs=(*view.needs, Need(id="ny", text="Ro"))), SCHOOL, plan, ON)
    assert refusal.value.parts[0].reason == refusals.UNSEEN


def test_what_is_not_in_the_view_is_not_found() -> None:
    """An id that the holder made, of something hidden or of nothing, and one that the participant gave before."""
    for ident in (view_id(SCHOOL, "n-economy"), view_id(SCHOOL, "nothing")):
        need = Need(id=ident, text="Penger", area=LifeArea.TRANSPORT)
        assert _words(VIEW.evolve(needs=(*VIEW.needs, need))) == {("needs", ident, refusals.NOT_IN_VIEW)}
    with pytest.raises(ViewRefused) as refusal:
        put_back(VIEW.evolve(needs=(*VIEW.needs, Need(id=ident, text="x"))), SCHOOL, PLAN, ON)
    assert refusal.value.parts[0].outcome is Outcome.NOT_FOUND
    assert refusal.value.problems[0].code == "not-found"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"status": PlanStatus.ON_HOLD}, "status"),
        ({"author": VIEW.owner.id}, "author"),
        ({"owner": VIEW.owner.evolve(name=PersonName(family="Annen"))}, "owner.name"),
        ({"consents": (Consent(id="ny", kind=ConsentKind.SHARING, given_on=ON),)}, "consents"),
        ({"team": CareTeam(id="ny")}, "team"),
        ({"team": None}, "team"),
    ],
)
def test_nobody_changes_by_a_view_what_is_the_holders(change: dict[str, Any], field: str) -> None:
    """Who the person is, consents, the team as a whole, the plan's status and author."""
    assert {part[0] for part in _words(VIEW.evolve(**change))} == {field}


def test_coordinators_are_not_changed() -> None:
    """Neither who, nor since when; nor is one added."""
    assert VIEW.team is not None
    (held,) = VIEW.team.coordinators
    other = VIEW.team.evolve(coordinators=(held.evolve(period=Period(start=ON)),))
    assert _words(VIEW.evolve(team=other)) == {("team.coordinators.period", held.id, refusals.CLOSED_FIELD)}
    more = VIEW.team.evolve(coordinators=(held, Coordinator(id="ny")))
    assert _words(VIEW.evolve(team=more)) == {("team.coordinators", "ny", refusals.CLOSED_FIELD)}


def test_a_field_that_the_policy_closes() -> None:
    """A field that no view shows is not written either, nor one that this share's view does not show."""
    worker = Professional(id="ny", name=PersonName(family="Ny"), hpr_number=HprNumber("9000001"))
    wanted = VIEW.evolve(professionals=(*VIEW.professionals, worker), measures=(_measure().evolve(responsible="ny"),))
    assert _words(wanted) == {("professionals.hpr_number", "ny", refusals.CLOSED_FIELD)}
    needs_only = share_of("school", level="needs")
    view = see(PLAN, needs_only, ON).plan
    (review,) = view.reviews
    for changed in (review.evolve(outcome="Godt"), review.evolve(status=ReviewStatus.HELD, held=ON)):
        with pytest.raises(ViewRefused, match=refusals.CLOSED_FIELD):
            put_back(view.evolve(reviews=(changed,)), needs_only, PLAN, ON)


@pytest.mark.parametrize(
    "change",
    [
        {"period": Period(end=ON - timedelta(days=1))},
        {"status": MembershipStatus.DECLINED},
        {"on_behalf_of": view_id(SCHOOL, "municipality")},
    ],
)
def test_who_takes_part_is_not_changed_by_a_view_where_it_opens_or_closes_something(change: dict[str, Any]) -> None:
    """The same whether anything stands in what would open; other changes of a membership are taken."""
    assert VIEW.team is not None
    (own,) = VIEW.team.memberships
    changed = VIEW.evolve(team=VIEW.team.evolve(memberships=(own.evolve(**change),)))
    assert {part[:2] for part in _words(changed)} >= {(f"team.memberships.{next(iter(change))}", own.id)}
    later = VIEW.team.evolve(memberships=(own.evolve(period=Period(end=ON + timedelta(days=1))),))
    assert (team := _put(VIEW.evolve(team=later)).plan.team) is not None
    assert team.memberships[0].period.end == ON + timedelta(days=1)


def test_a_colleague_of_whom_consent_says_no_is_not_put_out_to_open_an_area() -> None:
    """Nor does it tell if anything stands there."""
    team = CareTeam(id="team", memberships=(place("p", "teacher"), place("h", "helper")))
    more = (*plan_with().professionals, plan_with().professionals[1].evolve(id="helper"))
    for needs in (plan_with().needs, ()):
        plan = plan_with(deny(LifeArea.ECONOMY, recipients=("helper",)), professionals=more, team=team, needs=needs)
        view = see(plan, SCHOOL, ON).plan
        assert view.team is not None
        first, second = view.team.memberships
        gone = second.evolve(period=Period(end=ON - timedelta(days=1)))
        with pytest.raises(ViewRefused, match=refusals.CLOSED_FIELD):
            put_back(view.evolve(team=view.team.evolve(memberships=(first, gone))), SCHOOL, plan, ON)


def test_another_plan_is_refused() -> None:
    """A view of another plan is none of this one."""
    assert _words(VIEW.evolve(id="plan-2")) == {("id", None, refusals.CLOSED_FIELD)}


def test_what_hides_may_stand_against_a_change() -> None:
    """A sub-goal of a goal that is itself, unseen, part of another: it is not refused, but waits for a person."""
    new = Goal(id="ny", text="Kino alene", part_of=_goal().id)
    with pytest.raises(HiddenClash, match="a sub-goal has no sub-goals"):
        _put(VIEW.evolve(goals=(*VIEW.goals, new)))
    plan = plan_with(YES)
    view = see(plan, SCHOOL, ON).plan
    main = next(goal for goal in view.goals if goal.text == "Reise")
    made = put_back(view.evolve(goals=(*view.goals, new.evolve(part_of=main.id))), SCHOOL, plan, ON)
    assert made.plan.goals[-1].part_of == "g-two"


# --- what is taken ---------------------------------------------------------------------------------------


def test_goals_keep_hidden_ones_behind_the_visible() -> None:
    """A measure that serves a goal its author does not see still serves it."""
    new = Goal(id="ny", text="Bade", areas=(LifeArea.LEISURE,))
    wanted = VIEW.evolve(goals=(*VIEW.goals, new), measures=(_measure().evolve(goals=("ny", _goal().id)),))
    made = _put(wanted)
    measure = next(one for one in made.plan.measures if one.id == "m-leisure")
    assert measure.goals == (made.plan.goals[-1].id, "g-sub-leisure", "g-economy")


def test_what_is_added_keeps_its_id_in_the_view_and_gets_one_in_the_plan() -> None:
    """The same each time; the share's book knows both."""
    wanted = VIEW.evolve(needs=(*VIEW.needs, Need(id="their-need", text="Ny", area=LifeArea.FOOD)))
    first, again = _put(wanted), _put(wanted)
    assert first == again
    (pair,) = first.share.book
    assert (pair.view, pair.plan) == ("their-need", first.plan.needs[-1].id)
    assert pair.plan != "their-need"
    assert see(first.plan, first.share, ON).plan.needs[-1].id == "their-need"
    assert put_back(see(first.plan, first.share, ON).plan, first.share, first.plan, ON) == first


def test_people_are_not_joined() -> None:
    """A person with the name of one who is there is another person, until the coordinator joins them."""
    teacher = Professional(id="ny", name=PersonName(family="Teacher"))
    made = _put(
        VIEW.evolve(professionals=(*VIEW.professionals, teacher), measures=(_measure().evolve(responsible="ny"),))
    )
    assert len(made.plan.professionals) == len(PLAN.professionals) + 1


def test_who_is_named_no_longer_stays_in_the_plan() -> None:
    """Taking somebody off a measure takes nobody out; that they still stand in the list of people is no mistake."""
    measure = _measure()
    named = _put(VIEW.evolve(measures=(measure.evolve(responsible=view_id(SCHOOL, "nurse")),)))
    team = VIEW.team
    assert team is not None
    view = see(named.plan, SCHOOL, ON).plan
    made = put_back(view.evolve(measures=(measure,)), SCHOOL, named.plan, ON, whole=True)
    assert made.plan == PLAN


def test_on_another_base_the_difference_is_applied() -> None:
    """What differs between the base and what is wanted; what was changed meanwhile is refused, or not found."""
    base = VIEW.evolve(note="Gammelt notat")
    made = _put(base.evolve(title="Ny tittel"), base=base)
    assert (made.plan.title, made.plan.note) == ("Ny tittel", "Et notat")
    assert _words(base.evolve(note="Nytt notat"), base=base) == {("note", None, refusals.CHANGED_MEANWHILE)}
    gone = Need(id=view_id(SCHOOL, "n-economy"), text="Penger", area=LifeArea.TRANSPORT)
    base = VIEW.evolve(needs=(*VIEW.needs, gone))
    assert _put(base, base=base) == PutBack(PLAN, SCHOOL)
    changed = base.evolve(needs=(*VIEW.needs, gone.evolve(text="Annet")))
    assert _words(changed, base=base) == {("needs", gone.id, refusals.NOT_IN_VIEW)}


# --- absence says nothing --------------------------------------------------------------------------------


def test_a_field_that_is_missing_is_unchanged() -> None:
    """A text, a list, an end of a period, the team and a whole list of items."""
    measure = Measure(id="m", what="Tur", how="Til fots", areas=(LifeArea.LEISURE,), period=Period(end=ON))
    base = VIEW.evolve(measures=(measure,))
    wanted = base.evolve(
        measures=(Measure(id="m", what="Fjelltur", period=Period(start=ON)),), note=None, team=None, needs=()
    )
    made = filled(wanted, base)
    assert made.measures[0] == measure.evolve(what="Fjelltur", period=Period(start=ON, end=ON))
    assert (made.note, made.team, made.needs) == (base.note, base.team, base.needs)


def test_fields_that_one_rule_binds_are_one() -> None:
    """A new status without a reason has none: the old reason was that of the old status."""
    measure = Measure(id="m", what="Tur", status=MeasureStatus.ON_HOLD, status_reason="Syk")
    base = VIEW.evolve(measures=(measure,))
    done = measure.evolve(status=MeasureStatus.COMPLETED, status_reason=None)
    assert filled(base.evolve(measures=(done,)), base).measures == (done,)
    silent = measure.evolve(status_reason=None)
    assert filled(base.evolve(measures=(silent,)), base).measures == (measure,)


def test_what_does_not_fit_together_is_an_error() -> None:
    """A start after the end that was not mentioned."""
    base = VIEW.evolve(period=Period(end=ON))
    with pytest.raises(InvalidInput, match="ends before it starts"):
        filled(base.evolve(period=Period(start=ON + timedelta(days=1))), base)
