"""The consent matrix: the answer of `permits` for everybody that a plan names and each life area, on one day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.consent.consent import ConsentKind
from ip_fhir.domain.consent.permission import AccessRequest, Allowed, Rule, permits
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.team import MembershipStatus
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.domain.consent.consent import Consent

AREAS: tuple[LifeArea | None, ...] = (None, *LifeArea)
"""The columns: None (content of no life area), then each life area."""

_GONE = (MembershipStatus.ENDED, MembershipStatus.DECLINED)
_ONE_DAY = timedelta(days=1)


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


def consent_matrix(plan: IndividualPlan, on: date) -> ConsentMatrix:
    """Returns who may see which life areas of `plan` on the day `on`, by its consents to sharing.

    A consent to an organisation also covers its units and their staff. Consent is only one condition for access: a
    consent may still cover somebody who has left the team and no longer needs to see the plan. Raises `InvalidInput` if
    `plan` is no plan.
    """
    require(plan, IndividualPlan, "plan")
    taking_part = _taking_part(plan, on)
    seers = []
    for ident, name, within in _everybody_named(plan):
        group = Group.TEAM if ident in taking_part else Group.NAMED
        if any(ident == organization.id for organization in plan.organizations):
            group = Group.ORGANIZATION
        cells = tuple(_cell(plan, AccessRequest(ConsentKind.SHARING, ident, on, within, _asked(a)), a) for a in AREAS)
        seers.append(Seer(ident, name, group, cells))
    order = list(Group)
    return ConsentMatrix(plan.id, on, tuple(sorted(seers, key=lambda seer: order.index(seer.group))))


def _asked(area: LifeArea | None) -> tuple[LifeArea, ...]:
    return () if area is None else (area,)


def _cell(plan: IndividualPlan, request: AccessRequest, area: LifeArea | None) -> Cell:
    answer = permits(plan.consents, request, plan.related_persons)
    if not isinstance(answer, Allowed):
        return Cell(area, rule=answer.rule, consents=answer.consents)
    for day in _turning_days(plan.consents, request.on):
        later = AccessRequest(request.kind, request.recipient, day, request.within, request.areas)
        if not isinstance(permits(plan.consents, later, plan.related_persons), Allowed):
            return Cell(area, until=day - _ONE_DAY, consents=answer.consents)
    return Cell(area, consents=answer.consents)


def _turning_days(consents: Iterable[Consent], after: date) -> list[date]:
    """Returns the days after `after` on which an answer may change: first days, and days after last days, in order."""
    days: set[date] = set()
    for consent in consents:
        days |= {consent.given_on} | ({consent.withdrawn_on} if consent.withdrawn_on is not None else set())
        for period in (consent.period, *(provision.period for provision in consent.provisions)):
            if period.start is not None:
                days.add(period.start)
            if period.end is not None and period.end < date.max:
                days.add(period.end + _ONE_DAY)
    return sorted(day for day in days if day > after)


def _taking_part(plan: IndividualPlan, on: date) -> set[str]:
    """Returns the ids of the members and coordinators on the day `on`."""
    if plan.team is None:
        return set()
    members = (m for m in plan.team.memberships if m.status not in _GONE and m.period.covers(on))
    return {m.member for m in members} | {c.holder for c in plan.team.coordinators_on(on) if c.holder is not None}


def _everybody_named(plan: IndividualPlan) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yields id, name and the ids of the organisations above, for everybody in the plan except its owner."""
    above = {organization.id: organization.part_of for organization in plan.organizations}

    def chain(ident: str | None) -> Iterator[str]:
        while ident is not None:
            yield ident
            ident = above.get(ident)

    for person in plan.related_persons:
        yield person.id, person.name.full, ()
    for professional in plan.professionals:
        yield professional.id, professional.name.full, tuple(chain(professional.organization))
    for organization in plan.organizations:
        yield organization.id, organization.name, tuple(chain(organization.part_of))
