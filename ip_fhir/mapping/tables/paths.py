"""The path language of the mapping tables: the place of a domain field in a resource.

The grammar is everybody's; the meaning of conditions is the dialect's. In FHIR (`dialects/fhir/conditions.py`):

    birthDate                        a member
    note[0].text                     the first entry of a list; made when there is none
    name[current]                    the entry that counts now, by the checks of the table that reads it
    identifier[system=@hpr].value    the entry whose members match; `@hpr` is a name in systems.toml, aliases match too
    identifier[use!=old].value       the entry whose member is not that word, or is not there
    relationship[?]                  the first entry that the row can read
    category[~plan-category#ip]      the entry that is a CodeableConcept with that coding
    scope{~consentscope#research}    an object that is a CodeableConcept with that coding
    participant[type*~part#SBJ].actor  the entry whose member `type` (a list: `*`) has that coding
    verification[verified=true]      the entry whose member is the boolean true
    reason[concept=*]                the entry that has the member, whatever it says
    extension(ip-need).valueString   the entry of that name: its url is @ip-need
    telecom[*]                       every entry that the row can read; the others are somebody else's
    performer[*+ip-responsible]      every entry with that flag extension; `-` without it
    valueCoding{system=@x}.code      an object with fixed members

In HL7 v2 (`dialects/hl7v2/conditions.py`), where fields are `f1`, `f2`, … and components `c1`, `c2`, …:

    PID.f7[0].c1                     the first component of the first repetition of a field: PID-7.1
    PRD[f1~RP@0286]                  the segment with that code in a field: the code, then the table or coding system
    PID.f3[c5=PI]                    the repetition whose component is that text
    PRD[*f2!=*]                      every segment in which that field is empty; `f2=*`: in which it says something
    OBX[*#need]                      every group of rows whose sub-id (OBX-4) is need.1, need.2, …

A path has at most one `[*]`; its domain field is then a list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ip_fhir.errors import MappingError

ConditionKind: TypeAlias = Literal["member", "not-member", "named", "coding", "flag", "no-flag", "group"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on an entry: a member with a value, a name, a coding, with or without a flag, a group of entries.

    `many`: the member is a list (written `member*`). In HL7 v2 a member may be a path: `OBX.f3`.
    """

    kind: ConditionKind
    member: str
    value: str = ""
    many: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """One step: a member; of a list the `first` entry, `current`, `each`, `one` or `own`; of an object its members."""

    name: str
    entries: Literal["none", "first", "current", "each", "one", "own", "object"] = "none"
    conditions: tuple[Condition, ...] = ()


_SEGMENT = re.compile(
    r"(?P<name>_?[A-Za-z]\w*)"
    r"(?:\[(?P<list>[^\]]*)\]|\((?P<ext>[^)]*)\)(?P<each>\[\*\])?|\{(?P<object>[^}]*)\})?"
)
_CODING = re.compile(r"(?P<member>[\w.]*)(?P<many>\*?)~(?P<coding>[\w@#.*-]+)")


def parse_path(text: str) -> tuple[Segment, ...]:
    """Read a path. Raises `MappingError` that shows it.

    >>> [segment.name for segment in parse_path("identifier[system=@hpr].value")]
    ['identifier', 'value']
    """
    segments, position = [], 0
    while position < len(text):
        match = _SEGMENT.match(text, position)
        if match is None or (match.end() < len(text) and text[match.end()] != "."):
            message = f"path {text!r} cannot be read from position {position}"
            raise MappingError(message)
        segments.append(_segment(match, text))
        position = match.end() + 1
    if not segments or text.endswith(".") or sum(segment.entries == "each" for segment in segments) > 1:
        message = f"path {text!r} is empty, ends with a dot or has more than one [*]"
        raise MappingError(message)
    return tuple(segments)


_WORDS: Final[dict[str, Literal["first", "current", "own"]]] = {"0": "first", "?": "own", "current": "current"}


def _segment(match: re.Match[str], path: str) -> Segment:
    name = match["name"]
    if match["ext"] is not None:
        return Segment(name, "each" if match["each"] else "one", (Condition("named", "", match["ext"]),))
    if match["object"] is not None:
        return Segment(name, "object", _conditions(match["object"], path))
    inside = match["list"]
    if inside is None:
        return Segment(name)
    if inside in _WORDS:
        return Segment(name, _WORDS[inside])
    each = inside.startswith("*")
    conditions = _conditions(inside.removeprefix("*"), path)
    if not each and not conditions:
        message = f"path {path!r}: [] needs a condition, 0 or *"
        raise MappingError(message)
    return Segment(name, "each" if each else "one", conditions)


def _conditions(text: str, path: str) -> tuple[Condition, ...]:
    return tuple(_condition(part, path) for part in text.split(",") if part)


def _condition(text: str, path: str) -> Condition:
    if text[0] in "+-":
        return Condition("flag" if text[0] == "+" else "no-flag", text[1:])
    if text[0] == "#":
        return Condition("group", "", text[1:])
    if coding := _CODING.fullmatch(text):
        return Condition("coding", coding["member"], coding["coding"], bool(coding["many"]))
    if "!=" in text:
        member, _, value = text.partition("!=")
        return Condition("not-member", member, value)
    member, equals, value = text.partition("=")
    if not equals:
        message = f"path {path!r}: condition {text!r} cannot be read"
        raise MappingError(message)
    return Condition("member", member, value)
