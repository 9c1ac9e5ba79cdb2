"""A share is looked at again: the next number if, and only if, its participant sees something else."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from ip_fhir.domain.consent.consent import Access, Provision
from ip_fhir.domain.people import Mandate, MandateKind
from ip_fhir.domain.plan import Goal, IndividualPlan
from ip_fhir.domain.plan_rules import LISTS
from ip_fhir.domain.sharing.policy import next_turn
from ip_fhir.domain.sharing.put_back import PutBack
from ip_fhir.domain.sharing.see import Settled, remake, see, settle
from ip_fhir.domain.sharing.share import Share
from ip_fhir.domain.team import CareTeam
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period
from tests.domain.sharing.alike import Case, cases
from tests.domain.sharing.changed import changed, tried
from tests.domain.sharing.examples import ON, SCHOOL, YES, deny, place, plan_with

LATER = ON + timedelta(days=1)


def _first(plan: IndividualPlan, share: Share = SCHOOL) -> Share:
    """The share after its first view."""
    return settle(None, plan, share, ON).share


def test_the_first_view_is_number_one() -> None:
    """It has a digest, the version of the plan, its day, and the number of each item."""
    plan = plan_with(YES)
    settled = settle(None, plan, SCHOOL, ON)
    assert settled.view is not None
    share = settled.share
    assert (share.number, share.version, share.made_on, share.updated_on) == (1, 12, ON, ON)
    assert share.digest == settled.view.digest()
    assert settled.view == see(plan, share, ON)
    assert {one.number for one in share.numbers} == {1}


def test_a_change_that_is_not_seen_gives_no_number() -> None:
    """A hidden need, another author, another version: the share is what it was."""
    plan = plan_with(deny(LifeArea.ECONOMY))
    share = _first(plan)
    needs = tuple(need.evolve(text="Annet") if need.id == "n-economy" else need for need in plan.needs)
    saved = plan.evolve(needs=needs, author="doctor", version=13, goals=plan.goals[::-1][::-1])
    assert settle((plan, ON), saved, share, LATER) == Settled(share, None)
    assert settle(None, saved, share, LATER) == Settled(share, None)


def test_items_keep_the_number_of_the_view_in_which_they_last_changed() -> None:
    """The changed goal and the plan that it stands in have the new number only where they changed."""
    plan = plan_with(YES)
    share = _first(plan)
    goals = tuple(goal.evolve(note="Annet") if goal.id == "g-two" else goal for goal in plan.goals)
    settled = settle((plan, ON), plan.evolve(goals=goals, version=13), share, LATER)
    view = settled.view
    assert view is not None
    assert (view.number, view.plan.version, settled.share.updated_on) == (2, 2, LATER)
    changed = next(goal.id for goal in view.plan.goals if goal.note == "Annet")
    assert [one.id for one in settled.share.numbers if one.number == 2] == [changed]
    measures = tuple(one.evolve(how="Annet") if one.id == "m-both" else one for one in plan.measures)
    settled = settle((plan, ON), plan.evolve(measures=measures), share, LATER)
    assert {one.id for one in settled.share.numbers if one.number == 2} >= {plan.id}
    assert changed not in {one.id for one in settled.share.numbers if one.number == 2}


def test_an_item_that_comes_back_into_view_has_the_new_number() -> None:
    """Its old number was another content's."""
    plan = plan_with(YES)
    share = _first(plan)
    without = settle((plan, ON), plan_with(deny(LifeArea.TRANSPORT)), share, ON)
    again = settle((plan_with(deny(LifeArea.TRANSPORT)), ON), plan, without.share, ON)
    assert again.view is not None
    need = next(need.id for need in again.view.plan.needs if need.text == "Skyss")
    assert {one.id: one.number for one in again.share.numbers}[need] == 3


@given(st.data(), cases())
def test_an_item_has_the_new_number_if_it_changed_and_only_then(data: st.DataObject, case: Case) -> None:
    """Whatever was changed in view: the items of old and new view, by their ids there, are compared."""
    before = settle(None, case.plan, case.share, case.on)
    assert before.view is not None
    made = tried(data.draw(changed(before.view.plan)), case)
    assume(isinstance(made, PutBack))
    assert isinstance(made, PutBack)
    share = before.share.evolve(book=made.share.book)
    after = settle((case.plan, case.on), made.plan, share, case.on)
    if after.view is None:
        assert see(made.plan, share, case.on) == before.view
        return
    old, new = (_items(view.plan) for view in (before.view, after.view))
    numbers = {one.id: one.number for one in after.share.numbers}
    assert numbers.keys() == new.keys()
    assert {ident for ident, number in numbers.items() if number == after.share.number} == {
        ident for ident in new if old.get(ident) != new[ident]
    }


def _items(view: IndividualPlan) -> dict[str, Any]:
    """What has a number of its own: items, owner and team, and the plan with all else and their ids."""
    apart = ("related_persons", "organizations", "professionals", "needs", "goals", "reviews")
    items = {item.id: item for name in LISTS for item in getattr(view, name)}
    rest = view.model_copy(update={**dict.fromkeys((*apart, "owner", "version", "updated"), ())})
    there = [[item.id for item in getattr(view, name)] for name in apart]
    whole = rest.model_copy(update={"team": view.team is not None})
    return {**items, view.id: (dict(whole), there), view.owner.id: view.owner} | (
        {view.team.id: view.team} if view.team is not None else {}
    )


@given(cases())
def test_a_view_can_be_made_again(case: Case) -> None:
    """From the version and day that it was made of, with its number, also when the share has gone on."""
    settled = settle(None, case.plan, case.share, case.on)
    assert settled.view is not None
    later = settled.share.evolve(number=settled.share.number + 5, updated_on=None, digest=None)
    assert remake(case.plan, later, settled.view.number, case.on) == settled.view


# --- the day turns ---------------------------------------------------------------------------------------


def test_the_next_turn_is_the_first_of_all_that_may_turn() -> None:
    """Consents, provisions, memberships, coordinators, mandates, and the ages at which somebody's word counts."""
    days = [date(2026, 6, day) for day in range(10, 16)]
    mother = plan_with().related_persons[0]
    born = date(2010, 6, 13)
    plan = plan_with(
        YES.evolve(
            period=Period(end=days[0] - timedelta(days=1)),
            provisions=(Provision(access=Access.DENY, period=Period(start=days[1])),),
        ),
        team=CareTeam(id="team", memberships=(place("p", "teacher", period=Period(start=days[2])),)),
        owner=plan_with().owner.evolve(birth_date=born),
        related_persons=(
            mother.evolve(mandate=Mandate(kind=MandateKind.PARENT, period=Period(end=days[4] - timedelta(days=1)))),
        ),
        goals=(Goal(id="g", text="Gå"),),
        measures=(),
        contributions=(),
    )
    found: list[date | None] = []
    after: date | None = ON
    while after is not None and len(found) < 5:
        after = next_turn(plan, (SCHOOL,), after)
        found.append(after)
    assert found == days[:5]
    assert next_turn(plan, (), days[4]) == date(2028, 6, 13)
    assert next_turn(plan, (), date(2028, 6, 13)) is None


@given(cases())
def test_between_two_turns_nothing_changes(case: Case) -> None:
    """From one day to that before the next turn a share looks the same; and what a view says of its end comes true."""
    turn = next_turn(case.plan, (case.share,), case.on)
    share = settle(None, case.plan, case.share, case.on).share
    last = case.on + timedelta(days=3650) if turn is None else turn - timedelta(days=1)
    assert settle((case.plan, case.on), case.plan, share, last).view is None
    view = see(case.plan, case.share, case.on)
    now = {one.area for one in view.openings}
    if view.holds_until is not None:
        on_last, after = (
            {one.area for one in see(case.plan, case.share, view.holds_until + timedelta(days=n)).openings}
            for n in (0, 1)
        )
        assert now <= on_last
        assert not now <= after
    elif now:
        assert now <= {one.area for one in see(case.plan, case.share, date(2200, 1, 1)).openings}
    for one in view.openings:
        assert one.since is not None
        assert one.since >= case.share.began
        if one.since > case.share.began:
            assert one.area not in _open(case, one.since - timedelta(days=1))


def _open(case: Case, on: date) -> set[LifeArea | None]:
    return {one.area for one in see(case.plan, case.share, on).openings}
