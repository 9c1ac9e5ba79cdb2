"""The hours at which people are told: quiet hours, days off and the time of a digest, in Norwegian time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from ip_fhir.domain.values.calendar import OSLO, ClosedDays
from ip_fhir.domain.values.hours import ALWAYS, Hours

NIGHT = (time(20), time(7))


def at(text: str) -> datetime:
    """A local time."""
    return datetime.fromisoformat(text).replace(tzinfo=OSLO)


def local(moment: datetime) -> str:
    """A time in UTC as clocks in Norway show it."""
    assert moment.tzinfo is UTC
    return moment.astimezone(OSLO).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("hours", "moment", "told"),
    [
        (ALWAYS, "2026-01-10 03:00", "2026-01-10 03:00"),
        (Hours(NIGHT), "2026-01-12 19:59", "2026-01-12 19:59"),
        (Hours(NIGHT), "2026-01-12 20:00", "2026-01-13 07:00"),
        (Hours(NIGHT), "2026-01-13 06:59", "2026-01-13 07:00"),
        (Hours(NIGHT), "2026-01-13 07:00", "2026-01-13 07:00"),
        (Hours((time(12), time(13))), "2026-01-13 12:30", "2026-01-13 13:00"),
        (Hours((time(12), time(13))), "2026-01-13 13:00", "2026-01-13 13:00"),
        (Hours((time(20), time(0))), "2026-01-13 21:00", "2026-01-14 00:00"),
        (Hours(working_days=True), "2026-01-10 12:00", "2026-01-12 00:00"),  # a Saturday
        (Hours(NIGHT, working_days=True), "2026-01-09 21:00", "2026-01-12 07:00"),
        (Hours(NIGHT, working_days=True), "2026-05-13 21:00", "2026-05-15 07:00"),  # Ascension Day
        (Hours(working_days=True, closed=ClosedDays(frozenset({date(2026, 1, 12)}))), "2026-01-10 1:00", "2026-01-13"),
        (Hours(NIGHT), "2026-03-28 23:00", "2026-03-29 07:00"),  # summer time begins in the night
        (Hours(NIGHT), "2026-10-24 23:00", "2026-10-25 07:00"),  # and ends
    ],
)
def test_not_in_quiet_hours(hours: Hours, moment: str, told: str) -> None:
    """What happens in quiet hours or on a day off is told when they are over; all else at once."""
    moment = moment.replace(" 1:", " 01:")
    assert local(hours.due(at(moment))) == (told if ":" in told else f"{told} 00:00")


@pytest.mark.parametrize(
    ("hours", "moment", "told"),
    [
        (Hours(digest_at=time(7, 30)), "2026-01-12 07:29", "2026-01-12 07:30"),
        (Hours(digest_at=time(7, 30)), "2026-01-12 07:30", "2026-01-13 07:30"),
        (Hours(NIGHT, working_days=True, digest_at=time(7, 30)), "2026-01-09 12:00", "2026-01-12 07:30"),
        (Hours(digest_at=time(7, 30)), "2026-03-28 12:00", "2026-03-29 07:30"),
    ],
)
def test_a_digest_has_its_time(hours: Hours, moment: str, told: str) -> None:
    """The next one after it happened, on a day that is not off."""
    assert local(hours.due(at(moment))) == told


def test_no_hours_are_not_quiet() -> None:
    """Whoever has none is told at any time."""
    assert not ALWAYS.is_quiet(time(3))
    assert Hours(NIGHT).is_quiet(time(3))
