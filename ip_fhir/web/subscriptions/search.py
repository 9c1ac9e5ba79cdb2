"""The search of a client's own subscriptions: there are few, and all are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from ip_fhir.web.requests import BadRequest
from ip_fhir.web.searching import COUNT, CURSOR, SAYS_NOTHING, count_of, unsupported, values_of
from ip_fhir.web.subscriptions.resource import TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.ports import JsonObject
    from ip_fhir.web.fhir.asked import Asked

PARAMETERS: Final = {"_id": "token", "status": "token", "criteria": "string", "type": "token", "url": "uri"}
"""The search parameters, with FHIR's type of each."""

_OF: Final[dict[str, Callable[[JsonObject], str]]] = {
    "_id": lambda resource: str(resource["id"]),
    "status": lambda resource: str(resource["status"]),
    "criteria": lambda resource: str(resource["criteria"]),
    "type": lambda resource: str(resource["channel"]["type"]),
    "url": lambda resource: str(resource["channel"]["endpoint"]),
}


@dataclass(frozen=True, slots=True)
class SubscriptionQuery:
    """A search: the values of each criterion, resources of a page at most, and the id after which the page begins."""

    criteria: tuple[tuple[str, str], ...]
    count: int
    after: str | None = None

    def found(self, resources: list[JsonObject]) -> list[JsonObject]:
        """Those that match every criterion."""
        return [one for one in resources if all(self._has(one, *criterion) for criterion in self.criteria)]

    def bundle(self, url: str, resources: list[JsonObject]) -> JsonObject:
        """Returns the page of the search among all resources, which are in order of their ids."""
        found = self.found(resources)
        rest = [one for one in found if self.after is None or one["id"] > self.after]
        page = rest[: self.count]
        links = [{"relation": "self", "url": self._url(url, self.after)}]
        if len(rest) > len(page) > 0:
            links.append({"relation": "next", "url": self._url(url, page[-1]["id"])})
        entries = [
            {"fullUrl": f"{url}/{TYPE}/{one['id']}", "resource": one, "search": {"mode": "match"}} for one in page
        ]
        bundle: JsonObject = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links}
        return bundle | ({"entry": entries} if entries else {})

    def _url(self, url: str, after: str | None) -> str:
        cursor = [] if after is None else [(CURSOR, after)]
        return f"{url}/{TYPE}?{urlencode([*self.criteria, (COUNT, str(self.count)), *cursor])}"

    @staticmethod
    def _has(resource: JsonObject, name: str, wanted: str) -> bool:
        values = values_of(wanted, f"{TYPE}.{name}")
        if name == "criteria":
            return any(_OF[name](resource).startswith(value) for value in values)
        return _OF[name](resource) in values


def subscription_query(asked: Asked) -> SubscriptionQuery:
    """Returns the search that is asked for. Raises `BadRequest` 400 for a parameter that is not supported."""
    given: dict[str, str] = {}
    for name, value in (*asked.in_url, *asked.in_form):
        if name in SAYS_NOTHING:
            continue
        if name not in (*PARAMETERS, COUNT, CURSOR):
            if not asked.is_lenient:
                raise unsupported(TYPE, (*PARAMETERS, COUNT))
        elif name in given:
            raise BadRequest(400, "is given twice; AND is not supported", "not-supported", f"{TYPE}.{name}")
        else:
            given[name] = value
    criteria = tuple((name, value) for name, value in given.items() if name in PARAMETERS)
    for name, value in criteria:
        values_of(value, f"{TYPE}.{name}")
    none = given.get(COUNT) == "0"
    return SubscriptionQuery(criteria, 0 if none else count_of(TYPE, given.get(COUNT)), given.get(CURSOR))
