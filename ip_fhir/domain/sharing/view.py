"""The view: a plan as one participant may see it on a day. It is no plan, and cannot be saved as one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pydantic import Field

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.plan_rules import LISTS
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Count, Day, Id, Text, Value

if TYPE_CHECKING:
    from collections.abc import Iterator


class Opening(Value):
    """A life area that is open to the participant, and since and until which day. Policy is no secret, presence is."""

    area: LifeArea | None = Field(default=None, description="Life area; none: what belongs to no area.")
    since: Day | None = Field(default=None, description="First day; none: from the beginning.")
    until: Day | None = Field(default=None, description="Last day, included; none: until further notice.")


class LeftItem(Value):
    """An item that the participant has, by the last view that it acknowledged, and that the newest view lacks."""

    field: Text = Field(description="List of the plan that it was in.")
    id: Id = Field(description="Id in the views of this share.")


class PlanView(Value):
    """The view number `number` of a share: the cut plan, with the share's own ids, and the terms of the share.

    `plan.version` is the number, `plan.created` the share's first day and `plan.updated` the day on which the view last
    changed, each at the start of the Norwegian day. It has no consents, author or `replaces`.
    """

    share: Id = Field(description="Id of the share.")
    number: Count = Field(ge=1, description="Number of the view, from 1.")
    level: ContentLevel = Field(description="Amount of the plan that the agreement lets through.")
    openings: tuple[Opening, ...] = Field(default=(), max_length=50, description="Life areas that are open to it.")
    holds_until: Day | None = Field(
        default=None, description="Last day on which it may be shown; none: until a newer one comes."
    )
    plan: IndividualPlan = Field(description="The cut plan.")

    def digest(self) -> str:
        """Returns the SHA-256, in hexadecimal, of the view's JSON without number and day."""
        plan = self.plan.model_copy(update={"version": 1, "updated": None})
        content = self.model_copy(update={"number": 1, "plan": plan})
        return hashlib.sha256(content.to_json().encode()).hexdigest()

    def left_since(self, before: PlanView) -> tuple[LeftItem, ...]:
        """Returns the items of an earlier view that this one lacks, in the order of a plan's fields."""
        there = set(_items(self.plan))
        return tuple(
            LeftItem(field=name, id=ident) for name, ident in _items(before.plan) if (name, ident) not in there
        )


def _items(plan: IndividualPlan) -> Iterator[tuple[str, str]]:
    """Yields each item's list and id."""
    for name in LISTS:
        yield from ((name, item.id) for item in getattr(plan, name))
    if plan.team is not None:
        yield from (("team.memberships", place.id) for place in plan.team.memberships)
        yield from (("team.coordinators", place.id) for place in plan.team.coordinators)
