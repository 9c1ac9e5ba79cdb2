"""The promises that every `Store` keeps. An EHR with its own database subclasses `StoreContract` and runs it.

    class TestOurStore(StoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            store = OurStore(...)
            yield store
            store.close()

        def change_evidence(self, store, number): ...
        def remove_evidence(self, store, number): ...

The fixture's store must be empty. The two methods change the database without the store, so that `verify` can find it.
"""

# ruff: noqa: S101, PT012 - a contract is asserts; a transaction's block is what must fail

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ip_fhir.domain.referral import State
from ip_fhir.errors import Conflict, InvalidInput, StoreError
from ip_fhir.ports import Seen
from ip_fhir.testing.store.evidence import EvidenceContract, SilenceContract
from ip_fhir.testing.store.figures import FiguresContract, RefusalContract
from ip_fhir.testing.store.outbox import OutboxContract
from ip_fhir.testing.store.resources import PartyContract, ResourceContract
from ip_fhir.testing.store_samples import NOON, Trouble, after, everything, referral

if TYPE_CHECKING:
    from ip_fhir.ports import Store


class _Atomic:
    """Promises of transactions: all or nothing."""

    def test_what_is_done_together_is_there_together(self, store: Store) -> None:
        """A committed transaction's referral, evidence, inbox key, outbox row and resource can all be read."""
        with store.begin() as transaction:
            everything(transaction)
            assert transaction.load("r") is not None, "a transaction sees what it wrote"
        assert _there(store) == {"referral", "evidence", "inbox", "outbox", "resource"}

    def test_an_error_undoes_all(self, store: Store) -> None:
        """An exception in the block goes through as it is, and leaves nothing behind."""
        with pytest.raises(Trouble), store.begin() as transaction:
            everything(transaction)
            raise Trouble
        assert _there(store) == set()

    def test_a_conflict_undoes_all(self, store: Store) -> None:
        """A `Conflict` that the store raises itself leaves nothing behind either."""
        with pytest.raises(Conflict), store.begin() as transaction:
            everything(transaction)
            transaction.save(referral("r"), revision=7)
        assert _there(store) == set()

    def test_after_a_failure_nothing_more_is_kept(self, store: Store) -> None:
        """A transaction in which the storage has failed cannot be completed, even by one who caught the error."""
        seen = Seen("key", "digest", b"")
        with pytest.raises(StoreError), store.begin() as transaction:
            transaction.remember(seen, NOON)
            with pytest.raises(StoreError):
                transaction.remember(seen, NOON)
            transaction.save(referral("r"), None)
        assert store.referral("r") is None

    def test_after_an_error_the_store_goes_on(self, store: Store) -> None:
        """After an error the next transaction works."""
        for _ in range(3):
            with pytest.raises(Trouble), store.begin() as transaction:
                everything(transaction)
                raise Trouble
        with store.begin() as transaction:
            everything(transaction)
        assert len(_there(store)) == 5


class _Inbox:
    """Promises of the inbox: a message is taken in once."""

    def test_a_key_is_seen_again(self, store: Store) -> None:
        """Digest and reply come back byte for byte; another key is not seen."""
        seen = Seen("hospital|1", "digest", bytes(range(256)))
        with store.begin() as transaction:
            assert transaction.seen("hospital|1") is None
            transaction.remember(seen, NOON)
        with store.begin() as transaction:
            assert transaction.seen("hospital|1") == seen
            assert transaction.seen("hospital|2") is None

    def test_a_key_is_remembered_once(self, store: Store) -> None:
        """A second `remember` of a key is an error, and the first reply is kept."""
        with store.begin() as transaction:
            transaction.remember(Seen("key", "one", b"first"), NOON)
        with pytest.raises(StoreError), store.begin() as transaction:
            transaction.remember(Seen("key", "two", b"second"), NOON)
        with store.begin() as transaction:
            assert transaction.seen("key") == Seen("key", "one", b"first")


class _Referrals:
    """Promises of referrals, their revisions, timers and list."""

    def test_a_referral_comes_back_equal(self, store: Store) -> None:
        """A referral comes back as it was saved, with its revision; an unknown one is None."""
        with store.begin() as transaction:
            revision = transaction.save(referral("r", due=after(days=1)), None)
        kept = store.referral("r")
        assert kept is not None
        assert (kept.referral, kept.revision) == (referral("r", due=after(days=1)), revision)
        assert store.referral("other") is None

    def test_a_stale_change_is_refused(self, store: Store) -> None:
        """Of two changes based on the same revision the second is a `Conflict`."""
        with store.begin() as transaction:
            first = transaction.save(referral("r"), None)
        with store.begin() as transaction:
            second = transaction.save(referral("r", State.DELIVERED), first)
        assert second != first
        with pytest.raises(Conflict), store.begin() as transaction:
            transaction.save(referral("r", State.REJECTED), first)
        kept = store.referral("r")
        assert kept is not None
        assert (kept.referral.state, kept.revision) == (State.DELIVERED, second)

    def test_a_referral_is_new_once(self, store: Store) -> None:
        """Saving an existing referral as new is a `Conflict`; so is changing one that does not exist."""
        with store.begin() as transaction:
            transaction.save(referral("r"), None)
        with pytest.raises(Conflict), store.begin() as transaction:
            transaction.save(referral("r"), None)
        with pytest.raises(Conflict), store.begin() as transaction:
            transaction.save(referral("other"), 1)

    def test_due_timers_earliest_first(self, store: Store) -> None:
        """Referrals whose first timer is due now or earlier are listed; those due later or without timers are not."""
        with store.begin() as transaction:
            for ident, minutes in (("late", 3), ("early", 1), ("to-come", 4)):
                transaction.save(referral(ident, due=after(minutes=minutes)), None)
            transaction.save(referral("none"), None)
        assert store.due_timers(after(minutes=3), 10) == ["early", "late"]
        assert store.due_timers(after(minutes=3), 1) == ["early"]
        assert store.due_timers(NOON, 10) == []

    def test_a_timer_that_is_gone_is_not_due(self, store: Store) -> None:
        """Only the timers of the latest revision count."""
        with store.begin() as transaction:
            revision = transaction.save(referral("r", due=NOON), None)
            transaction.save(referral("r"), revision)
        assert store.due_timers(after(days=9), 10) == []

    def test_list_pages(self, store: Store) -> None:
        """The list is ordered by latest change; paging gives each referral once, also if many changed together."""
        with store.begin() as transaction:
            for number in range(7):
                state = State.SENT if number % 2 else State.CLOSED
                transaction.save(referral(f"r{number}", state, changed=after(minutes=number // 3)), None)
        whole = [one.correlation_id for one in store.referrals()]
        assert sorted(whole) == [f"r{number}" for number in range(7)]
        assert whole[0] == "r6"
        assert _paged(store, 2) == whole
        sent = [one.correlation_id for one in store.referrals(states=["sent"])]
        assert sent == [ident for ident in whole if ident in {"r1", "r3", "r5"}]
        assert len(store.referrals(states=["sent", "closed"])) == 7
        with pytest.raises(InvalidInput):
            store.referrals(after="nobody")


class StoreContract(
    _Atomic,
    _Inbox,
    RefusalContract,
    _Referrals,
    OutboxContract,
    ResourceContract,
    PartyContract,
    EvidenceContract,
    FiguresContract,
    SilenceContract,
):
    """The whole contract. The subclass has a fixture `store`, empty for each test, and two methods that do damage."""


def _there(store: Store) -> set[str]:
    with store.begin() as transaction:
        inbox = transaction.seen("key")
    parts = {
        "referral": store.referral("r"),
        "evidence": store.evidence(),
        "inbox": inbox,
        "outbox": store.outbox(),
        "resource": store.search_resources("Task", {}),
    }
    return {name for name, part in parts.items() if part}


def _paged(store: Store, size: int) -> list[str]:
    found: list[str] = []
    while page := store.referrals(limit=size, after=found[-1] if found else None):
        found += [one.correlation_id for one in page]
    return found
