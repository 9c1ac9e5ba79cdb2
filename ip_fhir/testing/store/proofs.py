# ruff: noqa: S101 - a contract is asserts
"""The contract of a store that remembers proofs of possession for all processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.testing.store_samples import NOON, after, at_once

if TYPE_CHECKING:
    from ip_fhir.ports.capabilities import ProofStore


class ProofContract:
    """Subclass it with a fixture `store`, empty for each test."""

    def test_a_proof_is_first_once(self, store: ProofStore) -> None:
        """The same digest is first once, another one too; after its time it would be taken again."""
        until = after(seconds=240)
        assert [store.is_first_proof(one, NOON, until) for one in ("a", "b", "a", "b")] == [True, True, False, False]
        assert not store.is_first_proof("a", until, after(seconds=480))
        assert store.is_first_proof("a", after(seconds=241), after(seconds=480))

    def test_of_several_at_once_one_is_first(self, store: ProofStore) -> None:
        """Of several that show the same proof at the same moment one is told that it is the first."""
        found: list[bool] = []
        at_once(4, lambda _worker: found.append(store.is_first_proof("a", NOON, after(seconds=240))))
        assert sorted(found) == [False, False, False, True]
