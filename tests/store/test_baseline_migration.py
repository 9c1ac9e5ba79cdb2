"""A store from before the chain had digests: what stands is taken as it stands, and everything after is covered."""

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.store import open_store, upgrade_store
from ip_fhir.store.chain import START, follow
from ip_fhir.store.engine import Database
from ip_fhir.store.migrate import run
from ip_fhir.testing.store_samples import NOON, append
from tests.store.integrity_damage import CHANGES, change, fill
from tests.store.places import Place

BEFORE = "0006"
WITHOUT = sorted(set(CHANGES) - {"evidence: what was written"})


def make_old(place: Place, *idents: str) -> None:
    """A store as the version before left it, with full loops in it: made by this one, its digests then taken out."""
    upgrade_store(place.url)
    with closing(open_store(place.url)) as store:
        for ident in idents:
            fill(store, ident)
    kept = place.sql("SELECT body, aggregate_id FROM evidence WHERE aggregate_kind = 'referral' ORDER BY number")
    tables = ("referral", "inbox", "outbox", "resource", "token", "worklist", "refusal")
    rows = {table: place.sql(f"SELECT * FROM {table}") for table in tables}  # noqa: S608 - our own names
    names = {table: columns(place, table) for table in tables}
    plans = ("plan", "plan_version", "plan_view", "plan_name")
    added = (
        "unreadable",
        "taking_part",
        "about_person",
        "reading",
        "reading_count",
        "other_id",
        "subscription",
        "proof",
        "given_id",
        "telling",
        *plans,
    )  # by later migrations
    for table in ("evidence", "meta", "alembic_version", *added, *tables):
        place.sql(f"DROP TABLE {table}")
    database = Database(place.url)
    with database.writing() as connection:
        run(connection, BEFORE)
    database.engine.dispose()
    for table in tables:
        there = set(columns(place, table))
        insert(place, table, [{n: v for n, v in zip(names[table], r, strict=True) if n in there} for r in rows[table]])
    bodies = [(Aggregate.of_referral(ident), body) for body, ident in kept]
    links = list(follow(START, bodies))
    insert(place, "evidence", [{n: v for n, v in link.items() if n != "wrote"} for link in links])
    place.sql(
        "UPDATE meta SET value = :head WHERE key = 'chain-head'", head=f"{links[-1]['number']} {links[-1]['hash']}"
    )


def insert(place: Place, table: str, rows: list[dict[str, Any]]) -> None:
    """Put rows into a table, past the store."""
    given = ", ".join(f":{name}" for name in rows[0])
    with place._connected() as connection:
        connection.execute(text(f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES ({given})"), rows)  # noqa: S608


def columns(place: Place, table: str) -> list[str]:
    """The columns that a table has now, in order."""
    if place.embedded:
        return [row[1] for row in place.sql(f"PRAGMA table_info({table})")]
    found = place.sql(
        "SELECT column_name FROM information_schema.columns WHERE table_name = :name ORDER BY ordinal_position",
        name=table,
    )
    return [row[0] for row in found]


def test_what_stood_is_taken_as_it_stood(bare: Place) -> None:
    """The upgraded store is whole, says how much of it stands from before, and less of it as it is written anew."""
    make_old(bare, "r", "s")
    upgrade_store(bare.url)
    with closing(open_store(bare.url)) as store:
        checked = store.examine()
        assert checked.problems == ()
        assert checked.stood == checked.things > 20
        assert store.head().number == 3, "two of before, one with the digests"
        assert [link.record.event.id for link in store.evidence()] == ["r-1", "s-1"]
        store.sent("r-waits", NOON)
        append(store, "r", "more")
        after = store.examine()
        assert (after.problems, after.things - after.stood) == ((), 1)
        upgrade_store(bare.url)
        assert store.head().number == 5, "once is enough"


@pytest.fixture(scope="session")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store that was upgraded."""
    file = tmp_path_factory.mktemp("old") / "old.sqlite"
    make_old(Place(f"sqlite:///{file}"), "r")
    upgrade_store(f"sqlite:///{file}")
    return file


@pytest.mark.parametrize("name", WITHOUT)
def test_a_change_after_the_upgrade_is_named(upgraded: Path, tmp_path: Path, name: str) -> None:
    """What stood at the upgrade is covered from then on, as if it had been written then."""
    place = Place(f"sqlite:///{shutil.copy(upgraded, tmp_path / 'copy.sqlite')}")
    change(place, CHANGES[name])
    with closing(open_store(place.url)) as store:
        assert any(problem.path.startswith(CHANGES[name].path) for problem in store.verify())


def test_a_state_that_was_changed_before_is_named(bare: Place) -> None:
    """A referral that was put into another state before the upgrade: its records tell."""
    make_old(bare, "r")
    bare.sql("UPDATE referral SET state = 'closed'")
    upgrade_store(bare.url)
    with closing(open_store(bare.url)) as store:
        (problem,) = store.verify()
        assert (problem.path, problem.reason[:21]) == ("referral.r", "its state or side is ")


def test_many_things_at_the_upgrade(tmp_path: Path) -> None:
    """More than one record holds: there are several, one after the other."""
    place = Place(f"sqlite:///{tmp_path}/old.sqlite")
    make_old(place, "r")
    (row,) = place.sql("SELECT * FROM outbox WHERE id = 'r-refused'")
    values = {name: value for name, value in zip(columns(place, "outbox"), row, strict=True) if name != "sequence"}
    insert(place, "outbox", [{**values, "id": f"row-{number}"} for number in range(600)])
    upgrade_store(place.url)
    with closing(open_store(place.url)) as store:
        checked = store.examine()
        assert checked.problems == ()
        assert checked.stood > 1200
        assert store.head().number == 1 + 3
