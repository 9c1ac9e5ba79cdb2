"""Functions that read pieces of JSON text by the lens, for members that generated readers do not decode themselves."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn
from zlib import crc32

import orjson
from pydantic import ValidationError

from ip_fhir.domain.values.ids import PersonId, PersonIdKind
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping.dialects.fhir.conditions import test
from ip_fhir.mapping.dialects.fhir.dialect import FHIR
from ip_fhir.mapping.dialects.fhir.element_checks import ElementChecks, checks_of
from ip_fhir.mapping.generated.decoding import Doubt, Memo
from ip_fhir.mapping.generated.drafts import adapter, default_of
from ip_fhir.mapping.lenses.building import Builder
from ip_fhir.mapping.lenses.references import NO_LINKS, Links
from ip_fhir.mapping.lenses.row import RowLens
from ip_fhir.mapping.lenses.wrong import Wrong
from ip_fhir.mapping.tables.domain_fields import domain_types

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ip_fhir.domain.values.ids import Identifier
    from ip_fhir.mapping.lenses.nodes import Node
    from ip_fhir.mapping.lenses.table import TableLens
    from ip_fhir.mapping.tables.model import Row, Table, Tables
    from ip_fhir.mapping.tables.paths import Condition

_NOT_SURE = (Wrong, InvalidInput, ValidationError, ValueError, TypeError, KeyError)


class Fragments:
    """The leaves of one set of tables as functions from JSON text to a field's value."""

    def __init__(self, tables: Tables, lenses: dict[str, TableLens]) -> None:
        self.tables = tables
        self._builder = Builder(tables, FHIR, lenses)

    def fragment(self, by: str, table: Table, rows: list[Row], name: str, depth: int) -> Any:
        """The reader of the fields that rows have below a member: a `Memo` of its text (`by="memo"`), or a function.

        The function takes the text, the ids by reference, and the owner's id. Either returns one value, or a tuple of
        several, in the order of `rows`; it raises `Doubt` for text that the lenses refuse.
        """
        lenses = [RowLens(row, self._builder.path(row.path[depth:], self._leaf(row), row)) for row in rows]
        item = rows[0].is_list and all(segment.entries != "each" for segment in rows[0].path[depth:])
        must = {row.domain[0] for row in rows if row.required or row.match}
        fields = {f: self._adapter(table, f, item=item, must=f in must) for f in (row.domain[0] for row in rows)}

        def read(text: bytes, links: Links = NO_LINKS) -> Any:
            node = {name: orjson.loads(text)}
            values = tuple(fields[f](value) for f, value in _read(lenses, node, links).items())
            return values if len(values) > 1 else values[0]

        if by == "memo":
            return Memo(_or_doubt(read))
        sure = _or_doubt(read)
        return lambda text, ids, owner: sure(text, Links.of(ids, owner))

    def scalar(self, table: Table, row: Row, *, memo: bool) -> Any:
        """The reader of a code, day, moment or number: a `Memo` or a function.

        In a `match` row a code that is not in our table gives None; in other rows it raises `Doubt`.
        """
        leaf, make = self._leaf(row), self._adapter(table, row.domain[0], item=row.is_list)

        def read(node: Any) -> Any:
            return None if row.match and not leaf.owns(node) else make(leaf.get(node, NO_LINKS))

        return Memo(_or_doubt(read)) if memo else _or_doubt(read)

    def string(self, table: Table, row: Row) -> Callable[[str], Any]:
        """The reader of a text that pydantic checks."""
        return _or_doubt(self._adapter(table, row.domain[0], item=row.is_list))

    def identifier(self, kind: type[Identifier]) -> Memo:
        """A `Memo` for numbers of organisations and professionals: there are few, and they recur."""
        return Memo(_or_doubt(kind))

    def person_number(self) -> Callable[[list[Any]], PersonId | None]:
        """The reader of the one number in use among identifiers; `Doubt` if there are several: the lens decides."""
        accepted = frozenset(uri for kind in PersonIdKind for uri in self.tables.systems.accepted(kind.value))

        def read(items: list[Any]) -> PersonId | None:
            found = [item for item in items if item.system in accepted and item.value is not None]
            if not found:
                return None
            if len(found) > 1 or found[0].use == "old":
                raise Doubt
            return PersonId(found[0].value)

        return read

    def parts(self, table: Table, rows: list[Row]) -> Memo:
        """A `Memo` that makes a field from its parts in different places, by the values in these places."""
        lenses = [(row.domain[1:], self._leaf(row)) for row in rows]
        make = self._adapter(table, rows[0].domain[0])

        def read(nodes: Any) -> Any:
            given = nodes if isinstance(nodes, tuple) else (nodes,)
            found = zip(lenses, given, strict=True)
            return make({path[0]: leaf.get(node, NO_LINKS) for (path, leaf), node in found if node is not None})

        return Memo(_or_doubt(read))

    def condition(self, condition: Condition, name: str) -> tuple[str, Memo]:
        """A name for a condition on an entry, and a `Memo` that tests it on the text of the member `name`."""
        met = test(condition, self.tables.systems)
        known = f"{condition.kind}_{name}_{crc32(repr(condition).encode()):08x}".replace("-", "_")
        return known, Memo(_or_doubt(lambda text: met({name: orjson.loads(text)})))

    def within(self, table: Table, path: tuple[str, ...]) -> Memo:
        """A `Memo` on the text of a path's first member: True if the table's checks of it hold, else `Doubt`."""
        every = checks_of(table, self.tables.systems)
        mine = tuple(one for one in (every.all if every else ()) if one.check.names[0] == path[0])
        checks = ElementChecks(mine, ())

        def read(text: bytes) -> bool:
            checks.check({path[0]: orjson.loads(text)})
            return True

        return Memo(_or_doubt(read))

    def value(self, table: Table, name: str, data: Any) -> Any:
        """A field's value, made from its JSON form."""
        return self._adapter(table, name)(data)

    def _leaf(self, row: Row) -> Node:
        return self._builder.leaf(row)

    def _adapter(self, table: Table, name: str, *, item: bool = False, must: bool = False) -> Callable[[Any], Any]:
        """A function that makes the field (or an item of it) from its JSON form.

        None gives the field's default, or None if the field is required (`must`).
        """
        info = domain_types()[table.domain].model_fields[name]
        make = cache(lambda: adapter(info, item=item))  # made at the first call: many are never called
        if item:
            return lambda value: None if value is None else make()(value)
        default = None if must or info.is_required() else default_of(info)
        return lambda value: default if value is None else make()(value)


def _read(lenses: list[RowLens], node: Any, links: Links) -> Mapping[str, Any]:
    """The JSON form of the first-level fields that these lenses read."""
    data: dict[str, Any] = {}
    for lens in lenses:
        first, *rest = lens.row.domain
        value = lens.read(node, links)
        if not rest:
            data[first] = value
        elif value is not None:
            data[first] = {**(data.get(first) or {}), rest[0]: value}
        else:
            data.setdefault(first, None)
    return data


def _or_doubt(read: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, but it raises `Doubt` in place of an error about the content."""

    def sure(*given: Any) -> Any:
        try:
            return read(*given)
        except _NOT_SURE:
            _doubt()

    return sure


def _doubt() -> NoReturn:
    raise Doubt from None
