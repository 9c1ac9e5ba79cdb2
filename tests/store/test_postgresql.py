"""What only a server does: many writers, and going away."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import text

from ip_fhir.errors import Conflict, InvalidInput, StoreError
from ip_fhir.ports import Seen, Transaction
from ip_fhir.store import SqlStore, open_store
from ip_fhir.testing.store_samples import MINUTE, NOON, append, enqueue, outbox_row, record, referral, task
from tests.store.conftest import Opened
from tests.store.places import Place


@pytest.fixture
def place(postgresql: Place) -> Place:
    """On a server only."""
    return postgresql


def test_durability_is_asked_for(place: Place) -> None:
    """A commit is on the disk when it is acknowledged, whatever the server does for others; and patience has an end."""
    name = place.url.rpartition("/")[2]
    place.sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    try:
        with closing(open_store(f"{place.url}?timeout=2.5")) as careful, careful._database.reading() as connection:
            shown = [connection.scalar(text(f"SHOW {setting}")) for setting in ("synchronous_commit", "lock_timeout")]
    finally:
        place.sql(f"ALTER DATABASE {name} RESET synchronous_commit")
    assert shown == ["on", "2500ms"]


def test_two_write_at_the_same_time(opened: Opened) -> None:
    """Two transactions about two referrals: the one that ends first is first in the chain."""
    one, other = opened(), opened()

    def quick() -> None:
        with other.begin() as transaction:
            transaction.save(referral("s"), None)
            transaction.append("s", [record("2")])

    with one.begin() as transaction:
        transaction.save(referral("r"), None)
        transaction.append("r", [record("1")])
        in_another_thread(quick)
    assert [link.correlation_id for link in one.evidence()] == ["s", "r"]
    assert one.verify() == ()


def in_another_thread(work: Callable[[], object]) -> None:
    """Run it there and wait; an error is raised here."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(work).result()


def test_a_writer_that_waits_too_long(store: SqlStore, place: Place) -> None:
    """One who does not let go of the chain in time is a `StoreError` for the next: try again."""
    with closing(open_store(f"{place.url}?timeout=0.2")) as impatient:
        with store.begin() as transaction:
            transaction.append("r", [record("1")])
            transaction.complete()
            with pytest.raises(StoreError, match="LockNotAvailable"):
                append(impatient, "r", "2")
        append(impatient, "r", "3")
    assert [link.record.event.id for link in store.evidence()] == ["1", "3"]


def put_referral(transaction: Transaction) -> None:
    """A new referral."""
    transaction.save(referral("r"), None)


def put_task(transaction: Transaction) -> None:
    """A new resource."""
    transaction.put_resource(task("t"), None)


@pytest.mark.parametrize("put", [put_referral, put_task])
def test_new_for_two(opened: Opened, put: Callable[[Transaction], None]) -> None:
    """Of two who save the same new thing at the same moment, the second is told of the first: `Conflict`."""
    one, other = opened(), opened()
    begun = threading.Event()

    def second() -> None:
        with other.begin() as transaction:
            begun.set()
            put(transaction)

    with ThreadPoolExecutor(1) as threads:
        with one.begin() as transaction:
            put(transaction)
            told = threads.submit(second)
            assert begun.wait(10)
            with pytest.raises(TimeoutError):
                told.result(0.2)
        with pytest.raises(Conflict):
            told.result(10)


def test_a_key_for_two(opened: Opened) -> None:
    """The same message taken in twice at the same moment is remembered once."""
    one, other = opened(), opened()

    def second() -> None:
        with other.begin() as transaction:
            assert transaction.seen("key") is None
            transaction.remember(Seen("key", "b", b""), NOON)

    with ThreadPoolExecutor(1) as threads:
        with one.begin() as transaction:
            transaction.remember(Seen("key", "a", b""), NOON)
            told = threads.submit(second)
            with pytest.raises(TimeoutError):
                told.result(0.2)
        with pytest.raises(StoreError, match="UniqueViolation"):
            told.result(10)
    with one.begin() as transaction:
        assert transaction.seen("key") == Seen("key", "a", b"")


def test_claiming_does_not_wait(opened: Opened) -> None:
    """While one worker is claiming, another gets the rows that are left, at once; those behind them stay behind."""
    one, other = opened(), opened()
    enqueue(one, outbox_row("r1", "r"), outbox_row("r2", "r"), outbox_row("s1", "s"))
    with one.begin() as transaction:
        assert [row.id for row in transaction.claim("one", NOON, MINUTE, 1)] == ["r1"]
        with ThreadPoolExecutor(1) as threads:
            rows = threads.submit(other.claim, "other", NOON, MINUTE, 10).result(5)
        assert [row.id for row in rows] == ["s1"]


def test_what_a_server_cannot_hold(store: SqlStore) -> None:
    """A zero byte in text, an id that is too long: the caller's fault, and nothing is kept."""
    with pytest.raises(InvalidInput, match="DataError"), store.begin() as transaction:
        transaction.remember(Seen("zero\0byte", "digest", b""), NOON)
    with pytest.raises(InvalidInput, match="StringDataRightTruncation"), store.begin() as transaction:
        transaction.put_resource(task("t" * 65), None)
    assert store.search_resources("Task", {}) == []
