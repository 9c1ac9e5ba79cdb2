"""The care team (ansvarsgruppe): memberships and coordinators' places over time, also vacant places.

The plan may propose members from the specialist level but not order them to take part, so a membership has a status.
Nothing is deleted: a member who leaves has an end date, and a new membership on coming back.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from ip_fhir.domain.values.value import Flag, Id, Period, Text, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class TeamRole(StrEnum):
    """The role of a member (code list 9034, if it has the role). Coordinators are not members but `Coordinator`s."""

    OWNER = "owner"
    REPRESENTATIVE = "representative"
    RELATIVE = "relative"
    GENERAL_PRACTITIONER = "general-practitioner"
    PRIMARY_CONTACT = "primary-contact"
    CONTACT_PHYSICIAN = "contact-physician"
    CONTACT_PSYCHOLOGIST = "contact-psychologist"
    SERVICE_PROVIDER = "service-provider"
    VOLUNTEER = "volunteer"
    OTHER = "other"  # a role that has no word here; `Membership.role_text` may say it


class MembershipStatus(StrEnum):
    """The status of a membership."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    ENDED = "ended"
    RETURNED = "returned"  # accepted again after having ended


class Membership(Value):
    """One actor's place in the team, in one role, for one period."""

    id: Id = Field(description="Id in the team.")
    member: Id = Field(description="Id of the member: a person or an organisation.")
    role: TeamRole = Field(description="Role in the team.")
    role_text: Text | None = Field(default=None, description="Role in words, where it is said in words.")
    status: MembershipStatus = Field(default=MembershipStatus.ACCEPTED, description="Status.")
    period: Period = Field(default=Period(), description="Days of the membership.")
    on_behalf_of: Id | None = Field(default=None, description="Id of the organisation that the member stands for.")
    task: Text | None = Field(default=None, description="Task in the team, in words.")

    @model_validator(mode="after")
    def _ended_has_end(self) -> Self:
        if self.status is MembershipStatus.ENDED and self.period.end is None:
            message = "an ended membership has an end date"
            raise ValueError(message)
        return self


class CoordinatorKind(StrEnum):
    """The duty that a coordinator fulfils."""

    MUNICIPAL = "municipal"  # pbrl § 2-5b, hol § 7-2: the main coordinator of a plan
    HOSPITAL = "hospital"  # sphlsl § 2-5a
    CHILD = "child"  # barnekoordinator, hol § 7-2a


class Coordinator(Value):
    """A coordinator's place: its holder and period. Without a `holder` the place is vacant.

    `mentor` (fadder) is a professional who guides the coordinator.
    """

    id: Id = Field(description="Id in the team, or in the green form.")
    kind: CoordinatorKind = Field(default=CoordinatorKind.MUNICIPAL, description="Duty that the coordinator fulfils.")
    holder: Id | None = Field(default=None, description="Id of the professional; none: the place is vacant.")
    period: Period = Field(default=Period(), description="Days on which the place is held.")
    appointed_by: Id | None = Field(default=None, description="Id of the organisation that appointed.")
    mentor: Id | None = Field(default=None, description="Id of the professional who guides the coordinator (fadder).")
    wish_honoured: Flag | None = Field(
        default=None, description="True if the person's wish for a coordinator is honoured."
    )
    wish_reason: Text | None = Field(default=None, description="Reason, where the wish is not honoured.")

    @property
    def vacant(self) -> bool:
        """True if nobody holds the place."""
        return self.holder is None

    @model_validator(mode="after")
    def _wish_refused_with_reason(self) -> Self:
        if self.wish_honoured is False and self.wish_reason is None:
            message = "a wish for a coordinator that is not honoured needs a reason"
            raise ValueError(message)
        return self


class TeamStatus(StrEnum):
    """The status of the team (FHIR care-team-status)."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    INACTIVE = "inactive"


class CareTeam(Value):
    """The people and organisations that work on the plan, and their coordinators.

    Two coordinators of the same kind at the same time are an exception, and need `two_coordinators_reason`.
    """

    id: Id = Field(description="Id in the plan.")
    status: TeamStatus = Field(default=TeamStatus.ACTIVE, description="Status.")
    name: Text | None = Field(default=None, description="Name of the team.")
    memberships: tuple[Membership, ...] = Field(
        default=(), max_length=5_000, description="Memberships, also those that have ended."
    )
    coordinators: tuple[Coordinator, ...] = Field(
        default=(), max_length=500, description="Coordinators' places, also vacant and past ones."
    )
    two_coordinators_reason: Text | None = Field(
        default=None, description="Reason for two coordinators of one kind at once."
    )

    @model_validator(mode="after")
    def _one_main_coordinator(self) -> Self:
        if self.two_coordinators_reason is None and two_at_once(self.coordinators):
            message = "two coordinators of the same kind at the same time, and no two_coordinators_reason"
            raise ValueError(message)
        return self

    def coordinators_on(self, day: date, kind: CoordinatorKind | None = None) -> tuple[Coordinator, ...]:
        """Returns the coordinators (of `kind`, if given) who hold their place on `day`; vacant places are left out."""
        return tuple(c for c in self.coordinators if not c.vacant and c.period.covers(day) and kind in (None, c.kind))


def two_at_once(coordinators: Iterable[Coordinator]) -> bool:
    """True if two different people hold places of the same kind on the same day."""
    return bool(rivals_of(coordinators))


def rivals_of(coordinators: Iterable[Coordinator]) -> dict[str, str]:
    """Returns the ids of places that two people hold at once, each with the id of one place that it clashes with.

    Two places clash if they are of the same kind, different people hold them, and they share a day. The order is that
    of `coordinators`. Looks at each place twice, once from either end of time, not at each pair of places.
    """
    held = [place for place in coordinators if not place.vacant]
    if len(held) < 2:
        return {}
    found: dict[str, str] = {}
    for kind in CoordinatorKind:
        places = sorted((place for place in held if place.kind is kind), key=_first_day)
        found |= _meeting(places, _last_day, lambda end, place: end >= _first_day(place), max)
        found |= _meeting(places[::-1], _first_day, lambda start, place: start <= _last_day(place), min)
    return {place.id: found[place.id] for place in held if place.id in found}


def _meeting(
    places: list[Coordinator],
    edge: Callable[[Coordinator], date],
    meets: Callable[[date, Coordinator], bool],
    farthest: Callable[..., Coordinator],
) -> Iterator[tuple[str, str]]:
    """Yields the id of each place that meets an earlier one of another holder in this order, with that one's id.

    Of the places so far, only two need be remembered: the one whose `edge` reaches `farthest`, and the farthest of the
    other holders. If neither meets a place, none does.
    """
    best: list[Coordinator] = []
    for place in places:
        other = next((one for one in best if one.holder != place.holder), None)
        if other is not None and meets(edge(other), place):
            yield place.id, other.id
        by_holder: dict[str | None, Coordinator] = {}
        for one in (*best, place):
            known = by_holder.get(one.holder, one)
            by_holder[one.holder] = farthest(known, one, key=edge)
        best = sorted(by_holder.values(), key=edge, reverse=farthest is max)[:2]


def _first_day(place: Coordinator) -> date:
    return place.period.start or date.min


def _last_day(place: Coordinator) -> date:
    return place.period.end or date.max
