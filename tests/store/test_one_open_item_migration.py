"""A store from before there was one open item for each loop and reason: the newest stays open, the rest are closed."""

from contextlib import closing
from typing import Any

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.loop.worklist import IN_ITS_PLACE, WorklistItem
from ip_fhir.store import open_store, upgrade_store
from ip_fhir.store.codec import item_values
from ip_fhir.store.engine import Database
from ip_fhir.store.integrity.digests import digest_of_row, dump_wrote, owner
from ip_fhir.store.integrity.links import add_links
from ip_fhir.store.migrate import run
from ip_fhir.store.schema import worklist
from ip_fhir.testing.store_samples import after, work_item
from tests.store.places import Place

REMINDED = [
    work_item("first"),
    work_item("second", opened=after(days=5)),
    work_item("third", opened=after(days=9)),
    work_item("at-the-same-time", opened=after(days=9)),
]
ALONE = [work_item("other", reason=Reason.NEW_NOTICE), work_item("of-another", of="s")]


def make_old(place: Place, items: list[WorklistItem]) -> None:
    """A store as version 0008 left it, with these items open, and in the chain."""
    database = Database(place.url)
    with database.writing() as connection:
        run(connection, "0008")
        things: dict[str, dict[str, str]] = {}
        for item in items:
            values: dict[str, Any] = {name: value for name, value in item_values(item).items() if name != "about"}
            connection.execute(worklist.insert().values(values))
            of = things.setdefault(owner(item.aggregate.kind, item.aggregate.id), {})
            of[f"item/{item.id}"] = digest_of_row("worklist", values)
        add_links(connection, (), dump_wrote(things=things))
    database.engine.dispose()


def test_doubles_are_joined(bare: Place) -> None:
    """Three reminders are one; whoever did nothing did nothing; the chain says what the upgrade did."""
    make_old(bare, [*REMINDED, *ALONE])
    upgrade_store(bare.url)
    with closing(open_store(bare.url)) as store:
        assert [item.id for item in store.worklist()] == ["of-another", "other", "third"]
        closed = {item.id: (item.done, item.by, item.note) for item in store.worklist(open_only=False) if item.done}
        given_way = (after(days=9), None, IN_ITS_PLACE)
        assert closed == {"first": given_way, "second": given_way, "at-the-same-time": given_way}
        assert store.verify() == ()
        head = store.head().number
    bare.sql("UPDATE worklist SET note = 'phoned' WHERE id = 'first'")
    with closing(open_store(bare.url)) as store:
        assert [problem.path for problem in store.verify()] == ["outcome.first"]
    upgrade_store(bare.url)
    with closing(open_store(bare.url)) as store:
        assert store.head().number == head, "once is enough"


def test_nothing_to_join(bare: Place) -> None:
    """Without doubles the chain stays as it is."""
    make_old(bare, ALONE)
    upgrade_store(bare.url)
    with closing(open_store(bare.url)) as store:
        assert len(store.worklist()) == 2
        assert (store.verify(), store.head().number) == ((), 1)
