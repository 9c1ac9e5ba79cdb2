"""Readiness: tells whether this side can take something in, by trying. At most once a second, whoever asks.

A store that can be read takes nothing in while its disk is full, its file read-only or gone, or its server a standby.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import StoreError
from ip_fhir.ports.capabilities import can_try

if TYPE_CHECKING:
    from ip_fhir.exchange.context import Context

log = logging.getLogger("ip_fhir.exchange")

_EVERY: Final = 1.0  # seconds


class Readiness:
    """The last trial and its outcome. Threads may share it: while one tries, the others wait for what it finds."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._turn = threading.Lock()
        self._tried: float | None = None
        self._reason: str | None = None

    def reason(self) -> str | None:
        """The reason why nothing can be taken in; None if it can. The log has each change."""
        with self._turn:
            if self._tried is None or time.monotonic() - self._tried >= _EVERY:
                before, self._reason = self._reason, self._try()
                self._tried = time.monotonic()
                if self._reason is not None and before is None:
                    log.error("not ready: %s", self._reason)
                elif self._reason is None and before is not None:
                    log.warning("ready again")
            return self._reason

    def _try(self) -> str | None:
        store = self._context.store
        try:
            now = self._context.clock.now()
            if can_try(store):
                store.try_write(now)
            else:
                store.due_timers(now, 1)
        except StoreError as error:
            return str(error)
        return None
