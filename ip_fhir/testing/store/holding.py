"""The promises of a `HoldingStore`: rows that wait for a person's yes."""
# ruff: noqa: S101 - a contract is asserts

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.testing.store_samples import MINUTE, NOON, after, enqueue, outbox_row

if TYPE_CHECKING:
    from ip_fhir.ports.capabilities import HoldingStore


class HoldingContract:
    """The contract suite. The subclass has a fixture `store`, empty for each test."""

    def test_what_is_held_is_not_claimed(self, store: HoldingStore) -> None:
        """A held row is listed with its reason, and no worker gets it, however long it waits."""
        _held(store)
        assert [(row.id, row.last_error) for row in store.outbox("held")] == [("a", "awaits a yes")]
        assert store.claim("two", after(days=9), MINUTE, 10) == []
        assert store.figures().outbox["held"] == 1

    def test_it_holds_nothing_up(self, store: HoldingStore) -> None:
        """Later rows of the lane are sent meanwhile: a withdrawal of consent must not wait."""
        enqueue(store, outbox_row("a"), outbox_row("b"))
        _held(store)
        assert [row.id for row in store.claim("two", NOON, MINUTE, 10)] == ["b"]

    def test_it_is_let_go(self, store: HoldingStore) -> None:
        """After a retry it is due at once, with its attempts counted anew."""
        _held(store)
        store.retry("a", after(hours=1))
        (row,) = store.claim("two", after(hours=1), MINUTE, 10)
        assert (row.id, row.attempts, row.content) == ("a", 1, None)

    def test_only_its_worker_holds_it(self, store: HoldingStore) -> None:
        """A worker whose lease ran out does not hold a row that another has claimed since, nor one that was sent."""
        enqueue(store, outbox_row("a"))
        (old,) = store.claim("one", NOON, MINUTE, 10)
        (new,) = store.claim("two", after(minutes=2), MINUTE, 10)
        with store.begin() as tx:
            assert not tx.hold_row("a", "late", old.claim)
        store.sent("a", NOON)
        with store.begin() as tx:
            assert not tx.hold_row("a", "late", new.claim)
            assert not tx.hold_row("nobody's", "late", 1)
        assert [row.status for row in store.outbox()] == ["sent"]

    def test_it_may_end_otherwise(self, store: HoldingStore) -> None:
        """A person's no parks it, and a loop that ends closes it; both are found whole by `verify`."""
        enqueue(store, outbox_row("a", "r1"), outbox_row("b", "r2"))
        _held(store)
        store.failed("a", "a person said no", None)
        assert [row.last_error for row in store.outbox("parked")] == ["a person said no"]
        with store.begin() as tx:
            tx.drop_waiting("r2", "over")
        assert [row.id for row in store.outbox("refused")] == ["b"]
        assert store.verify() == ()


def _held(store: HoldingStore) -> None:
    """Hold every row that can be claimed; the row `a` is there if nothing is."""
    if not store.outbox():
        enqueue(store, outbox_row("a"))
    for row in store.claim("one", NOON, MINUTE, 10):
        with store.begin() as tx:
            assert tx.hold_row(row.id, "awaits a yes", row.claim)
