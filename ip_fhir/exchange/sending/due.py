"""Applies timers that are due, of loops and of plans. Outbox rows that are due: see `batch`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ip_fhir.domain.loop import decide, due_event
from ip_fhir.errors import IpFhirError, StoreError, Unreadable
from ip_fhir.exchange.commit import again_on_conflict, not_before, write
from ip_fhir.exchange.sending.run_counts import LoopChange, RunCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.sending.run_counts import Moved

log = logging.getLogger("ip_fhir.exchange")

_AT_ONCE = 100


def run_timers(context: Context, now: datetime, limit: int, keep_going: Callable[[], bool]) -> RunCounts:
    """Apply up to `limit` timers of referrals due at `now` (UTC). Returns and raises as `run_each`."""
    return run_each(
        "referral",
        lambda at_most: context.store.due_timers(now, at_most),
        lambda correlation_id: _timer(context, correlation_id, now),
        limit,
        keep_going,
    )


def run_each(
    kind: str,
    due: Callable[[int], Sequence[str]],
    apply: Callable[[str], Iterable[Moved]],
    limit: int,
    keep_going: Callable[[], bool],
) -> RunCounts:
    """Apply the timers of up to `limit` referrals or plans, each in a transaction of its own.

    `due` gives the ids of at most so many that are due, earliest first; `apply` returns what moved. A fault in one
    stops no other: it stays due, and is logged by its `kind`; one that cannot be read is set aside with the next run.
    Raises `StoreError` if the store fails as a whole.
    """
    done, failed = 0, set[str]()
    moved: list[Moved] = []
    while done < limit:
        idents = [ident for ident in due(_AT_ONCE + len(failed)) if ident not in failed]
        if not idents:
            break
        for ident in idents:
            if not keep_going() or done >= limit:
                return RunCounts.of(moved, timers=done, failed=len(failed))
            found = _applied(kind, ident, apply)
            if found is None:
                failed.add(ident)
            else:
                done += 1
                moved += found
    return RunCounts.of(moved, timers=done, failed=len(failed))


def _applied(kind: str, ident: str, apply: Callable[[str], Iterable[Moved]]) -> Iterable[Moved] | None:
    """Return what the timers of one moved; None if that failed. Raises `StoreError` if the store fails as a whole."""
    try:
        return apply(ident)
    except Unreadable as error:
        log.error("timer: %s", error)  # noqa: TRY400 - a trace may hold a person's data
    except StoreError:
        raise
    except IpFhirError as error:
        log.error("timer of %s %s: %s", kind, ident, error)  # noqa: TRY400 - as above
    except Exception as error:  # noqa: BLE001 - a fault of ours in one of them must not stop the others
        log.error("timer of %s %s: unforeseen %s", kind, ident, type(error).__name__)  # noqa: TRY400 - as above
    return None


def _timer(context: Context, correlation_id: str, now: datetime) -> list[LoopChange]:
    """Apply one referral's due timer, and return what changed."""

    def once() -> list[LoopChange]:
        with context.store.begin() as tx:
            before = tx.load(correlation_id)
            event = due_event(before.referral, not_before(before, now)) if before else None
            if before is None or event is None:
                return []
            decision = decide(before.referral, event, context.agreement(before.referral))
            write(tx, before, decision, now, context=context)
        return [LoopChange(correlation_id, before.referral.state, decision.referral.state)]

    return again_on_conflict(once)
