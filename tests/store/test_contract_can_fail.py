"""A store that does one thing wrong does not keep the contract."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from _pytest.outcomes import Failed

from ip_fhir.domain.loop.worklist import WorklistItem
from ip_fhir.domain.referral import Author, Referral
from ip_fhir.domain.sharing.case import PlanSide, SharedPlan
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import Problem
from ip_fhir.ports import ChainHead, OutboxRow
from ip_fhir.ports.capabilities import AggregateRecord, WorklistPlace
from ip_fhir.ports.plans import SavedVersion, ViewMade
from ip_fhir.store import SqlStore
from ip_fhir.store.engine import Database
from ip_fhir.store.telling.store import SqlTellingTransaction
from ip_fhir.testing.store_samples import PERSON
from tests.store import test_contract as kept


class CommitsAnyway(SqlStore):
    """Keeps what an error should have undone."""

    @contextmanager
    def begin(self) -> Iterator[SqlTellingTransaction]:
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

    def claim(
        self, worker: str, now: datetime, lease: timedelta, limit: int, without: frozenset[str | None] = frozenset()
    ) -> list[OutboxRow]:
        """A lease that is over already."""
        return super().claim(worker, now, -lease, limit, without)


class LeavesNobodyOut(SqlStore):
    """Claims rows of peers that were to be left out."""

    def claim(
        self, worker: str, now: datetime, lease: timedelta, limit: int, without: frozenset[str | None] = frozenset()
    ) -> list[OutboxRow]:
        """Whoever they go to."""
        return super().claim(worker, now, lease, limit)


class TakesEveryReport(SqlStore):
    """Lets a worker report on a claim that is no longer its own."""

    def failed(self, row_id: str, reason: str, next_try: datetime | None, claim: int | None = None) -> None:
        """Whoever says so."""
        super().failed(row_id, reason, next_try)


class BelievesTheChain(SqlStore):
    """Finds no fault with any evidence."""

    def verify(self, expected: Sequence[ChainHead] = ()) -> tuple[Problem, ...]:
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


class HandsOverLate(SqlStore):
    """Lets a worker hand over what is no longer its own."""

    def hand_over(self, row_id: str, now: datetime, due: datetime, claim: int) -> None:
        """By whoever claimed it last."""
        with self.begin() as transaction:
            row = transaction.row(row_id)
            transaction.hand_over(row_id, now, due, claim if row is None else row.claim)


class ListsAll(SqlStore):
    """Takes a plan and a referral with the same id for one."""

    def worklist(
        self,
        *,
        open_only: bool = True,
        limit: int = 100,
        aggregate: Aggregate | None = None,
        after: WorklistPlace | None = None,
    ) -> list[WorklistItem]:
        """By the id alone."""
        found = super().worklist(open_only=open_only, limit=limit, after=after)
        return [item for item in found if aggregate is None or item.aggregate.id == aggregate.id]


class GivesEvidenceAway(SqlStore):
    """Gives a plan the records of the referral with the same id."""

    def records(self, aggregate: Aggregate) -> Sequence[AggregateRecord]:
        """The referral's."""
        return super().records(Aggregate.of_referral(aggregate.id))


class OfEitherSide(SqlStore):
    """Lists plans of the other side too."""

    def plans(self, side: PlanSide | None = None, limit: int = 100, after: str | None = None) -> list[SharedPlan]:
        """Whichever side."""
        return super().plans(None, limit, after)


class OldestFirst(SqlStore):
    """Lists versions in the wrong order."""

    def plan_versions(self, plan_id: str, limit: int = 100, before: int | None = None) -> list[SavedVersion]:
        """From the first on."""
        return super().plan_versions(plan_id, limit, before)[::-1]


class TakesAnyRevision(SqlTellingTransaction):
    """Writes over what another wrote."""

    def save_plan(self, plan: SharedPlan, revision: int | None, by: Author | None = None) -> int:
        """On whatever is there."""
        kept = self.load_plan(plan.id)
        return super().save_plan(plan, None if kept is None else kept.revision, by)


class NumbersTwice(SqlTellingTransaction):
    """Takes a view whose number has been given."""

    def add_views(self, plan_id: str, views: Sequence[ViewMade]) -> None:
        """Only those that are new."""
        super().add_views(plan_id, [view for view in views if self.view_made(view.share, view.number) is None])


class ClosesAll(SqlTellingTransaction):
    """Closes the rows about a share whatever they say."""

    def supersede_rows(
        self,
        aggregate: Aggregate,
        about: str,
        kinds: Collection[PlanMessageKind],
        reason: str,
        keep: Sequence[str] = (),
    ) -> list[str]:
        """Messages of every kind."""
        return super().supersede_rows(aggregate, about, tuple(PlanMessageKind), reason, keep)


class ForgetsAbout(SqlTellingTransaction):
    """Takes the items about two shares for one."""

    def open_items(self, items: Sequence[WorklistItem]) -> None:
        """As if they were about nothing."""
        super().open_items([item.evolve(about=None) for item in items])


class CountsTogether(SqlTellingTransaction):
    """Numbers what all recipients are told in one row."""

    def next_telling(self, recipient: str, row_id: str) -> int:
        """As if there were only one."""
        return super().next_telling("everybody", row_id)


TRANSACTION_FAULTS = [
    (TakesAnyRevision, "test_one_of_two_changes_wins"),
    (NumbersTwice, "test_views_are_numbered_once"),
    (ClosesAll, "test_a_newer_view_supersedes"),
    (ForgetsAbout, "test_one_item_for_each_share_and_reason"),
    (CountsTogether, "test_numbers_rise_for_each_recipient"),
]

FAULTS = [
    (CommitsAnyway, "test_an_error_undoes_all"),
    (CommitsAnyway, "test_what_was_undone_leaves_no_gap"),
    (HoldsNothing, "test_what_is_claimed_is_held"),
    (HoldsNothing, "test_order_within_a_lane"),
    (LeavesNobodyOut, "test_some_peers_are_left_out"),
    (TakesEveryReport, "test_a_late_report_changes_nothing"),
    (LosesThePlace, "test_list_pages"),
    (Talks, "test_errors_and_reprs_are_silent"),
    (HandsOverLate, "test_a_late_report_hands_nothing_over"),
    (ListsAll, "test_of_one_aggregate"),
    (GivesEvidenceAway, "test_one_chain_for_all"),
    (OfEitherSide, "test_plan_pages"),
    (OldestFirst, "test_versions_are_kept"),
]


class Contract(
    kept.TestSqlStore, kept.TestReceipts, kept.TestWorklist, kept.TestAggregates, kept.TestPlans, kept.TestTelling
):
    """All of them."""


@pytest.mark.parametrize(("faulty", "test"), FAULTS)
def test_a_fault_is_found(file: Path, faulty: type[SqlStore], test: str) -> None:
    """The contract's test fails with the faulty store, and passes with the right one."""
    with closing(faulty(Database(f"sqlite:///{file}"))) as store, pytest.raises((AssertionError, Failed)):
        getattr(Contract(), test)(store)


@pytest.mark.parametrize(("faulty", "test"), TRANSACTION_FAULTS)
def test_a_fault_of_a_transaction_is_found(file: Path, faulty: type[SqlTellingTransaction], test: str) -> None:
    """The same where it is the transaction that is at fault."""

    class Faulty(SqlStore):
        """A store with such transactions."""

        @contextmanager
        def begin(self) -> Iterator[SqlTellingTransaction]:
            """One of them."""
            with self._database.writing() as connection:
                transaction = faulty(connection, self._damage, self._known_plans)
                yield transaction
                transaction.complete()

    with closing(Faulty(Database(f"sqlite:///{file}"))) as store, pytest.raises((AssertionError, Failed)):
        getattr(Contract(), test)(store)


def test_evidence_that_is_not_checked(file: Path) -> None:
    """A `verify` that looks at nothing is found by the damage that the subclass does."""
    with closing(BelievesTheChain(Database(f"sqlite:///{file}"))) as store:
        for test in (Contract().test_a_changed_record_is_found, Contract().test_a_removed_record_is_found):
            with pytest.raises(AssertionError):
                test(store, 1)
