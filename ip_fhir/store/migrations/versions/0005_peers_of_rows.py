"""An outbox row names the party it goes to, so that the rows of a party that does not answer can be left alone.

A new column, empty in the rows that are there; the index by which rows are claimed gains it, so that the rows of such a
party are passed over without reading them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column, and make the index anew."""
    op.add_column("outbox", sa.Column("peer", sa.String(64)))
    op.drop_index("outbox_by_due")
    op.create_index("outbox_by_due", "outbox", ["status", "due", "sequence", "peer"])
