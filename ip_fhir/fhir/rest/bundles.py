"""Transactions and batches: many requests in one, and the result of each.

Whatever the status of the whole, each entry has its own: in a batch with the status 200 one entry may be refused, and
another asked to come again (429).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from ip_fhir.errors import PeerError, Rejected
from ip_fhir.fhir.outcome import problems_from
from ip_fhir.fhir.rest.addresses import Location, location_of
from ip_fhir.fhir.rest.answers import OUTCOME, error_inside, refusal
from ip_fhir.fhir.rest.etags import etag_of, version_in, version_of
from ip_fhir.fhir.rest.instances import condition_text
from ip_fhir.fhir.rest.interaction import Interaction, Repeat, json_body
from ip_fhir.fhir.summaries import summary_tags
from ip_fhir.ports.http import HttpAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.fhir.rest.answers import Answered
    from ip_fhir.ports import JsonObject

_STATUS = re.compile(r"([1-5][0-9]{2})\b.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class EntryRequest:
    """One request in a bundle. `url` is relative to the server's base; it travels in the body, and may name a person.

    `if_match` is the version that was read; `if_none_exist` are criteria.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: str = field(repr=False)
    resource: JsonObject | None = field(default=None, repr=False)
    full_url: str | None = field(default=None, repr=False)
    if_match: str | None = None
    if_none_exist: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def entry(self) -> JsonObject:
        """Returns the entry of a Bundle."""
        request: dict[str, Any] = {"method": self.method, "url": self.url}
        if self.if_match is not None:
            request["ifMatch"] = etag_of(self.if_match)
        if self.if_none_exist:
            request["ifNoneExist"] = condition_text(self.if_none_exist)
        made: dict[str, Any] = {} if self.full_url is None else {"fullUrl": self.full_url}
        made |= {} if self.resource is None else {"resource": self.resource}
        return {**made, "request": request}


@dataclass(frozen=True, slots=True)
class EntryResult:
    """The answer to one request: a place, a resource, or both; or the `error` that it stands for."""

    status: int
    location: Location | None = None
    resource: JsonObject | None = field(default=None, repr=False)
    error: PeerError | None = None


def transaction(requests: Sequence[EntryRequest]) -> Interaction[tuple[EntryResult, ...]]:
    """Returns a transaction: all of the requests take effect, or none. Its results have no errors."""
    return _bundle("transaction", requests, Repeat.LOOK_UP, writes=True)


def batch(requests: Sequence[EntryRequest]) -> Interaction[tuple[EntryResult, ...]]:
    """Returns a batch: each request takes effect or fails by itself. One that only reads may be repeated."""
    writes = any(request.method != "GET" for request in requests)
    return _bundle("batch", requests, Repeat.LOOK_UP if writes else Repeat.SAFE, writes=writes)


def _bundle(
    kind: Literal["transaction", "batch"], requests: Sequence[EntryRequest], repeat: Repeat, *, writes: bool
) -> Interaction[tuple[EntryResult, ...]]:
    bundle = {"resourceType": "Bundle", "type": kind, "entry": [request.entry() for request in requests]}
    read = partial(_results, kind, tuple(requests))
    return Interaction(kind, "POST", "", read, repeat=repeat, writes=writes, **json_body(bundle))


def _results(kind: str, requests: tuple[EntryRequest, ...], answered: Answered) -> tuple[EntryResult, ...]:
    bundle = answered.resource("Bundle")
    entries = bundle.get("entry", [])
    if bundle.get("type") != f"{kind}-response" or not isinstance(entries, list) or len(entries) != len(requests):
        raise answered.unclear(f"the answer is no {kind}-response with an entry for each request")
    results = tuple(_result(request, entry, answered) for request, entry in zip(requests, entries, strict=True))
    failed = next((result.error for result in results if result.error is not None), None)
    if kind == "transaction" and failed is not None:
        raise answered.unclear(f"a transaction of success with an entry that failed: {failed}")
    if kind == "transaction" and any(
        _is_nowhere(request, result) for request, result in zip(requests, results, strict=True)
    ):
        raise answered.unclear("HTTP 201 in a transaction without the place of what was written")
    return results


def _is_nowhere(request: EntryRequest, result: EntryResult) -> bool:
    return request.method == "POST" and result.location is None


def _result(request: EntryRequest, entry: Any, answered: Answered) -> EntryResult:
    response = entry.get("response") if isinstance(entry, dict) else None
    found = _STATUS.fullmatch(str(response.get("status", ""))) if isinstance(response, dict) else None
    if found is None or not isinstance(response, dict):
        return EntryResult(0, error=answered.unclear("an entry of the answer has no status"))
    status, resource, host = int(found[1]), entry.get("resource"), answered.host
    outcome = resource if _is_outcome(resource) else response.get("outcome")
    if not 200 <= status < 300:
        return EntryResult(status, error=refusal(host, HttpAnswer(status), problems_from(outcome)))
    error = error_inside(outcome, host, writes=answered.writes)
    if error is not None:
        return EntryResult(status, error=error)
    own = resource if isinstance(resource, dict) and not _is_outcome(resource) else None
    if own is not None and [*summary_tags(own)]:
        return EntryResult(status, error=Rejected(f"{host}: an entry is a summary"))
    if request.method == "GET" and own is None:
        return EntryResult(status, error=answered.unclear("an entry of the answer has no resource"))
    return EntryResult(status, _place(request, response, own), own)


def _place(request: EntryRequest, response: JsonObject, own: JsonObject | None) -> Location | None:
    place = location_of(response.get("location"))
    if place is None and own is not None and isinstance(own.get("id"), str) and request.method != "GET":
        place = Location(str(own.get("resourceType")), own["id"], version_in(own))
    if place is None and request.method == "PUT":
        place = location_of(request.url)
    version = version_of(response.get("etag"))
    return replace(place, version=version) if place is not None and version is not None else place


def _is_outcome(resource: Any) -> bool:
    return isinstance(resource, dict) and resource.get("resourceType") == OUTCOME
