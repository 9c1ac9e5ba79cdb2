"""The parts of a change: fields and items in which the wanted view differs from the one it was made on.

Each part is decided by itself, from the change, its base and today's view alone, so that no answer tells of what is
hidden. Fields that one rule binds (`domain.merge.BOUND`) are one part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ip_fhir.domain.merge import BOUND, Change, ChangeKind, Place, difference, merge
from ip_fhir.domain.merge.places import ITEMS, PARTS, by_id
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.plan_rules import LISTS
from ip_fhir.domain.sharing.change import Outcome, PartDecision
from ip_fhir.domain.sharing.ids import view_id
from ip_fhir.domain.sharing.lens.index import ACTORS
from ip_fhir.domain.sharing.lens.refusals import CLOSED_FIELD, TAKEN_OUT, HiddenClash, ViewRefused
from ip_fhir.domain.sharing.policy import people_of
from ip_fhir.domain.sharing.put_back import put_back
from ip_fhir.domain.sharing.rights import Right, right_of
from ip_fhir.domain.values.value import Value, models_in
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from ip_fhir.domain.sharing.rights import Rights
    from ip_fhir.domain.sharing.share import Share

TOO_MANY_REFUSED: Final = "too much of the change is refused"

_BOOKKEEPING: Final = ("version", "updated", "author")  # those of a view say nothing about the plan
_MOST_REFUSED: Final = 100  # parts of one change that are refused one by one; each takes a trial
_LIST_PLACES: Final = (*LISTS, "team.memberships", "team.coordinators")


def _first_fields(model: Any = IndividualPlan, above: str = "") -> Iterator[tuple[str, str]]:
    bound = {name: unit[0] for unit in BOUND.get(model, ()) for name in unit}
    for name, info in model.model_fields.items():
        yield f"{above}{name}", f"{above}{bound.get(name, name)}"
        if name in (*ITEMS.get(model, ()), *PARTS.get(model, ())):
            (inner,) = models_in(info.annotation)
            yield from _first_fields(inner, f"{above}{name}.")


_FIRST: Final = dict(_first_fields())


class Part(NamedTuple):
    """One part: its place (of bound fields, the first), and the differences that are decided together."""

    place: Place
    differences: tuple[Change, ...]


def parts_of(base: IndividualPlan, wanted: IndividualPlan) -> tuple[Part, ...]:
    """Returns the parts of a change.

    None are the order of lists, version, time and author of a view, and people whom nothing names any more.

    >>> from ip_fhir.domain.values.value import read
    >>> base = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "measures": [{"id": "m", "what": "Svømming"}]}''')
    >>> measure = base.measures[0].evolve(status="stopped", status_reason="Ferie", how="Med far")
    >>> for part in parts_of(base, base.evolve(measures=(measure,))):
    ...     print(part.place.field, [one.field for one in part.differences])
    measures.how ['measures.how']
    measures.status ['measures.status', 'measures.status_reason']
    """
    found: dict[Place, list[Change]] = {}
    for one in difference(base, wanted):
        unnamed = one.kind is ChangeKind.REMOVED and one.field in ACTORS
        if one.kind is not ChangeKind.REORDERED and one.field not in _BOOKKEEPING and not unnamed:
            found.setdefault(Place(first_field(one.field), one.id), []).append(one)
    return tuple(Part(place, tuple(differences)) for place, differences in found.items())


def value_at(plan: IndividualPlan, place: str, ident: str | None) -> Any:
    """Returns the value at a dotted field, of the item with this id if one is given; None if there is no such item.

    >>> from ip_fhir.domain.values.value import read
    >>> plan = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "needs": [{"id": "n", "text": "Skyss"}]}''')
    >>> value_at(plan, "needs.text", "n"), value_at(plan, "status", None).value
    ('Skyss', 'draft')
    """
    if place in _LIST_PLACES:
        return by_id(_list_at(plan, place)).get(ident or "")
    above, _, name = place.rpartition(".")
    if not above:
        return getattr(plan, name)
    thing = by_id(_list_at(plan, above)).get(ident or "") if above in _LIST_PLACES else getattr(plan, above)
    return getattr(thing, name, None)


def _list_at(plan: IndividualPlan, place: str) -> Sequence[Any]:
    thing: Any = plan
    for name in place.split("."):
        thing = getattr(thing, name, None)
    return thing or ()


def first_field(name: str) -> str:
    """Returns the field by which those are named that are decided together with this one."""
    return _FIRST.get(name, name)


def decided_with(name: str) -> tuple[str, ...]:
    """Returns the dotted fields that are decided together with this one, itself among them.

    >>> decided_with("reviews.held")
    ('reviews.status', 'reviews.held')
    """
    return tuple(one for one, first in _FIRST.items() if first == first_field(name))


Edit = tuple[str, str | None, Any]
"""A dotted field, the id of the item, and the value that it is to have."""


def edits_of(parts: Iterable[Part]) -> list[Edit]:
    """Returns the values that these parts want."""
    return [(one.field, one.id, one.after) for part in parts for one in part.differences]


def applied(onto: IndividualPlan, edits: Iterable[Edit]) -> IndividualPlan:
    """Returns the plan with these values. Raises `InvalidInput` if it is not sound, or an item is not there.

    >>> from ip_fhir.domain.values.value import read
    >>> plan = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "needs": [{"id": "n", "text": "Skyss"}]}''')
    >>> applied(plan, [("title", None, "Min plan"), ("needs.text", "n", "Drosje")]).needs[0].text
    'Drosje'
    """
    fields: dict[tuple[str, str | None], dict[str, Any]] = {}
    added: dict[str, list[Any]] = {}
    for place, ident, value in edits:
        above, _, name = place.rpartition(".")
        if place in _LIST_PLACES:
            added.setdefault(place, []).append(value)
        else:
            fields.setdefault((above, ident), {})[name] = value
    changes = fields.pop(("", None), {})
    changes |= _lists("", onto, LISTS, fields, added)
    for name in PARTS[IndividualPlan]:
        part = changes.get(name, getattr(onto, name))
        inner = fields.pop((name, None), {})
        if part is not None:
            inner |= _lists(f"{name}.", part, ITEMS.get(type(part), ()), fields, added)
        if inner:
            changes[name] = part.evolve(**inner) if part is not None else None
    if fields:
        raise InvalidInput.at("change", "is about what is not there", "not-found")
    return onto.evolve(**changes) if changes else onto


def _lists(
    above: str,
    thing: Value,
    names: Iterable[str],
    fields: dict[tuple[str, str | None], dict[str, Any]],
    added: Mapping[str, list[Any]],
) -> dict[str, tuple[Any, ...]]:
    """Returns the lists of a thing that are changed, and takes what was changed in them out of `fields`."""
    found = {}
    for name in names:
        place, items = f"{above}{name}", getattr(thing, name)
        changes = {item.id: fields.pop((place, item.id), {}) for item in items}
        if any(changes.values()) or place in added:
            now = (item.evolve(**changes[item.id]) if changes[item.id] else item for item in items)
            found[name] = (*now, *added.get(place, ()))
    return found


@dataclass
class Verdict:
    """The outcome of each part, with the reason of a refusal, and the plan and share with what took effect."""

    plan: IndividualPlan
    share: Share
    outcomes: dict[Place, tuple[Outcome, str | None]] = field(default_factory=dict)

    def decisions(self, parts: Iterable[Part]) -> tuple[PartDecision, ...]:
        """Returns the decision about each difference."""
        return tuple(
            PartDecision(
                field=one.field, id=one.id, outcome=self.outcomes[part.place][0], reason=self.outcomes[part.place][1]
            )
            for part in parts
            for one in part.differences
        )


@dataclass(frozen=True)
class Bench:
    """The ground of judging parts: the base and today's view, and the plan, share and day that today's is of."""

    base: IndividualPlan
    now: IndividualPlan
    share: Share
    plan: IndividualPlan
    on: date
    rights: Rights

    def judge(self, parts: Sequence[Part]) -> Verdict:
        """Decides each part: done at once, proposed, in conflict, not found or refused."""
        verdict = Verdict(self.plan, self.share)
        verdict.outcomes |= {part.place: seen for part in parts if (seen := self._at_sight(part)) is not None}
        left = [part for part in parts if part.place not in verdict.outcomes]
        sifted = _Sieve(self).sift(left)
        verdict.outcomes |= {place: (Outcome.REFUSED, reason) for place, reason in sifted.refused.items()}
        left = [part for part in left if part.place not in sifted.refused]
        conflicts = self._conflicts([part for part in left if part.place not in sifted.unsound])
        at_once = []
        for part in left:
            free = part.place not in conflicts and part.place not in sifted.unsound
            verdict.outcomes[part.place] = (Outcome.CONFLICT if part.place in conflicts else Outcome.PROPOSED, None)
            if free and self._is_at_once(part):
                at_once.append(part)
        taken = _Sieve(self).sift(at_once)
        verdict.outcomes |= {part.place: (Outcome.DONE, None) for part in taken.accepted}
        if taken.accepted:
            verdict.plan, verdict.share = taken.result
        return verdict

    def _at_sight(self, part: Part) -> tuple[Outcome, str | None] | None:
        """Returns what can be said without a trial; None if it has to be tried."""
        first = part.differences[0]
        if first.kind is ChangeKind.REMOVED:
            return Outcome.REFUSED, TAKEN_OUT
        above = first.field if first.field in _LIST_PLACES else first.field.rpartition(".")[0]
        if first.kind is not ChangeKind.ADDED and above in _LIST_PLACES and not value_at(self.now, above, first.id):
            return Outcome.NOT_FOUND, None
        if any(self._right(one) is Right.NEVER for one in part.differences):
            return Outcome.REFUSED, CLOSED_FIELD
        if all(value_at(self.now, one.field, one.id) == one.after for one in part.differences):
            return Outcome.DONE, None
        return None

    def _right(self, one: Change) -> Right:
        return right_of(one.field, responsible=self._is_theirs(one), rights=self.rights)

    def _is_at_once(self, part: Part) -> bool:
        return all(self._right(one) is Right.AT_ONCE for one in part.differences)

    def _is_theirs(self, one: Change) -> bool:
        """True if the participant's people are responsible for the item today, or if it is one of them."""
        name, _, _ = one.field.partition(".")
        if name in ("professionals", "organizations"):
            return one.id in self._own
        item = value_at(self.now, name, one.id) if name in ("measures", "reviews") else None
        return item is not None and item.responsible in self._own

    @property
    def _own(self) -> frozenset[str]:
        """The ids, in the view, of the participant's people and organisations."""
        units = set(self.share.organizations)
        people = {person for person, _ in people_of(self.plan, self.share, self.on)}
        people |= {person.id for person in self.plan.professionals if person.organization in units}
        if self.share.person is not None:
            people &= {self.share.person}
        return frozenset(view_id(self.share, ident) for ident in people | units)

    def _conflicts(self, parts: Sequence[Part]) -> set[Place]:
        """Returns the places that were changed otherwise since the base, by the three-way merge of the views."""
        try:
            merged = merge(self.base, applied(self.base, edits_of(parts)), self.now)
        except InvalidInput:  # sound on today's view, and not on the base: each by itself
            one_by_one = (self._conflicts([part]) for part in parts) if len(parts) > 1 else ({parts[0].place},)
            return {place for found in one_by_one for place in found}
        return {Place(conflict.field, conflict.id) for conflict in merged.conflicts}


class _Sieve:
    """Finds the parts that can be put back into the plan together, and why the others cannot.

    `unsound` are those that only what is hidden forbids: they are answered as proposed.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.accepted: list[Part] = []
        self.refused: dict[Place, str] = {}
        self.unsound: set[Place] = set()
        self.result: tuple[IndividualPlan, Share] = (bench.plan, bench.share)

    def sift(self, parts: Sequence[Part]) -> _Sieve:
        """Sorts the parts; what is added comes before what refers to it."""
        self._sift(sorted(parts, key=_rank))
        return self

    def _sift(self, parts: Sequence[Part]) -> None:
        if not parts:
            return
        if len(self.refused) >= _MOST_REFUSED:
            self.refused |= {part.place: TOO_MANY_REFUSED for part in parts}
            return
        try:
            self._put_back(parts)
        except ViewRefused as error:
            self._without(parts, {Place(first_field(one.field), one.id): str(one.reason) for one in error.parts})
        except HiddenClash:
            self._by_halves(parts, None)
        except InvalidInput as error:
            self._by_halves(parts, error.problems[0].reason)
        else:
            self.accepted += parts

    def _put_back(self, parts: Sequence[Part]) -> None:
        bench = self.bench
        wanted = applied(bench.now, edits_of([*self.accepted, *parts]))
        back = put_back(wanted, bench.share, bench.plan, bench.on, whole=True)
        self.result = (back.plan, back.share)

    def _without(self, parts: Sequence[Part], named: dict[Place, str]) -> None:
        """Goes on without the parts that a refusal names; where it names none of them, by halves."""
        blamed = {part.place: named[part.place] for part in parts if part.place in named}
        self.refused |= blamed
        if blamed:
            self._sift([part for part in parts if part.place not in blamed])
        else:
            self._by_halves(parts, next(iter(named.values())))

    def _by_halves(self, parts: Sequence[Part], reason: str | None) -> None:
        """Tries each half; of a single part that cannot stand, keeps the reason, or that only the hidden forbids it."""
        if len(parts) > 1:
            self._sift(parts[: len(parts) // 2])
            self._sift(parts[len(parts) // 2 :])
        elif reason is None:
            self.unsound.add(parts[0].place)
        else:
            self.refused[parts[0].place] = reason


def _rank(part: Part) -> tuple[int, int, bool]:
    """Returns the sort key: added items first, in the order in which they may refer to each other."""
    first = part.differences[0]
    added = first.kind is ChangeKind.ADDED and first.field in _LIST_PLACES
    sub_goal = getattr(first.after, "part_of", None) is not None
    return (0, _LIST_PLACES.index(first.field), sub_goal) if added else (1, 0, False)
