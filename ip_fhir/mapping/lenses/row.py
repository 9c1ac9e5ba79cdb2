"""One row of a table as a lens: how a field is read and written, also where another field has a say in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.mapping.dialects.fhir.fhirpath import place
from ip_fhir.mapping.lenses.lists import changing
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from ip_fhir.mapping.lenses.nodes import Node
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import Row


class FieldLens:
    """One row: a domain field and the lens on its place; `also` is the lens on its second place, if it has one.

    `unless`: another field's lens, the word it may have, and the lens on the place that is meant then.
    """

    __slots__ = ("also", "node", "row", "unless", "when")

    def __init__(self, row: Row, node: Node, also: Node | None = None) -> None:
        self.row, self.node, self.also = row, node, also
        self.unless: tuple[FieldLens, str, Node] | None = None
        self.when: FieldLens | None = None

    def holds(self, resource: Any, links: Links) -> bool:
        """Whether the field that has a say has the word that the row asks for."""
        row, when = self.row, self.when
        return row.when is None or when is None or when.read(resource, links) == row.when[1]

    def read(self, resource: Any, links: Links) -> Any:
        """The field's value, or its default."""
        value = self._place(resource, links).get(resource, links)
        if self.also is not None:
            value = self._agreed(value, self.also.get(resource, links), resource)
        return self.row.default if value is None else value

    def places(self, resource: Any, links: Links) -> tuple[Node, ...]:
        """The lenses that reading asks."""
        place = self._place(resource, links)
        return (place,) if self.also is None else (place, self.also)

    def _place(self, resource: Any, links: Links) -> Node:
        """The lens that holds for this resource."""
        if self.unless is None:
            return self.node
        other, word, node = self.unless
        return node if other.read(resource, links) == word else self.node

    def _agreed(self, value: Any, second: Any, resource: Any) -> Any:
        if self.row.also is not None and None not in (value, second) and value != second:
            raise Wrong(f"says something else than {self.row.also.fhir}", "invariant", place(self.node, (), resource))
        return second if value is None else value

    def write(self, data: Any, resource: Any, links: Links, *, resource_is_new: bool = False) -> Any:
        """The resource with the field as in `data`; untouched if it says so already."""
        value = value_at(data, self.row.domain)
        if resource_is_new and self.row.always:
            return self.node.put(value, resource, links)
        if self.read(resource, links) == value:
            return resource
        if self.also is not None and self.also.get(resource, links) is not None:
            resource = self.also.put(value, resource, links)
        # A default that is not said stays unsaid: written, the same data would make two different resources.
        said = None if value == self.row.default and not self.row.always else value
        return self._place(resource, links).put(said, resource, links)

    def write_changes(self, data: Any, known: Any, resource: Any, links: Links) -> Any:
        """As `write`, where it is known what the resource says; of a list with keys only entries that changed."""
        if self.row.key is None or self.also is not None or self.unless is not None or self.when is not None:
            return self.write(data, resource, links)
        node = changing(self.node, value_at(known, self.row.domain))
        return node.put(value_at(data, self.row.domain), resource, links)


class WhenLens(FieldLens):
    """A row with `when`: it holds only then. Else the field has no value, and what stands in the place is not ours.

    It must stand before the row of that other field: what was ours goes while the resource still says that it was.
    """

    def read(self, resource: Any, links: Links) -> Any:
        """The field's value, or None."""
        return super().read(resource, links) if self.holds(resource, links) else None

    def places(self, resource: Any, links: Links) -> tuple[Node, ...]:
        """The lenses that reading asks."""
        return super().places(resource, links) if self.holds(resource, links) else ()

    def write(self, data: Any, resource: Any, links: Links, *, resource_is_new: bool = False) -> Any:
        """The resource with the field as in `data`."""
        value = value_at(data, self.row.domain)
        if value is None and not self.holds(resource, links):
            return resource
        if not resource_is_new and self.node.get(resource, links) == value:
            return resource
        return self.node.put(value, resource, links)


class LeadLens(FieldLens):
    """A row with `lead`: a place where another system says it more surely.

    It counts before ours or, where the row's `when` holds, after it. It is read and not written; what differs from it
    is refused.
    """

    def __init__(self, row: Row, node: Node, lead: Node) -> None:
        super().__init__(row, node)
        self.lead = lead

    def read(self, resource: Any, links: Links) -> Any:
        """The field's value."""
        places = self.places(resource, links)
        return next((value for node in places if (value := node.get(resource, links)) is not None), None)

    def places(self, resource: Any, links: Links) -> tuple[Node, ...]:
        """The lenses that reading asks, in their order."""
        return (self.node, self.lead) if self.holds(resource, links) else (self.lead, self.node)

    def write(self, data: Any, resource: Any, links: Links, *, resource_is_new: bool = False) -> Any:
        """The resource with the field as in `data`."""
        value = value_at(data, self.row.domain)
        if resource_is_new or self.read(resource, links) == value:
            return self.node.put(value, resource, links) if resource_is_new else resource
        if not self.holds(resource, links) and self.lead.get(resource, links) is not None:
            raise Wrong(
                "was set by another system, who must change it", "business-rule", place(self.lead, (), resource)
            )
        return self.node.put(value, resource, links)


def lens_of(row: Row) -> type[FieldLens]:
    """Which kind of lens a row needs."""
    return LeadLens if row.lead is not None else WhenLens if row.when is not None else FieldLens


def value_at(data: Any, path: tuple[str, ...]) -> Any:
    """What the data have at a domain path; an empty list is nothing."""
    for name in path:
        if data is None:
            return None
        data = data.get(name)
    return None if data == [] else data
