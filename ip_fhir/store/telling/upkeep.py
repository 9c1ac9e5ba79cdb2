"""Retention of what our own people were told: rows that are done with go when they are old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.values.aggregate import RECIPIENT
from ip_fhir.store.codec import micros
from ip_fhir.store.integrity.digests import dump_wrote, owner
from ip_fhir.store.integrity.links import add_links
from ip_fhir.store.prepared import execute
from ip_fhir.store.telling import statements

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

_AT_ONCE: Final = 500


def purge_some(connection: Connection, before: datetime) -> int:
    """Takes out some rows that were due before that time (UTC), sent or refused. Returns their number, 0 for no more.

    From then on nobody can have them repeated.
    """
    rows = execute(connection, statements.OLD, {"before": micros(before), "at_most": _AT_ONCE}).rows
    if not rows:
        return 0
    things: dict[str, dict[str, None]] = {}
    for row in rows:
        things.setdefault(owner(RECIPIENT, row.aggregate_id), {})[f"outbox/{row.id}"] = None
    of: dict[str, Any] = {"idents": [row.id for row in rows]}
    for statement in (statements.FORGET_NUMBERS, statements.FORGET_ROWS):
        execute(connection, statement, of)
    add_links(connection, (), dump_wrote(things=things))
    return len(rows)
