# ruff: noqa: PT012 - a transaction's block is what must fail
"""Opening a store, and what happens when the database or a caller does something wrong; on both databases."""

import logging
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import event

from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.ports import Seen
from ip_fhir.store import SqlStore, open_store
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
from tests.store.conftest import Opened
from tests.store.places import Place

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


def test_a_server_that_does_not_answer() -> None:
    """PostgreSQL that is not there is a `StoreError`, and the password stays unsaid."""
    with pytest.raises(StoreError, match="OperationalError") as caught:
        open_store("postgresql://nobody:passord@127.0.0.1:9/none?connect_timeout=2")
    assert "passord" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_readers_do_not_wait_for_the_writer(opened: Opened) -> None:
    """While one writes, others read what was there before."""
    one, other = opened(), opened()
    with one.begin() as transaction:
        everything(transaction)
        assert one.referral("r") is None
        assert other.referral("r") is None
        assert other.verify() == ()
    assert other.referral("r") is not None


def test_a_damaged_row(store: SqlStore, place: Place) -> None:
    """What can no longer be read is the store's fault, named by type and place, without what stands there."""
    with store.begin() as transaction:
        everything(transaction)
    place.sql("UPDATE referral SET body = replace(body, '\"state\":', '\"stated\":')")
    place.sql("UPDATE outbox SET effect = '{'")
    place.sql("UPDATE resource SET body = '{'")
    place.sql("UPDATE evidence SET body = '{}'")
    with pytest.raises(StoreError, match="a stored Referral cannot be read: state"):
        store.referral("r")
    assert (store.outbox(), store.search_resources("Task", {}), store.evidence()) == ([], [], [])
    assert {row.reason for row in store.unreadable()} == {
        "a stored Referral cannot be read: state, (all)",
        "a stored Effect cannot be read: (all)",
        "a stored Task cannot be read",
        "a stored Record cannot be read: event, role, before, after",
    }
    found = {problem.path for problem in store.verify()}
    assert found == {"evidence.1", "outbox.a", "referral.r", "resource.Task.t.1"}


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
    assert re.fullmatch(r"the store failed: \w+ \((SQLITE_CONSTRAINT_PRIMARYKEY|23505)\)", str(caught.value))
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


def test_a_thread_begins_once(store: SqlStore) -> None:
    """One that begins again before it has ended would wait for itself; it is told so at once."""
    with store.begin(), pytest.raises(StoreError, match="open in this thread already"), store.begin():
        pytest.fail("began twice")
    append(store, "r", "1")
