"""Places in a message: the paths of tables in its tree of groups, and places in errors as users of HL7 v2 write them.

A table names a segment alone. In the tree (`ip_fhir.hl7v2`), a PRD stands in a group PROVIDER_CONTACT of its own, and
an OBX in a group RESULTS_NOTES of an OBSERVATION. That OBSERVATION is ours by its OBR-4, of the coding system 99IP.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ip_fhir.mapping.tables.paths import Condition, Segment

if TYPE_CHECKING:
    from collections.abc import Iterable

OURS: Final = "99IP"
"""The coding system of our own codes: the linkIds of OBX-3, the kind of form in OBR-4."""

OBSERVATION: Final = Segment("OBSERVATION", "one", (Condition("coding", "OBR.f4", f"*@{OURS}"),))
"""The observation of a message that holds our rows."""

ROWS: Final = "RESULTS_NOTES"
"""The group of one OBX with its notes."""

NOTES: Final = "NTE"
"""The segments beside a pathway that hold our rows: it has no OBX."""

_FIELD = re.compile(r"f(\d+)")
_COMPONENT = re.compile(r"c(\d+)(?:s(\d+))?")
_HAS_FIELD = re.compile(r"-\d+(\.|\[|$)")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")

_MAIN: Final = {"PROVIDER_CONTACT": "PRD", "OBSERVATION": "OBR", ROWS: "OBX"}
"""The first segment of each group."""


def expanded(path: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """The path in the tree of groups, of a path that begins with a segment.

    >>> from ip_fhir.mapping.tables.paths import parse_path
    >>> [step.name for step in expanded(parse_path("PRD[f1~RP@0286].f2[0].c1"))]
    ['PROVIDER_CONTACT', 'PRD', 'f2', 'c1']
    """
    first, *rest = path
    if first.name == "PRD":
        return (_inside(first, "PROVIDER_CONTACT"), Segment("PRD"), *rest)
    if first.name == "OBR":
        return (OBSERVATION, Segment("OBR"), *rest)
    if first.name == "OBX":
        own = () if _is_group(first) else (Segment("OBX"),)
        return (OBSERVATION, _inside(first, ROWS), *own, *rest)
    return path


def _is_group(segment: Segment) -> bool:
    return any(condition.kind == "group" for condition in segment.conditions)


def _inside(segment: Segment, group: str) -> Segment:
    """The group of a segment, with the conditions on the segment."""
    conditions = (replace(c, member=f"{segment.name}.{c.member}" if c.member else "") for c in segment.conditions)
    return Segment(group, segment.entries, tuple(conditions))


def is_segment(name: str) -> bool:
    """True for the name of a segment: `PID`. Groups have longer ones."""
    return _SEGMENT.fullmatch(name) is not None


def joined(steps: Iterable[str]) -> str:
    """The steps as one place: `PID-5.1`, `PRD[2]-7[3].1`, `OBX[discharge]-5.1`; groups are not named.

    >>> joined(["REF_I12", "PROVIDER_CONTACT", "[1]", "PRD", "f7", "[0]", "c1"])
    'PRD[2]-7.1'
    """
    place, number = "", ""
    first, group = "", ""
    for step in steps:
        first = first or step
        group = step if step in _MAIN else group
        if step.startswith("["):
            place, number = _numbered(place, step)
        elif _SEGMENT.fullmatch(step):
            place, number = step + number, ""
        elif field := _FIELD.fullmatch(step):
            place += f"-{field[1]}"
        elif component := _COMPONENT.fullmatch(step):
            place += "." + ".".join(filter(None, component.groups()))
        else:
            number = ""
    place = place or (f"{_MAIN[group]}{number}" if group else "")
    if place.startswith("OBX") and not _HAS_FIELD.search(place):
        return f"{place}-5"  # the value of the row
    return place or first


def _numbered(place: str, step: str) -> tuple[str, str]:
    """The place with the number of a repetition, counted from 1; the number of a group is kept for its segment."""
    number = step[1:-1]
    counted = f"[{int(number) + 1}]" if number.isdigit() else step
    last = place.rpartition("-")[2] if "-" in place else ""
    if last.isdigit():
        return (place if counted == "[1]" else place + counted), ""
    if _SEGMENT.fullmatch(place):
        return place + counted, ""
    return place, counted
