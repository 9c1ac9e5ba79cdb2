"""A store of any earlier version has everything after the upgrade, as a referral's, and its chain verifies."""

from contextlib import closing
from typing import Any

import pytest

from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.store import open_store, upgrade_store
from ip_fhir.store.chain import digest_of
from ip_fhir.store.codec import dump, micros
from ip_fhir.store.engine import Database
from ip_fhir.store.migrate import run
from ip_fhir.testing.store_samples import MINUTE, NOON, after, outbox_row, record, referral, task
from tests.store.places import Place

EARLIER = ("0001", "0002", "0003")


def old_hash(previous: str, number: int, body: str) -> str:
    """The hash of a record of the referral `r`, as the first version made it."""
    fields = f'{{"correlation_id":"r","number":{number},"record":"{digest_of(body)}"}}'
    return digest_of(previous + fields)


def fill(place: Place, version: str) -> None:
    """The tables of a version, with a referral, its evidence, rows of every status, a resource."""
    database = Database(place.url)
    with database.writing() as connection:
        run(connection, version)
    database.engine.dispose()
    insert(place, "referral", correlation_id="r", role="hospital", state="sent", changed=1, revision=1, body=BODY)
    last = "0" * 64
    for number, event in enumerate(("one", "two"), 1):
        body = dump(record(event).to_data())
        own = old_hash(last, number, body)
        insert(place, "evidence", number=number, correlation_id="r", body=body, previous=last, hash=own)
        last = own
    place.sql("UPDATE meta SET value = :head WHERE key = 'chain-head'", head=f"2 {last}")
    for ident, status in (("a", "sent"), ("b", "parked"), ("c", "waiting"), ("d", "waiting")):
        row: dict[str, Any] = {"due": micros(NOON), "attempts": 0, "claim": 0, "status": status}
        effect = dump(outbox_row(ident).effect.to_data())
        insert(place, "outbox", id=ident, correlation_id="r", lane="send", effect=effect, **row)
    kept = task("t", status="requested")
    insert(
        place, "resource", type="Task", id="t", version=1, current=True, body=dump(kept.body),
        updated=micros(kept.updated), correlation_id="r",
    )  # fmt: skip
    insert(place, "token", type="Task", name="status", value="requested", id="t")


BODY = dump(referral("r").to_data())


def insert(place: Place, table: str, **values: Any) -> None:
    """One row, past the store."""
    names = ", ".join(values)
    place.sql(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})", **values)  # noqa: S608


@pytest.mark.parametrize("version", EARLIER)
def test_what_was_there_is_a_referrals(bare: Place, version: str) -> None:
    """Referral, evidence, rows in their order, resource: all there, of kind referral; nothing awaits or is to do."""
    fill(bare, version)
    upgrade_store(bare.url)
    with closing(open_store(bare.url)) as store:
        kept = store.referral("r")
        assert kept is not None
        assert kept.referral == referral("r")
        assert [link.record.event.id for link in store.evidence("r")] == ["one", "two"]
        assert store.verify() == ()
        rows = store.outbox()
        assert [(row.id, row.status) for row in rows] == [
            ("a", "sent"), ("b", "parked"), ("c", "waiting"), ("d", "waiting"),
        ]  # fmt: skip
        assert {(row.aggregate, row.handovers, row.handed_over) for row in rows} == {
            (Aggregate.of_referral("r"), 0, None)
        }
        assert store.search_resources("Task", {"correlation": "r", "status": "requested"}) == [
            task("t", status="requested")
        ]
        assert (store.worklist(open_only=False), store.figures().open_items) == ([], 0)


@pytest.mark.parametrize("version", EARLIER)
def test_it_goes_on(bare: Place, version: str) -> None:
    """The chain goes on where it ended, also with a plan's records; the lane's order holds; a row can be awaited."""
    fill(bare, version)
    upgrade_store(bare.url)
    with closing(open_store(bare.url)) as store:
        with store.begin() as transaction:
            transaction.append("r", [record("three")])
            transaction.append_records(Aggregate(kind=PLAN, id="r"), [{"a": 1}])
        assert store.head().number == 5, "two from before, the digests of what was there, two more"
        assert store.verify() == ()
        (row,) = store.claim("one", NOON, MINUTE, 10)
        assert row.id == "c"
        store.hand_over("c", NOON, after(minutes=15), row.claim)
        assert store.claim("one", NOON, MINUTE, 10) == []
        assert [one.id for one in store.overdue_receipts(after(minutes=15), 10)] == ["c"]


@pytest.mark.parametrize("version", EARLIER)
def test_a_changed_record_is_found_after_the_upgrade(bare: Place, version: str) -> None:
    """What was damaged before is damaged after; a record made a plan's too."""
    fill(bare, version)
    upgrade_store(bare.url)
    for change in ("aggregate_kind = 'plan'", "aggregate_kind = 'referral', body = '{}'"):
        bare.sql(f"UPDATE evidence SET {change} WHERE number = 1")  # noqa: S608 - our own words
        with closing(open_store(bare.url)) as store:
            assert [problem.path for problem in store.verify()] == ["evidence.1"]
