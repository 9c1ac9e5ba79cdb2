"""Applies the loop's timers that are due. Outbox rows that are due: see `batch`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ip_fhir.domain.loop import decide, due_event
from ip_fhir.errors import IpFhirError, StoreError, Unreadable
from ip_fhir.exchange.commit import again_on_conflict, not_before, write
from ip_fhir.exchange.sending.run_counts import LoopChange, RunCounts, joined

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ip_fhir.exchange.context import Context

log = logging.getLogger("ip_fhir.exchange")

_TIMERS_AT_ONCE = 100


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
