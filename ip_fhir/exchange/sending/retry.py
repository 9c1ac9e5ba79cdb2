"""The time of the next attempt after a failed sending: by kind of error, doubling, capped, with jitter.

Jitter spreads the retries of rows that failed together. It and the clock are arguments, so that a replay gives the same
times.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ip_fhir.errors import IpFhirError
from ip_fhir.wire import backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.settings import RetrySettings


def next_try(
    error: IpFhirError, attempts: int, now: datetime, policy: RetrySettings, jitter: Callable[[], float]
) -> datetime | None:
    """The time (UTC) of the next attempt after the `attempts`-th failed; None: no more, a person must look.

    `jitter` returns 0.0 to 1.0; the wait is between half and the whole of the capped, doubled one, and no shorter than
    the peer asked for (one day at most).
    """
    if not error.retry or attempts >= policy.attempts:
        return None
    return now + timedelta(seconds=seconds_until_next(error, attempts, policy, jitter))


def seconds_until_next(error: IpFhirError, times: int, policy: RetrySettings, jitter: Callable[[], float]) -> float:
    """The seconds to wait after the `times`-th failure in a row, as for `next_try`; there is always a next."""
    return backoff.seconds_until_next(error, times, first=policy.first, cap=policy.cap, jitter=jitter)
