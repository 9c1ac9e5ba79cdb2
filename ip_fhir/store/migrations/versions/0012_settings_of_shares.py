"""The settings by which the shares of a plan were last decided: a plan of other settings is found and decided anew.

Plans that are there have none, so each that is held here is looked at once.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the columns and their index."""
    op.add_column("plan", sa.Column("settled_by", sa.String(64)))
    op.add_column("plan", sa.Column("settled_since", sa.BigInteger()))
    op.create_index("plan_by_settings", "plan", ["settled_by", "side", "over"])
