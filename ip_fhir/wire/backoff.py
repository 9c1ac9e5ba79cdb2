"""Seconds until the next attempt after a failure: doubled each time, capped, with jitter.

Jitter spreads the attempts of those that failed together. It is an argument, so that a replay gives the same times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.errors import IpFhirError

_LONGEST_ASKED = 86_400.0  # a peer that asks us to wait longer than a day is asked again after one


def seconds_until_next(
    error: IpFhirError, times: int, *, first: float, cap: float, jitter: Callable[[], float]
) -> float:
    """Returns the seconds to wait after the `times`-th failure in a row (from 1).

    `jitter` returns 0.0 to 1.0; the wait is between half and the whole of `first` doubled each time, which `cap`
    bounds, and no shorter than the peer asked for (one day at most).

    >>> seconds_until_next(Unavailable("busy"), 3, first=1.0, cap=60.0, jitter=lambda: 1.0)
    4.0
    >>> seconds_until_next(Unavailable("busy", retry_after=90.0), 1, first=1.0, cap=60.0, jitter=lambda: 1.0)
    90.0
    """
    doubled: float = first * 2.0 ** min(times - 1, 60)  # 2**60 is above any cap
    wait = min(doubled, cap) * (0.5 + jitter() / 2)
    if isinstance(error, Unavailable) and error.retry_after is not None:
        wait = max(wait, min(error.retry_after, _LONGEST_ASKED))
    return wait
