"""The first tables: referral, evidence, inbox, outbox, resource, token, meta.

Written out, not taken from `schema.py`: that is the present, this is the past.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, and the head of the empty chain."""
    _referral()
    _evidence()
    _inbox()
    _outbox()
    _resource()
    meta = op.create_table(
        "meta",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )
    op.bulk_insert(meta, [{"key": "chain-head", "value": f"0 {'0' * 64}"}])


def _referral() -> None:
    op.create_table(
        "referral",
        sa.Column("correlation_id", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("next_due", sa.BigInteger()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("referral_by_due", "referral", ["next_due", "correlation_id"])
    op.create_index("referral_by_changed", "referral", ["changed", "correlation_id"])
    op.create_index("referral_by_state", "referral", ["state", "changed", "correlation_id"])


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("number", _COUNTER, primary_key=True, autoincrement=False),
        sa.Column("correlation_id", sa.String(64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("evidence_by_referral", "evidence", ["correlation_id", "number"])


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("digest", sa.String(255), nullable=False),
        sa.Column("reply", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("sequence", _COUNTER, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("correlation_id", sa.String(64), nullable=False),
        sa.Column("lane", sa.String(64), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("leased_by", sa.String(255)),
        sa.Column("content", sa.LargeBinary()),
        sa.Column("content_type", sa.String(255)),
        sa.Column("last_error", sa.Text()),
        sa.Column("sent_at", sa.BigInteger()),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_by_due", "outbox", ["status", "due", "sequence"])
    op.create_index("outbox_by_status", "outbox", ["status", "sequence"])
    op.create_index("outbox_by_lane", "outbox", ["correlation_id", "lane", "status", "sequence"])


def _resource() -> None:
    op.create_table(
        "resource",
        sa.Column("type", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("correlation_id", sa.String(64)),
    )
    op.create_index("resource_by_updated", "resource", ["type", "current", "updated", "id"])
    op.create_index("resource_by_referral", "resource", ["correlation_id", "type", "current", "updated", "id"])
    op.create_table(
        "token",
        sa.Column("type", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.String(512), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
    )
    op.create_index("token_by_resource", "token", ["type", "id"])
