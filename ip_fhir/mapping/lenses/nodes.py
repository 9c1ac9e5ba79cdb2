"""Lenses on JSON nodes: each reads a domain value out of a node and writes one back without touching the rest.

A node is any JSON value, None when absent. `get(node, links)` gives the domain value or None. `put(value, node,
links)` gives the new node, or None when nothing is left; the old node is never changed, and is given back when nothing
had to be.
`owns(node)` says whether a list entry is one that the lens can read; the others are somebody else's and are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.mapping.lenses.references import Links


class Node(Protocol):
    """What every lens on a node can do."""

    def get(self, node: Any, links: Links) -> Any:
        """The domain value, or None."""

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """The new node, or None."""

    def owns(self, node: Any) -> bool:
        """Whether a list entry is ours to read and write."""


# Elements that FHIR lets stand in one of several types (R4 calls them choices): the types that no row reads.
_CHOICES = {
    "contentCodeableConcept": ("contentAttachment", "contentReference"),
    "contentString": ("contentAttachment", "contentReference"),
    "deceasedDateTime": ("deceasedBoolean",),
    "dueDate": ("dueDuration",),
    "eventCoding": ("eventUri",),
    "scheduledPeriod": ("scheduledTiming", "scheduledString"),
    "sourceAttachment": ("sourceReference",),
    "endpointUrl": ("endpointReference",),
    "startDate": ("startCodeableConcept",),
}


class Member:
    """A member of an object; an object that is left empty is removed.

    `guarded`: a modifierExtension beside the member is refused (on a table's own node the table sees to that).
    """

    def __init__(self, name: str, inner: Node, *, guarded: bool = True) -> None:
        self.name, self.inner, self.guarded = name, inner, guarded

    def get(self, node: Any, links: Links) -> Any:
        """Read the member."""
        if node is None:
            return None
        if expect(node, dict, "an object").get("modifierExtension") and self.guarded:
            reason = "is unknown here and changes the meaning of what is mapped"
            raise Wrong(reason, "not-supported", "modifierExtension")
        child = node.get(self.name)
        try:
            return None if child is None else self.inner.get(child, links)
        except Wrong as wrong:
            wrong.path.insert(0, self.name)
            raise

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """Write the member."""
        base = {} if node is None else expect(node, dict, "an object")
        old = base.get(self.name)
        try:
            new = self.inner.put(value, old, links)
        except Wrong as wrong:
            wrong.path.insert(0, self.name)
            raise
        if new is old:
            return node
        if old is None:
            self._only_one(base)
        changed = {**base, self.name: new}
        if new is None:
            del changed[self.name]
        if type(beside := base.get(f"_{self.name}")) is list and type(old) is list:
            changed |= {f"_{self.name}": _moved(beside, old, new or [])}
            if not any(changed[f"_{self.name}"]):
                del changed[f"_{self.name}"]
        return changed or None

    def _only_one(self, base: dict[str, Any]) -> None:
        """FHIR allows one value of a choice; one of another type is not ours to replace."""
        if self.name.startswith("value"):
            others = [name for name in base if name.startswith("value")]
        else:
            others = [name for name in _CHOICES.get(self.name, ()) if name in base]
        if others:
            raise Wrong("is where another system has put a value of another type", "business-rule", self.name)

    def owns(self, node: Any) -> bool:
        """An object whose member is ours."""
        return type(node) is dict and self.inner.owns(node.get(self.name))


class Matching:
    """An object that must match: an entry of a list, or a member with fixed parts."""

    def __init__(self, matches: Callable[[Any], bool], skeleton: Callable[[], Any], inner: Node) -> None:
        self.matches, self.skeleton, self.inner = matches, skeleton, inner
        self.put_new: Callable[[Any, Any, Links], Any] = getattr(
            inner, "put_new", inner.put
        )  # a table's, on a skeleton

    def get(self, node: Any, links: Links) -> Any:
        """Read it, if it matches."""
        return self.inner.get(node, links) if self.matches(node) else None

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """Write it; one that holds nothing but its fixed parts is removed."""
        if node is not None and not self.matches(node):
            if value is None:
                return node
            raise Wrong("holds what another system put there", "business-rule")
        empty = self.skeleton()
        new = self.put_new(value, empty, links) if node is None else self.inner.put(value, node, links)
        return None if value is None and new == empty else new

    def owns(self, node: Any) -> bool:
        """It matches, and the inner lens can read it."""
        return self.matches(node) and self.inner.owns(node)


class Known:
    """What stands here must be something that the inner lens can read."""

    def __init__(self, inner: Node) -> None:
        self.inner = inner

    def get(self, node: Any, links: Links) -> Any:
        """Read it; a value that is there and means nothing here is refused."""
        value = self.inner.get(node, links)
        if value is None:
            raise Wrong(UNREADABLE, "not-supported")
        return value

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """Write it."""
        return self.inner.put(value, node, links)

    def owns(self, node: Any) -> bool:
        """As the inner lens."""
        return self.inner.owns(node)


UNREADABLE = "cannot be read here, and to leave it out would change what the rest means"
"""Why something that stands in a closed place is refused."""


def _moved(beside: list[Any], old: list[Any], new: list[Any]) -> list[Any]:
    """The `_element` list of a list of primitives, moved along with the values that stayed."""
    left = dict(enumerate(old))
    moved = []
    for value in new:
        at = next((n for n, item in left.items() if item == value), None)
        left.pop(at, None)  # type: ignore[arg-type]  # None is no key
        moved.append(beside[at] if at is not None and at < len(beside) else None)
    return moved
