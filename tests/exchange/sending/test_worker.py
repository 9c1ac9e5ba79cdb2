"""The worker: does what is due, wakes when something happens, stops when told, and does not die."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest

from ip_fhir.errors import StoreError
from ip_fhir.exchange import Worker
from ip_fhir.ports import Outgoing, Receipt
from tests.support.two_sides import Loop, notice


def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for it, so many seconds at most."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return
        time.sleep(0.01)
    message = "it did not happen"
    raise AssertionError(message)


def test_it_wakes_at_once(loop: Loop) -> None:
    """With a minute's rest, a notice is sent the moment it is there; then the side is idle."""
    worker = Worker(loop.hospital.exchange, rest=60)
    worker.start()
    worker.start()
    try:
        eventually(lambda: bool(loop.hospital.exchange.health()["idle"]))
        loop.hospital.exchange.send_notice(notice("01"))
        eventually(lambda: loop.state(loop.hospital, "referral-01") == "delivered")
    finally:
        assert worker.stop(10)
    assert not worker.running


def test_it_can_be_started_again(loop: Loop) -> None:
    """Stopping is not for good."""
    worker = Worker(loop.hospital.exchange, rest=0.01)
    for name in ("01", "03"):
        worker.start()
        loop.hospital.exchange.send_notice(notice(name))
        eventually(lambda: loop.state(loop.hospital, f"referral-{name}") == "delivered")  # noqa: B023 - used at once
        assert worker.stop(10)


def test_stopping_finishes_the_row_and_gives_the_others_back(loop: Loop) -> None:
    """The one that is being sent gets its receipt; the rest are due for whoever comes next, without waiting."""
    sending, go_on = threading.Event(), threading.Event()
    deliver = loop.hospital.wire.send

    def slowly(outgoing: Outgoing) -> Receipt:
        sending.set()
        go_on.wait(10)
        return deliver(outgoing)

    loop.hospital.wire.send = slowly  # type: ignore[method-assign]
    for name in ("01", "03", "04"):
        loop.hospital.exchange.send_notice(notice(name))
    worker = Worker(loop.hospital.exchange, rest=0.01)
    worker.start()
    assert sending.wait(10)
    threading.Timer(0.2, go_on.set).start()
    assert worker.stop(10)
    states = sorted(loop.state(loop.hospital, f"referral-{name}") for name in ("01", "03", "04"))
    assert states == ["delivered", "sent", "sent"]
    assert loop.hospital.exchange.run_due().sent == 2


def test_a_failing_store_does_not_end_it(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does a bug; it is logged by its type, and the worker goes on."""
    exchange = loop.hospital.exchange
    really = loop.hospital.store.claim
    failures: list[Exception] = [StoreError("the disk is full"), ZeroDivisionError("Kari Nordmann")]

    def claim(*what: object) -> object:
        if failures:
            raise failures.pop(0)
        return really(*what)

    loop.hospital.store.claim = claim  # type: ignore[attr-defined]
    exchange.send_notice(notice("01"))
    worker = Worker(exchange, rest=0.01)
    with caplog.at_level(logging.ERROR):
        worker.start()
        try:
            eventually(lambda: loop.state(loop.hospital, "referral-01") == "delivered")
        finally:
            assert worker.stop(10)
    assert "the disk is full" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "Nordmann" not in caplog.text


def test_health_tells_idle_from_busy(loop: Loop) -> None:
    """Idle means: nothing was due at this very time, and nothing has happened since."""
    exchange = loop.hospital.exchange
    assert not exchange.health()["idle"]
    exchange.run_due()
    idle = exchange.health()
    assert idle["idle"]
    exchange.send_notice(notice("01"))
    assert not exchange.health()["idle"]
    assert exchange.health()["due"] == 1
    exchange.run_due()
    assert not exchange.health()["idle"]
    exchange.run_due()
    assert exchange.health()["idle"]
    assert exchange.health()["changes"] > idle["changes"]
    loop.clock.forward(days=1)
    assert not exchange.health()["idle"]
