"""Search parameters, and the searchset. An unknown parameter is refused: ignored, it would find too much.

A person's number must not be in a URL, where logs and proxies keep it: such a search would go by POST to `_search`, and
no parameter here takes one anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from ip_fhir.domain.values.ids import PersonId
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.rest import SEARCH_PARAMETERS
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ip_fhir.ports import JsonObject, ResourceVersion


def criteria_from_url(type_: str, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Returns the criteria of a GET. Raises `BadRequest` 400 for a person's number or a wrong parameter."""
    pairs = list(pairs)
    for name, value in pairs:
        if _is_person_number(value) or name.partition(".")[0] in ("patient", "subject"):
            reason = "a person is not searched for in a URL"
            raise BadRequest(400, reason, "not-supported", type_)
    return criteria_from_form(type_, pairs)


def criteria_from_form(type_: str, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Returns the criteria of a POST to _search by parameter. Raises `BadRequest` 400 for one that is not supported."""
    criteria: dict[str, str] = {}
    for name, value in pairs:
        if name == "_format" and value in ("json", "application/json", "application/fhir+json"):
            continue
        if name not in SEARCH_PARAMETERS[type_]:
            known = ", ".join(SEARCH_PARAMETERS[type_])
            raise BadRequest(
                400, f"a search parameter that is not supported; these are: {known}", "not-supported", type_
            )
        if name in criteria or "," in value:
            raise BadRequest(400, "one value each; neither AND nor OR is supported", "not-supported", f"{type_}.{name}")
        if not value:
            raise BadRequest(400, "has no value", "value", f"{type_}.{name}")
        criteria[name] = value
    return criteria


def searchset(url: str, type_: str, criteria: dict[str, str], found: Sequence[ResourceVersion]) -> JsonObject:
    """Returns a searchset Bundle (http://hl7.org/fhir/R4/bundle.html#searchset)."""
    entries = [{"fullUrl": f"{url}/{type_}/{r.id}", "resource": r.body, "search": {"mode": "match"}} for r in found]
    query = f"?{urlencode(criteria)}" if criteria else ""
    bundle: JsonObject = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    bundle["link"] = [{"relation": "self", "url": f"{url}/{type_}{query}"}]
    return bundle | ({"entry": entries} if entries else {})  # an empty list is no FHIR


def _is_person_number(value: str) -> bool:
    try:
        return PersonId.parse(value.rpartition("|")[2]).birth_date is not None
    except InvalidInput:
        return False
