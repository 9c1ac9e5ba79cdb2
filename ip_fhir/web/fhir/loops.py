"""The interactions with ServiceRequest and Task: each party has those of its own loops.

A ServiceRequest that is created is a notice: it opens a loop, as the same in a transaction does. The Task of a loop
comes with it, and what is changed in a Task is an event of the loop.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.rest import SEARCH_PARAMETERS
from ip_fhir.fhir.bundle import posted_url
from ip_fhir.fhir.json_text import loads
from ip_fhir.fhir.reading import write_json
from ip_fhir.fhir.rest.json_patch import read_patch
from ip_fhir.web import requests as headers
from ip_fhir.web.answers import fhir, versioned, written
from ip_fhir.web.fhir.asked import Asked
from ip_fhir.web.fhir.doors import Door
from ip_fhir.web.fhir.histories import history_bundle, history_query, version_number
from ip_fhir.web.fhir.subsets import shape_of_read
from ip_fhir.web.requests import BadRequest
from ip_fhir.web.searching import COUNT, condition_of, query_of, searchset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.responses import Response

    from ip_fhir.exchange import Exchange
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import JsonObject, ResourceVersion
    from ip_fhir.web.searching import Query

_CREATED: Final = "ServiceRequest"

Pairs: TypeAlias = "tuple[tuple[str, str], ...]"
"""Parameters by name."""


class Loops:
    """The handlers; each works in a thread, and hands over to the exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def doors(self) -> Iterator[Door]:
        """Yields the doors of both types."""
        for type_ in SEARCH_PARAMETERS:
            for method, path, name, answer in (
                ("GET", "{id}", "read", self.read),
                ("GET", "{id}/_history/{version}", "vread", self.vread),
                ("GET", "{id}/_history", "history-instance", self.history),
                ("PUT", "{id}", "update", self.update),
                ("PATCH", "{id}", "patch", self.patch),
                ("GET", "", "search-type", self.search),
                ("POST", "_search", "search-type", self.search),
                ("PUT", "", "update", self.conditional_update),
            ):
                yield Door(method, f"{type_}/{path}".rstrip("/"), name, partial(answer, type_))
        yield Door("POST", _CREATED, "create", self.create)

    # --- reading

    def read(self, type_: str, peer: Credential, asked: Asked) -> Response:
        """Answer the current version."""
        shape = shape_of_read(type_, asked.in_url)
        found = self._exchange.read_resource(peer, type_, asked.ids["id"])
        return versioned(found, unchanged=headers.has_version(asked, found.version), shape=shape)

    def vread(self, type_: str, peer: Credential, asked: Asked) -> Response:
        """Answer one version."""
        shape, number = shape_of_read(type_, asked.in_url), version_number(type_, asked.ids["version"])
        return versioned(self._exchange.read_version(peer, type_, asked.ids["id"], number), shape=shape)

    def history(self, type_: str, peer: Credential, asked: Asked) -> Response:
        """Answer a page of the versions, latest first."""
        query = history_query(type_, asked)
        id_ = asked.ids["id"]
        found = self._exchange.resource_history(peer, type_, id_, query.count, query.before, query.since)
        return fhir(history_bundle(self._exchange.url, f"{type_}/{id_}", query, found))

    def search(self, type_: str, peer: Credential, asked: Asked) -> Response:
        """Answer a page of what criteria find."""
        query = query_of(type_, asked, self._exchange.url)
        page = self._exchange.search_resources(peer, type_, query.criteria, query.count, query.cursor, query.narrowed)
        return fhir(searchset(self._exchange.url, type_, query, page))

    # --- writing

    def update(self, type_: str, peer: Credential, asked: Asked) -> Response:
        """Take a changed resource; its version is in `If-Match`, or in the resource itself."""
        body = asked.resource(self._exchange.limits)
        based_on = headers.if_match(asked, body)
        return self._written(asked, self._exchange.update_resource(peer, type_, asked.ids["id"], based_on, body))

    def patch(self, type_: str, peer: Credential, asked: Asked) -> Response:
        """Take a JSON Patch of the version in `If-Match`."""
        based_on = headers.if_match(asked)
        operations = read_patch(asked.content)
        changed = self._exchange.patch_resource(peer, type_, asked.ids["id"], based_on, operations)
        return self._written(asked, changed)

    def conditional_update(self, type_: str, peer: Credential, asked: Asked) -> Response:
        """Update the one resource that the criteria find; a notice that is not there yet opens its loop."""
        body = asked.resource(self._exchange.limits)
        found = self.matching(type_, peer, asked.in_url, "the address")
        if found is None and type_ == _CREATED:
            return self._create(peer, asked, body)
        if found is None:
            raise InvalidInput.at(type_, "no resource matches, and this type is not created", "not-found")
        if body.get("id", found.id) != found.id:
            raise BadRequest(400, "the resource that matches has another id", "value", f"{type_}.id")
        based_on = headers.if_match(asked, body)
        changed = self._exchange.update_resource(peer, type_, found.id, based_on, {**body, "id": found.id})
        return self._written(asked, changed)

    def create(self, peer: Credential, asked: Asked) -> Response:
        """Open a loop by a ServiceRequest, unless `If-None-Exist` finds it there already.

        There are clients that write the condition into the address instead.
        """
        body = asked.resource(self._exchange.limits)
        criteria = condition_of(asked, _CREATED, self._exchange.url)
        if criteria is not None:
            found = self.matching(_CREATED, peer, criteria, "If-None-Exist")
            if found is not None:
                return self._written(asked, found)
        return self._create(peer, asked, body)

    def _create(self, peer: Credential, asked: Asked, body: JsonObject) -> Response:
        if body.get("resourceType") != _CREATED:
            raise InvalidInput.at("resourceType", "is not that of the address", "invariant")
        entry = {"fullUrl": posted_url(body), "resource": body, "request": {"method": "POST", "url": _CREATED}}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        reply = loads(self._exchange.receive(write_json(bundle), peer, "fhir-transaction"))
        location = reply["entry"][0]["response"]["location"]
        made = self._exchange.read_resource(peer, _CREATED, location.split("/")[1])
        return self._written(asked, made, status=201)

    def matching(self, type_: str, peer: Credential, criteria: Pairs, at: str) -> ResourceVersion | None:
        """The one resource that criteria find, None for none.

        Raises `BadRequest` 400 where they are none (it names the place `at`), `InvalidInput` (multiple-matches).
        """
        query: Query = query_of(type_, Asked("GET", in_url=criteria), self._exchange.url)
        if not query.criteria or COUNT in dict(criteria):
            raise BadRequest(400, "needs a criterion, such as identifier", "required", at)
        found = self._exchange.search_resources(peer, type_, query.criteria, 2, None, query.narrowed).found
        if len(found) > 1:
            raise InvalidInput.at(type_, "several resources match", "multiple-matches")
        return found[0] if found else None

    def _written(self, asked: Asked, resource: ResourceVersion, status: int = 200) -> Response:
        """The answer to a write, with the address of the version."""
        version = f"{self._exchange.url}/{resource.type}/{resource.id}/_history/{resource.version}"
        return written(resource, asked.returns, status, version)
