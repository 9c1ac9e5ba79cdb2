"""Every statement that the store runs, by name, with one line of purpose each.

Parameters are named: `keep`, `names` and the like are lists. No statement is put together from a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, exists, func, insert, null, or_, select, update
from sqlalchemy.dialects import postgresql

from ip_fhir.domain.referral import State
from ip_fhir.domain.values.aggregate import REFERRAL
from ip_fhir.store.damage.exclusion import set_aside
from ip_fhir.store.schema import evidence, inbox, meta, outbox, proof, referral, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column, ColumnElement, Insert, Select, Table

ENDED: Final = (State.CLOSED, State.CANCELLED, State.WITHDRAWN, State.REJECTED)
"""The states in which neither side has anything more to do."""

UNSENT: Final = ("waiting", "awaiting", "parked", "held")
_UNDER_WAY: Final = ("waiting", "awaiting")


def one_of(column: Column[str], values: Sequence[str]) -> ColumnElement[bool]:
    """A test that a column has one of a few constant values; a list parameter would be expanded on each call."""
    return or_(*(column == value for value in values))


def insert_unless(table: Table, *there: ColumnElement[bool], leave_out: Sequence[str] = ()) -> Insert:
    """Insert a row, with a parameter for each column, unless there is a row for which one of `there` holds."""
    columns = [column for column in table.c if column.name not in leave_out]
    row = select(*(bindparam(column.name, type_=column.type) for column in columns))
    added = insert(table).from_select(columns, row.where(*(~exists().where(one) for one in there)))
    return added.execution_options(preserve_rowcount=True)


def insert_new(table: Table, key: str, leave_out: Sequence[str] = ()) -> Insert:
    """Insert a row, with a parameter for each column, unless there is one with the same unique `key`.

    Takes two thirds of `insert_unless`, since nothing is looked for first. SQLite has PostgreSQL's words for it.
    """
    row = {column.name: bindparam(column.name, type_=column.type) for column in table.c if column.name not in leave_out}
    added = postgresql.insert(table).inline().values(row).on_conflict_do_nothing(index_elements=[key])
    return added.execution_options(preserve_rowcount=True)


# --- proofs of possession

ADD_PROOF: Final = insert_new(proof, "digest")
"""A proof that was shown; adds nothing when it was shown before."""

FORGET_PROOFS: Final = delete(proof).where(proof.c.until < bindparam("now"))
"""Deletes the proofs whose time is over."""

# --- inbox

SEEN: Final = select(inbox.c.key, inbox.c.digest, inbox.c.reply).where(inbox.c.key == bindparam("key"))
"""The message taken in under a key."""

REMEMBER: Final = insert(inbox)
"""Keep a key; the primary key refuses a second one."""

_this_refusal = and_(
    refusal.c.peer == bindparam("peer"), refusal.c.digest == bindparam("digest"), refusal.c.code == bindparam("code")
)

REFUSED_AGAIN: Final = (
    update(refusal)
    .where(
        refusal.c.peer == bindparam("of_peer"),
        refusal.c.digest == bindparam("of_digest"),
        refusal.c.code == bindparam("of_code"),
    )
    .values(times=refusal.c.times + 1, last=bindparam("now"))
)
"""The same message was refused again, for the same reason."""

ADD_REFUSAL: Final = insert_unless(refusal, _this_refusal)
"""A message that was not taken in; adds nothing when it is there."""

REFUSALS: Final = select(refusal).order_by(refusal.c.last.desc(), refusal.c.digest).limit(bindparam("at_most"))
"""Messages that were not taken in, latest first."""

COUNT_REFUSALS: Final = select(
    func.count().label("number"), func.coalesce(func.sum(refusal.c.times), 0).label("times")
).select_from(refusal)
"""The number of different messages that were not taken in, and how often that was."""

_of_peer = select(refusal.c.digest).where(refusal.c.peer == bindparam("of_peer")).limit(bindparam("at_most"))

COUNT_REFUSALS_OF: Final = select(func.count()).select_from(_of_peer.subquery())
"""The number of one peer's records, counted no further than `at_most`."""

# --- referral

_COUNTED: Final = ("waits_since", "overdue")

LOAD: Final = select(referral.c.correlation_id, referral.c.body, referral.c.revision).where(
    referral.c.correlation_id == bindparam("correlation_id")
)
"""One referral."""

ADD_REFERRAL: Final = insert_new(referral, "correlation_id")
"""A new referral; adds nothing when it is there."""

CHANGE_REFERRAL: Final = (
    update(referral)
    .where(referral.c.correlation_id == bindparam("of"), referral.c.revision == bindparam("based_on"))
    .values({name: bindparam(name) for name in ("role", "state", "changed", "next_due", "body", "revision", *_COUNTED)})
)
"""A referral's next revision; matches nothing when another was first."""

DUE_TIMERS: Final = (
    select(referral.c.correlation_id)
    .where(referral.c.next_due <= bindparam("now"), ~set_aside("referral", referral.c.correlation_id))
    .order_by(referral.c.next_due, referral.c.correlation_id)
    .limit(bindparam("at_most"))
)
"""Referrals whose first timer is due; without those that cannot be read, until they are taken up again."""

COUNT_LOOPS: Final = select(
    referral.c.state, referral.c.overdue, func.count().label("number"), func.min(referral.c.waits_since).label("since")
).group_by(referral.c.state, referral.c.overdue)
"""Referrals by state, those over the deadline apart, and since when the first of each waits."""

PLACE_IN_LIST: Final = select(referral.c.changed).where(referral.c.correlation_id == bindparam("correlation_id"))
"""A referral's place in the list, for the page after it."""


def list_referrals(*, some_states: bool, after: bool) -> Select[tuple[str, str]]:
    """Referrals, latest changed first: parameters `at_most`, with `states` and `changed`, `last` where asked for."""
    found = select(referral.c.correlation_id, referral.c.body)
    if some_states:
        found = found.where(referral.c.state.in_(bindparam("states", expanding=True)))
    if after:
        earlier = referral.c.changed < bindparam("changed")
        same = and_(referral.c.changed == bindparam("changed"), referral.c.correlation_id < bindparam("last"))
        found = found.where(or_(earlier, same))
    latest_first = (referral.c.changed.desc(), referral.c.correlation_id.desc())
    return found.order_by(*latest_first).limit(bindparam("at_most"))


# --- evidence

HEAD: Final = select(meta.c.value).where(meta.c.key == "chain-head").with_for_update()
"""The end of the chain, held until commit where a database has several writers."""

MOVE_NOTHING: Final = update(meta).where(meta.c.key == "chain-head").values(value=meta.c.value)
"""Writes and changes nothing: with SQLite it takes the lock."""

RECORD_HASH: Final = select(evidence.c.hash).where(evidence.c.number == bindparam("of_number"))
"""The hash of one record of evidence."""

READ_HEAD: Final = select(meta.c.value).where(meta.c.key == "chain-head")
"""The end of the chain."""

MOVE_HEAD: Final = update(meta).where(meta.c.key == "chain-head").values(value=bindparam("head"))
"""Sets a new end of the chain."""

ADD_EVIDENCE: Final = insert(evidence).values(
    {column.name: bindparam(column.name) for column in evidence.c if column.name not in ("digest", "purged_at")}
)
"""A link of the chain."""

CHAIN: Final = select(evidence).order_by(evidence.c.number)
"""The chain in order."""

_with_words = CHAIN.where(evidence.c.purged_at.is_(None))
_of_aggregate = and_(evidence.c.aggregate_kind == bindparam("of_kind"), evidence.c.aggregate_id == bindparam("of_id"))

WORDS: Final = _with_words.where(evidence.c.aggregate_kind == REFERRAL)
"""The referrals' records that have their words, in order."""

CHAIN_OF_AGGREGATE: Final = _with_words.where(_of_aggregate)
"""The records of one aggregate (a referral or another kind) that have their words, in order."""

_other = evidence.alias("other")
_same_referral = and_(
    _other.c.aggregate_kind == evidence.c.aggregate_kind,
    _other.c.aggregate_id == evidence.c.aggregate_id,
    _other.c.purged_at.is_(None),
)
_kept_before = exists().where(_same_referral, _other.c.number < evidence.c.number)
_opened_after = exists().where(
    _same_referral, _other.c.number > evidence.c.number, _other.c.body.contains('"before":null', autoescape=True)
)
_referral_is_kept = exists().where(
    evidence.c.aggregate_kind == REFERRAL, referral.c.correlation_id == evidence.c.aggregate_id
)

WRONGLY_PURGED: Final = (
    select(evidence.c.number)
    .where(evidence.c.purged_at.is_not(None), or_(_kept_before, and_(_referral_is_kept, ~_opened_after)))
    .order_by(evidence.c.number)
)
"""Records that lost their words, but not by a purge: that removes all words of a referral, and the referral itself."""

# --- outbox

_by_row_id: ColumnElement[bool] = outbox.c.id == bindparam("row_id")
_LEASE: Final = ("lease_until", "leased_by")
_HANDED: Final = ("handovers", "handed_over")
READ: Final = [c for c in outbox.c if c.name not in ("lane", "sent_at", "plan_message", "about", *_LEASE)]
_no_lease = {"lease_until": null(), "leased_by": null()}

ENQUEUE: Final = insert_new(outbox, "id", leave_out=("sequence", *_LEASE, "sent_at", *_HANDED))
"""A new row, after those that are there; adds nothing when its id is there."""

ROW: Final = select(*READ).where(_by_row_id)
"""One outbox row."""

_rows = select(*READ).order_by(outbox.c.sequence).limit(bindparam("at_most"))
_in_status = outbox.c.status == bindparam("in_status")
_behind = outbox.c.sequence > bindparam("behind")

LIST_ROWS: Final = {
    (of_status, behind): _rows.where(*([_in_status] if of_status else []), *([_behind] if behind else []))
    for of_status in (True, False)
    for behind in (True, False)
}
"""Rows, oldest first; the keys say if only those of one status, and if only those behind a sequence number."""

PLACE_OF_ROW: Final = select(outbox.c.sequence).where(outbox.c.id == bindparam("row_id"))
"""A row's place in the list, for the page after it."""

KEEP_CONTENT: Final = (
    update(outbox)
    .where(_by_row_id, outbox.c.content.is_(None))
    .values(content=bindparam("new_content"), content_type=bindparam("new_type"))
    .returning(*READ)
)
"""The bytes of the first attempt; matches nothing when some are kept already."""

FINISH: Final = (
    update(outbox).where(_by_row_id).values(status="sent", sent_at=bindparam("now"), last_error=null(), **_no_lease)
)
"""The row is sent."""

TRY_AGAIN: Final = (
    update(outbox)
    .where(_by_row_id, one_of(outbox.c.status, _UNDER_WAY))
    .values(status="waiting", due=bindparam("next_try"), last_error=bindparam("reason"), **_no_lease)
)
"""An attempt failed; another comes."""

PARK: Final = (
    update(outbox)
    .where(_by_row_id, one_of(outbox.c.status, (*_UNDER_WAY, "held")))
    .values(status="parked", last_error=bindparam("reason"), **_no_lease)
)
"""An attempt failed; a person must look."""

_still_theirs = outbox.c.claim == bindparam("of_claim")

CLAIMED: Final = {statement: statement.where(_still_theirs) for statement in (TRY_AGAIN, PARK)}
"""The two above for a row that is claimed: only if nobody else has claimed it since."""

HOLD_ROW: Final = (
    update(outbox)
    .where(_by_row_id, outbox.c.status == "waiting", _still_theirs)
    .values(status="held", last_error=bindparam("reason"), **_no_lease)
)
"""A claimed row waits for a person's yes."""

HAND_OVER: Final = (
    update(outbox)
    .where(_by_row_id, outbox.c.status == "waiting", _still_theirs)
    .values(
        status="awaiting",
        due=bindparam("receipt_due"),
        handed_over=bindparam("now"),
        handovers=outbox.c.handovers + 1,
        last_error=null(),
        **_no_lease,
    )
)
"""A claimed row was handed over, and its receipt is awaited."""

OVERDUE_RECEIPTS: Final = (
    select(*READ)
    .where(
        outbox.c.status == "awaiting",
        outbox.c.due <= bindparam("now"),
        ~set_aside("outbox", outbox.c.sequence),
    )
    .order_by(outbox.c.due, outbox.c.sequence)
    .limit(bindparam("at_most"))
)
"""Rows whose receipt should have come."""

GIVE_BACK: Final = (
    update(outbox)
    .where(_by_row_id, outbox.c.status == "waiting", outbox.c.claim == bindparam("of_claim"))
    .values(attempts=outbox.c.attempts - 1, **_no_lease)
)
"""A claimed row was not tried after all."""

COUNT_ROWS: Final = select(outbox.c.status, func.count().label("number")).group_by(outbox.c.status)
"""Outbox rows by status."""

MOST_ATTEMPTS: Final = select(func.max(outbox.c.attempts)).where(outbox.c.status == "waiting")
"""The most attempts of a waiting row."""

REFUSE: Final = (
    update(outbox)
    .where(_by_row_id, one_of(outbox.c.status, UNSENT))
    .values(status="refused", last_error=bindparam("reason"), **_no_lease)
)
"""The row will not be sent."""

DROP: Final = (
    update(outbox)
    .where(
        outbox.c.aggregate_kind == bindparam("of_kind"),
        outbox.c.aggregate_id == bindparam("of_id"),
        one_of(outbox.c.status, UNSENT),
        outbox.c.id.not_in(bindparam("keep", expanding=True)),
    )
    .values(status="refused", last_error=bindparam("reason"), **_no_lease)
    .returning(outbox.c.id)
)
"""None of an aggregate's unsent rows will be sent, but for some; returns the ids of those."""

REVIVE: Final = (
    update(outbox)
    .where(_by_row_id, one_of(outbox.c.status, ("parked", "held", "sent")))
    .values(status="waiting", due=bindparam("now"), attempts=0, handovers=0, sent_at=null(), **_no_lease)
)
"""A row that was parked, held or sent is due again."""

_could_be_sooner = and_(outbox.c.status == "waiting", outbox.c.due > bindparam("now"))

HURRY: Final = (
    update(outbox)
    .where(_by_row_id, or_(outbox.c.status == "awaiting", _could_be_sooner))
    .values(status="waiting", due=bindparam("now"), attempts=0)
)
"""A waiting or awaiting row is due now. Its handovers stay counted: that is how often no receipt came."""
