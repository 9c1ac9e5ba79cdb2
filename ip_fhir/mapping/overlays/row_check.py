"""Checks of one row of a table: its field is there, its path can be read, its type fits, words have codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.values.value import Value
from ip_fhir.errors import MappingError
from ip_fhir.mapping.dialects import DIALECTS
from ip_fhir.mapping.lenses.building import fixed_parts
from ip_fhir.mapping.tables.domain_fields import domain_types, field_at, is_tuple, plain_types
from ip_fhir.mapping.tables.loading import row_of, systems_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.lenses.dialect import Dialect
    from ip_fhir.mapping.tables.model import Row, Source, Systems


def row_problems(table: dict[str, Any], data: dict[str, Any], old: dict[str, Any], source: Source) -> Iterator[str]:
    """The problems of a row of a table, as written in a file; `old` is the row that it replaces, or empty."""
    domain, dialect = table["domain"], DIALECTS[table.get("dialect", "fhir")]
    try:
        row = row_of(data, dialect.name)
    except MappingError as error:
        yield from error.problems
        return
    systems = systems_of(source.systems)
    yield from _names(row, source, systems, dialect)
    found = field_at(domain, row.domain)
    if found is None:
        if not old:
            fields = ", ".join(sorted(domain_types()[domain].model_fields))
            yield f"{domain} has no field {'.'.join(row.domain)}; it has {fields}"
        return
    if row.kind != _old_kind(old, dialect):
        yield from _misfit(row, found.annotation, dialect)
    if row.is_list != is_tuple(found.annotation):
        listed = "has [*], and" if row.is_list else "needs [*]:"
        yield f"path {row.place!r} {listed} the field is {_listed(row.is_list)}"


def _old_kind(old: dict[str, Any], dialect: Dialect) -> str:
    return row_of(old, dialect.name).kind if old else ""


def _listed(path_is_list: bool) -> str:
    return "one value" if path_is_list else "a list"


def _misfit(row: Row, annotation: Any, dialect: Dialect) -> Iterator[str]:
    kinds = next(filter(None, (_kinds_for(type_, dialect) for type_ in plain_types(annotation))), ())
    if kinds and row.kind not in kinds:
        yield f"a row of this field has the type {' or '.join(kinds)}, not {row.kind}"


def _kinds_for(type_: type, dialect: Dialect) -> tuple[str, ...]:
    """The leaf kinds that can hold a type: those for the nearest of the classes that it is one of."""
    if issubclass(type_, Value):
        return ("table", *(kind.name for kind in dialect.kinds.values() if kind.holds is dict))
    by_class = (tuple(kind.name for kind in dialect.kinds.values() if kind.holds is known) for known in type_.__mro__)
    return next(filter(None, by_class), ())


def _names(row: Row, source: Source, systems: Systems, dialect: Dialect) -> Iterator[str]:
    """Names in the row that are not defined."""
    known = {name for name, kind in dialect.kinds.items() if kind.coded == row.coded}
    if row.is_table:
        if row.of not in source.tables:
            yield f"there is no table {row.of!r}"
    elif row.kind not in known:
        yield f"there is no type {row.kind!r}; there are {', '.join(sorted(dialect.kinds))}"
    elif row.coded and row.of not in source.codes:
        yield f"there is no code table {row.of!r}"
    for segment in row.path:
        try:
            fixed_parts(segment, dialect, systems)
        except MappingError as error:
            yield f"path {row.place!r}: {error}"
