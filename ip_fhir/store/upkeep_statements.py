"""SQL statements for operators: old rows, and sizes. Named as those in `statements`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, exists, func, select, text, tuple_, update

from ip_fhir.domain.referral import State
from ip_fhir.domain.values.aggregate import REFERRAL
from ip_fhir.store.schema import (
    about_person,
    evidence,
    inbox,
    outbox,
    referral,
    refusal,
    resource,
    taking_part,
    token,
    unreadable,
    worklist,
)
from ip_fhir.store.statements import ENDED, UNSENT, WORDS, one_of

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, ColumnElement, Table

_unsent = exists().where(
    outbox.c.aggregate_kind == REFERRAL,
    outbox.c.aggregate_id == referral.c.correlation_id,
    one_of(outbox.c.status, UNSENT),
)
_expired = and_(
    one_of(referral.c.state, ENDED), referral.c.changed < bindparam("before"), referral.c.next_due.is_(None), ~_unsent
)

EXPIRED: Final = select(referral.c.correlation_id).where(_expired).limit(bindparam("at_most"))
"""Referrals that ended long ago, with nothing more to be done about them."""

COUNT_EXPIRED: Final = select(func.count()).select_from(referral).where(_expired)
"""The number of those referrals."""

_of_referrals: BindParameter[str] = bindparam("idents", expanding=True)

COUNT_CONFIRMED: Final = (
    select(func.count())
    .select_from(referral)
    .where(referral.c.state == State.CONFIRMED, referral.c.changed < bindparam("before"))
)
"""The number of confirmed referrals that have not changed for as long: they are kept until they are closed."""

RECORDS_OF: Final = WORDS.where(evidence.c.aggregate_id.in_(_of_referrals)).order_by(None)
"""The evidence of some referrals."""

PURGE_RECORD: Final = (
    update(evidence)
    .where(evidence.c.number == bindparam("of"))
    .values(body="", digest=bindparam("words"), purged_at=bindparam("at"))
)
"""Takes a record's words out, and leaves their digest."""


def _theirs(table: Table) -> ColumnElement[bool]:
    return and_(table.c.aggregate_kind == REFERRAL, table.c.aggregate_id.in_(_of_referrals))


_resources_of = select(resource.c.type, resource.c.id).where(_theirs(resource))

PURGE: Final = (
    delete(token).where(tuple_(token.c.type, token.c.id).in_(_resources_of)),
    delete(resource).where(_theirs(resource)),
    delete(taking_part).where(_theirs(taking_part)),
    delete(about_person).where(_theirs(about_person)),
    delete(outbox).where(_theirs(outbox)),
    delete(worklist).where(_theirs(worklist)),
    delete(unreadable).where(_theirs(unreadable)),
    delete(referral).where(referral.c.correlation_id.in_(_of_referrals)),
)
"""Take out some referrals, with everything kept about them but evidence, keys and receipts."""

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
