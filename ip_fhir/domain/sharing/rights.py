"""The rights of participants: the effect of a change at each place of a plan, by default and as an agreement says.

A place is a dotted field as `domain.merge.difference` gives it: `measures.status` is the field of a measure, `measures`
a whole measure that is added. Fields that are merged as one (`domain.merge.BOUND`) have one right: who names one of
them names all.

| the place | effect of a change | an agreement may say |
|---|---|---|
| the person, consents, mandates, gradings; ids | never | nothing else |
| coordinators and their unit; the team as a whole | never | nothing else |
| the plan's status, version, authorship, and the plan before it | never | nothing else |
| life areas, and the goals that a measure or a sub-goal serves | proposed | never |
| a membership: who, in which role, for whom, since when | proposed | never |
| the party of a person or organisation: its numbers, place of work, parent | proposed | never |
| whole people, organisations, resources, needs, goals and measures | proposed | never |
| a measure that they are responsible for: status with reason, period | at once | proposed, never |
| a review that they are responsible for: status with day, outcome | at once | proposed, never |
| contacts of their own people and organisations | at once | proposed, never |
| all else | proposed | at once, never |
"""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from ip_fhir.domain.merge.places import BOUND, ITEMS, PARTS
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import Value, models_in
from ip_fhir.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator


class Right(StrEnum):
    """The effect of a participant's change."""

    AT_ONCE = "at-once"
    PROPOSED = "proposed"  # a person at the holder decides
    NEVER = "never"


def _groups(model: type[Value] = IndividualPlan, above: str = "") -> Iterator[tuple[str, frozenset[str]]]:
    """Yields every place, with the places that are merged as one with it; itself alone, as a rule."""
    bound = {name: unit for unit in BOUND.get(model, ()) for name in unit}
    for name, field in model.model_fields.items():
        yield f"{above}{name}", frozenset(f"{above}{one}" for one in bound.get(name, (name,)))
        if name in (*ITEMS.get(model, ()), *PARTS.get(model, ())):
            for inner in models_in(field.annotation):
                yield from _groups(inner, f"{above}{name}.") if issubclass(inner, Value) else ()


_GROUPS: Final = dict(_groups())

PLACES: Final = tuple(_GROUPS)
"""Every place of a plan at which a difference can be, in the order of its fields."""

# The person, what they have consented to, who acts for them, who coordinates, and what the holder keeps about the plan.
_NEVER_WITH_ALL_BELOW: Final = ("owner", "consents", "team.coordinators")
_NEVER: Final = frozenset(
    (
        *("status", "version", "created", "updated", "author", "replaces", "coordinating_unit"),
        *("team", "team.two_coordinators_reason"),
        *("related_persons.mandate", "related_persons.protection", "professionals.protection"),
    )
)

# What decides who sees the plan, and what of it, and whole items that have such a field: an agreement cannot give away
# that a person looks at it. Without areas of its own, an item has those of its goals.
_NOT_AT_ONCE: Final = frozenset(
    (
        *("resources", "needs", "goals", "measures", "organizations", "professionals", "related_persons"),
        *("resources.area", "needs.area", "goals.areas", "measures.areas", "goals.part_of", "measures.goals"),
        *("team.memberships", "team.memberships.member", "team.memberships.role", "team.memberships.on_behalf_of"),
        *("team.memberships.status", "team.memberships.period"),
        *("professionals.organization", "organizations.part_of"),
        *("organizations.organization_number", "organizations.her_id", "organizations.resh_id"),
    )
)

_AT_ONCE: Final = frozenset(
    (
        *("measures.status", "measures.status_reason", "measures.period"),
        *("reviews.status", "reviews.held", "reviews.outcome"),
        *("professionals.contacts", "organizations.contacts"),
    )
)

PlanPlace = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""A place of a plan in words of the plan: `measures.status`."""


class Rights(Value):
    """The places at which an agreement deviates from the rights that participants have by default.

    Raises `InvalidInput` for a place that no plan has, one in two of the lists, and one whose right no agreement can
    change so.

    >>> Rights(at_once=["measures.how"]).at_once
    ('measures.how',)
    >>> Rights(at_once=["goals.areas"])
    Traceback (most recent call last):
    ip_fhir.errors.InvalidInput: at_once.0: a change here is always for a person at the holder to decide
    """

    LISTS_FIELDS = True

    at_once: tuple[PlanPlace, ...] = Field(
        default=(), max_length=200, description="Places that take effect at once, of what they are responsible for."
    )
    at_once_for_all: tuple[PlanPlace, ...] = Field(
        default=(), max_length=200, description="Places that take effect at once, whoever is responsible."
    )
    proposed: tuple[PlanPlace, ...] = Field(
        default=(), max_length=200, description="Places where a person at the holder decides."
    )
    never: tuple[PlanPlace, ...] = Field(default=(), max_length=200, description="Places that are not changed.")

    @model_validator(mode="after")
    def _can_be_agreed(self) -> Self:
        if problems := tuple(_problems(self)):
            raise InvalidInput(problems)
        return self


def right_of(field: str, *, responsible: bool, rights: Rights) -> Right:
    """Returns the effect of a participant's change at this place. Raises `InvalidInput` if no plan has such a place.

    `responsible`: the participant's own people are responsible for the item by the plan as it was before the change;
    of people and organisations: the item is one of its own.

    >>> default = Rights()
    >>> right_of("measures.status", responsible=True, rights=default)
    <Right.AT_ONCE: 'at-once'>
    >>> right_of("measures.status", responsible=False, rights=default)
    <Right.PROPOSED: 'proposed'>
    >>> right_of("measures.how", responsible=True, rights=Rights(at_once=["measures.how"]))
    <Right.AT_ONCE: 'at-once'>
    >>> right_of("consents", responsible=True, rights=default)
    <Right.NEVER: 'never'>
    """
    if field not in _GROUPS:
        raise InvalidInput.at("field", _no_place(field), "not-found")
    if is_fixed(field) or _names(rights.never, field):
        return Right.NEVER
    if _names(rights.proposed, field):
        return Right.PROPOSED
    own = field in _AT_ONCE or _names(rights.at_once, field)
    at_once = _names(rights.at_once_for_all, field) or (responsible and own)
    return Right.AT_ONCE if at_once else Right.PROPOSED


def is_fixed(field: str) -> bool:
    """True for a place that no participant may change, whatever an agreement says.

    >>> is_fixed("goals.id"), is_fixed("team.coordinators.holder"), is_fixed("goals.text")
    (True, True, False)
    """
    below = any(field == one or field.startswith(f"{one}.") for one in _NEVER_WITH_ALL_BELOW)
    return below or field in _NEVER or field.rpartition(".")[2] == "id"


def _names(listed: tuple[str, ...], field: str) -> bool:
    """True if a place is listed, itself or another one that is merged as one with it."""
    return not _GROUPS[field].isdisjoint(listed)


def _problems(rights: Rights) -> Iterator[Problem]:
    said: dict[str, str] = {}
    for name in Rights.model_fields:
        listed: tuple[str, ...] = getattr(rights, name)
        for number, place in enumerate(listed):
            reason = _reason_against(name, place)
            if reason is None and any(said.get(one, name) != name for one in _GROUPS[place]):
                reason = "stands in another of these lists, too, itself or a field that is changed together with it"
            if reason is not None:
                yield Problem(f"{name}.{number}", reason, "invariant")
            said[place] = name


def _reason_against(name: str, place: str) -> str | None:
    """Returns why a place cannot stand in the list of that name; None if it can."""
    if place not in _GROUPS:
        return _no_place(place)
    if is_fixed(place):
        return "no participant changes this, and no agreement can say otherwise"
    if name in ("at_once", "at_once_for_all") and place in _NOT_AT_ONCE:
        return "a change here is always for a person at the holder to decide"
    return None


def _no_place(place: str) -> str:
    """Returns the reason of a problem with a place that no plan has, and the place that may be meant."""
    meant = get_close_matches(place, PLACES, n=1)
    return "is no place of a plan" + (f"; perhaps {meant[0]} is meant" if meant else "")
