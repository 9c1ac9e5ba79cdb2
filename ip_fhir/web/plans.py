"""The routes of plans: each party reads and searches its own views (http://hl7.org/fhir/R4/http.html).

A person is searched for by POST to `_search` only, and stands in no link of the answer: a page that follows is named by
its cursor. What is written is a change of the plan, see `web.fhir.plan_writes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from starlette.routing import Route

from ip_fhir.domain.values.ids import find_person_number
from ip_fhir.errors import Problem
from ip_fhir.exchange.plans.rest import ROOT, SERVED, PlanCriteria
from ip_fhir.fhir.capability import ResourceCapability
from ip_fhir.fhir.outcome import outcome
from ip_fhir.web import requests as headers
from ip_fhir.web.answers import fhir, guarded, versioned
from ip_fhir.web.fhir import plan_writes
from ip_fhir.web.fhir.doors import Door
from ip_fhir.web.fhir.histories import history_bundle, history_query, version_number
from ip_fhir.web.fhir.subsets import COUNT_ONLY, ELEMENTS, SUMMARY, WHOLE, Shape, shape_of, shape_of_read
from ip_fhir.web.requests import BadRequest
from ip_fhir.web.searching import (
    COUNT,
    CURSOR,
    NO_PERSON,
    SAYS_NOTHING,
    count_of,
    one_of,
    outcome_entry,
    searchset,
    unsupported,
    values_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from ip_fhir.exchange import Exchange
    from ip_fhir.exchange.interactions.search import Page
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import JsonObject
    from ip_fhir.web.fhir.asked import Asked
    from ip_fhir.web.fhir.doors import Doors
    from ip_fhir.web.protection import Protection

_SUBJECTS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys((ROOT, "Goal", "CareTeam", "Condition"), ("patient", "subject")),
    **dict.fromkeys(("Appointment", "RelatedPerson"), ("patient",)),
}
"""By type the search parameters for the person it is about (http://hl7.org/fhir/R4/searchparameter-registry.html)."""

_ADDED: Final = tuple(type_ for type_ in SERVED if type_ not in (ROOT, "CareTeam", "Patient"))
"""The types of which a party may add resources to its view."""

_OPERATION: Final = "OperationDefinition/plan-view"
_CHANGE: Final = "OperationDefinition/plan-change"
_SHORT: Final = 60
_NAMES: Final = {"_id": "token", "share": "token"}
_DOCUMENTATION: Final = (
    "A party reads and searches its own view of a plan, cut to what the person lets it see. What it adds or changes "
    "is a change of the plan, which takes effect at once or waits for a person. `share` is the id of the "
    "share, as the view and its messages give it."
)
_BY_PERSON: Final = (
    " The person is searched for by POST to _search only, as patient.identifier=system|number (for a Patient "
    "identifier=system|number)."
)
_CONDITION: Final = " If-None-Exist has identifier or _id, and is looked for in the view that the resource is added to."
_UNKNOWN: Final = (
    "unknown here, or not shared with you; a party with a membership in the plan, or with an open loop about the "
    "person, may ask for it by the message plan-request"
)


def definition_routes(exchange: Exchange, protection: Protection) -> list[Route]:
    """The routes of the definitions that the CapabilityStatement of an exchange with plans names."""

    async def view(_request: Request) -> Response:
        return fhir(view_operation(exchange.url))

    async def change(_request: Request) -> Response:
        return fhir(change_operation(exchange.url))

    guard = partial(guarded, protection.refused)
    return [Route(f"/{_OPERATION}", guard(view)), Route(f"/{_CHANGE}", guard(change))]


def plan_capabilities(url: str, doors: Doors, profiles: Callable[[str], tuple[str, ...]]) -> list[ResourceCapability]:
    """The part about plans of the endpoint's CapabilityStatement; `profiles` gives those of a type."""
    return [
        ResourceCapability(
            type_,
            doors.of(type_),
            {**_NAMES, **dict.fromkeys(_SUBJECTS.get(type_, ()), "reference"), **_identifier(type_)},
            profiles(type_),
            {"view": f"{url}/{_OPERATION}", "change": f"{url}/{_CHANGE}"} if type_ == ROOT else {},
            _DOCUMENTATION + (_BY_PERSON if _person_names(type_) else "") + (_CONDITION if type_ in _ADDED else ""),
            conditional=("create",) if type_ in _ADDED else (),
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
    """A search as it was asked for: the criteria, resources of a page at most, the cursor of the page.

    `said` are the other parameters as they stand in links; `ignored` are those that were left out. With `count_only`
    only the number is answered.
    """

    criteria: PlanCriteria
    count: int
    cursor: str | None = None
    shape: Shape = WHOLE
    said: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    count_only: bool = False

    def url(self, base: str, cursor: str | None) -> str:
        """The address of a page of this search; of the first page of one by person only where it is sent to."""
        if self.criteria.person is not None and cursor is None:
            return f"{base}/_search"
        count = "0" if self.count_only and SUMMARY not in dict(self.said) else str(self.count)
        pairs = {**self.criteria.names(), **dict(self.said), COUNT: count}
        pairs |= {} if cursor is None else {CURSOR: cursor}
        return f"{base}?{urlencode(pairs)}"


def plan_query_of(type_: str, asked: Asked) -> PlanQuery:
    """Returns the search that a GET, or a POST to _search, asks for.

    Raises `BadRequest` 400 for a parameter that is not supported (unless the caller is lenient) or is given twice, and
    for a person in the URL.
    """
    if any(find_person_number(value) or name.partition(".")[0] in _IN_FORMS for name, value in asked.in_url):
        raise BadRequest(400, NO_PERSON, "not-supported", type_)
    persons, lenient = _person_names(type_), asked.is_lenient
    given: dict[str, str] = {}
    ignored: list[str] = []
    for name, value in (*asked.in_url, *asked.in_form):
        if name in SAYS_NOTHING:
            continue
        if name not in {*_NAMES, *persons, SUMMARY, ELEMENTS, COUNT, CURSOR}:
            if not lenient:
                raise unsupported(type_, [*_NAMES, *sorted(persons), SUMMARY, ELEMENTS, COUNT])
            ignored.append(name if name.isascii() and len(name) < _SHORT else "?")
        elif name in given:
            raise BadRequest(400, "is given twice; AND is not supported", "not-supported", f"{type_}.{name}")
        else:
            given[name] = value
    person = [given.pop(name) for name in sorted(persons) if name in given]
    if len(person) > 1 or (person and CURSOR in given):
        raise BadRequest(400, "one person is searched for at a time, and not with a cursor", "not-supported", type_)
    criteria = PlanCriteria(
        ids=values_of(given["_id"], f"{type_}._id") if "_id" in given else (),
        person=one_of(person[0], f"{type_}.patient") if person else None,
        share=one_of(given["share"], f"{type_}.share") if "share" in given else None,
    )
    said = tuple((name, given[name]) for name in (SUMMARY, ELEMENTS) if name in given)
    none = given.get(COUNT) == "0"
    is_count = none or given.get(SUMMARY) == COUNT_ONLY
    count = count_of(type_, None if none else given.get(COUNT))
    return PlanQuery(criteria, count, given.get(CURSOR), shape_of(type_, given), said, tuple(ignored), is_count)


_IN_FORMS: Final = ("patient", "subject", "identifier", "patient:Patient", "subject:Patient")


_NOTHING: Final = Problem("", _UNKNOWN, "not-found", "warning")


def plan_searchset(url: str, type_: str, query: PlanQuery, page: Page) -> JsonObject:
    """Returns the searchset Bundle of a page; of a search by person that finds nothing, with how to ask for a plan."""
    shown = replace(page, found=[], after=None) if query.count_only else page
    found = searchset(url, type_, query, shown)
    if query.criteria.person is not None and not page.found:
        found["entry"] = [outcome_entry(url, type_, outcome([_NOTHING]))]
    return found


class Plans:
    """The handlers; each works in a thread, and hands over to the exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def doors(self) -> Iterator[Door]:
        """Yields the doors of all types that a view is made of."""
        for type_ in SERVED:
            yield Door("GET", f"{type_}/{{id}}", "read", partial(self.read, type_))
            yield Door("GET", f"{type_}/{{id}}/_history/{{version}}", "vread", partial(self.vread, type_))
            yield Door("GET", f"{type_}/{{id}}/_history", "history-instance", partial(self.history, type_))
            yield Door("GET", type_, "search-type", partial(self.search, type_))
            yield Door("POST", f"{type_}/_search", "search-type", partial(self.search, type_))
            yield Door("PUT", f"{type_}/{{id}}", "update", partial(plan_writes.update, self._exchange, type_))
            yield Door("PATCH", f"{type_}/{{id}}", "patch", partial(plan_writes.patch, self._exchange, type_))
            if type_ in _ADDED:
                yield Door("POST", type_, "create", partial(plan_writes.create, self._exchange, type_))
        yield Door("GET", f"{ROOT}/{{id}}/$change", "$change", partial(plan_writes.status, self._exchange))
        yield Door("GET", f"{ROOT}/{{id}}/$view", "$view", self.view)

    def read(self, type_: str, peer: Credential, asked: Asked) -> Response:
        """Answer a resource of the party's view."""
        shape = shape_of_read(type_, asked.in_url)
        found = self._exchange.read_plan_resource(peer, type_, asked.ids["id"], plan_writes.share_of(asked))
        return versioned(found, unchanged=headers.has_version(asked, found.version), shape=shape)

    def vread(self, type_: str, peer: Credential, asked: Asked) -> Response:
        """Answer one version of a resource of the party's view."""
        shape, number = shape_of_read(type_, asked.in_url), version_number(type_, asked.ids["version"])
        share = plan_writes.share_of(asked)
        return versioned(self._exchange.plan_resource_version(peer, type_, asked.ids["id"], number, share), shape=shape)

    def history(self, type_: str, peer: Credential, asked: Asked) -> Response:
        """Answer a page of the versions of a resource of the party's view, latest first."""
        query, id_ = history_query(type_, asked, ("share",)), asked.ids["id"]
        found = self._exchange.plan_resource_history(
            peer, type_, id_, query.count, query.before, query.since, plan_writes.share_of(asked)
        )
        return fhir(history_bundle(self._exchange.url, f"{type_}/{id_}", query, found))

    def view(self, peer: Credential, asked: Asked) -> Response:
        """Answer the party's view, whole."""
        found = self._exchange.plan_view(peer, asked.ids["id"], plan_writes.share_of(asked))
        return versioned(found, unchanged=headers.has_version(asked, found.version))

    def search(self, type_: str, peer: Credential, asked: Asked) -> Response:
        """Answer a page of what criteria find in the party's views."""
        query = plan_query_of(type_, asked)
        page = self._exchange.search_plans(peer, type_, query.criteria, query.count, query.cursor)
        return fhir(plan_searchset(self._exchange.url, type_, query, page))


def view_operation(url: str) -> JsonObject:
    """Returns the OperationDefinition of `$view` (http://hl7.org/fhir/R4/operationdefinition.html)."""
    share = _parameter(
        "share", "in", 0, "Id of the share, needed where the party's system keeps its people apart.", "id"
    )
    told = "A collection: the resources of the view, the CarePlan last. Its ETag is the number."
    about = "The view that the party has of the plan, whole, as one Bundle; by GET."
    parameters = [share, _parameter("return", "out", 1, told, "Bundle")]
    return _operation(url, _OPERATION, ("view", "PlanView", "The view of a plan"), about, parameters)


def change_operation(url: str) -> JsonObject:
    """Returns the OperationDefinition of `$change`."""
    change = _parameter("change", "in", 1, "Id of the change, as Content-Location of its answer has it.", "id")
    told = "An issue for each part of the change: done, proposed, accepted, declined. It is 202 while one waits."
    about = "What became of a change that the party made by PUT or PATCH of a resource of its view; by GET."
    parameters = [change, _parameter("return", "out", 1, told, "OperationOutcome")]
    return _operation(url, _CHANGE, ("change", "PlanChange", "The answer to a change of a plan"), about, parameters)


def _parameter(name: str, use: str, least: int, documentation: str, type_: str) -> JsonObject:
    return {"name": name, "use": use, "min": least, "max": "1", "documentation": documentation, "type": type_}


def _operation(
    url: str, path: str, names: tuple[str, str, str], description: str, parameters: list[JsonObject]
) -> JsonObject:
    code, name, title = names
    return {
        "resourceType": "OperationDefinition",
        "id": path.partition("/")[2],
        "url": f"{url}/{path}",
        "name": name,
        "title": title,
        "status": "active",
        "kind": "operation",
        "description": description,
        "affectsState": False,
        "code": code,
        "resource": [ROOT],
        "system": False,
        "type": False,
        "instance": True,
        "parameter": parameters,
    }
