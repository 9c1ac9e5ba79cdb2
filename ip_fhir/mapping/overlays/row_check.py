"""Whether a row of a table makes sense: its field is there, its path can be read, its type fits, words have codes."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.values.ids import PersonId
from ip_fhir.domain.values.value import Value
from ip_fhir.errors import MappingError
from ip_fhir.mapping.dialects.fhir.dates import DAYS, MOMENTS
from ip_fhir.mapping.dialects.fhir.leaves import leaves
from ip_fhir.mapping.lenses.building import fixed_parts
from ip_fhir.mapping.tables.domain_fields import domain_types, field_at, is_tuple, plain_types
from ip_fhir.mapping.tables.loading import row_of, systems_of
from ip_fhir.mapping.tables.model import CODED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.tables.model import Row, Source, Systems

# Which leaf types can hold what a field is; the first that the field is a kind of counts.
_FITS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (StrEnum, CODED),
    (Value, ("table",)),
    (PersonId, ("person-id",)),
    (datetime, MOMENTS),
    (date, DAYS),
    (bool, ("boolean", "present")),
    (int, ("positiveInt",)),
    (str, ("string", "words", "concept-text", "reference", "representative", "practitioner", "whole")),
)


def row_problems(domain: str, data: dict[str, Any], old: dict[str, Any], source: Source) -> Iterator[str]:
    """What is wrong with a row as it stands in a file; `old` is the row that it takes the place of, or empty."""
    try:
        row = row_of(data)
    except MappingError as error:
        yield from error.problems
        return
    systems = systems_of(source.systems)
    yield from _names(row, source, systems)
    found = field_at(domain, row.domain)
    if found is None:
        if not old:
            fields = ", ".join(sorted(domain_types()[domain].model_fields))
            yield f"{domain} has no field {'.'.join(row.domain)}; it has {fields}"
        return
    if row.kind != _old_kind(old):
        yield from _misfit(row, found.annotation)
    if row.is_list != is_tuple(found.annotation):
        yield f"path {row.fhir!r} {'has [*], and' if row.is_list else 'needs [*]:'} the field is {_listed(row.is_list)}"


def _old_kind(old: dict[str, Any]) -> str:
    return row_of(old).kind if old else ""


def _listed(path_is_list: bool) -> str:
    return "one value" if path_is_list else "a list"


def _misfit(row: Row, annotation: Any) -> Iterator[str]:
    kinds = next((kinds for type_, kinds in _FITS if any(issubclass(t, type_) for t in plain_types(annotation))), ())
    if kinds and row.kind not in kinds:
        yield f"a row of this field has the type {' or '.join(kinds)}, not {row.kind}"


def _names(row: Row, source: Source, systems: Systems) -> Iterator[str]:
    """Names in the row that stand for nothing."""
    if row.kind in CODED and row.of not in source.codes:
        yield f"there is no code table {row.of!r}"
    elif row.kind == "table" and row.of not in source.tables:
        yield f"there is no table {row.of!r}"
    elif row.kind not in (*CODED, "table", *leaves(systems)):
        yield f"there is no type {row.kind!r}; there are {', '.join(sorted((*CODED, *leaves(systems))))}"
    for segment in row.path:
        try:
            fixed_parts(segment, systems)
        except MappingError as error:
            yield f"path {row.fhir!r}: {error}"
