"""The three-way merge of two changed copies of a plan. Pure; neither plan is changed.

`merge(base, mine, theirs)`: `base` is the plan that both sides began with, `theirs` what is stored now, `mine` what is
to be applied to it. Its rules:

1. Items are the same by their id, everything else by its field. The owner and the team are merged by field too, unless
   their id differs. A value without id (a period, an address, a list of contacts) is one.
2. What one side changed stands. What both changed to the same value stands. Fields that one rule binds (`BOUND`) are
   one: both ends of a status and its date come from the same side.
3. A conflict is: one field, two values; changed here and removed there; one id added twice with other content; and what
   each side may say but both may not (a measure towards a goal that the other side removed; two coordinators at once).
   There `theirs` stays as it is, and the conflict says what it was and what each side made of it.
4. The merged plan is sound, always.
5. Items stand in their order in `theirs`; what only `mine` has comes after the item it follows in `mine`. Where `mine`
   alone has put items in another order, its order stands.
6. `version`, `updated` and `author` tell of the last writing, and are no content: they are never in conflict. They are
   theirs if the plan is as theirs, mine if theirs are as the base's. Else `updated` and `author` are the newer ones,
   and `version` is one higher than both: the merged plan is neither's version.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.merge.places import (
    AUTHORSHIP,
    BOOKKEEPING,
    ITEMS,
    PARTS,
    Applied,
    Beside,
    Place,
    by_id,
    same_id,
    units,
)
from ip_fhir.domain.merge.soundness import homes, rivals, unsound
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import Value, require
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class MergeConflictKind(StrEnum):
    """The reason for which two changes cannot both stand."""

    BOTH_CHANGED = "both-changed"
    BOTH_ADDED = "both-added"  # an item of one id, with other content
    REMOVED_AND_CHANGED = "removed-and-changed"
    UNSOUND = "unsound"  # each may be said, both may not: `against` is the other place


@dataclasses.dataclass(frozen=True, slots=True)
class MergeConflict:
    """A place where `theirs` stayed, what the three plans have there, and what else it is about (`against`).

    An item that is not there is None; of fields that are one, the values are a dict by field. None of it is in `repr`.
    """

    field: str
    id: str | None
    kind: MergeConflictKind
    base: Any = dataclasses.field(repr=False)
    mine: Any = dataclasses.field(repr=False)
    theirs: Any = dataclasses.field(repr=False)
    against: Place | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Merged:
    """A sound plan, and what of `mine` is not in it. Without conflicts, all of both sides is."""

    plan: IndividualPlan
    conflicts: tuple[MergeConflict, ...] = ()


def merge(base: IndividualPlan, mine: IndividualPlan, theirs: IndividualPlan) -> Merged:
    """Applies to `theirs` what `mine` has made of `base`, by the rules above.

    >>> from ip_fhir.domain.values.value import read
    >>> base = read(IndividualPlan, '''{"id": "plan-1", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "goals": [{"id": "goal-1", "text": "Svømme"}]}''')
    >>> goal = base.goals[0]
    >>> mine = base.evolve(goals=(goal.evolve(text="Svømme hver uke", note="Med far"),))
    >>> theirs = base.evolve(title="Plan", goals=(goal.evolve(text="Svømme alene"),))
    >>> merged = merge(base, mine, theirs)
    >>> merged.plan.title, merged.plan.goals[0].note, merged.plan.goals[0].text
    ('Plan', 'Med far', 'Svømme alene')
    >>> merged.conflicts
    (MergeConflict(field='goals.text', id='goal-1', kind=<MergeConflictKind.BOTH_CHANGED: 'both-changed'>,
     against=None),)

    Raises `InvalidInput` for what is no plan, and for copies of different plans (the id tells).
    """
    for name, plan in (("base", base), ("mine", mine), ("theirs", theirs)):
        require(plan, IndividualPlan, name)
        if plan.id != base.id:
            raise InvalidInput.at(f"{name}.id", "is another plan than the base", "invariant")
    kept: Beside = {}
    while True:  # each turn keeps more of theirs, so there is an end: theirs alone is sound
        attempt = _Attempt(kept)
        if (merged := attempt.plan(base, mine, theirs)) is not None:
            return Merged(merged, tuple(attempt.conflicts))
        kept = {**kept, **attempt.unsound}


class _Attempt:
    """One try at merging. `kept`: places where theirs stays, as mine was found unsound there, and beside what."""

    def __init__(self, kept: Beside) -> None:
        self.kept = kept
        self.conflicts: list[MergeConflict] = []
        self.applied: Applied = {}
        self.unsound: Beside = {}  # what to keep of theirs next time

    def plan(self, base: IndividualPlan, mine: IndividualPlan, theirs: IndividualPlan) -> IndividualPlan | None:
        """The merged plan; None if it is not sound."""
        found = self._fields("", None, base, mine, theirs)
        found |= self._bookkeeping(base, mine, theirs, as_theirs=not found)
        if self.unsound:
            return None
        try:
            return theirs.evolve(**found) if found else theirs
        except InvalidInput as error:
            paths = [problem.path for problem in error.problems]
            self.unsound = unsound(paths, {**dict(theirs), **found}, self.applied, homes(base, mine, theirs))
            return None

    def _fields(self, path: str, ident: str | None, base: Value, mine: Value, theirs: Value) -> dict[str, Any]:
        """The fields of the merged value that are not as in theirs."""
        found: dict[str, Any] = {}
        model = type(theirs)
        for unit in units(model):
            old, ours, other = (tuple([getattr(side, name) for name in unit]) for side in (base, mine, theirs))
            names = tuple([f"{path}{name}" for name in unit])
            stands = self._stands(Place(names[0], ident), old, ours, other, names)
            if stands is not other:
                found.update(zip(unit, stands, strict=True))
        for inside, merged in ((ITEMS, self._items), (PARTS, self._part)):
            for name in inside.get(model, ()):
                sides = [getattr(side, name) for side in (base, mine, theirs)]
                if (value := merged(f"{path}{name}", *sides)) != sides[2]:
                    found[name] = value
        return found

    def _stands(self, place: Place, base: Any, mine: Any, theirs: Any, fields: tuple[str, ...] = ()) -> Any:
        """The one of the three values that stands at a place. Without `fields` it is an item, or a whole part."""
        if mine in (theirs, base):
            return theirs
        if theirs == base and place not in self.kept:
            self.applied[place] = fields or (place.field,)
            return mine
        kind = MergeConflictKind.BOTH_CHANGED
        if place in self.kept:
            kind = MergeConflictKind.UNSOUND
        elif not fields and None in (mine, theirs):
            kind = MergeConflictKind.REMOVED_AND_CHANGED
        elif not fields and base is None:
            kind = MergeConflictKind.BOTH_ADDED
        was, ours, other = (_shown(fields, values) for values in (base, mine, theirs))
        self.conflicts.append(MergeConflict(place.field, place.id, kind, was, ours, other, self.kept.get(place)))
        return theirs

    def _part(self, name: str, base: Any, mine: Any, theirs: Any) -> Any:
        """The owner, or the team: by field, if it is the same on all sides."""
        if not same_id(base, mine, theirs):
            return self._stands(Place(name), base, mine, theirs)
        found = self._fields(f"{name}.", None, base, mine, theirs)
        try:
            return theirs.evolve(**found) if found else theirs
        except InvalidInput:  # the two sides' coordinators are too many at once, or no longer with a reason
            self.unsound |= rivals({**dict(theirs), **found}, self.applied)
            return theirs

    def _items(self, name: str, base: Sequence[Any], mine: Sequence[Any], theirs: Sequence[Any]) -> tuple[Any, ...]:
        """A list of items, in its order."""
        if mine == base:
            return tuple(theirs)
        sides = by_id(base), by_id(mine), by_id(theirs)
        found: dict[str, Any] = {}
        for ident in {**sides[2], **sides[1], **sides[0]}:
            old, ours, other = (side.get(ident) for side in sides)
            if old is None or ours is None or other is None:
                found[ident] = self._stands(Place(name, ident), old, ours, other)
            else:
                found[ident] = self._item(f"{name}.", ident, old, ours, other)
        there = {ident: item for ident, item in found.items() if item is not None}
        return tuple(there[ident] for ident in _order(there, *map(list, sides)))

    def _item(self, path: str, ident: str, base: Any, mine: Any, theirs: Any) -> Any:
        """An item that all three have, merged by field. `BOUND` sees to it that no rule of the item is broken."""
        if mine in (base, theirs):
            return theirs
        found = self._fields(path, ident, base, mine, theirs)
        return theirs.evolve(**found) if found else theirs

    def _bookkeeping(
        self, base: IndividualPlan, mine: IndividualPlan, theirs: IndividualPlan, *, as_theirs: bool
    ) -> dict[str, Any]:
        """Version, time and author of the merged plan, where they are not as in theirs."""
        first, ours, other = ({name: getattr(side, name) for name in BOOKKEEPING} for side in (base, mine, theirs))
        if other == first:
            version, newer = ours["version"], mine
        elif as_theirs:
            return {}
        else:
            version = max(ours["version"], other["version"]) + 1
            newer = mine if (mine.updated or mine.created) > (theirs.updated or theirs.created) else theirs
        there, now = (tuple([getattr(side, name) for name in AUTHORSHIP]) for side in (theirs, newer))
        stands = self._stands(Place("author"), there, now, there, AUTHORSHIP)
        return {"version": version, **dict(zip(AUTHORSHIP, stands, strict=True))}


def _shown(fields: tuple[str, ...], values: Any) -> Any:
    """The values that a conflict shows of one side: an item, a field's value, or the values of fields that are one."""
    if not fields:
        return values
    named = dict(zip((name.rpartition(".")[2] for name in fields), values, strict=True))
    return named if len(named) > 1 else values[0]


def _order(there: dict[str, Any], base: list[str], mine: list[str], theirs: list[str]) -> Iterator[str]:
    """The ids of a merged list in order: one side's, with what only the other has after the id it follows there."""
    first, second = (theirs, mine)
    if _is_reordered(mine, base) and not _is_reordered(theirs, base):
        first, second = (mine, theirs)
    known = set(first)
    last: str | None = None
    following: dict[str | None, list[str]] = {}
    for ident in second:
        if ident in there and ident not in known:
            following.setdefault(last, []).append(ident)
        elif ident in there:
            last = ident
    yield from following.get(None, ())
    for ident in first:
        if ident in there:
            yield ident
        yield from following.get(ident, ())


def _is_reordered(now: list[str], before: list[str]) -> bool:
    ids, old = set(now), set(before)
    return [ident for ident in now if ident in old] != [ident for ident in before if ident in ids]
