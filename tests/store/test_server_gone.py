"""The server goes away and comes back: `StoreError` meanwhile, then all is as it was committed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ip_fhir.errors import StoreError
from ip_fhir.store import SqlStore, open_store
from ip_fhir.testing.store_samples import MINUTE, NOON, append, enqueue, everything, outbox_row
from tests.store.child import steps
from tests.store.conftest import Opened
from tests.store.places import Place
from tests.store.test_crash import ALL, assert_whole, there
from tests.support.postgres import Server


@pytest.fixture
def place(postgresql: Place) -> Place:
    """On a server only."""
    return postgresql


@contextmanager
def gone(server: Server, how: str) -> Iterator[None]:
    """Without a server."""
    server.stop(how)
    try:
        yield
    finally:
        server.start()


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_gone_and_back(server: Server, store: SqlStore, place: Place, how: str) -> None:
    """Shut down or crashed: whatever is tried raises `StoreError` at once, and works again when the server is back."""
    enqueue(store, outbox_row("a"))
    with gone(server, how):
        begun = time.monotonic()
        for _ in range(3):
            with pytest.raises(StoreError):
                append(store, "r", "lost")
            with pytest.raises(StoreError):
                store.claim("one", NOON, MINUTE, 10)
            with pytest.raises(StoreError):
                store.outbox()
        with pytest.raises(StoreError):
            open_store(place.url)
        assert time.monotonic() - begun < 5
    append(store, "r", "kept")
    assert [row.id for row in store.claim("one", NOON, MINUTE, 10)] == ["a"]
    assert [link.record.event.id for link in store.evidence()] == ["kept"]
    assert store.verify() == ()


def test_gone_in_the_middle(server: Server, store: SqlStore) -> None:
    """A transaction that was open when the server crashed is refused, and nothing of it is kept."""
    with pytest.raises(StoreError), store.begin() as transaction:  # noqa: PT012 - the block is what must fail
        everything(transaction)
        with gone(server, "immediate"):
            pass
        transaction.append("r", [])
    assert store.referral("r") is None
    assert store.outbox() == []
    with store.begin() as transaction:
        everything(transaction)
    assert store.verify() == ()


class Writer(threading.Thread):
    """Writes set after set until told to stop; `done` are those that it was told are committed."""

    def __init__(self, store: SqlStore, ident: str) -> None:
        super().__init__()
        self._store = store
        self._ident = ident
        self._stop_it = threading.Event()
        self.done: list[str] = []
        self.failed: list[str] = []

    def run(self) -> None:
        """Write."""
        number = 0
        while not self._stop_it.is_set():
            number += 1
            self._write(f"{self._ident}-{number}")

    def _write(self, ident: str) -> None:
        try:
            with self._store.begin() as transaction:
                for step in steps(ident):
                    step(transaction)
            self.done.append(ident)
        except StoreError:
            self.failed.append(ident)
            time.sleep(0.05)

    def end(self) -> None:
        """Stop and wait."""
        self._stop_it.set()
        self.join(30)


@pytest.mark.slow
def test_crashing_under_load(server: Server, opened: Opened) -> None:
    """Two that write on, through three crashes of the server: what they were told is committed is there, and whole."""
    writers = [Writer(opened(), ident) for ident in ("one", "two")]
    for writer in writers:
        writer.start()
    try:
        for _ in range(3):
            wait_for_more([writer.done for writer in writers])
            with gone(server, "immediate"):
                wait_for_more([writer.failed for writer in writers])
        wait_for_more([writer.done for writer in writers])
    finally:
        for writer in writers:
            writer.end()
    store = opened()
    assert_whole(store)
    assert store.verify() == ()
    for ident in (ident for writer in writers for ident in writer.done[-20:]):
        assert there(store, ident) == ALL


def wait_for_more(lists: list[list[str]]) -> None:
    """Until each of the lists has grown by some, for half a minute at most."""
    enough = [len(one) + 3 for one in lists]
    deadline = time.monotonic() + 30
    while any(len(one) < number for one, number in zip(lists, enough, strict=True)):
        assert time.monotonic() < deadline, "nothing happens"
        time.sleep(0.01)
