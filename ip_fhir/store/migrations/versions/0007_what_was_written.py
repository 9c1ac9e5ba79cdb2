"""A record of evidence carries digests of what its commit wrote."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Change nothing yet."""
