"""Conversion between subscriptions and table rows, and of what commits wrote into changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from ip_fhir.domain.values.aggregate import PLAN
from ip_fhir.errors import StoreError
from ip_fhir.fhir.json_text import loads
from ip_fhir.ports.subscriptions import Change, KeptSubscription, Subscription, SubscriptionStatus, WatchedType
from ip_fhir.store.codec import dump, micros, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATUSES: Final = get_args(SubscriptionStatus)
_TYPES: Final = get_args(WatchedType)


def values_of(one: Subscription) -> dict[str, Any]:
    """Returns what the client says, as columns."""
    return {
        "type": one.type,
        "criteria": dump(dict(one.criteria)),
        "endpoint": one.endpoint,
        "payload": one.payload,
        "secret": one.secret,
        "body": dump(one.body),
        "updated": micros(one.updated),
        "ends": None if one.ends is None else micros(one.ends),
        "status": one.status,
    }


def kept(row: Any) -> KeptSubscription:
    """Returns a subscription from its row. Raises `StoreError` for one that holds what none holds."""
    criteria, body = loads(row.criteria), loads(row.body)
    if not isinstance(criteria, dict) or not isinstance(body, dict):
        raise StoreError("criteria or body: no object")
    if row.status not in _STATUSES or row.type not in _TYPES:
        raise StoreError("status or type: not one that is known")
    found = Subscription(
        id=row.id,
        client=row.client,
        type=row.type,
        criteria=criteria,
        endpoint=row.endpoint,
        payload=bool(row.payload),
        body=body,
        updated=moment(row.updated),
        secret=row.secret,
        ends=None if row.ends is None else moment(row.ends),
        status=row.status,
        error=row.error,
    )
    return KeptSubscription(found, row.revision, row.place, row.failures, row.claim)


def changes_in(wrote: str, place: int) -> Iterator[Change]:
    """Yields the Tasks and views that a commit wrote, by the names that `integrity.digests` gives to things.

    `wrote` stands in the record of evidence with the number `place`.
    """
    try:
        said = loads(wrote.encode())
        things = {} if said.get("stood") else said.get("things", {})
        for owner, names in things.items():
            for name, value in names.items():
                if value is not None:
                    yield from _change(owner, name, place)
    except (ValueError, AttributeError):  # a changed database may hold anything; the verification tells it
        return


def _change(owner: str, name: str, place: int) -> Iterator[Change]:
    kind, _, rest = name.partition("/")
    of, _, ident = owner.partition("/")
    if kind == "resource" and rest.startswith("Task/"):
        yield Change("Task", rest.split("/")[1], place)
    elif kind == "view" and of == PLAN:
        yield Change("CarePlan", ident, place, rest.rpartition("/")[0])
