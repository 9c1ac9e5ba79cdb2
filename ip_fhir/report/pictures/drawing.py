"""The parts that timelines are drawn from, as SVG: two lanes, weeks, bands, arrows from lane to lane, diamonds.

Classes (`wait`, `late`, `good`, ...) are coloured by timeline.css; what colour says is said by shape or text too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from xml.sax.saxutils import escape

from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.report.words.codes import day_words, word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from ip_fhir.report.words.codes import Language

Tone: TypeAlias = Literal["plain", "good", "warn"]
Labelled: TypeAlias = "Callable[[datetime, datetime], str]"
"""Returns the label of a piece of a band, from its beginning and end."""

WIDTH: Final = 960
HEIGHT: Final = 216
LEFT: Final = 118
RIGHT: Final = 40
LANES: Final = {Role.HOSPITAL: 62, Role.MUNICIPALITY: 158}
BAND: Final = 14
_AXIS: Final = 22
_RADIUS: Final = 11
_APART: Final = 27.0  # between two messages' numbers, so that both can be read


@dataclass(frozen=True, slots=True)
class Axis:
    """The span of time on the horizontal axis, a day at least."""

    start: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        """Returns the horizontal place of a moment."""
        part = (at - self.start) / max(self.end - self.start, timedelta(days=1))
        return LEFT + min(max(part, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)


def picture(ident: str, title: str, description: str, parts: Sequence[str]) -> str:
    """Returns the `<svg>` element, with title and description for readers who do not see it."""
    return "\n".join(
        [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title-{ident} text-{ident}">',
            f'<title id="title-{ident}">{escape(title)}</title>',
            f'<desc id="text-{ident}">{escape(description)}</desc>',
            *parts,
            "</svg>",
        ]
    )


def standing_alone(body: Sequence[str], title: str, height: int) -> str:
    """Returns a complete SVG file with fixed colours, since not every viewer knows CSS variables."""
    colours = dict(re.findall(r"--(\w+): (#\w+);", _read("colours.css").partition("@media")[0]))
    style = re.sub(r"var\(--(\w+)\)", lambda match: colours[match[1]], _read("timeline.css"))
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title">',
        f'<title id="title">{escape(title)}</title>',
        f"<style>\n{style}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="{colours["paper"]}"/>',
        *body,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _read(name: str) -> str:
    return (resources.files("ip_fhir.report.pictures") / name).read_text(encoding="utf-8")


def spread(places: Sequence[float]) -> list[float]:
    """Returns the places moved apart so that none covers another: to the right, then back from the edge."""
    moved: list[float] = []
    for x in places:
        moved.append(max(x, moved[-1] + _APART) if moved else x)
    edge = float(WIDTH - RIGHT)
    for n in range(len(moved) - 1, -1, -1):
        moved[n] = min(moved[n], edge)
        edge = moved[n] - _APART
    return moved


def weeks(axis: Axis, language: Language) -> Iterator[str]:
    """Yields a line for each Monday, with the date where there is room."""
    day = axis.start.astimezone(OSLO).replace(hour=0, minute=0, second=0, microsecond=0)
    shown = 0.0
    while day <= axis.end:
        if day.weekday() == 0:
            x = axis.x(day)
            yield f'<line class="week" x1="{x:.1f}" y1="{_AXIS + 8}" x2="{x:.1f}" y2="{HEIGHT - 24}"/>'
            if x - shown >= _APART * 2:
                yield f'<text class="axis" x="{x:.1f}" y="{_AXIS}">{escape(day_words(day, language))}</text>'
                shown = x
        day += timedelta(days=1)


def lanes(language: Language) -> Iterator[str]:
    """Yields the lanes of the two sides, each with its name."""
    for role, y in LANES.items():
        yield f'<text class="lane" x="0" y="{y + 5}">{escape(word(role, language).capitalize())}</text>'
        yield f'<line class="track" x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}"/>'


def deadline(due: datetime, axis: Axis, language: Language) -> Iterator[str]:
    """Yields a dashed line at the day when the answer is due, with the date."""
    x = axis.x(due)
    yield f'<line class="due" x1="{x:.1f}" y1="{_AXIS + 8}" x2="{x:.1f}" y2="{HEIGHT - 24}"/>'
    label = f"{_TEXTS[language]['due']} {day(due, language)}"
    yield f'<text class="due" x="{x:.1f}" y="{HEIGHT - 8}">{escape(label)}</text>'


def band(holder: Role, lasts: tuple[datetime, datetime], due: datetime, axis: Axis, label: Labelled) -> Iterator[str]:
    """Yields the band over the lane of the party whose turn it is; from `due` on it is drawn as late."""
    start, end = lasts
    pieces = [("wait", start, min(end, due)), ("late", max(start, due), end)]
    y = LANES[holder] - BAND / 2
    for kind, begins, stops in pieces:
        if begins < stops:
            x, width = axis.x(begins), axis.x(stops) - axis.x(begins)
            box = f'x="{x:.1f}" y="{y}" width="{max(width, 2):.1f}" height="{BAND}"'
            yield f'<rect class="{kind}" {box}><title>{escape(label(begins, stops))}</title></rect>'
            if kind == "late":
                yield f'<path class="hatch" d="{_hatching(x, y, width)}"/>'


def _hatching(x: float, y: float, width: float) -> str:
    """Yields slanting strokes, so that late is seen without colour too."""
    steps = range(0, max(int(width) - BAND, 0), 8)
    return " ".join(f"M{x + step:.1f} {y + BAND}l{BAND} -{BAND}" for step in steps)


def diamond(x: float, role: Role, label: str, number: int | None = None) -> Iterator[str]:
    """Yields a diamond at a time when the clock tells a side's own people something."""
    y = LANES[role]
    yield f'<path class="note" d="M{x:.1f} {y - 8}l8 8l-8 8l-8 -8z"><title>{escape(label)}</title></path>'
    if number is not None:
        yield f'<text class="note-number" x="{x:.1f}" y="{y - 14}">{number}</text>'


def arrow(number: int, x: float, sender: Role, tone: Tone, label: str) -> Iterator[str]:
    """Yields an arrow from lane to lane for a message, with its number."""
    top, bottom = LANES[Role.HOSPITAL] + BAND / 2 + 2, LANES[Role.MUNICIPALITY] - BAND / 2 - 2
    tip, sign = (bottom, -1) if sender is Role.HOSPITAL else (top, 1)
    middle = (top + bottom) / 2
    yield f'<g class="message {tone}"><title>{escape(label)}</title>'
    yield f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>'
    yield f'<path class="tip" d="M{x:.1f} {tip}l-5 {sign * 9}h10z"/>'
    yield f'<circle cx="{x:.1f}" cy="{middle}" r="{_RADIUS}"/>'
    yield f'<text x="{x:.1f}" y="{middle + 4.5}">{number}</text></g>'


def day(at: datetime, language: Language) -> str:
    """Returns a moment's day in Norway, in words."""
    return day_words(at.astimezone(OSLO), language)


_TEXTS: dict[Language, dict[str, str]] = {"nb": {"due": "svarfrist"}, "en": {"due": "answer due"}}
