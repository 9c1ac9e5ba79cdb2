"""The statement that claims outbox rows, and leaves out those of some peers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, exists, or_, select, text, update

from ip_fhir.store.damage.exclusion import set_aside
from ip_fhir.store.schema import outbox
from ip_fhir.store.statements import READ, one_of

if TYPE_CHECKING:
    from sqlalchemy import Update

_SETTLED: Final = ("sent", "parked", "refused", "held", "superseded")

_earlier = outbox.alias("earlier")
_held_up = exists().where(
    _earlier.c.aggregate_kind == outbox.c.aggregate_kind,
    _earlier.c.aggregate_id == outbox.c.aggregate_id,
    _earlier.c.lane == outbox.c.lane,
    ~one_of(_earlier.c.status, _SETTLED),  # so that no index by status fits: it would find every row that waits
    _earlier.c.sequence < outbox.c.sequence,
    ~set_aside("outbox", _earlier.c.sequence),
)

PLAN_TO_CLAIM: Final = text(
    "SELECT set_config('enable_sort', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true)"
)
"""PostgreSQL only, before `claim`: until the end of the transaction, rows in the order of an index, and by a new plan.

It plans by counts that are minutes old, and may keep a plan. A queue that was empty then may be long now: it would sort
all of it.
"""

_LEFT_OUT_AT_ONCE: Final = 8


def claim(without: frozenset[str | None] = frozenset()) -> tuple[Update, dict[str, str]]:
    """Hold due rows that nobody holds, nothing holds up and can be read, until the lease runs out; in no order.

    With the values of the parameters that leave out the peers in `without`; None stands for rows without a peer. Where
    a database has several writers, rows that another is just claiming are passed over.
    """
    names = sorted(name for name in without if name is not None)
    places = -(-len(names) // _LEFT_OUT_AT_ONCE) * _LEFT_OUT_AT_ONCE  # in steps, so that few statements are compiled
    filled = names + names[-1:] * (places - len(names))
    return _claim(places, unnamed=None not in without), {f"without_{n}": name for n, name in enumerate(filled)}


@cache
def _claim(places: int, *, unnamed: bool) -> Update:
    """The statement that leaves out so many peers, and takes rows without a peer or not."""
    others = and_(*(outbox.c.peer != bindparam(f"without_{n}") for n in range(places))) if places else None
    named = outbox.c.peer.is_not(None)
    may_go = [*([] if others is None else [or_(~named, others)]), *([] if unnamed else [named])]
    claimable = (
        select(outbox.c.sequence)
        .where(
            outbox.c.status == "waiting",
            outbox.c.due <= bindparam("now"),
            *may_go,
            or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= bindparam("now")),
            ~_held_up,
            ~set_aside("outbox", outbox.c.sequence),
        )
        .order_by(outbox.c.due, outbox.c.sequence)
        .limit(bindparam("at_most"))
        .with_for_update(skip_locked=True, of=outbox)
        .cte("claimable")
    )
    return (
        update(outbox)
        .where(outbox.c.sequence.in_(select(claimable.c.sequence)))
        .values(
            lease_until=bindparam("until"),
            leased_by=bindparam("worker"),
            attempts=outbox.c.attempts + 1,
            claim=outbox.c.claim + 1,
        )
        .returning(*READ)
    )
