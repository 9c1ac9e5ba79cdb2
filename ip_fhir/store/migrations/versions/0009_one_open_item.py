"""One open item on the worklist for each aggregate and reason: of those that are there, the newest stays open.

The earlier ones are closed, by nobody, at the time when the newest was opened. `migrate.upgrade` puts that into the
chain of evidence.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_LATER = """
    later.aggregate_kind = worklist.aggregate_kind AND later.aggregate_id = worklist.aggregate_id
    AND later.reason = worklist.reason AND later.closed = 0
"""
_CLOSE = f"""
    UPDATE worklist SET closed = 1, note = 'a later one is in its place',
        done = (SELECT max(later.opened) FROM worklist AS later WHERE {_LATER})
    WHERE closed = 0 AND EXISTS (
        SELECT 1 FROM worklist AS later WHERE {_LATER} AND (
            later.opened > worklist.opened OR (later.opened = worklist.opened AND later.id > worklist.id)
        )
    )
"""  # noqa: S608 - our own words


def upgrade() -> None:
    """Close the earlier ones, and keep a second one from being opened."""
    op.execute(sa.text(_CLOSE))
    op.create_index(
        "worklist_open",
        "worklist",
        ["aggregate_kind", "aggregate_id", "reason"],
        unique=True,
        sqlite_where=sa.text("closed = 0"),
        postgresql_where=sa.text("closed = 0"),
    )
