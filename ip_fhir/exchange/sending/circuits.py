"""Peers that do not answer: after some silences in a row each is asked again at growing intervals, by one message.

Kept in the memory of the process: each worker finds out for itself, by a few messages, and after a restart again.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import PeerError, Unavailable
from ip_fhir.exchange.sending.retry import seconds_until_next

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from ip_fhir.errors import IpFhirError
    from ip_fhir.settings import RetrySettings

log = logging.getLogger("ip_fhir.exchange")

SILENCES: Final = 3
"""The silences in a row after which a peer is asked at intervals."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """The silences of a peer in a row, and the time (UTC) before which it is not asked again; None: it may be asked."""

    silences: int
    until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """True if the peer is asked at intervals only."""
        return self.silences >= SILENCES


class Circuits:
    """The circuits of all peers that were silent last, by the peer's name. Threads may share it.

    No connection, no answer in time, HTTP 5xx and 429, an answer that nobody can read, and an adapter that fails are
    silence. A receipt is an answer, whatever it says.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._of: dict[str, Circuit] = {}

    def answered(self, peer: str) -> None:
        """Note that the peer gave an answer: it is asked as usual."""
        with self._turn:
            before = self._of.pop(peer, None)
        if before is not None and before.is_open:
            log.warning("peer %s: answers again", peer)

    def silent(
        self, peer: str, error: IpFhirError, now: datetime, policy: RetrySettings, jitter: Callable[[], float]
    ) -> None:
        """Note a silence that ended at `now` (UTC). From the third in a row on the peer rests, by `policy`."""
        with self._turn:
            before = self._of.get(peer, Circuit(0))
            if before.until is not None and now < before.until:  # it was asked before the rest began
                return
            silences = before.silences + 1
            until = None
            if silences >= SILENCES:
                until = now + timedelta(seconds=seconds_until_next(error, silences - SILENCES + 1, policy, jitter))
            self._of[peer] = Circuit(silences, until)
        if until is not None:
            log.warning("peer %s: silent %d times in a row, asked again at %s", peer, silences, until.isoformat())

    @contextmanager
    def asking(self, peer: str, now: datetime, policy: RetrySettings, jitter: Callable[[], float]) -> Iterator[None]:
        """Note whether the peer, which is asked in the block from `now` (UTC) on, gives an answer.

        `Unavailable` is none; any other `PeerError` is one. Nothing is noted of an error that says neither.
        """
        began = time.monotonic()
        try:
            yield
        except Unavailable as error:
            self.silent(peer, error, now + timedelta(seconds=time.monotonic() - began), policy, jitter)
            raise
        except PeerError:
            self.answered(peer)
            raise
        self.answered(peer)

    def of(self, peer: str | None) -> Circuit:
        """The circuit of a peer."""
        with self._turn:
            return self._of.get(peer or "", Circuit(0))

    def resting(self, now: datetime) -> frozenset[str]:
        """The peers that are not to be asked at `now` (UTC)."""
        with self._turn:
            return frozenset(peer for peer, one in self._of.items() if one.until is not None and now < one.until)


@dataclass(frozen=True, slots=True)
class Way:
    """The way to a peer: its circuit, the seconds until it is asked again, and the number of messages under way."""

    peer: str
    is_open: bool
    silences: int
    seconds_until_next: float
    sending: int

    @classmethod
    def of(cls, peer: str, circuit: Circuit, sending: int, now: datetime) -> Way:
        """The way at `now` (UTC)."""
        left = (circuit.until - now).total_seconds() if circuit.until is not None else 0.0
        return cls(peer, circuit.is_open, circuit.silences, max(0.0, left), sending)
