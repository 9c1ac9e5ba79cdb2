"""Converters: rows whose place depends on more than a path. A table names the converter; its condition is code here.

The set is closed. Each converter says which options it takes, as a table writes them:

    converter = { name = "second-place", fhir = "target[0].detailString" }
    converter = { name = "only-where", field = "status", is = "held" }
    converter = { name = "set-by-another", fhir = "start", type = "day-start", field = "status", is = "held" }
    converter = { name = "table-by-word", field = "access", is = "deny", table = "ExceptionToDeny" }
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.mapping.lenses.row import RowLens, value_at
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from ip_fhir.mapping.lenses.nodes import Node
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import Row


class SecondPlace(RowLens):
    """A row with a second place: read if the first is empty, written only if something is there already.

    Two places that say different things are refused.
    """

    __slots__ = ("second",)

    def __init__(self, row: Row, node: Node, second: Node) -> None:
        super().__init__(row, node)
        self.second = second

    def read(self, resource: Any, links: Links) -> Any:
        """The field's value, or its default."""
        value, second = self.node.get(resource, links), self.second.get(resource, links)
        if None not in (value, second) and value != second:
            raise Wrong(f"says something else than {self.row.converter.place}", "invariant", *self.steps((), resource))
        found = second if value is None else value
        return self.row.default if found is None else found

    def places(self, _resource: Any, _links: Links) -> tuple[Node, ...]:
        """Both lenses."""
        return self.all_places

    @property
    def all_places(self) -> tuple[Node, ...]:
        """Both lenses."""
        return (self.node, self.second)

    def put(self, value: Any, resource: Any, links: Links, known: Any = None) -> Any:
        """The resource with another value in both places, if both stand there."""
        if self.second.get(resource, links) is not None:
            resource = self.second.put(value, resource, links)
        return super().put(value, resource, links, known)


class _Conditional(RowLens):
    """A row that depends on another field of the table: `other` is that field's lens."""

    __slots__ = ("other",)

    depends = True
    other: RowLens

    def holds(self, resource: Any, links: Links) -> bool:
        """True if the other field has the word that the row's converter names."""
        return bool(self.other.read(resource, links) == self.row.converter.word)


class OnlyWhere(_Conditional):
    """A row that holds only if another field has a certain word. Otherwise it has no value, and its place is not ours.

    It must come before the row of that other field: our old value is removed while the resource still shows by that
    field that it was ours.
    """

    __slots__ = ()

    def read(self, resource: Any, links: Links) -> Any:
        """The field's value, or None."""
        return super().read(resource, links) if self.holds(resource, links) else None

    def places(self, resource: Any, links: Links) -> tuple[Node, ...]:
        """The row's lens, where the row holds."""
        return super().places(resource, links) if self.holds(resource, links) else ()

    def write(self, data: Any, resource: Any, links: Links) -> Any:
        """The resource with the field as in `data`."""
        value = value_at(data, self.row.domain)
        if value is None and not self.holds(resource, links):
            return resource
        if self.node.get(resource, links) == value:
            return resource
        return self.node.put(value, resource, links)

    def write_new(self, data: Any, resource: Any, links: Links) -> Any:
        """A new resource with the field as in `data`."""
        value = value_at(data, self.row.domain)
        if value is None and not self.holds(resource, links):
            return resource
        return self.node.put(value, resource, links)


class SetByAnother(_Conditional):
    """A row whose value another system may set in a place of its own, which is read before ours.

    If the named field has the named word, ours is read first. The other place is only read; writing a value that
    differs from the one there is refused.
    """

    __slots__ = ("others",)

    def __init__(self, row: Row, node: Node, others: Node) -> None:
        super().__init__(row, node)
        self.others = others

    def read(self, resource: Any, links: Links) -> Any:
        """The field's value."""
        places = self.places(resource, links)
        return next((value for node in places if (value := node.get(resource, links)) is not None), None)

    def places(self, resource: Any, links: Links) -> tuple[Node, ...]:
        """Both lenses, first the one that counts first."""
        return (self.node, self.others) if self.holds(resource, links) else (self.others, self.node)

    @property
    def all_places(self) -> tuple[Node, ...]:
        """Both lenses."""
        return (self.node, self.others)

    def write(self, data: Any, resource: Any, links: Links) -> Any:
        """The resource with the field as in `data`."""
        value = value_at(data, self.row.domain)
        if self.read(resource, links) == value:
            return resource
        if not self.holds(resource, links) and self.others.get(resource, links) is not None:
            raise Wrong(
                "was set by another system, who must change it", "business-rule", *self.others.steps((), resource)
            )
        return self.node.put(value, resource, links)

    def write_new(self, data: Any, resource: Any, links: Links) -> Any:
        """A new resource with the field as in `data`."""
        return self.node.put(value_at(data, self.row.domain), resource, links)


class TableByWord(_Conditional):
    """A row that is read by one of two tables, chosen by the word of another field."""

    __slots__ = ("instead",)

    def __init__(self, row: Row, node: Node, instead: Node) -> None:
        super().__init__(row, node)
        self.instead = instead

    def read(self, resource: Any, links: Links) -> Any:
        """The field's value, or its default."""
        value = self._chosen(resource, links).get(resource, links)
        return self.row.default if value is None else value

    def places(self, resource: Any, links: Links) -> tuple[Node, ...]:
        """The lens of the table that is meant."""
        return (self._chosen(resource, links),)

    @property
    def all_places(self) -> tuple[Node, ...]:
        """The lenses of both tables."""
        return (self.node, self.instead)

    def put(self, value: Any, resource: Any, links: Links, _known: Any = None) -> Any:
        """The resource with another value."""
        return self._chosen(resource, links).put(self.value_to_write(value), resource, links)

    def _chosen(self, resource: Any, links: Links) -> Node:
        return self.instead if self.holds(resource, links) else self.node


ROW_LENSES: dict[str, type[RowLens]] = {
    "": RowLens,
    "second-place": SecondPlace,
    "only-where": OnlyWhere,
    "set-by-another": SetByAnother,
    "table-by-word": TableByWord,
}
"""The lens of a row, by the name of its converter; a row without one has the plain lens."""
