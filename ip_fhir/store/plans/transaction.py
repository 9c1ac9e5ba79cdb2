"""`PlanTransaction` on a database connection: a shared plan with its versions, views and names, in one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.errors import Conflict, InvalidInput
from ip_fhir.store.integrity import digests
from ip_fhir.store.plans import codec, statements
from ip_fhir.store.worklist.transaction import SqlWorklistTransaction

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.referral import Author
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.kinds import PlanMessageKind
    from ip_fhir.ports.plans import NameKind, PlanVersion, StoredPlan, ViewMade
    from ip_fhir.store.damage.unreadable import Damage
    from ip_fhir.store.plans.known import KnownPlans


class SqlPlanTransaction(SqlWorklistTransaction):
    """Implements `ip_fhir.ports.plans.PlanTransaction`, beside all that `SqlWorklistTransaction` does.

    The plans that it has read or written are remembered until its end: of a plan that is saved again only what is new
    is written.
    """

    def __init__(self, connection: Connection, damage: Damage, known: KnownPlans) -> None:
        super().__init__(connection, damage)
        self._known_plans = known
        self._plans: dict[str, SharedPlan] = {}

    # --- plans

    def load_plan(self, plan_id: str) -> StoredPlan | None:
        """The plan with its newest version, or None. Raises `Unreadable` for one that cannot be read."""
        row = self._run(statements.LOAD, {"plan_id": plan_id}).first()
        if row is None:
            return None
        found = self._damage.one("plan", row, self._known_plans.stored_plan)
        self._plans[plan_id] = found.plan
        return found

    def save_plan(self, plan: SharedPlan, revision: int | None, by: Author | None = None) -> int:
        """Write it with its version, names and person; return the new revision, from 1. See the Protocol's errors."""
        new = (revision or 0) + 1
        values = codec.plan_values(plan, new)
        if revision is None:
            if self._add(statements.ADD, values) == 0:
                raise Conflict("the plan is not new")
        else:
            changed = {"of": plan.id, "based_on": revision, **values}
            if self._run(statements.CHANGE, changed).rowcount == 0:
                raise Conflict("the plan was changed by another since it was read")
        self._note_row_of(plan.id, "plan", values)
        before = self._plans.get(plan.id)
        newest = None
        if plan.plan is not None and (before is None or plan.plan is not before.plan):
            newest = self._add_version(plan, plan.plan, by)
        self._add_names(plan, before)
        self._add_given(plan, before)
        self._set_person(plan, before)
        self._plans[plan.id] = plan
        self._known_plans.wrote(plan, values["body"], newest)
        return new

    def _note_row_of(self, plan_id: str, table: str, values: Mapping[str, Any]) -> None:
        digest = digests.digest_of_row(table, values)
        self._written.note(digests.owner(PLAN, plan_id), digests.plan_name(table, values), digest)

    def _add_version(self, plan: SharedPlan, newest: IndividualPlan, by: Author | None) -> str:
        """Add a version unless it is there. Returns its text. Raises `Conflict`."""
        values = codec.version_values(plan.id, newest, plan.changed, by)
        if self._add(statements.ADD_VERSION, values) > 0:
            self._note_row_of(plan.id, "plan_version", values)
            return str(values["body"])
        last = self._run(statements.LAST_VERSION, {"of_plan": plan.id}).first()
        if last is None or (last.version, last.digest) != (values["version"], values["digest"]):
            raise Conflict("the plan has a later version, or another one with this number")
        return str(values["body"])

    def _add_names(self, plan: SharedPlan, before: SharedPlan | None) -> None:
        """Add the names that the plan has now and had not before. None is taken away: an answer may come late."""
        known = set() if before is None else set(codec.names_of(before))
        new = [name for name in dict.fromkeys(codec.names_of(plan)) if name not in known]
        if not new:
            return
        rows = [{"kind": kind, "id": id_, "plan_id": plan.id} for kind, id_ in new]
        added = self._add(statements.ADD_NAME, rows)
        for row in rows if added == len(rows) else filter(self._is_named_so, rows):
            self._note_row_of(plan.id, "plan_name", row)

    def _add_given(self, plan: SharedPlan, before: SharedPlan | None) -> None:
        """Add the ids that participants gave to what they have added since. None is taken away."""
        known = set() if before is None else set(codec.given_ids(before))
        new = [given for given in dict.fromkeys(codec.given_ids(plan)) if given not in known]
        if new:
            self._add(statements.ADD_GIVEN, [{"party": party, "id": id_, "plan_id": plan.id} for party, id_ in new])

    def _is_named_so(self, row: Mapping[str, str]) -> bool:
        """True. Raises `InvalidInput` if the name is another plan's."""
        found = self._run(statements.NAMED, {"of_kind": row["kind"], "of_id": row["id"]}).first()
        if found is None or found.plan_id != row["plan_id"]:
            raise InvalidInput.at(row["kind"], "another plan has one with this id", "duplicate")
        return True

    def _set_person(self, plan: SharedPlan, before: SharedPlan | None) -> None:
        number = codec.person_of(plan)
        if before is not None and codec.person_of(before) == number:
            return
        kept = [row.person for row in self._run(statements.PERSON, {"of_plan": plan.id}).rows]
        wanted = [] if number is None else [number]
        if kept == wanted:
            return
        if kept:
            self._run(statements.DROP_PERSON, {"of_plan": plan.id})
        if number is not None:
            self.add_person(Aggregate.of_plan(plan.id), number)

    def plan_version(self, plan_id: str, version: int) -> PlanVersion | None:
        """One version of the plan, or None."""
        row = self._run(statements.VERSION, {"of_plan": plan_id, "of_version": version}).first()
        return None if row is None else self._damage.one("plan_version", row, codec.plan_version)

    # --- views and names

    def add_views(self, plan_id: str, views: Sequence[ViewMade]) -> None:
        """Keep which views were made. Raises `Conflict` if one with such a number is there."""
        if not views:
            return
        rows = [codec.view_values(plan_id, view) for view in views]
        if self._add(statements.ADD_VIEW, rows) < len(rows):
            raise Conflict("a view with this number has been made before")
        for row in rows:
            self._note_row_of(plan_id, "plan_view", row)

    def view_made(self, share_id: str, number: int) -> ViewMade | None:
        """The view of this number, or None."""
        row = self._run(statements.VIEW, {"of_share": share_id, "of_number": number}).first()
        return None if row is None else self._damage.one("plan_view", row, codec.view_made)

    def plan_named(self, kind: NameKind, id: str) -> str | None:
        """The id of the plan that has something of this kind with this id, or None."""
        row = self._run(statements.NAMED, {"of_kind": kind, "of_id": id}).first()
        return None if row is None else self._damage.one("plan_name", row, codec.plan_named)

    def plans_given(self, party: str, id: str, limit: int) -> list[str]:
        """Ids of the plans to which a party has added something with this id, in their order."""
        rows = self._run(statements.GIVEN, {"of_party": party, "of_id": id, "at_most": limit}).rows
        return [str(row.plan_id) for row in rows]

    def plans_about(self, number: str, limit: int) -> list[str]:
        """Ids of plans about the person with this number: those that are not over first, latest changed first."""
        rows = self._run(statements.ABOUT, {"person": number, "at_most": limit}).rows
        return [str(row.id) for row in rows]

    # --- outbox

    def supersede_rows(
        self,
        aggregate: Aggregate,
        about: str,
        kinds: Collection[PlanMessageKind],
        reason: str,
        keep: Sequence[str] = (),
    ) -> list[str]:
        """Close the unsent rows about a share with messages of some kinds, but for `keep`; return their ids."""
        of = {"of_kind": aggregate.kind, "of_id": aggregate.id, "of_about": about}
        found = self._run(statements.SUPERSEDABLE, of).rows
        wanted = {kind.value for kind in kinds}
        idents = [row.id for row in found if row.plan_message in wanted and row.id not in keep]
        return [ident for ident in idents if self._supersede(ident, reason)]

    def supersede_row(self, row_id: str, reason: str) -> None:
        """Close one row as `superseded`. A row that was sent stays sent. Raises `InvalidInput` (not-found)."""
        if not self._supersede(row_id, reason):
            self._known(row_id)

    def _supersede(self, row_id: str, reason: str) -> bool:
        closed = self._run(statements.SUPERSEDE, {"row_id": row_id, "reason": reason}).rowcount > 0
        if closed:
            self._note_status(row_id, "superseded", reason)
        return closed
