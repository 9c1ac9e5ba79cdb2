"""The items of a plan by the field that they stand in: goals, measures, memberships, people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ip_fhir.domain.plan import IndividualPlan


class Item(NamedTuple):
    """An item of a plan: the field that it stands in, its id, and itself; the plan's own fields have no id."""

    field: str
    id: str | None
    value: Any


def items_of(plan: IndividualPlan, field: str) -> tuple[Item, ...]:
    """Returns the items of a field that is a list; those of the team stand in "team.memberships", for example."""
    holder: Any = plan.team if field.startswith("team.") else plan
    found = getattr(holder, field.rpartition(".")[2], ())
    return tuple(Item(field, item.id, item) for item in found)


def items_by_id(plan: IndividualPlan, field: str) -> dict[str | None, Item]:
    """Returns the items of a field by their ids."""
    return {item.id: item for item in items_of(plan, field)}
