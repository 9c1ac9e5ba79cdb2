"""Builds the lenses of tables, once when they are loaded: a row becomes a field's lens, its path nested lenses."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import MappingError
from ip_fhir.mapping.lenses.converters import ROW_LENSES
from ip_fhir.mapping.lenses.lists import Current, Each, One, Ranked
from ip_fhir.mapping.lenses.nodes import Constant, Matching, Strict
from ip_fhir.mapping.lenses.table import TableLens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ip_fhir.mapping.lenses.dialect import Dialect
    from ip_fhir.mapping.lenses.nodes import Node
    from ip_fhir.mapping.lenses.row import RowLens
    from ip_fhir.mapping.tables.model import Const, Row, Systems, Table, Tables
    from ip_fhir.mapping.tables.paths import Segment


def build_lenses(tables: Tables, dialects: Mapping[str, Dialect]) -> dict[str, TableLens]:
    """Compile every table; tables may name each other. Raises `MappingError` naming table, row and reason."""
    built = {name: _without_rows(table, tables.systems, dialects) for name, table in tables.fields.items()}
    for name, table in tables.fields.items():
        builder = Builder(tables, built[name].dialect, built)
        for row in table.rows:
            with _told_as(f"{name}, row {row.field}"):
                built[name].fields.append(builder.row(row))
        fields = {lens.row.field: lens for lens in built[name].fields}
        for lens in built[name].fields:
            with _told_as(f"{name}, row {lens.row.field}"):
                _connect(lens, fields)
        for const in table.consts:
            with _told_as(f"{name}, const {const.place}"):
                built[name].consts.append((const, builder.const(const)))
    return built


def _without_rows(table: Table, systems: Systems, dialects: Mapping[str, Dialect]) -> TableLens:
    dialect = dialects.get(table.dialect)
    if dialect is None:
        known = ", ".join(sorted(dialects))
        raise MappingError(f"table {table.name}: there is no dialect {table.dialect!r}; there are {known}")
    return TableLens(table, dialect, dialect.guard(table, systems))


def _connect(lens: RowLens, fields: dict[str, RowLens]) -> None:
    """Give a row whose converter names another field that field's lens."""
    if lens.depends:
        name = lens.row.converter.field
        if name not in fields:
            raise MappingError(f"the converter's field {name!r} has no row in the table")
        lens.other = fields[name]  # type: ignore[attr-defined]  # a row that depends has it


@contextmanager
def _told_as(where: str) -> Iterator[None]:
    """Raise a `MappingError` of the block again, with the table and row in front."""
    try:
        yield
    except MappingError as error:
        raise MappingError(f"{where}: {error}") from None


class Builder:
    """Makes the lenses of one dialect. `built` has the lens of each table by name."""

    def __init__(self, tables: Tables, dialect: Dialect, built: Mapping[str, TableLens]) -> None:
        self.tables, self.dialect, self.built = tables, dialect, built
        self.systems = tables.systems
        self._leaves = {name: kind.lens(self.systems) for name, kind in dialect.kinds.items() if not kind.coded}

    def row(self, row: Row) -> RowLens:
        """The lens of a row. Raises `MappingError` with the reason."""
        written = [row] if row.converter.second is None else [row, row.converter.second]
        places = [replace(place, path=self.dialect.path(place.path)) for place in written]
        nodes = [self.path(place.path, self.leaf(place), place) for place in places]
        return ROW_LENSES[row.converter.name](places[0], *nodes)

    def const(self, const: Const) -> Node:
        """The lens of a fixed part."""
        path = self.dialect.path(const.path)
        if const.owner:
            return self.path(path, self._leaves[self.dialect.owner_kind])
        return self.path(path, Constant(based(const.value, self.systems)))

    def leaf(self, row: Row) -> Node:
        """The lens at the end of the row's path. Raises `MappingError` with the reason."""
        if row.key is not None and (not row.is_table or all(s.entries != "each" for s in row.path)):
            raise MappingError("has a key, and is no list of a table")
        if row.is_table:
            return self._table(row)
        kind = self.dialect.kinds.get(row.kind)
        if kind is None or kind.coded != row.coded:
            known = sorted(name for name, kind in self.dialect.kinds.items() if kind.coded == row.coded)
            raise MappingError(f"there is no type {row.kind!r}; there are {', '.join(known)}")
        return kind.lens(self._codes(row)) if row.coded else self._leaves[row.kind]

    def _table(self, row: Row) -> Node:
        if row.of not in self.built:
            raise MappingError(f"there is no table {row.of!r}")
        if row.key is not None and (row.key,) not in {inner.domain for inner in self.built[row.of].table.rows}:
            raise MappingError(f"the table {row.of} has no row for the key {row.key!r}")
        return self.built[row.of]

    def _codes(self, row: Row) -> Any:
        if row.of not in self.tables.codes:
            raise MappingError(f"there is no code table {row.of!r}")
        codes = self.tables.codes[row.of]
        if row.default is not None and row.default not in codes.codings:
            raise MappingError(f"the default {row.default!r} has no code in the table {row.of}")
        if self.dialect.kinds[row.kind].scalar and any(system for system, _ in codes.words):
            raise MappingError(f"is a bare code, and the table {row.of} has systems")
        return codes

    def path(self, path: tuple[Segment, ...], inner: Node, row: Row | None = None) -> Node:
        """The lens on a path, with the `inner` one at its end."""
        strict = row is not None and row.strict
        if strict and not any(segment.entries in ("each", "own") for segment in path):
            inner = Strict(inner)
        for segment in reversed(path):
            if segment.entries != "none":
                inner = self._entries(segment, inner, row, strict=strict)
            inner = self.dialect.member(segment.name, inner, guarded=segment is not path[0])
        return inner

    def _entries(self, segment: Segment, inner: Node, row: Row | None, *, strict: bool) -> Node:
        """The lens on those entries of a list that the segment means, or on an object with fixed members."""
        own = self.dialect.entries(segment, inner, row)
        if own is not None:
            return own
        match, skeleton = self._matcher(segment)
        entry = Matching(match, skeleton, inner, self.dialect.shared)
        if segment.entries == "object":
            return entry
        if segment.entries == "each":
            key = row.key if row is not None else None
            prefix = row.domain[-1].rstrip("s").replace("_", "-") if row is not None else ""
            number = self._number(segment, row)
            if number is not None:
                return Ranked(number, entry, rewrite=True, strict=strict)
            return Each(entry, key, prefix, rewrite=row is not None and row.is_table, strict=strict)
        kind = segment.entries
        if kind == "current":
            if row is None or not row.is_table or segment is not row.path[-1]:
                raise MappingError("[current] stands at the end of a path with a table, whose checks say what counts")
            return Current(entry, self.built[row.of].guard.rank)
        return One(entry, self.dialect.which(segment, self.systems), kind, strict=strict and kind == "own")

    def _number(self, segment: Segment, row: Row | None) -> str | None:
        """The member by whose number the entries are ordered, if the table at the end of the row's path names one."""
        if row is None or not row.is_table or row.key is not None or segment is not row.path[-1]:
            return None
        checks = self.built[row.of].table.checks
        return next((check.names[0] for check in checks if check.kind == "ranked"), None)

    def _matcher(self, segment: Segment) -> tuple[Callable[[Any], bool], Callable[[], Any]]:
        """The test an entry must pass, and a new entry that passes it."""
        tests = [self.dialect.test(condition, self.systems) for condition in segment.conditions]
        if not tests:
            return (lambda _node: True), (lambda: None)
        skeleton = partial(fixed_parts, segment, self.dialect, self.systems)
        if len(tests) == 1:
            (only,) = tests
            return (lambda node: type(node) is dict and only(node)), skeleton
        return (lambda node: type(node) is dict and all(test(node) for test in tests)), skeleton


def based(value: Any, systems: Systems) -> Any:
    """The fixed value; `@base` at its start is the base of our own canonicals."""
    return value.replace("@base", systems.base, 1) if isinstance(value, str) and value.startswith("@base") else value


def fixed_parts(segment: Segment, dialect: Dialect, systems: Systems) -> dict[str, Any]:
    """The members that a new entry that matches the segment has from the start."""
    return {k: v for condition in segment.conditions for k, v in dialect.fixed(condition, systems).items()}
