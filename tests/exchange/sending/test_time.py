"""Clocks and back-off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.errors import Conflict, InvalidInput, IpFhirError, Rejected, StoreError, Unavailable
from ip_fhir.exchange.clock import FileClock, SystemClock
from ip_fhir.exchange.sending.retry import next_try
from ip_fhir.settings import RetrySettings

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_the_system_clock_is_aware_and_now() -> None:
    """In UTC, between before and after."""
    before = datetime.now(UTC)
    assert before <= SystemClock().now() <= datetime.now(UTC)


def test_a_file_is_the_time(tmp_path: Path) -> None:
    """It is read anew each time, so that replacing the file moves everybody's time."""
    file = tmp_path / "clock"
    file.write_text("2026-03-02T10:30:00+01:00\n", encoding="ascii")
    clock = FileClock(file)
    assert clock.now() == NOW
    (tmp_path / "next").write_text("2026-03-09T10:30:00+01:00", encoding="ascii")
    (tmp_path / "next").replace(file)
    assert clock.now() == NOW + timedelta(days=7)
    assert clock.now().utcoffset() == timezone(timedelta(hours=1)).utcoffset(None)


@pytest.mark.parametrize("text", [None, "", "noon", "2026-03-02T10:30:00", "2026-13-02T10:30:00Z", "kl. 12 på dagen"])
def test_without_time_nothing_is_decided(tmp_path: Path, text: str | None) -> None:
    """No file, no instant, no offset: a StoreError, which may be tried again."""
    file = tmp_path / "clock"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match="clock file"):
        FileClock(file).now()


def wait(error: IpFhirError, attempt: int, jitter: float = 1.0, **policy: float) -> float | None:
    """Seconds until the next try."""
    settings = RetrySettings.model_validate(policy)
    at = next_try(error, attempt, NOW, settings, lambda: jitter)
    return None if at is None else (at - NOW).total_seconds()


def test_doubling_up_to_a_cap() -> None:
    """30, 60, 120 ... and never more than an hour."""
    waits = [wait(Unavailable("down"), attempt) for attempt in range(1, 11)]
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_by_kind_of_error() -> None:
    """What cannot get better is not tried again; a conflict and a failing store are."""
    assert wait(Rejected("no"), 1) is None
    assert wait(InvalidInput.at("", "no peer"), 1) is None
    assert wait(Conflict("newer"), 1) == 30
    assert wait(Unavailable("down"), 100) is None
    assert wait(Unavailable("down"), 99) == 3600


def test_the_peers_own_wish_counts() -> None:
    """Retry-After is kept to when it is longer, up to a day."""
    assert wait(Unavailable("busy", 300), 1) == 300
    assert wait(Unavailable("busy", 1), 1) == 30
    assert wait(Unavailable("busy", 10**9), 1) == 86_400


@given(st.integers(1, 5000), st.floats(0, 1), st.floats(0.001, 1e6), st.floats(0.001, 1e6))
def test_always_in_the_future_and_within_the_cap(attempt: int, jitter: float, first: float, cap: float) -> None:
    """Whatever the settings and the chance, never now, never later than the cap; half of it at least."""
    waited = wait(Unavailable("down"), attempt, jitter, first=first, cap=cap, attempts=10_000)
    assert waited is not None
    assert 0 < waited <= cap + 1e-6
    assert waited >= min(first, cap) / 2 - 1e-6
