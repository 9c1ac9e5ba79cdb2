"""Our own people are told of all that waits in one go; a `tell` that fails or hangs takes nothing else with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.exchange import Worker
from ip_fhir.ports import OutboxRow, Receipt
from ip_fhir.store import SqlStore, open_store
from ip_fhir.testing import FakeAdapter
from tests.exchange.sending.test_worker import eventually
from tests.support.many_units import town

ROWS = [f"row-{number:02}" for number in range(12)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """A store with rows for our own people, each about a loop of its own."""
    with closing(open_store(f"sqlite:///{tmp_path}/store.sqlite")) as made:
        with made.begin() as tx:
            tx.enqueue([_row(ident) for ident in ROWS])
        yield made


def _row(ident: str) -> OutboxRow:
    effect = Effect(id=ident, kind=EffectKind.TELL, reason=Reason.NEW_NOTICE)
    return OutboxRow(ident, f"loop-of-{ident}", effect, due=datetime(2026, 1, 1, tzinfo=UTC))


def statuses(store: SqlStore) -> dict[str, str]:
    """The status of each row."""
    return {row.id: row.status for row in store.outbox()}


def test_one_thread_tells_of_all(store: SqlStore) -> None:
    """In the order in which they came, and once each."""
    threads = set[int]()
    made = town(store, {}, tell=lambda _row: threads.add(threading.get_ident()))
    assert made.exchange.run_due().told == len(ROWS)
    assert [row.id for row in made.told] == ROWS
    assert len(threads) == 1
    assert statuses(store) == dict.fromkeys(ROWS, "sent")


def test_one_that_fails_is_tried_again(store: SqlStore) -> None:
    """It alone, and its row says why; the others count as told."""

    def tell(row: OutboxRow) -> None:
        if row.id == ROWS[3]:
            raise ZeroDivisionError

    made = town(store, {}, tell=tell)
    ran = made.exchange.run_due()
    assert (ran.told, ran.again) == (len(ROWS) - 1, 1)
    (row,) = store.outbox("waiting")
    assert (row.id, row.attempts) == (ROWS[3], 1)
    assert "ZeroDivisionError" in (row.last_error or "")


def test_one_that_hangs_holds_up_nobody(store: SqlStore) -> None:
    """Neither those behind it nor what goes to peers; after a stop all that was not begun is due."""
    over = threading.Event()

    def tell(row: OutboxRow) -> None:
        if row.id == ROWS[0]:
            over.wait(30)

    adapter = FakeAdapter(lambda outgoing: Receipt(outgoing.message_id, "ok"), "good", "fhir-message")
    made = town(store, {"good": (adapter, "x://")}, tell=tell, lease=60.0)
    worker = Worker(made.exchange, 0.05)
    worker.start()
    try:
        eventually(lambda: sorted(statuses(store).values()) == ["sent"] * (len(ROWS) - 1) + ["waiting"])
        made.send("good", "1")
        eventually(lambda: made.state("1") == "delivered")
    finally:
        began = time.monotonic()
        assert worker.stop()
        over.set()
    assert time.monotonic() - began < made.exchange.settings.grace


def test_a_stop_gives_back_what_was_not_begun(store: SqlStore) -> None:
    """The row that people are just being told of ends; the others are due for whoever comes next."""
    begun, go_on = threading.Event(), threading.Event()

    def tell(_row: OutboxRow) -> None:
        begun.set()
        go_on.wait(10)

    made = town(store, {}, tell=tell, per_peer=1, grace=10.0)
    worker = Worker(made.exchange, 0.05)
    worker.start()
    assert begun.wait(10)
    threading.Timer(0.2, go_on.set).start()
    assert worker.stop(10)
    assert sorted(statuses(store).values()) == ["sent"] + ["waiting"] * (len(ROWS) - 1)
    assert made.exchange.run_due().told == len(ROWS) - 1
