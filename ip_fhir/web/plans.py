"""The routes of plans: each party reads and searches its own views (http://hl7.org/fhir/R4/http.html).

A person is searched for by POST to `_search` only, and stands in no link of the answer: a page that follows is named by
its cursor. Nothing is written here: a change of a plan is asked for by message.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, uuid5

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from ip_fhir.domain.values.ids import find_person_number
from ip_fhir.errors import Problem
from ip_fhir.exchange.plans.rest import ROOT, SERVED, PlanCriteria
from ip_fhir.fhir.capability import ResourceCapability
from ip_fhir.fhir.outcome import outcome
from ip_fhir.web import requests as asked
from ip_fhir.web.answers import fhir, guarded, versioned
from ip_fhir.web.requests import BadRequest
from ip_fhir.web.searching import (
    COUNT,
    CURSOR,
    NO_PERSON,
    check_name,
    count_of,
    is_format,
    searchset,
    values_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from ip_fhir.exchange import Exchange
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.exchange.rest import Page
    from ip_fhir.ports import JsonObject
    from ip_fhir.web.protection import Protection

_SUBJECTS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys((ROOT, "Goal", "CareTeam", "Condition"), ("patient", "subject")),
    **dict.fromkeys(("Appointment", "RelatedPerson"), ("patient",)),
}
"""By type the search parameters for the person it is about (http://hl7.org/fhir/R4/searchparameter-registry.html)."""

_OPERATION: Final = "OperationDefinition/plan-view"
_NAMES: Final = {"_id": "token", "share": "token"}
_DOCUMENTATION: Final = (
    "A party reads and searches its own view of a plan, cut to what the person lets it see. `share` is the id of the "
    "share, as the view and its messages give it."
)
_BY_PERSON: Final = (
    " The person is searched for by POST to _search only, as patient.identifier=system|number (for a Patient "
    "identifier=system|number)."
)
_UNKNOWN: Final = (
    "unknown here, or not shared with you; a party with a membership in the plan, or with an open loop about the "
    "person, may ask for it by the message plan-request"
)


def plan_routes(exchange: Exchange, protection: Protection) -> list[Route]:
    """The routes of an exchange whose store keeps plans."""
    endpoint, wrapped = _PlanEndpoint(exchange, protection), partial(guarded, protection.refused)
    routes = [
        Route(f"/{ROOT}/{{id}}/$view", wrapped(endpoint.view)),
        Route(f"/{_OPERATION}", wrapped(endpoint.operation)),
    ]
    for type_ in SERVED:
        routes += [
            Route(f"/{type_}", wrapped(partial(endpoint.search, type_))),
            Route(f"/{type_}/_search", wrapped(partial(endpoint.search_by_form, type_)), methods=["POST"]),
            Route(f"/{type_}/{{id}}", wrapped(partial(endpoint.resource, type_))),
        ]
    return routes


def plan_capabilities(url: str, profiles: Callable[[str], tuple[str, ...]]) -> list[ResourceCapability]:
    """The part about plans of the endpoint's CapabilityStatement; `profiles` gives those of a type."""
    return [
        ResourceCapability(
            type_,
            ("read", "search-type"),
            {**_NAMES, **dict.fromkeys(_SUBJECTS.get(type_, ()), "reference"), **_identifier(type_)},
            profiles(type_),
            {"view": f"{url}/{_OPERATION}"} if type_ == ROOT else {},
            _DOCUMENTATION + (_BY_PERSON if _person_names(type_) else ""),
        )
        for type_ in SERVED
    ]


def _identifier(type_: str) -> dict[str, str]:
    return {"identifier": "token"} if type_ == "Patient" else {}


def _person_names(type_: str) -> frozenset[str]:
    """The parameters by which the person is searched for, as they stand in a form."""
    chains = (f"{name}{of}.identifier" for name in _SUBJECTS.get(type_, ()) for of in ("", ":Patient"))
    return frozenset((*chains, *_identifier(type_)))


@dataclass(frozen=True, slots=True)
class PlanQuery:
    """A search as it was asked for: the criteria, resources of a page at most, the cursor of the page."""

    criteria: PlanCriteria
    count: int
    cursor: str | None = None

    def url(self, base: str, cursor: str | None) -> str:
        """The address of a page of this search; of the first page of one by person only where it is sent to."""
        if self.criteria.person is not None and cursor is None:
            return f"{base}/_search"
        pairs = {**self.criteria.names(), COUNT: str(self.count)} | ({} if cursor is None else {CURSOR: cursor})
        return f"{base}?{urlencode(pairs)}"


def plan_query_of(type_: str, in_url: list[tuple[str, str]], in_form: list[tuple[str, str]]) -> PlanQuery:
    """Returns the search that a GET, or a POST to _search, asks for.

    Raises `BadRequest` 400 for a parameter that is not supported or is given twice, and for a person in the URL.
    """
    if any(find_person_number(value) or name.partition(".")[0] in _IN_FORMS for name, value in in_url):
        raise BadRequest(400, NO_PERSON, "not-supported", type_)
    persons = _person_names(type_)
    given: dict[str, str] = {}
    for name, value in (*in_url, *in_form):
        if not is_format(name, value):
            check_name(type_, name, [*_NAMES, *sorted(persons)], given)
            given[name] = value
    person = [given.pop(name) for name in sorted(persons) if name in given]
    if len(person) > 1 or (person and CURSOR in given):
        raise BadRequest(400, "one person is searched for at a time, and not with a cursor", "not-supported", type_)
    criteria = PlanCriteria(
        ids=values_of(given["_id"], f"{type_}._id") if "_id" in given else (),
        person=_one(person[0], f"{type_}.patient") if person else None,
        share=_one(given["share"], f"{type_}.share") if "share" in given else None,
    )
    return PlanQuery(criteria, count_of(type_, given.get(COUNT)), given.get(CURSOR))


_IN_FORMS: Final = ("patient", "subject", "identifier", "patient:Patient", "subject:Patient")


def _one(value: str, at: str) -> str:
    """The only value of a criterion."""
    values = values_of(value, at)
    if len(values) > 1:
        raise BadRequest(400, "has several values, and is asked for one at a time", "not-supported", at)
    return values[0]


_NOTHING: Final = Problem("", _UNKNOWN, "not-found", "warning")


def plan_searchset(url: str, type_: str, query: PlanQuery, page: Page) -> JsonObject:
    """Returns the searchset Bundle of a page; of a search by person that finds nothing, with how to ask for a plan."""
    found = searchset(url, type_, query, page)
    if query.criteria.person is not None and not page.found:
        address = f"urn:uuid:{uuid5(NAMESPACE_URL, f'{url}/{type_}')}"  # the same each time: it tells nothing
        found["entry"] = [{"fullUrl": address, "resource": outcome([_NOTHING]), "search": {"mode": "outcome"}}]
    return found


class _PlanEndpoint:
    """The handlers. Each authenticates the peer, reads the request, hands it to the exchange, and answers."""

    def __init__(self, exchange: Exchange, protection: Protection) -> None:
        self._exchange = exchange
        self._logins = protection.logins
        self._bodies = protection.bodies

    def _peer(self, request: Request) -> Credential:
        """The party that the request shows a token of. Raises `BadRequest` 401, 400 or 429."""
        return cast(
            "Credential", self._logins.check(request, self._exchange.peer_by_token, self._exchange.peer_by_client)
        )

    async def resource(self, type_: str, request: Request) -> Response:
        peer, id_, share = self._peer(request), request.path_params["id"], request.query_params.get("share")
        found = await run_in_threadpool(self._exchange.read_plan_resource, peer, type_, id_, share)
        return versioned(found, unchanged=asked.has_version(request, found.version))

    async def view(self, request: Request) -> Response:
        peer, id_, share = self._peer(request), request.path_params["id"], request.query_params.get("share")
        found = await run_in_threadpool(self._exchange.plan_view, peer, id_, share)
        return versioned(found, unchanged=asked.has_version(request, found.version))

    async def search(self, type_: str, request: Request) -> Response:
        peer = self._peer(request)
        return await self._found(type_, plan_query_of(type_, request.query_params.multi_items(), []), peer)

    async def search_by_form(self, type_: str, request: Request) -> Response:
        peer = self._peer(request)
        asked.require_form(request)
        async with self._bodies.read(request, peer.name) as content:
            in_form = asked.form_fields(content)
        return await self._found(type_, plan_query_of(type_, request.query_params.multi_items(), in_form), peer)

    async def _found(self, type_: str, query: PlanQuery, peer: Credential) -> Response:
        work = partial(self._exchange.search_plans, peer, type_, query.criteria, query.count, query.cursor)
        return fhir(plan_searchset(self._exchange.url, type_, query, await run_in_threadpool(work)))

    async def operation(self, _request: Request) -> Response:
        return fhir(view_operation(self._exchange.url))


def view_operation(url: str) -> JsonObject:
    """Returns the OperationDefinition of `$view` (http://hl7.org/fhir/R4/operationdefinition.html)."""
    return {
        "resourceType": "OperationDefinition",
        "id": _OPERATION.partition("/")[2],
        "url": f"{url}/{_OPERATION}",
        "name": "PlanView",
        "title": "The view of a plan",
        "status": "active",
        "kind": "operation",
        "description": "The view that the party has of the plan, whole, as one Bundle; by GET.",
        "affectsState": False,
        "code": "view",
        "resource": [ROOT],
        "system": False,
        "type": False,
        "instance": True,
        "parameter": [
            {
                "name": "share",
                "use": "in",
                "min": 0,
                "max": "1",
                "documentation": "Id of the share, needed where the party's system keeps its people apart.",
                "type": "id",
            },
            {
                "name": "return",
                "use": "out",
                "min": 1,
                "max": "1",
                "documentation": "A collection: the resources of the view, the CarePlan last. Its ETag is the number.",
                "type": "Bundle",
            },
        ],
    }
