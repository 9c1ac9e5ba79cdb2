# ruff: noqa: PT012 - a transaction's block is what must fail
"""What only a file does: who may read it, who waits for whom, a full disk."""

import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from ip_fhir.errors import StoreError
from ip_fhir.ports import Seen
from ip_fhir.store import SqlStore, open_store
from ip_fhir.store.transaction import SqlTransaction
from ip_fhir.testing.store_samples import NOON, append, record, referral
from tests.store.places import Place


@pytest.fixture
def place(sqlite: Place) -> Place:
    """On a file only."""
    return sqlite


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


def test_a_new_file_is_the_owners_alone(tmp_path: Path, file: Path) -> None:
    """It is full of people's data: nobody else on the machine may read it, nor its side files."""
    with closing(open_store(f"sqlite:///{tmp_path}/new.sqlite")) as store:
        append(store, "r", "1")
        made = [*tmp_path.glob("new.sqlite*")]
        assert len(made) == 3
        assert {stat.S_IMODE(one.stat().st_mode) for one in made} == {0o600}


def test_durability_is_asked_for(store: SqlStore) -> None:
    """Write-ahead log, a full sync at each commit, patience with other writers, and nothing in temporary files."""
    names = ("journal_mode", "synchronous", "busy_timeout", "temp_store")
    with store._database.reading() as connection:
        found = [connection.scalar(text(f"PRAGMA {name}")) for name in names]
    assert found == ["wal", 2, 20_000, 2]


def test_a_writer_that_waits_too_long(place: Place, store: SqlStore) -> None:
    """Another process that does not let go in time is a `StoreError`: try again."""
    with (
        closing(open_store(place.url.replace("timeout=20", "timeout=0.1"))) as impatient,
        store.begin(),
        pytest.raises(StoreError, match="SQLITE_BUSY"),
        impatient.begin(),
    ):
        pytest.fail("two write at the same time")


def test_a_thread_that_waits_too_long(file: Path) -> None:
    """Another thread likewise."""
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
        assert "busy" in str(errors[0])
        append(store, "r", "1")


def fill(transaction: SqlTransaction) -> None:
    """Write until the disk is full, which it is soon."""
    pages = transaction._connection.scalar(text("PRAGMA page_count"))
    transaction._connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    for number in range(100):
        transaction.remember(Seen(str(number), "digest", bytes(10_000)), NOON)


def test_a_full_disk(store: SqlStore, place: Place) -> None:
    """Nothing of what did not fit is kept, and when there is room again the store goes on."""
    append(store, "r", "before")
    with pytest.raises(StoreError, match="SQLITE_FULL"), store.begin() as transaction:
        transaction.save(referral("r"), None)
        fill(transaction)
    assert store.referral("r") is None
    assert place.sql("SELECT count(*) FROM inbox") == [(0,)]
    store.close()
    append(store, "r", "after")
    assert store.verify() == ()


def test_who_goes_on_after_an_error_writes_nothing(store: SqlStore, place: Place) -> None:
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
    assert place.sql("SELECT count(*) FROM inbox") == [(0,)]
    assert store.evidence() == []


def test_opening_what_is_current_is_quick(file: Path) -> None:
    """No migration is looked for where the version says that there is none."""
    code = (
        f"import sys; from ip_fhir.store import open_store; open_store('sqlite:///{file}').close()\n"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
