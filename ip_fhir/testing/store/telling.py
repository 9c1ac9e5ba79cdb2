# ruff: noqa: S101 - a contract is asserts
"""The contract of a store that numbers what each recipient of our own people is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.values.aggregate import RECIPIENT
from ip_fhir.errors import Conflict
from ip_fhir.testing.store_samples import MINUTE, NOON, at_once, outbox_row

if TYPE_CHECKING:
    from ip_fhir.ports.telling import TellingStore


class TellingContract:
    """Subclass it with a fixture `store`, empty for each test."""

    def test_numbers_rise_for_each_recipient(self, store: TellingStore) -> None:
        """From 1, one by one; each recipient has its own. What was undone gives its number to the next."""
        for ident in ("a", "b"):
            _tell(store, "intake", ident)
        _tell(store, "leader", "c")
        assert [store.last_telling(name) for name in ("intake", "leader", "nobody")] == [2, 1, 0]
        with store.begin() as transaction:
            assert transaction.next_telling("leader", "d") == 2

    def test_found_by_number(self, store: TellingStore) -> None:
        """In their order, from a number on, in whatever status they are; not another's."""
        for ident in ("a", "b", "c"):
            _tell(store, "intake", ident)
        _tell(store, "leader", "d")
        store.sent("b", NOON)
        assert [(row.id, row.status) for row in store.tellings("intake")] == [
            ("a", "waiting"),
            ("b", "sent"),
            ("c", "waiting"),
        ]
        assert [row.id for row in store.tellings("intake", 2, 1)] == ["b"]
        assert store.tellings("intake", 4) == []

    def test_sent_in_the_order_of_their_numbers(self, store: TellingStore) -> None:
        """One after another: the next is claimed when the one before is done with; another recipient does not wait."""
        for ident in ("a", "b"):
            _tell(store, "intake", ident)
        _tell(store, "leader", "c")
        assert {row.id for row in store.claim("one", NOON, MINUTE, 10)} == {"a", "c"}
        store.sent("a", NOON)
        assert [row.id for row in store.claim("one", NOON, MINUTE, 10)] == ["b"]

    def test_no_number_comes_twice(self, store: TellingStore) -> None:
        """Of several that number at once each gets a number of its own, or a `Conflict`; then it tries again."""

        def tell(worker: int) -> None:
            while True:
                try:
                    _tell(store, "intake", f"row-{worker}")
                except Conflict:
                    continue
                return

        at_once(4, tell)
        assert store.last_telling("intake") == 4
        assert len({row.id for row in store.tellings("intake")}) == 4


def _tell(store: TellingStore, recipient: str, ident: str) -> None:
    row = replace(outbox_row(ident, recipient, kind=EffectKind.TELL), aggregate_kind=RECIPIENT)
    with store.begin() as transaction:
        transaction.next_telling(recipient, ident)
        transaction.enqueue([row])
