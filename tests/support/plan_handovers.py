"""A plan that municipalities hand to each other, and a school that stays."""

from __future__ import annotations

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.case import PlanSide
from tests.support.plan_life import (
    AGREED,
    OURS,
    PLAN,
    Side,
    exchanged,
    holder,
    participant,
    saved,
    view_of,
    wanted,
    with_item,
)

MOVED: IndividualPlan = PLAN.evolve(
    organizations=(
        *PLAN.organizations,
        {"id": "south", "name": "Sør kommune", "kind": "municipality"},
        {"id": "north", "name": "Nord kommune", "kind": "municipality"},
    ),
    consents=(PLAN.consents[0].evolve(provisions=()),),
)
NAMES = {"unit": "unit", "south": "south", "north": "north", "school": "school"}


def town() -> tuple[Side, Side, Side, Side]:
    """The holder, two municipalities that may take the plan over, and a school that has a view."""
    unit = holder(south=AGREED, north=AGREED)
    unit.found |= {"south": "south", "north": "north"}
    saved(unit, MOVED)
    south, north = (new_holder(name) for name in ("south", "north"))
    school = participant("school")
    school.terms |= {"south": AGREED, "north": AGREED}
    exchanged(unit, school)
    return unit, south, north, school


def new_holder(name: str) -> Side:
    """A municipality to which the others have the names of their own."""
    names = ("unit", "south", "north", "school", "hospital", "gp")
    terms = {other: AGREED for other in names if other != name} | {"us": OURS}
    return Side(name, terms, {other: "us" if other == name else other for other in names})


def offered(unit: Side, to: Side) -> str:
    """Offers the plan to a side; returns the id of the handover."""
    unit.do("hand-over", to_party=to.name)
    exchanged(unit, to)
    assert unit.case is not None
    assert unit.case.handover is not None
    return unit.case.handover.id


def reading_done(school: Side) -> None:
    """The school asks to have the reading practice marked as done."""
    view = view_of(school).plan
    read = next(one for one in view.measures if one.what == "Leseøving")
    wanted(school, "change-1", with_item(view, "measures", read.id, status="completed"))


def answered(side: Side, ident: str, *, accepts: bool) -> None:
    """Lets a side's people answer an offer."""
    side.do("answer-handover", by_participant=True, about=ident, accepts=accepts)


def taken_over(old: Side, new: Side) -> None:
    """Lets the old side take the yes, and the new one what that sends then."""
    exchanged(new, old)
    exchanged(old, new, names=NAMES)


def part(side: Side) -> PlanSide:
    """The part of a side in the plan."""
    assert side.case is not None
    return side.case.side
