"""The store of shared plans: versions, views and the names by which messages find their plan.

`PlanStore` is a capability of a store, as those in `ip_fhir.ports.capabilities` are: without it a store keeps loops
only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, TypeGuard

from ip_fhir.ports.capabilities import (
    AggregateStore,
    AggregateTransaction,
    PersonTransaction,
    WorklistTransaction,
    has,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from contextlib import AbstractContextManager
    from datetime import date, datetime

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.referral import Author
    from ip_fhir.domain.sharing.case import PlanSide, SharedPlan
    from ip_fhir.domain.sharing.kinds import PlanMessageKind
    from ip_fhir.domain.sharing.life.surroundings import SettingsBasis
    from ip_fhir.domain.values.aggregate import Aggregate
    from ip_fhir.ports import Store, Transaction

NameKind: TypeAlias = Literal["share", "tag", "change", "invitation", "handover", "request", "referral"]
"""The kinds of ids, other than its own, by which a plan is found. Ids are unique within a kind.

A tag is what all ids of a share begin with (`domain.sharing.ids.share_tag`), a referral the loop that the plan came of.
"""


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A shared plan in the store, with its newest version in `plan.plan`, and the revision to base a change on."""

    plan: SharedPlan
    revision: int


@dataclass(frozen=True, slots=True)
class SavedVersion:
    """A version of a plan without its content: number, SHA-256 of its JSON, time (UTC), and the person who saved it.

    `by` is None where nobody of our own side did: it came with a change of a participant, or with a handover.
    """

    plan_id: str
    version: int
    digest: str
    saved: datetime
    by: Author | None = None


@dataclass(frozen=True, slots=True)
class PlanVersion(SavedVersion):
    """A version of a plan with its content. `digest` is the SHA-256, in hexadecimal, of `plan.to_json()` in UTF-8."""

    plan: IndividualPlan = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class ViewMade:
    """A view that was made of a share: its number, the version and Norwegian day it was made from, and its digest.

    The view itself is not kept: it can be made again from these (`PlanView.digest` says if it is the same).
    """

    share: str
    number: int
    version: int
    day: date
    digest: str


class PlanTransaction(AggregateTransaction, WorklistTransaction, PersonTransaction, Protocol):
    """A transaction that can write shared plans. Evidence, outbox rows and items go in by the aggregate `plan`."""

    def load_plan(self, plan_id: str) -> StoredPlan | None:
        """The plan with its newest version, or None."""
        ...

    def save_plan(self, plan: SharedPlan, revision: int | None, by: Author | None = None) -> int:
        """Save a plan and return its new revision, from 1. `revision` is the one it was based on; None: it is new.

        A version in `plan.plan` that is not there yet is kept from now on, saved `by` this person. With the plan go the
        names by which it is found, the number of the person it is about, and the time of its first clock.

        Raises `Conflict` if `revision` is no longer current, a new plan exists already, or there is a later version or
        one with the same number and other content; `InvalidInput` (duplicate) if another plan has one of its names.
        """
        ...

    def plan_version(self, plan_id: str, version: int) -> PlanVersion | None:
        """One version of the plan, or None: there was none, or a purge took it out."""
        ...

    def add_views(self, plan_id: str, views: Sequence[ViewMade]) -> None:
        """Keep which views were made. Raises `Conflict` if one with such a number is there."""
        ...

    def view_made(self, share_id: str, number: int) -> ViewMade | None:
        """The view of this number, or None: there was none, or a purge took it out."""
        ...

    def plan_named(self, kind: NameKind, id: str) -> str | None:
        """The id of the plan that has something of this kind with this id, or None."""
        ...

    def plans_given(self, party: str, id: str, limit: int) -> list[str]:
        """Ids of the plans to which a party has added something with this id of its own, in their order."""
        ...

    def plans_about(self, number: str, limit: int) -> list[str]:
        """Ids of plans about the person with this number: those that are not over first, latest changed first."""
        ...

    def supersede_rows(
        self,
        aggregate: Aggregate,
        about: str,
        kinds: Collection[PlanMessageKind],
        reason: str,
        keep: Sequence[str] = (),
    ) -> list[str]:
        """Close the unsent rows about a share (or change, …) with messages of some kinds, but for the ids in `keep`.

        They become `superseded`, with the reason; also held, parked and claimed ones. Returns their ids.
        """
        ...

    def supersede_row(self, row_id: str, reason: str) -> None:
        """Close one row as `superseded`. A row that was sent stays sent. Raises `InvalidInput` (not-found)."""
        ...


class PlanStore(AggregateStore, Protocol):
    """Keeps shared plans. It also is a `WorklistStore`, and its transactions write all that a plan needs."""

    def begin(self) -> AbstractContextManager[PlanTransaction]:
        """As `Store.begin`."""
        ...

    def shared_plan(self, plan_id: str) -> StoredPlan | None:
        """The plan with its newest version and its revision, or None."""
        ...

    def plans(self, side: PlanSide | None = None, limit: int = 100, after: str | None = None) -> list[SharedPlan]:
        """Plans, latest changed first, optionally of one side; `after` is the last id of the page before.

        Raises `InvalidInput` when there is no such plan.
        """
        ...

    def plan_versions(self, plan_id: str, limit: int = 100, before: int | None = None) -> list[SavedVersion]:
        """Versions of the plan without their content, newest first; only those with a number below `before`."""
        ...

    def plan_version(self, plan_id: str, version: int) -> PlanVersion | None:
        """One version with its content, or None: there was none, or a purge took it out."""
        ...

    def due_plans(self, now: datetime, limit: int) -> list[str]:
        """Ids of plans with a clock that is due, earliest first."""
        ...

    def unsettled_plans(self, basis: SettingsBasis, limit: int) -> list[str]:
        """Ids of plans held here, and not over, whose shares were looked at by settings that `basis` replaces."""
        ...

    def plans_about(self, number: str, limit: int = 100) -> list[str]:
        """As in the transaction."""
        ...


def keeps_plans(store: Store) -> TypeGuard[PlanStore]:
    """True if the store keeps shared plans."""
    return has(store, "PlanStore")


def writes_plans(transaction: Transaction) -> TypeGuard[PlanTransaction]:
    """True if the transaction is of a store that keeps shared plans."""
    return hasattr(transaction, "load_plan")
