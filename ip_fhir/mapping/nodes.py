"""Lenses on JSON nodes: each reads a domain value out of a node and writes one back without touching the rest.

A node is any JSON value, None when absent. `get(node, links)` gives the domain value or None. `put(value, node,
links)` gives the new node, or None when nothing is left; the old node is never changed, and is given back when nothing
had to be.
`owns(node)` says whether a list entry is one that the lens can read; the others are somebody else's and are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ip_fhir.errors import InvalidInput, IssueCode, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.mapping.links import Links


class Wrong(Exception):
    """A node cannot be read; the path grows on the way out and becomes an `InvalidInput` at the top."""

    def __init__(self, reason: str, code: IssueCode = "value", at: str = "") -> None:
        self.reason, self.code = reason, code
        self.path: list[str] = [at] if at else []
        super().__init__(reason)

    def to_problem(self, prefix: str) -> Problem:
        """The problem with its FHIRPath."""
        path = prefix
        for step in self.path:
            path += step if step.startswith("[") or not path else f".{step}"
        return Problem(path, self.reason, self.code)

    def to_error(self, prefix: str) -> InvalidInput:
        """The error with its FHIRPath."""
        return InvalidInput([self.to_problem(prefix)])


class Node(Protocol):
    """What every lens on a node can do."""

    def get(self, node: Any, links: Links) -> Any:
        """The domain value, or None."""

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """The new node, or None."""

    def owns(self, node: Any) -> bool:
        """Whether a list entry is ours to read and write."""


def expect(node: Any, kind: type, what: str) -> Any:
    """The node, if it has the JSON type that FHIR gives it here."""
    if type(node) is not kind:
        raise Wrong(f"is not {what}", "structure")
    return node


class Member:
    """A member of an object; an object that is left empty is removed."""

    def __init__(self, name: str, inner: Node) -> None:
        self.name, self.inner = name, inner

    def get(self, node: Any, links: Links) -> Any:
        """Read the member."""
        if node is None:
            return None
        child = expect(node, dict, "an object").get(self.name)
        try:
            return None if child is None else self.inner.get(child, links)
        except Wrong as wrong:
            wrong.path.insert(0, self.name)
            raise

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """Write the member."""
        base = {} if node is None else expect(node, dict, "an object")
        old = base.get(self.name)
        new = self.inner.put(value, old, links)
        if new is old:
            return node
        changed = {**base, self.name: new}
        if new is None:
            del changed[self.name]
        return changed or None

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
            raise Wrong(_UNREADABLE, "not-supported")
        return value

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """Write it."""
        return self.inner.put(value, node, links)

    def owns(self, node: Any) -> bool:
        """As the inner lens."""
        return self.inner.owns(node)


_UNREADABLE = "cannot be read here, and to leave it out would change what the rest means"


def _expect_all(items: list[Any], entry: Matching) -> None:
    """Refuse a list with an entry that cannot be read."""
    for index, item in enumerate(items):
        if not entry.owns(item):
            raise Wrong(_UNREADABLE, "not-supported", f"[{index}]")


class One:
    """The first matching entry of a list (with `own`, the first that can be read); else added at the end.

    `closed`: every entry must be one that can be read.
    """

    def __init__(self, entry: Matching, *, own: bool = False, closed: bool = False) -> None:
        self.entry, self.closed = entry, closed
        self.test = entry.owns if own else entry.matches

    def get(self, node: Any, links: Links) -> Any:
        """Read the entry."""
        if self.closed:
            _expect_all(expect(node, list, "a list"), self.entry)
        for index, item in enumerate(expect(node, list, "a list")):
            if self.test(item):
                try:
                    return self.entry.get(item, links)
                except Wrong as wrong:
                    wrong.path.insert(0, f"[{index}]")
                    raise
        return None

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """Write the entry where it stands."""
        items = [] if node is None else expect(node, list, "a list")
        at = next((n for n, item in enumerate(items) if self.test(item)), None)
        old = None if at is None else items[at]
        new = self.entry.put(value, old, links)
        if new is old:
            return node
        if at is None:
            return [*items, new]
        return [*items[:at], *([] if new is None else [new]), *items[at + 1 :]] or None

    def owns(self, node: Any) -> bool:
        """A list with a matching entry that can be read."""
        return type(node) is list and any(map(self.entry.owns, node))


class Each:
    """Every entry that is ours, as a list of values; others' entries keep their place and content.

    With a `key`, a value is written onto the entry that has its key; else onto the entry at its position. A key that
    the entries do not carry is their position: `prefix`-1, `prefix`-2, … `closed`: every entry must be one that can be
    read.
    """

    def __init__(self, entry: Matching, key: str | None = None, prefix: str = "", *, closed: bool = False) -> None:
        self.entry, self.key, self.prefix, self.closed = entry, key, prefix, closed

    def get(self, node: Any, links: Links) -> list[Any] | None:
        """Read our entries, in order."""
        values: list[Any] = []
        if self.closed:
            _expect_all(expect(node, list, "a list"), self.entry)
        for index, item in enumerate(expect(node, list, "a list")):
            if not self.entry.owns(item):
                continue
            try:
                value = self.entry.get(item, links)
            except Wrong as wrong:
                wrong.path.insert(0, f"[{index}]")
                raise
            values.append(self._keyed(value, len(values)))
        return values or None

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """Write our entries into the places that ours had; more go to the end, fewer leave."""
        items = [] if node is None else expect(node, list, "a list")
        ours = [n for n, item in enumerate(items) if self.entry.owns(item)]
        bases = self._bases([items[n] for n in ours], links)
        new: list[Any] = []
        for index, wanted in enumerate(value or ()):
            base = bases.get(wanted[self.key]) if self.key else bases.get(index)
            new.append(self._written(wanted, base, index, links))
        places = iter(new)
        mine = set(ours)
        merged = [item if n not in mine else next(places, None) for n, item in enumerate(items)]
        return [item for item in [*merged, *places] if item is not None] or None

    def owns(self, node: Any) -> bool:
        """A list with an entry of ours."""
        return type(node) is list and any(map(self.entry.owns, node))

    def _bases(self, entries: list[Any], links: Links) -> dict[Any, Any]:
        if self.key is None:
            return dict(enumerate(entries))
        return {self._keyed(self.entry.get(item, links), n)[self.key]: item for n, item in enumerate(entries)}

    def _written(self, wanted: Any, base: Any, index: int, links: Links) -> Any:
        if base is not None and self._keyed(self.entry.get(base, links), index) == wanted:
            return base
        return self.entry.put(wanted, base, links)

    def _keyed(self, value: Any, index: int) -> Any:
        if self.key is None or self.key in value:
            return value
        return {**value, self.key: f"{self.prefix}-{index + 1}"}
