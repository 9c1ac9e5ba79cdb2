"""A plan as fetched from a server, as written to it, and the conflict that only a person can decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ip_fhir.errors import Conflict

if TYPE_CHECKING:
    from ip_fhir.domain.merge import MergeConflict
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.errors import Problem
    from ip_fhir.ports import JsonObject


@dataclass(frozen=True, slots=True)
class FetchedPlan:
    """A plan and the bundle that it was read from, with the version of each resource. Keep it to change the plan.

    `warnings` name the places that were not read, and resources that the server did not give.
    """

    plan: IndividualPlan
    bundle: JsonObject = field(repr=False)
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdatedPlan:
    """The plan after an update, and how many resources were written.

    `now` has what was written; a resource that others have changed since it was read, and that we did not write, is as
    it was read: nothing is asked for only to see it. `not_written` names changes that were not: of patients,
    practitioners and organisations, which are not the plan's, and entries that left the plan, which are not deleted.
    """

    now: FetchedPlan
    written: int
    not_written: tuple[Problem, ...] = ()


class EditConflict(Conflict):
    """Both sides have changed the same field, or what cannot stand together. Nothing was written.

    `conflicts` name the fields, with the values of all three plans; `now` is the plan as it is on the server. The text
    names the fields only.
    """

    def __init__(self, host: str, conflicts: tuple[MergeConflict, ...], now: FetchedPlan) -> None:
        self.conflicts, self.now = conflicts, now
        fields = ", ".join(sorted({conflict.field for conflict in conflicts}))
        super().__init__(f"{host}: both sides have changed {fields}")
