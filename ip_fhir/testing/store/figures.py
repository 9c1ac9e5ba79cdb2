"""The promises of every `Store` about figures and refused messages; a part of `StoreContract`."""
# ruff: noqa: S101 - a contract is asserts

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ip_fhir.domain.referral import State
from ip_fhir.ports import Figures, Refusal
from ip_fhir.ports.figures import BEYOND
from ip_fhir.testing.store_samples import MINUTE, NOON, after, enqueue, outbox_row, referral

if TYPE_CHECKING:
    from ip_fhir.ports import Store


def _refusal(digest: str = "digest") -> Refusal:
    return Refusal("hospital", digest, "not-found", "no such referral", NOON, NOON, "message-1")


def _refuse(store: Store, refusal: Refusal) -> None:
    with store.begin() as transaction:
        transaction.refuse(refusal)


class RefusalContract:
    """Promises of refusals: a message that is not taken in is recorded."""

    def test_a_refusal_comes_back_equal(self, store: Store) -> None:
        """Refusals come back as recorded, latest first, at most `limit`; also those of unreadable messages."""
        unread = Refusal("hospital", "other", "structure", "not JSON", after(minutes=1), after(minutes=1))
        _refuse(store, _refusal())
        _refuse(store, unread)
        assert store.refusals() == [unread, _refusal()]
        assert store.refusals(limit=1) == [unread]

    def test_the_same_refusal_is_counted(self, store: Store) -> None:
        """The same message refused for the same reason is one entry, with its first and last time and its count."""
        for minutes in range(3):
            _refuse(store, replace(_refusal(), first=after(minutes=minutes), last=after(minutes=minutes)))
        assert store.refusals() == [replace(_refusal(), last=after(minutes=2), times=3)]
        for other in (_refusal("another"), replace(_refusal(), code="conflict"), replace(_refusal(), peer="else")):
            _refuse(store, other)
        assert len(store.refusals()) == 4

    def test_beyond_a_number_they_are_counted(self, store: Store) -> None:
        """Of a peer that sends ever new ones so many are recorded, and the others counted; other peers' are not."""
        for number in range(7):
            refusal = replace(_refusal(f"d{number}"), first=after(minutes=number), last=after(minutes=number))
            with store.begin() as transaction:
                transaction.refuse(refusal, 3)
        with store.begin() as transaction:
            transaction.refuse(_refusal("d1"), 3)
            transaction.refuse(replace(_refusal(), peer="else"), 3)
        found = {(one.peer, one.digest): one.times for one in store.refusals()}
        kept = {("hospital", "d0"): 1, ("hospital", "d1"): 2, ("hospital", "d2"): 1, ("else", "digest"): 1}
        assert found == {**kept, ("hospital", BEYOND): 4}
        (beyond,) = (one for one in store.refusals() if one.digest == BEYOND)
        assert (beyond.first, beyond.last, beyond.message_id) == (after(minutes=3), after(minutes=6), None)
        assert (store.figures().refusals, store.figures().refused_times) == (5, 9)


class FiguresContract:
    """Promises of the figures: the state of the store in numbers."""

    def test_an_empty_store_counts_nothing(self, store: Store) -> None:
        """An empty store counts nothing, and nobody waits."""
        found = store.figures()
        assert (sum(found.loops.values()), sum(found.outbox.values())) == (0, 0)
        assert found == Figures(found.loops, 0, None, found.outbox, 0, 0)

    def test_what_is_counted(self, store: Store) -> None:
        """The store counts loops by state, overdue ones, the longest wait, rows by status, and refusals."""
        with store.begin() as transaction:
            transaction.save(referral("new", opened=after(days=-1)), None)
            for ident, days, due in (("on-time", -2, after(days=9)), ("late", -30, None)):
                opened = after(days=days)
                late = referral(ident, State.DELIVERED, due=due, opened=opened, delivered=opened)
                transaction.save(late, None)
            transaction.save(referral("done", State.CONFIRMED, opened=after(days=-90)), None)
        enqueue(store, *(outbox_row(ident, ident) for ident in ("a", "b", "c")))
        store.sent("a", NOON)
        for _ in range(2):
            store.claim("one", NOON, -MINUTE, 10)
        _refuse(store, _refusal())
        found = store.figures()
        assert {state: number for state, number in found.loops.items() if number} == {
            "sent": 1,
            "delivered": 2,
            "confirmed": 1,
        }
        assert (found.overdue, found.unanswered_since) == (1, after(days=-30))
        assert {status: number for status, number in found.outbox.items() if number} == {"sent": 1, "waiting": 2}
        assert (found.most_attempts, found.refusals) == (2, 1)

    def test_figures_follow_a_change(self, store: Store) -> None:
        """An answered referral no longer counts as waiting."""
        with store.begin() as transaction:
            revision = transaction.save(referral("r", State.DELIVERED, delivered=NOON, opened=NOON), None)
        assert (store.figures().overdue, store.figures().unanswered_since) == (1, NOON)
        with store.begin() as transaction:
            transaction.save(referral("r", State.CONFIRMED, delivered=NOON, opened=NOON), revision)
        assert (store.figures().overdue, store.figures().unanswered_since) == (0, None)
