"""Columns for counting referrals, and a table of the messages that were not taken in."""

from datetime import datetime, timedelta, timezone

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - as it was written then
_AT_ONCE = 1000
_ENDED = ("draft", "confirmed", "rejected", "cancelled", "withdrawn", "closed")


def upgrade() -> None:
    """Add columns, fill them for the referrals that are there, make the table."""
    op.add_column("referral", sa.Column("waits_since", sa.BigInteger()))
    op.add_column("referral", sa.Column("overdue", sa.Integer(), nullable=False, server_default="0"))
    _fill(op.get_bind())
    op.create_index("referral_by_wait", "referral", ["state", "overdue", "waits_since"])
    op.create_table(
        "refusal",
        sa.Column("peer", sa.String(255), primary_key=True),
        sa.Column("digest", sa.String(255), primary_key=True),
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(64)),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
    )
    op.create_index("refusal_by_last", "refusal", ["last"])


def _fill(connection: sa.Connection) -> None:
    change = sa.text("UPDATE referral SET waits_since = :since, overdue = :overdue WHERE correlation_id = :ident")
    page = sa.text("SELECT correlation_id, body FROM referral WHERE correlation_id > :last ORDER BY 1 LIMIT :most")
    last = ""
    while rows := connection.execute(page, {"last": last, "most": _AT_ONCE}).all():
        connection.execute(change, [{"ident": row.correlation_id, **_counted(row.body)} for row in rows])
        last = rows[-1].correlation_id


def _counted(body: str) -> dict[str, int | None]:
    data = orjson.loads(body)
    state = data["state"]
    if state in _ENDED or (state == "forwarded" and data["role"] == "municipality"):
        return {"since": None, "overdue": 0}
    began = max(datetime.fromisoformat(text) for text in (data["opened"], *data.get("vacancies", ())))
    clocks = [timer["kind"] for timer in (*data.get("timers", ()), *data.get("paused", ()))]
    waits = data.get("delivered") is not None and state not in ("sent", "undelivered")
    overdue = waits and "answer" not in clocks
    return {"since": (began - _EPOCH) // timedelta(microseconds=1), "overdue": int(overdue)}
