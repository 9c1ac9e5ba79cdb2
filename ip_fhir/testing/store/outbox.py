"""The promises of the outbox of every `Store`; a part of `StoreContract`."""
# ruff: noqa: S101, PT012 - a contract is asserts; a transaction's block is what must fail

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ip_fhir.domain.effects import EffectKind
from ip_fhir.errors import InvalidInput
from ip_fhir.testing.store_samples import MINUTE, NOON, Trouble, after, at_once, enqueue, outbox_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.ports import OutboxRow, Store, Transaction


class OutboxContract:
    """Promises of outbox rows: enqueued once, held by one worker, sent in order, never forgotten."""

    def test_a_row_comes_back_equal(self, store: Store) -> None:
        """Rows come back as they were enqueued, oldest first, also by status."""
        enqueue(store, outbox_row("b"), outbox_row("a", due=after(days=1)))
        assert store.outbox() == [outbox_row("b"), outbox_row("a", due=after(days=1))]
        assert store.outbox("waiting", limit=1) == [outbox_row("b")]
        assert store.outbox("sent") == []
        with store.begin() as transaction:
            assert transaction.row("a") == outbox_row("a", due=after(days=1))
            assert transaction.row("nobody") is None

    def test_an_id_is_enqueued_once(self, store: Store) -> None:
        """Enqueuing an id again changes nothing, not even after it was sent, nor twice in one go."""
        enqueue(store, outbox_row("a"))
        store.sent("a", NOON)
        enqueue(store, outbox_row("a", due=after(days=1)), outbox_row("b"), outbox_row("c"), outbox_row("b", "other"))
        kept = [(row.id, row.status, row.correlation_id) for row in store.outbox()]
        assert kept == [("a", "sent", "r"), ("b", "waiting", "r"), ("c", "waiting", "r")]
        assert store.outbox("sent")[0].due == NOON

    def test_what_is_claimed_is_held(self, store: Store) -> None:
        """Only due rows are claimed, and nobody else gets them while the lease runs; each claim is counted."""
        enqueue(store, outbox_row("a"), outbox_row("later", "other", due=after(hours=1)))
        (row,) = store.claim("one", NOON, MINUTE, 10)
        assert (row.id, row.attempts, row.claim) == ("a", 1, 1)
        assert store.claim("two", after(seconds=59), MINUTE, 10) == []

    def test_a_dead_workers_lease_runs_out(self, store: Store) -> None:
        """After the lease has run out another worker may claim the row, with the bytes that were kept."""
        enqueue(store, outbox_row("a"))
        store.claim("one", NOON, MINUTE, 10)
        store.keep_content("a", b"bytes", "text/plain")
        (row,) = store.claim("two", after(minutes=1), MINUTE, 10)
        assert (row.attempts, row.content, row.content_type) == (2, b"bytes", "text/plain")

    def test_limit_holds(self, store: Store) -> None:
        """At most `limit` rows are claimed, those due longest first."""
        enqueue(store, *(outbox_row(f"a{number}", f"r{number}", after(seconds=-number)) for number in range(5)))
        assert [row.id for row in store.claim("one", NOON, MINUTE, 2)] == ["a4", "a3"]
        assert store.claim("one", NOON, MINUTE, 0) == []

    def test_pages_behind_a_row(self, store: Store) -> None:
        """Page by page each row comes once, oldest first, of one status or of all; a row that is not there is told."""
        enqueue(store, *(outbox_row(ident, ident, due=after(days=-number)) for number, ident in enumerate("abcd")))
        store.claim("one", NOON, MINUTE, 10)
        store.failed("b", "rejected", None)
        assert [row.id for row in store.outbox(limit=3)] == ["a", "b", "c"]
        assert [row.id for row in store.outbox(limit=3, after="c")] == ["d"]
        assert [row.id for row in store.outbox("waiting", 2, after="b")] == ["c", "d"]
        assert store.outbox("parked", after="b") == []
        with pytest.raises(InvalidInput, match="there is no such outbox row"):
            store.outbox(after="nobody")

    def test_some_peers_are_left_out(self, store: Store) -> None:
        """Rows of the peers in `without` stay as they are, those without a peer if None is in it."""
        enqueue(store, *(outbox_row(f"slow-{n}", f"s{n}", after(seconds=-9), peer="slow") for n in range(5)))
        enqueue(store, outbox_row("quick", "q", peer="quick"), outbox_row("own", "o", kind=EffectKind.TELL))
        assert store.claim("one", NOON, MINUTE, 2, frozenset({"slow", "quick", None})) == []
        (row,) = store.claim("one", NOON, MINUTE, 2, frozenset({"slow", None}))
        assert (row.id, row.peer, row.attempts) == ("quick", "quick", 1)
        assert [row.id for row in store.claim("one", NOON, MINUTE, 9, frozenset({"slow"}))] == ["own"]
        many = frozenset(f"peer-{number}" for number in range(20))
        rest = store.claim("one", NOON, MINUTE, 9, many)
        assert [(row.id, row.peer, row.attempts, row.claim) for row in rest] == [
            (f"slow-{n}", "slow", 1, 1) for n in range(5)
        ]

    def test_a_row_left_out_holds_up_its_lane(self, store: Store) -> None:
        """A later row of its lane does not overtake it, whomever it goes to."""
        enqueue(store, outbox_row("first", peer="slow"), outbox_row("second", peer="quick"))
        assert store.claim("one", NOON, MINUTE, 9, frozenset({"slow"})) == []

    def test_order_within_a_lane(self, store: Store) -> None:
        """A referral's rows go out one after another, in the order they were enqueued; other referrals go on."""
        enqueue(store, outbox_row("first", due=after(seconds=-1)), outbox_row("second", due=after(seconds=-9)))
        enqueue(store, outbox_row("else", "other"))
        assert {row.id for row in store.claim("one", NOON, MINUTE, 10)} == {"first", "else"}
        assert store.claim("two", NOON, MINUTE, 10) == [], "the second waits while the first is being sent"
        store.failed("first", "no answer", after(hours=1))
        waiting = [row.id for row in store.claim("one", after(minutes=30), MINUTE, 10)]
        assert waiting == ["else"], "the second waits for the first"
        store.sent("first", after(hours=1))
        assert [row.id for row in store.claim("one", after(hours=1), MINUTE, 1)] == ["second"]

    def test_lanes_do_not_hold_each_other_up(self, store: Store) -> None:
        """An alert to our own people and an escalation do not wait behind a message that cannot be delivered."""
        tell = outbox_row("tell", kind=EffectKind.TELL, to="intake")
        enqueue(store, outbox_row("send", due=after(days=1)), tell, outbox_row("escalate", to="chief"))
        assert {row.id for row in store.claim("one", NOON, MINUTE, 10)} == {"tell", "escalate"}

    def test_a_parked_row_holds_nothing_up(self, store: Store) -> None:
        """A parked row waits for a person, while later rows of its lane are sent."""
        enqueue(store, outbox_row("first"), outbox_row("second"))
        store.claim("one", NOON, MINUTE, 10)
        store.failed("first", "rejected", None)
        assert [row.last_error for row in store.outbox("parked")] == ["rejected"]
        assert [row.id for row in store.claim("one", NOON, MINUTE, 10)] == ["second"]

    def test_a_failure_gives_the_lease_back(self, store: Store) -> None:
        """A failed row is due again at the given time, no earlier and no later."""
        enqueue(store, outbox_row("a"))
        store.claim("one", NOON, timedelta(days=1), 10)
        store.failed("a", "no answer", after(minutes=5))
        assert store.claim("two", after(minutes=4), MINUTE, 10) == []
        (row,) = store.claim("two", after(minutes=5), MINUTE, 10)
        assert (row.due, row.last_error) == (after(minutes=5), "no answer")

    def test_the_first_bytes_are_kept(self, store: Store) -> None:
        """Kept bytes never change; a second worker that renders gets the first one's bytes."""
        enqueue(store, outbox_row("a"))
        assert store.keep_content("a", b"one", "text/one").content == b"one"
        row = store.keep_content("a", b"two", "text/two")
        assert (row.content, row.content_type) == (b"one", "text/one")

    def test_a_late_report_changes_nothing(self, store: Store) -> None:
        """A worker whose lease ran out cannot undo what the next one did, or take the row from it."""
        enqueue(store, outbox_row("a"))
        (old,) = store.claim("one", NOON, MINUTE, 10)
        store.claim("two", after(minutes=1), MINUTE, 10)
        store.failed("a", "late", after(minutes=1), claim=old.claim)
        assert store.claim("three", after(seconds=90), MINUTE, 10) == [], "the second worker still has it"
        store.sent("a", after(minutes=2))
        store.failed("a", "late", NOON)
        store.refused("a", "late")
        assert [(row.status, row.last_error) for row in store.outbox()] == [("sent", None)]

    def test_retry_sends_the_same_bytes(self, store: Store) -> None:
        """A parked or sent row is due again, unchanged, in its old place, with its attempts counted anew."""
        enqueue(store, outbox_row("a"), outbox_row("b"))
        ends: list[Callable[[], None]] = [
            lambda: store.failed("a", "rejected", None),
            lambda: store.sent("a", NOON),
        ]
        for end in ends:
            (row,) = store.claim("one", NOON, MINUTE, 10)
            store.keep_content("a", b"bytes", "text/plain")
            end()
            store.retry("a", after(seconds=-1))
            assert (row.id, row.attempts) == ("a", 1)
        (again,) = store.claim("one", NOON, MINUTE, 10)
        assert (again.id, again.content, again.attempts, again.claim) == ("a", b"bytes", 1, 3)

    def test_retry_of_a_waiting_row_makes_it_due(self, store: Store) -> None:
        """A retried waiting row is due now; a worker that holds it keeps it."""
        enqueue(store, outbox_row("a", due=after(days=1)))
        store.retry("a", NOON)
        assert len(store.claim("one", NOON, MINUTE, 10)) == 1
        store.retry("a", NOON)
        assert store.claim("two", NOON, MINUTE, 10) == []

    def test_what_was_not_tried_is_given_back(self, store: Store) -> None:
        """A row given back is due at once, with its attempts as before; a late call takes it from nobody."""
        enqueue(store, outbox_row("a"))
        (held,) = store.claim("one", NOON, MINUTE, 10)
        store.give_back("a", held.claim)
        (again,) = store.claim("two", NOON, MINUTE, 10)
        assert (again.attempts, again.claim, again.due) == (1, 2, NOON)
        store.give_back("a", held.claim)
        assert store.claim("three", NOON, MINUTE, 10) == [], "the second worker still has it"
        store.sent("a", NOON)
        store.give_back("a", again.claim)
        assert [(row.status, row.attempts) for row in store.outbox()] == [("sent", 1)]

    def test_what_was_refused_is_not_sent(self, store: Store) -> None:
        """A refused row keeps its reason, is never claimed, and cannot be retried."""
        enqueue(store, outbox_row("a"), outbox_row("b"))
        store.refused("a", "consent withdrawn")
        assert [row.last_error for row in store.outbox("refused")] == ["consent withdrawn"]
        assert [row.id for row in store.claim("one", NOON, MINUTE, 10)] == ["b"]
        with pytest.raises(InvalidInput):
            store.retry("a", NOON)

    def test_dropping_what_waits(self, store: Store) -> None:
        """A referral's unsent rows are closed, also leased and parked ones, except those to keep."""
        enqueue(store, *(outbox_row(ident) for ident in ("sent", "parked", "leased", "waiting", "keep")))
        enqueue(store, outbox_row("else", "other"))
        store.sent("sent", NOON)
        store.failed("parked", "rejected", None)
        assert [row.id for row in store.claim("one", NOON, MINUTE, 1)] == ["leased"]
        with store.begin() as transaction:
            transaction.drop_waiting("r", "withdrawn", keep=["keep"])
        assert {row.id for row in store.outbox("refused")} == {"parked", "leased", "waiting"}
        assert {row.last_error for row in store.outbox("refused")} == {"withdrawn"}
        assert {row.id for row in store.outbox("waiting")} == {"keep", "else"}
        store.sent("leased", NOON)
        assert {row.id for row in store.outbox("sent")} == {"sent", "leased"}, "what got out got out"

    def test_a_report_belongs_to_its_transaction(self, store: Store) -> None:
        """`finish`, `failed`, `refused` and `retry` in a transaction that fails have not happened."""
        reports: list[Callable[[Transaction], None]] = [
            lambda transaction: transaction.finish("a", NOON),
            lambda transaction: transaction.failed("a", "rejected", None),
            lambda transaction: transaction.refused("a", "consent"),
            lambda transaction: transaction.retry("a", NOON),
        ]
        row = outbox_row("a", due=after(days=1))
        enqueue(store, row)
        for report in reports:
            with pytest.raises(Trouble), store.begin() as transaction:
                report(transaction)
                assert transaction.row("a") != row
                raise Trouble
            assert store.outbox() == [row]

    def test_several_are_done_together(self, store: Store) -> None:
        """Several rows are finished together: if one does not exist, it is `InvalidInput`, and none is finished."""
        enqueue(store, *(outbox_row(ident, ident) for ident in ("a", "b", "c")))
        with pytest.raises(InvalidInput), store.begin() as transaction:
            for ident in ("a", "nobody", "b"):
                transaction.finish(ident, NOON)
        assert store.outbox("sent") == []
        with store.begin() as transaction:
            for ident in ("a", "b", "a"):
                transaction.finish(ident, NOON)
            transaction.failed("c", "rejected", None)
            row = transaction.row("b")
            assert row is not None
            assert row.status == "sent", "a transaction sees what it did"
        assert [(row.id, row.status) for row in store.outbox()] == [("a", "sent"), ("b", "sent"), ("c", "parked")]

    def test_a_report_on_an_unknown_row(self, store: Store) -> None:
        """A report about a row that does not exist is `InvalidInput`."""
        reports: list[Callable[[], object]] = [
            lambda: store.keep_content("nobody", b"", ""),
            lambda: store.sent("nobody", NOON),
            lambda: store.failed("nobody", "", NOON),
            lambda: store.failed("nobody", "", None, claim=1),
            lambda: store.give_back("nobody", 1),
            lambda: store.refused("nobody", ""),
            lambda: store.retry("nobody", NOON),
        ]
        for report in reports:
            with pytest.raises(InvalidInput) as caught:
                report()
            assert [problem.code for problem in caught.value.problems] == ["not-found"]

    def test_workers_at_once_share_the_rows(self, store: Store) -> None:
        """Each row is given to one worker, however many claim at once."""
        enqueue(store, *(outbox_row(f"a{number}", f"r{number}") for number in range(40)))
        given = at_once(4, lambda worker: _claim_all(store, worker))
        ids = [row.id for rows in given for row in rows]
        assert len(ids) == len(set(ids)) == 40
        assert {row.attempts for rows in given for row in rows} == {1}


def _claim_all(store: Store, worker: int) -> list[OutboxRow]:
    mine: list[OutboxRow] = []
    while rows := store.claim(f"worker-{worker}", NOON, MINUTE, 3):
        mine += rows
    return mine
