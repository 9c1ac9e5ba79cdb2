"""The log of reads: what somebody changes in it past the store is found, and old rows go in whole batches."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import orjson
import pytest

from ip_fhir.ports.readings import ReadingCount
from ip_fhir.settings.sections import EvidenceSettings
from ip_fhir.store import SqlStore, open_store
from ip_fhir.store.readings.log import digest_of
from ip_fhir.testing import ReadingContract
from ip_fhir.testing.store.resources import reading
from ip_fhir.testing.store_samples import NOON, after
from tests.store.places import Place


class TestReadings(ReadingContract):
    """Both databases keep the contract."""


@pytest.fixture
def sealed(store: SqlStore) -> SqlStore:
    """Rows 1 to 3 are one batch, 4 to 6 another; 7 and 8 are not sealed."""
    for number in (3, 3, 2):
        store.add_readings([reading()] * number, [])
        if number == 3:
            store.seal_readings()
    assert store.verify() == ()
    return store


WRONG = {
    "UPDATE reading SET party = 'x' WHERE number = 2": ["reads.1"],
    "UPDATE reading SET at = at + 1 WHERE number = 5": ["reads.4"],
    "DELETE FROM reading WHERE number = 4": ["reads.4"],
    "DELETE FROM reading WHERE number <= 3": ["reads.1"],
    "DELETE FROM reading": ["reads.1", "reads.4", "reads.7"],
    "DELETE FROM reading WHERE number = 7": ["reads.7"],
    "DELETE FROM reading WHERE number = 8": ["reads.8"],
    "UPDATE reading SET number = 9 WHERE number = 8": ["reads.8"],
    "INSERT INTO reading SELECT 9, party, at, way, type, id, version, aggregate_kind, aggregate_id, criteria, ground, "
    "client FROM reading WHERE number = 8": ["reads.9"],
    "UPDATE reading SET client = 'x' WHERE number = 3": ["reads.1"],
    "UPDATE meta SET value = '8 3' WHERE key = 'readings'": ["reads.7"],
    "UPDATE meta SET value = 'x' WHERE key = 'readings'": ["reads.7"],
    "DELETE FROM meta WHERE key = 'readings'": ["reads.7"],
}


@pytest.mark.parametrize("change", WRONG)
def test_a_change_is_found(sealed: SqlStore, place: Place, change: str) -> None:
    """Each change is a problem with the number of the batch or row, never a crash."""
    place.sql(change)
    assert [problem.path for problem in sealed.verify()] == WRONG[change]


def test_a_batch_that_is_gone_from_the_chain_is_found(sealed: SqlStore, place: Place) -> None:
    """Without its record a batch is missing; a record that is no record is named by its own number."""
    place.sql("UPDATE evidence SET body = '{}' WHERE number = 2")
    assert {problem.path for problem in sealed.verify()} == {"evidence.2", "reads.4"}
    place.sql("DELETE FROM evidence WHERE number = 1")
    assert "reads.1" in {problem.path for problem in sealed.verify()}


def test_rows_from_before_there_were_clients_verify_as_they_did() -> None:
    """A row without a client has the digest that it had without the column; one with a client has another."""
    before = (1, "hospital", 2, "read", "Task", "t", 1, "referral", "r", "", "takes-part")
    told = sha256(orjson.dumps(list(before))).hexdigest()
    assert digest_of([(*before, "")]) == told
    assert digest_of([(*before, "client")]) != told


def test_a_client_that_is_blanked_is_found(store: SqlStore, place: Place) -> None:
    """Who takes the client out of a sealed row is found."""
    store.add_readings([replace(reading(), client="one")], [])
    store.seal_readings()
    assert store.verify() == ()
    place.sql("UPDATE reading SET client = ''")
    assert [problem.path for problem in store.verify()] == ["reads.1"]


def test_bytes_are_no_text(sqlite: Place) -> None:
    """Bytes in place of text, which SQLite allows, are a change like any other."""
    with closing(open_store(sqlite.url)) as store:
        store.add_readings([reading()], [])
        store.seal_readings()
        sqlite.sql("UPDATE reading SET party = x'00ff' WHERE number = 1")
        assert [problem.path for problem in store.verify()] == ["reads.1"]


def test_old_batches_are_purged(store: SqlStore) -> None:
    """A purge takes out batches that are old as a whole, and old counts; the rest verifies as before."""
    assert store.purge(after(days=1), after(days=1), reads=timedelta(0)).reads == 0
    old, young = reading(), replace(reading(), at=after(days=2))
    counts = [ReadingCount("x", NOON, "refused", 1), ReadingCount("x", after(days=2), "refused", 1)]
    store.add_readings([old, old], counts)
    store.seal_readings()
    store.add_readings([old, young], [])
    store.seal_readings()
    store.add_readings([old], [])
    assert store.purge(after(days=1), after(days=3), reads=timedelta(0)).reads == 2
    assert [one.number for one in store.readings()] == [5, 4, 3]
    assert [one.hour for one in store.reading_counts()] == [after(days=2)]
    assert store.verify() == ()
    assert store.purge(after(days=1), after(days=3), reads=timedelta(0)).reads == 0
    store.seal_readings()
    assert store.purge(after(days=9), after(days=9), reads=timedelta(0)).reads == 3
    assert (store.readings(), store.verify()) == ([], ())


def test_rows_are_kept_for_the_years_of_the_settings(store: SqlStore) -> None:
    """Whatever age the operator says: it can be told for so long who has read something, by default for three years."""
    store.add_readings([reading()], [])
    store.seal_readings()
    assert store.purge(after(days=1000), after(days=1000)).reads == 0
    assert store.purge(after(days=1000), after(days=1096)).reads == 0
    assert (
        store.purge(after(days=1000), after(days=1098), reads=EvidenceSettings(reads_years=4).reads_kept()).reads == 0
    )
    assert store.purge(after(days=1000), after(days=1098), reads=EvidenceSettings().reads_kept()).reads == 1
    assert store.verify() == ()
