"""The parts of changes: their names for the commands, those that wait for a person, and the values at their places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.sharing.change import Outcome

if TYPE_CHECKING:
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.change import KeptChange, PartDecision

UNDECIDED: Final = (Outcome.PROPOSED, Outcome.CONFLICT)


def waits(kept: KeptChange) -> bool:
    """True if something of a change waits for a person of ours."""
    return any(part.outcome in UNDECIDED for part in kept.decisions)


def part_name(part: PartDecision) -> str:
    """Returns the name of a part for the commands: `measures.status@id`, or the field alone for the plan's own."""
    return part.field if part.id is None else f"{part.field}@{part.id}"


def value_at(plan: IndividualPlan, part: PartDecision) -> Any:
    """Returns the value at the place of a part: an item as a whole where the field names a list; None if not there."""
    *above, last = part.field.split(".")
    found: Any = plan
    for name in (*above, last):
        found = getattr(found, name, None)
        if isinstance(found, tuple) and part.id is not None and all(hasattr(item, "id") for item in found):
            found = next((item for item in found if item.id == part.id), None)
        if found is None:
            return None
    return found
