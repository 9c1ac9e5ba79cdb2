"""The plan's content under each of the law's items a) to i), as lines of text for a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.report.words.codes import day_words, word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ip_fhir.domain.people import PlanOwner, Professional, RelatedPerson
    from ip_fhir.domain.plan import Arrangement, Goal, IndividualPlan
    from ip_fhir.domain.values.value import Period
    from ip_fhir.report.words.codes import Language

    Lines = Callable[[IndividualPlan, Language], Iterator[str]]

_WORDS = {
    "title": ("Individuell plan", "Individual plan"),
    "named": ("Nevnt i planen", "Named in the plan"),
    "goal": ("Mål", "Goal"),
    "sub-goal": ("Delmål", "Sub-goal"),
    "resource": ("Ressurs", "Resource"),
    "need": ("Behov", "Need"),
    "owner": ("Personen", "The person"),
    "services": ("Tjenestene", "The services"),
    "relatives": ("De pårørende", "The relatives"),
    "responsible": ("ansvarlig", "responsible"),
    "vacant": ("Ingen for tiden", "Nobody at present"),
    "period": ("Planperiode", "Plan period"),
    "follow-up": ("Oppfølging", "Follow-up"),
    "evaluation": ("Evaluering", "Evaluation"),
    "months": ("hver {} måned", "every {} months"),
    "plan": ("Samtykke til planen", "Consent to the plan"),
    "sharing": ("Samtykke til deling", "Consent to sharing"),
    "notice": ("Samtykke til melding", "Consent to the notice"),
    "withdrawn": ("trukket tilbake", "withdrawn"),
    "from": ("fra", "from"),
    "until": ("til", "until"),
    "lacks": ("Mangler", "Lacks"),
}


def _label(key: str, language: Language) -> str:
    nb, en = _WORDS[key]
    return nb if language == "nb" else en


def title_of(language: Language) -> str:
    """Returns the title of a plan that has none of its own."""
    return _label("title", language)


def named_title(language: Language) -> str:
    """Returns the heading of the section that names everybody in the plan."""
    return _label("named", language)


def lacking(items: Iterable[str], language: Language) -> Iterator[str]:
    """Yields a line for each part that an item lacks."""
    return (f"{_label('lacks', language)}: {item}" for item in items)


def names_in(plan: IndividualPlan) -> dict[str | None, str]:
    """Returns the names of all persons and organisations by id."""
    people: tuple[PlanOwner | RelatedPerson | Professional, ...] = (
        plan.owner,
        *plan.related_persons,
        *plan.professionals,
    )
    return {**{o.id: o.name for o in plan.organizations}, **{person.id: person.name.full for person in people}}


def _goals_resources_needs(plan: IndividualPlan, language: Language) -> Iterator[str]:
    parts: dict[str | None, list[Goal]] = {}
    for goal in plan.goals:
        parts.setdefault(goal.part_of, []).append(goal)
    for goal in parts.get(None, ()):
        yield f"{_label('goal', language)}: {goal.text}"
        yield from (f"{_label('sub-goal', language)}: {sub.text}" for sub in parts.get(goal.id, ()))
    yield from (f"{_label('resource', language)}: {resource.text}" for resource in plan.resources)
    yield from (f"{_label('need', language)}: {need.text}" for need in plan.needs)


def _members(plan: IndividualPlan, language: Language) -> Iterator[str]:
    names = names_in(plan)
    for member in plan.team.memberships if plan.team is not None else ():
        yield _with_period(names.get(member.member, ""), member.period, language)


def _coordinators(plan: IndividualPlan, language: Language) -> Iterator[str]:
    names = names_in(plan)
    for place in plan.team.coordinators if plan.team is not None else ():
        who = names.get(place.holder, "") if place.holder else _label("vacant", language)
        yield _with_period(f"{who}, {word(place.kind, language)}", place.period, language)


def _contributions(plan: IndividualPlan, language: Language) -> Iterator[str]:
    return (f"{_label(item.by.value, language)}: {item.text}" for item in plan.contributions)


def _measures(plan: IndividualPlan, language: Language) -> Iterator[str]:
    names = names_in(plan)
    for measure in plan.measures:
        who = names.get(measure.responsible, "")
        responsible = f"{_label('responsible', language)}: {who}" if measure.responsible else ""
        yield "; ".join(filter(None, (measure.what, measure.extent, responsible)))


def _procedures(plan: IndividualPlan, _language: Language) -> Iterator[str]:
    return (f"{measure.what}: {measure.how}" for measure in plan.measures if measure.how)


def _period_and_reviews(plan: IndividualPlan, language: Language) -> Iterator[str]:
    if plan.period.start or plan.period.end:
        yield _with_period(_label("period", language), plan.period, language)
    for key, arrangement in (("follow-up", plan.follow_up), ("evaluation", plan.evaluation)):
        if arrangement is not None:
            yield f"{_label(key, language)}: {_interval(arrangement, language)}"
    for review in plan.reviews:
        yield f"{_label(review.kind.value, language)}: {day_words(review.held or review.planned, language, year=True)}"


def _interval(arrangement: Arrangement, language: Language) -> str:
    every = _label("months", language).format(
        f"{arrangement.every_months}." if language == "nb" else arrangement.every_months
    )
    return f"{every}; {arrangement.how}" if arrangement.how else every


def _consents(plan: IndividualPlan, language: Language) -> Iterator[str]:
    for consent in plan.consents:
        words = f"{_label(consent.kind.value, language)}, {day_words(consent.given_on, language, year=True)}"
        yield f"{words}; {_label('withdrawn', language)}" if consent.withdrawn_on else words


def _cooperation(plan: IndividualPlan, _language: Language) -> Iterator[str]:
    return (f"{item.with_whom}: {item.text}" if item.text else item.with_whom for item in plan.cooperation)


def _with_period(words: str, period: Period, language: Language) -> str:
    """Returns the words, followed by the period if there is one."""
    days = (("from", period.start), ("until", period.end))
    told = [f"{_label(key, language)} {day_words(day, language, year=True)}" for key, day in days if day is not None]
    return f"{words} ({' '.join(told)})" if told else words


SECTIONS: dict[str, tuple[tuple[str, ...], Lines]] = {
    "a": (("goals", "needs", "resources"), _goals_resources_needs),
    "b": (("team",), _members),
    "c": (("team",), _coordinators),
    "d": (("contributions",), _contributions),
    "e": (("measures",), _measures),
    "f": (("measures",), _procedures),
    "g": (("period", "follow_up", "evaluation", "reviews"), _period_and_reviews),
    "h": (("consents",), _consents),
    "i": (("cooperation",), _cooperation),
}
"""By the item's letter: the fields of the plan that it covers, and the function for its lines."""
