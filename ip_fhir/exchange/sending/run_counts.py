"""Counts of one run, and what it changed: loops, plans, shares, participants' changes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.domain.referral import State


@dataclass(frozen=True, slots=True)
class LoopChange:
    """A loop that was changed: its id here, the state before and the state after, which may be the same."""

    correlation_id: str
    before: State
    after: State


@dataclass(frozen=True, slots=True)
class PlanChange:
    """A plan of which something moved: its id, and the ids of the shares and of the participants' changes that did."""

    plan_id: str
    shares: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


Moved: TypeAlias = LoopChange | PlanChange
"""The change of one loop or plan."""


def joined(changes: Iterable[LoopChange]) -> tuple[LoopChange, ...]:
    """Returns one change for each loop, from its first state to its last, in the order of their first changes."""
    found: dict[str, LoopChange] = {}
    for change in changes:
        first = found.get(change.correlation_id, change)
        found[change.correlation_id] = LoopChange(change.correlation_id, first.before, change.after)
    return tuple(found.values())


def joined_plans(changes: Iterable[PlanChange]) -> tuple[PlanChange, ...]:
    """Returns one change for each plan, with every share and change that moved, in the order of their first changes."""
    found: dict[str, PlanChange] = {}
    for change in changes:
        first = found.get(change.plan_id, change)
        shares, parts = dict.fromkeys((*first.shares, *change.shares)), dict.fromkeys((*first.changes, *change.changes))
        found[change.plan_id] = PlanChange(change.plan_id, tuple(shares), tuple(parts))
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class RunCounts:
    """Counts of one run: `timers` handled, timers and overdue receipts that `failed`, and rows by outcome.

    `notified` counts notifications of subscribers. `changed` are the loops that the run changed, `plans` the plans,
    each once.
    """

    timers: int = 0
    failed: int = 0
    sent: int = 0
    awaiting: int = 0
    told: int = 0
    refused: int = 0
    again: int = 0
    parked: int = 0
    held: int = 0
    notified: int = 0
    changed: tuple[LoopChange, ...] = ()
    plans: tuple[PlanChange, ...] = ()

    @classmethod
    def of(cls, moved: Iterable[Moved | None], **numbers: int) -> RunCounts:
        """The counts with these numbers, and all that moved."""
        moved = tuple(moved)
        loops = joined(one for one in moved if isinstance(one, LoopChange))
        return cls(**numbers, changed=loops, plans=joined_plans(one for one in moved if isinstance(one, PlanChange)))

    @property
    def anything(self) -> bool:
        """True if something was done; a failed timer alone does not count."""
        return any(number for name, number in self.numbers().items() if name != "failed")

    def __add__(self, other: RunCounts) -> RunCounts:
        theirs = other.numbers()
        total = {name: number + theirs[name] for name, number in self.numbers().items()}
        return RunCounts.of((*self.changed, *other.changed, *self.plans, *other.plans), **total)

    def numbers(self) -> dict[str, int]:
        """The counts by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("changed", "plans")}
