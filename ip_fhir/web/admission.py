"""The bytes of bodies that are read or worked on at a time: a request waits for room, or is asked to come again.

What a body costs while it is parsed, checked and stored is many times its length, so that the bound on bytes is what
bounds the memory of the process. Room is asked for before the first byte is read.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ip_fhir.fhir.reading import too_long
from ip_fhir.web.connections import SECONDS_TO_WAIT_FOR_BYTES
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from ip_fhir.fhir.reading import Limits

_MOST_WAITING = 1_000
_FEW_BYTES = 65_536  # the room that a body of unknown length is given first


@dataclass(eq=False, slots=True)
class _Waiting:
    """A request that waits for its room."""

    party: str
    size: int
    turn: asyncio.Event


class Admission:
    """Gives room for bytes, in the order in which it was asked for. Used by the event loop's thread only.

    One party gets half of the room at most, and whoever waits for room within their own half holds up nobody else.
    """

    def __init__(self, most: int, seconds: float = SECONDS_TO_WAIT_FOR_BYTES) -> None:
        self._most = most
        self._share = most // 2
        self._seconds = seconds
        self._by_party: Counter[str] = Counter()
        self._waiting: deque[_Waiting] = deque()

    @property
    def bytes_in_flight(self) -> int:
        """The bytes that room was given for."""
        return self._by_party.total()

    @asynccontextmanager
    async def room(self, party: str, size: int) -> AsyncIterator[None]:
        """Holds room for that many bytes, at most half of all, during the block.

        Raises `BadRequest` 503 if there is none in time.
        """
        await self._entered(_Waiting(party, size, asyncio.Event()))
        try:
            yield
        finally:
            self._give_back(party, size)

    async def _entered(self, waiting: _Waiting) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            raise _busy()
        self._waiting.append(waiting)
        self._admit()
        if waiting.turn.is_set():
            return
        try:
            async with asyncio.timeout(self._seconds):
                await waiting.turn.wait()
        except BaseException as error:
            self._leave(waiting)
            if isinstance(error, TimeoutError):
                raise _busy() from None
            raise

    def _leave(self, waiting: _Waiting) -> None:
        """Take back what somebody who is gone asked for, or was just given."""
        if waiting.turn.is_set():
            self._give_back(waiting.party, waiting.size)
        else:
            self._waiting.remove(waiting)
            self._admit()

    def _give_back(self, party: str, size: int) -> None:
        self._by_party[party] -= size
        if self._by_party[party] <= 0:
            del self._by_party[party]
        self._admit()

    def _admit(self) -> None:
        """Let in whoever has room: past those who wait for their own party's half, never past one who waits for all."""
        for waiting in list(self._waiting):
            if self._by_party[waiting.party] + waiting.size > self._share:
                continue
            if self.bytes_in_flight + waiting.size > self._most:
                return
            self._by_party[waiting.party] += waiting.size
            self._waiting.remove(waiting)
            waiting.turn.set()


class Bodies:
    """Reads the bodies of requests: no further than the limit, in time, and only when there is room."""

    def __init__(self, limits: Limits, admission: Admission, seconds: float) -> None:
        self._limits = limits
        self._admission = admission
        self._seconds = seconds

    @asynccontextmanager
    async def read(self, request: Request, party: str) -> AsyncIterator[bytes]:
        """Yields the body, and holds its room during the block.

        Raises `InvalidInput` (HTTP 413), `BadRequest` 408 (it took too long) or 503 (no room in time).
        """
        most = self._limits.max_bytes
        announced = _announced(request)
        if announced is not None and announced > most:
            raise too_long(self._limits)
        async with AsyncExitStack() as held:
            room = min(_FEW_BYTES, most) if announced is None else announced
            await held.enter_async_context(self._admission.room(party, room))
            content = bytearray()
            try:
                async with asyncio.timeout(self._seconds):
                    async for chunk in request.stream():
                        content += chunk
                        if len(content) > most:
                            raise too_long(self._limits)
                        if len(content) > room:  # more than was asked for: its length was not announced
                            await held.enter_async_context(self._admission.room(party, most - room))
                            room = most
            except TimeoutError:
                raise BadRequest(
                    408, f"the body took more than {self._seconds:g} seconds", "too-costly", counted="slow-body"
                ) from None
            yield bytes(content)


def _announced(request: Request) -> int | None:
    """The length that the request announces; None if it announces none, as in chunks."""
    if "transfer-encoding" in request.headers:
        return None
    announced = request.headers.get("content-length", "0")
    return int(announced) if announced.isascii() and announced.isdecimal() and len(announced) < 20 else None


def _busy() -> BadRequest:
    return BadRequest(
        503, "too much is being worked on at the moment: come again", "throttled", counted="busy", retry_after=5
    )
