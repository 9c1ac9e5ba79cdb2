"""A store from before there were shared plans: rows and items are about nothing, and verify as they did."""

from contextlib import closing
from dataclasses import replace
from typing import Any

from ip_fhir.domain.values.aggregate import PLAN
from ip_fhir.store import SqlStore, open_store, upgrade_store
from ip_fhir.store.codec import item_values, outbox_values
from ip_fhir.store.engine import Database
from ip_fhir.store.integrity.digests import digest_of_row, dump_wrote, owner
from ip_fhir.store.integrity.links import add_links
from ip_fhir.store.migrate import run
from ip_fhir.store.schema import outbox, worklist
from ip_fhir.testing.store_samples import MINUTE, NOON, after, outbox_row, plan_row, work_item
from tests.store.integrity_damage import fill_plan
from tests.store.places import Place

ADDED = ("about", "plan_message")
ROWS = [outbox_row("loop", "p"), replace(outbox_row("plan", "p"), aggregate_kind=PLAN)]
ITEMS = [work_item("of-loop", "p"), work_item("of-plan", "p", kind=PLAN)]


def make_old(place: Place) -> None:
    """A store as version 0010 left it, with an open item and a row that waits, for a loop and for a plan."""
    database = Database(place.url)
    with database.writing() as connection:
        run(connection, "0010")
        things: dict[str, dict[str, str]] = {}
        for table, kind, found in (
            (outbox, "outbox", [outbox_values(row) for row in ROWS]),
            (worklist, "item", [item_values(item) for item in ITEMS]),
        ):
            for values in found:
                old: dict[str, Any] = {name: value for name, value in values.items() if name not in ADDED}
                connection.execute(table.insert().values(old))
                of = things.setdefault(owner(old["aggregate_kind"], old["aggregate_id"]), {})
                of[f"{kind}/{old['id']}"] = digest_of_row(table.name, old)
        add_links(connection, (), dump_wrote(things=things))
    database.engine.dispose()


def open_items(store: SqlStore) -> set[str]:
    """The ids of the open items."""
    return {item.id for item in store.worklist()}


def test_what_is_there_comes_through(bare: Place) -> None:
    """Items and rows as they were, whole; an item about the whole gives way to a later one, one about a share to none.

    A message about a plan goes in a lane of its own, beside those from before.
    """
    make_old(bare)
    upgrade_store(bare.url)
    with closing(open_store(bare.url)) as store:
        assert store.verify() == ()
        assert open_items(store) == {"of-loop", "of-plan"}
        later = work_item("later", "p", kind=PLAN, opened=after(days=1))
        with store.begin() as tx:
            tx.open_items([later, work_item("about", "p", kind=PLAN, about="s1")])
            tx.enqueue([plan_row("new", "p", party="school")])
        assert open_items(store) == {"of-loop", "later", "about"}
        assert {row.id for row in store.claim("w", NOON, MINUTE, 9)} == {"loop", "plan", "new"}
        fill_plan(store, "q")
        assert store.verify() == ()


def test_a_second_upgrade_changes_nothing(bare: Place) -> None:
    """Once is enough; plans stay."""
    make_old(bare)
    for number in range(2):
        upgrade_store(bare.url)
        with closing(open_store(bare.url)) as store:
            fill_plan(store, f"p{number}")
            assert len(store.plans()) == number + 1
            assert store.verify() == ()
