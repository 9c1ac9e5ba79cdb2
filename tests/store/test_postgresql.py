"""What only a server does: many writers, and going away."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import text

from ip_fhir.errors import Conflict, InvalidInput, StoreError
from ip_fhir.ports import Seen, Transaction
from ip_fhir.store import SqlStore, open_store, upgrade_store
from ip_fhir.store.claim_statements import claim
from ip_fhir.store.codec import micros
from ip_fhir.testing.store_samples import MINUTE, NOON, append, enqueue, outbox_row, record, referral, task
from tests.store.conftest import Opened
from tests.store.places import Place
from tests.support.postgres import Server


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


def test_a_queue_that_has_grown(server: Server) -> None:
    """Rows that the server has not counted yet: the first twenty come from an index, as does what is before each.

    To sort tens of thousands of rows, and to look through all of them for each, took half a minute.
    """
    place = Place(server.new_database())
    upgrade_store(place.url)
    place.sql("ALTER TABLE outbox SET (autovacuum_enabled = off)")
    place.sql(
        "INSERT INTO outbox (id, aggregate_id, lane, effect, due, attempts, claim, status) "
        "SELECT 'row' || n, 'loop' || n, 'send', '{}', n, 0, 0, 'waiting' FROM generate_series(1, 60000) AS n"
    )
    with closing(open_store(place.url)) as store:
        assert any("Sort" in step for step in plan_of_claim(store, claims=False)), "else this shows nothing"
        steps = plan_of_claim(store, claims=True)
    assert not any("Sort" in step for step in steps), steps
    used = [step.split("using ")[1].split()[0] for step in steps if "Scan using outbox_by" in step]
    assert used == ["outbox_by_due", "outbox_by_lane"]


def plan_of_claim(store: SqlStore, *, claims: bool) -> list[str]:
    """How the server finds what is due, in a transaction in which somebody claims, or not."""
    with store.begin() as transaction:
        if claims:
            assert transaction.claim("one", NOON, MINUTE, 0) == []
        compiled = claim()[0].compile(dialect=transaction._connection.dialect)
        now = micros(NOON)
        values = {**compiled.params, "now": now, "at_most": 20, "until": now, "worker": "one"}
        return [str(row[0]) for row in transaction._connection.exec_driver_sql(f"EXPLAIN {compiled}", values)]


def test_a_plan_is_made_for_what_is_there(store: SqlStore) -> None:
    """However often a statement is run: a plan from when the table was empty would read all of it later."""
    with store.begin() as transaction:
        for _ in range(12):  # a driver keeps a statement from the fifth time, a server its plan from the tenth
            transaction.claim("one", NOON, MINUTE, 1)
        plans = "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements WHERE statement ~ '^WITH'"
        generic, custom = transaction._connection.exec_driver_sql(plans).one()
    assert generic == 0
    assert custom > 0, "else this shows nothing"


def test_what_a_server_cannot_hold(store: SqlStore) -> None:
    """A zero byte in text, an id that is too long: the caller's fault, and nothing is kept."""
    with pytest.raises(InvalidInput, match="DataError"), store.begin() as transaction:
        transaction.remember(Seen("zero\0byte", "digest", b""), NOON)
    with pytest.raises(InvalidInput, match="StringDataRightTruncation"), store.begin() as transaction:
        transaction.put_resource(task("t" * 65), None)
    assert store.search_resources("Task", {}) == []
