"""The condition on which a party adds a resource to its view: that no such one is there, or waits for a person.

It is looked for in the view that the resource is added to, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.sharing.life.changes import waits
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.interactions.criteria import has_token
from ip_fhir.fhir.json_text import loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.change import KeptChange
    from ip_fhir.exchange.plans.known_views import Shown
    from ip_fhir.ports import JsonObject

CONDITIONS: Final = ("_id", "identifier")
"""The criteria that a condition may name."""


def there(shown: Shown, type_: str, criteria: Mapping[str, str]) -> str | None:
    """Returns the id of the one resource of a view that the criteria find; None for none, and without criteria.

    Raises `InvalidInput` (multiple-matches).
    """
    found = [one.id for one in shown.resources if one.type == type_ and criteria and _matches(one.data(), criteria)]
    if len(found) > 1:
        raise InvalidInput.at(type_, "several resources match", "multiple-matches")
    return found[0] if found else None


def waiting(plan: SharedPlan, share: str, type_: str, criteria: Mapping[str, str]) -> KeptChange | None:
    """Returns the change of a share by which such a resource is added, while it waits for a person; None for none."""
    for kept in plan.changes if criteria else ():
        if kept.change.share == share and waits(kept):
            bodies = (loads(one.data.encode()) for one in kept.change.kept if one.type == type_)
            if any(_matches(body, criteria) for body in bodies):
                return kept
    return None


def _matches(body: JsonObject, criteria: Mapping[str, str]) -> bool:
    """True if a resource has one of the values of each criterion."""
    found: dict[str, list[tuple[Any, Any]]] = {"_id": [("", body.get("id"))], "identifier": _identifiers(body)}
    return all(has_token(found[name], wanted) for name, wanted in criteria.items())


def _identifiers(body: JsonObject) -> list[tuple[Any, Any]]:
    known = body.get("identifier", [])
    several = known if isinstance(known, list) else [known]
    return [(one.get("system", ""), one.get("value")) for one in several if isinstance(one, dict)]
