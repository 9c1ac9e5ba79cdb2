"""An agreement on a calendar: each deadline, reminder and escalation if nobody answers, as text and as a picture.

The steps come from `ip_fhir.domain.loop.forecast.explain`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TypeAlias
from xml.sax.saxutils import escape

from ip_fhir.domain.agreement import Side
from ip_fhir.domain.effects import TimerKind
from ip_fhir.domain.loop.forecast import explain
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.calendar import OSLO, holiday_name, holidays_between, working_days_between
from ip_fhir.report.pictures import drawing
from ip_fhir.report.words.codes import day_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.loop.forecast import ForecastStep
    from ip_fhir.report.words.codes import Language

Row: TypeAlias = tuple[str, str, str, str, str]
"""Number, day, step, recipient, and the count, all in words."""

_LINE = 22
_LETTERS = 125  # that fit on a line of the picture


@dataclass(frozen=True, slots=True)
class Rung:
    """A step, the time and number of working days that it is counted from, and the holidays that were passed over."""

    step: ForecastStep
    since: datetime
    days: int
    holidays: tuple[date, ...]

    @property
    def due(self) -> datetime:
        """The time when the step falls (UTC)."""
        return self.step.due

    @property
    def crosses(self) -> bool:
        """True if a message goes to the municipality; otherwise the hospital's own people are told."""
        if self.step.kind is TimerKind.REMINDER:
            return True
        return self.step.contact is not None and self.step.contact.side is Side.MUNICIPALITY

    def what(self, language: Language) -> str:
        """Returns the step in words."""
        words = _TEXTS[language]
        if self.step.kind is TimerKind.ACCEPTANCE:
            return words["acceptance"]
        if self.step.kind is TimerKind.REMINDER:
            return words["reminder"].format(number=self.step.number)
        return words["escalation"].format(number=self.step.number) if self.step.contact else words["over"]

    def who(self, language: Language) -> str:
        """Returns the contact's name and side, and on a line of its own how to reach them, as the agreement says."""
        contact = self.step.contact
        if contact is None:
            return _TEXTS[language]["unit" if self.step.kind is TimerKind.REMINDER else "own"]
        who = f"{contact.name} ({', '.join(filter(None, (contact.role, _TEXTS[language][contact.side])))})"
        return f"{who}\n{contact.how}" if contact.how else who

    def counted(self, language: Language) -> str:
        """Returns the count in words: a day, the working days after it, and the holidays passed over."""
        words, passed = _TEXTS[language], len(self.holidays)
        since = day_words(self.since.astimezone(OSLO), language)
        free = words["holidays" if passed > 1 else "one-holiday"].format(number=passed) if passed else ""
        return words["counted"].format(days=self.days, since=since) + free

    def to_data(self) -> dict[str, Any]:
        """Returns the rung for JSON: moments in UTC, days as dates."""
        return {
            **self.step.to_data(),
            "day": self.due.astimezone(OSLO).date().isoformat(),
            "since": self.since.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "working_days": self.days,
            "holidays": [{"day": d.isoformat(), "name": _off(d, "nb")} for d in self.holidays],
        }


def rungs(agreement: Agreement, sent: datetime) -> list[Rung]:
    """Returns the steps for a notice delivered at `sent`, in order; reminders and escalations count from the last."""
    found, last = [], sent
    for step in explain(agreement, sent):
        since = sent if step.kind is TimerKind.ACCEPTANCE else last
        counted = working_days_between(since, step.due, agreement.closed)
        found.append(Rung(step, since, counted, holidays_between(since, step.due, agreement.closed)))
        if step.kind is not TimerKind.ACCEPTANCE:
            last = step.due
    return found


def answer_due(found: Sequence[Rung]) -> datetime:
    """Returns the time when the green form is due: that of the first step that is not the acceptance."""
    return next(rung.due for rung in found if rung.step.kind is not TimerKind.ACCEPTANCE)


def numbered(found: Sequence[Rung], sent: datetime, language: Language) -> list[Row]:
    """Returns the rows of a table. The notice is number 1."""
    words = _TEXTS[language]
    first = ("1", _day(sent, language), words["notice"], words["unit"], "")
    rest = [
        (str(n), _day(r.due, language), r.what(language), r.who(language), r.counted(language))
        for n, r in enumerate(found, 2)
    ]
    return [first, *rest]


def headings(language: Language) -> tuple[str, ...]:
    """Returns the headings over the rows of `numbered`."""
    return ("", *_TEXTS[language]["headings"].split("|"))


def heading(sent: datetime, language: Language) -> str:
    """Returns a sentence with the day and hour of delivery; every step falls at that hour."""
    local = sent.astimezone(OSLO)
    day = day_words(local, language, weekday=True, year=True)
    return _TEXTS[language]["delivered"].format(day=day, time=f"{local:%H:%M}")


def passed_over(found: Sequence[Rung], language: Language) -> str:
    """Returns the holidays that were passed over, by name and day; empty if there are none."""
    days = sorted({day for rung in found for day in rung.holidays})
    return ", ".join(f"{_off(day, language)} {day_words(day, language)}" for day in days)


def _off(day: date, language: Language) -> str:
    """Returns the name of a holiday, or the words for a day that the agreement closes."""
    return holiday_name(day, language) or _TEXTS[language]["closed"]


def line(found: Sequence[Rung], sent: datetime, width: int, language: Language) -> list[str]:
    """Returns a time line as text, `width` letters wide: months, Mondays, steps by number, holidays.

    The line is thin until the answer is due, and thick from then on.
    """
    first, last = sent.astimezone(OSLO).date(), found[-1].due.astimezone(OSLO).date()
    scale = (width - 3) / max((last - first).days, 1)

    def column(day: date) -> int:
        return round((day - first).days * scale)

    late = column(answer_due(found).astimezone(OSLO).date())
    steps = ["─" if n < late else "━" for n in range(width)]
    days = [sent, *(rung.due for rung in found)]
    _write_marks(steps, [(column(at.astimezone(OSLO).date()), str(n)) for n, at in enumerate(days, 1)])
    months, mondays, free = ([" "] * width for _ in range(3))
    named = [(column(d), _month(d, language)) for d in _days(first, last) if d == first or d.day == 1]
    _write_marks(
        months, [m for m, after in zip_longest(named, named[1:]) if after is None or m[0] + len(m[1]) < after[0]]
    )
    _write_marks(mondays, [(column(d), str(d.day)) for d in _days(first, last) if d.weekday() == 0], gap=1)
    passed = {day for rung in found for day in rung.holidays}
    _write_marks(free, [(column(d), "×") for d in sorted(passed)])  # noqa: RUF001 - a cross, as on a wall calendar
    legend = wrap(f"× {passed_over(found, language)}", width, subsequent_indent="  ")  # noqa: RUF001 - the same
    return ["".join(row).rstrip() for row in (months, mondays, steps, free)] + (legend if passed else [])


def _write_marks(row: list[str], marks: Sequence[tuple[int, str]], gap: int = 0) -> None:
    """Writes marks into a row. One that would cover another moves to the right, or with a `gap` is left out."""
    free = 0
    for at, text in marks:
        if gap and at < free:
            continue
        place = max(at, free)
        row[place : place + len(text)] = text
        free = place + len(text) + gap


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def _month(day: date, language: Language) -> str:
    return day_words(day, language).partition(" ")[2]


def ladder_svg(found: Sequence[Rung], sent: datetime, title: str, language: Language) -> str:
    """Returns the picture as an SVG file: messages to the municipality, words to our own people, and a list."""
    start = sent.astimezone(OSLO).replace(hour=0, minute=0, second=0, microsecond=0)
    axis = drawing.Axis(start, found[-1].due + timedelta(days=2))
    rows = numbered(found, sent, language)
    parts = [
        *drawing.weeks(axis, language),
        *drawing.lanes(language),
        *drawing.deadline(answer_due(found), axis, language),
        *drawing.band(Role.MUNICIPALITY, (sent, axis.end), answer_due(found), axis, lambda *_: rows[0][2]),
        *_marks(found, sent, axis, rows),
    ]
    top = drawing.HEIGHT + 52 + _LINE
    free = passed_over(found, language)
    columns = [[(0, n), (24, day), (130, what), (380, who.partition("\n")[0])] for n, day, what, who, _ in rows]
    columns += [[(0, text)] for text in (wrap(f"{_TEXTS[language]['passed']}: {free}", _LETTERS) if free else ())]
    listing = [
        f'<text class="step" x="{x}" y="{top + n * _LINE}">{escape(text)}</text>'
        for n, row in enumerate(columns)
        for x, text in row
    ]
    body = [
        '<g transform="translate(20 16)">',
        f'<text class="lane" x="0" y="16">{escape(title)}</text>',
        f'<text class="step" x="0" y="36">{escape(heading(sent, language))}</text>',
        *('<g transform="translate(0 52)">', *parts, "</g>"),
        *listing,
        "</g>",
    ]
    return drawing.standing_alone(body, title, top + len(columns) * _LINE + 16)


def _marks(found: Sequence[Rung], sent: datetime, axis: drawing.Axis, rows: Sequence[Row]) -> Iterator[str]:
    labels = [f"{row[0]}. {row[1]}: {row[2]}" for row in rows]
    crossing: list[tuple[int, datetime, drawing.Tone]] = [(1, sent, "plain")]
    crossing += [(n, rung.due, "warn") for n, rung in enumerate(found, 2) if rung.crosses]
    places = drawing.spread([axis.x(at) for _, at, _ in crossing])
    for (number, _, tone), x in zip(crossing, places, strict=True):
        yield from drawing.arrow(number, x, Role.HOSPITAL, tone, labels[number - 1])
    for number, rung in enumerate(found, 2):
        if not rung.crosses:
            yield from drawing.diamond(axis.x(rung.due), Role.HOSPITAL, labels[number - 1], number)


def _day(at: datetime, language: Language) -> str:
    return day_words(at.astimezone(OSLO), language, weekday=True)


_TEXTS: dict[Language, dict[str, str]] = {
    "nb": {
        "headings": "Når|Hva|Hvem får beskjed|Regnet fra",
        "notice": "meldingen er levert",
        "acceptance": "saken skal være bekreftet",
        "reminder": "purring {number}",
        "escalation": "varsel {number} til ledelsen",
        "over": "stigen er slutt, noen må se på saken",
        "unit": "koordinerende enhet",
        "own": "sykehusets egne folk",
        "hospital": "sykehuset",
        "municipality": "kommunen",
        "delivered": "Meldingen er levert {day} kl. {time}. Ingen svarer.",
        "counted": "{since} + {days} virkedager",
        "holidays": " ({number} helligdager)",
        "one-holiday": " (1 helligdag)",
        "closed": "lukket etter avtale",
        "passed": "Helligdager som er hoppet over",
    },
    "en": {
        "headings": "When|What|Who is told|Counted from",
        "notice": "the notice is delivered",
        "acceptance": "the case is to be confirmed",
        "reminder": "reminder {number}",
        "escalation": "escalation {number}",
        "over": "the ladder ends, somebody must look",
        "unit": "coordinating unit",
        "own": "the hospital's own people",
        "hospital": "the hospital",
        "municipality": "the municipality",
        "delivered": "The notice is delivered on {day} at {time}. Nobody answers.",
        "counted": "{since} + {days} working days",
        "holidays": " ({number} holidays)",
        "one-holiday": " (1 holiday)",
        "closed": "closed by agreement",
        "passed": "Public holidays passed over",
    },
}
