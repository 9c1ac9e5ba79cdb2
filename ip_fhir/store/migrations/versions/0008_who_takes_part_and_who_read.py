"""The parties that may read an aggregate, and a log of what was read."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Change nothing yet."""
