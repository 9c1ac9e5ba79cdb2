"""Places in a message as people write them: `MSH-9`, `PRD[2]-7.1`, `PID-3[2].4.2`, `PID`; numbers begin at 1."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.hl7v2.structure.matching import SegmentNames

_PLACE = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<number>[0-9]{1,5})\])?"
    r"(?:-(?P<field>[0-9]{1,4})(?:\[(?P<repetition>[0-9]{1,5})\])?"
    r"(?:\.(?P<component>[0-9]{1,4})(?:\.(?P<subcomponent>[0-9]{1,4}))?)?)?"
)


class Place(NamedTuple):
    """A place in a message: segment, which one of its name, field, repetition, component, subcomponent, each from 1.

    Field 0 is the segment as a whole.
    """

    segment: str
    number: int = 1
    field: int = 0
    repetition: int = 1
    component: int = 1
    subcomponent: int = 1


@lru_cache(maxsize=512)
def place_of(text: str) -> Place | None:
    """Returns the place that a text such as `PRD[2]-7.1` names; None if it names none.

    >>> place_of("PID-3[2].4")
    Place(segment='PID', number=1, field=3, repetition=2, component=4, subcomponent=1)
    """
    found = _PLACE.fullmatch(text)
    if found is None:
        return None
    numbers = {name: int(digits) for name, digits in found.groupdict().items() if digits and name != "segment"}
    return Place(found["segment"], **numbers)


def place_in(path: Sequence[str | int], tree: Any, names: SegmentNames) -> str:
    """Returns the place of a path in a message's value; `tree` has the numbers of the segments, `names` their names."""
    rest = list(path)
    named = ""
    while rest and not isinstance(tree, int) and not _is_field(rest[0]):
        step = rest.pop(0)
        named = step if isinstance(step, str) else named
        tree = _below(tree, step)
    first = _first(tree)
    segment = named if first is None else names.places[first]
    return segment + (_field_place(rest) if rest and _is_field(rest[0]) else "")


def _is_field(step: str | int) -> bool:
    return isinstance(step, str) and step[:1] == "f"


def _below(tree: Any, step: str | int) -> Any:
    if isinstance(step, str):
        return tree.get(step) if isinstance(tree, dict) else None
    return tree[step] if isinstance(tree, list) and step < len(tree) else None


def _first(tree: Any) -> int | None:
    """Returns the number of the first segment that was read for a part of a value."""
    while tree is not None and not isinstance(tree, int):
        tree = next(iter(tree.values() if isinstance(tree, dict) else tree))
    return tree


def _field_place(rest: Sequence[str | int]) -> str:
    """Returns the end of a place, from the field on: `-7[2].1`. A first repetition is not told."""
    field, *below = rest
    text = f"-{str(field)[1:]}"
    if below and isinstance(below[0], int):
        text += f"[{below[0] + 1}]" if below[0] else ""
        below = below[1:]
    if below:
        component, _, subcomponent = str(below[0]).removeprefix("c").partition("s")
        text += f".{component}" + (f".{subcomponent}" if subcomponent else "")
    return text
