"""Room for bodies: bounded in all and for each party, given in turn, and given back whatever happens."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from starlette.requests import Request

from ip_fhir.fhir.reading import Limits
from ip_fhir.web.admission import Admission, Bodies
from ip_fhir.web.requests import BadRequest


async def _hold(admission: Admission, party: str, size: int, until: asyncio.Event, order: list[str]) -> None:
    async with admission.room(party, size):
        order.append(party)
        await until.wait()


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_one_party_leaves_room_for_others() -> None:
    """It gets half; the rest of its own waits, and nobody else does."""

    async def run() -> None:
        admission, end, order = Admission(100), asyncio.Event(), list[str]()
        work = [asyncio.create_task(_hold(admission, "a", 25, end, order)) for _ in range(4)]
        await _settled()
        work.append(asyncio.create_task(_hold(admission, "b", 50, end, order)))
        await _settled()
        assert order == ["a", "a", "b"]
        assert admission.bytes_in_flight == 100
        end.set()
        await asyncio.gather(*work)
        assert order == ["a", "a", "b", "a", "a"]
        assert admission.bytes_in_flight == 0

    asyncio.run(run())


def test_a_small_one_does_not_pass_a_large_one_that_waits_for_all() -> None:
    """Else the large one might wait for ever."""

    async def run() -> None:
        admission, end, order = Admission(100), asyncio.Event(), list[str]()
        work = [asyncio.create_task(_hold(admission, name, 40, end, order)) for name in ("a", "b")]
        await _settled()
        work += [asyncio.create_task(_hold(admission, name, size, end, order)) for name, size in (("c", 50), ("d", 1))]
        await _settled()
        assert order == ["a", "b"]
        end.set()
        await asyncio.gather(*work)
        assert order == ["a", "b", "c", "d"]

    asyncio.run(run())


def test_who_waits_too_long_is_asked_to_come_again() -> None:
    """HTTP 503 with Retry-After; what it asked for is not held."""

    async def run() -> None:
        admission, end, order = Admission(100, seconds=0.05), asyncio.Event(), list[str]()
        first = asyncio.create_task(_hold(admission, "a", 50, end, order))
        await _settled()
        with pytest.raises(BadRequest) as refused:
            await _hold(admission, "a", 10, end, order)
        assert (refused.value.status, refused.value.retry_after, refused.value.counted) == (503, 5, "busy")
        assert [one.code for one in refused.value.problems] == ["throttled"]
        end.set()
        await first
        assert admission.bytes_in_flight == 0
        await _hold(admission, "a", 50, end, order)

    asyncio.run(run())


def test_who_goes_away_holds_nothing() -> None:
    """Cancelled while waiting, just when let in, or while holding."""

    async def run() -> None:
        admission, end, order = Admission(100), asyncio.Event(), list[str]()
        work = [asyncio.create_task(_hold(admission, "a", 50, end, order)) for _ in range(3)]
        await _settled()
        work[1].cancel()
        await _settled()
        work[0].cancel()
        await asyncio.sleep(0)
        work[2].cancel()
        for one in work:
            with suppress(asyncio.CancelledError):
                await one
        assert admission.bytes_in_flight == 0
        assert not admission._waiting

    asyncio.run(run())


def test_a_body_in_chunks_asks_for_more_when_it_is_large() -> None:
    """Its length is not announced: a little room at first, then as much as a body may have."""

    async def run() -> None:
        admission = Admission(2_000_000)
        seen = []
        parts = [b"a" * 60_000] * 3

        async def receive() -> dict[str, object]:
            seen.append(admission.bytes_in_flight)
            return {"type": "http.request", "body": parts.pop(), "more_body": bool(parts)}

        request = Request({"type": "http", "headers": [(b"transfer-encoding", b"chunked")]}, receive)
        async with Bodies(Limits(max_bytes=900_000), admission, 5).read(request, "a") as content:
            assert len(content) == 180_000
        assert seen == [65_536, 65_536, 900_000]
        assert admission.bytes_in_flight == 0

    asyncio.run(run())
