"""A store that does one thing wrong does not keep the contract."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from _pytest.outcomes import Failed

from ip_fhir.domain.referral import Referral
from ip_fhir.errors import Problem
from ip_fhir.ports import OutboxRow
from ip_fhir.store import SqlStore
from ip_fhir.store.engine import Database
from ip_fhir.store.transaction import SqlTransaction
from ip_fhir.testing.store_samples import PERSON
from tests.store.test_contract import TestSqlStore as Contract


class CommitsAnyway(SqlStore):
    """Keeps what an error should have undone."""

    @contextmanager
    def begin(self) -> Iterator[SqlTransaction]:
        """Commit, and raise only then."""
        errors: list[Exception] = []
        with super().begin() as transaction:
            try:
                yield transaction
            except Exception as error:  # noqa: BLE001 - that is the fault
                errors.append(error)
        if errors:
            raise errors[0]


class HoldsNothing(SqlStore):
    """Gives a claimed row to the next worker too."""

    def claim(self, worker: str, now: datetime, lease: timedelta, limit: int) -> list[OutboxRow]:
        """A lease that is over already."""
        return super().claim(worker, now, -lease, limit)


class TakesEveryReport(SqlStore):
    """Lets a worker report on a claim that is no longer its own."""

    def failed(self, row_id: str, reason: str, next_try: datetime | None, claim: int | None = None) -> None:
        """Whoever says so."""
        super().failed(row_id, reason, next_try)


class BelievesTheChain(SqlStore):
    """Finds no fault with any evidence."""

    def verify(self) -> tuple[Problem, ...]:
        """All is well."""
        return ()


class LosesThePlace(SqlStore):
    """Begins every page of a list at the start."""

    def referrals(self, states: Sequence[str] = (), limit: int = 100, after: str | None = None) -> list[Referral]:
        """The first page, and then nothing."""
        return [] if after else super().referrals(states, limit)


class Talks(SqlStore):
    """Says in its `repr` what it keeps."""

    def __repr__(self) -> str:
        return f"SqlStore({PERSON})"


FAULTS = [
    (CommitsAnyway, "test_an_error_undoes_all"),
    (CommitsAnyway, "test_what_was_undone_leaves_no_gap"),
    (HoldsNothing, "test_what_is_claimed_is_held"),
    (HoldsNothing, "test_order_within_a_lane"),
    (TakesEveryReport, "test_a_late_report_changes_nothing"),
    (LosesThePlace, "test_list_pages"),
    (Talks, "test_errors_and_reprs_are_silent"),
]


@pytest.mark.parametrize(("faulty", "test"), FAULTS)
def test_a_fault_is_found(file: Path, faulty: type[SqlStore], test: str) -> None:
    """The contract's test fails with the faulty store, and passes with the right one."""
    with closing(faulty(Database(f"sqlite:///{file}"))) as store, pytest.raises((AssertionError, Failed)):
        getattr(Contract(), test)(store)


def test_evidence_that_is_not_checked(file: Path) -> None:
    """A `verify` that looks at nothing is found by the damage that the subclass does."""
    with closing(BelievesTheChain(Database(f"sqlite:///{file}"))) as store:
        for test in (Contract().test_a_changed_record_is_found, Contract().test_a_removed_record_is_found):
            with pytest.raises(AssertionError):
                test(store, 1)
