"""The difference of two plans: every field and item in which they differ."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.merge.places import ITEMS, PARTS, by_id, same_id
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import Value, require

if TYPE_CHECKING:
    from collections.abc import Iterator


class ChangeKind(StrEnum):
    """The kind of a difference between two plans."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    REORDERED = "reordered"  # `before` and `after` are the ids that both have


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One difference. `repr` shows its place but not the values, which are a person's data."""

    field: str
    id: str | None
    kind: ChangeKind
    before: Any = dataclasses.field(repr=False)
    after: Any = dataclasses.field(repr=False)


def difference(before: IndividualPlan, after: IndividualPlan) -> tuple[Change, ...]:
    """Returns every difference between two plans, in the order of a plan's fields; an empty tuple if they are equal.

    An item that only one plan has is one change. In an item that both have, each changed field is one change. Raises
    `InvalidInput` if an argument is no plan.
    """
    for name, plan in (("before", before), ("after", after)):
        require(plan, IndividualPlan, name)
    return tuple(_changes("", None, before, after))


def _changes(path: str, ident: str | None, before: Value, after: Value) -> Iterator[Change]:
    model = type(before)
    for name in model.model_fields:
        old, new, place = getattr(before, name), getattr(after, name), f"{path}{name}"
        if old == new:
            continue
        if name in ITEMS.get(model, ()):
            yield from _item_changes(place, by_id(old), by_id(new))
        elif name in PARTS.get(model, ()) and same_id(old, new):
            yield from _changes(f"{place}.", None, old, new)
        else:
            yield Change(place, ident, ChangeKind.CHANGED, old, new)


def _item_changes(place: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for ident, old in before.items():
        if ident not in after:
            yield Change(place, ident, ChangeKind.REMOVED, old, None)
        elif old != after[ident]:
            yield from _changes(f"{place}.", ident, old, after[ident])
    yield from (
        Change(place, ident, ChangeKind.ADDED, None, new) for ident, new in after.items() if ident not in before
    )
    order, now = (tuple(i for i in one if i in other) for one, other in ((before, after), (after, before)))
    if order != now:
        yield Change(place, None, ChangeKind.REORDERED, order, now)
