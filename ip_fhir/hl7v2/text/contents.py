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

_SHORT: Final = 1_000
_FIELDS: Final = tuple(f"f{number}" for number in range(_SHORT))
_COMPONENTS: Final = tuple(f"c{number}" for number in range(_SHORT))
_NOWHERE: Final = "\r"
"""A delimiter that no segment has, where MSH-2 names none of subcomponents."""


def contents_of(text: str, delimiters: Delimiters, codec: str) -> Contents:
    """Returns the fields of a segment's raw text; of MSH, BHS and FHS the delimiter counts as field 1."""
    repeat, between, escape = delimiters.repetition, delimiters.component, delimiters.escape
    within = delimiters.subcomponent or _NOWHERE
    parts = text.split(delimiters.field)
    if not (repeat in text or escape in text or within in text) and len(text) < _SHORT and text[:3] not in HEADERS:
        return _plain_contents(parts, between)
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
        name = _FIELDS[number] if number < _SHORT else f"f{number}"
        if between not in raw and repeat not in raw and escape not in raw and within not in raw:
            found[name] = [{"c1": raw}]
        elif repeat not in raw:
            repetition = _repetition(raw, delimiters, codec)
            if repetition:
                found[name] = [repetition]
        else:
            repetitions = [_repetition(one, delimiters, codec) for one in raw.split(repeat)]
            while repetitions and not repetitions[-1]:
                repetitions.pop()
            if repetitions:
                found[name] = repetitions
    return found


def _plain_contents(parts: list[str], between: str) -> Contents:
    """Returns the fields of a short segment of which no field repeats, has a subcomponent or an escape: most are so."""
    found: Contents = {}
    number = 0
    for raw in parts:
        if raw and number:
            if between in raw:
                if repetition := _components(raw, between):
                    found[_FIELDS[number]] = [repetition]
            else:
                found[_FIELDS[number]] = [{"c1": raw}]
        number += 1  # noqa: SIM113 - half the cost of `enumerate` with a slice, for each field of each message
    return found


def _components(raw: str, between: str) -> Repetition:
    found: Repetition = {}
    number = 1
    for component in raw.split(between):
        if component:
            found[_COMPONENTS[number]] = component
        number += 1
    return found


def _repetition(raw: str, delimiters: Delimiters, codec: str) -> Repetition:
    within = delimiters.subcomponent or _NOWHERE
    if within not in raw and len(raw) < _SHORT:
        found = _components(raw, delimiters.component)
    else:
        found = {}
        for number, component in enumerate(raw.split(delimiters.component), 1):
            if component:
                name = _COMPONENTS[number] if number < _SHORT else f"c{number}"
                if within in component:
                    found.update(_subcomponents(name, component.split(within)))
                else:
                    found[name] = component
    return unescaped(found, delimiters, codec) if delimiters.escape in raw else found


def _subcomponents(name: str, parts: list[str]) -> Repetition:
    return {f"{name}s{at}" if at > 1 else name: part for at, part in enumerate(parts, 1) if part}


def unescaped(raw: Repetition, delimiters: Delimiters, codec: str) -> Repetition:
    """Returns a repetition with the escapes of each text undone; one that says nothing then is left out."""
    texts = {name: unescape(text, delimiters, codec) for name, text in raw.items()}
    return {name: text for name, text in texts.items() if text}
