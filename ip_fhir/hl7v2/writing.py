"""The text of a segment from its fields: made anew, or what was read with the fields that differ written anew."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.structure.fields import is_formatted
from ip_fhir.hl7v2.text.contents import HEADERS
from ip_fhir.hl7v2.text.escapes import escape, has_special, local_sequences
from ip_fhir.hl7v2.text.lines import end_mark

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ip_fhir.hl7v2.segment import Segment
    from ip_fhir.hl7v2.structure.placing import Slot
    from ip_fhir.hl7v2.text.charsets import Charset
    from ip_fhir.hl7v2.text.contents import Contents, Repetition
    from ip_fhir.hl7v2.text.delimiters import Delimiters

_FIELD = re.compile("f([1-9][0-9]{0,3})")
_PART = re.compile("c([1-9][0-9]{0,3})(?:s([1-9][0-9]{0,3}))?")

_FIRST: Final = (1, 1)
_NONE: Final = (0, 0)


@dataclass(frozen=True)
class Style:
    """The delimiters, character set and version in which a message is written."""

    delimiters: Delimiters
    charset: Charset
    version: str


def rewritten(
    content: bytes, segments: Sequence[Segment], slots: Sequence[Slot], unknown: Collection[int], style: Style
) -> bytes:
    """Returns the bytes of a message that came from `content` and has the segments `slots` now.

    A new segment stands after the one before it in the structure, and after unknown ones that follow that.
    """
    mark = _mark_of(content)
    added: dict[int, list[bytes]] = {}
    kept: dict[int, Slot] = {}
    after = 0
    for slot in slots:
        if slot.old is None:
            added.setdefault(_last_unknown(after, unknown), []).append(
                new_segment(slot.name, slot.contents, style, slot.place) + mark
            )
        else:
            kept[slot.old] = slot
            after = slot.old
    starts = [segment.start for segment in segments] + [len(content)]
    view = memoryview(content)
    pieces: list[bytes | memoryview] = [view[: starts[0]]]
    for number, segment in enumerate(segments):
        tail = view[segment.end : starts[number + 1]]
        if number in unknown or number in kept:
            pieces.append(_text_of(segment, kept.get(number), view, style))
            pieces.append(tail if mark[-1] in tail else mark)
        pieces += added.get(number, [])
    return b"".join(pieces)


def _mark_of(content: bytes) -> bytes:
    """Returns the end mark of a message's segments: its own, or CR where it has none."""
    mark = end_mark(content)
    if mark == b"\n" and b"\r" in content:
        return b"\r\n"
    return mark if mark in content else b"\r"


def _last_unknown(after: int, unknown: Collection[int]) -> int:
    while after + 1 in unknown:
        after += 1
    return after


def _text_of(segment: Segment, slot: Slot | None, view: memoryview, style: Style) -> bytes | memoryview:
    if slot is None or slot.contents == segment.contents:
        return view[segment.start : segment.end]
    return changed_segment(segment, slot.contents, style, slot.place)


def new_segment(name: str, contents: Contents, style: Style, at: str) -> bytes:
    """Returns a segment's bytes, without end mark. `at` is its place, for errors: `PRD[2]`.

    Raises `InvalidInput` (`value`) for a key that is no field, component or subcomponent, a character that the
    character set lacks, and a control character.
    """
    first = 3 if name in HEADERS else 1
    numbers = _numbers(contents, at)
    texts = [""] * (max(numbers.values(), default=0) + 1)
    for field, number in numbers.items():
        if number >= first:
            texts[number] = _plain(contents[field], style)
            if not texts[number]:
                formatted = _is_formatted(name, contents, number, style)
                texts[number] = field_text(contents[field], style, f"{at}-{number}", formatted=formatted)
    head = f"{name}{style.delimiters.field}{style.delimiters.msh_2}" if name in HEADERS else name
    return encoded(style.delimiters.field.join([head, *texts[first:]]), style, at)


def changed_segment(segment: Segment, contents: Contents, style: Style, at: str) -> bytes:
    """Returns the bytes of a segment whose fields became `contents`; the text of those that are as before is kept."""
    before = segment.contents
    first = 3 if segment.name in HEADERS else 1
    numbers = _numbers({**before, **contents}, at)
    texts = segment.raw_fields
    texts += [""] * (max(numbers.values(), default=0) + 1 - len(texts))
    for field, number in numbers.items():
        if number >= first and before.get(field) != contents.get(field):
            formatted = _is_formatted(segment.name, contents, number, style)
            place = f"{at}-{number}"
            kept = local_sequences(texts[number], style.delimiters, style.charset.codec)
            texts[number] = field_text(contents.get(field, []), style, place, formatted=formatted, kept=kept)
    if segment.name in HEADERS:
        del texts[1]
    return encoded(style.delimiters.field.join(texts), style, at)


def field_text(
    repetitions: list[Repetition], style: Style, at: str, *, formatted: bool = False, kept: Sequence[str] = ()
) -> str:
    """Returns the text of a field. Sequences in `kept` are written as they stand, as local escapes are."""
    written = []
    for repetition in repetitions:
        parts = {}
        for key, text in repetition.items():
            where = _numbers_of(key)
            if where is None:
                raise InvalidInput.at(at, "has a key that is no component", "value")
            if kept:
                parts[where] = _escaped(text, style, at, formatted=formatted, kept=kept)
            else:
                parts[where] = escape(text, style.delimiters, at, formatted=formatted)
        written.append(_joined(parts, style, at))
    return style.delimiters.repetition.join(written)


def _plain(repetitions: list[Repetition], style: Style) -> str:
    """Returns the text of a field of one component that needs no escape, as most are; empty for another."""
    if len(repetitions) == 1 and len(repetitions[0]) == 1:
        text = repetitions[0].get("c1", "")
        return "" if has_special(text, style.delimiters) else text
    return ""


def _joined(parts: dict[tuple[int, int], str], style: Style, at: str) -> str:
    """Returns a repetition's text, from the texts by number of component and subcomponent."""
    if len(parts) == 1 and _FIRST in parts:
        return parts[_FIRST]
    components = [""] * max(parts, default=_NONE)[0]
    further: dict[int, dict[int, str]] = {}
    for (number, within), text in parts.items():
        if within == 1:
            components[number - 1] = text
        else:
            further.setdefault(number, {})[within] = text
    if further and not style.delimiters.subcomponent:
        raise InvalidInput.at(at, "has subcomponents, and MSH-2 no delimiter for them", "value")
    for number, texts in further.items():
        several = [texts.get(within, "") for within in range(2, max(texts) + 1)]
        components[number - 1] = style.delimiters.subcomponent.join([components[number - 1], *several])
    return style.delimiters.component.join(components)


@lru_cache(maxsize=4096)
def _numbers_of(key: str) -> tuple[int, int] | None:
    """Returns the numbers of component and subcomponent that a key such as `c4s2` names; None if it names none."""
    found = _PART.fullmatch(key)
    return (int(found[1]), int(found[2] or 1)) if found else None


def _escaped(text: str, style: Style, at: str, *, formatted: bool, kept: Sequence[str]) -> str:
    """Returns the text with its escapes, but for the sequences in `kept`."""
    parts = re.split("(" + "|".join(map(re.escape, kept)) + ")", text)
    parts[::2] = [escape(part, style.delimiters, at, formatted=formatted) for part in parts[::2]]
    return "".join(parts)


def encoded(text: str, style: Style, at: str) -> bytes:
    """Returns `text` in the character set. Raises `InvalidInput` (`value`) for a character that it lacks."""
    try:
        return text.encode(style.charset.codec)
    except UnicodeEncodeError as wrong:
        number = text.count(style.delimiters.field, 0, wrong.start) + (text[:3] in HEADERS)
        reason = f"has a character that {style.charset.name} cannot hold"
        raise InvalidInput.at(f"{at}-{number}", reason, "value") from None


def _numbers(contents: Contents, at: str) -> dict[str, int]:
    numbers = {}
    for field in contents:
        number = _number_of(field)
        if number is None:
            raise InvalidInput.at(at, "has a key that is no field", "value")
        numbers[field] = number
    return numbers


@lru_cache(maxsize=1024)
def _number_of(key: str) -> int | None:
    found = _FIELD.fullmatch(key)
    return int(found[1]) if found else None


def _is_formatted(segment: str, contents: Contents, number: int, style: Style) -> bool:
    """True if a field with a line break holds formatted text; without one it does not matter."""
    for repetition in contents.get(f"f{number}", ()):
        for text in repetition.values():
            if "\n" in text:
                kind = contents.get("f2", [{}])[0].get("c1", "")
                return is_formatted(segment, style.version, number, kind)
    return False
