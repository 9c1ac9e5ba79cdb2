"""A store from before the parties were kept: nobody finds a loop until it is worked out whom it concerns."""

from contextlib import closing

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.ports import PartyNames
from ip_fhir.store import open_store, upgrade_store
from ip_fhir.store.codec import dump
from ip_fhir.store.engine import Database
from ip_fhir.store.migrate import run
from ip_fhir.testing.store_samples import referral
from tests.store.places import Place


def test_old_loops_are_listed_as_without_parties(bare: Place) -> None:
    """Each referral that is there is listed once, by whatever settings; resources are found as before."""
    database = Database(bare.url)
    with database.writing() as connection:
        run(connection, "0006")
    database.engine.dispose()
    for ident in ("r", "s"):
        bare.sql(
            "INSERT INTO referral (correlation_id, role, state, changed, revision, body) "
            "VALUES (:ident, 'hospital', 'sent', 0, 1, :body)",
            ident=ident,
            body=dump(referral(ident).to_data()),
        )
    bare.sql(
        "INSERT INTO resource (type, id, version, current, body, updated, aggregate_id) "
        "VALUES ('Task', 'r-1', 1, :current, '{\"resourceType\": \"Task\", \"id\": \"r-1\"}', 0, 'r')",
        current=True,
    )
    upgrade_store(bare.url)
    hospital = PartyNames(frozenset({"hospital"}), "basis")
    with closing(open_store(bare.url)) as store:
        assert sorted(store.without_parties("basis", 10)) == ["r", "s"]
        assert store.search_resources("Task", {}, parties=hospital) == []
        with store.begin() as transaction:
            transaction.set_parties(Aggregate.of_referral("r"), hospital)
        assert store.without_parties("basis", 10) == ["s"]
        assert [one.id for one in store.search_resources("Task", {}, parties=hospital)] == ["r-1"]
        assert store.verify() == ()
