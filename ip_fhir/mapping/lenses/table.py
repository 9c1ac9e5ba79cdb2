"""A table as a lens: `get`, `put` and `new`. `building.py` builds these; docs/mapping.md has their laws.

Domain data here is the JSON form of a domain value (`Value.model_dump(mode="json")`), not the value itself.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.values.value import Value
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.mapping.lenses.nodes import Member
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.row import value_at
from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ip_fhir.mapping.lenses.dialect import Dialect, Guard
    from ip_fhir.mapping.lenses.nodes import Node, Path, Told
    from ip_fhir.mapping.lenses.row import RowLens
    from ip_fhir.mapping.tables.model import Const, Table


class TableLens:
    """The lens of one table. As a `Node` it serves as the inner lens of a row that names the table."""

    def __init__(self, table: Table, dialect: Dialect, guard: Guard) -> None:
        self.table, self.dialect, self.guard = table, dialect, guard
        self.fields: list[RowLens] = []
        self.consts: list[tuple[Const, Node]] = []

    def get(self, node: Any, links: Links) -> dict[str, Any] | None:
        """The domain data that the table reads in the node; None if it finds nothing in a part of a resource."""
        if self.table.resource is None and self.guard.left(expect(node, dict, "an object")) is not None:
            return None
        self.guard.check(expect(node, dict, "an object"))
        data: dict[str, Any] = {}
        for lens in self.fields:
            value = lens.read(node, links)
            row = lens.row
            if value is None:
                if row.required:
                    raise Wrong("is required", "required", *lens.node.steps((), node))
            elif not row.check_only:
                target = data
                for name in row.domain[:-1]:
                    target = target.setdefault(name, {})
                target[row.domain[-1]] = value
        self._check_owner(node, links)
        return data if data or self.table.resource is not None else None

    def put(self, value: Any, node: Any, links: Links, known: Any = None) -> Any:
        """The node with the table's fields as in `value`.

        None when `value` is None, and nothing else is in the node or what is left is nothing without what was required.
        With `known`, the data that the node is known to say, only fields that differ from it are looked at; fields that
        both lack may be left out of both, unless a row has a converter that `depends` on another field.
        """
        if value is None and self.table.resource is None and any(lens.row.required for lens in self.fields):
            return None
        if node is None:
            return self.put_new(value, None, links)
        if self.table.resource is None and self.guard.left(expect(node, dict, "an object")) is not None:
            if value is None:
                return node
            raise Wrong("holds what another system put there", "business-rule")
        if known is None or value is None or self.has_dependent_rows:
            return self._put(value, node, links)
        self.guard.check_put(node)
        result = node
        for lens in self._cleared_first(value):
            path = lens.row.domain
            if value.get(path[0]) == known.get(path[0]):
                continue
            wanted, there = value_at(value, path), value_at(known, path)
            if wanted != there:
                result = lens.put(wanted, result, links, there) or {}
        return result or self._put(value, node, links)

    @cached_property
    def has_dependent_rows(self) -> bool:
        """True if the place of some field depends on another field."""
        return any(lens.depends for lens in self.fields)

    @cached_property
    def names(self) -> set[str]:
        """The fields of the domain value that the rows read and write."""
        return {lens.row.domain[0] for lens in self.fields}

    def put_new(self, value: Any, node: Any, links: Links) -> Any:
        """A new node with the table's fields; `node` has the fixed members that its path demands."""
        node = self._with_fixed_parts({**(node or {}), **self.guard.skeleton()}, links)
        self.guard.check_put(node)
        result = node
        for lens in self.fields:
            result = lens.write_new(value, result, links) or {}
        return self._finished(value, node, result, links)

    def _put(self, value: Any, node: Any, links: Links) -> Any:
        result = expect(node, dict, "an object")
        self.guard.check_put(result)
        for lens in self._cleared_first(value):
            if not lens.row.check_only or not self._says(node, lens.row.domain, value, links):
                result = lens.write(value, result, links) or {}
        return self._finished(value, node, result, links)

    def _cleared_first(self, value: Any) -> Sequence[RowLens]:
        """The rows in the order of writing: of those that write one element, the one that clears it comes first.

        Such are the types of a choice: `deceasedBoolean` goes before `deceasedDateTime` comes.
        """
        if not self._exclusive:
            return self.fields
        return sorted(self.fields, key=lambda lens: value is not None and value_at(value, lens.row.domain) is not None)

    @cached_property
    def _exclusive(self) -> bool:
        """True if two rows of the table write different types of one choice."""
        nodes = [lens.node for lens in self.fields]
        choices = [node.choice for node in nodes if isinstance(node, Member) and node.choice is not None]
        return len(choices) > len(set(choices))

    def _finished(self, value: Any, before: Any, result: dict[str, Any], links: Links) -> Any:
        """The node after writing; None if nothing is left in it."""
        if before and not result:  # only defaults are left, which are not written, and an object may not be empty
            for lens in (lens for lens in self.fields if lens.row.check_only):
                result = lens.write(value, result, links) or {}
        return None if value is None and (not result or result == self.skeleton(links)) else result

    def _says(self, node: Any, domain: tuple[str, ...], value: Any, links: Links) -> bool:
        """True if the node has a field's value as in `value`; then rows that only check the field write nothing."""
        return any(
            lens.read(node, links) == value_at(value, domain)
            for lens in self.fields
            if lens.row.domain == domain and not lens.row.check_only
        )

    def owns(self, node: Any) -> bool:
        """True if the node has what the table's `match` rows and constants ask for."""
        if type(node) is not dict or not self.guard.owns(node):
            return False
        rows = (lens.node for lens in self.fields if lens.row.match)
        return all(r.owns(node) for r in rows) and all(n.owns(node) for c, n in self.consts if c.match)

    def skeleton(self, links: Links) -> dict[str, Any]:
        """A new node with the fixed parts."""
        return self._with_fixed_parts(self.guard.skeleton(), links)

    def _with_fixed_parts(self, result: dict[str, Any], links: Links) -> dict[str, Any]:
        for const, node in self.consts:
            value = links.owner if const.owner else True
            if value is not None:
                result = node.put(value, result, links)
        return result

    def row_of(self, names: tuple[str, ...]) -> RowLens | None:
        """The row that a domain path belongs to: the longest that it begins with, else the first below it."""
        above = [lens for lens in self.fields if names[: len(lens.row.domain)] == lens.row.domain]
        below = (lens for lens in self.fields if names and lens.row.domain[: len(names)] == names)
        return max(above, key=lambda lens: len(lens.row.domain), default=None) or next(below, None)

    def steps(self, names: tuple[str, ...], node: Any) -> list[str]:
        """The place of the row that a domain path belongs to; no steps where there is none."""
        row = self.row_of(names)
        return [] if row is None else row.steps(names, node)

    def reads(self, node: Any, links: Links, path: Path) -> Iterator[Path]:
        """The places that rows and constants read."""
        for lens in self.fields:
            yield from lens.reads(node, links, path)
        for _, const in self.consts:
            yield from const.reads(node, links, path)

    @property
    def telling(self) -> bool:
        """True if `tells` may tell anything of some node."""
        return bool(self._telling_fields)

    @cached_property
    def _telling_fields(self) -> tuple[RowLens, ...]:
        return tuple(lens for lens in self.fields if lens.telling)

    def tells(self, node: Any, links: Links, path: Path) -> Iterator[Told]:
        """The places that rows read otherwise than they stand there."""
        for lens in self._telling_fields:
            yield from lens.tells(node, links, path)

    def _check_owner(self, node: Any, links: Links) -> None:
        if links.owner is None:
            return
        for const, lens in self.consts:
            if const.owner and lens.get(node, links) not in (None, links.owner):
                raise Wrong("is about another person", "invariant", *lens.steps((), node))


class Lens:
    """The lens that callers get by name: the table's functions on whole resources, with errors as `InvalidInput`."""

    def __init__(self, inner: TableLens) -> None:
        self.inner = inner
        self.name = inner.table.name
        self.resource = inner.table.resource

    def get(self, resource: Any, links: Links | None = None, at: str | None = None) -> dict[str, Any]:
        """Read the domain data in the resource; `at` is the resource's place in errors. Raises `InvalidInput`."""
        try:
            return self.inner.get(resource, Links.within(resource) if links is None else links) or {}
        except Wrong as wrong:
            raise self._error(wrong, at) from None

    def put(
        self,
        value: Value | dict[str, Any],
        resource: Any,
        links: Links | None = None,
        at: str | None = None,
        known: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The resource with what `value` says, and nothing else changed. `resource` itself is not changed.

        `known` is the data that was read from the resource before: fields that are equal in it are not looked at.
        """
        try:
            links = Links.within(resource) if links is None else links
            result: dict[str, Any] = self.inner.put(data_of(value), resource, links, known)
        except Wrong as wrong:
            raise self._error(wrong, at) from None
        return result

    def new(self, value: Value | dict[str, Any], links: Links | None = None) -> dict[str, Any]:
        """A new resource with the fields of `value`."""
        return self.put(value, None, Links({}, closed=False) if links is None else links)

    def put_new(self, value: Value | dict[str, Any], node: dict[str, Any], links: Links) -> dict[str, Any]:
        """The node that another table has begun, with this table's fixed parts and the fields of `value` too."""
        try:
            result: dict[str, Any] = self.inner.put_new(data_of(value), node, links)
        except Wrong as wrong:
            raise self._error(wrong, None) from None
        return result

    def owns(self, resource: Any) -> bool:
        """True if the resource is one that this table is for."""
        return self.inner.owns(resource)

    def where(self, domain: str, resource: Any) -> str:
        """The place of a domain path (`measures.0.goals.1`) in the resource; empty: the whole of it."""
        return self.inner.dialect.place(self.inner.steps(tuple(domain.split(".")), resource))

    def _error(self, wrong: Wrong, at: str | None) -> InvalidInput:
        path = self.inner.dialect.place([at or self.name, *wrong.path])
        return InvalidInput([Problem(path, wrong.reason, wrong.code)])


def data_of(value: Value | dict[str, Any]) -> dict[str, Any]:
    """The JSON form of a value: what the lenses work on."""
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, Value) else value
