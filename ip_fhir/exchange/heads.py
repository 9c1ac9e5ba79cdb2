"""Writes a signed head of the chain of evidence at each interval, beside whatever else a side listens to."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import InvalidInput, IpFhirError
from ip_fhir.exchange.exchange import Exchange
from ip_fhir.store.integrity.heads import HeadKey, keep_line, slot

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from ip_fhir.ports import Receiver

log = logging.getLogger("ip_fhir.exchange")

_LOOK_EVERY: Final = 5.0  # seconds: the clock may be a simulated one
_REST_AFTER_ERROR: Final = 60.0


class HeadKeeper:
    """A listener that takes nothing in: its thread writes a head into `directory` once in each interval.

    Sides that share a store may share the directory: one of them writes the interval's head. What cannot be written is
    logged and tried again.
    """

    name = "evidence-heads"

    def __init__(self, directory: Path, pem: str, every: timedelta) -> None:
        """Reads the private key, in PEM. Raises `InvalidInput` if it is none, or joserfc is not installed."""
        self._directory = directory
        self._key = HeadKey(pem)
        self._every = every
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        if not self._key.signs:
            raise InvalidInput.at("", "a public key cannot sign: give the private one")

    def start(self, exchange: Receiver) -> None:
        """Starts the thread."""
        if not isinstance(exchange, Exchange):
            raise InvalidInput.at("", "heads are those of an exchange's store", "not-supported")
        self._thread = threading.Thread(target=self._run, args=(exchange,), name="ip-fhir-heads", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(10)

    def keep(self, exchange: Exchange, every: timedelta | None = None) -> Path | None:
        """Writes the head of the present interval, or of one that is `every` long; returns its file.

        Returns None if it is there already. Raises `StoreError`, `OSError`.
        """
        at = exchange.now()
        file = self._directory / slot(at, every or self._every)
        if file.exists():
            return None
        self._directory.mkdir(parents=True, exist_ok=True)
        return file if keep_line(file, self._key.sign(exchange.store.head(), at)) else None

    def _run(self, exchange: Exchange) -> None:
        rest = 0.0
        while not self._stopping.wait(rest):
            try:
                self.keep(exchange)
                rest = _LOOK_EVERY
            except (IpFhirError, OSError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                log.error("signed head of the evidence: not written: %s", why)  # noqa: TRY400 - one line says it
                rest = _REST_AFTER_ERROR
