"""The section of the summary page about a shared plan: what each participant sees now, and when it got it.

The template is `sharing.html.j2` beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.consent.matrix import AREAS
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.report.plans.items import items_of
from ip_fhir.report.plans.labels import label
from ip_fhir.report.words.codes import day_words, word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.view import Opening, PlanView
    from ip_fhir.domain.values.terms import LifeArea
    from ip_fhir.report.pages.steps import StepRow
    from ip_fhir.report.words.codes import Language
    from ip_fhir.report.words.loop import Tone

COUNTED: Final = ("goals", "measures", "needs", "team.memberships")
"""The fields of a plan whose items are counted in the table."""


@dataclass(frozen=True, slots=True)
class HeldCopy:
    """The newest view that a participant has in its own store, with its number and the time when it got it.

    Without a `view` it was withdrawn at `withdrawn`, or the participant never had one. `equal` is True if the copy
    equals the view that the holder would give it now.
    """

    participant: str
    view: PlanView | None
    number: int | None = None
    received: datetime | None = None
    withdrawn: datetime | None = None
    equal: bool = True


@dataclass(frozen=True, slots=True)
class CopyRow:
    """A row of the table: a participant, the state of its copy in words, counts, number, times."""

    participant: str
    state: str
    tone: Tone
    counts: tuple[str, ...]
    number: str
    received: str
    until: str


@dataclass(frozen=True, slots=True)
class AreaRow:
    """A row of the second table: a life area, and for each participant a mark, its words, and whether it is open."""

    area: str
    marks: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class SharingSection:
    """The section as the template takes it."""

    name: str
    who: str
    shows: str
    headings: tuple[str, ...]
    copies: tuple[CopyRow, ...]
    participants: tuple[str, ...]
    areas: tuple[AreaRow, ...]
    steps: tuple[StepRow, ...]
    words: dict[str, str]


def sharing_section(
    caption: tuple[str, str, str],
    plan: IndividualPlan,
    copies: Sequence[HeldCopy],
    steps: Sequence[StepRow],
    language: Language,
    on: date,
) -> SharingSection:
    """Returns the section about one plan.

    `caption` is the person's first name, a line about them, and what the plan shows; `plan` the newest version at its
    holder, `copies` what each participant has, `steps` what happened, and `on` the last day of it in Norway.
    """
    name, who, shows = caption
    holding = [copy for copy in copies if copy.view is not None]
    return SharingSection(
        name=name,
        who=who,
        shows=shows,
        headings=tuple(label(f"kind-{field}", language) for field in COUNTED),
        copies=tuple(_copy(copy, plan, language) for copy in copies),
        participants=tuple(copy.participant for copy in holding),
        areas=tuple(_areas([copy.view.openings for copy in holding if copy.view], language, on)),
        steps=tuple(steps),
        words=_TEXTS[language],
    )


def _copy(copy: HeldCopy, plan: IndividualPlan, language: Language) -> CopyRow:
    counts = [f"{len(items_of(copy.view.plan, f))}/{len(items_of(plan, f))}" if copy.view else "-" for f in COUNTED]
    until = copy.view.holds_until if copy.view is not None else None
    state, tone = _state(copy)
    return CopyRow(
        participant=copy.participant,
        state=_TEXTS[language][state],
        tone=tone,
        counts=tuple(counts),
        number="" if copy.number is None else str(copy.number),
        received=_time(copy.withdrawn or copy.received, language),
        until="" if until is None else day_words(until, language, year=True),
    )


def _state(copy: HeldCopy) -> tuple[str, Tone]:
    """Returns the key of the words for the state of a copy, and their tone."""
    if copy.view is None:
        return "withdrawn" if copy.withdrawn else "none", "quiet"
    return ("equal", "good") if copy.equal else ("differs", "bad")


def _time(at: datetime | None, language: Language) -> str:
    if at is None:
        return ""
    local = at.astimezone(OSLO)
    return f"{day_words(local, language, weekday=True)} {local:%H:%M}"


def _areas(openings: Sequence[Sequence[Opening]], language: Language, on: date) -> Iterator[AreaRow]:
    for area in AREAS:
        name = label("general", language) if area is None else word(area, language)
        yield AreaRow(name[:1].upper() + name[1:], tuple(_mark(of_one, area, language, on) for of_one in openings))


def _mark(openings: Sequence[Opening], area: LifeArea | None, language: Language, on: date) -> tuple[str, str, bool]:
    """Returns the mark of a life area, its words, and True if it is open to the participant on the day."""
    words = _TEXTS[language]
    found = next((one for one in openings if one.area is area), None)
    if found is None or (found.until is not None and found.until < on):
        return "-", words["closed"], False
    if found.since is not None and found.since > on:
        return "-", f"{words['from']} {day_words(found.since, language)}", False
    if found.until is not None:
        return "✓", f"{words['until']} {day_words(found.until, language, year=True)}", True
    return "✓", words["open"], True


_TEXTS: dict[Language, dict[str, str]] = {
    "nb": {
        "title": "Planen som deles",
        "lede": "Én part har planen. Hver deltaker har bare det som personen lar den se, og beholder det hos seg. "
        "Her er det de har nå, lest fra deltakernes egne lagre.",
        "participant": "Deltaker",
        "state": "Det de har nå",
        "number": "Utsnitt nr.",
        "received": "Fikk det",
        "holds": "Gjelder til",
        "equal": "lik det de skal se",
        "differs": "ikke likt det de skal se",
        "withdrawn": "trukket tilbake",
        "none": "har ikke fått noe",
        "counts": "6/9: deltakeren ser seks av de ni som står i planen.",
        "areas": "Hvem som ser hvilke livsområder",
        "area": "Livsområde",
        "open": "åpent",
        "closed": "lukket",
        "from": "fra",
        "until": "til",
        "steps": "Steg for steg",
        "day": "Dag",
        "time": "Kl.",
        "side": "Side",
        "what": "Hva",
    },
    "en": {
        "title": "The plan that is shared",
        "lede": "One party holds the plan. Each participant has only what the person lets it see, and keeps it "
        "in its own system. This is what they have now, read from the participants' own stores.",
        "participant": "Participant",
        "state": "What it has now",
        "number": "View no.",
        "received": "Got it",
        "holds": "Holds until",
        "equal": "equals what it is to see",
        "differs": "differs from what it is to see",
        "withdrawn": "withdrawn",
        "none": "was given nothing",
        "counts": "6/9: the participant sees six of the nine that stand in the plan.",
        "areas": "Who sees which life areas",
        "area": "Life area",
        "open": "open",
        "closed": "closed",
        "from": "from",
        "until": "until",
        "steps": "Step by step",
        "day": "Day",
        "time": "Time",
        "side": "Side",
        "what": "What",
    },
}
