# ruff: noqa: PT012 - a transaction's block is what must fail
"""Threads that queue for the one writer of a file share a commit, and each still succeeds or fails by itself."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import cast

import pytest
from sqlalchemy import Connection, event

from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.store import SqlStore
from ip_fhir.store.transaction import SqlTransaction
from ip_fhir.testing.store_samples import append, record, referral
from tests.store.places import Place

Work = Callable[[SqlTransaction], object]


@pytest.fixture
def place(sqlite: Place) -> Place:
    """On a file only: PostgreSQL has many writers."""
    return sqlite


class Queue:
    """Threads that have come to a store one after the other, while its first transaction is held open."""

    def __init__(self, store: SqlStore, pool: ThreadPoolExecutor) -> None:
        self._store, self._pool = store, pool
        self._go = threading.Event()
        self.done: list[str] = []
        self.commits = 0
        event.listen(store._database.engine, "commit", self._committed)

    def _committed(self, connection: Connection) -> None:
        self.commits += "ip_fhir_writes" in connection.get_execution_options()

    def first(self, work: Work) -> Future[None]:
        """Begin the first transaction, which ends when `go` is called."""
        begun = threading.Event()

        def held(transaction: SqlTransaction) -> None:
            begun.set()
            assert self._go.wait(20)
            work(transaction)

        future = self._pool.submit(self._write, "first", held)
        assert begun.wait(20)
        return future

    def then(self, name: str, work: Work) -> Future[None]:
        """Queue another; it is in the queue when this returns."""
        before = waiting(self._store)
        future = self._pool.submit(self._write, name, work)
        until(lambda: waiting(self._store) > before)
        return future

    def go(self) -> None:
        """Let the first one end."""
        self._go.set()

    def _write(self, name: str, work: Work) -> None:
        with self._store.begin() as transaction:
            work(transaction)
        self.done.append(name)


def waiting(store: SqlStore) -> int:
    """How many threads wait for their turn to write."""
    shared = store._database._shared
    assert shared is not None
    return len(shared._waiting)


def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds, for some seconds at most."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def queue(store: SqlStore) -> Iterator[Queue]:
    """A queue on the store, which counts commits."""
    with ThreadPoolExecutor(16) as pool:
        found = Queue(store, pool)
        yield found
        found.go()


def saved(ident: str) -> Work:
    """A referral with its evidence."""

    def work(transaction: SqlTransaction) -> None:
        transaction.save(referral(ident), None)
        transaction.append(ident, [record(ident)])

    return work


def driver(transaction: SqlTransaction) -> sqlite3.Connection:
    """The driver's own connection."""
    found = transaction._connection.connection.dbapi_connection
    return cast("sqlite3.Connection", found)


def there(store: SqlStore) -> list[str]:
    """The referrals that are kept; their evidence agrees with them."""
    assert store.verify() == ()
    kept = sorted(one.correlation_id for one in store.referrals())
    assert kept == sorted(record.correlation_id for record in store.evidence())
    return kept


def test_those_that_queue_are_committed_together(store: SqlStore, queue: Queue) -> None:
    """Ten that came while the first wrote are committed with it, once, in the order they came."""
    futures = [queue.first(saved("first"))]
    futures += [queue.then(f"{number}", saved(f"{number}")) for number in range(10)]
    queue.go()
    for future in futures:
        future.result(20)
    assert queue.commits == 1
    assert there(store) == [*map(str, range(10)), "first"]
    assert [one.correlation_id for one in store.evidence()] == ["first", *map(str, range(10))]


def test_one_that_fails_undoes_its_own_work(store: SqlStore, queue: Queue) -> None:
    """Its error is told, its rows and its evidence are not there, and those before and after it are."""

    def wrong(transaction: SqlTransaction) -> None:
        saved("wrong")(transaction)
        raise InvalidInput.at("here", "is wrong")

    good = [queue.first(saved("first")), queue.then("a", saved("a"))]
    bad = queue.then("wrong", wrong)
    good.append(queue.then("b", saved("b")))
    queue.go()
    for future in good:
        future.result(20)
    with pytest.raises(InvalidInput, match="is wrong"):
        bad.result(20)
    assert there(store) == ["a", "b", "first"]
    assert queue.commits == 1


def test_the_first_that_fails(store: SqlStore, queue: Queue) -> None:
    """Nothing of it is kept; the others are committed together without it."""

    def wrong(transaction: SqlTransaction) -> None:
        saved("first")(transaction)
        raise InvalidInput.at("here", "is wrong")

    bad = queue.first(wrong)
    good = [queue.then(name, saved(name)) for name in ("a", "b")]
    queue.go()
    with pytest.raises(InvalidInput, match="is wrong"):
        bad.result(20)
    for future in good:
        future.result(20)
    assert there(store) == ["a", "b"]
    assert queue.commits == 1


@pytest.mark.promise(2)
def test_nobody_returns_before_the_commit(store: SqlStore, queue: Queue) -> None:
    """While a later member still writes, an earlier one has not returned: nothing is acknowledged that may be lost."""
    inside, end = threading.Event(), threading.Event()

    def slow(transaction: SqlTransaction) -> None:
        saved("slow")(transaction)
        inside.set()
        assert end.wait(20)

    futures = [queue.first(saved("first")), queue.then("slow", slow)]
    queue.go()
    assert inside.wait(20)
    time.sleep(0.05)
    assert queue.done == []
    assert there(store) == []
    end.set()
    for future in futures:
        future.result(20)
    assert there(store) == ["first", "slow"]


def refuse_commits(transaction: SqlTransaction) -> None:
    """Make the database refuse to commit on this connection."""

    def allowed(action: int, what: str | None, *_more: object) -> int:
        refused = action == sqlite3.SQLITE_TRANSACTION and what == "COMMIT"
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

    driver(transaction).set_authorizer(allowed)


@pytest.mark.promise(2)
def test_a_commit_that_fails_fails_all(store: SqlStore, queue: Queue) -> None:
    """Each is told `StoreError`, also the one that had failed by itself, and nothing is kept."""

    def wrong(transaction: SqlTransaction) -> None:
        saved("wrong")(transaction)
        refuse_commits(transaction)
        raise InvalidInput.at("here", "is wrong")

    futures = [queue.first(saved("first")), queue.then("wrong", wrong), queue.then("a", saved("a"))]
    queue.go()
    for future in futures:
        with pytest.raises(StoreError, match="SQLITE_AUTH"):
            future.result(20)
    assert queue.done == []
    store.close()
    assert there(store) == []
    append(store, "r", "1")


@pytest.mark.promise(2)
def test_a_database_that_undoes_all_by_itself(store: SqlStore, queue: Queue) -> None:
    """As it may when the disk is full: then those before have lost theirs too, and are told so."""

    def undone(transaction: SqlTransaction) -> None:
        driver(transaction).execute("ROLLBACK")
        raise InvalidInput.at("here", "is wrong")

    futures = [queue.first(saved("first")), queue.then("undone", undone)]
    after = queue.then("after", saved("after"))
    queue.go()
    for future in futures:
        with pytest.raises(StoreError, match="undone"):
            future.result(20)
    after.result(20)
    assert there(store) == ["after"]


def test_a_database_that_undid_it_before_the_commit(store: SqlStore) -> None:
    """Nothing is said to be committed when there is no transaction any more."""
    with pytest.raises(StoreError, match="undone"), store.begin() as transaction:
        saved("first")(transaction)
        transaction.complete()
        driver(transaction).execute("ROLLBACK")
    assert there(store) == []


def test_at_most_so_many_in_one_commit(store: SqlStore) -> None:
    """A queue that never ends does not keep the first from its answer: a commit is for 64 at most."""
    with ThreadPoolExecutor(80) as pool:
        queue = Queue(store, pool)
        futures = [queue.first(saved("first"))]
        futures += [queue.then(f"{number}", saved(f"{number}")) for number in range(70)]
        queue.go()
        for future in futures:
            future.result(20)
    assert queue.commits == 2
    assert len(store.referrals()) == 71
