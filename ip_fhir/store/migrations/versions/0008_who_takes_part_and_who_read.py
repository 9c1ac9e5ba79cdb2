"""The parties that may read an aggregate, and a log of what was read.

The parties of the referrals that are there cannot be known here: the settings say it. Each gets a row that says so, and
the exchange works them out when it is opened.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_NOT_WORKED_OUT = """
    INSERT INTO taking_part (basis, party, aggregate_kind, aggregate_id)
    SELECT '', '', 'referral', correlation_id FROM referral
"""


def upgrade() -> None:
    """Make the tables, mark the referrals that are there, and index resources in the order of a search."""
    op.create_table(
        "taking_part",
        sa.Column("basis", sa.String(64), primary_key=True),
        sa.Column("party", sa.String(255), primary_key=True),
        sa.Column("aggregate_kind", sa.String(64), primary_key=True),
        sa.Column("aggregate_id", sa.String(64), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.execute(sa.text(_NOT_WORKED_OUT))
    op.create_index("taking_part_by_aggregate", "taking_part", ["aggregate_kind", "aggregate_id"])
    for name in ("resource_by_updated", "resource_by_aggregate"):
        op.drop_index(name)
    found_by = ["aggregate_kind", "aggregate_id", "type", "current", "id"]
    op.create_index("resource_by_aggregate", "resource", found_by)
    _readings()


def _readings() -> None:
    op.create_table(
        "reading",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("party", sa.String(255), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("way", sa.String(64), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("aggregate_kind", sa.String(64), nullable=False),
        sa.Column("aggregate_id", sa.String(64), nullable=False),
        sa.Column("criteria", sa.Text(), nullable=False),
        sa.Column("ground", sa.String(64), nullable=False),
    )
    op.create_index("reading_by_aggregate", "reading", ["aggregate_kind", "aggregate_id", "number"])
    op.create_table(
        "reading_count",
        sa.Column("party", sa.String(255), primary_key=True),
        sa.Column("hour", sa.BigInteger(), primary_key=True),
        sa.Column("outcome", sa.String(64), primary_key=True),
        sa.Column("times", sa.Integer(), nullable=False),
    )
    op.create_index("reading_count_by_hour", "reading_count", ["hour"])
    op.execute(sa.text("INSERT INTO meta (key, value) VALUES ('readings', '0 0')"))
