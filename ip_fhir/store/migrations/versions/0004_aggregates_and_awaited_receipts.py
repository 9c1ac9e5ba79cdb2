"""Rows name their aggregate by kind and id, and may await a receipt; the worklist of people is a table.

Columns are renamed and added, never copied: on both databases that takes no longer with many rows than with few. Only
the indices that gain a column are made anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_OF_AGGREGATES = ("outbox", "evidence", "resource")


def upgrade() -> None:
    """Add the columns and the table: rows that are there belong to a referral, and await no receipt."""
    for name in ("evidence_by_referral", "outbox_by_lane", "resource_by_referral"):
        op.drop_index(name)
    for table in _OF_AGGREGATES:
        op.execute(sa.text(f"ALTER TABLE {table} RENAME COLUMN correlation_id TO aggregate_id"))
        op.add_column(table, sa.Column("aggregate_kind", sa.String(64), nullable=False, server_default="referral"))
    op.create_index("evidence_by_aggregate", "evidence", ["aggregate_id", "aggregate_kind", "number"])
    op.create_index("outbox_by_lane", "outbox", ["aggregate_id", "aggregate_kind", "lane", "status", "sequence"])
    found_by = ["aggregate_id", "aggregate_kind", "type", "current", "updated", "id"]
    op.create_index("resource_by_aggregate", "resource", found_by)
    op.add_column("outbox", sa.Column("handovers", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("handed_over", sa.BigInteger()))
    _worklist()


def _worklist() -> None:
    op.create_table(
        "worklist",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("aggregate_kind", sa.String(64), nullable=False),
        sa.Column("aggregate_id", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("done", sa.BigInteger()),
        sa.Column("done_by", sa.Text()),
        sa.Column("note", sa.Text()),
    )
    op.create_index("worklist_by_closed", "worklist", ["closed", "opened", "id"])
    found_by = ["aggregate_id", "aggregate_kind", "closed", "opened", "id"]
    op.create_index("worklist_by_aggregate", "worklist", found_by)
