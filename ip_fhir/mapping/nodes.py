"""Lenses on JSON nodes: each reads a domain value out of a node and writes one back without touching the rest.

A node is any JSON value, None when absent. `get(node, links)` gives the domain value or None. `put(value, node,
links)` gives the new node, or None when nothing is left; the old node is never changed, and is given back when nothing
had to be.
`owns(node)` says whether a list entry is one that the lens can read; the others are somebody else's and are left alone.
"""

from __future__ import annotations

import json
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
    """One entry of a list; added at the end when there is none.

    `first`: whatever stands first. `own`: the first that can be read. `one`: the one that matches; a second that says
    something is refused. `which` says in FHIRPath what it is to be like, for where there is none. `closed`: every entry
    must be one that can be read.
    """

    def __init__(self, entry: Matching, which: str, kind: str, *, closed: bool = False) -> None:
        self.entry, self.which, self.closed = entry, which, closed
        self.single = kind == "one"
        self.test = entry.owns if kind == "own" else entry.matches

    def get(self, node: Any, links: Links) -> Any:
        """Read the entry."""
        if self.closed:
            _expect_all(expect(node, list, "a list"), self.entry)
        return self._found(expect(node, list, "a list"), links)[1]

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """Write the entry where it stands."""
        items = [] if node is None else expect(node, list, "a list")
        at, _ = self._found(items, links)
        old = None if at is None else items[at]
        try:
            new = self.entry.put(value, old, links)
        except Wrong as wrong:
            wrong.path.insert(0, f"[{len(items) if at is None else at}]")
            raise
        if new is old:
            return node
        if at is None:
            return [*items, new]
        if new is not None:
            return [*items[:at], new, *items[at + 1 :]]
        left = [*items[:at], *items[at + 1 :]]
        if self._found(left, links)[1] is not None:
            reason = "cannot be removed: the entry after it would be taken for it"
            raise Wrong(reason, "business-rule", f"[{at}]")
        return left or None

    def owns(self, node: Any) -> bool:
        """A list with a matching entry that can be read."""
        return type(node) is list and any(map(self.entry.owns, node))

    def _found(self, items: list[Any], links: Links) -> tuple[int | None, Any]:
        """Which entry it is, and what it says."""
        at, said = None, None
        for index, item in enumerate(items):
            if not self.test(item):
                continue
            try:
                value = self.entry.get(item, links)
            except Wrong as wrong:
                wrong.path.insert(0, f"[{index}]")
                raise
            if not self.single:
                return index, value
            if value is not None and said is not None:
                raise Wrong("is a second one, and there can be one only", "multiple-matches", f"[{index}]")
            if at is None or value is not None:
                at, said = index, value
        return at, said


def _moved(beside: list[Any], old: list[Any], new: list[Any]) -> list[Any]:
    """The `_element` list of a list of primitives, moved along with the values that stayed."""
    left = dict(enumerate(old))
    moved = []
    for value in new:
        at = next((n for n, item in left.items() if item == value), None)
        left.pop(at, None)  # type: ignore[arg-type]  # None is no key
        moved.append(beside[at] if at is not None and at < len(beside) else None)
    return moved


def _plain(value: Any) -> str:
    """What a value says, whatever the order of its fields, and without those that say nothing."""
    return json.dumps(_said(value), sort_keys=True)


def _said(value: Any) -> Any:
    if type(value) is dict:
        return {name: said for name, inner in value.items() if (said := _said(inner)) not in (None, [], {})}
    return [_said(item) for item in value] if type(value) is list else value


_GONE = object()


class Each:
    """Every entry that is ours, as a list of values; others' entries keep their place and content.

    With a `key`, a value is written onto the entry that has its key. Without, onto the entry that says the same, so
    that what another system wrote beside a value stays with it; and what is left, when the entries are objects of
    several fields (`rewrite`), onto the entries that are left, in order. A key that the entries do not carry is their
    position: `prefix`-1, `prefix`-2, … `closed`: every entry must be one that can be read.
    """

    def __init__(
        self, entry: Matching, key: str | None = None, prefix: str = "", *, rewrite: bool = False, closed: bool = False
    ) -> None:
        self.entry, self.key, self.prefix, self.rewrite, self.closed = entry, key, prefix, rewrite, closed

    def get(self, node: Any, links: Links) -> list[Any] | None:
        """Read our entries, in order."""
        values: list[Any] = []
        keys: set[Any] = set()
        if self.closed:
            _expect_all(expect(node, list, "a list"), self.entry)
        for index, item in enumerate(expect(node, list, "a list")):
            if not self.entry.owns(item):
                continue
            try:
                value = self._keyed(self.entry.get(item, links), len(values))
            except Wrong as wrong:
                wrong.path.insert(0, f"[{index}]")
                raise
            if self.key is not None and value[self.key] in keys:
                raise Wrong("has the id of an entry before it", "invariant", f"[{index}]")
            keys.add(None if self.key is None else value[self.key])
            values.append(value)
        return values or None

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """Write our entries into the places that ours had; more go to the end, fewer leave."""
        items = [] if node is None else expect(node, list, "a list")
        ours = [n for n, item in enumerate(items) if self.entry.owns(item)]
        wanted = value or []
        chosen = self._bases(wanted, [items[n] for n in ours], links)
        new = [self._written(one, chosen[index], index, links) for index, one in enumerate(wanted)]
        places = iter(new)
        mine = set(ours)
        merged = [item if n not in mine else next(places, _GONE) for n, item in enumerate(items)]
        return [item for item in [*merged, *places] if item is not _GONE] or None

    def owns(self, node: Any) -> bool:
        """A list with an entry of ours."""
        return type(node) is list and any(map(self.entry.owns, node))

    def _bases(self, wanted: list[Any], entries: list[Any], links: Links) -> list[tuple[Any, bool]]:
        """For each wanted value the entry to write it onto, or None; and whether that says it already."""
        found = [self._keyed(self.entry.get(item, links), n) for n, item in enumerate(entries)]
        if self.key is not None:
            by_key = {value[self.key]: item for value, item in zip(found, entries, strict=True)}
            return [(by_key.get(one[self.key]), False) for one in wanted]
        waiting: dict[str, list[int]] = {}
        for n, value in enumerate(found):
            waiting.setdefault(_plain(value), []).append(n)
        same = [waiting[said].pop(0) if waiting.get(said := _plain(one)) else None for one in wanted]
        taken = set(same)
        left = iter([n for n in range(len(entries)) if n not in taken] if self.rewrite else [])
        chosen = [(at if at is not None else next(left, None), at is not None) for at in same]
        return [(None if at is None else entries[at], is_same) for at, is_same in chosen]

    def _written(self, wanted: Any, chosen: tuple[Any, bool], index: int, links: Links) -> Any:
        """The entry; one that had no key, and whose position still says it, gets none."""
        base, is_same = chosen
        if is_same:
            return base
        if base is not None and self.key is not None and wanted[self.key] == f"{self.prefix}-{index + 1}":
            own = self.entry.get(base, links).get(self.key)
            wanted = wanted if own else {name: value for name, value in wanted.items() if name != self.key}
        try:
            return self.entry.put(wanted, base, links)
        except Wrong as wrong:
            wrong.path.insert(0, f"[{index}]")
            raise

    def _keyed(self, value: Any, index: int) -> Any:
        if self.key is None or self.key in value:
            return value
        return {**value, self.key: f"{self.prefix}-{index + 1}"}
