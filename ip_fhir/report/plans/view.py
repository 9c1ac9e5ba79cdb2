"""A view of a plan as a person reads it: the terms of the share on top, then what the view lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.values.value import Period
from ip_fhir.report.plans.layout import labelled, paragraph
from ip_fhir.report.plans.plan import body_lines
from ip_fhir.report.plans.sections.consents import sees_words
from ip_fhir.report.plans.sections.people import owner_lines, owner_name, relative_lines
from ip_fhir.report.plans.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from ip_fhir.domain.sharing.view import Opening, PlanView
    from ip_fhir.report.words.codes import Language


def view_lines(view: PlanView, language: Language, on: date) -> Iterator[str]:
    """Yields a view in lines: number, last day, open life areas, then its content as `plan_lines` tells a plan's.

    `on` is the day in Norway for which it is told. After the last day on which the view holds, only its terms are told,
    and nothing of its content.
    """
    wording = Wording(view.plan, language, on)
    yield from paragraph(f"{wording.label('view-of')} {owner_name(wording)}")
    yield ""
    yield from _terms(wording, view)
    yield ""
    if view.holds_until is not None and view.holds_until < on:
        yield from paragraph(wording.label("over"))
        return
    yield from paragraph(wording.label("hint"))
    yield ""
    yield from labelled(wording.label("status"), wording.word(view.plan.status))
    yield from labelled(wording.label("period"), wording.period(view.plan.period))
    yield from owner_lines(wording)
    yield from body_lines(wording)
    yield from relative_lines(wording)


def _terms(wording: Wording, view: PlanView) -> Iterator[str]:
    """Yields the number of the view, since when it is shared, its last day, the agreement's level, the open areas."""
    plan = view.plan
    number = [str(view.number), f"{wording.label('since-share')} {wording.day(plan.created)}"]
    number += [f"{wording.label('changed')} {wording.day(plan.updated)}"] if plan.updated else []
    yield from labelled(wording.label("number"), ", ".join(number))
    until = f"{wording.label('until-incl')} {wording.day(view.holds_until)}" if view.holds_until else None
    yield from labelled(wording.label("holds"), until or wording.label("holds-open"))
    yield from labelled(wording.label("level"), wording.word(view.level))
    yield from labelled(wording.label("open-areas"), openings_words(wording, view.openings))
    later = [one for one in view.openings if one.since is not None and one.since > wording.on]
    said = (f"{wording.areas([one.area])} ({wording.period(Period(start=one.since, end=one.until))})" for one in later)
    yield from labelled(wording.label("opens"), "; ".join(said))


def openings_words(wording: Wording, openings: tuple[Opening, ...]) -> str:
    """Returns the life areas that are open to a participant on the day, with the last day where they have one."""
    periods = ((one.area, Period(start=one.since, end=one.until)) for one in openings)
    now = {area: period.end for area, period in periods if period.covers(wording.on)}
    return sees_words(wording, now) if now else wording.label("nothing-open")
