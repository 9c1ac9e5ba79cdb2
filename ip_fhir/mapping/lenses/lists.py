"""Lenses on lists: one entry, or each of ours; others' entries keep their place and content."""

from __future__ import annotations

import json
from collections import deque
from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias

from ip_fhir.mapping.lenses.nodes import UNREADABLE
from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ip_fhir.mapping.lenses.nodes import Matching, Path, Told
    from ip_fhir.mapping.lenses.references import Links


def _expect_all(items: list[Any], entry: Matching) -> None:
    """Refuse a list with an entry that cannot be read."""
    for index, item in enumerate(items):
        if not entry.owns(item):
            raise Wrong(UNREADABLE, "not-supported", f"[{index}]")


def _items(node: Any) -> list[Any]:
    return node if type(node) is list else []


class One:
    """One entry of a list; added at the end when there is none.

    `kind` is `first`: the first entry of all; `own`: the first that can be read; or `one`: the one that matches, and a
    second one with a value is refused. `which` is the step to the entry if there is none yet. `strict`: every entry
    must be readable.
    """

    def __init__(self, entry: Matching, which: str, kind: str, *, strict: bool = False) -> None:
        self.entry, self.which, self.strict = entry, which, strict
        self.single = kind == "one"
        self.test = entry.owns if kind == "own" else entry.matches

    def get(self, node: Any, links: Links) -> Any:
        """Read the entry."""
        if self.strict:
            _expect_all(expect(node, list, "a list"), self.entry)
        return self._found(expect(node, list, "a list"), links)[1]

    def put(self, value: Any, node: Any, links: Links, _known: Any = None) -> Any:
        """Write the entry in its place."""
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
        """True for a list with a matching entry that can be read."""
        return type(node) is list and any(map(self.entry.owns, node))

    def steps(self, names: tuple[str, ...], node: Any) -> list[str]:
        """The entry's number, or `which` if there is none yet, and the steps below it."""
        items = _items(node)
        at = self._place(items)
        if at is None:
            return [*filter(None, [self._next(items)]), *self.entry.steps(names, None)]
        return [f"[{at}]", *self.entry.steps(names, items[at])]

    def reads(self, node: Any, links: Links, path: Path) -> Iterator[Path]:
        """The places read in the entry."""
        items = _items(node)
        at = self._place(items)
        if at is not None:
            yield from self.entry.reads(items[at], links, (*path, at))

    def _next(self, _items: list[Any]) -> str:
        """The step to the entry where there is none yet."""
        return self.which

    def _place(self, items: list[Any]) -> int | None:
        """The number of the first entry that passes the test; None where there is none."""
        return next((n for n, item in enumerate(items) if self.test(item)), None)

    @property
    def telling(self) -> bool:
        """As the entry's lens says."""
        return self.entry.telling

    def tells(self, node: Any, links: Links, path: Path) -> Iterator[Told]:
        """The places told of in the entry."""
        found = next(((n, item) for n, item in enumerate(_items(node)) if self.test(item)), None)
        if found is not None:
            yield from self.entry.tells(found[1], links, (*path, found[0]))

    def _found(self, items: list[Any], links: Links) -> tuple[int | None, Any]:
        """The number of the entry and its value; None for both where there is none."""
        at, said = None, None
        for index, item in self._candidates(items, links):
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

    def _candidates(self, items: list[Any], _links: Links) -> Iterable[tuple[int, Any]]:
        """The entries that may pass the test, each with its number: here all."""
        return enumerate(items)


class Current(One):
    """The entry of a list that counts now: of those that are ours, the one of the lowest rank; the others stay."""

    def __init__(self, entry: Matching, rank: Callable[[Any], Any]) -> None:
        super().__init__(entry, "", "own")
        self.rank = rank

    def _next(self, items: list[Any]) -> str:
        """The step to the end of the list, where a new entry goes."""
        return f"[{len(items)}]"

    def _place(self, items: list[Any]) -> int | None:
        """The number of the entry; what is no object is looked at first, so that it is refused."""
        broken = next((n for n, item in enumerate(items) if type(item) is not dict), None)
        ours = [(self.rank(item), n) for n, item in enumerate(items) if broken is None and self.entry.owns(item)]
        return min(ours)[1] if ours else broken

    def _found(self, items: list[Any], links: Links) -> tuple[int | None, Any]:
        at = self._place(items)
        if at is None:
            return None, None
        try:
            return at, self.entry.get(items[at], links)
        except Wrong as wrong:
            wrong.path.insert(0, f"[{at}]")
            raise


def _comparable(value: Any) -> str:
    """The value as text, for comparison: with its fields in a fixed order, and without empty ones."""
    return json.dumps(_filled(value), sort_keys=True)


def _filled(value: Any) -> Any:
    if type(value) is dict:
        return {name: kept for name, inner in value.items() if (kept := _filled(inner)) not in (None, [], {})}
    return [_filled(item) for item in value] if type(value) is list else value


_Base: TypeAlias = tuple[Any, Any]
"""An entry to write onto, or None, and the value that it is known to have, or None."""


class Each:
    """Every entry that is ours, as a list of values; others' entries keep their place and content.

    With a `key`, a value is written onto the entry that has its key. Without one, it is written onto the entry that has
    the same value, so that another system's additions to the entry stay with it; if the entries are objects of several
    fields (`rewrite`), the remaining values are then written onto the remaining entries, in order. A key that the
    entries do not carry is their position: `prefix`-1, `prefix`-2, … `strict`: every entry must be readable.
    """

    def __init__(
        self, entry: Matching, key: str | None = None, prefix: str = "", *, rewrite: bool = False, strict: bool = False
    ) -> None:
        self.entry, self.key, self.prefix, self.rewrite, self.strict = entry, key, prefix, rewrite, strict

    def get(self, node: Any, links: Links) -> list[Any] | None:
        """Read our entries, in order."""
        values: list[Any] = []
        keys: set[Any] = set()
        items = expect(node, list, "a list")
        if self.strict:
            _expect_all(items, self.entry)
        for index in self._ours(items):
            try:
                value = self._keyed(self.entry.get(items[index], links), len(values))
            except Wrong as wrong:
                wrong.path.insert(0, f"[{index}]")
                raise
            if self.key is not None and value[self.key] in keys:
                raise Wrong("has the id of an entry before it", "invariant", f"[{index}]")
            keys.add(None if self.key is None else value[self.key])
            values.append(value)
        return values or None

    def put(self, value: Any, node: Any, links: Links, known: Any = None) -> Any:
        """Write our entries into the places that ours had; more go to the end, fewer leave."""
        items = [] if node is None else expect(node, list, "a list")
        ours = self._ours(items)
        wanted = value or []
        entries = [items[n] for n in ours]
        if self.key is not None and known is not None and len(known) == len(entries):
            bases = self._known_bases(wanted, entries, known)
        else:
            bases = self._bases(wanted, entries, links)
        places = [*ours, *range(len(items), len(items) + len(wanted))]
        new = [
            base[0] if one == base[1] else self._written(one, base, index, places[index], links)
            for index, (one, base) in enumerate(zip(wanted, bases, strict=True))
        ]
        new = self._in_place(new, entries)
        written = list(items)
        for n, entry in zip(ours, new, strict=False):
            written[n] = entry
        if len(new) < len(ours):
            leaving = set(ours[len(new) :])
            written = [entry for n, entry in enumerate(written) if n not in leaving]
        return [*written, *new[len(ours) :]] or None

    def owns(self, node: Any) -> bool:
        """True for a list with an entry of ours."""
        return type(node) is list and any(map(self.entry.owns, node))

    def steps(self, names: tuple[str, ...], node: Any) -> list[str]:
        """The number of the entry that the first name counts among ours, and what is below it; else the whole list."""
        items = _items(node)
        ours = self._ours(items)
        number = int(names[0]) if names and names[0].isdigit() else len(ours)
        if number >= len(ours):
            return []
        at = ours[number]
        return [f"[{at}]", *self.entry.steps(names[1:], items[at])]

    def reads(self, node: Any, links: Links, path: Path) -> Iterator[Path]:
        """The places read in each of our entries."""
        for index, item in enumerate(_items(node)):
            if self.entry.owns(item):
                yield from self.entry.reads(item, links, (*path, index))

    @property
    def telling(self) -> bool:
        """As the entries' lens says."""
        return self.entry.telling

    def tells(self, node: Any, links: Links, path: Path) -> Iterator[Told]:
        """The places told of in each of our entries."""
        for index, item in enumerate(_items(node)):
            if self.entry.owns(item):
                yield from self.entry.tells(item, links, (*path, index))

    def _ours(self, items: list[Any]) -> list[int]:
        """The numbers of our entries, in the order in which they are read."""
        return [n for n, item in enumerate(items) if self.entry.owns(item)]

    def _in_place(self, new: list[Any], _before: list[Any]) -> list[Any]:
        """The written entries, fit for the places of those that stood `before` in our places."""
        return new

    def _bases(self, wanted: list[Any], entries: list[Any], links: Links) -> list[_Base]:
        """For each wanted value the entry to write it onto; entries are read to find it."""
        found = [self._keyed(self.entry.get(item, links), n) for n, item in enumerate(entries)]
        if self.key is not None:
            by_key = {value[self.key]: item for value, item in zip(found, entries, strict=True)}
            return [(by_key.get(one[self.key]), None) for one in wanted]
        waiting: dict[str, deque[int]] = {}
        for n, value in enumerate(found):
            waiting.setdefault(_comparable(value), deque()).append(n)
        same = [waiting[said].popleft() if waiting.get(said := _comparable(one)) else None for one in wanted]
        taken = set(same)
        left = iter([n for n in range(len(entries)) if n not in taken] if self.rewrite else [])
        chosen = [
            (at, one) if at is not None else (next(left, None), None) for at, one in zip(same, wanted, strict=True)
        ]
        return [(None if at is None else entries[at], before) for at, before in chosen]

    def _known_bases(self, wanted: list[Any], entries: list[Any], known: list[Any]) -> list[_Base]:
        """As `_bases`, for entries whose values are known: none is read.

        An entry whose key may be its position is read after all where that changes.
        """
        there = {value[self.key]: n for n, value in enumerate(known)}
        bases: list[_Base] = []
        for index, one in enumerate(wanted):
            n = there.get(one[self.key])
            if n is None:
                bases.append((None, None))
            else:
                stays = n == index or one[self.key] != f"{self.prefix}-{n + 1}"
                bases.append((entries[n], known[n] if stays else None))
        return bases

    def _written(self, wanted: Any, base: _Base, index: int, place: int, links: Links) -> Any:
        """The written entry; it gets no key if it had none and its position still gives the same one."""
        entry, before = base
        if before is None and entry is not None and self.key is not None:
            wanted = self._without_position(wanted, entry, index, links)
        try:
            return self.entry.put(wanted, entry, links, before)
        except Wrong as wrong:
            wrong.path.insert(0, f"[{place}]")
            raise

    def _without_position(self, wanted: Any, entry: Any, index: int, links: Links) -> Any:
        if wanted[self.key] != f"{self.prefix}-{index + 1}" or self.entry.get(entry, links).get(self.key):
            return wanted
        return {name: value for name, value in wanted.items() if name != self.key}

    def _keyed(self, value: Any, index: int) -> Any:
        if self.key is not None and value is None:
            raise Wrong("says nothing that can be read here", "required")
        if self.key is None or self.key in value:
            return value
        return {**value, self.key: f"{self.prefix}-{index + 1}"}


class Ranked(Each):
    """Every entry that is ours, in the order of a number in it; the number stays with the place, not with the value."""

    def __init__(self, number: str, entry: Matching, *, rewrite: bool = False, strict: bool = False) -> None:
        super().__init__(entry, rewrite=rewrite, strict=strict)
        self.number = number

    def _ours(self, items: list[Any]) -> list[int]:
        """The numbers of our entries: those with a number first."""
        return sorted(super()._ours(items), key=lambda n: self._rank(items[n]))

    def _rank(self, item: dict[str, Any]) -> float:
        found = item.get(self.number)
        return found if type(found) is int else inf

    def _in_place(self, new: list[Any], before: list[Any]) -> list[Any]:
        """The written entries, each with the number that its place had; a new place has none."""
        nothing: dict[str, Any] = {}
        return [self._numbered(entry, before[n] if n < len(before) else nothing) for n, entry in enumerate(new)]

    def _numbered(self, entry: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
        number = old.get(self.number)
        if entry.get(self.number) == number:
            return entry
        rest = {name: value for name, value in entry.items() if name != self.number}
        return rest if number is None else {**rest, self.number: number}
