"""Our Subscriptions on a FHIR server: made there, looked after, and made again where they are gone.

One is for the Tasks that bring us messages, one for those that bring receipts of ours. They are found by the address of
our door, so that there are no more of them after a restart.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import PeerError, Rejected
from ip_fhir.fhir.rest.carrier import SETTLED, TASK, WAITING
from ip_fhir.fhir.rest.etags import version_in
from ip_fhir.fhir.rest.instances import create, update
from ip_fhir.fhir.rest.operations import capability
from ip_fhir.fhir.rest.statements import ServerStatement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.ports import JsonObject
    from ip_fhir.wire.fhirserver.server import Server

log = logging.getLogger("ip_fhir.fhirserver")

TYPE: Final = "Subscription"
_AT_WORK: Final = ("requested", "active")
_NEEDED: Final = frozenset({"create", "update", "search-type"})
_REASON: Final = "Messages between individual plan systems"


def takes_subscriptions(statement: ServerStatement) -> bool:
    """True if a server says that a Subscription can be made, found and changed there."""
    return statement.of(TYPE).interactions >= _NEEDED


class Hooks:
    """Keeps our Subscriptions, whose notifications go to `endpoint` with a bearer token."""

    def __init__(self, endpoint: str, token: str) -> None:
        self._endpoint, self._token = endpoint, token
        self._written: set[str] = set()

    def keep(self, server: Server, owners: Sequence[str]) -> bool:
        """See to it that both are there and at work; `owners` are our organisations there, as references.

        True if they were. False if one was made or written anew just now, so that something may have been missed, and
        if the server takes none. Raises nothing of a peer's.
        """
        try:
            if not takes_subscriptions(ServerStatement.read(server.perform(capability()))):
                return False
            there = self._there(server)
            kept = [self._kept(server, criteria, there) for criteria in _criteria(owners)]
        except PeerError as error:
            log.warning("no Subscription at %s: %s", server.host, error)
            return False
        return all(kept)

    def _there(self, server: Server) -> list[JsonObject]:
        """Those with our address. Raises `Rejected` if the server finds others: it would not find ours again."""
        found = [one for page in server.pages(TYPE, [("url", self._endpoint)]) for one in page]
        ours = [one for one in found if _channel(one).get("endpoint") == self._endpoint]
        if len(ours) < len(found):
            raise Rejected(f"{server.host}: a search by url finds other Subscriptions, too")
        return ours

    def _kept(self, server: Server, criteria: str, there: list[JsonObject]) -> bool:
        """True if the one with these criteria was at work. One not written since we began is written anew."""
        wanted = self._resource(criteria)
        same = next((one for one in there if one.get("criteria") == criteria), None)
        if same is None:
            server.perform(create(wanted))
            self._written.add(criteria)
            log.info("a Subscription was made at %s", server.host)
            return False
        if criteria in self._written and same.get("status") in _AT_WORK:
            return True
        version = version_in(same)
        if version is None:
            raise Rejected(f"{server.host}: a Subscription has no version")
        server.perform(update({**wanted, "id": same["id"]}, if_match=version))
        self._written.add(criteria)
        return False

    def _resource(self, criteria: str) -> JsonObject:
        return {
            "resourceType": TYPE,
            "status": "requested",
            "reason": _REASON,
            "criteria": criteria,
            "channel": {
                "type": "rest-hook",
                "endpoint": self._endpoint,
                "header": [f"Authorization: Bearer {self._token}"],
            },
        }


def _criteria(owners: Sequence[str]) -> tuple[str, str]:
    ours = ",".join(owners)
    return f"{TASK}?owner={ours}&status={WAITING}", f"{TASK}?requester={ours}&status={','.join(SETTLED)}"


def _channel(resource: JsonObject) -> JsonObject:
    found = resource.get("channel")
    return found if isinstance(found, dict) else {}
