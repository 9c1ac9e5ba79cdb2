"""Copies of a plan that somebody has worked on: few small edits, as two sides make them at once."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import InvalidInput
from tests.support.strategies import plans

LISTS = (
    *("related_persons", "organizations", "professionals", "resources", "needs", "goals", "measures"),
    *("contributions", "cooperation", "reviews", "consents"),
)
TEAM_LISTS = ("memberships", "coordinators")
_WHOLE = ("status", "title", "legal_basis", "period", "coordinating_unit", "follow_up", "evaluation", "team", "note")
_WRITING = ("author", "updated", "version", "replaces", "created")
_NEW_IDS = ("new-1", "new-2")


def three_of_one(*, near: bool = True) -> st.SearchStrategy[tuple[IndividualPlan, IndividualPlan, IndividualPlan]]:
    """A base, and two copies: each edited a little, or (`near` false) three plans with nothing but the id in common."""
    made = st.deferred(lambda: st.sampled_from(_some_plans()))
    if near:
        return made.flatmap(lambda base: st.tuples(st.just(base), edited(base), edited(base)))
    return st.tuples(made, made, made)


@cache
def _some_plans() -> tuple[IndividualPlan, ...]:
    """Plans of one id, made once: to draw three for each example would take most of the time."""
    found: list[IndividualPlan] = []

    @settings(max_examples=40, database=None, derandomize=True, suppress_health_check=list(HealthCheck), deadline=None)
    @given(plans())
    def collect(plan: IndividualPlan) -> None:
        found.append(plan.evolve(id="plan-1"))

    collect()
    return tuple(found)


@st.composite
def edited(draw: st.DrawFn, plan: IndividualPlan) -> IndividualPlan:
    """The plan after up to four edits; one that would make it unsound is not made."""
    donor = draw(st.sampled_from(_some_plans()))
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.sampled_from((*_WHOLE, *_WRITING, "owner", *LISTS, *TEAM_LISTS)))
        try:
            plan = _with_edit(draw, plan, donor, name)
        except InvalidInput:
            continue
    return plan


def _with_edit(draw: st.DrawFn, plan: IndividualPlan, donor: IndividualPlan, name: str) -> IndividualPlan:
    if name == "owner":
        return plan.evolve(owner=_one_field(draw, plan.owner, donor.owner))
    if name in LISTS:
        return _cleared(plan, name, _edited_list(draw, getattr(plan, name), getattr(donor, name)))
    if name in TEAM_LISTS:
        if plan.team is None or donor.team is None:
            return plan.evolve(team=donor.team)
        items = _edited_list(draw, getattr(plan.team, name), getattr(donor.team, name))
        reason = draw(st.sampled_from((plan.team.two_coordinators_reason, "De er to", None)))
        return plan.evolve(team=plan.team.evolve(**{name: items}, two_coordinators_reason=reason))
    return plan.evolve(**{name: getattr(donor, name)})


def _cleared(plan: IndividualPlan, name: str, items: tuple[Any, ...]) -> IndividualPlan:
    """With these goals, and without what refers to goals that are gone; other lists as they are."""
    if name != "goals":
        return plan.evolve(**{name: items})
    there = {goal.id for goal in items}
    goals = tuple(goal if goal.part_of in there else goal.evolve(part_of=None) for goal in items)
    measures = tuple(m.evolve(goals=tuple(ident for ident in m.goals if ident in there)) for m in plan.measures)
    return plan.evolve(goals=goals, measures=measures)


def _edited_list(draw: st.DrawFn, items: tuple[Any, ...], others: tuple[Any, ...]) -> tuple[Any, ...]:
    """One item less, one more, one with another field, or all in another order."""
    what = draw(st.sampled_from(("remove", "add", "change", "change", "reorder")))
    if what == "add" and others:
        new = draw(st.sampled_from(others)).evolve(id=draw(st.sampled_from(_NEW_IDS)))
        where = draw(st.integers(0, len(items)))
        return (*items[:where], new, *items[where:])
    if not items or (what in ("add", "change") and not others):
        return items
    if what == "reorder":
        return tuple(draw(st.permutations(items)))
    place = draw(st.integers(0, len(items) - 1))
    if what == "remove":
        return (*items[:place], *items[place + 1 :])
    changed = _one_field(draw, items[place], draw(st.sampled_from(others)))
    return (*items[:place], changed, *items[place + 1 :])


def _one_field(draw: st.DrawFn, value: Any, other: Any) -> Any:
    name = draw(st.sampled_from([name for name in type(value).model_fields if name != "id"]))
    return value.evolve(**{name: getattr(other, name)})
