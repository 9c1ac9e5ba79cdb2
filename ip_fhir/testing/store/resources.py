"""The promises of every `Store` about FHIR resources, their search and whom they concern; a part of `StoreContract`.

Beside them those of a store that keeps a log of who was shown them (`ip_fhir.ports.capabilities.ReadingStore`).
"""
# ruff: noqa: S101 - a contract is asserts; a transaction's block is what must fail

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import Conflict, InvalidInput
from ip_fhir.fhir.json_text import loads
from ip_fhir.ports import PartyNames
from ip_fhir.ports.readings import REFUSED, TAKES_PART, Reading, ReadingCount
from ip_fhir.ports.resources import Bounds
from ip_fhir.testing.store_samples import NOON, after, append, at_once, referral, task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ip_fhir.ports import ResourceVersion, Store
    from ip_fhir.ports.capabilities import ReadingStore
    from ip_fhir.ports.resources import SearchOrder

_FINDABLE: dict[str, Any] = {
    "status": "requested",
    "identifier": [{"system": "urn:a", "value": "42"}],
    "basedOn": [{"reference": "ServiceRequest/9"}],
    "focus": {"reference": "https://ehr.example/fhir/Task/8"},
}
_BASIS = "as-set-today"


def _parties(*names: str, basis: str = _BASIS) -> PartyNames:
    return PartyNames(frozenset(names), basis)


def _concern(store: Store, correlation_id: str, parties: PartyNames) -> None:
    with store.begin() as transaction:
        transaction.set_parties(Aggregate.of_referral(correlation_id), parties)


def _loops(store: Store, parties: PartyNames, *idents: str, **elements: Any) -> None:
    """Store loops with a Task each, that concern these parties."""
    with store.begin() as transaction:
        for ident in idents:
            transaction.save(referral(ident), None)
            transaction.set_parties(Aggregate.of_referral(ident), parties)
            transaction.put_resource(task(f"{ident}-1", correlation_id=ident, **elements), None)


def _found(store: Store, parties: PartyNames, criteria: Mapping[str, str] | None = None) -> list[str | None]:
    return [one.correlation_id for one in store.search_resources("Task", criteria or {}, parties=parties)]


class ResourceContract:
    """Promises of FHIR resources, their versions and searches."""

    def test_versions(self, store: Store) -> None:
        """The current version is the last one put; a stale one is a `Conflict`, and so is one that is not new."""
        with store.begin() as transaction:
            assert transaction.resource("Task", "t") is None
            transaction.put_resource(task("t", status="requested"), None)
            transaction.put_resource(task("t", 2, status="received"), 1)
        for stale in (None, 1, 3):
            with pytest.raises(Conflict), store.begin() as transaction:
                transaction.put_resource(task("t", (stale or 0) + 1), stale)
        with store.begin() as transaction:
            assert transaction.resource("Task", "t") == task("t", 2, status="received")

    def test_numbers(self, store: Store) -> None:
        """A number keeps the text that it came as, also with zeros at its end or more digits than a float has."""
        text = b'{"resourceType":"Task","id":"t","a":0.700,"b":1E2,"c":12345678901234567890123456789}'
        with store.begin() as transaction:
            transaction.put_resource(replace(task("t"), body=loads(text)), None)
        with store.begin() as transaction:
            kept = transaction.resource("Task", "t")
        assert kept is not None
        assert {name: str(kept.body[name]) for name in "abc"} == {
            "a": "0.700",
            "b": "1E2",
            "c": "12345678901234567890123456789",
        }

    def test_search(self, store: Store) -> None:
        """A resource is found by id, identifier (with or without its system), status, based-on, focus, correlation."""
        with store.begin() as transaction:
            transaction.put_resource(task("one", **_FINDABLE), None)
            transaction.put_resource(task("two", correlation_id="other", status="draft"), None)
        found = [
            {"_id": "one"},
            {"identifier": "urn:a|42"},
            {"identifier": "42"},
            {"status": "requested"},
            {"based-on": "ServiceRequest/9"},
            {"based-on": "9"},
            {"focus": "https://ehr.example/fhir/Task/8"},
            {"correlation": "r"},
            {"status": "requested", "based-on": "ServiceRequest/9", "correlation": "r"},
            {"status": "draft,requested", "identifier": "1,urn:a|42", "_id": "none,one"},
        ]
        not_found = [{"identifier": "urn:b|42"}, {"status": "request"}, {"status": "draft", "correlation": "r"}]
        not_found += [
            {"status": "accepted,received"},
            {"status": ""},
            {"_id": ""},
            {"_id": "none\\,one"},
            {"identifier": "urn:b|42,urn:a|1"},
        ]
        for criteria in found:
            assert [one.id for one in store.search_resources("Task", criteria)] == ["one"], criteria
        for criteria in not_found:
            assert store.search_resources("Task", criteria) == [], criteria
        assert store.search_resources("ServiceRequest", {"_id": "one"}) == []

    def test_search_sees_current_versions(self, store: Store) -> None:
        """A resource is found by its current content only, and only once."""
        with store.begin() as transaction:
            transaction.put_resource(task("t", status="requested"), None)
            transaction.put_resource(task("t", 2, status="received"), 1)
            transaction.put_resource(task("u", 1, status="received"), None)
        assert store.search_resources("Task", {"status": "requested"}) == []
        assert [one.version for one in store.search_resources("Task", {"status": "received"})] == [2, 1]
        assert len(store.search_resources("Task", {}, limit=1)) == 1

    def test_search_by_time(self, store: Store) -> None:
        """Found are those last changed from `begin` on and before `end`; an earlier version does not count."""
        with store.begin() as transaction:
            for number in range(1, 4):
                transaction.put_resource(replace(task(f"t{number}"), updated=after(hours=number)), None)
            transaction.put_resource(replace(task("t1", 2), updated=after(hours=4)), 1)
        for begin, end, idents in (
            (None, None, ["t1", "t2", "t3"]),
            (2, None, ["t1", "t2", "t3"]),
            (3, None, ["t1", "t3"]),
            (None, 3, ["t2"]),
            (2, 2, []),
        ):
            bounds = Bounds(
                begin=None if begin is None else after(hours=begin), end=None if end is None else after(hours=end)
            )
            assert [one.id for one in store.search_resources("Task", {}, bounds=bounds)] == idents, bounds

    def test_search_in_order_of_time(self, store: Store) -> None:
        """Page by page each is found once, by the time of its last change; two of the same time by their ids."""
        idents = ["a", "b", "c", "d", "e"]
        with store.begin() as transaction:
            for number, ident in enumerate(reversed(idents)):
                transaction.put_resource(replace(task(ident), updated=after(hours=number // 2)), None)
            transaction.set_parties(Aggregate.of_referral("r"), _parties("h"))
        oldest = ["d", "e", "b", "c", "a"]
        wanted: tuple[tuple[SearchOrder, list[str]], ...] = (("oldest", oldest), ("newest", oldest[::-1]))
        for parties in (None, _parties("h")):
            for order, ids in wanted:
                found: list[ResourceVersion] = []
                while page := store.search_resources(
                    "Task", {}, 2, parties=parties, order=order, after=found[-1].place_in(order) if found else None
                ):
                    found += page
                assert [one.id for one in found] == ids

    def test_versions_of_a_resource(self, store: Store) -> None:
        """All its versions come, latest first, as they were; with `before` those with a lower number."""
        every = [task("t", number, status=f"s{number}") for number in range(1, 4)]
        with store.begin() as transaction:
            for one in every:
                transaction.put_resource(one, one.version - 1 or None)
            transaction.put_resource(task("u"), None)
        assert store.resource_versions("Task", "t", 10) == every[::-1]
        assert store.resource_versions("Task", "t", 2) == [every[2], every[1]]
        assert store.resource_versions("Task", "t", 2, before=2) == [every[0]]
        assert store.resource_versions("Task", "none", 2) == store.resource_versions("Goal", "t", 2) == []

    def test_search_refuses_what_it_does_not_know(self, store: Store) -> None:
        """An unknown criterion is `InvalidInput`: ignoring it would find too much."""
        with pytest.raises(InvalidInput):
            store.search_resources("Task", {"owner": "x"})
        with pytest.raises(InvalidInput):
            store.count_resources("Task", {"owner": "x"}, _parties("h"), 10)


class PartyContract:
    """Promises of whom an aggregate concerns: its resources are found for them, and for nobody else."""

    def test_only_ones_own_is_found_and_counted(self, store: Store) -> None:
        """Of many loops a party finds its own, however many others there are; none for a party without any."""
        _loops(store, _parties("h"), *(f"h{number}" for number in range(9)), status="received")
        _loops(store, _parties("x", "y"), "x0", status="received")
        for criteria in ({}, {"status": "received"}):
            assert _found(store, _parties("x"), criteria) == _found(store, _parties("y"), criteria) == ["x0"]
            assert _found(store, _parties("nobody"), criteria) == _found(store, _parties(), criteria) == []
            assert store.count_resources("Task", criteria, _parties("x"), 100) == 1
            assert store.count_resources("Task", criteria, _parties("h"), 100) == 9
            assert store.count_resources("Task", criteria, _parties("h"), 5) == 5
            assert store.count_resources("Task", criteria, _parties(), 5) == 0
        assert _found(store, _parties("h"), {"_id": "x0-1"}) == []

    def test_several_parties_find_each_once(self, store: Store) -> None:
        """A search for several parties finds what concerns one of them, and what concerns two once."""
        _loops(store, _parties("x", "y"), "both")
        _loops(store, _parties("x"), "one")
        _loops(store, _parties("z"), "other")
        assert _found(store, _parties("x", "y")) == ["both", "one"]
        assert store.count_resources("Task", {}, _parties("x", "y"), 100) == 2

    def test_page_by_page_each_is_found_once(self, store: Store) -> None:
        """With `after` the pages together are the whole, also if a resource that was found changes in between."""
        _loops(store, _parties("h", "z"), *(f"r{number}" for number in range(7)))
        _loops(store, _parties("x"), "r3x")
        for parties in (_parties("h"), _parties("h", "z"), None):
            found: list[ResourceVersion] = []
            while page := store.search_resources(
                "Task", {}, 2, parties=parties, after=found[-1].place if found else None
            ):
                found += page
                with store.begin() as transaction:
                    first = transaction.resource("Task", "r0-1")
                    assert first is not None
                    version = first.version + 1
                    transaction.put_resource(task("r0-1", version, correlation_id="r0"), first.version)
            idents = [f"r{number}-1" for number in range(7)]
            assert [one.id for one in found] == (idents if parties else sorted([*idents, "r3x-1"], key=_by_aggregate))

    def test_parties_follow_a_change(self, store: Store) -> None:
        """The parties that are set are the only ones: those from before find it no more."""
        _loops(store, _parties("h"), "r")
        _concern(store, "r", _parties("h", "x"))
        assert _found(store, _parties("h")) == _found(store, _parties("x")) == ["r"]
        _concern(store, "r", _parties("x"))
        assert _found(store, _parties("h")) == []
        _concern(store, "r", _parties())
        assert _found(store, _parties("x")) == []

    def test_other_settings_find_nothing(self, store: Store) -> None:
        """Names of another basis are others; until its parties are set anew, a referral is listed as without them."""
        _loops(store, _parties("h"), "r", "s")
        assert store.without_parties(_BASIS, 10) == []
        assert sorted(store.without_parties("later", 10)) == ["r", "s"]
        assert len(store.without_parties("later", 1)) == 1
        assert _found(store, _parties("h", basis="later")) == []
        _concern(store, "r", _parties(basis="later"))
        assert store.without_parties("later", 10) == ["s"]
        with store.begin() as transaction:
            transaction.hold("s")
            transaction.hold("nobody")
            transaction.set_parties(Aggregate.of_referral("s"), _parties("h", basis="later"))
        assert store.without_parties("later", 10) == []
        assert _found(store, _parties("h", basis="later")) == ["s"]


def _by_aggregate(ident: str) -> str:
    return ident.removesuffix("-1")


def reading(party: str = "hospital", of: str = "r", ground: str = TAKES_PART) -> Reading:
    """A read of a referral's Task at `NOON`."""
    return Reading(party, NOON, "read", "Task", f"{of}-1", 1, Aggregate.of_referral(of), ground)


class ReadingContract:
    """Subclass it with a fixture `store`, empty for each test."""

    def test_readings_come_back(self, store: ReadingStore) -> None:
        """Readings come back as they were added, with their numbers, latest first; also those of one aggregate."""
        search = replace(reading("x", "s"), way="search", criteria=("code", "status"))
        store.add_readings([reading(), search], [])
        refused = replace(reading(ground=REFUSED), way="history", client="a-client")
        store.add_readings([refused], [])
        first, second = replace(reading(), number=1), replace(search, number=2)
        third = replace(refused, number=3)
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
        """With several that add and seal at once no number is missing or given twice, and the chain is whole."""

        def work(worker: int) -> None:
            for _ in range(5):
                count = ReadingCount(f"p{worker % 2}", NOON, "refused", 1)
                store.add_readings([reading(f"p{worker}")] * 2, [count])
                store.seal_readings(3)

        at_once(4, work)
        assert [one.number for one in store.readings()] == list(range(40, 0, -1))
        assert [one.times for one in store.reading_counts()] == [10, 10]
        assert store.verify() == ()
