"""Statements about the rows that cannot be read, and about trying to write. Named as those in `store.statements`."""

from __future__ import annotations

from typing import Final

from sqlalchemy import String, and_, bindparam, cast, delete, func, insert, null, select, type_coerce, update
from sqlalchemy.types import NullType

from ip_fhir.domain.values.aggregate import REFERRAL
from ip_fhir.store.plans import statements as plan_statements
from ip_fhir.store.schema import (
    evidence,
    inbox,
    meta,
    outbox,
    plan,
    plan_name,
    plan_version,
    plan_view,
    referral,
    refusal,
    resource,
    subscription,
    unreadable,
    worklist,
)
from ip_fhir.store.statements import insert_unless

_this = and_(unreadable.c.kind == bindparam("of_kind"), unreadable.c.key == bindparam("of_key"))

MET_AGAIN: Final = (
    update(unreadable).where(_this).values(times=unreadable.c.times + 1, last=bindparam("now"), reason=bindparam("why"))
)
"""The row was met again, and still cannot be read."""

ADD: Final = insert_unless(
    unreadable,
    and_(unreadable.c.kind == bindparam("kind"), unreadable.c.key == bindparam("key")),
    leave_out=("told",),
)
"""A row is set aside; adds nothing when it is already."""

LIST: Final = (
    select(unreadable).order_by(unreadable.c.first, unreadable.c.kind, unreadable.c.key).limit(bindparam("at_most"))
)
"""Rows that are set aside, those met first at the top."""

UNTOLD: Final = LIST.where(unreadable.c.told.is_(None))
"""Rows that are set aside, and of which nobody has been told."""

COUNT: Final = select(func.count()).select_from(unreadable)
"""The number of rows that are set aside."""

TOLD: Final = update(unreadable).where(_this).values(told=bindparam("now"))
"""Somebody has been told of the row."""

RELEASE: Final = delete(unreadable).where(_this)
"""The row is taken up again."""

END_LEASE: Final = (
    update(outbox)
    .where(cast(outbox.c.sequence, String) == bindparam("of_key"), outbox.c.status == "waiting")
    .values(lease_until=null(), leased_by=null())
)
"""Nobody holds an outbox row that waits any longer: it was claimed when it was found to be unreadable."""

EVERY: Final = {
    table.name: select(*(type_coerce(column, NullType()).label(column.name) for column in table.c))
    for table in (
        *(referral, outbox, resource, worklist, refusal, inbox, plan_version, plan_view, plan_name),
        subscription,
    )
}
"""All rows of each table, as the driver gives them."""

EVERY[plan.name] = plan_statements.WHOLE  # with the content of its newest version, which is read with it
EVERY[evidence.name] = select(*(type_coerce(column, NullType()).label(column.name) for column in evidence.c)).where(
    evidence.c.purged_at.is_(None), evidence.c.aggregate_kind == REFERRAL
)

ONE: Final = {
    "referral": EVERY["referral"].where(referral.c.correlation_id == bindparam("of_key")),
    "outbox": EVERY["outbox"].where(cast(outbox.c.sequence, String) == bindparam("of_key")),
    "inbox": EVERY["inbox"].where(inbox.c.key == bindparam("of_key")),
    "worklist": EVERY["worklist"].where(worklist.c.id == bindparam("of_key")),
    "evidence": EVERY["evidence"].where(cast(evidence.c.number, String) == bindparam("of_key")),
    "resource": EVERY["resource"].where(
        resource.c.type + "/" + resource.c.id + "/" + cast(resource.c.version, String) == bindparam("of_key")
    ),
    "refusal": EVERY["refusal"].where(
        refusal.c.peer + "/" + refusal.c.digest + "/" + refusal.c.code == bindparam("of_key")
    ),
    "plan": EVERY["plan"].where(plan.c.id == bindparam("of_key")),
    "plan_version": EVERY["plan_version"].where(
        plan_version.c.plan_id + "/" + cast(plan_version.c.version, String) == bindparam("of_key")
    ),
    "plan_view": EVERY["plan_view"].where(
        plan_view.c.share + "/" + cast(plan_view.c.number, String) == bindparam("of_key")
    ),
    "plan_name": EVERY["plan_name"].where(plan_name.c.kind + "/" + plan_name.c.id == bindparam("of_key")),
    "subscription": EVERY["subscription"].where(subscription.c.id == bindparam("of_key")),
}
"""One row by its key, as `damage.unreadable.key_of` makes it."""

TRIED: Final = update(meta).where(meta.c.key == "tried").values(value=bindparam("at"))
"""A trial of writing: it changes nothing that is read."""

TRY_FIRST: Final = insert(meta).values(key="tried", value=bindparam("at"))
"""The first trial of writing."""
