"""`verify` compares all that stands with what the evidence says was written, and names what was changed."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.loop.worklist import WorklistItem
from ip_fhir.domain.referral import State
from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.ports import ChainHead, Refusal, Seen
from ip_fhir.store import SqlStore, open_store
from ip_fhir.store.chain import START, follow
from ip_fhir.store.codec import dump
from ip_fhir.store.integrity import digests
from ip_fhir.store.integrity.verification import MOST_PROBLEMS
from ip_fhir.store.schema import metadata
from ip_fhir.testing.store_samples import (
    MINUTE,
    NOON,
    NURSE,
    PERSON,
    after,
    append,
    outbox_row,
    plan_version,
    record,
    referral,
    share,
    shared_plan,
    task,
    view_made,
    work_item,
)
from tests.store.integrity_damage import CHANGES, PLAN_CHANGES, change, fill, fill_plan
from tests.store.places import Place


@pytest.mark.promise(16)
@pytest.mark.parametrize("name", CHANGES)
def test_every_direct_change_is_named(store: SqlStore, place: Place, name: str) -> None:
    """Whatever is changed, removed or put in past the store is named by its id, without a word about the person."""
    fill(store)
    assert store.verify() == ()
    change(place, CHANGES[name])
    problems = store.verify()
    assert any(problem.path.startswith(CHANGES[name].path) for problem in problems), problems
    assert PERSON not in str(problems)


@pytest.mark.parametrize("name", PLAN_CHANGES)
def test_every_direct_change_to_a_plan_is_named(store: SqlStore, place: Place, name: str) -> None:
    """The same for a shared plan, its versions, views and names, and the rows and items about its shares."""
    fill_plan(store)
    assert store.verify() == ()
    change(place, PLAN_CHANGES[name])
    problems = store.verify()
    assert any(problem.path.startswith(PLAN_CHANGES[name].path) for problem in problems), problems
    assert PERSON not in str(problems)


def test_one_change_is_one_problem(store: SqlStore, place: Place) -> None:
    """The problem says which record of the evidence wrote what was there."""
    fill(store)
    place.sql("UPDATE outbox SET effect = '{}' WHERE id = 'r-waits'")
    assert [str(problem) for problem in store.verify()] == [
        "outbox.r-waits: is not as record 1 of the evidence left it"
    ]
    place.sql("DELETE FROM outbox WHERE id = 'r-waits'")
    assert [str(problem) for problem in store.verify()] == [
        "outbox.r-waits: is missing: record 1 of the evidence wrote it"
    ]


def test_what_the_worker_does_is_no_change(store: SqlStore) -> None:
    """Claims, attempts, handing over, retries, a repeated refusal: `verify` finds nothing, whatever their order."""
    fill(store)
    (row,) = store.claim("worker", NOON, MINUTE, 10)
    assert row.id == "r-waits"
    store.hand_over(row.id, NOON, after(minutes=15), row.claim)
    store.failed(row.id, "no receipt", after(minutes=20), row.claim)
    store.retry("r-parked", NOON)
    store.retry("r-sent", NOON)
    store.retry("r-waits", NOON)
    with pytest.raises(InvalidInput):
        store.retry("r-refused", NOON)
    with store.begin() as transaction:
        transaction.refuse(Refusal("hospital", "of-r", "value", "unreadable", NOON, after(days=1)))
        transaction.drop_waiting("r", "withdrawn", keep=["r-sent"])
        transaction.finish_items(Aggregate.of_referral("r"), [work_item("x").reason], NOON, NURSE, "over")
        transaction.enqueue([outbox_row("r-waits"), outbox_row("r-more")])
        transaction.open_items([work_item("r-done"), work_item("r-more")])
        transaction.put_resource(task("r-task", 3), 2)
    assert store.verify() == ()


def test_a_record_is_made_where_there_is_none(store: SqlStore) -> None:
    """Bytes that are kept, a row that is sent: a record of the store's own; a claim or a read makes none."""
    fill(store)
    before = store.head().number
    store.claim("worker", NOON, MINUTE, 10)
    assert store.head().number == before
    with store.begin() as transaction:
        transaction.row("r-waits")
    assert store.head().number == before
    store.sent("r-waits", NOON)
    assert store.head().number == before + 1
    assert len(store.evidence()) == 1, "and none of the loop's"


def test_another_kinds_things_are_covered(store: SqlStore, place: Place) -> None:
    """A plan's rows and resources, and one that belongs to nothing, are compared as a referral's are."""
    plan = Aggregate(kind=PLAN, id="p")
    with store.begin() as transaction:
        transaction.append_records(plan, [{"a": 1}])
        transaction.put_resource(task("loose", correlation_id=None), None)
        transaction.open_items([WorklistItem(**{**dict(work_item("i")), "aggregate": plan})])
    assert store.verify() == ()
    place.sql("UPDATE worklist SET aggregate_kind = 'referral'")
    place.sql("UPDATE resource SET updated = updated + 1")
    assert [problem.path for problem in store.verify()] == ["item.i", "resource.Task.loose.1"]


# --- states


def test_states_follow_one_another(store: SqlStore) -> None:
    """A record that does not begin where the one before ended is named; so is a referral in another state, or role."""
    with store.begin() as transaction:
        transaction.save(referral("r", State.CLOSED), None)
        transaction.append("r", [record("1"), record("2", state=State.CLOSED)])
        transaction.append("other", [record("3"), record("4")])
    assert [problem.path for problem in store.verify()] == ["evidence.2"]
    with store.begin() as transaction:
        transaction.append("r", [record("5", state=State.CLOSED).evolve(after=State.SENT)])
    reason = "its state or side is not the one that record 5 of the evidence led to"
    assert [(problem.path, problem.reason) for problem in store.verify()][1:] == [("referral.r", reason)]


# --- purge


def test_a_purge_is_no_change(store: SqlStore) -> None:
    """What a purge took out is not missed, and what is left is whole; a loop of the same id may begin again."""
    fill(store, "live")
    fill(store, "old", state=State.CLOSED)
    with store.begin() as transaction:
        transaction.save(referral("old", State.CLOSED), 1)
        transaction.drop_waiting("old", "closed")
    with store.begin() as transaction:
        transaction.finish("old-parked", NOON)
    assert store.purge(after(days=400), after(days=400), after(days=300)).referrals == 1
    assert store.verify() == ()
    assert store.purge(after(days=800), after(days=800), after(days=700)).keys == 0
    assert store.verify() == ()
    fill(store, "old")
    assert store.verify() == ()


def test_what_was_purged_may_not_come_back(store: SqlStore, place: Place) -> None:
    """A row that a purge took out and somebody put back is named; so is the reply to a message too young for that."""
    fill(store, "old", state=State.CLOSED)
    with store.begin() as transaction:
        transaction.save(referral("old", State.CLOSED), 1)
        transaction.drop_waiting("old", "closed")
        transaction.remember(Seen("young", "digest", b"reply"), after(days=350))
    kept = place.sql("SELECT * FROM worklist WHERE id = 'old-open'")
    store.purge(after(days=400), after(days=400), after(days=300))
    assert store.verify() == ()
    names = [column.name for column in metadata.tables["worklist"].c]
    values = dict(zip(names, kept[0], strict=True))
    columns = ", ".join(names)
    place.sql(f"INSERT INTO worklist ({columns}) VALUES ({', '.join(f':{n}' for n in names)})", **values)  # noqa: S608
    (problem,) = store.verify()
    assert problem.path == "item.old-open"
    assert "was purged with record" in problem.reason
    place.sql("DELETE FROM worklist")
    place.sql("UPDATE inbox SET reply = :none", none=b"")
    assert [problem.path for problem in store.verify()] == ["inbox.young"]
    place.sql("DELETE FROM inbox")
    assert [problem.path for problem in store.verify()] == ["inbox.young"]


# --- bytes of any kind


CRASHES = {
    "evidence.body": ("UPDATE evidence SET body = CAST('x' AS BLOB) WHERE number = 1", "evidence.1"),
    "evidence.aggregate_id": ("UPDATE evidence SET aggregate_id = CAST('x' AS BLOB) WHERE number = 1", "evidence.1"),
    "evidence.wrote": ("UPDATE evidence SET wrote = CAST('x' AS BLOB) WHERE number = 1", "evidence.1"),
    "evidence.wrote is a list": ("UPDATE evidence SET wrote = '[]' WHERE number = 1", "evidence.1"),
    "evidence.wrote has wrong values": (
        'UPDATE evidence SET wrote = \'{"things":{"a":{"b":[]}}}\' WHERE number = 1',
        "evidence.1",
    ),
    "evidence.hash": ("UPDATE evidence SET hash = CAST('x' AS BLOB) WHERE number = 1", "evidence.1"),
    "evidence.digest": ("UPDATE evidence SET digest = 5, purged_at = 'x' WHERE number = 1", "evidence.1"),
    "evidence.body is no text": ("UPDATE evidence SET body = CAST(x'FF41' AS TEXT) WHERE number = 1", "evidence.1"),
    "evidence.body is another": ("UPDATE evidence SET body = '[1]' WHERE number = 1", "evidence.1"),
    "a head of 5,000 digits": ("UPDATE meta SET value = :long || ' abc' WHERE key = 'chain-head'", "evidence"),
    "a head of other digits": ("UPDATE meta SET value = '٣ abc' WHERE key = 'chain-head'", "evidence"),
    "a head of bytes": ("UPDATE meta SET value = CAST('x' AS BLOB) WHERE key = 'chain-head'", "evidence"),
    "referral.body is no text": ("UPDATE referral SET body = CAST(x'FF41' AS TEXT)", "referral.r"),
    "referral.changed": ("UPDATE referral SET changed = 'soon'", "referral.r"),
    "referral.changed is beyond all": ("UPDATE referral SET changed = 9e999", "referral.r"),
    "referral.correlation_id": ("UPDATE referral SET correlation_id = CAST('x' AS BLOB)", "referral.("),
    "outbox.effect": ("UPDATE outbox SET effect = CAST('{}' AS BLOB)", "outbox.r-waits"),
    "outbox.status": ("UPDATE outbox SET status = CAST('sent' AS BLOB)", "status.r-waits"),
    "outbox.content": ("UPDATE outbox SET content = 'text'", "content.r-waits"),
    "inbox.reply": ("UPDATE inbox SET reply = 5, at = 'never'", "inbox.hospital.r"),
    "inbox.key": ("UPDATE inbox SET key = CAST(x'00FF' AS TEXT)", "inbox.("),
    "resource.version": ("UPDATE resource SET version = 'x' WHERE version = 2", "resource.Task.r-task.x"),
    "resource.current": ("UPDATE resource SET current = 'x'", "current.Task.r-task"),
    "token.value": ("UPDATE token SET value = CAST(x'FF' AS TEXT) WHERE name = 'status'", "tokens.Task.r-task"),
    "worklist.closed": ("UPDATE worklist SET closed = 'x' WHERE id = 'r-open'", "outcome.r-open"),
    "refusal.first": ("UPDATE refusal SET first = 'x', reason = CAST(x'FF' AS TEXT)", "refusal."),
}


@pytest.mark.parametrize("name", CRASHES)
def test_whatever_the_bytes_are(sqlite: Place, name: str) -> None:
    """SQLite holds anything in any column; each is a problem with its place, never an error."""
    statement, path = CRASHES[name]
    with closing(open_store(sqlite.url)) as store:
        fill(store)
        sqlite.sql(statement, **({"long": "9" * 5000} if ":long" in statement else {}))
        assert any(problem.path.startswith(path) for problem in store.verify())


def test_a_head_of_digits_without_end(postgresql: Place) -> None:
    """The same on PostgreSQL, where the column is text too."""
    with closing(open_store(postgresql.url)) as store:
        append(store, "r", "1")
        postgresql.sql("UPDATE meta SET value = :long || ' abc' WHERE key = 'chain-head'", long="9" * 5000)
        assert [problem.path for problem in store.verify()] == ["evidence"]


def test_a_damaged_schema(sqlite: Place, file: Path) -> None:
    """Text that is none in the page of the schema, or anywhere else: an error of the store, or problems."""
    with closing(open_store(sqlite.url)) as store:
        fill(store)
    content = file.read_bytes()
    for at in range(100, 4000, 37):
        file.write_bytes(content[:at] + b"\xff\xfe" + content[at + 2 :])
        try:
            with closing(open_store(sqlite.url)) as store:
                store.verify()
        except StoreError:
            pass
    file.write_bytes(content)
    with closing(open_store(sqlite.url)) as store:
        assert store.verify() == ()


def test_what_verify_leaves_behind(sqlite: Place) -> None:
    """After a verification the connection reads as before: a row with text that is none is set aside."""
    with closing(open_store(sqlite.url)) as store:
        fill(store)
        sqlite.sql("UPDATE outbox SET last_error = CAST(x'FF' AS TEXT) WHERE id = 'r-parked'")
        assert [problem.path for problem in store.verify()] == ["status.r-parked"]
        assert store.outbox("parked") == []
        assert [row.kind for row in store.unreadable()] == ["outbox"]


def test_many_problems_are_counted(store: SqlStore, place: Place) -> None:
    """A table that was emptied is told by so many names and a number."""
    with store.begin() as transaction:
        transaction.enqueue([outbox_row(f"row-{number}") for number in range(MOST_PROBLEMS + 5)])
    place.sql("DELETE FROM outbox")
    problems = store.verify()
    assert len(problems) == MOST_PROBLEMS + 1
    assert str(problems[-1]) == "store: and 5 more problems"


_FOLLOWS = {"meta", "taking_part", "about_person", "given_id", "telling"}  # what follows from a referral or a plan


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_byte_of_a_covered_column(filled: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Change one byte of any covered column of any row, and something is named."""
    name = data.draw(st.sampled_from(sorted(set(metadata.tables) - _FOLLOWS)))
    covered = [c.name for c in metadata.tables[name].c if c.name not in digests.WORKING.get(name, ())]
    column = data.draw(st.sampled_from(covered))
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(filled.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        found = f"SELECT rowid, {column} FROM {name} WHERE {column} IS NOT NULL AND length({column}) > 0"  # noqa: S608
        rows = connection.execute(found).fetchall()
        if not rows:
            return
        rowid, value = data.draw(st.sampled_from(rows))
        raw = value if isinstance(value, bytes) else str(value).encode()
        at = data.draw(st.integers(0, len(raw) - 1))
        other: Any = raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 127))]) + raw[at + 1 :]
        kind = "CAST(? AS TEXT)" if isinstance(value, str) else "?"
        if isinstance(value, int):
            other = value ^ (1 << data.draw(st.integers(0, 40)))
        connection.execute(f"UPDATE OR REPLACE {name} SET {column} = {kind} WHERE rowid = ?", (other, rowid))  # noqa: S608
        connection.commit()
    with closing(open_store(f"sqlite:///{copy}")) as store:
        assert store.verify() != ()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two loops in it, one of them purged."""
    file = tmp_path_factory.mktemp("filled") / "store.sqlite"
    with closing(open_store(f"sqlite:///{file}")) as store:
        fill(store)
        fill_plan(store)
        with store.begin() as transaction:
            transaction.save(referral("gone", State.CLOSED), None)
            transaction.append("gone", [record("gone", state=State.CLOSED)])
        store.purge(after(hours=1), after(days=400))
        assert store.verify() == ()
    return file


def test_every_column_is_covered_or_named() -> None:
    """A new column is covered by a digest unless it is named among those that are not."""
    parts = sum(digests.PARTS.values(), ())
    for name, table in metadata.tables.items():
        known = {*digests.WHOLE[name], *digests.WORKING.get(name, ()), *parts}
        assert {column.name for column in table.c} <= known


# --- any order


WAYS = "save enqueue again claim content send fail park refuse retry drop hand put item done over seen refusal undone"
PLAN_WAYS = "plan view newer"
STEPS = st.lists(st.tuples(st.sampled_from([*WAYS.split(), *PLAN_WAYS.split()]), st.integers(0, 3)), max_size=25)


class Moves:
    """Any use of a store in any order; what it refuses is refused."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.revision: int | None = None
        self.planned: int | None = None
        self.version = self.number = 0

    def make(self, step: str, row: int) -> None:
        """Make one step, about row or item number `row`."""
        ident, store = f"row-{row}", self.store
        alone: dict[str, Callable[[], object]] = {
            "claim": lambda: store.claim("w", after(days=1), MINUTE, 2),
            "content": lambda: store.keep_content(ident, f"bytes {self.number}".encode(), "text/plain"),
            "send": lambda: store.sent(ident, NOON),
            "fail": lambda: store.failed(ident, "why", NOON),
            "park": lambda: store.failed(ident, f"why {self.number}", None),
            "refuse": lambda: store.refused(ident, "no consent"),
            "retry": lambda: store.retry(ident, NOON),
            "hand": lambda: store.hand_over(ident, NOON, NOON, 1),
        }
        self.number += 1
        try:
            if step in alone:
                alone[step]()
                return
            with store.begin() as transaction:
                self.write(transaction, step, row)
        except InvalidInput:
            return

    def write(self, transaction: Any, step: str, row: int) -> None:
        """Make a step inside a transaction."""
        ident, other = f"row-{row}", f"row-{row + 1}"
        reasons = [work_item("x").reason]
        within: dict[str, Callable[[], object]] = {
            "save": lambda: self.save(transaction, row),
            "enqueue": lambda: transaction.enqueue([outbox_row(ident), outbox_row(other)]),
            "again": lambda: transaction.enqueue([outbox_row(ident), outbox_row(other, kind=EffectKind.TELL)]),
            "drop": lambda: transaction.drop_waiting("r", "over", keep=[ident]),
            "put": lambda: self.put(transaction, row),
            "item": lambda: transaction.open_items([work_item(ident), work_item(other)]),
            "done": lambda: transaction.finish_item(ident, NOON, NURSE, None),
            "over": lambda: transaction.finish_items(Aggregate.of_referral("r"), reasons, NOON, None, "over"),
            "seen": lambda: transaction.seen(ident) or transaction.remember(Seen(ident, "digest", b"reply"), NOON),
            "refusal": lambda: transaction.refuse(Refusal("hospital", ident, "value", "why", NOON, after(hours=row))),
            "undone": lambda: self.undo(transaction, ident),
            "plan": lambda: self.save_plan(transaction, row),
            "view": lambda: transaction.add_views("p", [view_made("s", self.number)]),
            "newer": lambda: transaction.supersede_row(ident, "newer"),
        }
        within[step]()

    def save(self, transaction: Any, row: int) -> None:
        """Write the referral's next revision, and a record about it."""
        self.revision = transaction.save(referral("r", due=after(days=row)), self.revision)
        transaction.append("r", [record(f"event-{self.number}")])

    def save_plan(self, transaction: Any, row: int) -> None:
        """Write the plan's next revision, with a new version or without, a share more or a change."""
        self.planned = transaction.save_plan(
            shared_plan(
                "p",
                due=after(days=row),
                plan=plan_version("p", 1 + (self.planned or 0) // 2),
                shares=tuple(share(f"s{number}", "p") for number in range(row)),
            ),
            self.planned,
        )

    def put(self, transaction: Any, row: int) -> None:
        """Write the resource's next version, with tokens or without."""
        self.version += 1
        status = {"status": f"s{row}"} if row else {}
        transaction.put_resource(task("t", self.version, **status), self.version - 1 or None)

    def undo(self, transaction: Any, ident: str) -> None:
        """Write something, then fail."""
        transaction.finish(ident, NOON)
        raise InvalidInput.at("", "after all not")


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
@example(steps=[("item", 0), ("done", 0), ("item", 0)])
@example(steps=[("enqueue", 0), ("content", 0), ("send", 0), ("enqueue", 0), ("retry", 0), ("again", 0)])
def test_any_use_leaves_it_whole(template: Path, tmp_path: Path, steps: list[tuple[str, int]]) -> None:
    """Whatever the store is asked to do, in whatever order, and whatever it refuses: it verifies."""
    file = tmp_path / "any.sqlite"
    for side_file in (file, file.with_name("any.sqlite-wal"), file.with_name("any.sqlite-shm")):
        side_file.unlink(missing_ok=True)
    shutil.copy(template, file)
    with closing(open_store(f"sqlite:///{file}")) as store:
        moves = Moves(store)
        for step, row in steps:
            moves.make(step, row)
        assert store.verify() == ()


# --- heads kept elsewhere


def test_a_head_that_was_kept(store: SqlStore) -> None:
    """It is found at once and when the chain has grown; a wrong one is named by its number."""
    append(store, "r", "1", "2")
    kept = store.head()
    assert store.examine([kept]).problems == ()
    append(store, "r", "3")
    assert store.examine([kept, store.head(), ChainHead(0, START.hash)]).problems == ()
    wrong = [ChainHead(2, "0" * 64), ChainHead(9, kept.hash), ChainHead(0, "0" * 63)]
    assert [problem.path for problem in store.examine([kept, *wrong]).problems] == [
        "evidence.0",
        "evidence.2",
        "evidence.9",
    ]


def test_a_chain_made_anew(store: SqlStore, place: Place) -> None:
    """A chain that was made anew with its head verifies by itself; the head that was kept elsewhere tells."""
    append(store, "r", "1", "2")
    kept = store.head()
    place.sql("DELETE FROM evidence")
    links = list(follow(START, [(Aggregate.of_referral("r"), dump(record(event).to_data())) for event in "ab"]))
    for link in links:
        names = ", ".join(link)
        place.sql(f"INSERT INTO evidence ({names}) VALUES ({', '.join(f':{n}' for n in link)})", **link)  # noqa: S608
    place.sql("UPDATE meta SET value = :head WHERE key = 'chain-head'", head=f"2 {links[-1]['hash']}")
    assert store.verify() == ()
    (problem,) = store.examine([kept]).problems
    assert str(problem) == "evidence.2: the chain does not have the head that was kept elsewhere"
