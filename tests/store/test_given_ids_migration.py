"""A store from before the ids that participants gave were kept apart: those in its plans are found."""

from contextlib import closing

from ip_fhir.domain.sharing.share import IdPair
from ip_fhir.store import open_store, upgrade_store
from ip_fhir.testing.store_samples import share, shared_plan
from tests.store.places import Place

GIVEN = (IdPair(view="goal-1", plan="aaa"), IdPair(view="goal-2", plan="bbb"))


def test_what_is_there_comes_through(bare: Place) -> None:
    """Each id by party and plan, also where two persons of a party gave the same; a broken body is passed over."""
    upgrade_store(bare.url)
    with closing(open_store(bare.url)) as store:
        for ident in ("p", "q", "r"):
            shares = (share(f"{ident}-s", ident, book=GIVEN), share(f"{ident}-t", ident, book=GIVEN[1:]))
            with store.begin() as tx:
                tx.save_plan(shared_plan(ident, shares=shares), None)
    kept = bare.sql("SELECT party, id, plan_id FROM given_id ORDER BY plan_id, id")
    assert [tuple(row) for row in kept] == [("school", pair.view, ident) for ident in "pqr" for pair in GIVEN]
    bare.sql("UPDATE plan SET body = 'none' WHERE id = 'r'")
    bare.sql("DROP TABLE given_id")
    bare.sql("DROP TABLE telling")  # by a later migration
    bare.sql("UPDATE alembic_version SET version_num = '0015'")
    upgrade_store(bare.url)
    assert bare.sql("SELECT party, id, plan_id FROM given_id ORDER BY plan_id, id") == kept[:4]
