"""The work on rows that cannot be read: writing them down, listing them, looking for them, taking them up again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.referral import Referral
from ip_fhir.errors import InvalidInput, Problem, Unreadable
from ip_fhir.ports.capabilities import UnreadableRow
from ip_fhir.store import codec
from ip_fhir.store.damage import statements
from ip_fhir.store.engine import Taken
from ip_fhir.store.plans import codec as plan_codec
from ip_fhir.store.plans.known import KnownPlans
from ip_fhir.store.prepared import execute
from ip_fhir.store.subscriptions import codec as subscription_codec

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Executable

    from ip_fhir.store.damage.unreadable import Damage, Met
    from ip_fhir.store.engine import Database

_AT_ONCE: Final = 1000
_MESSAGE: Final = 64_000  # characters: a trial needs the room of a message, since less may fit where that does not
_MAKERS: Final[dict[str, Callable[[Any], object]]] = {
    "referral": lambda row: codec.parse(Referral, row.body),
    "outbox": codec.outbox_row,
    "resource": codec.resource_version,
    "worklist": codec.item,
    "evidence": codec.evidence_record,
    "refusal": codec.refusal,
    "inbox": codec.seen,
    "plan": lambda row: KnownPlans().stored_plan(row),
    "plan_version": plan_codec.plan_version,
    "plan_view": plan_codec.view_made,
    "plan_name": plan_codec.plan_named,
    "subscription": subscription_codec.kept,
}


def set_aside(database: Database, damage: Damage, now: datetime) -> None:
    """Writes down the rows that were met, each in a transaction of its own. Raises `StoreError`; the rest is kept."""
    for met in damage.met():
        values = _values(met, now)
        with database.writing() as connection:
            again = {"of_kind": met.kind, "of_key": met.key, "now": values["last"], "why": met.reason}
            if execute(connection, statements.MET_AGAIN, again).rowcount == 0:
                execute(connection, statements.ADD, values)
        damage.written(met)


def _values(met: Met, now: datetime) -> dict[str, Any]:
    of = met.aggregate
    return {
        "kind": met.kind,
        "key": met.key,
        "reason": met.reason,
        "aggregate_kind": None if of is None else of.kind,
        "aggregate_id": None if of is None else of.id,
        "first": codec.micros(now),
        "last": codec.micros(now),
        "times": 1,
    }


def listed(database: Database, damage: Damage, limit: int) -> list[UnreadableRow]:
    """Returns the rows that are set aside, then those that this process has met since."""
    found = _read(database, statements.LIST, limit)
    known = {(row.kind, row.key) for row in found}
    new = (met for met in damage.met() if (met.kind, met.key) not in known)
    found += [UnreadableRow(met.kind, met.key, met.reason, met.at, met.at, 1, met.aggregate) for met in new]
    return found[:limit]


def untold(database: Database, limit: int) -> list[UnreadableRow]:
    """Returns the rows that are set aside and of which nobody has been told."""
    return _read(database, statements.UNTOLD, limit)


def _read(database: Database, statement: Executable, limit: int) -> list[UnreadableRow]:
    with database.reading() as connection:
        rows = execute(connection, statement, {"at_most": limit}).rows
    return [codec.unreadable_row(row) for row in rows]


def count(connection: Connection) -> int:
    """Returns the number of rows that are set aside."""
    return int(execute(connection, statements.COUNT, {}).scalar())


def look_through(database: Database, damage: Damage) -> tuple[Problem, ...]:
    """Reads every row of every table. Returns a problem for each that cannot be read, and remembers it."""
    found: list[Problem] = []
    with database.reading() as connection:
        for kind, statement in statements.EVERY.items():
            for row in connection.execution_options(yield_per=_AT_ONCE).execute(statement):
                try:
                    damage.one(kind, row, _MAKERS[kind])
                except Unreadable as error:
                    found.append(Problem(f"{error.kind}.{error.key}", error.reason, "invariant"))
    return tuple(found)


def take_up(database: Database, damage: Damage, kind: str, key: str) -> None:
    """Takes a row up again, if it can be read now or is gone. Raises `Unreadable`, or `InvalidInput` (not-found)."""
    of = {"of_kind": kind, "of_key": key}
    with database.writing() as connection:
        row = execute(connection, statements.ONE[kind], {"of_key": key}).first() if kind in _MAKERS else None
        if row is not None:
            damage.one(kind, row, _MAKERS[kind])
        if execute(connection, statements.RELEASE, of).rowcount == 0:
            raise InvalidInput.at("row", "it is not set aside", "not-found")
        if kind == "outbox":
            execute(connection, statements.END_LEASE, {"of_key": key})
    damage.released(kind, key)


def try_write(database: Database, now: datetime) -> None:
    """Writes the size of a message into a row that nobody reads, and commits. Raises `StoreError` if it cannot."""
    words = f"{now.isoformat()} {time.monotonic()} "  # all of it changes, or SQLite writes only what does
    at = {"at": words * (_MESSAGE // len(words))}
    try:
        with database.writing() as connection:
            if execute(connection, statements.TRIED, at).rowcount == 0:
                execute(connection, statements.TRY_FIRST, at)
    except Taken:  # another process tried for the first time at this moment, so it could be written
        return
