"""A row that holds anything, in any column: it is named, everything else goes on, and it is taken up when mended."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.loop.worklist import WorklistItem
from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.errors import InvalidInput, StoreError, Unreadable
from ip_fhir.ports import OutboxRow, Refusal, ResourceVersion, Seen
from ip_fhir.store import SqlStore, open_store
from ip_fhir.testing.store_samples import (
    MINUTE,
    NOON,
    NURSE,
    PERSON,
    PERSON_NUMBER,
    after,
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
from tests.store.conftest import Opened
from tests.store.places import Place

BAD, GOOD = "bad", "good"


@dataclass(frozen=True)
class Hurt:
    """Damage to one row: the table, the statement's SET part, and by what condition the row is found."""

    table: str
    change: str
    where: str = "aggregate_id = 'bad'"
    everywhere: bool = False
    """True if PostgreSQL can hold it too."""

    def do(self, place: Place) -> None:
        """Do the damage, past the store."""
        place.sql(f"UPDATE {self.table} SET {self.change} WHERE {self.where}")  # noqa: S608 - a test's own words


def _texts(table: str, column: str, where: str) -> Iterator[Hurt]:
    yield Hurt(table, f"{column} = x'00ff'", where)
    yield Hurt(table, f"{column} = CAST(x'c3285b' AS TEXT)", where)


def _numbers(table: str, column: str, where: str) -> Iterator[Hurt]:
    yield Hurt(table, f"{column} = 'soon'", where)
    yield Hurt(table, f"{column} = x'01'", where)
    yield Hurt(table, f"{column} = 1.5", where)


def _json(table: str, column: str, where: str) -> Iterator[Hurt]:
    for text in ("{}", "[]", "", "{", "null", "7", '"text"', '{"kind": "never-heard-of"}'):
        yield Hurt(table, f"{column} = '{text}'", where, everywhere=True)


OF = {
    "referral": "correlation_id = 'bad'",
    "outbox": "id = 'bad'",
    "resource": "id = 'bad'",
    "worklist": "id = 'bad'",
    "refusal": "peer = 'bad'",
    "evidence": "aggregate_id = 'bad'",
    "inbox": "key = 'bad'",
    "plan": "id = 'bad'",
    "plan_version": "plan_id = 'bad' AND version = 1",
    "plan_view": "share = 'bad'",
    "plan_name": "id = 'bad'",
}
TEXTS = {
    "referral": ("role", "state", "body"),
    "outbox": ("effect", "content_type", "last_error", "lane", "status", "aggregate_id", "aggregate_kind", "id"),
    "resource": ("body", "aggregate_id", "type"),
    "worklist": ("body", "reason", "note", "done_by", "aggregate_kind", "id"),
    "refusal": ("reason", "message_id", "digest", "peer"),
    "evidence": ("body", "hash", "previous", "aggregate_id"),
    "inbox": ("digest",),
    "plan": ("side", "body", "id"),
    "plan_version": ("digest", "saved_by", "body"),
    "plan_view": ("day", "digest", "plan_id", "share"),
    "plan_name": ("plan_id", "kind"),
}
NUMBERS = {
    "referral": ("changed", "next_due", "revision", "overdue"),
    "outbox": ("due", "attempts", "claim", "handovers", "handed_over", "lease_until"),
    "resource": ("updated",),
    "worklist": ("opened", "done"),
    "refusal": ("first", "last", "times"),
    "inbox": ("at",),
    "plan": ("changed", "next_due", "over", "revision"),
    "plan_version": ("saved",),
    "plan_view": ("version",),
}
JSONS = {
    "referral": ("body",),
    "outbox": ("effect",),
    "resource": ("body",),
    "worklist": ("body",),
    "evidence": ("body",),
    "plan": ("body",),
    "plan_version": ("body", "saved_by"),
}
INSTANTS = {
    "referral": ("changed",),
    "outbox": ("due", "handed_over"),
    "resource": ("updated",),
    "worklist": ("opened", "done"),
    "refusal": ("last",),
    "plan": ("changed",),
    "plan_version": ("saved",),
}
HURTS = [
    *(hurt for table, columns in TEXTS.items() for column in columns for hurt in _texts(table, column, OF[table])),
    *(hurt for table, columns in NUMBERS.items() for column in columns for hurt in _numbers(table, column, OF[table])),
    *(hurt for table, columns in JSONS.items() for column in columns for hurt in _json(table, column, OF[table])),
    *(
        Hurt(table, f"{column} = {number}", OF[table], everywhere=True)
        for table, columns in INSTANTS.items()
        for column in columns
        for number in (2**63 - 1, -(2**63) + 1)
    ),
    Hurt("outbox", "status = 'never-heard-of'", OF["outbox"], everywhere=True),
    Hurt("outbox", "content = 'text'", OF["outbox"]),
    Hurt("inbox", "reply = 'text'", OF["inbox"]),
    Hurt("plan", "body = replace(body, '\"bad\"', '\"other\"')", OF["plan"], everywhere=True),
    Hurt("plan", "version = 7", OF["plan"], everywhere=True),
    Hurt("plan_version", "body = replace(body, 'bad', 'b d')", OF["plan_version"], everywhere=True),
    Hurt("plan_view", "day = 'Monday'", OF["plan_view"], everywhere=True),
]
NAMES = [f"{hurt.table}: {hurt.change}" for hurt in HURTS]


def fill(store: SqlStore) -> None:
    """A row of each kind for each of two loops; the bad one's comes first everywhere."""
    with store.begin() as tx:
        for ident in (BAD, GOOD):
            tx.save(referral(ident, due=NOON), None)
            tx.append(ident, [record(ident)])
            tx.enqueue([replace(outbox_row(ident, ident), correlation_id=ident)])
            tx.put_resource(task(ident, correlation_id=ident), None)
            tx.open_items([work_item(ident, ident)])
            tx.remember(Seen(ident, "digest", b"reply"), NOON)
            tx.refuse(Refusal(ident, "digest", "value", "reason", NOON, NOON))
            shared = shared_plan(ident, due=NOON, shares=(share(ident, ident),))
            tx.save_plan(shared, None, NURSE)
            tx.save_plan(shared.evolve(plan=plan_version(ident, 2)), 1)
            tx.add_views(ident, [view_made(ident)])


def shown(store: SqlStore) -> dict[str, list[str]]:
    """What every list says, by ids; and what the work takes up."""
    resources: list[ResourceVersion] = store.search_resources("Task", {})
    items: list[WorklistItem] = store.worklist(open_only=False)
    rows: list[OutboxRow] = store.outbox()
    store.figures()
    return {
        "referral": [one.correlation_id for one in store.referrals()],
        "states": [one.correlation_id for one in store.referrals(["sent"])],
        "outbox": [row.id for row in rows],
        "resource": [one.id for one in resources],
        "worklist": [item.id for item in items],
        "refusal": [one.peer for one in store.refusals()],
        "evidence": [one.correlation_id for one in store.evidence()],
        "walk": [one.correlation_id for one in store.walk()],
        "records": [str(one.record["event"]["id"]) for one in store.records(Aggregate.of_referral(GOOD))],
        "timers": store.due_timers(after(minutes=5), 10),
        "plan": [one.id for one in store.plans()],
        "side": [one.id for one in store.plans(PlanSide.HOLDER)],
        "version": [one.plan_id for one in store.plan_versions(GOOD)],
        "clocks": store.due_plans(after(minutes=5), 10),
        "about": store.plans_about(str(PERSON_NUMBER)),
        "claim": [row.id for row in store.claim("w", after(minutes=5), MINUTE, 10)],
    }


@pytest.fixture(scope="module")
def filled(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a row of each kind for each of two loops."""
    file = Path(shutil.copy(template, tmp_path_factory.mktemp("filled") / "filled.sqlite"))
    with closing(open_store(f"sqlite:///{file}")) as store:
        fill(store)
    return file


@pytest.mark.parametrize("hurt", HURTS, ids=NAMES)
def test_one_row_is_one_row(filled: Path, tmp_path: Path, hurt: Hurt) -> None:
    """Whatever a column holds, no list and no work fails, the other rows are all there, and the row is named."""
    file = shutil.copy(filled, tmp_path / "store.sqlite")
    check(Place(f"sqlite:///{file}"), hurt)


@pytest.mark.parametrize("hurt", [hurt for hurt in HURTS if hurt.everywhere], ids=lambda hurt: hurt.change)
def test_one_row_is_one_row_on_a_server(postgresql: Place, hurt: Hurt) -> None:
    """The same on PostgreSQL, where it can hold such a thing."""
    with closing(open_store(postgresql.url)) as store:
        fill(store)
    check(postgresql, hurt)


def check(place: Place, hurt: Hurt) -> None:
    """Do the damage, and see that all the rest is there and the row is named."""
    with closing(open_store(place.url)) as store:
        hurt.do(place)
        problems = store.look_through()
        assert [problem.path.partition(".")[0] for problem in problems] == [hurt.table]
        assert all(GOOD in found for found in shown(store).values()), shown(store)
        store.set_aside(NOON)
        (row,) = store.unreadable()
        assert row.kind == hurt.table
        assert PERSON not in row.reason
        assert all(GOOD in found for name, found in shown(store).items() if name != "claim")


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """On a file; some tests say otherwise."""
    found: Place = request.getfixturevalue("sqlite")
    return found


def test_the_row_itself_is_asked_for(store: SqlStore, place: Place) -> None:
    """Each method that asks for one row raises `Unreadable`, which names it, and leaves the others alone."""
    fill(store)
    for table, column in (("referral", "body"), ("outbox", "effect"), ("resource", "body"), ("worklist", "body")):
        Hurt(table, f"{column} = '{{}}'", OF[table]).do(place)
    Hurt("inbox", "reply = 'text'", OF["inbox"]).do(place)
    with pytest.raises(Unreadable, match="referral bad cannot be read"):
        store.referral(BAD)
    with store.begin() as tx:
        asked: list[Callable[[str], Any]] = [
            tx.load,
            tx.row,
            tx.item,
            tx.seen,
            lambda ident: tx.resource("Task", ident),
            lambda ident: tx.keep_content(ident, b"bytes", "type"),
        ]
        for ask in asked:
            with pytest.raises(Unreadable):
                ask(BAD)
            assert ask(GOOD) is not None


def test_a_plan_that_cannot_be_read(opened: Opened, place: Place) -> None:
    """Each method that asks for it raises; no clock of it is taken up until it is mended, its version too."""
    one, other = opened(), opened()
    fill(one)
    place.sql("CREATE TABLE kept AS SELECT body FROM plan_version WHERE plan_id = 'bad' AND version = 2")
    Hurt("plan_version", "body = '{}'", "plan_id = 'bad' AND version = 2").do(place)
    Hurt("plan_view", "day = ''", OF["plan_view"]).do(place)
    Hurt("plan_name", "plan_id = x'01'", OF["plan_name"]).do(place)
    with pytest.raises(Unreadable, match="plan bad cannot be read"):
        one.shared_plan(BAD)
    with pytest.raises(Unreadable, match="plan_version bad/2 cannot be read"):
        one.plan_version(BAD, 2)
    with one.begin() as tx:
        asked: list[Callable[[str], Any]] = [
            tx.load_plan,
            lambda ident: tx.plan_version(ident, 2),
            lambda ident: tx.view_made(ident, 1),
            lambda ident: tx.plan_named("share", ident),
        ]
        for ask in asked:
            with pytest.raises(Unreadable):
                ask(BAD)
            assert ask(GOOD) is not None
    assert BAD in other.due_plans(NOON, 9), "until it is set aside"
    one.set_aside(NOON)
    assert other.due_plans(NOON, 1) == [GOOD]
    rows = {row.kind: row for row in other.unreadable()}
    assert sorted(rows) == ["plan", "plan_name", "plan_version", "plan_view"]
    assert rows["plan"].aggregate == rows["plan_version"].aggregate == Aggregate(kind=PLAN, id=BAD)
    with pytest.raises(Unreadable):
        other.take_up("plan", BAD)
    place.sql("UPDATE plan_version SET body = (SELECT body FROM kept) WHERE plan_id = 'bad' AND version = 2")
    for kind, key in (("plan", BAD), ("plan_version", f"{BAD}/2")):
        other.take_up(kind, key)
    assert other.due_plans(NOON, 9) == [BAD, GOOD]


def test_set_aside_until_it_is_mended(opened: Opened, place: Place) -> None:
    """Neither its timer nor its message is taken up, by any process; not mended it stays so; mended it goes on."""
    one, other = opened(), opened()
    fill(one)
    place.sql("CREATE TABLE kept AS SELECT body, (SELECT effect FROM outbox WHERE id = 'bad') AS effect FROM referral")
    Hurt("outbox", "effect = '{}'", OF["outbox"]).do(place)
    Hurt("referral", "body = '{}', next_due = 1", OF["referral"]).do(place)
    assert [row.id for row in one.claim("w", NOON, MINUTE, 1)] == [GOOD]
    with pytest.raises(StoreError):
        one.referral(BAD)
    one.set_aside(NOON)
    assert other.due_timers(NOON, 1) == [GOOD]
    assert [row.id for row in other.claim("w", after(hours=1), MINUTE, 9)] == [GOOD]
    rows = {row.kind: row for row in other.unreadable()}
    assert {row.aggregate for row in rows.values()} == {Aggregate.of_referral(BAD)}
    for row in rows.values():
        with pytest.raises(Unreadable):
            other.take_up(row.kind, row.key)
    place.sql("UPDATE outbox SET effect = (SELECT effect FROM kept) WHERE id = 'bad'")
    place.sql(
        "UPDATE referral SET body = (SELECT body FROM kept WHERE body LIKE '%\"bad\"%') WHERE correlation_id = 'bad'"
    )
    for row in rows.values():
        other.take_up(row.kind, row.key)
        with pytest.raises(InvalidInput):
            other.take_up(row.kind, row.key)
    assert other.unreadable() == []
    assert one.due_timers(NOON, 5) == [BAD, GOOD]
    assert [row.id for row in one.claim("w", NOON, MINUTE, 9)] == [BAD]


def test_it_does_not_hold_up_its_lane(store: SqlStore, place: Place) -> None:
    """As a parked row does not: what comes after it in its lane goes out, once it is set aside."""
    with store.begin() as tx:
        tx.enqueue([outbox_row("first"), outbox_row("second")])
    place.sql("UPDATE outbox SET effect = '{}' WHERE id = 'first'")
    assert store.claim("w", NOON, MINUTE, 9) == []
    store.set_aside(NOON)
    assert [row.id for row in store.claim("w", NOON, MINUTE, 9)] == ["second"]


def test_the_limit_is_for_what_can_be_read(store: SqlStore, place: Place) -> None:
    """Many bad rows before the good ones do not make a list short, nor a claim."""
    with store.begin() as tx:
        tx.enqueue([outbox_row(f"{number:02}", f"r-{number}") for number in range(30)])
    place.sql("UPDATE outbox SET effect = '{}' WHERE id < '27'")
    assert [row.id for row in store.outbox(limit=2)] == ["27", "28"]
    assert len(store.claim("w", NOON, MINUTE, 3)) == 3
    assert len(store.unreadable()) == 27


def test_it_is_counted_once_a_minute(store: SqlStore, place: Place) -> None:
    """Read again and again, it is written down once; `figures` counts it; its deletion lets it be forgotten."""
    fill(store)
    Hurt("outbox", "effect = '{}'", OF["outbox"]).do(place)
    for _ in range(5):
        store.outbox()
        store.set_aside(NOON)
    (row,) = store.unreadable()
    assert (row.times, row.first, store.figures().unreadable) == (1, NOON, 1)
    place.sql("DELETE FROM outbox WHERE id = 'bad'")
    store.take_up(row.kind, row.key)
    assert store.unreadable() == []


def test_a_list_writes_nothing(store: SqlStore, place: Place) -> None:
    """Reading never waits for a writer, and names the row even so."""
    fill(store)
    Hurt("worklist", "body = '{}'", OF["worklist"]).do(place)
    with store.begin():
        assert [item.id for item in store.worklist()] == [GOOD]
        assert [row.kind for row in store.unreadable()] == ["worklist"]
    assert place.sql("SELECT count(*) FROM unreadable") == [(0,)]


def test_a_damaged_schema(sqlite: Place) -> None:
    """Bytes that are no UTF-8 in the schema's page are a `StoreError`, whoever meets them first."""
    open_store(sqlite.url).close()
    file = Path(sqlite.url.removeprefix("sqlite:///").partition("?")[0])
    content = file.read_bytes()
    for word in (b"CREATE TABLE referral", b"CREATE INDEX outbox_by_due"):
        file.write_bytes(content.replace(word, b"CREATE \xff\xfe" + word[9:]))
        with pytest.raises(StoreError):
            open_store(sqlite.url)
