"""The further parts of a plan: needs, strengths, contributions, cooperation, and the reviews of the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.plan import ReviewKind, ReviewStatus
from ip_fhir.report.plans.layout import STEP, heading, labelled, paragraph, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.domain.plan import Arrangement, Need, Resource, Review
    from ip_fhir.report.plans.wording import Wording


def need_lines(wording: Wording) -> Iterator[str]:
    """Yields the sections of needs and of strengths, each item with its life area."""
    yield from _with_areas(wording, "needs", wording.plan.needs)
    yield from _with_areas(wording, "resources", wording.plan.resources)


def _with_areas(wording: Wording, title: str, items: Iterable[Need | Resource]) -> Iterator[str]:
    for number, item in enumerate(items):
        if number == 0:
            yield from heading(wording.label(title))
        area = f" ({wording.word(item.area)})" if item.area is not None else ""
        yield from paragraph(f"{item.text}{area}", mark="- ")


def contribution_lines(wording: Wording) -> Iterator[str]:
    """Yields the sections of what everybody contributes, and of cooperation with others."""
    if wording.plan.contributions:
        yield from heading(wording.label("contributions"))
    for item in wording.plan.contributions:
        who = wording.actor(item.actor) if item.actor else wording.word(item.by)
        yield from labelled(f"{who[:1].upper()}{who[1:]}", item.text, mark="- ")
    if wording.plan.cooperation:
        yield from heading(wording.label("cooperation"))
    for one in wording.plan.cooperation:
        yield from paragraph(": ".join(filter(None, (one.with_whom, one.text))), mark="- ")


def review_lines(wording: Wording) -> Iterator[str]:
    """Yields the section of reviews: the arrangements, what is planned, and what was held, the latest first."""
    plan = wording.plan
    arrangements = [(kind, one) for kind, one in _arrangements(wording) if one is not None]
    if arrangements or plan.reviews:
        yield from heading(wording.label("reviews"))
    for kind, arrangement in arrangements:
        yield from labelled(kind, _arrangement(wording, arrangement))
    planned = [one for one in plan.reviews if one.status is ReviewStatus.PLANNED]
    past = [one for one in plan.reviews if one.status is not ReviewStatus.PLANNED]
    for review in sorted(planned, key=lambda one: one.planned):
        yield from _review(wording, review)
    for review in sorted(past, key=lambda one: one.held or one.planned, reverse=True):
        yield from _review(wording, review)


def _arrangements(wording: Wording) -> Iterator[tuple[str, Arrangement | None]]:
    for kind, arrangement in (
        (ReviewKind.FOLLOW_UP, wording.plan.follow_up),
        (ReviewKind.EVALUATION, wording.plan.evaluation),
    ):
        yield wording.word(kind).capitalize(), arrangement


def _arrangement(wording: Wording, arrangement: Arrangement) -> str:
    who = (
        f"{wording.label('responsible')}: {wording.actor(arrangement.responsible)}" if arrangement.responsible else None
    )
    return sentence(wording.label("every").format(arrangement.every_months), arrangement.how, who)


def _review(wording: Wording, review: Review) -> Iterator[str]:
    day = wording.day(review.held or review.planned)
    status = wording.word(review.status)
    moved = review.held is not None and review.held != review.planned
    planned = f" ({wording.label('planned-for')} {wording.day(review.planned)})" if moved else ""
    if review.status is ReviewStatus.PLANNED and review.planned < wording.on:
        planned = f" ({wording.label('passed')})"
    yield from paragraph(f"{day}: {wording.word(review.kind)}, {status}{planned}", mark="- ")
    within = STEP - 1
    yield from labelled(wording.label("responsible"), wording.actor(review.responsible), within)
    yield from labelled(wording.label("with"), wording.actors(review.participants), within)
    yield from labelled(wording.label("how"), review.how, within)
    yield from labelled(wording.label("outcome"), review.outcome, within)
