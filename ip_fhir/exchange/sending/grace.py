"""The time that a process has to end after it was told to, whatever it is waiting for."""

from __future__ import annotations

import logging
import os
import threading
import time

log = logging.getLogger("ip_fhir.exchange")


class Grace:
    """Ends the process `seconds` after `begin` if it has not ended by itself: as a crash would, which loses nothing.

    A message under way is sent again, with the same key, when its lease is over. One that was being taken in and is not
    committed was not acknowledged.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._told, self._tell = os.pipe()
        threading.Thread(target=self._wait, name="ip-fhir-grace", daemon=True).start()

    def begin(self) -> None:
        """Begin to count. May be called from a signal handler, since it takes no lock; a second call does nothing."""
        os.write(self._tell, b"x")

    def _wait(self) -> None:
        os.read(self._told, 1)
        time.sleep(self._seconds)
        log.error("not ended %g seconds after it was told to: the process ends now", self._seconds)
        os._exit(0)
