"""The reading half of `ip_fhir.ports.plans.PlanStore`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.store.codec import micros
from ip_fhir.store.damage.reading import SqlReader
from ip_fhir.store.plans import codec, statements
from ip_fhir.store.plans.known import KnownPlans

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.sharing.case import PlanSide, SharedPlan
    from ip_fhir.domain.sharing.life.surroundings import SettingsBasis
    from ip_fhir.ports.plans import PlanVersion, SavedVersion, StoredPlan
    from ip_fhir.store.engine import Database

_ABOVE_ALL: Final = 2**31 - 1


class SqlPlanReader(SqlReader):
    """Reads shared plans, and their versions."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._known_plans = KnownPlans()

    def shared_plan(self, plan_id: str) -> StoredPlan | None:
        """Returns one plan with its newest version; None if it is not here. Raises `Unreadable`."""
        return self._one("plan", statements.LOAD, {"plan_id": plan_id}, self._known_plans.stored_plan)

    def plans(self, side: PlanSide | None = None, limit: int = 100, after: str | None = None) -> list[SharedPlan]:
        """Returns plans, latest changed first. Raises `InvalidInput` if there is no plan `after`."""
        values: dict[str, Any] = {"at_most": limit} | ({} if side is None else {"of_side": side.value})
        if after is not None:
            place = self._place("plan", statements.PLACE_IN_LIST, {"plan_id": after})
            values |= {"changed": place.changed, "last": after}
        return self._list(
            "plan", statements.LISTS[side is not None, after is not None], values, self._known_plans.shared_plan
        )

    def plan_versions(self, plan_id: str, limit: int = 100, before: int | None = None) -> list[SavedVersion]:
        """Returns versions without their content, newest first; only those with a number below `before`."""
        values = {"of_plan": plan_id, "before": _ABOVE_ALL if before is None else before, "at_most": limit}
        return self._list("plan_version", statements.VERSIONS, values, codec.saved_version)

    def plan_version(self, plan_id: str, version: int) -> PlanVersion | None:
        """Returns one version with its content; None if it is not here. Raises `Unreadable`."""
        values = {"of_plan": plan_id, "of_version": version}
        return self._one("plan_version", statements.VERSION, values, codec.plan_version)

    def due_plans(self, now: datetime, limit: int) -> list[str]:
        """Returns ids of plans with a clock that is due, earliest first."""
        return self._list("plan", statements.DUE, {"now": micros(now), "at_most": limit}, lambda row: str(row.id))

    def unsettled_plans(self, basis: SettingsBasis, limit: int) -> list[str]:
        """Returns ids of plans held here whose shares were looked at by settings that `basis` replaces."""
        values = {"basis": basis.digest, "since": micros(basis.since), "at_most": limit}
        return self._list("plan", statements.UNSETTLED, values, lambda row: str(row.id))

    def plans_about(self, number: str, limit: int = 100) -> list[str]:
        """Returns ids of plans about a person: those that are not over first, latest changed first."""
        return self._list("plan", statements.ABOUT, {"person": number, "at_most": limit}, lambda row: str(row.id))
