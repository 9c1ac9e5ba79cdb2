"""The three-way merge of two changed copies of a plan. Pure; neither plan is changed.

`merge(base, mine, theirs)`: `base` is the plan that both sides began with, `theirs` what is stored now, `mine` what is
to be applied to it. Its rules:

1. Items are the same by their id, everything else by its field. The owner and the team are merged by field too, unless
   their id differs. A value without id (a period, an address, a list of contacts) is one.
2. A change by one side is applied, and so is the same change by both. Fields that one rule binds (`BOUND`) are merged
   as one value: a status and its date come from the same side.
3. Conflicts are: two different values for a field; an item changed by one side and removed by the other; the same id
   added twice with different content; and two changes that are valid alone but not together (a measure towards a goal
   that the other side removed; two coordinators at once). In a conflict `theirs` stays as it is, and the conflict gives
   the values of all three plans.
4. The merged plan is sound, always.
5. Items keep their order in `theirs`; an item that only `mine` has comes after the item that it follows in `mine`. If
   only `mine` has put items in another order, that order is used.
6. `version`, `updated` and `author` describe the last writing and are never in conflict. They come from `theirs` if the
   merged plan equals `theirs`, and from `mine` if `theirs` did not change them. Else `updated` and `author` come from
   the side that was written last, and `version` is one higher than both, since the merged plan is a new version.
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
    Clashes,
    Place,
    by_id,
    same_id,
    units,
)
from ip_fhir.domain.merge.soundness import homes, rivals, unsound
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.plan_rules import plan_problems
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
    """A place where `theirs` was kept, the values of the three plans, and the place it clashes with (`against`).

    A missing item is None; for a group of fields, each value is a dict by field name. `repr` does not show the values.
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
    """A sound plan, and the conflicts; without conflicts, all changes of both sides are in the plan."""

    plan: IndividualPlan
    conflicts: tuple[MergeConflict, ...] = ()


def merge(base: IndividualPlan, mine: IndividualPlan, theirs: IndividualPlan) -> Merged:
    """Applies the changes from `base` to `mine` to `theirs`, by the rules above.

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

    Raises `InvalidInput` if an argument is no plan, or if the ids of the three plans differ.
    """
    for name, plan in (("base", base), ("mine", mine), ("theirs", theirs)):
        require(plan, IndividualPlan, name)
        if plan.id != base.id:
            raise InvalidInput.at(f"{name}.id", "is another plan than the base", "invariant")
    kept: Clashes = {}
    while True:  # each turn keeps more of theirs, so there is an end: theirs alone is sound
        attempt = _Attempt(kept)
        if (merged := attempt.plan(base, mine, theirs)) is not None:
            return Merged(merged, tuple(attempt.conflicts))
        kept = {**kept, **attempt.unsound}


class _Attempt:
    """One attempt to merge. `kept` are places where theirs is kept, since earlier attempts with mine were unsound."""

    def __init__(self, kept: Clashes) -> None:
        self.kept = kept
        self.conflicts: list[MergeConflict] = []
        self.applied: Applied = {}
        self.unsound: Clashes = {}  # what to keep of theirs next time

    def plan(self, base: IndividualPlan, mine: IndividualPlan, theirs: IndividualPlan) -> IndividualPlan | None:
        """Returns the merged plan; None if it is not sound (then `unsound` is set)."""
        found = self._fields("", None, base, mine, theirs)
        found |= self._bookkeeping(base, mine, theirs, as_theirs=not found)
        if self.unsound:
            return None
        merged = theirs.model_copy(update=found)
        problems = plan_problems(merged)  # all of them: an error tells of the first ones
        if not problems:
            try:
                return theirs.evolve(**found) if found else theirs
            except InvalidInput as error:  # two long lists are too long together
                problems = error.problems
        paths = [problem.path for problem in problems]
        self.unsound = unsound(paths, merged, self.applied, homes(base, mine, theirs), theirs)
        return None

    def _fields(self, path: str, ident: str | None, base: Value, mine: Value, theirs: Value) -> dict[str, Any]:
        """Returns the fields of the merged value that differ from theirs."""
        found: dict[str, Any] = {}
        model = type(theirs)
        for unit in units(model):
            old, ours, other = (tuple([getattr(side, name) for name in unit]) for side in (base, mine, theirs))
            names = tuple([f"{path}{name}" for name in unit])
            value = self._merged_value(Place(names[0], ident), old, ours, other, names)
            if value is not other:
                found.update(zip(unit, value, strict=True))
        for inside, merged in ((ITEMS, self._items), (PARTS, self._part)):
            for name in inside.get(model, ()):
                sides = [getattr(side, name) for side in (base, mine, theirs)]
                if (value := merged(f"{path}{name}", *sides)) != sides[2]:
                    found[name] = value
        return found

    def _merged_value(self, place: Place, base: Any, mine: Any, theirs: Any, fields: tuple[str, ...] = ()) -> Any:
        """Returns the merged value at a place. Without `fields`, the values are whole items or parts."""
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
        """Returns the merged owner or team: by field, if all three sides have the same id."""
        if not same_id(base, mine, theirs):
            return self._merged_value(Place(name), base, mine, theirs)
        found = self._fields(f"{name}.", None, base, mine, theirs)
        try:
            return theirs.evolve(**found) if found else theirs
        except InvalidInput:  # two coordinators at once, without a reason
            self.unsound |= rivals({**dict(theirs), **found}, self.applied)
            return theirs

    def _items(self, name: str, base: Sequence[Any], mine: Sequence[Any], theirs: Sequence[Any]) -> tuple[Any, ...]:
        """Returns a merged list of items, in order."""
        if mine == base:
            return tuple(theirs)
        sides = by_id(base), by_id(mine), by_id(theirs)
        found: dict[str, Any] = {}
        for ident in {**sides[2], **sides[1], **sides[0]}:
            old, ours, other = (side.get(ident) for side in sides)
            if old is None or ours is None or other is None:
                found[ident] = self._merged_value(Place(name, ident), old, ours, other)
            else:
                found[ident] = self._item(f"{name}.", ident, old, ours, other)
        there = {ident: item for ident, item in found.items() if item is not None}
        return tuple(there[ident] for ident in _order(there, *map(list, sides)))

    def _item(self, path: str, ident: str, base: Any, mine: Any, theirs: Any) -> Any:
        """Returns an item that all three plans have, merged by field; `BOUND` ensures that it keeps its rules."""
        if mine in (base, theirs):
            return theirs
        found = self._fields(path, ident, base, mine, theirs)
        return theirs.evolve(**found) if found else theirs

    def _bookkeeping(
        self, base: IndividualPlan, mine: IndividualPlan, theirs: IndividualPlan, *, as_theirs: bool
    ) -> dict[str, Any]:
        """Returns version, time and author of the merged plan if they differ from theirs."""
        first, ours, other = ({name: getattr(side, name) for name in BOOKKEEPING} for side in (base, mine, theirs))
        if other == first:
            version, newer = ours["version"], mine
        elif as_theirs:
            return {}
        else:
            version = max(ours["version"], other["version"]) + 1
            newer = mine if (mine.updated or mine.created) > (theirs.updated or theirs.created) else theirs
        there, now = (tuple([getattr(side, name) for name in AUTHORSHIP]) for side in (theirs, newer))
        value = self._merged_value(Place("author"), there, now, there, AUTHORSHIP)
        return {"version": version, **dict(zip(AUTHORSHIP, value, strict=True))}


def _shown(fields: tuple[str, ...], values: Any) -> Any:
    """Returns the value of one side in a conflict: an item, a value, or a dict of the values of a group of fields."""
    if not fields:
        return values
    named = dict(zip((name.rpartition(".")[2] for name in fields), values, strict=True))
    return named if len(named) > 1 else values[0]


def _order(there: dict[str, Any], base: list[str], mine: list[str], theirs: list[str]) -> Iterator[str]:
    """Yields the ids of a merged list: in the order of one side, with the other's new ids after the id they follow."""
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
