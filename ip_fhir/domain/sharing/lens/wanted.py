"""The view as a participant wants it, made whole: a part that is missing in it is as it was.

On most wires absence says nothing. So a missing item is taken from the view that the change was made on, and so is a
field without a value. Fields that one rule binds are one: a status that is given without a reason has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.merge.places import ITEMS, PARTS, by_id, units
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.plan_rules import references
from ip_fhir.domain.sharing.lens.cut import ACTORS, named_by
from ip_fhir.domain.sharing.lens.index import index_of
from ip_fhir.domain.values.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

_SAYS_NOTHING = (None, ())


def filled(wanted: IndividualPlan, base: IndividualPlan) -> IndividualPlan:
    """Returns `wanted` with what is missing in it from `base`. Raises `InvalidInput` if the two do not fit together.

    >>> from ip_fhir.domain.values.value import read
    >>> base = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "note": "x",
    ...     "needs": [{"id": "n", "text": "Skyss", "area": "transport"}]}''')
    >>> made = filled(base.evolve(needs=(base.needs[0].evolve(area=None, text="Drosje"),), note=None), base)
    >>> made.needs[0].text, made.needs[0].area.value, made.note
    ('Drosje', 'transport', 'x')
    """
    return wanted.evolve(**_filling(wanted, base))


def _filling(wanted: Value, base: Value) -> dict[str, Any]:
    """Returns the fields of `wanted` that differ once what is missing has been filled in."""
    found: dict[str, Any] = {}
    model = type(base)
    for unit in units(model):
        ours, old = (tuple(getattr(side, name) for name in unit) for side in (wanted, base))
        made = tuple(_field(one, other) for one, other in zip(ours, old, strict=True))
        if len(unit) > 1 and not _is_silent(ours, old):
            made = ours
        found.update(zip(unit, made, strict=True))
    for name in ITEMS.get(model, ()):
        found[name] = _items(getattr(wanted, name), getattr(base, name))
    for name in PARTS.get(model, ()):
        ours, old = getattr(wanted, name), getattr(base, name)
        same = ours is not None and old is not None and ours.id == old.id
        found[name] = ours.evolve(**_filling(ours, old)) if same else ours or old
    return found


def _is_silent(ours: tuple[Any, ...], old: tuple[Any, ...]) -> bool:
    """True if each of these fields, which one rule binds, is missing or as it was."""
    return all(_field(one, other) == other for one, other in zip(ours, old, strict=True))


def _field(ours: Any, old: Any) -> Any:
    if ours in _SAYS_NOTHING:
        return old
    if isinstance(ours, Value) and type(ours) is type(old) and not hasattr(ours, "id"):
        return ours.evolve(
            **{name: _field(getattr(ours, name), getattr(old, name)) for name in type(ours).model_fields}
        )
    return ours


def _items(ours: Sequence[Any], old: Sequence[Any]) -> tuple[Any, ...]:
    """Returns the items of `old` as they are wanted, in its order, and then those that are new."""
    given, there = by_id(ours), by_id(old)
    kept = [given[one.id].evolve(**_filling(given[one.id], one)) if one.id in given else one for one in old]
    return (*kept, *(item for item in ours if item.id not in there))


def trimmed(wanted: IndividualPlan) -> IndividualPlan:
    """Returns a view without the actors that nothing in it names: they are in no view.

    >>> from ip_fhir.domain.values.value import read
    >>> view = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "organizations": [{"id": "o", "name": "Skolen", "kind": "school"}]}''')
    >>> trimmed(view).organizations
    ()
    """
    there = named_in(wanted)
    lists = {name: getattr(wanted, name) for name in ACTORS}
    kept = {name: tuple(item for item in items if item.id in there) for name, items in lists.items()}
    return wanted if kept == lists else wanted.evolve(**kept)


def named_in(view: IndividualPlan) -> set[str]:
    """Returns the ids of the actors that something in a view names, with the organisations that these belong to."""
    named = (ident for path, ident in references(view) if path.partition(".")[0] not in ACTORS)
    return named_by(named, index_of(view))
