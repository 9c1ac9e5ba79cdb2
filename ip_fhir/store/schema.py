"""The tables as they are today; `migrations/` creates them step by step, and a test compares the two.

Times are integers: microseconds since 1970 in UTC, so that they compare the same in every database. JSON is text,
written once and read back byte for byte: the hash chain covers it.

A database holds secrets: persons' data, and in the body of `plan` the key of each share, from which the ids of its
views are made. Who has the key can tell which item of the plan an id stands for. In `subscription` are the
credentials that clients gave us for the addresses that they want notified.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

from ip_fhir.domain.values.aggregate import REFERRAL

VERSION: Final = "0017"
"""The migration that these tables agree with."""

KEY_LENGTH: Final = 255
TOKEN_LENGTH: Final = 512
_ID_LENGTH: Final = 64  # a FHIR id, which all our ids are

_Instant = BigInteger
_Counter = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER

metadata = MetaData()


def _aggregate_kind() -> Column[str]:
    """The kind of what a row belongs to; `aggregate_id` is its id. Rows from before there were kinds are referrals'."""
    return Column("aggregate_kind", String(_ID_LENGTH), nullable=False, server_default=REFERRAL)


def _one_open(name: str, which: str, *more: str) -> Index:
    """One open worklist item for each aggregate and reason; two, since a unique index takes no nulls for the same."""
    where = text(f"closed = 0 AND {which}")
    columns = ("aggregate_kind", "aggregate_id", "reason", *more)
    return Index(name, *columns, unique=True, sqlite_where=where, postgresql_where=where)


referral = Table(
    "referral",
    metadata,
    Column("correlation_id", String(_ID_LENGTH), primary_key=True),
    Column("role", String(_ID_LENGTH), nullable=False),
    Column("state", String(_ID_LENGTH), nullable=False),
    Column("changed", _Instant, nullable=False),
    Column("next_due", _Instant),
    Column("revision", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("waits_since", _Instant),
    Column("overdue", Integer, nullable=False, server_default="0"),
    Index("referral_by_due", "next_due", "correlation_id"),
    Index("referral_by_changed", "changed", "correlation_id"),
    Index("referral_by_state", "state", "changed", "correlation_id"),
    Index("referral_by_wait", "state", "overdue", "waits_since"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("number", _Counter, primary_key=True, autoincrement=False),
    Column("aggregate_id", String(_ID_LENGTH), nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", String(_ID_LENGTH), nullable=False),
    Column("hash", String(_ID_LENGTH), nullable=False),
    Column("digest", String(_ID_LENGTH)),  # of the record's words, where they were taken out
    Column("purged_at", _Instant),
    _aggregate_kind(),
    Column("wrote", Text),  # digests of what its commit wrote, see `integrity.digests`
    Index("evidence_by_aggregate", "aggregate_id", "aggregate_kind", "number"),
    Index("evidence_by_purge", "purged_at"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("key", String(KEY_LENGTH), primary_key=True),
    Column("digest", String(KEY_LENGTH), nullable=False),
    Column("reply", LargeBinary, nullable=False),
    Column("at", _Instant, nullable=False),
)

refusal = Table(
    "refusal",
    metadata,
    Column("peer", String(KEY_LENGTH), primary_key=True),
    Column("digest", String(KEY_LENGTH), primary_key=True),
    Column("code", String(_ID_LENGTH), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("message_id", String(_ID_LENGTH)),
    Column("first", _Instant, nullable=False),
    Column("last", _Instant, nullable=False),
    Column("times", Integer, nullable=False),
    Index("refusal_by_last", "last"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("sequence", _Counter, primary_key=True),
    Column("id", String(_ID_LENGTH), nullable=False, unique=True),
    Column("aggregate_id", String(_ID_LENGTH), nullable=False),
    Column("lane", String(_ID_LENGTH), nullable=False),
    Column("effect", Text, nullable=False),
    Column("due", _Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claim", Integer, nullable=False),
    Column("status", String(_ID_LENGTH), nullable=False),
    Column("lease_until", _Instant),
    Column("leased_by", String(KEY_LENGTH)),
    Column("content", LargeBinary),
    Column("content_type", String(KEY_LENGTH)),
    Column("last_error", Text),
    Column("sent_at", _Instant),
    _aggregate_kind(),
    Column("handovers", Integer, nullable=False, server_default="0"),
    Column("handed_over", _Instant),
    Column("peer", String(_ID_LENGTH)),
    Column("plan_message", String(_ID_LENGTH)),  # the kind of a message about a plan
    Column("about", String(_ID_LENGTH)),  # the share, change, … that it is about
    Index("outbox_by_due", "status", "due", "sequence", "peer"),
    Index("outbox_by_status", "status", "sequence"),
    Index("outbox_by_lane", "aggregate_id", "aggregate_kind", "lane", "status", "sequence"),
    Index(
        "outbox_by_about",
        "aggregate_id",
        "aggregate_kind",
        "about",
        "status",
        sqlite_where=text("about IS NOT NULL"),
        postgresql_where=text("about IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

resource = Table(
    "resource",
    metadata,
    Column("type", String(_ID_LENGTH), primary_key=True),
    Column("id", String(_ID_LENGTH), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("current", Boolean, nullable=False),
    Column("body", Text, nullable=False),
    Column("updated", _Instant, nullable=False),
    Column("aggregate_id", String(_ID_LENGTH)),
    _aggregate_kind(),
    Index("resource_by_aggregate", "aggregate_kind", "aggregate_id", "type", "current", "id"),
)

taking_part = Table(
    "taking_part",
    metadata,
    Column("basis", String(_ID_LENGTH), primary_key=True),  # of the settings by which the party was found
    Column("party", String(KEY_LENGTH), primary_key=True),  # empty where the aggregate concerns no party
    Column("aggregate_kind", String(_ID_LENGTH), primary_key=True),
    Column("aggregate_id", String(_ID_LENGTH), primary_key=True),
    Index("taking_part_by_aggregate", "aggregate_kind", "aggregate_id"),
    sqlite_with_rowid=False,
)

about_person = Table(
    "about_person",
    metadata,
    Column("person", String(_ID_LENGTH), primary_key=True),  # the person's number
    Column("aggregate_kind", String(_ID_LENGTH), primary_key=True),
    Column("aggregate_id", String(_ID_LENGTH), primary_key=True),
    Index("about_person_by_aggregate", "aggregate_kind", "aggregate_id"),
    sqlite_with_rowid=False,
)

other_id = Table(
    "other_id",
    metadata,
    Column("party", String(KEY_LENGTH), primary_key=True),  # whom the id was exchanged with
    Column("kind", String(_ID_LENGTH), primary_key=True),  # message, referral or conversation
    Column("value", String(KEY_LENGTH), primary_key=True),
    Column("stands_for", String(_ID_LENGTH), nullable=False),  # our own id: of a message or a referral
    Column("aggregate_kind", String(_ID_LENGTH), nullable=False),
    Column("aggregate_id", String(_ID_LENGTH), nullable=False),
    Index("other_id_by_aggregate", "aggregate_kind", "aggregate_id"),
)

plan = Table(
    "plan",
    metadata,
    Column("id", String(_ID_LENGTH), primary_key=True),
    Column("side", String(_ID_LENGTH), nullable=False),
    Column("changed", _Instant, nullable=False),
    Column("next_due", _Instant),
    Column("over", Integer, nullable=False),
    Column("version", Integer),  # of the newest version; none at a participant
    Column("revision", Integer, nullable=False),
    Column("body", Text, nullable=False),  # without the plan itself, which is the newest version
    Column("settled_by", String(_ID_LENGTH)),  # of the settings by which its shares were decided; none if it has none
    Column("settled_since", _Instant),
    Index("plan_by_settings", "settled_by", "side", "over"),
    Index("plan_by_due", "next_due", "id"),
    Index("plan_by_changed", "changed", "id"),
    Index("plan_by_side", "side", "changed", "id"),
)

plan_version = Table(
    "plan_version",
    metadata,
    Column("plan_id", String(_ID_LENGTH), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(_ID_LENGTH), nullable=False),  # the SHA-256 of `body`
    Column("saved", _Instant, nullable=False),
    Column("saved_by", Text),
    Column("body", Text, nullable=False),
    Index("plan_version_by_saved", "saved", "plan_id"),
)

plan_view = Table(
    "plan_view",
    metadata,
    Column("share", String(_ID_LENGTH), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("plan_id", String(_ID_LENGTH), nullable=False),
    Column("version", Integer, nullable=False),
    Column("day", String(_ID_LENGTH), nullable=False),  # Norwegian day, 2026-01-31
    Column("digest", String(_ID_LENGTH), nullable=False),
    Index("plan_view_by_plan", "plan_id"),
)

plan_name = Table(
    "plan_name",
    metadata,
    Column("kind", String(_ID_LENGTH), primary_key=True),  # `ports.plans.NameKind`
    Column("id", String(_ID_LENGTH), primary_key=True),
    Column("plan_id", String(_ID_LENGTH), nullable=False),
    Index("plan_name_by_plan", "plan_id"),
)

given_id = Table(  # follows from the shares' books in `plan`
    "given_id",
    metadata,
    Column("party", String(KEY_LENGTH), primary_key=True),  # who gave the id to what it added
    Column("id", String(_ID_LENGTH), primary_key=True),
    Column("plan_id", String(_ID_LENGTH), primary_key=True),
    Index("given_id_by_plan", "plan_id"),
    sqlite_with_rowid=False,
)

reading = Table(
    "reading",
    metadata,
    Column("number", _Counter, primary_key=True, autoincrement=False),
    Column("party", String(KEY_LENGTH), nullable=False),
    Column("at", _Instant, nullable=False),
    Column("way", String(_ID_LENGTH), nullable=False),
    Column("type", String(_ID_LENGTH), nullable=False),
    Column("id", String(_ID_LENGTH), nullable=False),
    Column("version", Integer, nullable=False),
    Column("aggregate_kind", String(_ID_LENGTH), nullable=False),
    Column("aggregate_id", String(_ID_LENGTH), nullable=False),
    Column("criteria", Text, nullable=False),  # names of search parameters, never their values
    Column("ground", String(_ID_LENGTH), nullable=False),
    Column("client", String(KEY_LENGTH), nullable=False, server_default=""),  # last: see `store.readings.log.digest_of`
    Index("reading_by_aggregate", "aggregate_kind", "aggregate_id", "number"),
)

reading_count = Table(
    "reading_count",
    metadata,
    Column("party", String(KEY_LENGTH), primary_key=True),
    Column("hour", _Instant, primary_key=True),
    Column("outcome", String(_ID_LENGTH), primary_key=True),
    Column("times", Integer, nullable=False),
    Index("reading_count_by_hour", "hour"),
)

proof = Table(
    "proof",
    metadata,
    Column("digest", String(_ID_LENGTH), primary_key=True),
    Column("until", _Instant, nullable=False),
    Index("proof_by_until", "until"),
)

token = Table(
    "token",
    metadata,
    Column("type", String(_ID_LENGTH), primary_key=True),
    Column("name", String(_ID_LENGTH), primary_key=True),
    Column("value", String(TOKEN_LENGTH), primary_key=True),
    Column("id", String(_ID_LENGTH), primary_key=True),
    Index("token_by_resource", "type", "id"),
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", String(_ID_LENGTH), primary_key=True),
    Column("client", String(KEY_LENGTH), nullable=False),  # the name of the party or carrier that made it
    Column("type", String(_ID_LENGTH), nullable=False),
    Column("criteria", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("payload", Boolean, nullable=False),
    Column("secret", Text),  # the value of the header Authorization
    Column("body", Text, nullable=False),
    Column("updated", _Instant, nullable=False),
    Column("ends", _Instant),
    Column("revision", Integer, nullable=False),
    Column("status", String(_ID_LENGTH), nullable=False),
    Column("error", Text),
    Column("place", _Counter, nullable=False, autoincrement=False),  # the evidence that it has been told of
    Column("failures", Integer, nullable=False),
    Column("next_try", _Instant, nullable=False),
    Column("lease_until", _Instant),
    Column("claim", Integer, nullable=False),
    Index("subscription_by_client", "client", "id"),
    Index("subscription_by_status", "status", "next_try"),
)

worklist = Table(
    "worklist",
    metadata,
    Column("id", String(_ID_LENGTH), primary_key=True),
    Column("aggregate_kind", String(_ID_LENGTH), nullable=False),
    Column("aggregate_id", String(_ID_LENGTH), nullable=False),
    Column("reason", String(_ID_LENGTH), nullable=False),
    Column("opened", _Instant, nullable=False),
    Column("closed", Integer, nullable=False),  # 0 while it is open; open ones come first in the index
    Column("body", Text, nullable=False),  # the item as it was opened
    Column("done", _Instant),
    Column("done_by", Text),
    Column("note", Text),
    Column("about", String(_ID_LENGTH)),  # the share, change, … that it is about
    Index("worklist_by_closed", "closed", "opened", "id"),
    _one_open("worklist_open", "about IS NULL"),
    _one_open("worklist_open_about", "about IS NOT NULL", "about"),
    Index("worklist_by_aggregate", "aggregate_id", "aggregate_kind", "closed", "opened", "id"),
)

telling = Table(
    "telling",
    metadata,
    Column("recipient", String(_ID_LENGTH), primary_key=True),
    Column("number", _Counter, primary_key=True, autoincrement=False),  # from 1, of the rows to this recipient
    Column("row_id", String(_ID_LENGTH), nullable=False),
    Index("telling_by_row", "row_id"),
    sqlite_with_rowid=False,
)

unreadable = Table(
    "unreadable",
    metadata,
    Column("kind", String(_ID_LENGTH), primary_key=True),  # the name of the table that the row is in
    Column("key", String(KEY_LENGTH), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("aggregate_kind", String(_ID_LENGTH)),
    Column("aggregate_id", String(_ID_LENGTH)),
    Column("first", _Instant, nullable=False),
    Column("last", _Instant, nullable=False),
    Column("times", Integer, nullable=False),
    Column("told", _Instant),  # when our own people were told
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(_ID_LENGTH), primary_key=True),
    Column("value", Text, nullable=False),
)
