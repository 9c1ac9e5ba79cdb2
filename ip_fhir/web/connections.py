"""The bounds of connections: how many, of one client, and how long each may wait for its other end.

Where there is no room, the connection that has waited longest for its client gives way, of the address that has most of
them: so whoever opens many and says nothing closes their own, and others get in. One with a request under way never
gives way.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from ip_fhir.web.clients import Proxies, client_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.logs import CountedLog

log = logging.getLogger("ip_fhir.web")

Phase: TypeAlias = Literal["head", "body", "work", "answer", "drain", "idle", "closing", "parting"]
"""The thing that a connection waits for: request line and headers, a body, our own work, its client to read our answer
or to end a body that was refused, the next request, its own end, or the end of TLS, which few clients confirm."""

SECONDS_TO_WAIT_FOR_BYTES = 5.0
"""The longest that a request waits until it may send its body (`ip_fhir.web.admission`)."""

_SECONDS_TO_CLOSE = 2.0
_GIVES_WAY: frozenset[Phase] = frozenset({"head", "idle", "answer", "drain", "closing", "parting"})
_MOST_RESERVED = 256
_REASONS: dict[Phase, str] = {
    "head": "slow-head",
    "body": "slow-body",
    "answer": "slow-reader",
    "drain": "slow-body",
    "closing": "slow-reader",
}


@dataclass(frozen=True)
class Bounds:
    """Seconds for each phase, connections in all and of one client, and how many may wait to be accepted."""

    header_seconds: float = 10.0
    body_seconds: float = 60.0
    idle_seconds: float = 20.0
    connections: int = 512
    connections_per_client: int = 64
    backlog: int = 64

    def seconds(self, phase: Phase) -> float | None:
        """The longest time in a phase; None if only we ourselves can end it."""
        return {
            "head": self.header_seconds,
            "body": SECONDS_TO_WAIT_FOR_BYTES + self.body_seconds + 1,  # the application's own 408 comes before
            "answer": self.body_seconds,
            "drain": self.header_seconds,
            "idle": self.idle_seconds,
            "closing": _SECONDS_TO_CLOSE,
            "parting": _SECONDS_TO_CLOSE,
        }.get(phase)

    @property
    def pause(self) -> float:
        """Seconds between two looks at the connections: a quarter of the shortest bound, at most one second."""
        return min(1.0, min(self.header_seconds, self.body_seconds, self.idle_seconds) / 4)


class Held(Protocol):
    """A connection as this module sees it. `since` is when its phase began, by the loop's clock."""

    host: str | None
    phase: Phase
    since: float

    def look(self, now: float) -> None:
        """Bring `phase` and `since` up to date."""

    def end(self, *, at_once: bool) -> None:
        """Close the connection, with a last word if there is one to say; `at_once`, drop it."""


class Connections:
    """All connections of one server. Used by the event loop's thread only.

    Refusals are counted in `refused`; it and `others` are flushed as time goes by.
    """

    def __init__(
        self, bounds: Bounds, proxies: Proxies, refused: CountedLog, others: Iterable[CountedLog] = ()
    ) -> None:
        self.bounds = bounds
        self._proxies = proxies
        self._refused = refused
        self._logs = (refused, *others)
        self._held: dict[str, set[Held]] = {}
        self._number = 0
        self._sweeping = False

    def bound_by_files(self) -> None:
        """Lower the bounds to what this process can keep with the files it may open, and say so in the log.

        Files are left for the store, for sending and for connections that are accepted and not yet counted.
        """
        files, wanted = _most_files(), self.bounds.connections
        if files is not None:
            reserved = min(_MOST_RESERVED, files // 2)
            backlog = min(self.bounds.backlog, max(8, reserved // 4))
            self.bounds = replace(self.bounds, connections=min(wanted, files - reserved), backlog=backlog)
        if self.bounds.connections < wanted:
            words = "at most %d connections, not the %d of http.connections: this process may open %d files"
            log.warning(words, self.bounds.connections, wanted, files)
        else:
            log.info("at most %d connections, %d of one client", wanted, self.bounds.connections_per_client)

    def __len__(self) -> int:
        return self._number

    def add(self, connection: Held, loop: asyncio.AbstractEventLoop) -> bool:
        """Hold a new connection, for which others may have to give way; False if there is no room for it."""
        key = client_key(connection.host)
        ours = self._held.get(key, set())
        bounded = connection.host not in self._proxies if connection.host else True
        if bounded and len(ours) >= self.bounds.connections_per_client and not self._make_room([ours]):
            return False
        if self._number >= self.bounds.connections:
            by_number = sorted(self._held.values(), key=len, reverse=True)
            if not self._make_room(by_number):
                return False
        self._held.setdefault(key, set()).add(connection)
        self._number += 1
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(self.bounds.pause, self._sweep, loop)
        return True

    def discard(self, connection: Held) -> None:
        """Forget a connection that has ended."""
        key = client_key(connection.host)
        ours = self._held.get(key, set())
        if connection in ours:
            ours.remove(connection)
            self._number -= 1
        if not ours:
            self._held.pop(key, None)

    def _make_room(self, groups: list[set[Held]]) -> bool:
        """Drop the connection that has waited longest, of the first group that has one; False if none has."""
        for group in groups:
            waiting = [held for held in group if held.phase in _GIVES_WAY]
            if waiting:
                oldest = min(waiting, key=lambda held: held.since)
                self.discard(oldest)
                oldest.end(at_once=True)
                self._refused.note("connections", "a connection gave way to a new one: there were too many")
                return True
        self._refused.note("connections", "a connection was refused: all others have requests under way")
        return False

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """End every connection that has been in its phase for too long; look again after a while."""
        now = loop.time()
        for held in [held for group in self._held.values() for held in group]:
            held.look(now)
            most = self.bounds.seconds(held.phase)
            if most is not None and now - held.since >= most:
                self._end(held)
        for counted in self._logs:
            counted.flush()
        self._sweeping = bool(self._held)
        if self._sweeping:
            loop.call_later(self.bounds.pause, self._sweep, loop)

    def _end(self, held: Held) -> None:
        reason = _REASONS.get(held.phase)
        if reason is not None:
            self._refused.note(reason, f"a connection was ended, its client was too slow ({held.phase})")
        held.end(at_once=held.phase in ("closing", "parting", "drain", "answer"))


def _most_files() -> int | None:
    """The number of files that this process may open; None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
