"""The individual plan (individuell plan): goals in the person's own words, measures, and all the law asks for.

Source: Forskrift om individuell plan ved ytelse av velferdstjenester, in force 1 August 2022, items a) to i).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from ip_fhir.domain.consent.consent import Consent
from ip_fhir.domain.people import Organization, PlanOwner, Professional, RelatedPerson
from ip_fhir.domain.plan_rules import plan_problems
from ip_fhir.domain.team import CareTeam
from ip_fhir.domain.values.terms import LegalBasis, LifeArea
from ip_fhir.domain.values.value import Count, Day, Id, Moment, Period, Text, Value
from ip_fhir.errors import InvalidInput


class PlanStatus(StrEnum):
    """Where the plan stands."""

    DRAFT = "draft"
    ACTIVE = "active"
    ON_HOLD = "on-hold"
    ENDED = "ended"
    REVOKED = "revoked"  # the person no longer consents to a plan
    ENTERED_IN_ERROR = "entered-in-error"


class Resource(Value):
    """What the person has to build on: own strengths, interests, people (item a)."""

    id: Id
    text: Text
    area: LifeArea | None = None


class Need(Value):
    """A need for services, as the person and those around see it (item a)."""

    id: Id
    text: Text
    area: LifeArea | None = None


class GoalStatus(StrEnum):
    """Where work on a goal stands (FHIR goal-status)."""

    PROPOSED = "proposed"
    PLANNED = "planned"
    ACCEPTED = "accepted"
    ACTIVE = "active"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class Achievement(StrEnum):
    """How far a goal is reached (FHIR goal-achievement)."""

    IN_PROGRESS = "in-progress"
    IMPROVING = "improving"
    WORSENING = "worsening"
    NO_CHANGE = "no-change"
    ACHIEVED = "achieved"
    SUSTAINING = "sustaining"
    NOT_ACHIEVED = "not-achieved"
    NOT_ATTAINABLE = "not-attainable"


class Goal(Value):
    """A main goal in the person's own words, or (with `part_of`) a sub-goal on the way to one."""

    id: Id
    text: Text
    status: GoalStatus = GoalStatus.ACTIVE
    part_of: Id | None = None
    areas: tuple[LifeArea, ...] = ()
    period: Period = Period()  # from when it is worked on, and until when it is to be reached
    target: Text | None = None  # how one will see that it is reached
    achievement: Achievement | None = None
    status_date: Day | None = None
    status_reason: Text | None = None
    expressed_by: Id | None = None
    note: Text | None = None


class MeasureStatus(StrEnum):
    """Where a measure stands (FHIR care-plan-activity-status)."""

    NOT_STARTED = "not-started"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in-progress"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class Measure(Value):
    """What is done towards goals: what, by whom, how much, how, when (items e and f)."""

    id: Id
    what: Text
    goals: tuple[Id, ...] = ()
    areas: tuple[LifeArea, ...] = ()
    responsible: Id | None = None
    takes_part: tuple[Id, ...] = ()
    extent: Text | None = None  # "two hours every Tuesday"
    how: Text | None = None
    where: Text | None = None
    period: Period = Period()
    status: MeasureStatus = MeasureStatus.NOT_STARTED
    status_reason: Text | None = None


class Contributor(StrEnum):
    """Who contributes (item d names exactly these three)."""

    OWNER = "owner"
    SERVICES = "services"
    RELATIVES = "relatives"


class Contribution(Value):
    """What the person, a service or a relative will contribute (item d)."""

    id: Id
    by: Contributor
    text: Text
    actor: Id | None = None


class Cooperation(Value):
    """Cooperation with another service, institution or agency that is needed or wished for (item i)."""

    id: Id
    with_whom: Text
    organization: Id | None = None
    text: Text | None = None


class ReviewKind(StrEnum):
    """Two different things, and each plan says when and how: regular follow-up and long-term evaluation."""

    FOLLOW_UP = "follow-up"
    EVALUATION = "evaluation"


class ReviewStatus(StrEnum):
    """Where a review stands."""

    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"


class Review(Value):
    """One follow-up or evaluation: planned for a day, and what came out when it was held (item g)."""

    id: Id
    kind: ReviewKind
    planned: Day
    status: ReviewStatus = ReviewStatus.PLANNED
    held: Day | None = None
    how: Text | None = None
    responsible: Id | None = None
    participants: tuple[Id, ...] = ()
    outcome: Text | None = None

    @model_validator(mode="after")
    def _held_has_date(self) -> Self:
        if (self.status is ReviewStatus.HELD) != (self.held is not None):
            message = "a review has the date it was held if, and only if, its status is held"
            raise ValueError(message)
        return self


class Arrangement(Value):
    """When and how reviews of one kind are done: every so many months, and in what way (item g)."""

    every_months: Count = Field(gt=0, le=60)
    how: Text | None = None
    responsible: Id | None = None


class IndividualPlan(Value):
    """One person's individual plan with everybody and everything it names.

    Actors (owner, related persons, professionals, organisations) are referred to by id; ids are unique in the plan.
    `version` counts from 1; `replaces` is the id of the plan that this one follows.
    """

    id: Id
    owner: PlanOwner
    status: PlanStatus = PlanStatus.DRAFT
    version: Count = Field(default=1, ge=1)
    title: Text | None = None
    legal_basis: tuple[LegalBasis, ...] = ()
    period: Period = Period()
    created: Moment
    updated: Moment | None = None
    author: Id | None = None
    coordinating_unit: Id | None = None
    replaces: Id | None = None
    related_persons: tuple[RelatedPerson, ...] = ()
    organizations: tuple[Organization, ...] = ()
    professionals: tuple[Professional, ...] = ()
    resources: tuple[Resource, ...] = ()
    needs: tuple[Need, ...] = ()
    goals: tuple[Goal, ...] = ()
    measures: tuple[Measure, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    cooperation: tuple[Cooperation, ...] = ()
    follow_up: Arrangement | None = None
    evaluation: Arrangement | None = None
    reviews: tuple[Review, ...] = ()
    team: CareTeam | None = None
    consents: tuple[Consent, ...] = ()
    note: Text | None = None

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if problems := plan_problems(self):
            raise InvalidInput(problems)
        return self

    @property
    def main_goals(self) -> tuple[Goal, ...]:
        """The goals that are not on the way to another."""
        return tuple(goal for goal in self.goals if goal.part_of is None)

    def sub_goals(self, goal: Goal) -> tuple[Goal, ...]:
        """The goals on the way to `goal`."""
        return tuple(sub for sub in self.goals if sub.part_of == goal.id)
