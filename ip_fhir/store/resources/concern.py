"""The parties that an aggregate concerns, and the person whom it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.store.resources import statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Executable

    from ip_fhir.domain.values.aggregate import Aggregate
    from ip_fhir.ports import PartyNames
    from ip_fhir.store.engine import Values
    from ip_fhir.store.prepared import Result

    Run = Callable[[Executable, Values], Result]


def set_parties(run: Run, aggregate: Aggregate, parties: PartyNames) -> None:
    """See `ip_fhir.ports.Transaction.set_parties`."""
    of = {"of_kind": aggregate.kind, "of_id": aggregate.id}
    wanted = {(parties.basis, name) for name in parties.names or {""}}
    kept = {(row.basis, row.party) for row in run(statements.PARTIES, of).rows}
    if kept == wanted:
        return
    if kept:
        run(statements.DROP_PARTIES, of)
    row = {"aggregate_kind": aggregate.kind, "aggregate_id": aggregate.id}
    rows = [{"basis": basis, "party": name, **row} for basis, name in sorted(wanted)]
    run(statements.ADD_PARTIES, rows)


def add_person(run: Run, aggregate: Aggregate, number: str) -> None:
    """See `ip_fhir.ports.capabilities.PersonTransaction`."""
    row = {"person": number, "aggregate_kind": aggregate.kind, "aggregate_id": aggregate.id}
    run(statements.ADD_PERSON, [row])


def others_about(run: Run, aggregate: Aggregate, number: str, limit: int) -> list[str]:
    """See `ip_fhir.ports.capabilities.PersonTransaction`."""
    rows = run(statements.OTHERS_ABOUT, {"person": number, "of_id": aggregate.id, "at_most": limit}).rows
    return [row.correlation_id for row in rows]
