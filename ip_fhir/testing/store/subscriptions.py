"""The promises of a `SubscriptionStore`: what clients want to be told of, and what there is to tell."""
# ruff: noqa: S101 - a contract is asserts

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import Conflict
from ip_fhir.ports import ResourceVersion
from ip_fhir.ports.subscriptions import Change, KeptSubscription, Subscription
from ip_fhir.testing.store_samples import NOON, Trouble, after, record, view_made

if TYPE_CHECKING:
    from ip_fhir.ports.subscriptions import SubscriptionStore

_MOST = 3


def subscription(id_: str = "s", client: str = "hospital", **more: Any) -> Subscription:
    """A subscription of a client to its Tasks."""
    made = Subscription(
        id=id_,
        client=client,
        type="Task",
        criteria={"status": "completed"},
        endpoint="https://hospital.example/hook",
        payload=True,
        body={"resourceType": "Subscription", "reason": "Å vite"},
        updated=NOON,
        secret="Bearer abc",  # noqa: S106 - opens nothing
        ends=after(days=30),
    )
    return replace(made, **more)


def _add(store: SubscriptionStore, id_: str = "s", client: str = "hospital") -> KeptSubscription:
    kept = store.add_subscription(subscription(id_, client), _MOST)
    assert kept is not None
    return kept


def _write(store: SubscriptionStore, type_: str = "Task", id_: str = "t", version: int = 1) -> None:
    body = {"resourceType": type_, "id": id_, "status": "requested"}
    with store.begin() as transaction:
        transaction.append("r", [record("r")])
        made = ResourceVersion(type_, id_, version, body, NOON, "r")
        transaction.put_resource(made, version - 1 or None)


def _due(store: SubscriptionStore) -> list[str]:
    return [one.subscription.id for one in store.due_subscriptions(after(hours=1), 10)]


def _claimed(store: SubscriptionStore, minutes: int = 2) -> KeptSubscription:
    (kept,) = store.due_subscriptions(after(hours=1), 10)
    claimed = store.claim_subscription(kept, after(hours=1), after(hours=1) + timedelta(minutes=minutes))
    assert claimed is not None
    return claimed


class SubscriptionContract:
    """The contract suite. The subclass has a fixture `store`, empty for each test."""

    # --- the clients' words

    def test_what_a_client_wrote_comes_back(self, store: SubscriptionStore) -> None:
        """Every field comes back as it was added, by id and in the client's list; another client has none of it."""
        kept = _add(store)
        assert (kept.subscription, kept.revision) == (subscription(), 1)
        assert store.subscription("s") == kept
        assert store.subscriptions("hospital") == [kept]
        assert store.subscriptions("municipality") == []
        assert store.subscription("t") is None

    def test_a_client_has_no_more_than_so_many(self, store: SubscriptionStore) -> None:
        """The one too many is not kept; another client still may."""
        for number in range(_MOST):
            _add(store, f"s{number}")
        assert store.add_subscription(subscription("more"), _MOST) is None
        assert store.subscription("more") is None
        _add(store, "other", "municipality")
        assert [one.subscription.id for one in store.subscriptions("hospital", 2)] == ["s0", "s1"]
        assert [one.subscription.id for one in store.subscriptions("hospital", 2, "s1")] == ["s2"]

    def test_a_stale_change_is_refused(self, store: SubscriptionStore) -> None:
        """Of two changes of one revision the second is a `Conflict`; so is one of what is gone."""
        _add(store)
        changed = store.change_subscription(subscription(payload=False, secret=None, ends=None), 1, NOON)
        assert (changed.revision, changed.subscription.payload, changed.subscription.secret) == (2, False, None)
        with pytest.raises(Conflict):
            store.change_subscription(subscription(), 1, NOON)
        assert store.subscription("s") == changed
        assert store.remove_subscription("s", "hospital")
        with pytest.raises(Conflict):
            store.change_subscription(subscription(), 2, NOON)

    def test_a_client_takes_out_its_own_only(self, store: SubscriptionStore) -> None:
        """Another's stays; what is gone is gone, and cannot be taken out twice."""
        _add(store)
        assert not store.remove_subscription("s", "municipality")
        assert store.subscription("s") is not None
        assert store.remove_subscription("s", "hospital")
        assert not store.remove_subscription("s", "hospital")
        assert store.subscription("s") is None

    def test_the_evidence_covers_them(self, store: SubscriptionStore) -> None:
        """Added, changed, told and taken out, the chain is whole."""
        kept = _add(store)
        _write(store)
        store.settle_subscription(_claimed(store), 10, more=False)
        store.change_subscription(kept.subscription, 1, NOON)
        assert store.verify() == ()
        store.remove_subscription("s", "hospital")
        assert store.verify() == ()

    # --- what there is to tell

    def test_a_new_one_is_told_of_nothing_before(self, store: SubscriptionStore) -> None:
        """It begins where the store stands, and what is written afterwards is found, once and in order."""
        _write(store, id_="before")
        place = _add(store).place
        _write(store, id_="one")
        _write(store, "ServiceRequest", "other")
        _write(store, id_="two")
        _write(store, id_="one", version=2)
        found = store.changes_since(place, 100)
        assert [(change.type, change.id) for change in found.found] == [
            ("Task", "one"),
            ("Task", "two"),
            ("Task", "one"),
        ]
        places = [change.place for change in found.found]
        assert places == sorted(set(places))
        assert place < places[0]
        assert places[-1] == found.upto
        assert [change.id for change in store.changes_since(places[0], 100).found] == ["two", "one"]
        assert not found.more
        assert store.changes_since(found.upto, 100).found == []

    def test_changes_come_in_portions(self, store: SubscriptionStore) -> None:
        """Portion by portion everything is found, and nothing twice."""
        place, found, more = _add(store).place, [], True
        for number in range(7):
            _write(store, id_=f"t{number}")
        while more:
            some = store.changes_since(place, 2)
            found += [change.id for change in some.found]
            place, more = some.upto, some.more
        assert found == [f"t{number}" for number in range(7)]

    def test_what_was_undone_is_not_told(self, store: SubscriptionStore) -> None:
        """A transaction that failed leaves nothing to tell."""
        place = _add(store).place
        with pytest.raises(Trouble), store.begin() as transaction:  # noqa: PT012 - the block must fail
            made = ResourceVersion("Task", "t", 1, {"resourceType": "Task", "id": "t"}, NOON, "r")
            transaction.put_resource(made, None)
            raise Trouble
        assert store.changes_since(place, 100).found == []

    def test_it_is_due_when_something_was_written(self, store: SubscriptionStore) -> None:
        """Told of all, it is not due; after a commit it is; told again, or passed by, it is not."""
        kept = _add(store)
        store.pass_subscription(kept, store.changes_since(kept.place, 100).upto)
        assert _due(store) == []
        _write(store)
        assert _due(store) == ["s"]
        claimed = _claimed(store)
        settled = store.settle_subscription(claimed, store.changes_since(claimed.place, 100).upto, more=False)
        assert settled is not None
        assert _due(store) == []

    # --- one worker at a time

    def test_one_worker_claims_it(self, store: SubscriptionStore) -> None:
        """Of two that found it one has it; when the lease is over the other may, and the first comes too late."""
        _add(store)
        _write(store)
        (kept,) = store.due_subscriptions(after(hours=1), 10)
        first = store.claim_subscription(kept, after(hours=1), after(hours=2))
        assert first is not None
        assert store.claim_subscription(kept, after(hours=1), after(hours=2)) is None
        assert store.due_subscriptions(after(hours=1), 10) == []
        (again,) = store.due_subscriptions(after(hours=2), 10)
        second = store.claim_subscription(again, after(hours=2), after(hours=3))
        assert second is not None
        assert store.settle_subscription(first, 99, more=False) is None
        store.fail_subscription(first, "late", None, 9)
        left = store.subscription("s")
        assert left is not None
        assert (left.place, left.failures, left.subscription.status) == (kept.place, 0, "active")

    def test_more_is_told_under_one_claim(self, store: SubscriptionStore) -> None:
        """With more to tell the claim stays, and the place moves on."""
        _add(store)
        _write(store)
        claimed = _claimed(store)
        moved = store.settle_subscription(claimed, claimed.place + 1, more=True)
        assert moved is not None
        assert (moved.place, moved.claim) == (claimed.place + 1, claimed.claim)
        assert _due(store) == []
        assert store.settle_subscription(moved, moved.place + 1, more=False) is not None

    def test_a_failed_attempt_waits(self, store: SubscriptionStore) -> None:
        """Until its next attempt it is not due, and its place stays; told at last, nothing is left of the failures."""
        kept = _add(store)
        _write(store)
        store.fail_subscription(_claimed(store), "no answer", after(hours=2), 1)
        assert _due(store) == []
        (again,) = store.due_subscriptions(after(hours=2), 10)
        assert (again.place, again.failures, again.subscription.error) == (kept.place, 1, "no answer")
        claimed = store.claim_subscription(again, after(hours=2), after(hours=3))
        assert claimed is not None
        store.settle_subscription(claimed, 10, more=False)
        told = store.subscription("s")
        assert told is not None
        assert (told.failures, told.subscription.error, told.place) == (0, None, 10)

    def test_the_last_attempt_ends_in_an_error(self, store: SubscriptionStore) -> None:
        """It is due no more, and says why; its client switches it on again, and it goes on from the same place."""
        kept = _add(store)
        _write(store)
        store.fail_subscription(_claimed(store), "gone", None, 1)
        found = store.subscription("s")
        assert found is not None
        assert (found.subscription.status, found.subscription.error) == ("error", "gone")
        assert store.due_subscriptions(after(days=9), 10) == []
        changed = store.change_subscription(subscription(), 1, after(hours=1))
        assert (changed.subscription.status, changed.subscription.error, changed.place) == ("active", None, kept.place)
        assert _due(store) == ["s"]

    def test_what_its_client_changes_meanwhile_counts(self, store: SubscriptionStore) -> None:
        """The report of one who told by the old words comes too late: the new ones are told, from the same place."""
        kept = _add(store)
        _write(store)
        claimed = _claimed(store)
        store.change_subscription(subscription(endpoint="https://new.example/"), 1, NOON)
        assert store.settle_subscription(claimed, 10, more=False) is None
        store.end_subscription(claimed, "over")
        (now,) = store.due_subscriptions(after(hours=1), 10)
        assert (now.subscription.endpoint, now.place) == ("https://new.example/", kept.place)

    def test_it_ends(self, store: SubscriptionStore) -> None:
        """Set off, it is due no more."""
        kept = _add(store)
        _write(store)
        store.end_subscription(kept, "over")
        found = store.subscription("s")
        assert found is not None
        assert (found.subscription.status, found.subscription.error) == ("off", "over")
        assert _due(store) == []

    def test_a_view_of_a_plan_is_a_change(self, store: SubscriptionStore) -> None:
        """The view that was made of a share is told of with the plan and the share; other evidence is none."""
        place = _add(store).place
        with store.begin() as transaction:
            transaction.append_records(Aggregate.of_plan("p"), [{"kind": "looked"}])  # type: ignore[attr-defined]
        assert store.changes_since(place, 100).found == []
        with store.begin() as transaction:
            transaction.add_views("p", [view_made("share-1")])  # type: ignore[attr-defined]
        found = store.changes_since(place, 100)
        assert list(found.found) == [Change("CarePlan", "p", found.upto, "share-1")]
