"""Shared plans: versions, views, and the names by which messages find their plan.

Outbox rows and worklist items name the share or change that they are about, so that those of one share give way to
newer ones, and so that an item is open for each share and reason. Rows that are there are about none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the tables and columns; the index of open items is made anew."""
    _tables()
    op.add_column("outbox", sa.Column("plan_message", sa.String(64)))
    op.add_column("outbox", sa.Column("about", sa.String(64)))
    where = sa.text("about IS NOT NULL")
    found_by = ["aggregate_id", "aggregate_kind", "about", "status"]
    op.create_index("outbox_by_about", "outbox", found_by, sqlite_where=where, postgresql_where=where)
    op.add_column("worklist", sa.Column("about", sa.String(64)))
    op.drop_index("worklist_open")
    _one_open("worklist_open", "closed = 0 AND about IS NULL")
    _one_open("worklist_open_about", "closed = 0 AND about IS NOT NULL", "about")


def _one_open(name: str, which: str, *more: str) -> None:
    columns = ["aggregate_kind", "aggregate_id", "reason", *more]
    where = sa.text(which)
    op.create_index(name, "worklist", columns, unique=True, sqlite_where=where, postgresql_where=where)


def _tables() -> None:
    op.create_table(
        "plan",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("side", sa.String(64), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("next_due", sa.BigInteger()),
        sa.Column("over", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("plan_by_due", "plan", ["next_due", "id"])
    op.create_index("plan_by_changed", "plan", ["changed", "id"])
    op.create_index("plan_by_side", "plan", ["side", "changed", "id"])
    op.create_table(
        "plan_version",
        sa.Column("plan_id", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("saved", sa.BigInteger(), nullable=False),
        sa.Column("saved_by", sa.Text()),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("plan_version_by_saved", "plan_version", ["saved", "plan_id"])
    op.create_table(
        "plan_view",
        sa.Column("share", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("plan_id", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_index("plan_view_by_plan", "plan_view", ["plan_id"])
    op.create_table(
        "plan_name",
        sa.Column("kind", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("plan_id", sa.String(64), nullable=False),
    )
    op.create_index("plan_name_by_plan", "plan_name", ["plan_id"])
