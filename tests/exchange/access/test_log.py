"""The log of reads: nothing is shown without a trace; a poll that finds nothing new is counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ip_fhir.domain.referral import EventKind
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.exchange import rest
from ip_fhir.exchange.access.log import ReadLog
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.interactions.search import search
from ip_fhir.exchange.interactions.versions import history, version
from ip_fhir.exchange.peers import Carrier
from ip_fhir.ports import Endpoint
from ip_fhir.ports.capabilities import keeps_readings
from ip_fhir.ports.readings import Reading
from ip_fhir.testing import only_loops
from tests.support.two_sides import Loop, Wire, notice

OF_01 = Aggregate.of_referral("referral-01")


@pytest.fixture
def loop(loop: Loop) -> Loop:
    """Two notices have come to the municipality."""
    for name in ("01", "03"):
        loop.hospital.exchange.send_notice(notice(name))
    loop.settle()
    return loop


def rows(context: Context, of: Aggregate | None = None) -> list[Reading]:
    """The log, first row first."""
    assert keeps_readings(context.store)
    return context.store.readings(of)[::-1]


def counted(context: Context) -> dict[tuple[str, str], int]:
    """What was only counted, by party and outcome."""
    assert keeps_readings(context.store)
    context.reads.finish(context.store)
    return {(one.party, one.outcome): one.times for one in context.store.reading_counts()}


def task_id(context: Context, ident: str = "referral-01") -> str:
    """The id of a referral's Task."""
    (found,) = context.store.search_resources("Task", {"correlation": ident})
    return found.id


def test_who_read_what_when_and_why(context: Context, loop: Loop) -> None:
    """A read and a search leave a row for each resource: party, time, version, names of criteria, ground."""
    hospital = context.peers.named("hospital")
    shown = rest.read(context, hospital, "Task", task_id(context))
    search(context, hospital, "Task", {"status": shown.body["status"]})
    first, *others = rows(context)
    assert first == Reading(
        "hospital", loop.clock.now(), "read", "Task", shown.id, shown.version, OF_01, "takes-part", number=1
    )
    assert [(one.way, one.aggregate.id, one.criteria, one.number) for one in others] == [
        ("search", "referral-01", ("status",), 2),
        ("search", "referral-03", ("status",), 3),
    ]
    assert [one.number for one in rows(context, OF_01)] == [1, 2]
    assert shown.body["status"] not in repr(rows(context))


def test_another_partys_resource_leaves_a_trace(context: Context) -> None:
    """Who asks for what is another's is told "not found"; the log says that it was refused, by read or update."""
    stranger, ident = context.peers.named("x"), task_id(context)
    for _ in range(3):
        with pytest.raises(InvalidInput, match="no resource with this id"):
            rest.read(context, stranger, "Task", ident)
    body = {"resourceType": "Task", "id": ident}
    with pytest.raises(InvalidInput, match="no resource with this id"):
        rest.update(context, stranger, "Task", ident, 1, body)
    with pytest.raises(InvalidInput, match="no resource with this id"):
        rest.read(context, stranger, "Task", "nothing")
    assert [(one.party, one.way, one.ground, one.id) for one in rows(context)] == [
        *[("x", "read", "refused", ident)] * 3,
        ("x", "update", "refused", ident),
    ]
    assert counted(context) == {("x", "nothing-found"): 1}


def test_a_poll_that_finds_nothing_new_is_counted(context: Context, loop: Loop) -> None:
    """The same versions again, or nothing, are counted by party and hour; one changed resource is one row."""
    hospital, stranger = context.peers.named("hospital"), context.peers.named("x")
    for _ in range(5):
        search(context, hospital, "Task", {})
        search(context, stranger, "Task", {})
    assert len(rows(context)) == 2
    loop.municipality.exchange.act("referral-03", EventKind.ACCEPT)
    search(context, hospital, "Task", {})
    assert [one.aggregate.id for one in rows(context)] == ["referral-01", "referral-03", "referral-03"]
    assert counted(context) == {("hospital", "nothing-new"): 4, ("x", "nothing-found"): 5}
    assert context.reads.counts() == {"shown": 2, "nothing-new": 4, "nothing-found": 5}


def test_a_search_an_hour_later_is_recorded(context: Context, loop: Loop) -> None:
    """The same search that shows the same within the hour is counted; an hour later it is recorded again."""
    hospital = context.peers.named("hospital")
    for _ in range(2):
        search(context, hospital, "Task", {})
    loop.clock.forward(hours=1)
    search(context, hospital, "Task", {})
    assert [one.way for one in rows(context)] == ["search"] * 4
    assert counted(context) == {("hospital", "nothing-new"): 1}


def test_each_read_by_id_is_a_row(context: Context) -> None:
    """The same read again, a version, and a history leave a row each time, with the client that asked."""
    hospital = replace(context.peers.named("hospital"), client="their-engine")
    rest.read(context, hospital, "Task", task_id(context))
    shown = rest.read(context, hospital, "Task", task_id(context))
    version(context, hospital, shown, 1)
    history(context, hospital, shown, 10)
    history(context, hospital, shown, 10, since=datetime(2999, 1, 1, tzinfo=UTC))
    assert [(one.way, one.client) for one in rows(context, OF_01)] == [
        (way, "their-engine") for way in ("read", "read", "vread", *["history"] * shown.version)
    ]
    assert counted(context) == {("hospital", "nothing-found"): 1}


def test_counts_are_durable_before_the_answer(context: Context) -> None:
    """A process that dies after an answer has lost neither the row nor the count of it."""
    search(context, context.peers.named("x"), "Task", {})
    assert keeps_readings(context.store)
    assert [(one.party, one.times) for one in context.store.reading_counts()] == [("x", 1)]


def test_nothing_is_shown_where_it_cannot_be_recorded(context: Context) -> None:
    """A read and a search, also one that finds nothing, are refused while the log cannot be written."""
    ident = task_id(context)
    with context.store._store._database.writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("DROP TABLE reading")
        connection.exec_driver_sql("DROP TABLE reading_count")
    with pytest.raises(StoreError):
        rest.read(context, context.peers.named("hospital"), "Task", ident)
    for party in ("hospital", "x"):
        with pytest.raises(StoreError):
            search(context, context.peers.named(party), "Task", {})


def test_readers_at_once_are_recorded_once_each(context: Context) -> None:
    """Many that read at once, in two processes, leave a row each; numbers have no gaps."""
    ident = task_id(context)
    logs = [ReadLog() for _ in range(2)]  # as two processes

    def read(number: int) -> None:
        rest.read(replace(context, reads=logs[number % 2]), Carrier(f"p{number}", ("hospital",)), "Task", ident)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(read, range(40)))
    assert sorted(one.party for one in rows(context)) == sorted(f"p{number}" for number in range(40))
    assert [one.number for one in rows(context)] == list(range(1, 41))


def _nowhere() -> tuple[Wire, Endpoint]:
    return Wire("x"), Endpoint("memory://")


def test_a_store_without_a_log_only_counts(context: Context) -> None:
    """A store of an EHR that keeps no log answers all the same; the process counts."""
    plain = replace(context, store=only_loops(context.store._store), reads=ReadLog())  # type: ignore[attr-defined]
    rest.read(plain, plain.peers.named("hospital"), "Task", task_id(context))
    plain.reads.upkeep(plain.store)
    plain.reads.finish(plain.store)
    assert rows(context) == []
    assert plain.reads.counts() == {"shown": 1}


def test_the_worker_seals(context: Context, loop: Loop) -> None:
    """At a pass the log goes into the chain of evidence, at most once a minute, and when the side is closed."""
    side = loop.municipality
    exchange = side.exchange
    hospital = context.peers.named("hospital")
    before = exchange.store.head().number
    exchange.read_resource(hospital, "Task", task_id(context))
    exchange.run_due()
    assert exchange.store.head().number == before, "a pass in the minute before has looked"
    context.reads.finish(context.store)
    assert exchange.store.head().number == before + 1
    assert exchange.store.verify() == ()


def test_what_was_shown_is_remembered_within_bounds(context: Context) -> None:
    """Of the requests that were remembered the oldest are forgotten: their next answer is recorded once more."""
    log = ReadLog()
    log._shown.remember("first", [(1,)])
    for number in range(200):
        log._shown.remember(number, [(number, other) for other in range(1000)])
        log._shown.remember(number, [(number, other) for other in range(1000)])
    assert len(log._shown._marks) == 99
    assert log._shown._number == 99 * 1001
    (resource,) = context.store.search_resources("Task", {"correlation": "referral-01"})
    assert log._shown.new("first", [(resource, (1,))]) == [resource]
    assert log._shown.new(199, [(resource, (199, 0))]) == []


def test_a_log_that_cannot_be_sealed_stops_no_message(context: Context, loop: Loop) -> None:
    """Messages go out and timers run; what is wrong is said in the log, and `verify` names it."""
    side = loop.municipality
    with context.store._store._database.writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("DELETE FROM meta WHERE key = 'readings'")
    context.reads._sealed = -1e9
    side.exchange.act("referral-01", EventKind.ACCEPT)
    assert side.exchange.run_due().sent == 1
    assert [problem.path for problem in side.exchange.store.verify()] == ["reads.1"]
