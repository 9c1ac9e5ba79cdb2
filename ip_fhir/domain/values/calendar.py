"""Working days and deadlines: Monday to Friday except Norwegian public holidays, in local time (Europe/Oslo).

Every `datetime` argument is time zone aware, in any zone; every `datetime` returned is in UTC. A deadline falls at the
same local time as its start: a form due "in fifteen working days" is due at the hour at which the notice was sent, also
when summer time begins in between. Parties may agree on more closed days (`ClosedDays`).
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")
_SATURDAY = 5
_NOON = 12
_ONE_DAY = timedelta(days=1)


def local_day(moment: datetime) -> date:
    """Returns the day of `moment` in Norway (Europe/Oslo)."""
    return moment.astimezone(OSLO).date()


def moment_of(text: str) -> datetime:
    """Returns the time that a text of ISO 8601 says, in Norway if it names no zone; a day alone is its noon.

    Raises `ValueError`. It is in the zone of the text.

    >>> moment_of("2026-03-30").isoformat()
    '2026-03-30T12:00:00+02:00'
    """
    found = datetime.fromisoformat(text)
    if "T" not in text and " " not in text:
        found = found.replace(hour=_NOON)
    return found if found.tzinfo is not None else found.replace(tzinfo=OSLO)


@dataclass(frozen=True, slots=True)
class ClosedDays:
    """Days that are no working days though the law has them as such: single days, and days of every year.

    Days of the year are month and day. The agreement bounds their number, so that a working day is always found.
    """

    days: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()

    def __contains__(self, day: date) -> bool:
        """True if it is closed on this day."""
        return day in self.days or (day.month, day.day) in self.yearly


NONE_CLOSED = ClosedDays()
"""No closed days but weekends and public holidays."""


def is_working_day(day: date, closed: ClosedDays = NONE_CLOSED) -> bool:
    """True if `day` is no Saturday, no Sunday, no Norwegian public holiday and none of the closed days.

    >>> is_working_day(date(2026, 5, 15)), is_working_day(date(2026, 5, 14))  # Ascension Day is the 14th
    (True, False)
    """
    return day.weekday() < _SATURDAY and day not in _public_holidays(day.year) and day not in closed


def next_working_day(day: date, closed: ClosedDays = NONE_CLOSED) -> date:
    """Returns `day` if it is a working day, else the first working day after it."""
    while not is_working_day(day, closed):
        day += _ONE_DAY
    return day


def add_working_days(start: datetime, days: int, closed: ClosedDays = NONE_CLOSED) -> datetime:
    """Returns the same local time (Europe/Oslo) on the `days`-th working day after the day of `start`, in UTC.

    For 0 days it returns `start`, or the same local time on the next working day if `start` is on none. Raises
    `ValueError` for a negative number of days.

    >>> add_working_days(datetime(2026, 3, 27, 12, tzinfo=OSLO), 1).astimezone(OSLO).isoformat()
    '2026-03-30T12:00:00+02:00'
    """
    if days < 0:
        message = "a deadline does not lie before its start"
        raise ValueError(message)
    local = start.astimezone(OSLO)
    return _at(_working_day_after(local.date(), days, closed), local)


@lru_cache(maxsize=256)
def _working_day_after(day: date, days: int, closed: ClosedDays) -> date:
    """The `days`-th working day after a day; for 0, that day or the first working day after it."""
    if not days:
        return next_working_day(day, closed)
    for _ in range(days):
        day = next_working_day(day + _ONE_DAY, closed)
    return day


def add_days(start: datetime, days: int, closed: ClosedDays = NONE_CLOSED) -> datetime:
    """Returns the same local time (Europe/Oslo) `days` calendar days later, or on the next working day, in UTC."""
    local = start.astimezone(OSLO)
    return _at(next_working_day(local.date() + timedelta(days=days), closed), local)


def add_months(start: datetime, months: int, closed: ClosedDays = NONE_CLOSED) -> datetime:
    """Returns the same local time (Europe/Oslo) on the same day of the month `months` later, in UTC.

    A month without that day counts by its last day. If the day is no working day, the next working day is taken.

    >>> add_months(datetime(2026, 8, 31, 12, tzinfo=OSLO), 6).astimezone(OSLO).isoformat()
    '2027-03-01T12:00:00+01:00'
    """
    local = start.astimezone(OSLO)
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return _at(next_working_day(date(year, month + 1, min(local.day, last)), closed), local)


def working_days_between(start: datetime, end: datetime, closed: ClosedDays = NONE_CLOSED) -> int:
    """Returns the number of working days after the day of `start`, up to and including the day of `end`.

    Days are those of Europe/Oslo. The number is 0 if `end` is earlier than `start`.
    """
    day, last = local_day(start), local_day(end)
    count = 0
    while day < last:
        day += _ONE_DAY
        count += is_working_day(day, closed)
    return count


def holidays_between(start: datetime, end: datetime, closed: ClosedDays = NONE_CLOSED) -> tuple[date, ...]:
    """Returns the days off, except weekends, after the day of `start`, up to and including that of `end`.

    They are public holidays and closed days, by Europe/Oslo, in order.

    >>> start, end = datetime(2026, 4, 2, 12, tzinfo=OSLO), datetime(2026, 4, 7, 12, tzinfo=OSLO)
    >>> [day.isoformat() for day in holidays_between(start, end)]
    ['2026-04-03', '2026-04-06']
    """
    first, last = local_day(start), local_day(end)
    days = (first + timedelta(days=number) for number in range(1, (last - first).days + 1))
    return tuple(day for day in days if day.weekday() < _SATURDAY and not is_working_day(day, closed))


def holiday_name(day: date, language: Literal["nb", "en"]) -> str:
    """Returns the name of a Norwegian public holiday; an empty text for another day.

    >>> holiday_name(date(2026, 5, 14), "nb"), holiday_name(date(2026, 5, 14), "en")
    ('Kristi himmelfartsdag', 'Ascension Day')
    """
    from holidays import country_holidays

    names = country_holidays("NO", years=day.year, language={"nb": "no", "en": "en_US"}[language])
    return names.get(day) or ""


def _at(day: date, local: datetime) -> datetime:
    # The clocks change in the night to a Sunday, so on a working day every local time exists exactly once, and `fold`
    # of the start must not be carried over.
    return datetime.combine(day, local.timetz()).replace(fold=0).astimezone(UTC)


@lru_cache(maxsize=256)
def _public_holidays(year: int) -> frozenset[date]:
    # Imported at first use: importing the package takes longer than importing all of the domain.
    from holidays import country_holidays

    return frozenset(country_holidays("NO", years=year))
