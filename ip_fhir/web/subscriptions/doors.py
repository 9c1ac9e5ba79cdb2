"""The interactions with Subscription: each client has its own (http://hl7.org/fhir/R4/http.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from starlette.responses import Response

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.capability import ResourceCapability
from ip_fhir.ports import ResourceVersion
from ip_fhir.web import requests as headers
from ip_fhir.web.answers import fhir, versioned, written
from ip_fhir.web.fhir.asked import Asked
from ip_fhir.web.fhir.doors import Door
from ip_fhir.web.requests import BadRequest
from ip_fhir.web.searching import condition_of
from ip_fhir.web.subscriptions.resource import TYPE, Reading, shown
from ip_fhir.web.subscriptions.search import PARAMETERS, subscription_query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.exchange import Exchange
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import JsonObject
    from ip_fhir.ports.subscriptions import KeptSubscription, Subscription
    from ip_fhir.web.fhir.doors import Doors

_DOCUMENTATION: Final = (
    "channel.type is rest-hook. criteria is about Task or CarePlan, with search parameters of that type, and without a "
    "person; a CarePlan stands for the whole view that a party has of a plan. A party is told of what it may read, as "
    "a search of its would find it: without channel.payload by an empty POST, for all that has changed since the last "
    "one; with application/fhir+json by a PUT of each resource to endpoint/[type]/[id]. What is missed while the "
    "endpoint does not answer is told when it does, also when status was error and is set to active. channel.header "
    "may be Authorization, and is not shown again."
)


class SubscriptionDoors:
    """The handlers; each works in a thread, and hands over to the exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._kept = exchange.subscriptions

    def doors(self) -> Iterator[Door]:
        """Yields the doors; none where the store keeps no subscriptions."""
        if self._kept.are_kept:
            yield Door("POST", TYPE, "create", self.create)
            yield Door("GET", f"{TYPE}/{{id}}", "read", self.read)
            yield Door("PUT", f"{TYPE}/{{id}}", "update", self.update)
            yield Door("DELETE", f"{TYPE}/{{id}}", "delete", self.delete)
            yield Door("GET", TYPE, "search-type", self.search)
            yield Door("POST", f"{TYPE}/_search", "search-type", self.search)

    def read(self, peer: Credential, asked: Asked) -> Response:
        """Answer one of the client's own."""
        return versioned(self._version(self._kept.one(peer, asked.ids["id"])))

    def search(self, peer: Credential, asked: Asked) -> Response:
        """Answer a page of the client's own."""
        return fhir(subscription_query(asked).bundle(self._exchange.url, self._all(peer)))

    def create(self, peer: Credential, asked: Asked) -> Response:
        """Begin to notify, unless `If-None-Exist` finds such a subscription there already."""
        wanted = self._reading(peer, asked).subscription(_body(self._exchange, asked), str(uuid4()))
        condition = condition_of(asked, TYPE, self._exchange.url)
        if condition is not None:
            query = subscription_query(Asked("GET", in_url=condition))
            if not query.criteria:
                raise BadRequest(400, "needs a criterion, such as url", "required", "If-None-Exist")
            found = query.found(self._all(peer))
            if len(found) > 1:
                raise InvalidInput.at(TYPE, "several resources match", "multiple-matches")
            if found:
                return self._written(asked, self._kept.one(peer, found[0]["id"]), 200)
        return self._written(asked, self._kept.add(wanted), 201)

    def update(self, peer: Credential, asked: Asked) -> Response:
        """Take other words; status off ends, and active begins again where it ended."""
        body = _body(self._exchange, asked)
        based_on = headers.if_match(asked, body)
        id_ = asked.ids["id"]
        if body.get("id") != id_:
            raise InvalidInput.at(f"{TYPE}.id", "is not that of the address", "invariant")
        reading = self._reading(peer, asked)

        def make(before: Subscription) -> Subscription:
            return reading.subscription(body, id_, before)

        return self._written(asked, self._kept.change(peer, id_, based_on, make), 200)

    def delete(self, peer: Credential, asked: Asked) -> Response:
        """Take out one of the client's own."""
        if not asked.allows(TYPE, "d"):  # a batch comes in without it
            raise BadRequest(403, f"the token allows no system/{TYPE}.d", "forbidden", counted="scope")
        self._kept.remove(peer, asked.ids["id"])
        return Response(status_code=204)

    def _reading(self, peer: Credential, asked: Asked) -> Reading:
        exchange = self._exchange
        return Reading(peer.name, exchange.url, exchange.now(), asked.allows, exchange.serves_plans)

    def _all(self, peer: Credential) -> list[JsonObject]:
        now = self._exchange.now()
        return [shown(kept, now) for kept in self._kept.all(peer)]

    def _version(self, kept: KeptSubscription) -> ResourceVersion:
        one = kept.subscription
        return ResourceVersion(TYPE, one.id, kept.revision, shown(kept, self._exchange.now()), one.updated)

    def _written(self, asked: Asked, kept: KeptSubscription, status: int) -> Response:
        resource = self._version(kept)
        return written(resource, asked.returns, status, f"{self._exchange.url}/{TYPE}/{resource.id}")


def _body(exchange: Exchange, asked: Asked) -> JsonObject:
    body = asked.resource(exchange.limits)
    if body.get("resourceType") != TYPE:
        raise InvalidInput.at("resourceType", "is not that of the address", "invariant")
    return body


def subscription_capabilities(doors: Doors) -> list[ResourceCapability]:
    """The part about Subscription of the endpoint's CapabilityStatement; nothing where there are no doors to it."""
    interactions = doors.of(TYPE)
    if not interactions:
        return []
    return [
        ResourceCapability(
            TYPE,
            interactions,
            dict(PARAMETERS),
            documentation=_DOCUMENTATION,
            conditional=("create",),
            conditional_read=False,
        )
    ]
