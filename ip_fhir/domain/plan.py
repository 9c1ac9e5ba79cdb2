"""The individual plan (individuell plan): goals in the person's own words, measures, and all the regulation requires.

Source: Forskrift om individuell plan ved ytelse av velferdstjenester, in force 1 August 2022, items a) to i).
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator

from ip_fhir.domain.consent.consent import Consent
from ip_fhir.domain.people import Organization, PlanOwner, Professional, RelatedPerson
from ip_fhir.domain.plan_rules import plan_problems
from ip_fhir.domain.team import CareTeam
from ip_fhir.domain.values.order import Unordered
from ip_fhir.domain.values.terms import LegalBasis, LifeArea
from ip_fhir.domain.values.value import Count, Day, Id, Moment, Period, Text, Value
from ip_fhir.errors import InvalidInput


class PlanStatus(StrEnum):
    """The status of a plan."""

    DRAFT = "draft"
    ACTIVE = "active"
    ON_HOLD = "on-hold"
    ENDED = "ended"
    REVOKED = "revoked"  # the person no longer consents to a plan
    ENTERED_IN_ERROR = "entered-in-error"


class Resource(Value):
    """A resource of the person: a strength, an interest or somebody close (item a)."""

    id: Id = Field(description="Id in the plan.")
    text: Text = Field(description="The strength, interest or person, in words.")
    area: LifeArea | None = Field(default=None, description="Life area.")


class Need(Value):
    """A need for services, as seen by the person and the people around (item a)."""

    id: Id = Field(description="Id in the plan.")
    text: Text = Field(description="The need, in words.")
    area: LifeArea | None = Field(default=None, description="Life area.")


class GoalStatus(StrEnum):
    """The status of the work on a goal (FHIR goal-status)."""

    PROPOSED = "proposed"
    PLANNED = "planned"
    ACCEPTED = "accepted"
    ACTIVE = "active"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class Achievement(StrEnum):
    """The achievement of a goal (FHIR goal-achievement)."""

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

    id: Id = Field(description="Id in the plan.")
    text: Text = Field(description="The goal in the person's own words.")
    status: GoalStatus = Field(default=GoalStatus.ACTIVE, description="Status of the work on it.")
    part_of: Id | None = Field(default=None, description="Id of the main goal that this is a sub-goal of.")
    areas: tuple[LifeArea, ...] = Field(default=(), max_length=50, description="Life areas.")
    period: Period = Field(default=Period(), description="From when it is worked on, until when it is to be reached.")
    target: Text | None = Field(default=None, description="Sign by which one will see that it is reached.")
    achievement: Achievement | None = Field(default=None, description="Achievement.")
    status_date: Day | None = Field(default=None, description="Day since when the status holds.")
    status_reason: Text | None = Field(default=None, description="Reason for the status.")
    expressed_by: Id | None = Field(default=None, description="Id of the person who put it into words.")
    note: Text | None = Field(default=None, description="Note.")


class MeasureStatus(StrEnum):
    """The status of a measure (FHIR care-plan-activity-status)."""

    NOT_STARTED = "not-started"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in-progress"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class Measure(Value):
    """A measure towards goals: content, responsible actor, extent, way and period (items e and f)."""

    id: Id = Field(description="Id in the plan.")
    what: Text = Field(description="The measure, in words.")
    goals: tuple[Id, ...] = Field(default=(), max_length=500, description="Ids of the goals it serves.")
    areas: tuple[LifeArea, ...] = Field(default=(), max_length=50, description="Life areas.")
    responsible: Id | None = Field(default=None, description="Id of who is responsible.")
    takes_part: tuple[Id, ...] = Field(default=(), max_length=500, description="Ids of others who take part.")
    extent: Text | None = Field(default=None, description='How much and how often: "two hours every Tuesday".')
    how: Text | None = Field(default=None, description="Way in which it is carried out.")
    where: Text | None = Field(default=None, description="Place.")
    period: Period = Field(default=Period(), description="Days from and until which it is carried out.")
    status: MeasureStatus = Field(default=MeasureStatus.NOT_STARTED, description="Status.")
    status_reason: Text | None = Field(default=None, description="Reason for the status.")


class Contributor(StrEnum):
    """The capacity in which somebody contributes (item d names exactly these three)."""

    OWNER = "owner"
    SERVICES = "services"
    RELATIVES = "relatives"


class Contribution(Value):
    """A contribution by the person, a service or a relative (item d)."""

    id: Id = Field(description="Id in the plan.")
    by: Contributor = Field(description="In what capacity somebody contributes.")
    text: Text = Field(description="The contribution, in words.")
    actor: Id | None = Field(default=None, description="Id of who contributes.")


class Cooperation(Value):
    """Cooperation with another service, institution or agency that is needed or wished for (item i)."""

    id: Id = Field(description="Id in the plan.")
    with_whom: Text = Field(description="The service, institution or agency, in words.")
    organization: Id | None = Field(default=None, description="Id of the organisation, if it is in the plan.")
    text: Text | None = Field(default=None, description="Subject of the cooperation.")


class ReviewKind(StrEnum):
    """The kind of a review: regular follow-up, or long-term evaluation. A plan has both (item g)."""

    FOLLOW_UP = "follow-up"
    EVALUATION = "evaluation"


class ReviewStatus(StrEnum):
    """The status of a review."""

    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"


class Review(Value):
    """One follow-up or evaluation, with its planned day and, when held, its outcome (item g)."""

    id: Id = Field(description="Id in the plan.")
    kind: ReviewKind = Field(description="Follow-up or evaluation.")
    planned: Day = Field(description="Day it is planned for.")
    status: ReviewStatus = Field(default=ReviewStatus.PLANNED, description="Status.")
    held: Day | None = Field(default=None, description="Day it was held, if it was.")
    how: Text | None = Field(default=None, description="Way in which it is done.")
    responsible: Id | None = Field(default=None, description="Id of the person who is responsible.")
    participants: tuple[Id, ...] = Field(default=(), max_length=500, description="Ids of the persons who take part.")
    outcome: Text | None = Field(default=None, description="Outcome, in words.")

    @model_validator(mode="after")
    def _held_has_date(self) -> Self:
        if (self.status is ReviewStatus.HELD) != (self.held is not None):
            message = "a review has the date it was held if, and only if, its status is held"
            raise ValueError(message)
        return self


class Arrangement(Value):
    """The arrangement for reviews of one kind: months between them, way and responsible actor (item g)."""

    every_months: Count = Field(gt=0, le=60, description="Months from one to the next.")
    how: Text | None = Field(default=None, description="Way in which it is done.")
    responsible: Id | None = Field(default=None, description="Id of who is responsible.")


class IndividualPlan(Unordered, Value):
    """The individual plan of one person, with all actors and items that it refers to.

    Actors (owner, related persons, professionals, organisations) are referred to by id; ids are unique in the plan.
    `version` counts from 1; `replaces` is the id of the plan that this one follows.
    """

    UNORDERED: ClassVar[tuple[str, ...]] = ("related_persons", "organizations", "professionals", "reviews", "consents")

    id: Id = Field(description="Id of the plan.")
    owner: PlanOwner = Field(description="The person whose plan it is.")
    status: PlanStatus = Field(default=PlanStatus.DRAFT, description="Status.")
    version: Count = Field(default=1, ge=1, description="Number of the version, from 1.")
    title: Text | None = Field(default=None, description="Title.")
    legal_basis: tuple[LegalBasis, ...] = Field(
        default=(), max_length=50, description="Sections of law that it is made by."
    )
    period: Period = Field(default=Period(), description="Plan period.")
    created: Moment = Field(description="Time when it was begun, with zone.")
    updated: Moment | None = Field(default=None, description="Time of the last change, with zone.")
    author: Id | None = Field(default=None, description="Id of who wrote this version.")
    coordinating_unit: Id | None = Field(default=None, description="Id of the coordinating unit (koordinerende enhet).")
    replaces: Id | None = Field(default=None, description="Id of the plan that this one follows.")
    related_persons: tuple[RelatedPerson, ...] = Field(
        default=(), max_length=500, description="Relatives and representatives."
    )
    organizations: tuple[Organization, ...] = Field(
        default=(), max_length=1_000, description="Organisations that the plan names."
    )
    professionals: tuple[Professional, ...] = Field(
        default=(), max_length=2_000, description="Professionals that the plan names."
    )
    resources: tuple[Resource, ...] = Field(
        default=(), max_length=1_000, description="Strengths, interests and people (item a)."
    )
    needs: tuple[Need, ...] = Field(default=(), max_length=1_000, description="Needs for services (item a).")
    goals: tuple[Goal, ...] = Field(default=(), max_length=2_000, description="Main goals and sub-goals (item a).")
    measures: tuple[Measure, ...] = Field(default=(), max_length=5_000, description="Measures (items e and f).")
    contributions: tuple[Contribution, ...] = Field(default=(), max_length=1_000, description="Contributions (item d).")
    cooperation: tuple[Cooperation, ...] = Field(
        default=(), max_length=1_000, description="Cooperation with others (item i)."
    )
    follow_up: Arrangement | None = Field(
        default=None, description="Interval and way of following the plan up (item g)."
    )
    evaluation: Arrangement | None = Field(
        default=None, description="Interval and way of evaluating the plan (item g)."
    )
    reviews: tuple[Review, ...] = Field(
        default=(), max_length=2_000, description="Follow-ups and evaluations, planned and held (item g)."
    )
    team: CareTeam | None = Field(default=None, description="Care team with coordinators (items b and c).")
    consents: tuple[Consent, ...] = Field(default=(), max_length=500, description="Consents (item h).")
    note: Text | None = Field(default=None, description="Note.")

    @model_validator(mode="after")
    def _keeps_the_rules(self) -> Self:
        if problems := plan_problems(self):
            raise InvalidInput(problems)
        return self

    @property
    def main_goals(self) -> tuple[Goal, ...]:
        """The goals that are not part of another goal."""
        return tuple(goal for goal in self.goals if goal.part_of is None)

    def sub_goals(self, goal: Goal) -> tuple[Goal, ...]:
        """Returns the sub-goals of `goal`."""
        return tuple(sub for sub in self.goals if sub.part_of == goal.id)
