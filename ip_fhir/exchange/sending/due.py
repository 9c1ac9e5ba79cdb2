"""Applies the loop's timers that are due. Outbox rows that are due: see `batch`."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

from ip_fhir.domain.loop import decide, due_event
from ip_fhir.errors import IpFhirError, StoreError, Unreadable
from ip_fhir.exchange.commit import again_on_conflict, not_before, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from ip_fhir.domain.referral import State
    from ip_fhir.exchange.context import Context

log = logging.getLogger("ip_fhir.exchange")

_TIMERS_AT_ONCE = 100


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

    `changed` are the loops that the run changed, `plans` the plans, each once.
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


def run_timers(context: Context, now: datetime, limit: int, keep_going: Callable[[], bool]) -> RunCounts:
    """Apply up to `limit` timers due at `now` (UTC), each in a transaction of its own. Raises `StoreError`."""
    done, failed, changed = 0, set[str](), list[LoopChange]()
    while done < limit:
        due = context.store.due_timers(now, _TIMERS_AT_ONCE + len(failed))
        due = [correlation_id for correlation_id in due if correlation_id not in failed]
        if not due:
            break
        for correlation_id in due:
            if not keep_going() or done >= limit:
                return RunCounts(timers=done, failed=len(failed), changed=joined(changed))
            if _timer(context, correlation_id, now, changed):
                done += 1
            else:
                failed.add(correlation_id)
    return RunCounts(timers=done, failed=len(failed), changed=joined(changed))


def _timer(context: Context, correlation_id: str, now: datetime, changed: list[LoopChange]) -> bool:
    """Apply one referral's due timer, and add to `changed`; False if that failed: it stays due, and is logged.

    Raises `StoreError` if the store fails as a whole. A referral that cannot be read is set aside with the next run.
    """

    def once() -> list[LoopChange]:
        with context.store.begin() as tx:
            before = tx.load(correlation_id)
            event = due_event(before.referral, not_before(before, now)) if before else None
            if before is None or event is None:
                return []
            decision = decide(before.referral, event, context.agreement(before.referral))
            write(tx, before, decision, now, context=context)
        return [LoopChange(correlation_id, before.referral.state, decision.referral.state)]

    try:
        changed += again_on_conflict(once)
    except Unreadable as error:
        log.error("timer: %s", error)  # noqa: TRY400 - a trace may hold a person's data
        return False
    except StoreError:
        raise
    except IpFhirError as error:
        log.error("timer of referral %s: %s", correlation_id, error)  # noqa: TRY400 - as above
        return False
    except Exception as error:  # noqa: BLE001 - a fault of ours in one referral must not stop the others
        log.error("timer of referral %s: unforeseen %s", correlation_id, type(error).__name__)  # noqa: TRY400 - as above
        return False
    return True
