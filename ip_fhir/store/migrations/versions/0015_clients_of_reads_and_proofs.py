"""The client that read something, and the proofs of possession that were shown, so that none counts twice."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the column, empty for reads before it, and make the table, which is empty."""
    op.add_column("reading", sa.Column("client", sa.String(255), nullable=False, server_default=""))
    op.create_table(
        "proof",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
    op.create_index("proof_by_until", "proof", ["until"])
