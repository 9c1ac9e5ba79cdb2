"""Subscriptions in the database: bent ones are found, damaged ones are set aside, several workers share them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ip_fhir.errors import Unreadable
from ip_fhir.testing.store.subscriptions import subscription
from ip_fhir.testing.store_samples import NOON, after, at_once, record, task

if TYPE_CHECKING:
    from ip_fhir.store import SqlStore
    from tests.store.conftest import Opened
    from tests.store.places import Place


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("client", "another"),
        ("endpoint", "https://other.example/"),
        ("secret", "Bearer other"),
        ("criteria", "{}"),
        ("body", "{}"),
        ("revision", 9),
    ],
)
def test_a_bent_subscription_is_found(store: SqlStore, place: Place, column: str, value: object) -> None:
    """Somebody who has notifications sent elsewhere, by the database, is found out; so is one who takes it out."""
    store.add_subscription(subscription(), 5)
    assert store.verify() == ()
    place.sql(f"UPDATE subscription SET {column} = :value", value=value)  # noqa: S608 - our own names
    assert [problem.path for problem in store.verify()] == ["subscription.s"]
    place.sql("DELETE FROM subscription")
    assert [problem.path for problem in store.verify()] == ["subscription.s"]


def test_the_work_on_it_is_not_covered(store: SqlStore) -> None:
    """Place, failures and status change with each attempt, and are no business of the evidence."""
    store.add_subscription(subscription(), 5)
    with store.begin() as transaction:
        transaction.append("r", [record("r")])
    head = store.head()
    (kept,) = store.due_subscriptions(after(hours=1), 5)
    claimed = store.claim_subscription(kept, after(hours=1), after(hours=2))
    assert claimed is not None
    store.fail_subscription(claimed, "no answer", None, 3)
    assert (store.verify(), store.head()) == ((), head)


@pytest.mark.parametrize(("column", "value"), [("criteria", "[]"), ("body", "no JSON"), ("status", "x"), ("type", "x")])
def test_a_damaged_one_stops_no_other(store: SqlStore, place: Place, column: str, value: str) -> None:
    """It is passed over and set aside; the others are due as before."""
    for ident in ("s", "t"):
        store.add_subscription(subscription(ident), 5)
    with store.begin() as transaction:
        transaction.append("r", [record("r")])
    place.sql(f"UPDATE subscription SET {column} = :value WHERE id = 's'", value=value)  # noqa: S608 - our own names
    assert [one.subscription.id for one in store.due_subscriptions(after(hours=1), 5)] in (["t"], [])
    assert [one.subscription.id for one in store.subscriptions("hospital")] == ["t"]
    with pytest.raises(Unreadable):
        store.subscription("s")
    store.set_aside(NOON)
    assert [(row.kind, row.key) for row in store.unreadable()] == [("subscription", "s")]


def test_one_of_many_workers_claims_it(opened: Opened) -> None:
    """Of eight that try at once, each with a store of its own, one has it."""
    stores = [opened() for _ in range(8)]
    stores[0].add_subscription(subscription(), 5)
    with stores[0].begin() as transaction:
        transaction.append("r", [record("r")])
    (kept,) = stores[0].due_subscriptions(after(hours=1), 5)
    claims = at_once(8, lambda number: stores[number].claim_subscription(kept, after(hours=1), after(hours=2)))
    assert sum(claim is not None for claim in claims) == 1


def test_nothing_is_passed_over_by_writers_at_once(opened: Opened) -> None:
    """While eight write, one reads on from place to place: it finds every Task, each once."""
    stores = [opened() for _ in range(9)]
    kept = stores[8].add_subscription(subscription(), 5)
    assert kept is not None
    found: list[str] = []
    place = kept.place

    def work(number: int) -> None:
        nonlocal place
        for turn in range(12):
            if number < 8:
                with stores[number].begin() as transaction:
                    transaction.put_resource(task(f"t-{number}-{turn}"), None)
                continue
            some = stores[8].changes_since(place, 7)
            found.extend(change.id for change in some.found)
            place = some.upto

    at_once(9, work)
    more = True
    while more:
        some = stores[8].changes_since(place, 7)
        found += [change.id for change in some.found]
        place, more = some.upto, some.more
    assert sorted(found) == sorted(f"t-{number}-{turn}" for number in range(8) for turn in range(12))
