"""The ids that other systems use for our messages and loops, where their wire cannot carry ours."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the table. It is empty: the wires that were there so far carry our own ids."""
    op.create_table(
        "other_id",
        sa.Column("party", sa.String(255), primary_key=True),
        sa.Column("kind", sa.String(64), primary_key=True),
        sa.Column("value", sa.String(255), primary_key=True),
        sa.Column("stands_for", sa.String(64), nullable=False),
        sa.Column("aggregate_kind", sa.String(64), nullable=False),
        sa.Column("aggregate_id", sa.String(64), nullable=False),
    )
    op.create_index("other_id_by_aggregate", "other_id", ["aggregate_kind", "aggregate_id"])
