"""The bell of a listener: the door at which a server says that there is something, and what its word is worth."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from ip_fhir.wire.fhirserver.door import Door
from ip_fhir.wire.fhirserver.hooks import Hooks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.wire.fhirserver.options import ListenerOptions
    from ip_fhir.wire.fhirserver.server import Server

log = logging.getLogger("ip_fhir.fhirserver")


class Bell:
    """Trusted once it has rung, until something is found of which it had not. Without a door it never rings."""

    def __init__(self, options: ListenerOptions) -> None:
        self._options = options
        self._rung = threading.Event()
        self._over = False
        self._door: Door | None = None
        self._hooks: Hooks | None = None
        self._kept_at: float | None = None
        self.is_trusted = False
        if options.hook is not None and options.hook_token is not None:
            self._door = Door(options.hook_host, options.hook_port, options.hook_token, self._rung.set)
            self._hooks = Hooks(options.hook, options.hook_token)

    @property
    def port(self) -> int:
        """The port of the door; 0 without one, and while it is closed."""
        return self._door.port if self._door is not None else 0

    def open(self) -> None:
        """Open the door. Raises `OSError`."""
        self._over, self._kept_at, self.is_trusted = False, None, False
        self._rung.clear()
        if self._door is not None:
            self._door.open()

    def close(self) -> None:
        """Close the door, and let nobody wait any longer."""
        self._over = True
        if self._door is not None:
            self._door.close()
        self._rung.set()

    def wait(self) -> bool:
        """Wait until it rings, or for the time between two looks. True if it rang."""
        return not self._over and self._rung.wait(self._seconds)

    @property
    def _seconds(self) -> float:
        return self._options.hook_seconds if self.is_trusted else self._options.seconds

    def take(self) -> bool:
        """True if it rang since it was last asked."""
        rang = self._rung.is_set() and not self._over
        self._rung.clear()
        if self._over:
            self._rung.set()
        return rang

    def looked(self, *, told: bool, news: int) -> None:
        """Note the outcome of a look: if it had rung before, and how much was new."""
        if told:
            self.is_trusted = True
        elif news and self.is_trusted and not self._rung.is_set():
            self.is_trusted = False
            log.warning("the server has not told of all that was there: it is looked at more often again")

    def keep(self, server: Server, owners: Sequence[str]) -> None:
        """See to our Subscriptions, as often as is looked while it rings."""
        now = time.monotonic()
        if self._hooks is None or (self._kept_at is not None and now - self._kept_at < self._options.hook_seconds):
            return
        self._kept_at = now
        self.is_trusted = self._hooks.keep(server, owners) and self.is_trusted
