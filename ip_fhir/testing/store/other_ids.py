"""The promises of a store whose transactions are `OtherIdTransaction`: the ids of other systems."""
# ruff: noqa: S101, PT012 - a contract is asserts; a transaction's block is what must fail

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.ports import Store
from ip_fhir.ports.other_ids import KnownId, OtherId
from ip_fhir.testing.store_samples import Trouble

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ip_fhir.ports.other_ids import OtherIdTransaction


class OtherIdStore(Store, Protocol):
    """A store whose transactions keep the ids of other systems."""

    def begin(self) -> AbstractContextManager[OtherIdTransaction]:
        """As `Store.begin`."""
        ...


_SHORT = OtherId("message", "4f0c0a1be2")
_MEANING = KnownId("a-row-of-ours", Aggregate.of_referral("r"))


class OtherIdContract:
    """The contract suite. The subclass has a fixture `store`, empty for each test."""

    def test_an_id_is_known_by_party_kind_and_value(self, store: OtherIdStore) -> None:
        """A kept id is found, in the same transaction and later; under another party, kind or value it is not."""
        with store.begin() as transaction:
            transaction.keep_id("Fjell", _SHORT, _MEANING)
            assert transaction.known_id("Fjell", _SHORT) == _MEANING
        with store.begin() as transaction:
            assert transaction.known_id("Fjell", _SHORT) == _MEANING
            assert transaction.known_id("Vik", _SHORT) is None
            assert transaction.known_id("Fjell", OtherId("referral", _SHORT.value)) is None
            assert transaction.known_id("Fjell", OtherId("message", "4F0C0A1BE2")) is None

    def test_the_first_meaning_stays(self, store: OtherIdStore) -> None:
        """Kept again for another message, it still stands for the first."""
        with store.begin() as transaction:
            transaction.keep_id("Fjell", _SHORT, _MEANING)
        with store.begin() as transaction:
            transaction.keep_id("Fjell", _SHORT, KnownId("another", Aggregate.of_referral("s")))
            assert transaction.known_id("Fjell", _SHORT) == _MEANING

    def test_the_ids_of_an_aggregate(self, store: OtherIdStore) -> None:
        """All of one kind that a party has for it, in the order of their text; another party's are not there."""
        about = Aggregate.of_referral("r")
        theirs = OtherId("referral", "HEN-2"), OtherId("referral", "HEN-1")
        with store.begin() as transaction:
            assert transaction.ids_of("Fjell", "referral", about) == ()
            for other in (*theirs, _SHORT):
                transaction.keep_id("Fjell", other, KnownId("r", about))
            transaction.keep_id("Vik", OtherId("referral", "7"), KnownId("r", about))
            transaction.keep_id("Fjell", OtherId("referral", "9"), KnownId("s", Aggregate.of_referral("s")))
        with store.begin() as transaction:
            assert transaction.ids_of("Fjell", "referral", about) == theirs[::-1]

    def test_an_error_forgets_it(self, store: OtherIdStore) -> None:
        """Nothing is kept of a transaction that failed."""
        with pytest.raises(Trouble), store.begin() as transaction:
            transaction.keep_id("Fjell", _SHORT, _MEANING)
            raise Trouble
        with store.begin() as transaction:
            assert transaction.known_id("Fjell", _SHORT) is None
