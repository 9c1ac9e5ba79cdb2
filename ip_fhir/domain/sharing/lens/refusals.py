"""The refusals of a change: they depend on the change, its base and the day's view alone, never on what is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.merge.difference import Change, ChangeKind, difference
from ip_fhir.domain.sharing.change import Outcome, PartDecision
from ip_fhir.domain.sharing.ids import is_own
from ip_fhir.domain.sharing.lens.index import ACTORS, areas_of
from ip_fhir.domain.sharing.lens.wanted import named_in
from ip_fhir.domain.sharing.rights import is_fixed
from ip_fhir.errors import InvalidInput, IssueCode, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.policy import Policy
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.domain.values.terms import LifeArea

TAKEN_OUT: Final = "an item is not taken out of a plan: it is ended by its status"
CLOSED_AREA: Final = "this life area is not open to you"
NOT_IN_VIEW: Final = "is not in your view"
CLOSED_FIELD: Final = "is not open to you, or not for you to change"
STAYS_PART: Final = "a goal that is there stays part of what it is part of"
EMPTIED: Final = "life areas are not emptied"
UNSEEN: Final = "you could not see it afterwards"
CHANGED_MEANWHILE: Final = "was changed meanwhile: make your change on the newest view"

_CODES: Final[dict[str, IssueCode]] = {
    NOT_IN_VIEW: "not-found",
    CLOSED_AREA: "forbidden",
    CLOSED_FIELD: "forbidden",
    UNSEEN: "forbidden",
    CHANGED_MEANWHILE: "conflict",
}


class ViewRefused(InvalidInput):
    """A change to a view that cannot be taken, with every part of it that is the reason, in the ids of the view.

    `parts` are what stands in the answer; the words are the same whatever else is in the plan.
    """

    def __init__(self, parts: Iterable[PartDecision]) -> None:
        self.parts = tuple(dict.fromkeys(parts))
        super().__init__(Problem(_path(part), str(part.reason), _code(part)) for part in self.parts)


class HiddenClash(InvalidInput):
    """A change that cannot stand beside what its author does not see. It is answered as proposed; a person decides.

    Its problems have the plan's own ids and are for the holder alone.
    """


def _path(part: PartDecision) -> str:
    """Returns the dotted path of a part, with the item's id in it: `goals.goal-1.text`."""
    if part.id is None:
        return part.field
    steps = part.field.split(".")
    depth = 2 if steps[0] == "team" else 1
    return ".".join((*steps[:depth], part.id, *steps[depth:]))


def _code(part: PartDecision) -> IssueCode:
    return _CODES.get(str(part.reason), "business-rule")


def refused(field: str, ident: str | None, reason: str) -> PartDecision:
    """Returns the decision that a part is refused, or (not in the view) not found."""
    outcome = Outcome.NOT_FOUND if reason == NOT_IN_VIEW else Outcome.REFUSED
    return PartDecision(field=field, id=ident, outcome=outcome, reason=reason)


def refusals(changes: Iterable[Change], wanted: IndividualPlan, share: Share, policy: Policy) -> Iterator[PartDecision]:
    """Yields each part that is refused of the changes that lead from the day's view to `wanted`."""
    areas = areas_of(wanted)
    given = {pair.view for pair in share.book}
    named = named_in(wanted)
    for change in changes:
        reason = None
        if change.kind is ChangeKind.REMOVED and change.field not in ACTORS:
            reason = TAKEN_OUT
        elif change.kind is ChangeKind.ADDED:
            known = change.id in given or is_own(str(change.id))
            reason = NOT_IN_VIEW if known else _against_item(change, areas, named, policy)
        elif change.kind is ChangeKind.CHANGED:
            reason = _against_field(change, areas, policy)
        if reason is not None:
            yield refused(change.field, change.id, reason)


def _against_item(
    change: Change, areas: Mapping[str, frozenset[LifeArea]], named: set[str], policy: Policy
) -> str | None:
    """Returns the reason against an item that is added; None if there is none."""
    ident = str(change.id)
    if is_fixed(change.field):
        return CLOSED_FIELD
    if not _own_areas(getattr(change.after, "areas", getattr(change.after, "area", None))) <= policy.areas:
        return CLOSED_AREA
    if (ident in areas and not policy.lets(areas[ident])) or (change.field in ACTORS and ident not in named):
        return UNSEEN
    return None


_FROM_AREAS: Final = ("resources.area", "needs.area", "goals.areas", "measures.areas", "measures.goals")


def _against_field(change: Change, areas: Mapping[str, frozenset[LifeArea]], policy: Policy) -> str | None:
    """Returns the reason against the new value of a field; None if there is none."""
    if is_fixed(change.field):
        return CLOSED_FIELD
    if change.field == "goals.part_of":
        return STAYS_PART
    if change.field not in _FROM_AREAS:
        return None
    if change.field != "measures.goals":
        before, after = _own_areas(change.before), _own_areas(change.after)
        if not after <= policy.areas:
            return CLOSED_AREA
        if before and not after:
            return EMPTIED
    return None if policy.lets(areas[str(change.id)]) else UNSEEN


def _own_areas(value: Any) -> set[LifeArea]:
    """Returns the areas that a field has: one, several or none."""
    return set(value) if isinstance(value, tuple) else {value} - {None}


def turned(changes: Iterable[Change]) -> Iterator[PartDecision]:
    """Yields the changes that may have changed what is open to their author: of who takes part, and for whom."""
    for change in changes:
        if change.field.startswith(_WHO_TAKES_PART):
            yield refused(change.field, change.id, CLOSED_FIELD)


_WHO_TAKES_PART: Final = ("team.memberships", "professionals", "organizations")


def lost(wanted: IndividualPlan, seen: IndividualPlan) -> Iterator[PartDecision]:
    """Yields each part of `wanted` that would not be seen so, since it is closed."""
    for change in difference(wanted, seen):
        if change.kind is not ChangeKind.REORDERED:
            yield refused(change.field, change.id, CLOSED_FIELD)
