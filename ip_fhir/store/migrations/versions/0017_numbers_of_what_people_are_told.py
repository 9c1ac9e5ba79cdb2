"""The numbers of what each recipient of our own people is told."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the table, which is empty."""
    counter = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "telling",
        sa.Column("recipient", sa.String(64), primary_key=True),
        sa.Column("number", counter, primary_key=True, autoincrement=False),
        sa.Column("row_id", sa.String(64), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("telling_by_row", "telling", ["row_id"])
