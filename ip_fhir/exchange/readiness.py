"""Readiness: tells whether this side can take something in, by trying, and how much is due.

It is tried at most once a second, whoever asks.

A store that can be read takes nothing in while its disk is full, its file read-only or gone, or its server a standby.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import StoreError
from ip_fhir.exchange.plans.around import settings_basis
from ip_fhir.ports.capabilities import can_try
from ip_fhir.ports.plans import keeps_plans
from ip_fhir.ports.subscriptions import keeps_subscriptions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.ports import OutboxRow

log = logging.getLogger("ip_fhir.exchange")

COUNTED: Final = 200
"""The number up to which rows are counted for those who watch."""

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


def number_due(context: Context, rows: Iterable[OutboxRow], now: datetime) -> int:
    """The number of these rows, and of all clocks and notifications, that are due; of each kind `COUNTED` at most."""
    store = context.store
    due = sum(row.due <= now for row in rows) + len(store.due_timers(now, COUNTED))
    if keeps_plans(store):
        due += len(store.due_plans(now, COUNTED)) + len(store.unsettled_plans(settings_basis(context), COUNTED))
    if keeps_subscriptions(store):
        due += len(store.due_subscriptions(now, COUNTED))
    return due
