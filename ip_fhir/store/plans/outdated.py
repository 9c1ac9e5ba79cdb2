"""The purge of what is outdated in plans that go on: versions, views and messages that no share can come back to.

And worklist items that were done as long ago.

Kept are the newest version; each version from the oldest on that the last view of a share that goes on, or the base of
an undecided change, was made from; the last view of each share, and the last message with it. A share that has ended
keeps no version: begun again, its next view is made of the newest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, exists, or_, select

from ip_fhir.domain.effects import Effect
from ip_fhir.domain.sharing.case import SharedPlan
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.domain.values.aggregate import PLAN
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import IpFhirError
from ip_fhir.store.codec import micros, parse
from ip_fhir.store.integrity.digests import plan_name
from ip_fhir.store.prepared import execute
from ip_fhir.store.schema import outbox, plan, plan_version, plan_view, worklist
from ip_fhir.store.statements import one_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Delete

    from ip_fhir.store.engine import Database

_ENDED: Final = ("sent", "refused", "superseded")
_UNDECIDED: Final = (ChangeStatus.SENT, ChangeStatus.PROPOSED, ChangeStatus.CONFLICT)

_old_versions = (plan_version.c.plan_id == plan.c.id, plan_version.c.saved < bindparam("before"))
_old_views = (plan_view.c.plan_id == plan.c.id, plan_view.c.day < bindparam("day"))
_old_rows = (
    outbox.c.aggregate_kind == PLAN,
    outbox.c.aggregate_id == plan.c.id,
    outbox.c.due < bindparam("before"),
    one_of(outbox.c.status, _ENDED),
)

_old_items = (
    worklist.c.aggregate_kind == PLAN,
    worklist.c.aggregate_id == plan.c.id,
    worklist.c.closed == 1,
    worklist.c.done < bindparam("before"),
)

CANDIDATES: Final = (
    select(plan.c.id)
    .where(plan.c.id > bindparam("after"))
    .where(or_(*(exists().where(*old) for old in (_old_versions, _old_views, _old_rows, _old_items))))
    .order_by(plan.c.id)
    .limit(bindparam("at_most"))
)
"""Plans with a version, view, message or item that is old."""

_one = plan.c.id == bindparam("plan_id")

BODY: Final = select(plan.c.id, plan.c.version, plan.c.body).where(_one).with_for_update()
"""One plan without its content."""

VERSIONS: Final = select(plan_version.c.plan_id, plan_version.c.version).where(_one, *_old_versions)
"""A plan's old versions."""

VIEWS: Final = select(plan_view.c.share, plan_view.c.number, plan_view.c.version, plan_view.c.day).where(
    plan_view.c.plan_id == bindparam("plan_id")
)
"""A plan's views."""

ROWS: Final = select(outbox.c.id, outbox.c.effect).where(_one, *_old_rows)
"""A plan's old messages that are under way no more."""

ITEMS: Final = select(worklist.c.id).where(_one, *_old_items)
"""A plan's items that were done long ago."""

DROP_VERSION: Final = delete(plan_version).where(
    plan_version.c.plan_id == bindparam("of_plan"), plan_version.c.version == bindparam("of_version")
)
"""Deletes one version."""

DROP_VIEW: Final = delete(plan_view).where(
    plan_view.c.share == bindparam("of_share"), plan_view.c.number == bindparam("of_number")
)
"""Deletes one view."""

DROP_ROW: Final = delete(outbox).where(outbox.c.id == bindparam("row_id"))
"""Deletes one message."""

DROP_ITEM: Final = delete(worklist).where(worklist.c.id == bindparam("item_id"))
"""Deletes one item."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """The parts of a plan that nobody comes back to: versions, views (share and number), ids of messages and items."""

    plan_id: str
    versions: tuple[int, ...] = ()
    views: tuple[tuple[str, int], ...] = ()
    messages: tuple[str, ...] = ()
    items: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """Returns their names in the chain of evidence."""
        return [
            *(plan_name("plan_version", {"plan_id": self.plan_id, "version": version}) for version in self.versions),
            *(plan_name("plan_view", {"share": share, "number": number}) for share, number in self.views),
            *(f"outbox/{ident}" for ident in self.messages),
            *(f"item/{ident}" for ident in self.items),
        ]


def candidates(database: Database, before: datetime, after: str, limit: int) -> list[str]:
    """Returns ids of plans with something from before that time (UTC), in their order, those after an id."""
    values = {"before": micros(before), "day": local_day(before).isoformat(), "after": after, "at_most": limit}
    with database.reading() as connection:
        return [str(row.id) for row in execute(connection, CANDIDATES, values).rows]


def purge(connection: Connection, plan_id: str, before: datetime) -> Outdated:
    """Takes out what is from before that time (UTC) and outdated. A plan that cannot be read is left as it is."""
    row = execute(connection, BODY, {"plan_id": plan_id}).first()
    try:
        gone = Outdated(plan_id) if row is None else _outdated(connection, row, before)
    except (IpFhirError, TypeError):  # the latter: a column holds what no such column does
        return Outdated(plan_id)
    drops: tuple[tuple[Delete, list[dict[str, Any]]], ...] = (
        (DROP_VERSION, [{"of_plan": plan_id, "of_version": version} for version in gone.versions]),
        (DROP_VIEW, [{"of_share": share, "of_number": number} for share, number in gone.views]),
        (DROP_ROW, [{"row_id": ident} for ident in gone.messages]),
        (DROP_ITEM, [{"item_id": ident} for ident in gone.items]),
    )
    for statement, values in drops:
        if values:
            execute(connection, statement, values)
    return gone


def _outdated(connection: Connection, row: Any, before: datetime) -> Outdated:
    """Returns what is outdated of a plan, from its row. Raises `StoreError` or `TypeError` if it cannot be read."""
    of: dict[str, Any] = {"plan_id": row.id}
    old, day = {**of, "before": micros(before)}, local_day(before).isoformat()
    views = execute(connection, VIEWS, of).rows
    kept = _Kept(parse(SharedPlan, row.body), row.version, views)
    versions = execute(connection, VERSIONS, old).rows
    messages = execute(connection, ROWS, old).rows
    return Outdated(
        row.id,
        tuple(one.version for one in versions if one.version < kept.first_version),
        tuple((one.share, one.number) for one in views if one.day < day and not kept.has_view(one)),
        tuple(one.id for one in messages if not kept.has_message(parse(Effect, one.effect))),
        tuple(one.id for one in execute(connection, ITEMS, old).rows),
    )


class _Kept:
    """The parts of one plan that a share, or a change that waits, may come back to; `newest` is its newest version."""

    def __init__(self, found: SharedPlan, newest: int | None, views: Iterable[Any]) -> None:
        self._numbers = {share.id: share.number for share in found.shares}
        self._numbers |= {copy.share: copy.number for copy in found.copies}
        waiting = {(kept.change.share, kept.change.base) for kept in found.changes if kept.status in _UNDECIDED}
        self._bases = waiting
        in_use = [share.version for share in found.shares if share.goes_on and share.version is not None]
        in_use += [view.version for view in views if (view.share, view.number) in waiting]
        in_use += [] if newest is None else [newest]
        self.first_version: float = min(in_use, default=float("inf"))

    def has_view(self, view: Any) -> bool:
        """True for the last view of a share, and for the base of a change that waits."""
        return view.number >= self._numbers.get(view.share, 0) or (view.share, view.number) in self._bases

    def has_message(self, effect: Effect) -> bool:
        """True for the last message of a share, which may be sent again."""
        last = self._numbers.get(effect.about or "")
        return last is not None and effect.number is not None and effect.number >= last
