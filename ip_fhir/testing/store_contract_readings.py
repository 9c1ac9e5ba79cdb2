"""The promises of a store that keeps a log of reads (`ip_fhir.ports.capabilities.ReadingStore`)."""
# ruff: noqa: S101 - a contract is asserts

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.ports.readings import REFUSED, TAKES_PART, Reading, ReadingCount
from ip_fhir.testing.store_samples import NOON, after, append, at_once

if TYPE_CHECKING:
    from ip_fhir.ports.capabilities import ReadingStore


def reading(party: str = "hospital", of: str = "r", ground: str = TAKES_PART) -> Reading:
    """A read of a referral's Task at `NOON`."""
    return Reading(party, NOON, "read", "Task", f"{of}-1", 1, Aggregate.of_referral(of), ground)


class ReadingContract:
    """Subclass it with a fixture `store`, empty for each test."""

    def test_readings_come_back(self, store: ReadingStore) -> None:
        """Readings come back as they were added, with their numbers, latest first; also those of one aggregate."""
        search = replace(reading("x", "s"), way="search", criteria=("code", "status"))
        store.add_readings([reading(), search], [])
        store.add_readings([reading(ground=REFUSED)], [])
        first, second = replace(reading(), number=1), replace(search, number=2)
        third = replace(reading(ground=REFUSED), number=3)
        assert store.readings() == [third, second, first]
        assert store.readings(limit=1) == [third]
        assert store.readings(Aggregate.of_referral("s")) == [second]

    def test_counts_add_up(self, store: ReadingStore) -> None:
        """Counts of the same party, hour and outcome are added together; latest hour first."""
        once = ReadingCount("hospital", NOON, "nothing-new", 2)
        store.add_readings([], [once, replace(once, party="x")])
        store.add_readings([], [once, replace(once, hour=after(hours=1), times=1)])
        assert store.reading_counts() == [
            replace(once, hour=after(hours=1), times=1),
            replace(once, times=4),
            replace(once, party="x"),
        ]
        assert len(store.reading_counts(limit=1)) == 1

    def test_all_are_sealed_once(self, store: ReadingStore) -> None:
        """Each reading goes into the chain once, in batches; the chain is whole, also with other evidence between."""
        append(store, "r", "event")
        store.add_readings([reading()] * 5, [])
        assert [store.seal_readings(2), store.seal_readings(2)] == [2, 2]
        append(store, "r", "another")
        assert [store.seal_readings(2), store.seal_readings(2)] == [1, 0]
        assert (store.head().number, store.verify()) == (5, ())
        store.add_readings([reading()], [])
        assert (store.seal_readings(), store.verify()) == (1, ())

    def test_readers_at_once(self, store: ReadingStore) -> None:
        """Whoever adds and seals at once: no number is missing or given twice, and the chain is whole."""

        def work(worker: int) -> None:
            for _ in range(5):
                count = ReadingCount(f"p{worker % 2}", NOON, "refused", 1)
                store.add_readings([reading(f"p{worker}")] * 2, [count])
                store.seal_readings(3)

        at_once(4, work)
        assert [one.number for one in store.readings()] == list(range(40, 0, -1))
        assert [one.times for one in store.reading_counts()] == [10, 10]
        assert store.verify() == ()
