"""SQL statements for operators: old rows, and sizes. Named as those in `statements`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, delete, exists, func, or_, select, text, tuple_, update

from ip_fhir.domain.referral import State
from ip_fhir.domain.values.aggregate import ACKNOWLEDGED, PLAN, REFERRAL
from ip_fhir.store.schema import (
    about_person,
    evidence,
    given_id,
    inbox,
    other_id,
    outbox,
    plan,
    plan_name,
    plan_version,
    plan_view,
    referral,
    refusal,
    resource,
    taking_part,
    token,
    unreadable,
    worklist,
)
from ip_fhir.store.statements import ENDED, UNSENT, one_of

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, Column, ColumnElement, Delete, Table


def _expired(kind: str, ident: Column[str], ended: ColumnElement[bool]) -> ColumnElement[bool]:
    table: Any = ident.table
    of_it = and_(outbox.c.aggregate_kind == kind, outbox.c.aggregate_id == ident)
    unsent = exists().where(of_it, one_of(outbox.c.status, UNSENT))
    return and_(ended, table.c.changed < bindparam("before"), table.c.next_due.is_(None), ~unsent)


_of_acknowledged = outbox.alias()
_rows_of_it = and_(
    _of_acknowledged.c.aggregate_kind == outbox.c.aggregate_kind,
    _of_acknowledged.c.aggregate_id == outbox.c.aggregate_id,
)
_lately = or_(one_of(_of_acknowledged.c.status, UNSENT), _of_acknowledged.c.sent_at >= bindparam("before"))

_IDS: Final = {REFERRAL: referral.c.correlation_id, PLAN: plan.c.id, ACKNOWLEDGED: outbox.c.aggregate_id}
_ARE_EXPIRED: Final = {
    REFERRAL: _expired(REFERRAL, referral.c.correlation_id, one_of(referral.c.state, ENDED)),
    PLAN: _expired(PLAN, plan.c.id, plan.c.over == 1),
    ACKNOWLEDGED: and_(outbox.c.aggregate_kind == ACKNOWLEDGED, ~exists().where(_rows_of_it, _lately)),
}

EXPIRED: Final = {
    kind: select(ident.label("id")).where(_ARE_EXPIRED[kind]).distinct().limit(bindparam("at_most"))
    for kind, ident in _IDS.items()
}
"""Referrals and plans, by kind, that ended long ago, with nothing more to be done about them.

And messages whose acknowledgements went out by themselves long ago.
"""

COUNT_EXPIRED: Final = {kind: select(func.count(ident)).where(_ARE_EXPIRED[kind]) for kind, ident in _IDS.items()}
"""The number of those referrals, and of those plans."""

_some: BindParameter[str] = bindparam("idents", expanding=True)

COUNT_CONFIRMED: Final = (
    select(func.count())
    .select_from(referral)
    .where(referral.c.state == State.CONFIRMED, referral.c.changed < bindparam("before"))
)
"""The number of confirmed referrals that have not changed for as long: they are kept until they are closed."""

RECORDS_OF: Final = {
    kind: select(evidence).where(
        evidence.c.purged_at.is_(None), evidence.c.aggregate_kind == kind, evidence.c.aggregate_id.in_(_some)
    )
    for kind in _IDS
}
"""The evidence of some referrals, or some plans."""

PURGE_RECORD: Final = (
    update(evidence)
    .where(evidence.c.number == bindparam("of"))
    .values(body="", digest=bindparam("words"), purged_at=bindparam("at"))
)
"""Takes a record's words out, and leaves their digest."""


def _purge(kind: str, *own: Delete) -> tuple[Delete, ...]:
    def theirs(table: Table) -> ColumnElement[bool]:
        return and_(table.c.aggregate_kind == kind, table.c.aggregate_id.in_(_some))

    resources = select(resource.c.type, resource.c.id).where(theirs(resource))
    tables = (resource, taking_part, about_person, other_id, outbox, worklist, unreadable)
    return (
        delete(token).where(tuple_(token.c.type, token.c.id).in_(resources)),
        *(delete(table).where(theirs(table)) for table in tables),
        *own,
    )


PURGE: Final = {
    REFERRAL: _purge(REFERRAL, delete(referral).where(referral.c.correlation_id.in_(_some))),
    PLAN: _purge(
        PLAN,
        *(delete(table).where(table.c.plan_id.in_(_some)) for table in (plan_version, plan_view, plan_name, given_id)),
        delete(plan).where(plan.c.id.in_(_some)),
    ),
    ACKNOWLEDGED: _purge(ACKNOWLEDGED),
}
"""Take out some referrals, or some plans, with everything kept about them but evidence, keys and receipts."""

_next_keys = (
    select(inbox.c.key).where(inbox.c.key > bindparam("after")).order_by(inbox.c.key).limit(bindparam("at_most"))
).subquery()

LAST_OF_KEYS: Final = select(func.max(_next_keys.c.key))
"""The last of the next `at_most` message keys after a key."""

_some_keys = and_(inbox.c.key > bindparam("after"), inbox.c.key <= bindparam("last"))

FORGET_KEYS: Final = delete(inbox).where(_some_keys, inbox.c.at < bindparam("before"))
"""Deletes the keys of those among some messages that were taken in long ago."""

FORGET_REPLIES: Final = (
    update(inbox)
    .where(_some_keys, inbox.c.at < bindparam("before"), inbox.c.reply != bindparam("nothing"))
    .values(reply=bindparam("nothing"))
)
"""Empties the receipts of those among some messages that were taken in long ago."""

PURGE_REFUSALS: Final = delete(refusal).where(refusal.c.last < bindparam("before"))
"""Deletes the records of refused messages that last came long ago."""

COUNT_RECORDS: Final = select(func.count()).select_from(evidence)
"""The number of records of evidence."""

COUNT_PURGED: Final = COUNT_RECORDS.where(evidence.c.purged_at.is_not(None))
"""The number of records that have lost their words."""

SIZE: Final = {
    True: text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"),
    False: text("SELECT pg_database_size(current_database())"),
}
"""The size of the database in bytes, for a file (True) and for a server (False)."""
