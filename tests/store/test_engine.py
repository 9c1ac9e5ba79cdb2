# ruff: noqa: PT012 - a transaction's block is what must fail
"""Opening a store, and what happens when the database, the disk or a caller does something wrong."""

import logging
import sqlite3
import stat
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import event, text

from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.ports import Seen
from ip_fhir.store import SqlStore, open_store
from ip_fhir.store.transaction import SqlTransaction
from ip_fhir.testing.store_samples import (
    MINUTE,
    NOON,
    PERSON,
    append,
    everything,
    outbox_row,
    record,
    referral,
    task,
)
from tests.store.behind import sql
from tests.store.conftest import Opened

URLS = [
    "not a url",
    "",
    "sqlite://",
    "sqlite:///:memory:",
    "sqlite:///file:x?mode=memory&uri=true",
    "mysql://hemmelig:passord@host/name",
    "sqlite:///x.sqlite?timeout=soon",
    "hemmelig:passord",
]


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_cannot_be(url: str) -> None:
    """It is the caller's fault, told without the password."""
    with pytest.raises(InvalidInput) as caught:
        open_store(url)
    assert "passord" not in "".join(traceback.format_exception(caught.value))


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    """A directory that is missing is said to be."""
    with pytest.raises(StoreError, match="No such file or directory"):
        open_store(f"sqlite:///{tmp_path}/missing/store.sqlite")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Refused, and left as it is."""
    file = tmp_path / "plan.json"
    file.write_text('{"this": "is JSON"}' * 100)
    with pytest.raises(StoreError, match="SQLITE_NOTADB"):
        open_store(f"sqlite:///{file}")
    assert file.read_text().startswith('{"this"')


def test_a_file_that_another_holds(tmp_path: Path) -> None:
    """A file that is being used in another way is waited for as long as one said, then `StoreError`."""
    file = tmp_path / "held.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="busy"):
            open_store(f"sqlite:///{file}?timeout=0.1")
    open_store(f"sqlite:///{file}?timeout=0.1").close()


def test_a_server_that_does_not_answer() -> None:
    """PostgreSQL that is not there is a `StoreError`, and the password stays unsaid."""
    with pytest.raises(StoreError, match="OperationalError") as caught:
        open_store("postgresql://nobody:passord@127.0.0.1:9/none?connect_timeout=2")
    assert "passord" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_new_file_is_the_owners_alone(tmp_path: Path, file: Path) -> None:
    """It is full of people's data: nobody else on the machine may read it, nor its side files."""
    with closing(open_store(f"sqlite:///{tmp_path}/new.sqlite")) as store:
        append(store, "r", "1")
        made = [*tmp_path.glob("new.sqlite*")]
        assert len(made) == 3
        assert {stat.S_IMODE(one.stat().st_mode) for one in made} == {0o600}


def test_durability_is_asked_for(store: SqlStore) -> None:
    """Write-ahead log, a full sync at each commit, patience with other writers."""
    with store._database.reading() as connection:
        found = [connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "busy_timeout")]
    assert found == ["wal", 2, 20_000]


def test_readers_do_not_wait_for_the_writer(opened: Opened) -> None:
    """While one writes, others read what was there before."""
    one, other = opened(), opened()
    with one.begin() as transaction:
        everything(transaction)
        assert one.referral("r") is None
        assert other.referral("r") is None
        assert other.verify() == ()
    assert other.referral("r") is not None


def test_a_writer_that_waits_too_long(file: Path, store: SqlStore) -> None:
    """Another process that does not let go in time is a `StoreError`: try again."""
    with (
        closing(open_store(f"sqlite:///{file}?timeout=0.1")) as impatient,
        store.begin(),
        pytest.raises(StoreError, match="SQLITE_BUSY"),
        impatient.begin(),
    ):
        pytest.fail("two write at the same time")


def test_a_thread_that_waits_too_long(file: Path) -> None:
    """Another thread likewise; and one thread cannot begin twice, which would wait for itself."""
    with closing(open_store(f"sqlite:///{file}?timeout=0.1")) as store:
        errors: list[StoreError] = []

        def write() -> None:
            try:
                with store.begin():
                    pytest.fail("two write at the same time")
            except StoreError as error:
                errors.append(error)

        with store.begin():
            thread = threading.Thread(target=write)
            thread.start()
            thread.join()
            with pytest.raises(StoreError, match="open in this thread already"), store.begin():
                pytest.fail("began twice")
        assert "busy" in str(errors[0])
        append(store, "r", "1")


def fill(transaction: SqlTransaction) -> None:
    """Write until the disk is full, which it is soon."""
    pages = transaction._connection.scalar(text("PRAGMA page_count"))
    transaction._connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    for number in range(100):
        transaction.remember(Seen(str(number), "digest", bytes(10_000)), NOON)


def test_a_full_disk(store: SqlStore, file: Path) -> None:
    """Nothing of what did not fit is kept, and when there is room again the store goes on."""
    append(store, "r", "before")
    with pytest.raises(StoreError, match="SQLITE_FULL"), store.begin() as transaction:
        transaction.save(referral("r"), None)
        fill(transaction)
    assert store.referral("r") is None
    assert sql(file, "SELECT count(*) FROM inbox") == [(0,)]
    store.close()
    append(store, "r", "after")
    assert store.verify() == ()


def test_who_goes_on_after_an_error_writes_nothing(store: SqlStore, file: Path) -> None:
    """SQLite may roll back by itself when the disk is full: what came after that would stand alone."""
    with pytest.raises(StoreError, match="nothing of it is kept"), store.begin() as transaction:
        transaction.save(referral("r"), None)
        with suppress(StoreError):
            fill(transaction)
        with suppress(StoreError):
            transaction.remember(Seen("small", "digest", b""), NOON)
        with suppress(StoreError):
            transaction.append("r", [record("1")])
    assert store.referral("r") is None
    assert sql(file, "SELECT count(*) FROM inbox") == [(0,)]
    assert store.evidence() == []


def test_a_damaged_row(store: SqlStore, file: Path) -> None:
    """What can no longer be read is the store's fault, named by type and place, without what stands there."""
    with store.begin() as transaction:
        everything(transaction)
    sql(file, "UPDATE referral SET body = json_remove(body, '$.state')")
    sql(file, "UPDATE outbox SET effect = '{'")
    sql(file, "UPDATE resource SET body = '{'")
    sql(file, "UPDATE evidence SET body = '{}'")
    with pytest.raises(StoreError, match="a stored Referral cannot be read: state"):
        store.referral("r")
    with pytest.raises(StoreError, match="a stored Effect cannot be read"):
        store.outbox()
    with pytest.raises(StoreError, match="a stored Task cannot be read"):
        store.search_resources("Task", {})
    with pytest.raises(StoreError, match="a stored Record cannot be read: event, role, before, after"):
        store.evidence()
    assert [problem.path for problem in store.verify()] == ["evidence.1"]


def test_what_no_database_can_hold(store: SqlStore) -> None:
    """Text that is not Unicode, keys without end, times without zone, bodies that are not JSON: the caller's fault."""
    half = "half \ud83d"
    deep: dict[str, object] = {}
    for _ in range(1000):
        deep = {"item": [deep]}
    with store.begin() as transaction:
        ways: list[Callable[[], object]] = [
            lambda: transaction.remember(Seen("k" * 256, "digest", b""), NOON),
            lambda: transaction.seen(half),
            lambda: transaction.remember(Seen("key", "digest", b""), datetime(2026, 1, 1)),  # noqa: DTZ001 - just that
            lambda: transaction.put_resource(task("t", note=half), None),
            lambda: transaction.put_resource(task("t", note=object()), None),
            lambda: transaction.put_resource(task("t", note=deep), None),
            lambda: transaction.put_resource(task("t", status="x" * 513), None),
            lambda: transaction.put_resource(task("t", 2), None),
        ]
        for wrong in ways:
            with pytest.raises(InvalidInput) as caught:
                wrong()
            assert PERSON not in str(caught.value)
            transaction._failed = False  # each way gets to the database


def test_errors_are_silent_all_the_way_down(store: SqlStore, caplog: pytest.LogCaptureFixture) -> None:
    """Not even a traceback printed in full, or the log at its most talkative, says what was to be written."""
    caplog.set_level(logging.DEBUG)
    with store.begin() as transaction:
        everything(transaction)
        transaction.remember(Seen(PERSON, PERSON, PERSON.encode()), NOON)
    with pytest.raises(StoreError) as caught, store.begin() as transaction:
        transaction.remember(Seen(PERSON, PERSON, PERSON.encode()), NOON)
    assert PERSON not in "".join(traceback.format_exception(caught.value))
    assert str(caught.value) == "the store failed: IntegrityError (SQLITE_CONSTRAINT_PRIMARYKEY)"
    assert PERSON not in caplog.text


def test_a_wrong_event_rolls_back(store: SqlStore) -> None:
    """Even what is not an `Exception` (a worker told to stop) undoes the transaction."""
    with pytest.raises(KeyboardInterrupt), store.begin() as transaction:
        everything(transaction)
        raise KeyboardInterrupt
    assert store.referral("r") is None


def test_a_transaction_after_its_end(store: SqlStore) -> None:
    """A transaction that is kept after its block cannot write."""
    with store.begin() as transaction:
        transaction.append("r", [record("1")])
    with pytest.raises(StoreError):
        transaction.save(referral("r"), None)
    assert store.referral("r") is None


def test_limits_below_nothing(store: SqlStore) -> None:
    """A negative limit is no rows, not all of them."""
    with store.begin() as transaction:
        everything(transaction)
    assert store.outbox(limit=-1) == []
    assert store.referrals(limit=-1) == []
    assert store.due_timers(NOON, -1) == []
    assert store.claim("one", NOON, MINUTE, -1) == []
    assert store.search_resources("Task", {}, -1) == []


def test_one_sync_for_each_commit(store: SqlStore) -> None:
    """One commit takes in a message, however much belongs to it: what costs is the sync."""
    commits: list[object] = []
    event.listen(store._database.engine, "commit", commits.append)
    with store.begin() as transaction:
        everything(transaction)
        transaction.enqueue([replace(outbox_row("b"), content=b"x")])
    assert len(commits) == 1


def test_import_is_lazy() -> None:
    """Opening a store that is up to date loads no Alembic; the library itself loads no SQLAlchemy."""
    code = "import sys, ip_fhir, ip_fhir.ports; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_opening_what_is_current_is_quick(file: Path) -> None:
    """No migration is looked for where the version says that there is none."""
    code = (
        f"import sys; from ip_fhir.store import open_store; open_store('sqlite:///{file}').close()\n"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
