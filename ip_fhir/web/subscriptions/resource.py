"""A Subscription as clients write and read it (http://hl7.org/fhir/R4/subscription.html): rest-hook only.

Whatever is not understood is refused: a client would rely on it. The value of the header `Authorization` is never shown
again; a client that puts back what it read leaves it as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.interactions.search import WIDE
from ip_fhir.fhir.reading import FHIR_JSON, write_json
from ip_fhir.ports.subscriptions import Subscription
from ip_fhir.web.fhir.asked import Asked
from ip_fhir.web.fhir.subsets import WHOLE
from ip_fhir.web.plans import plan_query_of
from ip_fhir.web.searching import query_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.ports import JsonObject
    from ip_fhir.ports.subscriptions import KeptSubscription, SubscriptionStatus, WatchedType

TYPE: Final = "Subscription"

_OURS: Final = frozenset({"resourceType", "id", "meta", "status", "error"})  # told anew whenever it is read
_KNOWN: Final = _OURS | {"language", "text", "contact", "reason", "criteria", "end", "channel"}
_CHANNEL: Final = frozenset({"type", "endpoint", "payload", "header"})
_STATUSES: Final[dict[str, SubscriptionStatus]] = {"requested": "active", "active": "active", "off": "off"}
_HEADER: Final = re.compile(r"authorization:[ \t]*([!-~](?:[ -~]{0,3998}[!-~])?)", re.IGNORECASE)
_MASK: Final = "***"
_LONGEST: Final = 2_000
_MOST_BYTES: Final = 20_000  # a client keeps no documents here
_NOTHING_IN_ONE: Final = "means nothing in a subscription: name criteria of resources only"


class Criteria(NamedTuple):
    """The criteria of a subscription: the type of the resources, and those of a search of it."""

    type: WatchedType
    search: dict[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """The reading of what one client wrote. `url` is our own base; `allows` says what its token lets it do.

    `serves_plans` is false where the endpoint has no plans.
    """

    client: str
    url: str
    now: datetime
    allows: Callable[[str, str], bool]
    serves_plans: bool

    def subscription(self, body: JsonObject, id_: str, before: Subscription | None = None) -> Subscription:
        """The subscription that a resource asks for; `before` is the one that it replaces.

        Raises `InvalidInput` at the element that is wrong, missing or not understood.
        """
        _check_elements(body, TYPE, _KNOWN)
        if len(write_json(body)) > _MOST_BYTES:
            raise InvalidInput.at(TYPE, f"is longer than {_MOST_BYTES} bytes", "too-long")
        status = _status(body)
        criteria = self._criteria(_text(body, "criteria", TYPE))
        channel = body.get("channel")
        if not isinstance(channel, dict):
            raise InvalidInput.at(f"{TYPE}.channel", "is missing", "required")
        _check_elements(channel, f"{TYPE}.channel", _CHANNEL)
        if channel.get("type") != "rest-hook":
            raise InvalidInput.at(f"{TYPE}.channel.type", "is rest-hook here", "not-supported")
        endpoint = _text(channel, "endpoint", f"{TYPE}.channel")
        _text(body, "reason", TYPE)
        return Subscription(
            id=id_,
            client=self.client,
            type=criteria.type,
            criteria=criteria.search,
            endpoint=endpoint,
            payload=_payload(channel),
            body=_without_secret(body),
            updated=self.now,
            secret=_secret(channel, endpoint, before),
            ends=self._end(body, status),
            status=status,
        )

    def _end(self, body: JsonObject, status: SubscriptionStatus) -> datetime | None:
        text = body.get("end")
        if text is None:
            return None
        try:
            found = datetime.fromisoformat(text) if isinstance(text, str) else None
        except ValueError:
            found = None
        if found is None or found.tzinfo is None or "T" not in text:
            raise InvalidInput.at(f"{TYPE}.end", "is an instant with its time zone", "value")
        if found <= self.now and status != "off":
            raise InvalidInput.at(f"{TYPE}.end", "is in the past", "value")
        return found

    def _criteria(self, text: str) -> Criteria:
        """The criteria as a search has them. Raises `InvalidInput` for one that no search of this type knows."""
        at = f"{TYPE}.criteria"
        type_, _, query = text.removeprefix(f"{self.url}/").partition("?")
        if type_ != "Task" and not (type_ == "CarePlan" and self.serves_plans):
            types = "Task, or CarePlan," if self.serves_plans else "Task"
            raise InvalidInput.at(at, f"is about {types} as in Task?status=completed", "not-supported")
        if not self.allows(type_, "rs"):
            raise InvalidInput.at(at, f"the token allows no system/{type_}.rs", "forbidden")
        try:
            pairs = tuple(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=20))
        except ValueError:
            raise InvalidInput.at(at, "has a query that is none", "structure") from None
        try:
            return self._task(pairs) if type_ == "Task" else self._plan(pairs)
        except InvalidInput as error:
            raise InvalidInput(replace(problem, path=at) for problem in error.problems) from None

    def _task(self, pairs: tuple[tuple[str, str], ...]) -> Criteria:
        query = query_of("Task", Asked("GET", in_url=pairs), self.url)
        if query.said or query.narrowed != WIDE or query.cursor is not None or "_count" in dict(pairs):
            raise InvalidInput.at(TYPE, _NOTHING_IN_ONE, "not-supported")
        return Criteria("Task", query.criteria)

    def _plan(self, pairs: tuple[tuple[str, str], ...]) -> Criteria:
        query = plan_query_of("CarePlan", Asked("GET", in_url=pairs))
        if query.shape != WHOLE or query.count_only or query.cursor is not None or "_count" in dict(pairs):
            raise InvalidInput.at(TYPE, _NOTHING_IN_ONE, "not-supported")
        return Criteria("CarePlan", query.criteria.names())


def shown(kept: KeptSubscription, now: datetime) -> JsonObject:
    """Returns a subscription as its client reads it: the secret masked, its status and last error as they are."""
    one = kept.subscription
    over = one.status == "active" and one.ends is not None and one.ends <= now
    meta = {"versionId": str(kept.revision), "lastUpdated": one.updated.isoformat(timespec="milliseconds")}
    channel = dict(one.body["channel"])
    channel |= {} if one.secret is None else {"header": [f"Authorization: {_MASK}"]}
    found: JsonObject = {"resourceType": TYPE, "id": one.id, "meta": meta, "status": "off" if over else one.status}
    found |= {} if not one.error else {"error": one.error}
    return {**found, **one.body, "channel": channel}


def _check_elements(node: JsonObject, at: str, known: frozenset[str]) -> None:
    if unknown := sorted(set(node) - known):
        name = unknown[0] if unknown[0].isascii() and len(unknown[0]) < 60 else "?"
        raise InvalidInput.at(f"{at}.{name}", "is not understood here", "not-supported")


def _text(node: JsonObject, name: str, at: str) -> str:
    value = node.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput.at(f"{at}.{name}", "is missing", "required")
    if len(value) > _LONGEST:
        raise InvalidInput.at(f"{at}.{name}", f"is longer than {_LONGEST} characters", "too-long")
    return value


def _status(body: JsonObject) -> SubscriptionStatus:
    said = body.get("status")
    if not isinstance(said, str) or said not in _STATUSES:
        reason = "is requested or active, to be notified (also to begin again after an error), or off"
        raise InvalidInput.at(f"{TYPE}.status", reason, "value")
    return _STATUSES[said]


def _payload(channel: JsonObject) -> bool:
    said = channel.get("payload")
    if said not in (None, FHIR_JSON):
        raise InvalidInput.at(f"{TYPE}.channel.payload", f"is {FHIR_JSON}, or not there", "not-supported")
    return said is not None


def _secret(channel: JsonObject, endpoint: str, before: Subscription | None) -> str | None:
    """The value of the header; of one that is masked, that which was there before.

    Not at another host: who holds the client's token could have the secret sent to themselves.
    """
    headers, at = channel.get("header", []), f"{TYPE}.channel.header"
    if not isinstance(headers, list) or len(headers) > 1 or not all(isinstance(one, str) for one in headers):
        raise InvalidInput.at(at, "is a list with the one header Authorization", "not-supported")
    if not headers:
        return None
    found = _HEADER.fullmatch(headers[0])
    if found is None:
        raise InvalidInput.at(at, "is Authorization: and a value of printable ASCII", "not-supported")
    if found[1] != _MASK:
        return found[1]
    if before is None or before.secret is None or _origin(before.endpoint) != _origin(endpoint):
        raise InvalidInput.at(at, "is masked, and no value is known for this host: send it again", "value")
    return before.secret


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, ""
    return parts.scheme, parts.netloc


def _without_secret(body: JsonObject) -> JsonObject:
    kept: dict[str, Any] = {name: value for name, value in body.items() if name not in _OURS}
    return {**kept, "channel": {name: value for name, value in body["channel"].items() if name != "header"}}
