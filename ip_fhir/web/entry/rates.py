"""The rate of each client's requests: so many a second, and more at once after a pause.

A client is a party or carrier of the settings, or one of its names at the authorisation server: so there are no more
buckets than the settings have names. Each process counts for itself. A program on this machine that asks directly,
not through a proxy, is one of our own tools, and is not limited.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ip_fhir.web.clients import is_near
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from ip_fhir.exchange.peers import Credential
    from ip_fhir.settings.sections import RateSettings

_LONGEST_DEBT = 60.0  # seconds; a batch may leave a client this far behind


@dataclass(slots=True)
class _Bucket:
    """The requests that a client may make at once, as of a time; below none after a batch."""

    left: float
    at: float


class Rates:
    """Counts requests by client. Threads may share it."""

    def __init__(self, settings: RateSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst = settings.per_second, settings.burst
        self._clock = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._turn = threading.Lock()

    def admit(self, request: Request, peer: Credential) -> None:
        """Count a request, before its body is read.

        Raises `BadRequest` 429, with the seconds after which the client may come again, where it asks too often.
        """
        if not self._per_second or is_near(request):
            return
        with self._turn:
            bucket = self._filled(peer)
            if bucket.left >= 1.0:
                bucket.left -= 1.0
                return
            wait = max(1, math.ceil((1.0 - bucket.left) / self._per_second))
        reason = f"more than {self._per_second:g} requests a second: wait {wait} seconds"
        raise BadRequest(429, reason, "throttled", counted="rate", retry_after=wait)

    def charge(self, request: Request, peer: Credential, entries: int) -> None:
        """Count each entry of a batch beyond the first as a request: those that follow have to wait."""
        more = entries - 1
        if not self._per_second or is_near(request) or more <= 0:
            return
        with self._turn:
            bucket = self._filled(peer)
            bucket.left = max(bucket.left - more, -self._per_second * _LONGEST_DEBT)

    def _filled(self, peer: Credential) -> _Bucket:
        """The bucket of a client, with what came in since it was looked at."""
        now = self._clock()
        bucket = self._buckets.setdefault((peer.name, peer.client), _Bucket(float(self._burst), now))
        bucket.left = min(float(self._burst), bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        return bucket
