"""The completeness of a plan: for each of the regulation's items a) to i), what the plan still lacks.

Source: Forskrift om individuell plan ved ytelse av velferdstjenester (in force 1 August 2022); the nine items are the
same since 2001.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ip_fhir.domain.consent.consent import Access, ConsentKind, ConsentStatus
from ip_fhir.domain.people import Relationship
from ip_fhir.domain.plan import Contributor, IndividualPlan, MeasureStatus
from ip_fhir.domain.team import MembershipStatus
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.value import Text, Value, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ip_fhir.domain.consent.consent import Consent
    from ip_fhir.domain.people import RelatedPerson
    from ip_fhir.domain.plan import Measure
    from ip_fhir.domain.values.value import Period

_TAKES_PART = (MembershipStatus.ACCEPTED, MembershipStatus.RETURNED)


class ItemStatus(Value):
    """One of the nine items: its letter, the requirement, and what the plan lacks (empty: the item is met)."""

    item: Text = Field(description="Letter of the item, a to i.")
    asks_for: Text = Field(description="Requirement of the regulation.")
    missing: tuple[Text, ...] = Field(
        default=(), max_length=50, description="Things that the plan lacks; empty: the item is met."
    )

    @property
    def met(self) -> bool:
        """True if nothing is missing."""
        return not self.missing


def completeness(plan: IndividualPlan) -> tuple[ItemStatus, ...]:
    """Returns the nine items in order. Raises `InvalidInput` if `plan` is no plan.

    A coordinator or consent whose period ended before the day (in Norway) on which the plan was last changed does not
    count. Sharing that the person has refused is an answer: no consent to it is missing then.
    """
    require(plan, IndividualPlan, "plan")
    return tuple(ItemStatus(item=item, asks_for=asks, missing=tuple(lacks(plan))) for item, asks, lacks in _ITEMS)


def _goals_resources_needs(plan: IndividualPlan) -> Iterator[str]:
    if not plan.goals:
        yield "goals"
    if not plan.resources:
        yield "the person's resources"
    if not plan.needs:
        yield "need for services"


def _who_takes_part(plan: IndividualPlan) -> Iterator[str]:
    memberships = plan.team.memberships if plan.team is not None else ()
    taking_part = [membership.member for membership in memberships if membership.status in _TAKES_PART]
    if not taking_part:
        yield "who takes part in the work on the plan"
    elif plan.owner.id not in taking_part:
        yield "the person among those who take part"


def _who_coordinates(plan: IndividualPlan) -> Iterator[str]:
    places = plan.team.coordinators if plan.team is not None else ()
    if not any(not place.vacant and _still_holds(place.period, plan) for place in places):
        yield "who is responsible for coordination and progress"


def _contributions(plan: IndividualPlan) -> Iterator[str]:
    given = {contribution.by for contribution in plan.contributions}
    if Contributor.OWNER not in given:
        yield "what the person contributes"
    if Contributor.SERVICES not in given:
        yield "what the services contribute"
    if any(map(_is_relative, plan.related_persons)) and Contributor.RELATIVES not in given:
        yield "what the relatives contribute"


def _is_relative(person: RelatedPerson) -> bool:
    """True unless the person only represents: a guardian (verge) is no relative for being one."""
    return person.relationship is not Relationship.GUARDIAN


def _measures(plan: IndividualPlan) -> Iterator[str]:
    measures = _measures_meant(plan)
    if not measures:
        yield "measures"
    if any(measure.extent is None for measure in measures):
        yield "the extent of every measure"
    if any(measure.responsible is None for measure in measures):
        yield "who is responsible for every measure"


def _how(plan: IndividualPlan) -> Iterator[str]:
    measures = _measures_meant(plan)
    if not measures or any(measure.how is None for measure in measures):
        yield "how every measure is carried out"


def _period_and_revision(plan: IndividualPlan) -> Iterator[str]:
    if plan.period.start is None:
        yield "the plan period"
    if plan.follow_up is None:
        yield "when and how the plan is followed up"
    if plan.evaluation is None:
        yield "when and how the plan is evaluated"


def _consent(plan: IndividualPlan) -> Iterator[str]:
    given = [c for c in plan.consents if c.status is ConsentStatus.ACTIVE and _still_holds(c.period, plan)]
    if not any(consent.kind is ConsentKind.PLAN and consent.access is Access.PERMIT for consent in given):
        yield "consent to the plan"
    if not any(consent.kind is ConsentKind.SHARING for consent in (*given, *_refusals(plan))):
        yield "consent to sharing confidential information, where it applies"


def _refusals(plan: IndividualPlan) -> list[Consent]:
    """Returns the consents by which the person has said no: where sharing is refused, no consent to it is missing."""
    return [consent for consent in plan.consents if consent.status is ConsentStatus.REFUSED]


def _cooperation(plan: IndividualPlan) -> Iterator[str]:
    if not plan.cooperation:
        yield "cooperation with others that is needed or wished for"


def _measures_meant(plan: IndividualPlan) -> list[Measure]:
    """Returns the measures except those that were cancelled or stopped."""
    given_up = (MeasureStatus.CANCELLED, MeasureStatus.STOPPED)
    return [measure for measure in plan.measures if measure.status not in given_up]


def _still_holds(period: Period, plan: IndividualPlan) -> bool:
    return period.end is None or period.end >= local_day(plan.updated or plan.created)


_ITEMS: tuple[tuple[str, str, Callable[[IndividualPlan], Iterator[str]]], ...] = (
    ("a", "goals, resources and need for services", _goals_resources_needs),
    ("b", "who takes part in the work on the plan", _who_takes_part),
    ("c", "who is responsible for coordination and progress", _who_coordinates),
    ("d", "what the person, the services and the relatives contribute", _contributions),
    ("e", "measures, their extent and who is responsible", _measures),
    ("f", "how the measures are carried out", _how),
    ("g", "the plan period and times for adjustment and revision", _period_and_revision),
    ("h", "consent to the plan and, where it applies, to sharing", _consent),
    ("i", "cooperation with other services that is needed or wished for", _cooperation),
)
