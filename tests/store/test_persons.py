"""Whom a referral is about: found by number, over when the loop is over, gone with a purge; filled at the upgrade."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from ip_fhir.domain.referral import State
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.store import open_store, upgrade_store
from ip_fhir.store.codec import dump
from ip_fhir.store.engine import Database
from ip_fhir.store.migrate import run
from ip_fhir.testing.store_samples import after, referral
from tests.store.places import Place

if TYPE_CHECKING:
    from ip_fhir.store import SqlStore

NUMBER = "14826121549"  # of the test register


def _others(store: SqlStore, ident: str, limit: int = 9) -> list[str]:
    with store.begin() as tx:
        return tx.others_about(Aggregate.of_referral(ident), NUMBER, limit)


def _kept(store: SqlStore, *idents: str, state: State = State.SENT) -> None:
    for ident in idents:
        with store.begin() as tx:
            tx.save(referral(ident, state), None)
            tx.add_person(Aggregate.of_referral(ident), NUMBER)


def test_others_are_found_while_they_are_open(store: SqlStore) -> None:
    """Every other one, in order, at most so many; confirmed is not over, closed is."""
    _kept(store, "a", "b")
    _kept(store, "c", state=State.CONFIRMED)
    _kept(store, "d", state=State.CLOSED)
    assert _others(store, "a") == ["b", "c"]
    assert _others(store, "new", 2) == ["a", "b"]
    with store.begin() as tx:
        assert tx.others_about(Aggregate.of_referral("a"), "09838830290", 9) == []
    assert store.verify() == ()


def test_a_purge_forgets_the_person(store: SqlStore, place: Place) -> None:
    """With the referral the number goes."""
    _kept(store, "a", state=State.CLOSED)
    store.purge(after(days=400), after(days=400))
    assert place.sql("SELECT person FROM about_person") == []


def test_old_loops_are_found_after_the_upgrade(bare: Place) -> None:
    """A store from before: whom each loop is about is read from it; a row that cannot be read stops nothing."""
    database = Database(bare.url)
    with database.writing() as connection:
        run(connection, "0009")
    database.engine.dispose()
    known = referral("r")
    owner = known.notice.owner.evolve(identifier=PersonId(NUMBER))
    bodies = {"r": dump(known.evolve(notice=known.notice.evolve(owner=owner)).to_data())}
    bodies |= {"s": dump(referral("s").to_data()), "t": "no JSON"}
    for ident, body in bodies.items():
        bare.sql(
            "INSERT INTO referral (correlation_id, role, state, changed, revision, body) "
            "VALUES (:ident, 'hospital', 'sent', 0, 1, :body)",
            ident=ident,
            body=body,
        )
    upgrade_store(bare.url)
    with closing(open_store(bare.url)) as store:
        assert _others(store, "new") == ["r"]
