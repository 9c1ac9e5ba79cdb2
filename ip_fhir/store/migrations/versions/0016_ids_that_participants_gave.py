"""The ids that participants gave to what they added to shared plans, by which they read it."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_AT_ONCE = 100
_AFTER = sa.text("SELECT id, body FROM plan WHERE id > :after ORDER BY id LIMIT :n")
_ADD = sa.text("INSERT INTO given_id (party, id, plan_id) VALUES (:party, :id, :plan_id)")


def upgrade() -> None:
    """Make the table, and fill it from the plans that are there."""
    op.create_table(
        "given_id",
        sa.Column("party", sa.String(255), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("plan_id", sa.String(64), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("given_id_by_plan", "given_id", ["plan_id"])
    database, after = op.get_bind(), ""
    while rows := database.execute(_AFTER, {"after": after, "n": _AT_ONCE}).all():
        for row in rows:
            if given := [{"party": party, "id": ident, "plan_id": row.id} for party, ident in _given(row.body)]:
                database.execute(_ADD, given)
        after = rows[-1].id


def _given(body: object) -> list[tuple[str, str]]:
    """Party and id of what was added to a stored plan; nothing for a row that cannot be read."""
    try:
        shares = json.loads(body).get("shares", []) if isinstance(body, str) else []
        found = [(str(share["party"]), str(pair["view"])) for share in shares for pair in share.get("book", [])]
    except (ValueError, LookupError, TypeError, AttributeError):
        return []
    return list(dict.fromkeys(found))
