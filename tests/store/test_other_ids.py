"""The ids of other systems: gone with their referral, covered by the evidence, bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ip_fhir.domain.referral import State
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import InvalidInput
from ip_fhir.ports.other_ids import KnownId, OtherId
from ip_fhir.testing.store_samples import after, record, referral

if TYPE_CHECKING:
    from ip_fhir.store import SqlStore
    from tests.store.places import Place

_OTHER = OtherId("referral", "FJELL-2026/17")


def _kept(store: SqlStore) -> None:
    with store.begin() as transaction:
        transaction.save(referral("r", State.CLOSED), None)
        transaction.append("r", [record("r", state=State.CLOSED)])
        transaction.keep_id("Fjell", _OTHER, KnownId("r", Aggregate.of_referral("r")))


def test_a_purge_forgets_the_id(store: SqlStore, place: Place) -> None:
    """With the referral its other ids go, and the evidence says so."""
    _kept(store)
    store.purge(after(days=400), after(days=400))
    assert place.sql("SELECT value FROM other_id") == []
    assert store.verify() == ()


@pytest.mark.parametrize("column", ["party", "kind", "value", "stands_for", "aggregate_id"])
def test_a_changed_id_is_found(store: SqlStore, place: Place, column: str) -> None:
    """Somebody who bends an id in the database to lead elsewhere is found out."""
    _kept(store)
    assert store.verify() == ()
    place.sql(f"UPDATE other_id SET {column} = 'x'")  # noqa: S608 - our own names
    assert store.verify() != ()


@pytest.mark.parametrize("value", ["", "x" * 256])
def test_an_id_has_a_length(value: str) -> None:
    """Refused, naming its kind and not the id."""
    with pytest.raises(InvalidInput, match="conversation: an id has 1 to 255 characters"):
        OtherId("conversation", value)
