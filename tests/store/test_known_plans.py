"""What is not parsed again is what the database says, whoever wrote it."""

import pytest

from ip_fhir.domain.sharing.case import SharedPlan
from ip_fhir.errors import Conflict, Unreadable
from ip_fhir.ports.plans import StoredPlan
from ip_fhir.store import SqlStore
from ip_fhir.store.plans import known
from ip_fhir.testing.store_samples import Trouble, after, at_once, plan_version, received_plan, shared_plan, whole_plan
from tests.store.conftest import Opened
from tests.store.places import Place


def loaded(store: SqlStore, ident: str = "p") -> StoredPlan:
    """The plan as the store reads it, which both ways are."""
    found = store.shared_plan(ident)
    assert found is not None
    with store.begin() as tx:
        assert tx.load_plan(ident) == found
    return found


@pytest.mark.parametrize("plan", [whole_plan("p"), received_plan("p", "s1"), shared_plan("p", plan=None)])
def test_what_was_written_is_what_another_reads(opened: Opened, plan: SharedPlan) -> None:
    """A plan that this process remembers, and one that another parses, are equal: with each thing, and without."""
    one, other = opened(), opened()
    with one.begin() as tx:
        tx.save_plan(plan, None)
    assert loaded(one).plan == loaded(other).plan == plan
    changed = plan.evolve(over=True, changed=after(hours=1))
    with one.begin() as tx:
        tx.save_plan(changed, 1)
    assert loaded(one).plan == loaded(other).plan == changed
    assert one.look_through() == ()


def test_anothers_change_is_seen(opened: Opened) -> None:
    """Each process reads what the other wrote last, a new version too."""
    one, other = opened(), opened()
    with one.begin() as tx:
        tx.save_plan(shared_plan("p"), None)
    for number in range(2, 6):
        writer, reader = (one, other) if number % 2 else (other, one)
        kept = loaded(reader)
        with writer.begin() as tx:
            tx.save_plan(kept.plan.evolve(plan=plan_version("p", number)), kept.revision)
        assert loaded(reader).plan.plan == loaded(writer).plan.plan == plan_version("p", number)


def test_what_was_undone_is_not_read(store: SqlStore) -> None:
    """Of a transaction that failed nothing is believed."""
    with store.begin() as tx:
        tx.save_plan(shared_plan("p"), None)
    with pytest.raises(Trouble), store.begin() as tx:  # noqa: PT012 - the block is what fails
        tx.save_plan(shared_plan("p", over=True, plan=plan_version("p", 2)), 1)
        raise Trouble
    assert loaded(store).plan == shared_plan("p")
    with pytest.raises(Conflict), store.begin() as tx:
        tx.save_plan(shared_plan("p", over=True), 7)
    assert loaded(store).plan == shared_plan("p")


def test_damage_is_met(store: SqlStore, place: Place) -> None:
    """A plan that is remembered, and then damaged past the store, cannot be read."""
    for ident, change in {"a": "UPDATE plan_version SET body = '{}'", "b": "UPDATE plan SET body = '{}'"}.items():
        with store.begin() as tx:
            tx.save_plan(shared_plan(ident), None)
        assert loaded(store, ident).plan == shared_plan(ident)
        place.sql(change)
        with pytest.raises(Unreadable):
            store.shared_plan(ident)


def test_few_are_remembered(store: SqlStore) -> None:
    """No more than so much, the last ones, however many threads read; each reads its own."""
    note = "words " * 8_000
    plans = [
        shared_plan(f"p{number}", after(hours=number), plan=plan_version(f"p{number}", note=note))
        for number in range(100)
    ]
    for plan in plans:
        with store.begin() as tx:
            tx.save_plan(plan, None)

    def read(_worker: int) -> bool:
        found = [store.shared_plan(f"p{number}") for number in range(100)]
        return [one and one.plan for one in found] == plans

    assert at_once(3, read) == [True] * 3
    remembered = store._known_plans._read
    size = sum(len(text) for text, _ in remembered.values())
    assert size == store._known_plans._size
    assert known._MOST - len(note) - 1_000 < size <= known._MOST
    assert ("newest", "p99") in remembered
