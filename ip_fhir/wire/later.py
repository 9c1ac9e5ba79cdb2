"""Acknowledgements on a connection of our own, for senders that want none on theirs (MSH-15 NE, MSH-16 AL).

They are kept in memory only: one that is lost is asked for again by whoever waits for it, with the same message, which
is then answered from the stored reply.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import IpFhirError, Unavailable
from ip_fhir.wire.line import Line

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from ip_fhir.logs import CountedLog
    from ip_fhir.wire.address import Address

_MOST: Final = 10_000
_SECONDS: Final = 30.0  # for one attempt
_GOODBYE_SECONDS: Final = 2.0
_PAUSES: Final = (1.0, 10.0, 60.0)
_MAX_BYTES: Final = 100_000  # the other side may say something; it is thrown away


class LaterAcknowledgements:
    """Sends acknowledgements one after the other, in a thread of its own, to the address of each peer."""

    def __init__(
        self,
        addresses: Mapping[str, Address],
        context: ssl.SSLContext | None,
        told: CountedLog,
        pauses: tuple[float, ...] = _PAUSES,
    ) -> None:
        self._addresses = addresses
        self._context = context
        self._told = told
        self._pauses = pauses
        self._waiting: queue.SimpleQueue[tuple[Address, bytes] | None] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def reaches(self, peer: str) -> bool:
        """True if settings say where this peer gets its acknowledgements."""
        return peer in self._addresses

    def start(self) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._run, name="mllp-later", daemon=True)
        self._thread.start()

    def add(self, peer: str, content: bytes) -> None:
        """Have an acknowledgement sent to the peer."""
        if self._waiting.qsize() >= _MOST:
            self._lost("too many wait")
        else:
            self._waiting.put((self._addresses[peer], content))

    def stop(self, seconds: float) -> None:
        """Send what waits, each once, for so many seconds at most."""
        self._ending.set()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(max(0.0, seconds))

    def _run(self) -> None:
        while (one := self._waiting.get()) is not None:
            self._send(*one)

    def _send(self, address: Address, content: bytes) -> None:
        for pause in (*self._pauses, None):
            try:
                self._attempt(address, content)
            except Unavailable as error:
                if pause is None or self._ending.wait(pause):
                    self._lost(str(error))
                    return
            except Exception as error:  # noqa: BLE001 - those that wait behind it must go out all the same
                self._lost(str(error) if isinstance(error, IpFhirError) else type(error).__name__)
                return
            else:
                return

    def _attempt(self, address: Address, content: bytes) -> None:
        end = time.monotonic() + _SECONDS
        line = Line(address, end, context=self._context, max_bytes=_MAX_BYTES)
        try:
            line.send(content, end)
            line.finish(time.monotonic() + _GOODBYE_SECONDS)
        finally:
            line.close()

    def _lost(self, reason: str) -> None:
        self._told.note("later", f"an acknowledgement could not be sent: {reason}", logging.WARNING)
