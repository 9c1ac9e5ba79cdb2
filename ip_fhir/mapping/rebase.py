"""A change to a plan brought onto a bundle that somebody else has changed meanwhile: a three-way merge and a put."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ip_fhir.domain.merge import Merged
    from ip_fhir.domain.plan import IndividualPlan


class Opened(Protocol):
    """A plan in its bundle, as `Mapper.open_plan` gives it."""

    plan: IndividualPlan

    def put(self, plan: IndividualPlan) -> dict[str, Any]:
        """The bundle with what `plan` says, and nothing else in it changed."""


@dataclass(frozen=True, slots=True)
class Rebased:
    """The bundle with the merged plan, and the merge: its plan and its conflicts."""

    bundle: dict[str, Any]
    merged: Merged


def rebase(before: IndividualPlan, after: IndividualPlan, opened: Opened) -> Rebased:
    """The change from `before` to `after`, made on what `opened` says now.

    Raises `InvalidInput` where the bundle has no place for what the merged plan says, or is about another person.
    """
    from ip_fhir.domain.merge import merge  # most processes never need it

    merged = merge(before, after, opened.plan)
    return Rebased(opened.put(merged.plan), merged)
