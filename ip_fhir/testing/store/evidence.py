"""The promises of every `Store` about evidence and errors; a part of `StoreContract`."""
# ruff: noqa: S101, PT012 - a contract is asserts; a transaction's block is what must fail

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ip_fhir.errors import IpFhirError
from ip_fhir.ports import Seen
from ip_fhir.testing.store_samples import (
    NOON,
    PERSON,
    Trouble,
    append,
    at_once,
    everything,
    record,
    referral,
    task,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.ports import Store, Transaction


class EvidenceContract:
    """Promises of the chain of evidence."""

    def change_evidence(self, store: Any, number: int) -> None:
        """Change a record in the database, past the store (to be written by the subclass)."""
        raise NotImplementedError

    def remove_evidence(self, store: Any, number: int) -> None:
        """Remove a record from the database, past the store (to be written by the subclass)."""
        raise NotImplementedError

    def test_records_are_chained(self, store: Store) -> None:
        """Records are in the order of appending, numbered from 1, each with the previous hash; the chain verifies."""
        append(store, "r", "1", "2")
        append(store, "other", "3")
        append(store, "r", "4")
        chain = store.evidence()
        assert [link.record.event.id for link in chain] == ["1", "2", "3", "4"]
        assert [link.number for link in chain] == [1, 2, 3, 4]
        assert [link.previous for link in chain[1:]] == [link.hash for link in chain[:-1]]
        assert len({link.hash for link in chain}) == 4
        assert [link.number for link in store.evidence("r")] == [1, 2, 4]
        assert chain[0].record == record("1")
        assert (store.head().number, store.head().hash) == (4, chain[-1].hash)
        assert store.verify() == ()

    def test_an_empty_chain_is_whole(self, store: Store) -> None:
        """A store without evidence verifies; its head is before the first record."""
        assert store.verify() == ()
        assert (store.head().number, store.head().hash) == (0, "0" * 64)
        assert list(store.evidence()) == []

    def test_what_was_undone_leaves_no_gap(self, store: Store) -> None:
        """A transaction that failed takes no number."""
        append(store, "r", "1")
        with pytest.raises(Trouble), store.begin() as transaction:
            transaction.append("r", [record("2")])
            raise Trouble
        append(store, "r", "3")
        assert [link.number for link in store.evidence()] == [1, 2]
        assert store.verify() == ()

    def test_writers_at_once_make_one_chain(self, store: Store) -> None:
        """There is one chain without a fork, however many writers append at once."""

        def write(worker: int) -> None:
            for number in range(10):
                append(store, f"r{worker}", f"{worker}-{number}")

        at_once(4, write)
        assert len(store.evidence()) == 40
        assert store.verify() == ()

    @pytest.mark.parametrize("number", [1, 3, 5])
    def test_a_changed_record_is_found(self, store: Store, number: int) -> None:
        """`verify` names the changed record, without repeating its content."""
        append(store, "r", "1", "2", "3", "4", "5")
        self.change_evidence(store, number)
        problems = store.verify()
        assert any(str(number) in problem.path for problem in problems)
        assert PERSON not in str(problems)

    @pytest.mark.parametrize("number", [1, 3, 5])
    def test_a_removed_record_is_found(self, store: Store, number: int) -> None:
        """`verify` finds a removed record: the first, one in the middle, the last."""
        append(store, "r", "1", "2", "3", "4", "5")
        self.remove_evidence(store, number)
        assert any(str(number) in problem.path for problem in store.verify())


class SilenceContract:
    """Promises of silence: no person's data in errors and reprs."""

    def test_errors_and_reprs_are_silent(self, store: Store) -> None:
        """Neither an error of the store nor a `repr` shows stored content."""
        seen = Seen(PERSON, PERSON, PERSON.encode())
        with store.begin() as transaction:
            everything(transaction)
            transaction.remember(seen, NOON)
        wrong: list[Callable[[Transaction], object]] = [
            lambda transaction: transaction.remember(seen, NOON),
            lambda transaction: transaction.save(referral("r"), None),
            lambda transaction: transaction.save(referral("r"), 9),
            lambda transaction: transaction.put_resource(task("t"), None),
            lambda transaction: transaction.finish(PERSON, NOON),
        ]
        said = [repr(store), str(store), repr(store.referral("r")), repr(store.outbox()), repr(store.evidence())]
        said += [repr(store.search_resources("Task", {}))]
        for way in wrong:
            with pytest.raises(IpFhirError) as caught, store.begin() as transaction:
                way(transaction)
            said += [str(caught.value), repr(caught.value), str(caught.value.__cause__)]
        assert PERSON not in "".join(said)
