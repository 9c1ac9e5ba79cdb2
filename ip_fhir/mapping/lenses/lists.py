"""Lenses on lists: one entry, or each of ours; others' entries keep their place and content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ip_fhir.mapping.lenses.nodes import UNREADABLE, Matching, Member, Node
from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from ip_fhir.mapping.lenses.references import Links


def _expect_all(items: list[Any], entry: Matching) -> None:
    """Refuse a list with an entry that cannot be read."""
    for index, item in enumerate(items):
        if not entry.owns(item):
            raise Wrong(UNREADABLE, "not-supported", f"[{index}]")


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


def _plain(value: Any) -> str:
    """What a value says, whatever the order of its fields, and without those that say nothing."""
    return json.dumps(_said(value), sort_keys=True)


def _said(value: Any) -> Any:
    if type(value) is dict:
        return {name: said for name, inner in value.items() if (said := _said(inner)) not in (None, [], {})}
    return [_said(item) for item in value] if type(value) is list else value


_GONE = object()


def changing(node: Node, known: list[Any] | None) -> Node:
    """The lens on a list with keys, for where it is known what the list says; any other lens as it is."""
    if not isinstance(node, Member) or not isinstance(node.inner, Each):
        return node
    if not hasattr(node.inner.entry.inner, "put_changes"):  # the table's own lens has it
        return node
    return Member(node.name, _Changing(node.inner, known or []), guarded=node.guarded)


class _Changing:
    """A list of which it is known what it says."""

    def __init__(self, inner: Each, known: list[Any]) -> None:
        self.inner, self.known = inner, known
        self.get, self.owns = inner.get, inner.owns

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """Write what differs."""
        return self.inner.put_changes(value, self.known, node, links)


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

    def put_changes(self, value: Any, known: list[Any], node: Any, links: Links) -> Any:
        """As `put`, for a list with keys of which it is known what it says: entries that say the same stay unread."""
        items = [] if node is None else expect(node, list, "a list")
        ours = [n for n, item in enumerate(items) if self.entry.owns(item)]
        inner: Any = self.entry.inner
        if [one[self.key] for one in value or ()] != [one[self.key] for one in known] or len(ours) != len(known):
            return self.put(value, node, links)
        changed = list(items)
        for n, one, before in zip(ours, value, known, strict=True):
            if one != before:
                try:
                    changed[n] = inner.put_changes(one, before, items[n], links)
                except Wrong as wrong:
                    wrong.path.insert(0, f"[{n}]")
                    raise
        return changed

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
