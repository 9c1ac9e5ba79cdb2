"""Evidence can lose its words and stay in the chain: when that was, and the digest that the chain covers.

A new column, not a body that may be null: SQLite would have to copy the table for that.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the two columns; they are empty for a record that has its words."""
    op.add_column("evidence", sa.Column("digest", sa.String(64)))
    op.add_column("evidence", sa.Column("purged_at", sa.BigInteger()))
    op.create_index("evidence_by_purge", "evidence", ["purged_at"])
