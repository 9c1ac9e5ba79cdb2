"""A process that dies leaves nothing half-stored, and stands in nobody's way."""

import random
import signal
import time

import pytest

from ip_fhir.store import SqlStore
from ip_fhir.testing.store_samples import referral
from tests.store.children import Children
from tests.store.conftest import Opened
from tests.store.places import Place


def there(store: SqlStore, ident: str) -> dict[str, int]:
    """How much there is of the set that `child.steps` writes."""
    with store.begin() as transaction:
        inbox = transaction.seen(ident)
        view, named = transaction.view_made(ident, 1), transaction.plan_named("share", ident)
    return {
        "inbox": int(inbox is not None),
        "referral": int(store.referral(ident) is not None),
        "evidence": len(store.evidence(ident)),
        "outbox": sum(row.correlation_id == ident for row in store.outbox(limit=100_000)),
        "resource": len(store.search_resources("Task", {"_id": ident})),
        "plan": int(store.shared_plan(ident) is not None),
        "version": len(store.plan_versions(ident)),
        "view": int(view is not None),
        "name": int(named == ident),
    }


ALL = {
    "inbox": 1,
    "referral": 1,
    "evidence": 2,
    "outbox": 2,
    "resource": 1,
    "plan": 1,
    "version": 1,
    "view": 1,
    "name": 1,
}
NOTHING = dict.fromkeys(ALL, 0)


@pytest.mark.promise(2)
@pytest.mark.parametrize("steps", range(8))
def test_killed_in_a_transaction(place: Place, opened: Opened, steps: int) -> None:
    """Killed after any step, even with only the commit left: nothing is there, and the next one writes at once."""
    with Children(place.url) as children:
        child = children.start("die", "x", steps)
        children.go()
        assert child.rest() == ([], -signal.SIGKILL)
    store = opened()
    assert there(store, "x") == NOTHING
    begun = time.monotonic()
    with store.begin() as transaction:
        transaction.save(referral("y"), None)
    assert time.monotonic() - begun < 5
    assert store.verify() == ()


@pytest.mark.promise(2)
@pytest.mark.slow
def test_killed_at_any_moment(place: Place, opened: Opened) -> None:
    """Killed again and again while it writes: what was said to be committed is there, and each set whole or not."""
    chance = random.Random(4)
    last: dict[str, int] = {}
    for life in range(12):
        with Children(place.url) as children:
            child = children.start("write", f"life{life}", 100_000)
            children.go()
            heard = [child.hear() for _ in range(chance.randint(1, 8))]
            time.sleep(chance.uniform(0, 0.01))
            child.kill()
            heard += child.rest()[0]
        last[f"life{life}"] = len(heard) - 1
        assert heard == [f"life{life}-{number}" for number in range(len(heard))]
    store = opened()
    for name, number in last.items():
        for count in (0, number // 2, number):
            assert there(store, f"{name}-{count}") == ALL
        assert there(store, f"{name}-{number + 1}") in (ALL, NOTHING), "committed, but killed before it said so"
        assert there(store, f"{name}-{number + 2}") == NOTHING
    assert store.verify() == ()
    assert_whole(store)


@pytest.mark.promise(2)
def test_killed_while_threads_share_commits(place: Place, opened: Opened) -> None:
    """Killed while six threads write: what any of them was told is committed is there, and each set whole or not."""
    chance = random.Random(5)
    heard: list[str] = []
    for life in range(3):
        with Children(place.url) as children:
            child = children.start("together", f"life{life}", 100_000)
            children.go()
            heard += [child.hear() for _ in range(chance.randint(6, 30))]
            time.sleep(chance.uniform(0, 0.01))
            child.kill()
            heard += child.rest()[0]
    store = opened()
    kept = {one.correlation_id for one in store.referrals(limit=100_000)}
    assert set(heard) <= kept
    assert [there(store, ident) for ident in sorted(kept)] == [ALL] * len(kept)
    assert store.verify() == ()
    assert_whole(store)


def assert_whole(store: SqlStore) -> None:
    """There is as much of the one as of the other."""
    referrals = len(store.referrals(limit=100_000))
    assert len(store.evidence()) == len(store.outbox(limit=100_000)) == 2 * referrals
    assert len(store.search_resources("Task", {}, limit=100_000)) == referrals
