"""The proofs of possession in the store: one that was shown to any process counts no more."""

from __future__ import annotations

from contextlib import closing

from ip_fhir.store import SqlStore, open_store
from ip_fhir.testing import ProofContract
from ip_fhir.testing.store_samples import NOON, after
from tests.store.places import Place


class TestProofs(ProofContract):
    """Both databases keep the contract."""


def test_another_process(sqlite: Place) -> None:
    """What one process was shown, another one on the same database knows, also after the first has ended."""
    with closing(open_store(sqlite.url)) as store:
        assert store.is_first_proof("a", NOON, after(minutes=4))
    with closing(open_store(sqlite.url)) as store:
        assert not store.is_first_proof("a", after(minutes=1), after(minutes=5))


def test_what_is_over_takes_no_room(store: SqlStore) -> None:
    """Only those whose time is not over are kept."""
    for minute in range(50):
        assert store.is_first_proof(str(minute), after(minutes=minute), after(minutes=minute + 4))
    with store._database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM proof").scalar() == 5
