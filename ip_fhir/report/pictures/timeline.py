"""A loop's timeline as inline SVG: two lanes, the messages between them, and whose turn it was."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import Role, State
from ip_fhir.report.history import crossings, notes, spans
from ip_fhir.report.pictures import drawing
from ip_fhir.report.pictures.drawing import LANES, RIGHT, WIDTH, day
from ip_fhir.report.words.codes import word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ip_fhir.report.history import Crossing, Loop, Span
    from ip_fhir.report.pictures.drawing import Axis, Tone
    from ip_fhir.report.words.codes import Language


def timeline(loop: Loop, axis: Axis, title: str, language: Language) -> str:
    """Returns the picture as an `<svg>` element, with title and description for readers who do not see it."""
    sent = crossings(loop)
    places = drawing.spread([axis.x(crossing.at) for crossing in sent])
    due = loop.deadline
    parts = [
        *drawing.weeks(axis, language),
        *drawing.lanes(language),
        *(drawing.deadline(due, axis, language) if due is not None and due <= axis.end else ()),
        *(part for span in spans(loop) for part in _band(span, loop, axis, language)),
        *_own_notes(loop, axis, language),
        *(part for n, (c, x) in enumerate(zip(sent, places, strict=True), 1) for part in _arrow(n, c, x, language)),
        *_ending(loop, axis, places, language),
    ]
    return drawing.picture(loop.correlation_id, title, _described(sent, language), parts)


def _described(sent: Sequence[Crossing], language: Language) -> str:
    """Returns the messages in words, numbered as in the picture."""
    words = [
        f"{n}. {day(c.at, language)}: {word(c.sender, language)}, {word(c.kind, language)}{_number(c)}"
        for n, c in enumerate(sent, 1)
    ]
    return "; ".join(words) + "."


def _band(span: Span, loop: Loop, axis: Axis, language: Language) -> Iterator[str]:
    """Yields the band of a span over the lane of the party whose turn it was; late from the deadline on."""
    if span.holder is None:
        return
    end = span.end or axis.end

    def label(start: datetime, stop: datetime) -> str:
        return f"{word(span.state, language)}: {day(start, language)}-{day(stop, language)}"

    yield from drawing.band(span.holder, (span.start, end), loop.deadline or end, axis, label)


def _own_notes(loop: Loop, axis: Axis, language: Language) -> Iterator[str]:
    """Yields a diamond for each time that the clock told a side's own people something."""
    for at, role, record in notes(loop):
        side = loop.sides[0] if role is Role.HOSPITAL else loop.sides[1]
        reasons = [word(effect.reason, language) for effect in side.effects_of(record) if effect.reason]
        yield from drawing.diamond(axis.x(at), role, f"{day(at, language)}: {', '.join(reasons)}")


def _arrow(number: int, crossing: Crossing, x: float, language: Language) -> Iterator[str]:
    """Yields an arrow from lane to lane for a message, with its number."""
    label = f"{number}. {day(crossing.at, language)}: {word(crossing.kind, language)}{_number(crossing)}"
    return drawing.arrow(number, x, crossing.sender, _tone(crossing), label)


def _tone(crossing: Crossing) -> Tone:
    if crossing.kind in (MessageKind.REMINDER, MessageKind.FORM_INCOMPLETE, MessageKind.ESCALATION):
        return "warn"
    if crossing.kind is MessageKind.GREEN_FORM:
        return "good" if crossing.complete else "warn"
    return "plain"


def _ending(loop: Loop, axis: Axis, places: Sequence[float], language: Language) -> Iterator[str]:
    """Yields a mark on the hospital's lane at the time when the loop ended, with the state's name."""
    closed = loop.closed
    if closed is None:
        return
    rejected = loop.hospital.referral.state is not State.CONFIRMED
    x, y = max(axis.x(closed), places[-1] if places else 0.0), LANES[Role.HOSPITAL]
    tone, mark = ("bad", "✗") if rejected else ("good", "✓")
    label = f"{word(loop.hospital.referral.state, language)} {day(closed, language)}"
    yield f'<g class="end {tone}"><circle cx="{x:.1f}" cy="{y}" r="12"/><text x="{x:.1f}" y="{y + 5}">{mark}</text></g>'
    room = WIDTH - RIGHT - x
    anchor, at = ("start", x + 18) if room > 230 else ("end", x - 18)
    yield f'<text class="ending" text-anchor="{anchor}" x="{at:.1f}" y="{y - 13}">{escape(label)}</text>'


def _number(crossing: Crossing) -> str:
    return f" {crossing.effect.number}" if crossing.effect.number is not None else ""
