"""`WorklistTransaction` on a database connection: items are opened, and marked as done, once."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.loop.worklist import IN_ITS_PLACE, WorklistItem
from ip_fhir.store import codec, worklist_statements
from ip_fhir.store.integrity import digests
from ip_fhir.store.transaction import SqlTransaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Executable

    from ip_fhir.domain.referral import Author
    from ip_fhir.domain.values.aggregate import Aggregate


class SqlWorklistTransaction(SqlTransaction):
    """Implements `ip_fhir.ports.capabilities.WorklistTransaction`, beside all that `SqlTransaction` does."""

    def open_items(self, items: Sequence[WorklistItem]) -> None:
        """Add items, each in the place of an open one of its aggregate, reason and `about`; known ids are left."""
        for item in items:
            if self._open(worklist_statements.OPEN_FIRST[item.about is None], item):
                continue
            of = {"of_kind": item.aggregate.kind, "of_id": item.aggregate.id, "of_reason": item.reason.value}
            of |= {} if item.about is None else {"of_about": item.about}
            there = self._run(worklist_statements.STANDING[item.about is None], {"item_id": item.id, **of}).rows
            if all(row.id != item.id for row in there):
                self._open_in_place_of(there, item)

    def _open_in_place_of(self, there: Sequence[Any], item: WorklistItem) -> None:
        earlier, _ = self._damage.sort("worklist", there, codec.item)
        for row in there:
            self.finish_item(row.id, item.opened, None, IN_ITS_PLACE)
        self._open(worklist_statements.OPEN_ITEM, reduce(WorklistItem.in_place_of, earlier, item))

    def _open(self, statement: Executable, item: WorklistItem) -> bool:
        """Add the item by one of two statements. False if it added nothing."""
        values = codec.item_values(item)
        added = self._run(statement, values).rowcount > 0
        if added:
            of = digests.owner(item.aggregate.kind, item.aggregate.id)
            self._written.note(of, f"item/{item.id}", digests.digest_of_row("worklist", values))
        return added

    def item(self, item_id: str) -> WorklistItem | None:
        """The item in its present state, or None."""
        row = self._run(worklist_statements.ITEM, {"item_id": item_id}).first()
        return None if row is None else self._damage.one("worklist", row, codec.item)

    def finish_item(self, item_id: str, now: datetime, by: Author | None, note: str | None) -> bool:
        """Mark an open item as done. False when it is not open."""
        outcome = codec.item_outcome(now, by, note)
        done = self._run(worklist_statements.FINISH_ITEM, {"item_id": item_id, **outcome}).rowcount > 0
        if done:
            self._note_outcome(item_id, outcome)
        return done

    def finish_items(
        self,
        aggregate: Aggregate,
        reasons: Sequence[str],
        now: datetime,
        by: Author | None,
        note: str | None,
        about: str | None = None,
    ) -> None:
        """Mark the open items of an aggregate that have one of these reasons as done; with `about` only those."""
        outcome = codec.item_outcome(now, by, note)
        of = {"of_kind": aggregate.kind, "of_id": aggregate.id, **outcome}
        of |= {} if about is None else {"of_about": about}
        for reason in reasons:
            statement = worklist_statements.FINISH_REASON[about is None]
            for row in self._run(statement, {**of, "of_reason": str(reason)}).rows:
                self._note_outcome(row.id, outcome)

    def _note_outcome(self, item_id: str, outcome: Mapping[str, Any]) -> None:
        columns = {"closed": 1, **{name.removeprefix("new_"): value for name, value in outcome.items()}}
        self._note_part("outcome", item_id, columns)
