"""The promises of a `ReceiptStore`: rows that were handed over and await their receipt."""
# ruff: noqa: S101 - a contract is asserts

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.testing.store_samples import MINUTE, NOON, after, enqueue, outbox_row

if TYPE_CHECKING:
    from ip_fhir.ports import OutboxRow
    from ip_fhir.ports.capabilities import ReceiptStore

_DUE = after(minutes=15)


class ReceiptContract:
    """The contract suite. The subclass has a fixture `store`, empty for each test."""

    def test_what_was_handed_over_awaits_its_receipt(self, store: ReceiptStore) -> None:
        """An awaiting row is listed with its handover and the receipt's due time, and is never claimed, even then."""
        _handed_over(store)
        (row,) = store.outbox("awaiting")
        assert (row.id, row.due, row.handed_over, row.handovers) == ("a", _DUE, NOON, 1)
        assert (row.content, row.last_error) == (b"bytes", None)
        assert store.outbox("waiting") == []
        assert store.claim("two", after(days=9), MINUTE, 10) == []
        assert store.figures().outbox["awaiting"] == 1

    def test_it_holds_up_its_lane(self, store: ReceiptStore) -> None:
        """Later rows of the lane wait until the receipt has come."""
        enqueue(store, outbox_row("a"), outbox_row("b"))
        _handed_over(store)
        assert store.claim("two", after(days=9), MINUTE, 10) == []
        store.sent("a", NOON)
        assert [row.id for row in store.claim("two", NOON, MINUTE, 10)] == ["b"]

    def test_receipts_that_do_not_come(self, store: ReceiptStore) -> None:
        """Rows whose receipt is due now or earlier are listed, due longest first, at most `limit`."""
        enqueue(store, *(outbox_row(f"a{number}", f"r{number}") for number in range(3)))
        for row in store.claim("one", NOON, MINUTE, 10):
            store.hand_over(row.id, NOON, after(minutes=30 - int(row.id[1:])), row.claim)
        assert [row.id for row in store.overdue_receipts(after(minutes=29), 10)] == ["a2", "a1"]
        assert [row.id for row in store.overdue_receipts(after(hours=1), 1)] == ["a2"]
        assert store.overdue_receipts(after(minutes=27), 10) == []

    def test_it_waits_again(self, store: ReceiptStore) -> None:
        """A row without a receipt waits again with its old bytes; its handovers stay counted."""
        _handed_over(store)
        store.failed("a", "no receipt", _DUE)
        assert store.overdue_receipts(after(days=1), 10) == []
        (row,) = store.claim("two", _DUE, MINUTE, 10)
        assert (row.content, row.handovers, row.last_error) == (b"bytes", 1, "no receipt")
        store.hand_over("a", _DUE, after(minutes=30), row.claim)
        assert [row.handovers for row in store.outbox("awaiting")] == [2]

    def test_it_is_parked(self, store: ReceiptStore) -> None:
        """A row is parked after the last resend or a refusal; if a person retries it, handovers are counted anew."""
        _handed_over(store)
        store.failed("a", "no receipt", None)
        assert [row.status for row in store.outbox()] == ["parked"]
        store.retry("a", NOON)
        assert [(row.status, row.handovers) for row in store.outbox()] == [("waiting", 0)]

    def test_it_is_sent_again_at_once(self, store: ReceiptStore) -> None:
        """`retry` makes an awaiting row due at once; its handovers stay counted."""
        _handed_over(store)
        store.retry("a", NOON)
        (row,) = store.claim("two", NOON, MINUTE, 10)
        assert (row.id, row.handovers, row.content) == ("a", 1, b"bytes")

    def test_it_is_closed(self, store: ReceiptStore) -> None:
        """Rows of an ended loop are not sent again; a receipt that comes after all ends the row as sent."""
        _handed_over(store)
        with store.begin() as transaction:
            transaction.drop_waiting("r", "over")
        assert [(row.status, row.last_error) for row in store.outbox()] == [("refused", "over")]
        store.sent("a", NOON)
        assert [row.status for row in store.outbox()] == ["sent"]

    def test_a_late_report_hands_nothing_over(self, store: ReceiptStore) -> None:
        """A late handover changes nothing: neither after the lease ran out, nor after the receipt came."""
        enqueue(store, outbox_row("a"))
        (old,) = store.claim("one", NOON, MINUTE, 10)
        (new,) = store.claim("two", after(minutes=1), MINUTE, 10)
        store.hand_over("a", NOON, _DUE, old.claim)
        assert [row.status for row in store.outbox()] == ["waiting"]
        assert store.claim("three", after(seconds=90), MINUTE, 10) == [], "the second worker still has it"
        store.sent("a", NOON)
        store.hand_over("a", NOON, _DUE, new.claim)
        assert [(row.status, row.handovers) for row in store.outbox()] == [("sent", 0)]

    def test_an_unknown_row_is_not_handed_over(self, store: ReceiptStore) -> None:
        """A handover of a row that does not exist is `InvalidInput`."""
        with pytest.raises(InvalidInput) as caught:
            store.hand_over("nobody", NOON, _DUE, 1)
        assert [problem.code for problem in caught.value.problems] == ["not-found"]


def _handed_over(store: ReceiptStore) -> OutboxRow:
    """The row `a`, with its bytes, handed over at noon by the worker that claimed it."""
    enqueue(store, outbox_row("a"))
    (row,) = store.claim("one", NOON, MINUTE, 1)
    store.keep_content("a", b"bytes", "text/plain")
    store.hand_over("a", NOON, _DUE, row.claim)
    return row
