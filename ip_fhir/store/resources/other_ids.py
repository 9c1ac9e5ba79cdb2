"""The ids that other systems use for our messages and loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, select

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.ports.other_ids import KnownId, OtherId
from ip_fhir.store.schema import other_id
from ip_fhir.store.statements import insert_unless

if TYPE_CHECKING:
    from ip_fhir.ports.other_ids import KindOfId
    from ip_fhir.store.resources.concern import Run

_is_it = and_(
    other_id.c.party == bindparam("party"),
    other_id.c.kind == bindparam("kind"),
    other_id.c.value == bindparam("value"),
)

KEEP: Final = insert_unless(other_id, _is_it)
"""Adds an id; adds nothing when it is there."""

KNOWN: Final = select(other_id).where(
    other_id.c.party == bindparam("of_party"),
    other_id.c.kind == bindparam("of_kind"),
    other_id.c.value == bindparam("of_value"),
)
"""The id of a party."""


OF_AGGREGATE: Final = (
    select(other_id.c.value)
    .where(
        other_id.c.party == bindparam("of_party"),
        other_id.c.kind == bindparam("of_kind"),
        other_id.c.aggregate_kind == bindparam("aggregate_kind"),
        other_id.c.aggregate_id == bindparam("aggregate_id"),
    )
    .order_by(other_id.c.value)
)
"""The ids of a party for an aggregate."""


def known_id(run: Run, party: str, other: OtherId) -> KnownId | None:
    """See `ip_fhir.ports.other_ids.OtherIdTransaction`."""
    row = run(KNOWN, {"of_party": party, "of_kind": other.kind, "of_value": other.value}).first()
    return None if row is None else KnownId(row.stands_for, Aggregate(kind=row.aggregate_kind, id=row.aggregate_id))


def ids_of(run: Run, party: str, kind: KindOfId, aggregate: Aggregate) -> tuple[OtherId, ...]:
    """See `ip_fhir.ports.other_ids.OtherIdTransaction`."""
    about = {"aggregate_kind": aggregate.kind, "aggregate_id": aggregate.id}
    found = run(OF_AGGREGATE, {"of_party": party, "of_kind": kind, **about})
    return tuple(OtherId(kind, row.value) for row in found.rows)


def keep_values(party: str, other: OtherId, known: KnownId) -> dict[str, str]:
    """Return the row of an id, for `KEEP`."""
    about = {"aggregate_kind": known.aggregate.kind, "aggregate_id": known.aggregate.id}
    return {"party": party, "kind": other.kind, "value": other.value, "stands_for": known.stands_for, **about}
