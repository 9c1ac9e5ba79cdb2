"""What runs often looks things up by an index: it costs the same with a million open referrals as with ten."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from ip_fhir.store import SqlStore
from ip_fhir.testing.store_samples import MINUTE, NOON, append, enqueue, everything, outbox_row, referral, task

Use = Callable[[SqlStore], object]


def write(store: SqlStore) -> None:
    """A referral's changes, its rows and resources, from first to last."""
    with store.begin() as transaction:
        everything(transaction)
        transaction.save(referral("r"), 1)
        transaction.put_resource(task("t", 2), 1)
        transaction.drop_waiting("r", "over", ["a"])
    enqueue(store, outbox_row("b"))
    store.claim("one", NOON, MINUTE, 10)
    store.keep_content("a", b"", "text/plain")
    store.failed("a", "why", NOON, claim=1)
    store.failed("a", "why", None, claim=1)
    store.retry("a", NOON)
    store.sent("a", NOON)
    store.refused("b", "why")


CASES: dict[str, tuple[Use, str]] = {
    "due timers": (lambda store: store.due_timers(NOON, 10), "referral_by_due"),
    "referral": (lambda store: store.referral("r"), "sqlite_autoindex_referral_1"),
    "list": (lambda store: store.referrals(), "referral_by_changed"),
    "next page": (lambda store: store.referrals(after="r"), "referral_by_changed"),
    "list in a state": (lambda store: store.referrals(states=["sent"]), "referral_by_state"),
    "claim": (lambda store: store.claim("one", NOON, MINUTE, 10), "outbox_by_due"),
    "claim, by lane": (lambda store: store.claim("one", NOON, MINUTE, 10), "outbox_by_lane"),
    "outbox": (lambda store: store.outbox(), "SCAN outbox"),  # by its key, as far as the limit
    "outbox by status": (lambda store: store.outbox("parked"), "outbox_by_status"),
    "evidence of a referral": (lambda store: store.evidence("r"), "evidence_by_referral"),
    "search by token": (
        lambda store: store.search_resources("Task", {"identifier": "1"}),
        "sqlite_autoindex_token_1",
    ),
    "search by referral": (
        lambda store: store.search_resources("Task", {"correlation": "r"}),
        "resource_by_referral",
    ),
    "search by type": (lambda store: store.search_resources("Task", {}), "resource_by_updated"),
    "write": (write, "outbox_by_lane"),
    "evidence": (lambda store: append(store, "r", "1"), "sqlite_autoindex_meta_1"),
}
SORTED = ("list in a state", "search by token")  # a handful of hits, put in order


def plans(store: SqlStore, use: Use) -> list[str]:
    """How SQLite runs what the store asks it while it is used."""
    ran: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        ran.append((statement, values[0] if many else values))

    event.listen(store._database.engine, "before_cursor_execute", note)
    use(store)
    event.remove(store._database.engine, "before_cursor_execute", note)
    with store._database.reading() as connection:
        explained = [
            connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            for statement, values in ran
            if not statement.startswith("BEGIN")
        ]
    return [row.detail for rows in explained for row in rows]


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    """A store with one of each."""
    with store.begin() as transaction:
        everything(transaction)
    return store


@pytest.mark.parametrize("case", [case for case in CASES if case != "write"])
def test_an_index_is_used(filled: SqlStore, case: str) -> None:
    """The one made for it; and where an order and a limit go together, it gives the order too."""
    use, index = CASES[case]
    steps = plans(filled, use)
    assert any(index in step for step in steps), steps
    assert case in SORTED or not any("TEMP B-TREE" in step for step in steps), steps


def test_no_write_reads_a_table_from_end_to_end(store: SqlStore) -> None:
    """Nothing that a transaction or a report does."""
    steps = plans(store, write)
    assert len(steps) > 20
    assert not any(step.startswith("SCAN") for step in steps), steps
