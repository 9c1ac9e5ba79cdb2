"""Places in a message as people write them: `MSH-9`, `PRD[2]-7.1`, `PID-3[2].4.2`; numbers begin at 1."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_PLACE = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<number>[0-9]{1,5})\])?"
    r"-(?P<field>[0-9]{1,4})(?:\[(?P<repetition>[0-9]{1,5})\])?"
    r"(?:\.(?P<component>[0-9]{1,4})(?:\.(?P<subcomponent>[0-9]{1,4}))?)?"
)


class Place(NamedTuple):
    """A place in a message: which segment of that name, which field, repetition, component and subcomponent, from 1."""

    segment: str
    number: int = 1
    field: int = 1
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
    numbers = {name: int(digits) for name, digits in found.groupdict("1").items() if name != "segment"}
    return Place(found["segment"], **numbers)
