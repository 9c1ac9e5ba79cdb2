"""The whole plan as a person reads it, on a screen or on paper, in lines of at most 80 letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.report.plans.layout import heading, labelled, paragraph
from ip_fhir.report.plans.sections.consents import consent_lines
from ip_fhir.report.plans.sections.contents import contribution_lines, need_lines, review_lines
from ip_fhir.report.plans.sections.goals import goal_lines
from ip_fhir.report.plans.sections.people import (
    coordinator_lines,
    owner_lines,
    owner_name,
    relative_lines,
    team_lines,
    withheld_lines,
)
from ip_fhir.report.plans.wording import Wording
from ip_fhir.report.words.plan import title_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.report.words.codes import Language


def plan_lines(
    plan: IndividualPlan, language: Language, on: date, released: Collection[LocatingPart] = ()
) -> Iterator[str]:
    """Yields the plan in lines: who, status, coordinator, goals and measures, needs, team, reviews, consents.

    `on` is the day in Norway for which it is told: who coordinates and takes part, and whose consent counts. Where an
    address is protected, only the parts in `released` lead to the person; it says which are not shown. Numbers of
    persons are not shown.
    """
    wording = Wording(withheld(plan, released), language, on)
    yield from paragraph(plan.title or title_of(language))
    yield from paragraph(f"{wording.label('plan-for')} {owner_name(wording)}")
    yield ""
    yield from labelled(wording.label("status"), _status(wording))
    yield from labelled(wording.label("period"), wording.period(plan.period))
    basis = "; ".join(wording.word(section) for section in plan.legal_basis)
    yield from labelled(wording.label("basis"), basis)
    yield from owner_lines(wording)
    yield from withheld_lines(wording, plan, released)
    yield from body_lines(wording)
    yield from relative_lines(wording)
    yield from consent_lines(wording)


def body_lines(wording: Wording) -> Iterator[str]:
    """Yields the sections that a plan and a view of it both may have, without those that are empty."""
    yield from coordinator_lines(wording)
    yield from goal_lines(wording)
    yield from need_lines(wording)
    yield from contribution_lines(wording)
    yield from team_lines(wording)
    yield from review_lines(wording)
    if wording.plan.note:
        yield from heading(wording.label("note"))
        yield from paragraph(wording.plan.note)


def _status(wording: Wording) -> str:
    plan = wording.plan
    said = [wording.word(plan.status), f"{wording.label('version')} {plan.version}"]
    author = f" {wording.label('by')} {wording.names[plan.author]}" if plan.author else ""
    said += [f"{wording.label('changed')} {wording.day(plan.updated)}{author}"] if plan.updated else []
    return ", ".join(said)
