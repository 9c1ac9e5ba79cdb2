"""The view as a participant wants it, made whole: a part that is missing in it is as it was.

On most wires absence says nothing. So a missing item is taken from the view that the change was made on, and so is a
field without a value. Fields that one rule binds are one: a status that is given without a reason has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.merge.places import ITEMS, PARTS, by_id, units
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.plan_rules import references
from ip_fhir.domain.sharing.lens.cut import named_by
from ip_fhir.domain.sharing.lens.index import ACTORS, index_of
from ip_fhir.domain.values.value import Value

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ip_fhir.domain.team import CareTeam

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
    """Returns the fields of `wanted` in which something is missing, as they are with it.

    Of fields that one rule binds, none is missing if another says something else than before.
    """
    found: dict[str, Any] = {}
    model = type(base)
    for unit in units(model):
        ours, old = (tuple(getattr(side, name) for name in unit) for side in (wanted, base))
        made = tuple(_field(one, other) for one, other in zip(ours, old, strict=True))
        if len(unit) > 1 and made != old:
            made = tuple(_period(one, other) for one, other in zip(ours, old, strict=True))
        if made != ours:
            found.update(zip(unit, made, strict=True))
    for name in ITEMS.get(model, ()):
        found[name] = _items(getattr(wanted, name), getattr(base, name))
    for name in PARTS.get(model, ()):
        ours, old = getattr(wanted, name), getattr(base, name)
        same = ours is not None and old is not None and ours.id == old.id
        found[name] = ours.evolve(**_filling(ours, old)) if same else ours or old
    return found


def _period(ours: Any, old: Any) -> Any:
    """Returns a value of bound fields that are not as they were: of a period, an end may be missing all the same."""
    return _field(ours, old) if isinstance(ours, Value) else ours


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
    kept = (_item(given.get(one.id, one), one) for one in old)
    return (*kept, *(item for item in ours if item.id not in there))


def _item(ours: Any, old: Any) -> Any:
    """Returns an item as it is wanted, with what is missing in it."""
    filling = {} if ours == old else _filling(ours, old)
    return ours.evolve(**filling) if filling else ours


def as_said(
    wanted: IndividualPlan, base: IndividualPlan, unchanged: Collection[str], *, team_unnamed: bool = False
) -> IndividualPlan:
    """Returns `wanted` with the items that are said to be unchanged as they are in `base`.

    One that is not in `base` says nothing, and is left out. The id of the plan stands for its own fields. With
    `team_unnamed`, the roles of `wanted` are those of the team in `base`: all else of that team is as it is there, and
    so are its vacant places. Raises `InvalidInput` if the rest does not hang together then.

    >>> from ip_fhir.domain.values.value import read
    >>> base = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "note": "x", "needs": [{"id": "n", "text": "Skyss"}]}''')
    >>> wanted = base.evolve(needs=(base.needs[0].evolve(text="?"),), note="y")
    >>> as_said(wanted, base, ["n"]).needs[0].text, as_said(wanted, base, ["p"]).note
    ('Skyss', 'x')
    """
    if team_unnamed and wanted.team is not None and base.team is not None:
        wanted = wanted.evolve(team=_roles_of_team(wanted.team, base.team))
    if not unchanged:
        return wanted
    ids = {*unchanged}
    made: dict[str, Any] = _lists_as_said(wanted, base, ids)
    if wanted.id in ids:
        made |= {name: getattr(base, name) for unit in units(IndividualPlan) for name in unit}
    if base.team is not None and (wanted.team is None or wanted.team.id == base.team.id):
        team = wanted.team or base.team.evolve(memberships=(), coordinators=())
        items = _lists_as_said(team, base.team, ids)
        made["team"] = team.evolve(**items) if wanted.team is not None or any(items.values()) else None
    return wanted.evolve(**made)


def _roles_of_team(ours: CareTeam, known: CareTeam) -> CareTeam:
    """Returns the team that is known with these roles, and with its vacant places, which nobody has."""
    given = by_id(ours.coordinators)
    vacant = (one for one in known.coordinators if one.holder is None and one.id not in given)
    return known.evolve(memberships=ours.memberships, coordinators=(*ours.coordinators, *vacant))


def _lists_as_said(wanted: Value, base: Value, ids: Collection[str]) -> dict[str, Any]:
    """Returns the lists of items of `wanted`, with those that have one of the ids as in `base`."""
    found: dict[str, Any] = {}
    for name in ITEMS[type(base)]:
        ours, there = getattr(wanted, name), by_id(getattr(base, name))
        given = by_id(ours)
        known = (one for one in ours if one.id not in ids or one.id in there)
        missing = (one for ident, one in there.items() if ident in ids and ident not in given)
        found[name] = (*(there[one.id] if one.id in ids else one for one in known), *missing)
    return found


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
