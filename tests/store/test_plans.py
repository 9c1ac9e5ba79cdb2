"""What runs often looks things up by an index: it costs the same with a million open referrals as with ten."""

import re
import sqlite3
from collections.abc import Callable
from typing import Any, Self

import psycopg
import pytest
from sqlalchemy import event

from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life.surroundings import SettingsBasis
from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.ports import PartyNames, SearchPlace
from ip_fhir.store import SqlStore
from ip_fhir.testing.store_samples import (
    MINUTE,
    NOON,
    append,
    enqueue,
    everything,
    outbox_row,
    plan_row,
    plan_version,
    referral,
    share,
    shared_plan,
    task,
    view_made,
    work_item,
)

OF_R = Aggregate.of_referral("r")
H = PartyNames(frozenset({"h"}), "basis")
Use = Callable[[SqlStore], object]


def write(store: SqlStore) -> None:
    """A referral's changes, its rows and resources, from first to last."""
    with store.begin() as transaction:
        everything(transaction)
        transaction.save(referral("r"), 1)
        transaction.put_resource(task("t", 2), 1)
        transaction.hold("r")
        for names in (H, PartyNames(frozenset(), "basis")):
            transaction.set_parties(OF_R, names)
        transaction.drop_waiting("r", "over", ["a"])
    enqueue(store, outbox_row("b"))
    store.claim("one", NOON, MINUTE, 10)
    store.keep_content("a", b"", "text/plain")
    store.failed("a", "why", NOON, claim=1)
    store.failed("a", "why", None, claim=1)
    store.retry("a", NOON)
    store.sent("a", NOON)
    (held,) = store.claim("one", NOON, MINUTE, 10)
    store.hand_over(held.id, NOON, NOON, held.claim)
    store.refused("b", "why")
    with store.begin() as transaction:
        transaction.open_items([work_item("i")])
        transaction.item("i")
        transaction.finish_items(Aggregate.of_referral("r"), ["reminded"], NOON, None, None)
        transaction.finish_item("i", NOON, None, None)


def write_plan(store: SqlStore) -> None:
    """A shared plan's changes, its views, rows and items, from first to last."""
    of = Aggregate(kind=PLAN, id="p")
    shared = shared_plan("p", shares=(share("s1", "p"), share("s2", "p")))
    with store.begin() as transaction:
        transaction.save_plan(shared, None)
    with store.begin() as transaction:
        transaction.load_plan("p")
        transaction.save_plan(shared.evolve(plan=plan_version("p", 2)), 1)
        transaction.save_plan(shared.evolve(plan=None), 2)
        transaction.add_views("p", [view_made("s1"), view_made("s2")])
        transaction.view_made("s1", 1)
        transaction.plan_version("p", 1)
        transaction.plan_named("share", "s1")
        transaction.plans_about("14826121549", 10)
        transaction.enqueue([plan_row("a"), plan_row("b", about="s2")])
        transaction.supersede_rows(of, "s1", [PlanMessageKind.PLAN], "newer")
        transaction.supersede_row("b", "newer")
        transaction.open_items([work_item("i", "p", kind=PLAN, about="s1")])
        transaction.open_items([work_item("j", "p", kind=PLAN, about="s1")])
        transaction.finish_items(of, ["reminded"], NOON, None, None, about="s1")
        transaction.finish_items(of, ["reminded"], NOON, None, None)


CASES: dict[str, tuple[Use, str]] = {
    "due timers": (lambda store: store.due_timers(NOON, 10), "referral_by_due"),
    "referral": (lambda store: store.referral("r"), "primary key of referral"),
    "list": (lambda store: store.referrals(), "referral_by_changed"),
    "next page": (lambda store: store.referrals(after="r"), "referral_by_changed"),
    "list in a state": (lambda store: store.referrals(states=["sent"]), "referral_by_state"),
    "claim": (lambda store: store.claim("one", NOON, MINUTE, 10), "outbox_by_due"),
    "claim without some": (
        lambda store: store.claim("one", NOON, MINUTE, 10, frozenset({"one", "two", None})),
        "outbox_by_due",
    ),
    "claim, by lane": (lambda store: store.claim("one", NOON, MINUTE, 10), "outbox_by_lane"),
    "outbox by status": (lambda store: store.outbox("parked"), "outbox_by_status"),
    "receipts that did not come": (lambda store: store.overdue_receipts(NOON, 10), "outbox_by_due"),
    "worklist": (lambda store: store.worklist(), "worklist_by_closed"),
    "worklist with what is done": (lambda store: store.worklist(open_only=False), "worklist_by_closed"),
    "worklist of one": (lambda store: store.worklist(aggregate=OF_R), "worklist_by_aggregate"),
    "records of one": (lambda store: store.records(OF_R), "evidence_by_aggregate"),
    "evidence of a referral": (lambda store: store.evidence("r"), "evidence_by_aggregate"),
    "search by token": (lambda store: store.search_resources("Task", {"identifier": "1"}), "primary key of token"),
    "search by referral": (lambda store: store.search_resources("Task", {"correlation": "r"}), "resource_by_aggregate"),
    "search by token of a party": (
        lambda store: store.search_resources("Task", {"identifier": "1"}, parties=H),
        "primary key of token",
    ),
    "search by status of a party": (
        lambda store: store.search_resources("Task", {"status": "1"}, parties=H),
        "PRIMARY KEY (basis=",
    ),
    "search of a party": (lambda store: store.search_resources("Task", {}, parties=H), "PRIMARY KEY (basis="),
    "next page of a party": (
        lambda store: store.search_resources("Task", {}, parties=H, after=SearchPlace("referral", "r", "r-1")),
        "PRIMARY KEY (basis=",
    ),
    "resources of a party": (lambda store: store.search_resources("Task", {}, parties=H), "resource_by_aggregate"),
    "count of a party": (lambda store: store.count_resources("Task", {}, H, 10_001), "PRIMARY KEY (basis="),
    "parties to be worked out": (lambda store: store.without_parties("b", 10), "PRIMARY KEY (basis<"),
    "evidence": (lambda store: append(store, "r", "1"), "primary key of meta"),
    "due plans": (lambda store: store.due_plans(NOON, 10), "plan_by_due"),
    "plans of other settings": (
        lambda store: store.unsettled_plans(SettingsBasis("b", NOON), 10),
        "plan_by_settings (settled_by<?",
    ),
    "plan": (lambda store: store.shared_plan("p"), "primary key of plan"),
    "its newest version": (lambda store: store.shared_plan("p"), "primary key of plan_version"),
    "plans": (lambda store: store.plans(), "plan_by_changed"),
    "next page of plans": (lambda store: store.plans(after="p"), "plan_by_changed"),
    "plans of a side": (lambda store: store.plans(PlanSide.HOLDER), "plan_by_side"),
    "versions": (lambda store: store.plan_versions("p", before=9), "primary key of plan_version"),
    "plans about a person": (lambda store: store.plans_about("14826121549"), "PRIMARY KEY (person="),
}
SORTED = ("plans about a person", "list in a state", "search by token", "search by token of a party")
IN_ONE = (  # the resources of one aggregate are put in order, one aggregate after another
    "search of a party",
    "search by status of a party",
    "next page of a party",
    "resources of a party",
)
# a handful of hits, put in order


def asked(store: SqlStore, use: Use) -> list[tuple[str, Any]]:
    """What the store asks the database while it is used: statements, each with values, heard at the driver."""
    ran: list[tuple[str, Any]] = []

    class Heard(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **more: Any) -> Self:
            ran.append((str(query), params))
            return super().execute(query, params, **more)

        def executemany(self, query: Any, params_seq: Any, **more: Any) -> None:
            values = list(params_seq)
            ran.append((str(query), values[0]))
            super().executemany(query, values, **more)

    def listen(connection: Any, *_: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(lambda statement: ran.append((statement, None)))  # with the values in it
        else:
            connection.cursor_factory = Heard

    def stop(connection: Any, *_: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(None)
        else:
            connection.cursor_factory = psycopg.Cursor

    engine = store._database.engine
    event.listen(engine, "checkout", listen)
    event.listen(engine, "checkin", stop)
    use(store)
    event.remove(engine, "checkout", listen)
    event.remove(engine, "checkin", stop)
    return [one for one in ran if one[0].lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"))]


def plans(store: SqlStore, use: Use) -> list[str]:
    """How the database runs it. PostgreSQL reads a small table from end to end, and sorts, only if it must."""
    explain, settings = "EXPLAIN QUERY PLAN", []
    if not store._database.embedded:
        explain = "EXPLAIN"
        settings = [f"SET LOCAL enable_{way} = off" for way in ("seqscan", "bitmapscan", "sort", "incremental_sort")]
    ran = asked(store, use)
    with store._database.reading() as connection:
        for setting in settings:
            connection.exec_driver_sql(setting)
        found = [connection.exec_driver_sql(f"{explain} {statement}", values).all() for statement, values in ran]
    return [str(row[-1]) for rows in found for row in rows]


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    """A store with one of each."""
    with store.begin() as transaction:
        everything(transaction)
        transaction.save_plan(shared_plan("p"), None)
    return store


@pytest.mark.parametrize("case", CASES)
def test_an_index_is_used(filled: SqlStore, case: str) -> None:
    """The one made for it; and where an order and a limit go together, it gives the order too."""
    use, index = CASES[case]
    steps = plans(filled, use)
    if filled._database.embedded:
        index = re.sub("primary key of (.*)", r"sqlite_autoindex_\1_1", index)
        assert any(index in step for step in steps), steps
    else:  # which of several it takes depends on what is in the tables; benchmarks fill them
        assert any("Index" in step for step in steps), steps
    sorts = [step for step in steps if "TEMP B-TREE" in step or "Sort" in step]
    if case in IN_ONE and filled._database.embedded:
        sorts = [step for step in sorts if "RIGHT PART" not in step and "LAST TERM" not in step]
    elif case in IN_ONE:
        sorts = []
    assert case in SORTED or not sorts, steps


def test_no_write_reads_a_table_from_end_to_end(store: SqlStore) -> None:
    """Nothing that a transaction or a report does."""
    steps = [*plans(store, write), *plans(store, write_plan)]
    assert len(steps) > 40
    assert not any(reads_all(step) for step in steps), steps


def test_a_table_read_from_end_to_end_is_seen(store: SqlStore) -> None:
    """The test above can fail: there is no index on what an outbox row failed with."""

    def look(store: SqlStore) -> None:
        with store._database.reading() as connection:
            connection.exec_driver_sql("SELECT id FROM outbox WHERE last_error = 'x'")

    assert any(reads_all(step) for step in plans(store, look))


def reads_all(step: str) -> bool:
    """Whether a step reads a table from end to end. The rows that a claim has found are no table."""
    return "Seq Scan" in step or (step.startswith("SCAN") and "CONSTANT" not in step and step != "SCAN claimable")
