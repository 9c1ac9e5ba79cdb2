"""Rows that cannot be read are parked, each with its reason."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Change nothing yet."""
