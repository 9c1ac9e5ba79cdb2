"""A record of evidence carries digests of what its commit wrote.

Records that are there have none, and verify as before. After the last migration the digests of all rows that are there
are put into the chain (`ip_fhir.store.integrity.baseline`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; it is empty for a record from before."""
    op.add_column("evidence", sa.Column("wrote", sa.Text()))
