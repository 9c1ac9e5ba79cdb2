"""An outbox row names the party it goes to."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Change nothing yet."""
