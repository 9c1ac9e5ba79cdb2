"""One row of a table as a lens: how a domain field is read and written. Rows with a converter: `converters.py`."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.lenses.nodes import Node, Path, Told
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import Row


class RowLens:
    """One row: a domain field and the lens on its place."""

    __slots__ = ("node", "row")

    depends = False
    """True if the place that counts depends on another field of the table."""

    def __init__(self, row: Row, node: Node) -> None:
        self.row, self.node = row, node

    def read(self, resource: Any, links: Links) -> Any:
        """The field's value, or its default."""
        value = self.node.get(resource, links)
        return self.row.default if value is None else value

    def is_silent(self, resource: Any, links: Links) -> bool:
        """True if all places that `read` looks at are empty, so that the default counts."""
        return all(node.get(resource, links) is None for node in self.places(resource, links))

    def places(self, _resource: Any, _links: Links) -> tuple[Node, ...]:
        """The lenses that `read` tries, in this order."""
        return (self.node,)

    def write(self, data: Any, resource: Any, links: Links) -> Any:
        """The resource with the field as in `data`; the same object if it has this value already."""
        value = value_at(data, self.row.domain)
        return resource if self.read(resource, links) == value else self.put(value, resource, links)

    def write_new(self, data: Any, resource: Any, links: Links) -> Any:
        """As `write`, onto a resource that is being made."""
        if self.row.write_default:
            return self.node.put(value_at(data, self.row.domain), resource, links)
        return self.write(data, resource, links)

    def put(self, value: Any, resource: Any, links: Links, known: Any = None) -> Any:
        """The resource with another value, which is not looked for before; `known` is the value that is there."""
        return self.node.put(self.value_to_write(value), resource, links, known)

    def value_to_write(self, value: Any) -> Any:
        """The value to be written: None for the default, so that the same data always gives the same resource.

        Rows with `write_default` write the default too.
        """
        return None if value == self.row.default and not self.row.write_default else value

    def steps(self, names: tuple[str, ...], resource: Any) -> list[str]:
        """The place of a domain path that begins with the row's, or of the whole field."""
        return self.node.steps(names[len(self.row.domain) :], resource)

    def reads(self, resource: Any, links: Links, path: Path) -> Iterator[Path]:
        """The places that were read."""
        for node in self.places(resource, links):
            yield from node.reads(resource, links, path)

    @property
    def telling(self) -> bool:
        """True if `tells` may tell anything of some resource."""
        return self.row.assumed or any(node.telling for node in self.all_places)

    @property
    def all_places(self) -> tuple[Node, ...]:
        """The lenses that `places` may return, of any resource."""
        return (self.node,)

    def tells(self, resource: Any, links: Links, path: Path) -> Iterator[Told]:
        """The row's place if its default is an assumption, and the places that were read otherwise than they stand."""
        if self.row.assumed and self.is_silent(resource, links):
            plain = [segment.name for segment in takewhile(lambda s: s.entries == "none", self.row.path)]
            names = plain if len(plain) == len(self.row.path) else [*plain, self.row.path[len(plain)].name]
            yield (*path, *names), f"says nothing that is known here: taken as {self.row.default!r}"
        for node in self.places(resource, links):
            yield from node.tells(resource, links, path)


def value_at(data: Any, path: tuple[str, ...]) -> Any:
    """The value that data in JSON form have at a domain path; an empty list is None."""
    for name in path:
        if data is None:
            return None
        data = data.get(name)
    return None if data == [] else data
