"""SQL statements about subscriptions; named as in `ip_fhir.store.statements`."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, bindparam, delete, func, insert, null, or_, select, update

from ip_fhir.store.schema import evidence, subscription

_c = subscription.c
_is_it = _c.id == bindparam("of_id")
_unchanged = and_(_is_it, _c.claim == bindparam("of_claim"), _c.revision == bindparam("of_revision"))
_last = select(func.coalesce(func.max(evidence.c.number), 0)).scalar_subquery()
_is_free = or_(_c.lease_until.is_(None), _c.lease_until <= bindparam("now"))

OF_CLIENT: Final = select(func.count()).select_from(subscription).where(_c.client == bindparam("of_client"))
"""The number of a client's subscriptions."""

PLACE: Final = select(_last)
"""The end of the evidence."""

ADD: Final = insert(subscription)
"""A new subscription."""

CHANGE: Final = (
    update(subscription)
    .where(_is_it, _c.revision == bindparam("based_on"))
    .values(
        **{
            name: bindparam(f"new_{name}")
            for name in ("type", "criteria", "endpoint", "payload", "secret", "body", "updated", "ends", "status")
        },
        revision=_c.revision + 1,
        error=null(),
        failures=0,
        next_try=bindparam("now"),
        lease_until=null(),
        claim=_c.claim + 1,
    )
)
"""Other words of the client's; whoever had claimed it comes too late now."""

REMOVE: Final = delete(subscription).where(_is_it, _c.client == bindparam("of_client"))
"""Takes out a subscription."""

ONE: Final = select(subscription).where(_is_it)
"""A subscription."""

LIST: Final = (
    select(subscription)
    .where(_c.client == bindparam("of_client"), _c.id > bindparam("after"))
    .order_by(_c.id)
    .limit(bindparam("at_most"))
)
"""A client's subscriptions after an id."""

DUE: Final = (
    select(subscription)
    .where(_c.status == "active", _c.next_try <= bindparam("now"), _is_free, _c.place < _last)
    .order_by(_c.next_try, _c.id)
    .limit(bindparam("at_most"))
)
"""Subscriptions of which something may have to be told."""

WROTE: Final = (
    select(evidence.c.number, evidence.c.wrote)
    .where(evidence.c.number > bindparam("place"))
    .order_by(evidence.c.number)
    .limit(bindparam("at_most"))
)
"""The links of the chain after a place, with what their commits wrote."""

PASS: Final = (
    update(subscription).where(_unchanged, _c.place < bindparam("new_place")).values(place=bindparam("new_place"))
)
"""Moves on where there was nothing to tell."""

CLAIM: Final = (
    update(subscription)
    .where(_unchanged, _c.status == "active", _is_free)
    .values(claim=_c.claim + 1, lease_until=bindparam("until"))
)
"""Holds a subscription for one worker."""

_SETTLED: Final = update(subscription).where(_unchanged).values(place=bindparam("new_place"), failures=0, error=null())

SETTLE: Final = {True: _SETTLED, False: _SETTLED.values(lease_until=null())}
"""It was told of all up to a place; True if more is told under the same claim."""

FAIL: Final = (
    update(subscription)
    .where(_unchanged)
    .values(
        failures=bindparam("new_failures"),
        error=bindparam("reason"),
        next_try=bindparam("at"),
        status=bindparam("new_status"),
        lease_until=null(),
    )
)
"""An attempt failed."""

END: Final = update(subscription).where(_unchanged).values(status="off", error=bindparam("reason"), lease_until=null())
"""It is over."""
