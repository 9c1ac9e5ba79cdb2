"""A transaction of resources of a view: one change of the plan, which takes effect at once or waits for a person.

http://hl7.org/fhir/R4/http.html#transaction. A transaction that has a notice in it is none of these. Where a person has
to decide, or not all of it may be, the answer is that of a single write: 202, or 422 where nothing of it may be.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.plans.rest import SERVED
from ip_fhir.fhir.json_text import loads
from ip_fhir.web.answers import fhir
from ip_fhir.web.fhir.batch import asked_in, entries_of
from ip_fhir.web.fhir.plan_writes import not_done, patch_wish, post_wish, put_wish, share_of, version_path
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.responses import Response

    from ip_fhir.exchange import Exchange
    from ip_fhir.exchange.interactions.plan_changes import Became, Wish
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import JsonObject, ResourceVersion
    from ip_fhir.web.fhir.asked import Asked
    from ip_fhir.web.fhir.doors import Doors

_WRITES: Final = {"update": put_wish, "patch": patch_wish}


def is_about_views(content: bytes) -> bool:
    """True for a transaction whose entries are all about resources that views are made of."""
    if b'"transaction"' not in content or b'"ServiceRequest"' in content:
        return False
    try:
        found = loads(content.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):  # whoever takes it in says why
        return False
    if not isinstance(found, dict) or (found.get("resourceType"), found.get("type")) != ("Bundle", "transaction"):
        return False
    entries = found.get("entry")
    return isinstance(entries, list) and bool(entries) and all(_type_in(entry) in SERVED for entry in entries)


def _type_in(entry: Any) -> str | None:
    """The type of an entry's resource; of a patch, which is a Binary, and of a read that of its address."""
    request = entry.get("request") if isinstance(entry, dict) else None
    url = request.get("url") if isinstance(request, dict) else None
    words = url.partition("?")[0].split("/") if isinstance(url, str) else []
    return next((word for word in words if word in SERVED), None)


class PlanTransactions:
    """Answers transactions, by the doors of the endpoint."""

    def __init__(self, exchange: Exchange, doors: Doors) -> None:
        self._exchange, self._doors = exchange, doors

    def answer(self, peer: Credential, content: bytes, headers: Headers) -> Response:
        """Returns a transaction-response where all took effect, else an OperationOutcome.

        Raises `InvalidInput` for what is no such transaction, and as `Exchange.change_plan_resources`.
        """
        wishes: list[Wish] = []
        shares: set[str | None] = set()
        for number, entry in enumerate(entries_of(content, self._exchange.limits)):
            at = f"Bundle.entry[{number}]"
            path, asked = asked_in(entry, at, self._exchange.url, headers)
            shares.add(share_of(asked))
            wishes.append(self._wish(path, asked, entry.get("fullUrl"), at))
        _check(wishes, shares)
        became = self._exchange.change_plan_resources(peer, wishes, shares.pop())
        return not_done(self._exchange, became) or self._done(wishes, became)

    def _wish(self, path: str, asked: Asked, url: Any, at: str) -> Wish:
        """The change that an entry asks for."""
        door, ids = self._doors.find(path, asked.method)
        type_ = path.partition("/")[0]
        given = replace(asked, ids=ids)
        if door.interaction == "create":
            name = url if isinstance(url, str) and url.startswith("urn:") else None
            return post_wish(type_, given, self._exchange, name)
        if door.interaction not in _WRITES:
            reason = "a transaction of a view adds by POST and changes by PUT or PATCH of Type/[id]"
            raise BadRequest(400, reason, "not-supported", f"{at}.request")
        return _WRITES[door.interaction](type_, given, self._exchange.limits)

    def _done(self, wishes: list[Wish], became: Became) -> Response:
        entries = [
            {} if one is None else self._entry(one, added=wish.id is None and number not in became.there)
            for number, (wish, one) in enumerate(zip(wishes, became.resources, strict=True))
        ]
        return fhir({"resourceType": "Bundle", "type": "transaction-response", "entry": entries})

    def _entry(self, resource: ResourceVersion, *, added: bool) -> JsonObject:
        return {
            "fullUrl": f"{self._exchange.url}/{resource.type}/{resource.id}",
            "resource": resource.body,
            "response": {
                "status": "201 Created" if added else "200 OK",
                "location": version_path(resource),
                "etag": f'W/"{resource.version}"',
                "lastModified": resource.updated.isoformat(timespec="milliseconds"),
            },
        }


def _check(wishes: list[Wish], shares: set[str | None]) -> None:
    """Raise `InvalidInput` for wishes that cannot be one change."""
    if len(shares) > 1:
        raise InvalidInput.at("Bundle.entry", "name one share", "multiple-matches")
    named = [(wish.type, wish.id) for wish in wishes if wish.id is not None]
    if len(set(named)) < len(named):
        raise InvalidInput.at("Bundle.entry", "writes to the same resource twice", "invariant")
    if len({wish.whole for wish in wishes if wish.id is not None}) > 1:
        reason = "PUT and PATCH are not in one transaction: what is missing is unchanged in the one, not in the other"
        raise InvalidInput.at("Bundle.entry", reason, "not-supported")
