"""The consent matrix: the answer of `permits` for everybody that a plan names and each life area, on one day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.consent.ages import LAW
from ip_fhir.domain.consent.answers import Answer, Answers
from ip_fhir.domain.consent.consent import ConsentKind
from ip_fhir.domain.consent.permission import Refused, Rule
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.team import MembershipStatus
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import require

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from ip_fhir.domain.consent.ages import ConsentAges

AREAS: tuple[LifeArea | None, ...] = (None, *LifeArea)
"""The columns: None (content of no life area), then each life area."""

_GONE = (MembershipStatus.ENDED, MembershipStatus.DECLINED)


class Group(StrEnum):
    """The capacity in which somebody is named in the plan; a matrix is sorted by it."""

    TEAM = "team"  # takes part or coordinates on that day
    NAMED = "named"  # a person the plan names, who does not take part on that day
    ORGANIZATION = "organization"


@dataclass(frozen=True, slots=True)
class Cell:
    """One answer: allowed, until a last day (`until`; None: no end is known), or refused by a `rule`."""

    area: LifeArea | None
    until: date | None = None
    rule: Rule | None = None
    consents: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """True if the content of this area may be seen."""
        return self.rule is None


@dataclass(frozen=True, slots=True)
class Seer:
    """One participant with a cell for each of `AREAS`, in that order."""

    id: str
    name: str
    group: Group
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class ConsentMatrix:
    """A row for everybody that the plan names except its owner, who decides and may see everything."""

    plan: str
    on: date
    seers: tuple[Seer, ...]

    def to_data(self) -> dict[str, Any]:
        """Returns the matrix as JSON data. `area` is null for content of no life area; days are ISO 8601."""
        return {
            "plan": self.plan,
            "on": self.on.isoformat(),
            "participants": [
                {
                    "id": seer.id,
                    "name": seer.name,
                    "group": seer.group.value,
                    "cells": [
                        {
                            "area": cell.area,
                            "allowed": cell.allowed,
                            "until": cell.until and cell.until.isoformat(),
                            "rule": cell.rule,
                            "consents": list(cell.consents),
                        }
                        for cell in seer.cells
                    ],
                }
                for seer in self.seers
            ],
        }


def consent_matrix(plan: IndividualPlan, on: date, ages: ConsentAges = LAW) -> ConsentMatrix:
    """Returns who may see which life areas of `plan` on the day `on`, by its consents to sharing.

    A consent to an organisation also covers its units and their staff. Consent is only one condition for access: a
    consent may still cover somebody who has left the team and no longer needs to see the plan. `ages` says from when a
    person consents alone. Raises `InvalidInput` if
    `plan` is no plan, or (too-costly) if its consents name hundreds, each in another way.
    """
    require(plan, IndividualPlan, "plan")
    taking_part = _taking_part(plan, on)
    organizations = {organization.id for organization in plan.organizations}
    answers = Answers(plan.consents, ConsentKind.SHARING, on, plan.related_persons, plan.owner, ages)
    seers = []
    for ident, name, within in _everybody_named(plan, answers.recipients):
        group = Group.TEAM if ident in taking_part else Group.NAMED
        if ident in organizations:
            group = Group.ORGANIZATION
        cells = tuple(_cell(area, answer) for area, answer in answers.to(ident, within))
        seers.append(Seer(ident, name, group, cells))
    order = list(Group)
    return ConsentMatrix(plan.id, on, tuple(sorted(seers, key=lambda seer: order.index(seer.group))))


def _cell(area: LifeArea | None, answer: Answer) -> Cell:
    given = answer.given
    rule = given.rule if isinstance(given, Refused) else None
    return Cell(area, answer.until, rule, given.consents)


def _taking_part(plan: IndividualPlan, on: date) -> set[str]:
    """Returns the ids of the members and coordinators on the day `on`."""
    if plan.team is None:
        return set()
    members = (m for m in plan.team.memberships if m.status not in _GONE and m.period.covers(on))
    return {m.member for m in members} | {c.holder for c in plan.team.coordinators_on(on) if c.holder is not None}


def _everybody_named(plan: IndividualPlan, counted: Container[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yields id, name and the organisations above that are among `counted`, for everybody in the plan but its owner."""
    with_above = organizations_above(plan, counted)
    for person in plan.related_persons:
        yield person.id, person.name.full, ()
    for professional in plan.professionals:
        yield professional.id, professional.name.full, with_above[professional.organization]
    for organization in plan.organizations:
        yield organization.id, organization.name, with_above[organization.part_of]


def organizations_above(plan: IndividualPlan, counted: Container[str]) -> dict[str | None, tuple[str, ...]]:
    """Returns by each organisation's id itself and those above it, as far as they are among `counted`.

    Each organisation is walked over once.
    """
    parents = {organization.id: organization.part_of for organization in plan.organizations}
    found: dict[str | None, tuple[str, ...]] = {None: ()}
    for start in parents:
        trail = []
        here: str | None = start
        while here is not None and here not in found:
            trail.append(here)
            here = parents[here]
        for ident in reversed(trail):
            above = found[parents[ident]]
            found[ident] = (ident, *above) if ident in counted else above
    return found
