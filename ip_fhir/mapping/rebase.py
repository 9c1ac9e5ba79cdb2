"""Applies a change of a plan to a bundle that somebody else has changed meanwhile: a three-way merge and a put."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ip_fhir.domain.merge import Merged
    from ip_fhir.domain.plan import IndividualPlan


class PlanInBundle(Protocol):
    """A plan in its bundle, as `Mapper.open_plan` returns it."""

    plan: IndividualPlan

    def put(self, plan: IndividualPlan) -> dict[str, Any]:
        """Return the bundle, changed so that it says what `plan` says, and nowhere else."""


@dataclass(frozen=True, slots=True)
class Rebased:
    """The bundle with the merged plan, and the merge: its plan and its conflicts."""

    bundle: dict[str, Any]
    merged: Merged


def rebase(before: IndividualPlan, after: IndividualPlan, opened: PlanInBundle) -> Rebased:
    """Apply the change from `before` to `after` to the plan that `opened` has now, and put the result in its bundle.

    Raises `InvalidInput` if the bundle has no place for a part of the merged plan, or is about another person.
    """
    from ip_fhir.domain.merge import merge  # most processes never need it

    merged = merge(before, after, opened.plan)
    return Rebased(opened.put(merged.plan), merged)
