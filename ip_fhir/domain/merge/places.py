"""The places of a plan that are compared and merged: fields, items by id, and groups of fields (`BOUND`)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ip_fhir.domain.consent.consent import Consent
from ip_fhir.domain.people import PlanOwner
from ip_fhir.domain.plan import Contribution, Cooperation, Goal, IndividualPlan, Measure, Review
from ip_fhir.domain.plan_rules import LISTS
from ip_fhir.domain.team import CareTeam, Coordinator, Membership
from ip_fhir.domain.values.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

# Fields that are merged as one, since a mix of two sides' values could break a rule or say what neither side said.
BOUND: dict[type[Value], tuple[tuple[str, ...], ...]] = {
    Goal: (("status", "achievement", "status_date", "status_reason"),),  # the date and the reason are the status's
    Measure: (("status", "status_reason"),),
    PlanOwner: (("deceased", "dead"),),  # a day of death, or that it is not known
    Review: (("status", "held"),),  # held has a date, nothing else has
    Contribution: (("by", "actor"),),  # in which capacity, and who
    Cooperation: (("with_whom", "organization"),),  # the same in words, and by reference
    Membership: (("member", "role", "on_behalf_of"), ("status", "period")),  # ended has an end
    Coordinator: (("kind", "holder", "period"), ("wish_honoured", "wish_reason")),  # two at once need a reason
    # All that `permits` reads: half of one yes and half of another is a consent that nobody gave.
    Consent: (("kind", "status", "given_on", "given_by", "withdrawn_on", "period", "access", "provisions"),),
}

ITEMS: dict[type[Value], tuple[str, ...]] = {IndividualPlan: LISTS, CareTeam: ("memberships", "coordinators")}
PARTS: dict[type[Value], tuple[str, ...]] = {IndividualPlan: ("owner", "team")}
BOOKKEEPING = ("version", "updated", "author")
AUTHORSHIP = ("author", "updated")


class Place(NamedTuple):
    """A place in a plan: `("title", None)`, `("goals", "goal-1")` for an item, `("goals.text", "goal-1")` in it.

    A group of fields in `BOUND` is named by its first field.
    """

    field: str
    id: str | None = None


Clashes: TypeAlias = dict[Place, Place | None]
"""Places whose change by mine cannot be applied, each with the place in theirs that it clashes with (None: unknown)."""

Applied: TypeAlias = dict[Place, tuple[str, ...]]
"""Places where the change by mine is applied, each with the dotted fields that it covers."""


def by_id(items: Iterable[Any]) -> dict[str, Any]:
    """Returns items by their id, in order."""
    return {item.id: item for item in items}


def same_id(*values: Any) -> bool:
    """True if no value is None, and all have the same id."""
    return None not in values and len({value.id for value in values}) == 1


@cache
def units(model: type[Value]) -> tuple[tuple[str, ...], ...]:
    """Returns the groups of fields that are merged as one value: those in `BOUND`, and every other field by itself."""
    bound = BOUND.get(model, ())
    apart = {"id", *ITEMS.get(model, ()), *PARTS.get(model, ()), *(name for unit in bound for name in unit)}
    apart.update(BOOKKEEPING if model is IndividualPlan else ())
    return (*bound, *((name,) for name in model.model_fields if name not in apart))
