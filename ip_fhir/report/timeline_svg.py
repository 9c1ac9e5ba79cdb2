"""A loop's timeline as inline SVG: two lanes, the messages between them, and with whom the ball was.

Its classes (`wait`, `late`, `good`, ...) are coloured by the page; what colour says is said by shape or text too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from ip_fhir.domain.calendar import OSLO
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import Role, State
from ip_fhir.report.history import crossings, notes, spans
from ip_fhir.report.words import day_words, word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ip_fhir.report.history import Crossing, Loop, Span
    from ip_fhir.report.words import Language

_WIDTH: Final = 960
_HEIGHT: Final = 216
_LEFT: Final = 118
_RIGHT: Final = 40
_AXIS: Final = 22
_LANES: Final = {Role.HOSPITAL: 62, Role.MUNICIPALITY: 158}
_BAND: Final = 14
_RADIUS: Final = 11
_APART: Final = 27.0  # between two messages' numbers, so that both can be read


@dataclass(frozen=True, slots=True)
class Axis:
    """The time that is shown, the same for every loop of a page; a day at least."""

    start: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        """Where a moment stands."""
        part = (at - self.start) / max(self.end - self.start, timedelta(days=1))
        return _LEFT + min(max(part, 0.0), 1.0) * (_WIDTH - _LEFT - _RIGHT)


def timeline(loop: Loop, axis: Axis, title: str, language: Language) -> str:
    """The picture, as an `<svg>` element with title and description for who does not see it."""
    ident = loop.correlation_id
    sent = crossings(loop)
    places = _spread([axis.x(crossing.at) for crossing in sent])
    parts = [
        *_weeks(axis, language),
        *_lanes(language),
        *_deadline(loop, axis, language),
        *(part for span in spans(loop) for part in _band(span, loop, axis, language)),
        *_own_notes(loop, axis, language),
        *(part for n, (c, x) in enumerate(zip(sent, places, strict=True), 1) for part in _arrow(n, c, x, language)),
        *_ending(loop, axis, places, language),
    ]
    return "\n".join(
        [
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="title-{ident} text-{ident}">',
            f'<title id="title-{ident}">{escape(title)}</title>',
            f'<desc id="text-{ident}">{escape(_described(sent, language))}</desc>',
            *parts,
            "</svg>",
        ]
    )


def _described(sent: Sequence[Crossing], language: Language) -> str:
    """The messages in words, numbered as in the picture."""
    words = [
        f"{n}. {_day(c.at, language)}: {word(c.sender, language)}, {word(c.kind, language)}{_number(c)}"
        for n, c in enumerate(sent, 1)
    ]
    return "; ".join(words) + "."


def _spread(places: Sequence[float]) -> list[float]:
    """The same places, moved apart where they would cover one another: to the right, then back from the edge."""
    moved: list[float] = []
    for x in places:
        moved.append(max(x, moved[-1] + _APART) if moved else x)
    edge = float(_WIDTH - _RIGHT)
    for n in range(len(moved) - 1, -1, -1):
        moved[n] = min(moved[n], edge)
        edge = moved[n] - _APART
    return moved


def _weeks(axis: Axis, language: Language) -> Iterator[str]:
    """A line and a date for each Monday."""
    day = axis.start.astimezone(OSLO).replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= axis.end:
        if day.weekday() == 0:
            x = axis.x(day)
            yield f'<line class="week" x1="{x:.1f}" y1="{_AXIS + 8}" x2="{x:.1f}" y2="{_HEIGHT - 24}"/>'
            yield f'<text class="axis" x="{x:.1f}" y="{_AXIS}">{escape(day_words(day, language))}</text>'
        day += timedelta(days=1)


def _lanes(language: Language) -> Iterator[str]:
    for role, y in _LANES.items():
        yield f'<text class="lane" x="0" y="{y + 5}">{escape(word(role, language).capitalize())}</text>'
        yield f'<line class="track" x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}"/>'


def _deadline(loop: Loop, axis: Axis, language: Language) -> Iterator[str]:
    due = loop.deadline
    if due is None or due > axis.end:
        return
    x = axis.x(due)
    yield f'<line class="due" x1="{x:.1f}" y1="{_AXIS + 8}" x2="{x:.1f}" y2="{_HEIGHT - 24}"/>'
    label = f"{_TEXTS[language]['due']} {_day(due, language)}"
    yield f'<text class="due" x="{x:.1f}" y="{_HEIGHT - 8}">{escape(label)}</text>'


def _band(span: Span, loop: Loop, axis: Axis, language: Language) -> Iterator[str]:
    """With whom the ball was: in time, and from the deadline on too late."""
    if span.holder is None:
        return
    end = span.end or axis.end
    due = loop.deadline or end
    pieces = [("wait", span.start, min(end, due)), ("late", max(span.start, due), end)]
    y = _LANES[span.holder] - _BAND / 2
    for kind, start, stop in pieces:
        if start < stop:
            x, width = axis.x(start), axis.x(stop) - axis.x(start)
            label = f"{word(span.state, language)}: {_day(start, language)}-{_day(stop, language)}"
            box = f'x="{x:.1f}" y="{y}" width="{max(width, 2):.1f}" height="{_BAND}"'
            yield f'<rect class="{kind}" {box}><title>{escape(label)}</title></rect>'
            if kind == "late":
                yield f'<path class="hatch" d="{_hatching(x, y, width)}"/>'


def _hatching(x: float, y: float, width: float) -> str:
    """Slanting strokes: late is seen without colour too."""
    steps = range(0, max(int(width) - _BAND, 0), 8)
    return " ".join(f"M{x + step:.1f} {y + _BAND}l{_BAND} -{_BAND}" for step in steps)


def _own_notes(loop: Loop, axis: Axis, language: Language) -> Iterator[str]:
    """A diamond where a side's own people were told something by the clock."""
    for at, role, record in notes(loop):
        side = loop.sides[0] if role is Role.HOSPITAL else loop.sides[1]
        reasons = [word(effect.reason, language) for effect in side.effects_of(record) if effect.reason]
        x, y = axis.x(at), _LANES[role]
        label = f"{_day(at, language)}: {', '.join(reasons)}"
        yield f'<path class="note" d="M{x:.1f} {y - 8}l8 8l-8 8l-8 -8z"><title>{escape(label)}</title></path>'


def _arrow(number: int, crossing: Crossing, x: float, language: Language) -> Iterator[str]:
    """A message from lane to lane, with its number."""
    down = crossing.sender is Role.HOSPITAL
    top, bottom = _LANES[Role.HOSPITAL] + _BAND / 2 + 2, _LANES[Role.MUNICIPALITY] - _BAND / 2 - 2
    tip, sign = (bottom, -1) if down else (top, 1)
    middle = (top + bottom) / 2
    tone = _tone(crossing)
    label = f"{number}. {_day(crossing.at, language)}: {word(crossing.kind, language)}{_number(crossing)}"
    yield f'<g class="message {tone}"><title>{escape(label)}</title>'
    yield f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>'
    yield f'<path class="tip" d="M{x:.1f} {tip}l-5 {sign * 9}h10z"/>'
    yield f'<circle cx="{x:.1f}" cy="{middle}" r="{_RADIUS}"/>'
    yield f'<text x="{x:.1f}" y="{middle + 4.5}">{number}</text></g>'


def _tone(crossing: Crossing) -> str:
    if crossing.kind in (MessageKind.REMINDER, MessageKind.FORM_INCOMPLETE, MessageKind.ESCALATION):
        return "warn"
    if crossing.kind is MessageKind.GREEN_FORM:
        return "good" if crossing.complete else "warn"
    return "plain"


def _ending(loop: Loop, axis: Axis, places: Sequence[float], language: Language) -> Iterator[str]:
    """A mark on the hospital's lane where the loop was closed, and its name beside it."""
    closed = loop.closed
    if closed is None:
        return
    rejected = loop.hospital.referral.state is not State.CONFIRMED
    x, y = max(axis.x(closed), places[-1] if places else 0.0), _LANES[Role.HOSPITAL]
    tone, mark = ("bad", "✗") if rejected else ("good", "✓")
    label = f"{word(loop.hospital.referral.state, language)} {_day(closed, language)}"
    yield f'<g class="end {tone}"><circle cx="{x:.1f}" cy="{y}" r="12"/><text x="{x:.1f}" y="{y + 5}">{mark}</text></g>'
    room = _WIDTH - _RIGHT - x
    anchor, at = ("start", x + 18) if room > 230 else ("end", x - 18)
    yield f'<text class="ending" text-anchor="{anchor}" x="{at:.1f}" y="{y - 13}">{escape(label)}</text>'


def _day(at: datetime, language: Language) -> str:
    return day_words(at.astimezone(OSLO), language)


def _number(crossing: Crossing) -> str:
    return f" {crossing.effect.number}" if crossing.effect.number is not None else ""


_TEXTS: dict[Language, dict[str, str]] = {"nb": {"due": "svarfrist"}, "en": {"due": "answer due"}}
