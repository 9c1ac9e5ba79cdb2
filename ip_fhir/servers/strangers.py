"""Related persons that others wrote and that cannot be read: a plan is read without them, and they stay there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import Problem

if TYPE_CHECKING:
    from ip_fhir.errors import InvalidInput
    from ip_fhir.ports import JsonObject

_ENTRY: Final = re.compile(r"Bundle\.entry\[(\d+)\]")
_TYPE: Final = "RelatedPerson"
_LEFT: Final = "the plan is read without this person, who stays there as it is"


def without_unreadable(bundle: JsonObject, error: InvalidInput) -> tuple[JsonObject, list[Problem]] | None:
    """Returns the bundle without the related persons that an error is about, and a warning for each of its problems.

    None if it is about anything else. Whoever is in the plan because something refers to them is missed there then: the
    plan cannot be read at all.

    >>> from ip_fhir.errors import InvalidInput
    >>> person = {"resourceType": "RelatedPerson", "id": "1"}
    >>> error = InvalidInput.at("Bundle.entry[0].resource.name", "missing", "required")
    >>> bundle, warnings = without_unreadable({"entry": [{"resource": person}]}, error)
    >>> bundle["entry"], warnings[0].path, warnings[0].severity
    ([], 'RelatedPerson.name', 'warning')
    """
    entries, left, warnings = bundle["entry"], set[int](), []
    for problem in error.problems:
        place = _ENTRY.match(problem.path)
        if place is None or entries[int(place[1])]["resource"]["resourceType"] != _TYPE:
            return None
        left.add(int(place[1]))
        path = _TYPE + problem.path[place.end() :].removeprefix(".resource")
        warnings.append(Problem(path, f"{problem.reason}: {_LEFT}", problem.code, "warning"))
    kept = [entry for number, entry in enumerate(entries) if number not in left]
    return ({**bundle, "entry": kept}, warnings) if left else None
