"""The summary page: how loops went, as one HTML file for screen and paper.

The template is `summary.html.j2` beside this file; whatever comes from outside is escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from ip_fhir.domain.green_form import FormDecision
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.report.history import crossings
from ip_fhir.report.pages.steps import StepRow
from ip_fhir.report.pictures.drawing import Axis
from ip_fhir.report.pictures.timeline import timeline
from ip_fhir.report.words.codes import day_words, word
from ip_fhir.report.words.loop import lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.team import Coordinator
    from ip_fhir.report.history import Loop
    from ip_fhir.report.pages.sharing import SharingSection
    from ip_fhir.report.words.codes import Language


@dataclass(frozen=True, slots=True)
class LoopCaption:
    """A loop with its caption: the person's first name, a line about them, and what the loop shows."""

    loop: Loop
    name: str
    who: str
    shows: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check: the number of times it held, and the failures in words."""

    name: str
    held: int
    of: int
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoopSection:
    """A loop as the template takes it."""

    ident: str
    name: str
    who: str
    shows: str
    state: str
    ended_well: bool
    closed: str
    reminders: int
    picture: str
    facts: tuple[tuple[str, str], ...]
    steps: tuple[StepRow, ...]


def render(
    told: Sequence[LoopCaption],
    judged: Sequence[CheckResult],
    language: Language,
    shared: SharingSection | None = None,
) -> str:
    """Returns the page as HTML, with a section about a shared plan if given. Needs the extra `report` (jinja2)."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    axis = _axis([one.loop for one in told])
    environment = Environment(
        loader=PackageLoader("ip_fhir.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [_section(one, axis, language) for one in told]
    template = environment.get_template("pages/summary.html.j2")
    return template.render(
        language=language,
        words=_TEXTS[language],
        sections=sections,
        shared=shared,
        judged=judged,
        period=_period(axis, language),
    )


def _axis(loops: Sequence[Loop]) -> Axis:
    times = [link.record.event.at for loop in loops for side in loop.sides for link in side.evidence]
    start = min(times).astimezone(OSLO).replace(hour=0, minute=0, second=0, microsecond=0)
    return Axis(start, max(times) + timedelta(days=1))


def _period(axis: Axis, language: Language) -> str:
    last = axis.end - timedelta(days=1)
    start, end = (day_words(at.astimezone(OSLO), language, year=True) for at in (axis.start, last))
    return f"{start} {_TEXTS[language]['until']} {end}"


def _section(told: LoopCaption, axis: Axis, language: Language) -> LoopSection:
    loop, referral = told.loop, told.loop.hospital.referral
    title = _TEXTS[language]["picture"].format(name=told.name)
    form = referral.forms[-1].form if referral.forms else None
    return LoopSection(
        ident=loop.correlation_id,
        name=told.name,
        who=told.who,
        shows=told.shows,
        state=word(referral.state, language),
        ended_well=form is not None and form.decision is FormDecision.APPOINTED,
        closed=_day(loop.closed, language) if loop.closed else "",
        reminders=referral.reminders,
        picture=timeline(loop, axis, title, language),
        facts=tuple(_facts(form, language)) if form is not None else (),
        steps=tuple(_steps(loop, language)),
    )


def _steps(loop: Loop, language: Language) -> list[StepRow]:
    numbers = {crossing.effect.id: str(n) for n, crossing in enumerate(crossings(loop), 1)}
    return [
        StepRow(
            number=next((numbers[ident] for ident in line.effects if ident in numbers), ""),
            day=day_words(line.at.astimezone(OSLO), language, weekday=True),
            time=f"{line.at.astimezone(OSLO):%H:%M}",
            side=word(line.role, language).capitalize(),
            text=line.text[:1].upper() + line.text[1:],
            tone=line.tone,
        )
        for line in lines(loop, language)
    ]


def _facts(form: GreenForm, language: Language) -> list[tuple[str, str]]:
    """Returns the content of the last green form as pairs of heading and text."""
    words = _TEXTS[language]
    facts = [(word(c.kind, language).capitalize(), _coordinator(c, form, language)) for c in form.coordinators]
    if form.plan_state is not None:
        starts = f", {_day(form.plan_starts, language)}" if form.plan_starts else ""
        facts.append((words["plan"], word(form.plan_state, language).capitalize() + starts))
    wish = next((c for c in form.coordinators if c.wish_honoured is not None), None)
    if wish is not None:
        facts.append((words["wish"], words["honoured"] if wish.wish_honoured else wish.wish_reason or ""))
    if (no := form.rejection) is not None:
        facts.append((words["reason"], ". ".join(filter(None, (word(no.reason, language).capitalize(), no.text)))))
        facts.append((words["basis"], word(no.legal_basis, language) if no.legal_basis else ""))
        facts.append((words["complaint"], no.complaint_to or ""))
    if form.note is not None:
        facts.append((words["note"], form.note))
    return facts


def _coordinator(place: Coordinator, form: GreenForm, language: Language) -> str:
    """Returns a coordinator's name, title, organisation, contact details and period in one sentence."""
    holder = form.professional(place.holder)
    if holder is None:
        return ""
    organization = next((o.name for o in form.organizations if o.id == holder.organization), None)
    reach = holder.contacts[0].value if holder.contacts else None
    period = place.period
    ends = f" {_TEXTS[language]['until']} {_day(period.end, language, year=True)}" if period.end else ""
    since = f"{_TEXTS[language]['from']} {_day(period.start, language, year=True)}{ends}" if period.start else None
    return ", ".join(filter(None, (holder.name.full, holder.title, organization, reach, since)))


def _day(day: datetime | date, language: Language, *, year: bool = False) -> str:
    local = day.astimezone(OSLO) if isinstance(day, datetime) else day
    return day_words(local, language, year=year)


_TEXTS: dict[Language, dict[str, str]] = {
    "nb": {
        "title": "Fem sløyfer mellom sykehus og kommune",
        "lede": "Sykehuset melder at noen trenger individuell plan eller koordinator. Sløyfen er lukket når det grønne "
        "skjemaet er kommet tilbake, ferdig utfylt. Her er fem, slik de to systemene selv har ført dem.",
        "synthetic": "Ingen av personene finnes. Tiden er simulert.",
        "overview": "Oversikt",
        "person": "Person",
        "shows": "Viser",
        "ended": "Endte som",
        "closed": "Lukket",
        "reminders": "Purringer",
        "legend": "Slik leses bildene",
        "legend-wait": "Ballen er hos denne siden",
        "legend-late": "Etter svarfristen",
        "legend-plain": "Melding, med nummer i tabellen under",
        "legend-warn": "Purring, eller skjema som mangler noe",
        "legend-good": "Fullstendig grønt skjema",
        "legend-note": "Egne folk får beskjed",
        "picture": "Tidslinje for {name}",
        "answer": "Svaret",
        "steps": "Steg for steg",
        "number": "Nr.",
        "day": "Dag",
        "time": "Kl.",
        "side": "Side",
        "what": "Hva",
        "checks": "Kontroller",
        "checks-lede": "Gjort da alt var over, på det de to lagrene inneholder.",
        "check": "Kontroll",
        "result": "Holdt",
        "plan": "Planen",
        "wish": "Ønsket om koordinator",
        "honoured": "Oppfylt",
        "reason": "Grunn",
        "basis": "Hjemmel",
        "complaint": "Klage",
        "note": "Merknad",
        "from": "fra",
        "until": "til",
    },
    "en": {
        "title": "Five loops between hospital and municipality",
        "lede": "The hospital says that somebody needs an individual plan or a coordinator. The loop is closed when "
        "the green form has come back, filled in. Here are five, as the two systems recorded them.",
        "synthetic": "None of the persons exists. Time is simulated.",
        "overview": "Overview",
        "person": "Person",
        "shows": "Shows",
        "ended": "Ended as",
        "closed": "Closed",
        "reminders": "Reminders",
        "legend": "How to read the pictures",
        "legend-wait": "The ball is with this side",
        "legend-late": "After the deadline",
        "legend-plain": "Message, with its number in the table below",
        "legend-warn": "Reminder, or a form that lacks something",
        "legend-good": "Complete green form",
        "legend-note": "Own people are told",
        "picture": "Timeline for {name}",
        "answer": "The answer",
        "steps": "Step by step",
        "number": "No.",
        "day": "Day",
        "time": "Time",
        "side": "Side",
        "what": "What",
        "checks": "Checks",
        "checks-lede": "Made when all was over, on what the two stores hold.",
        "check": "Check",
        "result": "Held",
        "plan": "The plan",
        "wish": "The wish for a coordinator",
        "honoured": "Honoured",
        "reason": "Reason",
        "basis": "Legal basis",
        "complaint": "Complaints",
        "note": "Note",
        "from": "from",
        "until": "until",
    },
}
