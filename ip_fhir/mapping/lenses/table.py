"""A table as a lens: `get`, `put` and `new`. From the tables to these: `building.py`.

    get(put(d, r)) == d              what was written is read back
    put(get(r), r) == r              writing what was read changes nothing, whatever else is in r
    put(d2, put(d1, r)) == put(d2, r)

Domain data here is the JSON form of a domain value (`Value.model_dump(mode="json")`), not the value itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.values.value import Value
from ip_fhir.fhir.bundle import UNKNOWN_RULES
from ip_fhir.mapping.dialects.fhir.fhirpath import place
from ip_fhir.mapping.lenses.nodes import Node
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.row import value_at
from ip_fhir.mapping.lenses.wrong import Wrong, expect, text_or_none

if TYPE_CHECKING:
    from ip_fhir.mapping.dialects.fhir.limits import Limits
    from ip_fhir.mapping.lenses.row import FieldLens
    from ip_fhir.mapping.tables.model import Const, Table


class TableLens:
    """The lens of one table. As a `Node` it serves as the inner lens of a row that names the table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.fields: list[FieldLens] = []
        self.consts: list[tuple[Const, Node]] = []
        self.limits: Limits | None = None
        self.modifiers: frozenset[str] = frozenset()  # the modifierExtensions that rows read

    def get(self, node: Any, links: Links) -> dict[str, Any] | None:
        """The domain data that the table finds in the node; None where it finds nothing in a part of a resource."""
        expect(node, dict, "an object")
        if "modifierExtension" in node:
            self._check_modifiers(node["modifierExtension"])
        if self.table.resource is not None and node.get("resourceType") != self.table.resource:
            raise Wrong(f"is not a {self.table.resource}", "structure", "resourceType")
        self._check_limits(node)
        data: dict[str, Any] = {}
        for lens in self.fields:
            value = lens.read(node, links)
            row = lens.row
            if value is None:
                if row.required:
                    raise Wrong("is required", "required", place(lens.node, (), node))
            elif not row.echo:
                target = data
                for name in row.domain[:-1]:
                    target = target.setdefault(name, {})
                target[row.domain[-1]] = value
        self._check_owner(node, links)
        return data if data or self.table.resource is not None else None

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """The node with the table's fields as in `value`.

        None when `value` is None, and nothing else is in the node or what is left is nothing without what was required.
        """
        if value is None and self.table.resource is None and any(lens.row.required for lens in self.fields):
            return None
        return self.put_new(value, None, links) if node is None else self._put(value, node, links)

    @property
    def hang_together(self) -> bool:
        """Whether where one field stands depends on what another says."""
        return any(lens.row.when is not None or lens.row.unless is not None for lens in self.fields)

    def put_new(self, value: Any, node: Any, links: Links) -> Any:
        """A new node; `node` is what the path to it asks for."""
        return self._put(value, {**(node or {}), **self.skeleton(links)}, links, is_new=True)

    def _put(self, value: Any, node: Any, links: Links, *, is_new: bool = False) -> Any:
        result = expect(node, dict, "an object")
        self._check_limits(result)
        for lens in self.fields:
            if is_new or not lens.row.echo or not self._says(node, lens.row.domain, value, links):
                result = lens.write(value, result, links, resource_is_new=is_new) or {}
        if node and not result:  # what is left stands unsaid, and nothing in FHIR may be empty
            for lens in (lens for lens in self.fields if lens.row.echo):
                result = lens.write(value, result, links) or {}
        if value is None and (not result or result == self.skeleton(links)):
            return None
        return result

    def _says(self, node: Any, domain: tuple[str, ...], value: Any, links: Links) -> bool:
        """Whether the node says a field as `value` does; its echo is left alone then, whatever it says."""
        return any(
            lens.read(node, links) == value_at(value, domain)
            for lens in self.fields
            if lens.row.domain == domain and not lens.row.echo
        )

    def put_changes(self, value: Any, known: Any, node: Any, links: Links) -> Any:
        """As `put`, where it is known what the node says: only what differs from that is looked at and written.

        What they have in common may be left out of both, unless fields of this table `hang_together`.
        """
        if self.hang_together:
            return self._put(value, node, links)
        if self.limits is not None:
            self.limits.check(node)
        result = node
        for lens in self.fields:
            if value_at(value, lens.row.domain) != value_at(known, lens.row.domain):
                result = lens.write_changes(value, known, result, links) or {}
        return result

    def owns(self, node: Any) -> bool:
        """Whether the node has what the table's `match` rows and constants ask for."""
        if type(node) is not dict or node.get("resourceType", self.table.resource) != self.table.resource:
            return False
        rows = (lens.node for lens in self.fields if lens.row.match)
        return all(r.owns(node) for r in rows) and all(n.owns(node) for c, n in self.consts if c.match)

    def skeleton(self, links: Links) -> dict[str, Any]:
        """A new node with the fixed parts."""
        result: dict[str, Any] = {} if self.table.resource is None else {"resourceType": self.table.resource}
        for const, node in self.consts:
            value = links.owner if const.owner else True
            if value is not None:
                result = node.put(value, result, links)
        return result

    def _check_limits(self, node: dict[str, Any]) -> None:
        """What would make the rows mean something else. FHIR: a resource by unknown rules may not be processed."""
        if self.table.resource is not None and "implicitRules" in node:
            raise Wrong(UNKNOWN_RULES, "not-supported", "implicitRules")
        if self.limits is not None:
            self.limits.check(node)

    def _check_modifiers(self, extensions: Any) -> None:
        for number, extension in enumerate(expect(extensions, list, "a list")):
            if type(extension) is not dict or text_or_none(extension.get("url")) not in self.modifiers:
                at = f"modifierExtension[{number}]" if self.modifiers else "modifierExtension"
                raise Wrong("is unknown here and changes the meaning of what is mapped", "not-supported", at)

    def row_of(self, names: tuple[str, ...]) -> FieldLens | None:
        """The row that a domain path belongs to: the longest that it begins with, else the first below it."""
        above = [lens for lens in self.fields if names[: len(lens.row.domain)] == lens.row.domain]
        below = (lens for lens in self.fields if names and lens.row.domain[: len(names)] == names)
        return max(above, key=lambda lens: len(lens.row.domain), default=None) or next(below, None)

    def _check_owner(self, node: Any, links: Links) -> None:
        if links.owner is None:
            return
        for const, lens in self.consts:
            if const.owner and lens.get(node, links) not in (None, links.owner):
                raise Wrong("is about another person", "invariant", place(lens, (), node))


class Lens:
    """What callers get by name: the table's three functions on whole resources, with errors made for people."""

    def __init__(self, inner: TableLens) -> None:
        self.inner = inner
        self.name = inner.table.name
        self.resource = inner.table.resource

    def get(self, resource: Any, links: Links | None = None, at: str | None = None) -> dict[str, Any]:
        """The domain data in the resource; `at` is where that stands. Raises `InvalidInput` with the FHIRPath."""
        try:
            return self.inner.get(resource, Links.within(resource) if links is None else links) or {}
        except Wrong as wrong:
            raise wrong.to_error(at or self.name) from None

    def put(
        self, value: Value | dict[str, Any], resource: Any, links: Links | None = None, at: str | None = None
    ) -> dict[str, Any]:
        """The resource with what `value` says, and nothing else changed. `resource` itself is not changed."""
        try:
            links = Links.within(resource) if links is None else links
            result: dict[str, Any] = self.inner.put(data_of(value), resource, links)
        except Wrong as wrong:
            raise wrong.to_error(at or self.name) from None
        return result

    def put_changes(
        self, value: dict[str, Any], known: dict[str, Any], resource: dict[str, Any], links: Links, at: str
    ) -> dict[str, Any]:
        """As `put`, where it is known what the resource says: what does not differ from that is not looked at."""
        try:
            result: dict[str, Any] = self.inner.put_changes(value, known, resource, links)
        except Wrong as wrong:
            raise wrong.to_error(at) from None
        return result

    def new(self, value: Value | dict[str, Any], links: Links | None = None) -> dict[str, Any]:
        """A new resource that says what `value` says."""
        return self.put(value, None, Links({}, closed=False) if links is None else links)

    def owns(self, resource: Any) -> bool:
        """Whether the resource is one that this table is for."""
        return self.inner.owns(resource)

    def where(self, domain: str, resource: Any) -> str:
        """Where a domain path (`measures.0.goals.1`) stands in the resource, as FHIRPath; empty: in the whole of it."""
        return place(self.inner, tuple(domain.split(".")), resource)


def data_of(value: Value | dict[str, Any]) -> dict[str, Any]:
    """The JSON form of a value: what the lenses work on."""
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, Value) else value
