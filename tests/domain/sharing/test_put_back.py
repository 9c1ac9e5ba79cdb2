"""A view is a lens: what a participant changes in its view is changed in the plan, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.plan_rules import LISTS
from ip_fhir.domain.sharing.lens.wanted import trimmed
from ip_fhir.domain.sharing.put_back import PutBack, put_back
from ip_fhir.domain.sharing.see import see
from tests.domain.sharing.alike import Case, Rules, cases, only_seen, with_more
from tests.domain.sharing.changed import Refusal, anything, changed, tried, view_of


def _sorted(plan: IndividualPlan) -> IndividualPlan:
    """The plan with its items, and each measure's goals, in one order."""
    items: dict[str, Any] = {name: sorted(getattr(plan, name), key=lambda item: item.id) for name in LISTS}
    items["measures"] = [one.evolve(goals=tuple(sorted(one.goals))) for one in items["measures"]]
    team = plan.team
    if team is not None:
        team = team.evolve(memberships=tuple(sorted(team.memberships, key=lambda item: item.id)))
    return plan.evolve(**{name: tuple(listed) for name, listed in items.items()}, team=team)


@given(cases(), st.booleans())
def test_a_view_put_back_changes_nothing(case: Case, whole: bool) -> None:
    """GetPut: the plan and the share are as they were."""
    assert put_back(view_of(case), case.share, case.plan, case.on, whole=whole) == PutBack(case.plan, case.share)


@given(st.data(), cases())
def test_the_view_is_then_as_it_was_wanted(data: st.DataObject, case: Case) -> None:
    """PutGet: if the change is taken, the participant sees what it asked for, without actors that nothing names."""
    wanted = data.draw(changed(view_of(case)))
    made = tried(wanted, case)
    assume(isinstance(made, PutBack))
    assert isinstance(made, PutBack)
    assert _sorted(see(made.plan, made.share, case.on).plan) == _sorted(trimmed(wanted))
    assert made.plan.evolve() == made.plan


@given(st.data(), cases())
def test_the_last_change_counts(data: st.DataObject, case: Case) -> None:
    """PutPut: a change after another one, which adds nothing, gives the same plan as it alone."""
    first, second = (data.draw(changed(view_of(case), add=add)) for add in (False, True))
    once = tried(first, case)
    assume(isinstance(once, PutBack))
    assert isinstance(once, PutBack)
    twice, alone = tried(second, Case(once.plan, once.share, case.on)), tried(second, case)
    assume(isinstance(twice, PutBack) and isinstance(alone, PutBack))
    assert isinstance(twice, PutBack)
    assert isinstance(alone, PutBack)
    assert _sorted(twice.plan) == _sorted(alone.plan)


@pytest.mark.sharing_promise(7)
@given(st.data(), cases())
def test_what_is_hidden_stays(data: st.DataObject, case: Case) -> None:
    """Items that are not seen, fields that no view shows and references to hidden goals are as they were."""
    made = tried(data.draw(anything(view_of(case))), case)
    assume(isinstance(made, PutBack))
    assert isinstance(made, PutBack)
    assert _hidden(made.plan, case) == _hidden(case.plan, case)


_NEVER = {
    "related_persons": ("identifier", "next_of_kin", "mandate", "protection"),
    "professionals": ("hpr_number", "her_id", "protection"),
    "reviews": (),
}


def _hidden(plan: IndividualPlan, case: Case) -> dict[str, Any]:
    """What the share did not see before the change, of the plan as it is now."""
    rules = Rules(case.plan, case.share, case.on)
    before = {item.id for name in LISTS for item in getattr(case.plan, name)}
    found: dict[str, Any] = {
        name: getattr(plan, name) for name in ("consents", "owner", "author", "replaces", "status")
    }

    goals = {goal.id for goal in case.plan.goals if rules.sees(goal)}
    for name in ("resources", "needs", "goals", "measures"):
        known = {item.id: item for item in getattr(case.plan, name)}
        for item in getattr(plan, name):
            if item.id in known and not rules.sees(known[item.id]):
                found[item.id] = item
            elif item.id in known:
                found[item.id] = (
                    getattr(item, "part_of", None),
                    sorted({*getattr(item, "goals", ())} - goals - {g.id for g in plan.goals if g.id not in before}),
                    None
                    if rules.reaches(ContentLevel.PLAN)
                    else (getattr(item, "note", ""), getattr(item, "target", "")),
                )
    for name, fields in _NEVER.items():
        for item in getattr(plan, name):
            if item.id in before:
                found[item.id] = {field: getattr(item, field) for field in fields}
    if not rules.general:
        found |= {name: getattr(plan, name) for name in ("title", "note", "contributions", "cooperation", "follow_up")}
        found["outcomes"] = {review.id: (review.outcome, review.how) for review in plan.reviews if review.id in before}
    if plan.team is not None:
        found["coordinators"] = plan.team.coordinators
        found["others"] = [] if rules.sees_others else [m for m in plan.team.memberships if not rules.is_own(m)]
    return found


@pytest.mark.sharing_promise(2)
@given(st.data(), cases(), st.booleans())
def test_alike_plans_answer_alike(data: st.DataObject, case: Case, whole: bool) -> None:
    """Whatever is sent: taken or refused, for the same parts and in the same words, and seen the same afterwards.

    Where what is hidden stands against a change, it is not refused, but waits for a person, as all that adds does.
    """
    wanted = data.draw(anything(view_of(case)))
    answers = [
        tried(wanted, Case(plan, case.share, case.on), whole=whole)
        for plan in (case.plan, only_seen(case), with_more(case))
    ]
    told = [
        see(answer.plan, answer.share, case.on).to_json() if isinstance(answer, PutBack) else answer.words
        for answer in answers
        if answer is not None
    ]
    assert len(set(told)) <= 1
    assert None not in answers or not any(isinstance(answer, Refusal) for answer in answers)
