r"""The fields of a segment as a JSON object: `{"f3": [{"c1": "text", "c4s2": "text"}]}`.

Each field that says something is a list of its repetitions, each repetition a flat object: `c1` is component 1, or its
first subcomponent; `c4s2` the second subcomponent of component 4. Absent is empty. Text is unescaped; `""` stays as it
is, and says that nothing is known to be there. A repetition with nothing in it keeps its place as `{}`, but at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from ip_fhir.hl7v2.text.escapes import unescape

if TYPE_CHECKING:
    from ip_fhir.hl7v2.text.delimiters import Delimiters

Repetition: TypeAlias = dict[str, str]
Contents: TypeAlias = dict[str, list[Repetition]]

HEADERS: Final = frozenset({"MSH", "BHS", "FHS"})
"""The segments whose field 1 is the character that parts the fields, and whose field 2 has the other delimiters."""

NULL: Final = '""'
"""The text of a field that is known to have no value."""

_FIELDS: Final = tuple(f"f{number}" for number in range(200))
_COMPONENTS: Final = tuple(f"c{number}" for number in range(200))


def contents_of(text: str, delimiters: Delimiters, codec: str) -> Contents:
    """Returns the fields of a segment's raw text; of MSH, BHS and FHS the delimiter counts as field 1."""
    repeat = delimiters.repetition
    parts = text.split(delimiters.field)
    found: Contents = {}
    number = 0
    if parts[0] in HEADERS:
        found = {"f1": [{"c1": delimiters.field}], "f2": [{"c1": parts[1]}]}
        parts[1] = ""
        number = 1
    for raw in parts[1:]:
        number += 1
        if not raw:
            continue
        if repeat in raw:
            repetitions = [_repetition(one, delimiters, codec) for one in raw.split(repeat)]
            while repetitions and not repetitions[-1]:
                repetitions.pop()
            if repetitions:
                found[_field(number)] = repetitions
        else:
            repetition = _repetition(raw, delimiters, codec)
            if repetition:
                found[_field(number)] = [repetition]
    return found


def _repetition(raw: str, delimiters: Delimiters, codec: str) -> Repetition:
    between, within = delimiters.component, delimiters.subcomponent
    found: Repetition
    if between not in raw and (not within or within not in raw):
        found = {"c1": raw} if raw else {}
    else:
        found = {}
        for number, component in enumerate(raw.split(between), 1):
            if component:
                if within and within in component:
                    found.update(_subcomponents(_component(number), component.split(within)))
                else:
                    found[_component(number)] = component
    return unescaped(found, delimiters, codec) if delimiters.escape in raw else found


def _subcomponents(name: str, parts: list[str]) -> Repetition:
    return {f"{name}s{at}" if at > 1 else name: part for at, part in enumerate(parts, 1) if part}


def unescaped(raw: Repetition, delimiters: Delimiters, codec: str) -> Repetition:
    """Returns a repetition with the escapes of each text undone; one that says nothing then is left out."""
    texts = {name: unescape(text, delimiters, codec) for name, text in raw.items()}
    return {name: text for name, text in texts.items() if text}


def _field(number: int) -> str:
    return _FIELDS[number] if number < 200 else f"f{number}"


def _component(number: int) -> str:
    return _COMPONENTS[number] if number < 200 else f"c{number}"
