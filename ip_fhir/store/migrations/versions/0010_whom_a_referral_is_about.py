"""The person whom a referral is about, by number: a second open referral about the same person is found."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_AT_ONCE = 1000
_AFTER = sa.text(
    "SELECT correlation_id, body FROM referral WHERE correlation_id > :after ORDER BY correlation_id LIMIT :n"
)
_ADD = sa.text("INSERT INTO about_person (person, aggregate_kind, aggregate_id) VALUES (:person, 'referral', :id)")


def upgrade() -> None:
    """Make the table, and fill it from the referrals that are there."""
    op.create_table(
        "about_person",
        sa.Column("person", sa.String(64), primary_key=True),
        sa.Column("aggregate_kind", sa.String(64), primary_key=True),
        sa.Column("aggregate_id", sa.String(64), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("about_person_by_aggregate", "about_person", ["aggregate_kind", "aggregate_id"])
    database, after = op.get_bind(), ""
    while rows := database.execute(_AFTER, {"after": after, "n": _AT_ONCE}).all():
        known = [
            {"person": number, "id": row.correlation_id} for row in rows if (number := _number(row.body)) is not None
        ]
        if known:
            database.execute(_ADD, known)
        after = rows[-1].correlation_id


def _number(body: object) -> str | None:
    """The number of the person in a stored referral; None without one, and for a row that cannot be read."""
    try:
        found = json.loads(body)["notice"]["owner"]["identifier"] if isinstance(body, str) else None
    except (ValueError, LookupError, TypeError):
        return None
    return found if isinstance(found, str) and len(found) <= 64 else None
