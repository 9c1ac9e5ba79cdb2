"""The layout of texts for people: headings and wrapped lines of at most 80 letters, readable as plain text."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH: Final = 80
"""The letters of a line. A word that is longer stands whole on a line of its own, so that it can be copied."""

STEP: Final = 3
"""The blanks by which what belongs to a line stands further in."""


def heading(text: str) -> Iterator[str]:
    """Yields an empty line, the heading on one line, and a rule under it."""
    line = short(text, WIDTH)
    yield ""
    yield line
    yield "─" * len(line)


def kept_together(text: str) -> str:
    """Returns a text that stays on one line: a day, a phone number.

    >>> len(list(paragraph(f"{'x' * 76} {kept_together('2. mai')}")))
    2
    """
    return text.replace(" ", _KEPT)


def paragraph(text: str, indent: int = 0, mark: str = "") -> Iterator[str]:
    r"""Yields a text in wrapped lines, `indent` blanks from the left; what follows the first line stands under it.

    `mark` stands before the first line: a number, a hyphen. Line breaks of the text are kept.

    >>> list(paragraph("to ord", 3, "1  ")), list(paragraph("en\nto", mark="- "))
    (['   1  to ord'], ['- en', '  to'])
    """
    yield from _wrapped(text, f"{' ' * indent}{mark}", indent + len(mark))


def labelled(label: str, text: str | None, indent: int = 0, mark: str = "") -> Iterator[str]:
    """Yields a label and a text, wrapped, with the lines after the first one further in; nothing for no text.

    >>> list(labelled("Sted", "DPS i Fjellby", 3)), list(labelled("Sted", None))
    (['   Sted: DPS i Fjellby'], [])
    """
    if text:
        yield from _wrapped(f"{label}: {text}", f"{' ' * indent}{mark}", indent + (len(mark) or STEP))


def _wrapped(text: str, first: str, left: int) -> Iterator[str]:
    """Yields the lines of a text: the first begins with `first`, the others with `left` blanks."""
    for line in text.splitlines():
        for part in wrap(
            line,
            WIDTH,
            initial_indent=first,
            subsequent_indent=" " * left,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            yield part.replace(_KEPT, " ")
            first = " " * left


def table_lines(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yields a table: the first column with room for words, the others, which are short, to the right of it.

    >>> list(table_lines(("Deltaker", "Mål"), [("Nordvik barneskole", "6/9")]))
    ['Deltaker            Mål', 'Nordvik barneskole  6/9']
    """
    every = [headings, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(1, len(headings))]
    room = max(WIDTH - sum(widths) - _GAP * len(widths), _LEAST)
    first = min(max(len(row[0]) for row in every), room)
    for row in every:
        name, *below = _broken(row[0], first) or [""]
        cells = (f"{' ' * _GAP}{cell:>{width}}" for cell, width in zip(row[1:], widths, strict=True))
        yield f"{name:<{first}}{''.join(cells)}".rstrip()
        yield from below


def _broken(name: str, room: int) -> list[str]:
    """Returns a name in lines of at most `room` letters; at hyphens only where a word has no room."""
    narrow = any(len(word) > room for word in name.split())
    return wrap(name, room, break_on_hyphens=narrow, subsequent_indent="  ")


def sentence(*parts: str | None) -> str:
    """Returns the parts that there are as sentences: each begins with a capital letter and ends with a full stop.

    >>> sentence("i gang", None, "fra 2. mars 2026", "til 30. sep.", "Er det slik?")
    'I gang. Fra 2. mars 2026. Til 30. sep. Er det slik?'
    """
    said = (part.strip() for part in parts if part)
    return " ".join(f"{one[:1].upper()}{one[1:]}{'' if one[-1:] in _ENDS else '.'}" for one in said)


def short(text: str, width: int = 60) -> str:
    """Returns a text on one line of at most `width` letters; what is left out is marked.

    >>> short("Gå med rullator fra porten til klatrestativet", 20)
    'Gå med rullator …'
    """
    line = " ".join(text.split())
    if len(line) <= width:
        return line
    cut = line[: width - 1]
    return f"{cut[: cut.rfind(' ') + 1] or cut}…"


_GAP: Final = 2
_LEAST: Final = 20  # letters of a first column, however many columns follow
_KEPT: Final = "\x1f"  # no text of a plan has a control character, so it is nobody's but ours
_ENDS = (".", "?", "!", "…")
