"""Warnings to a coordinator before a plan is shared: who is responsible for what they may not see, who is on paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ip_fhir.domain.plan import Measure, MeasureStatus, ReviewStatus
from ip_fhir.domain.sharing.ids import ids_of
from ip_fhir.domain.sharing.policy import people_of
from ip_fhir.domain.team import Membership
from ip_fhir.report.plans.items import items_of
from ip_fhir.report.plans.layout import STEP, paragraph, short
from ip_fhir.report.plans.titles import FIELDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import date

    from ip_fhir.domain.plan import IndividualPlan, Review
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.domain.team import Coordinator
    from ip_fhir.report.plans.wording import Wording

_OVER = (MeasureStatus.COMPLETED, MeasureStatus.STOPPED, MeasureStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Seen:
    """One participant in terms of the plan, by ids in the plan.

    `actors` are the participant's organisations, and those who take part in its name; `items` are the goals, measures,
    reviews and other items that it may see.
    """

    actors: frozenset[str]
    items: frozenset[str]


def seen_by(plan: IndividualPlan, share: Share, view: PlanView, on: date) -> Seen:
    """Returns one participant in terms of the plan; `view` is that of its share, made of `plan` for the day `on`."""
    ids = ids_of(share)
    there = {item.id for field in FIELDS for item in items_of(view.plan, field)}
    items = (item.value.id for field in FIELDS for item in items_of(plan, field))
    actors = {*share.organizations, *(person for person, _ in people_of(plan, share, on))}
    return Seen(frozenset(actors), frozenset(ident for ident in items if ids[ident] in there))


@dataclass(frozen=True, slots=True)
class UnseenDuty:
    """A measure or review that is not over, and that a participant is responsible for but may not see."""

    participant: str
    item: Measure | Review

    def to_data(self) -> dict[str, Any]:
        """Returns the warning as JSON data: the participant's name, and the id of the measure or review."""
        kind = "measures" if isinstance(self.item, Measure) else "reviews"
        return {"warning": "responsible-may-not-see", "participant": self.participant, kind: self.item.id}


@dataclass(frozen=True, slots=True)
class OnPaper:
    """A place in the team that no party stands for: whoever holds it gets the plan on paper, or not at all."""

    place: Membership | Coordinator

    def to_data(self) -> dict[str, Any]:
        """Returns the warning as JSON data, with the id of the place."""
        return {"warning": "on-paper", "place": self.place.id}


PlanWarning: TypeAlias = UnseenDuty | OnPaper


def warnings(plan: IndividualPlan, seen: Mapping[str, Seen], on_paper: Collection[str] = ()) -> tuple[PlanWarning, ...]:
    """Returns the warnings about a plan: duties that a participant may not see, then the places on paper.

    `seen` are the participants by name; `on_paper` are ids of memberships and coordinators' places that no party stands
    for.
    """
    not_over: list[Measure | Review] = [measure for measure in plan.measures if measure.status not in _OVER]
    not_over += [review for review in plan.reviews if review.status is ReviewStatus.PLANNED]
    duties = [
        UnseenDuty(name, item)
        for name, participant in seen.items()
        for item in not_over
        if item.responsible in participant.actors and item.id not in participant.items
    ]
    places: list[Membership | Coordinator] = []
    if plan.team is not None:
        places = [*plan.team.memberships, *plan.team.coordinators]
    return (*duties, *(OnPaper(place) for place in places if place.id in on_paper))


def warning_lines(wording: Wording, found: Collection[PlanWarning]) -> Iterator[str]:
    """Yields the warnings in words: the duties of each participant together, and each place on paper."""
    duties: dict[str, list[UnseenDuty]] = {}
    for warning in found:
        if isinstance(warning, UnseenDuty):
            duties.setdefault(warning.participant, []).append(warning)
    for name, of_one in duties.items():
        yield from paragraph(wording.label("unseen-duties").format(name=name), mark="! ")
        for duty in of_one:
            yield from paragraph(_duty(wording, duty.item), STEP - 1, "- ")
    for warning in found:
        if isinstance(warning, OnPaper):
            yield from paragraph(_on_paper(wording, warning.place), mark="! ")


def _duty(wording: Wording, item: Measure | Review) -> str:
    if isinstance(item, Measure):
        what = f"{wording.label('measure')}: {short(item.what)}"
    else:
        what = f"{wording.word(item.kind).capitalize()} {wording.day(item.planned)}"
    return f"{what} ({wording.label('responsible').lower()}: {wording.names[item.responsible]})"


def _on_paper(wording: Wording, place: Membership | Coordinator) -> str:
    if isinstance(place, Membership):
        ident: str | None = place.member
        unit, role = place.on_behalf_of, place.role_text or wording.word(place.role)
    else:
        ident, unit, role = place.holder, None, wording.word(place.kind)
    person = wording.professionals.get(ident)
    workplace = wording.names.get(unit or (person.organization if person is not None else None))
    who = ", ".join(filter(None, (wording.names.get(ident), role, workplace)))
    return wording.label("on-paper").format(who=who)
