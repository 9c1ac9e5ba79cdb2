"""The one search of FHIR resources: of every type, by tokens and by the parties that may find them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput
from ip_fhir.ports.resources import TimePlace, alternatives
from ip_fhir.store import codec
from ip_fhir.store.prepared import execute
from ip_fhir.store.resources import statements
from ip_fhir.store.tokens import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Executable

    from ip_fhir.ports import PartyNames, SearchPlace
    from ip_fhir.ports.resources import Bounds, SearchOrder

_STATEMENTS = 256  # different searches whose statements are kept, ready to be run

_search = lru_cache(_STATEMENTS)(statements.search)
_count = lru_cache(_STATEMENTS)(statements.count)


def query(
    type_: str,
    criteria: Mapping[str, str],
    parties: PartyNames | None,
    after: SearchPlace | TimePlace | None,
    bounds: Bounds,
    order: SearchOrder,
) -> tuple[Executable, dict[str, Any]]:
    """Returns the statement of `ip_fhir.ports.ResourceStore.search_resources`, and its values but for `at_most`."""
    values = _values(type_, criteria, parties) | _bounds(bounds)
    if isinstance(after, TimePlace):
        values |= {"after_time": codec.micros(after.updated), "after_id": after.id}
    elif after is not None:
        values |= dict(zip(("after_kind", "after_aggregate", "after_id"), after, strict=True))
    number = None if parties is None else len(parties.names)
    by = _by(criteria, bounds)
    return _search(_names(criteria), parties=number, after=after is not None, order=order, **by), values


def count(
    connection: Connection,
    type_: str,
    criteria: Mapping[str, str],
    parties: PartyNames,
    at_most: int,
    bounds: Bounds,
) -> int:
    """See `ip_fhir.ports.ResourceStore.count_resources`."""
    if not parties.names:
        return 0
    values = {**_values(type_, criteria, parties), **_bounds(bounds), "at_most": at_most}
    statement = _count(_names(criteria), parties=len(parties.names), **_by(criteria, bounds))
    return int(execute(connection, statement, values).scalar())


def versions(type_: str, id_: str, limit: int, before: int | None) -> tuple[Executable, dict[str, Any]]:
    """Returns the statement of `ip_fhir.ports.ResourceStore.resource_versions`, and its values."""
    values = {"of_type": type_, "of_id": id_, "at_most": limit}
    return (statements.VERSIONS, values) if before is None else (statements.EARLIER, {**values, "before": before})


def without_parties(connection: Connection, basis: str, limit: int) -> list[str]:
    """See `ip_fhir.ports.ResourceStore.without_parties`."""
    rows = execute(connection, statements.WITHOUT_PARTIES, {"basis": basis, "at_most": max(limit, 0)}).rows
    return list(dict.fromkeys(row.aggregate_id for row in rows))


def _names(criteria: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    return tuple((name, len(alternatives(criteria[name]))) for name in sorted(criteria) if name in NAMES)


def _by(criteria: Mapping[str, str], bounds: Bounds) -> dict[str, Any]:
    return {
        "by_id": len(alternatives(criteria["_id"])) if "_id" in criteria else 0,
        "by_referral": "correlation" in criteria,
        "by": tuple(_bounds(bounds)),
    }


def _bounds(bounds: Bounds) -> dict[str, Any]:
    given = {
        "of_person": bounds.person,
        "updated_from": None if bounds.begin is None else codec.micros(bounds.begin),
        "updated_before": None if bounds.end is None else codec.micros(bounds.end),
    }
    return {name: value for name, value in given.items() if value is not None}


def _values(type_: str, criteria: Mapping[str, str], parties: PartyNames | None) -> dict[str, Any]:
    if unknown := set(criteria) - {*NAMES, "_id", "correlation"}:
        problem = f"{len(unknown)} parameters are not among _id, correlation, {', '.join(NAMES)}"
        raise InvalidInput.at("search", problem, "not-supported")
    values = {"of_type": type_}
    for number, (name, _) in enumerate(_names(criteria)):
        values |= _numbered(f"value_{number}", criteria[name])
    values |= _numbered("of_id", criteria["_id"]) if "_id" in criteria else {}
    values |= {"of_referral": criteria["correlation"]} if "correlation" in criteria else {}
    if parties is not None:
        values |= {f"party_{number}": name for number, name in enumerate(sorted(parties.names))}
        values["basis"] = parties.basis
    return values


def _numbered(parameter: str, value: str) -> dict[str, str]:
    return {f"{parameter}_{index}": one for index, one in enumerate(alternatives(value))}
