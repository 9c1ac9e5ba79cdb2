"""The promises of a `JoinableStore`: its writes are in a transaction of the program that embeds it."""
# ruff: noqa: S101 - a contract is asserts

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ip_fhir.errors import Conflict, InvalidInput, StoreError
from ip_fhir.testing.store_samples import MINUTE, NOON, everything, referral

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.ports.capabilities import JoinableStore, JoinedStore


class JoinedContract:
    """The contract suite. The subclass has a fixture `store`, empty for each test, and `connect`.

    `connect` returns a new connection of the host's to the same database, as `within` takes it: one with `commit`,
    `rollback` and `close`.
    """

    def test_a_rollback_leaves_nothing(self, store: JoinableStore, connect: Callable[[], Any]) -> None:
        """Referral, evidence, inbox, resources and outbox are gone with what the host did; the chain is whole."""
        connection = connect()
        inside = store.within(connection, _nothing)
        with inside.begin() as transaction:
            everything(transaction)
        head = inside.head()
        connection.rollback()
        connection.close()
        assert store.referral("r") is None
        assert (store.outbox(), store.head().number, store.verify()) == ([], 0, ())
        assert not store.has_record(head.number, head.hash)

    def test_a_commit_keeps_all(self, store: JoinableStore, connect: Callable[[], Any]) -> None:
        """Everybody sees what was written, and it is sent."""
        connection = connect()
        inside = store.within(connection, _nothing)
        with inside.begin() as transaction:
            everything(transaction)
        head = inside.head()
        assert not _over(inside)
        connection.commit()
        assert _over(inside)
        connection.close()
        assert store.referral("r") is not None
        assert store.has_record(head.number, head.hash)
        assert not store.has_record(head.number, "0" * 64)
        assert store.claim("worker", NOON, MINUTE, 10) != []
        assert store.verify() == ()

    def test_nobody_else_sees_it_before(self, store: JoinableStore, connect: Callable[[], Any]) -> None:
        """Within it what was written is read; outside nothing is there until the commit, and nothing is sent."""
        connection = connect()
        inside = store.within(connection, _nothing)
        with inside.begin() as transaction:
            everything(transaction)
        assert inside.referral("r") is not None
        assert store.referral("r") is None
        assert store.outbox() == []
        connection.rollback()
        connection.close()

    def test_a_part_that_fails_is_undone_by_itself(self, store: JoinableStore, connect: Callable[[], Any]) -> None:
        """A conflict undoes its own block; what was written before it, and the transaction, stay."""
        connection = connect()
        inside = store.within(connection, _nothing)
        with inside.begin() as transaction:
            transaction.save(referral("kept"), None)
        with pytest.raises(Conflict):
            _save(inside, "undone", "kept")
        connection.commit()
        connection.close()
        assert store.referral("kept") is not None
        assert store.referral("undone") is None
        assert store.verify() == ()

    def test_after_its_end_nothing_is_written(self, store: JoinableStore, connect: Callable[[], Any]) -> None:
        """A store whose transaction the host has ended takes nothing in: it would be committed by nobody."""
        connection = connect()
        inside = store.within(connection, _nothing)
        connection.rollback()
        assert _over(inside)
        with pytest.raises(StoreError), inside.begin():
            pass
        connection.close()

    def test_one_block_at_a_time(self, store: JoinableStore, connect: Callable[[], Any]) -> None:
        """A block within another of the same transaction is refused."""
        connection = connect()
        inside = store.within(connection, _nothing)
        with inside.begin(), pytest.raises(StoreError), inside.begin():
            pass
        connection.rollback()
        connection.close()

    def test_what_is_no_connection(self, store: JoinableStore) -> None:
        """Anything else is refused."""
        with pytest.raises(InvalidInput):
            store.within(object(), _nothing)


def _save(store: JoinedStore, *names: str) -> None:
    """Save new referrals in one block."""
    with store.begin() as transaction:
        for name in names:
            transaction.save(referral(name), None)


def _nothing() -> None:
    """Hears of a commit, and does nothing."""


def _over(store: JoinedStore) -> bool:
    """True if the host has ended the transaction; asked anew each time."""
    return store.over
