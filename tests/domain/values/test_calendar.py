"""Working days in Norway: what counts, across summer time, and laws that hold for any start."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ip_fhir.domain.values.calendar import (
    ClosedDays,
    add_days,
    add_months,
    add_working_days,
    holidays_between,
    is_working_day,
    next_working_day,
    working_days_between,
)

OSLO = ZoneInfo("Europe/Oslo")
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds

# Easter and Whitsun move; the others do not. Written down from an almanac.
HOLIDAYS_2026 = [
    date(2026, 1, 1),
    date(2026, 4, 2),  # Maundy Thursday
    date(2026, 4, 3),  # Good Friday
    date(2026, 4, 6),  # Easter Monday
    date(2026, 5, 1),
    date(2026, 5, 14),  # Ascension Day
    date(2026, 5, 25),  # Whit Monday
    date(2026, 12, 25),
]


def test_public_holidays_are_no_working_days() -> None:
    """Every weekday of 2026 is a working day but for the public holidays."""
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    weekdays = [day for day in days if day.isoweekday() <= 5]
    assert [day for day in weekdays if not is_working_day(day)] == HOLIDAYS_2026


def test_christmas_eve_is_a_working_day() -> None:
    """24 December is no public holiday by law, half a day or not."""
    assert is_working_day(date(2026, 12, 24))


def test_constitution_day_moves_nothing_when_it_is_a_sunday() -> None:
    """17 May 2026 is a Sunday; the Monday after it is a working day."""
    assert next_working_day(date(2026, 5, 17)) == date(2026, 5, 18)


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (datetime(2026, 3, 2, 10, tzinfo=OSLO), 5, datetime(2026, 3, 9, 10, tzinfo=OSLO)),
        (datetime(2026, 4, 1, 10, tzinfo=OSLO), 1, datetime(2026, 4, 7, 10, tzinfo=OSLO)),  # over Easter
        (datetime(2026, 3, 27, 23, 30, tzinfo=OSLO), 1, datetime(2026, 3, 30, 23, 30, tzinfo=OSLO)),  # summer time
        (datetime(2026, 10, 23, 12, tzinfo=OSLO), 1, datetime(2026, 10, 26, 12, tzinfo=OSLO)),  # and back
        (datetime(2026, 3, 7, 8, tzinfo=OSLO), 0, datetime(2026, 3, 9, 8, tzinfo=OSLO)),  # a Saturday, no days
        (datetime(2026, 3, 7, 8, tzinfo=OSLO), 1, datetime(2026, 3, 9, 8, tzinfo=OSLO)),
        # 22:30 UTC on a Sunday is Monday in Norway.
        (datetime(2026, 6, 7, 22, 30, tzinfo=UTC), 1, datetime(2026, 6, 9, 0, 30, tzinfo=OSLO)),
    ],
)
def test_deadlines_by_hand(start: datetime, days: int, end: datetime) -> None:
    """The n-th working day, at the same time on the wall."""
    assert add_working_days(start, days) == end


def test_a_deadline_before_its_start_is_refused() -> None:
    """A negative number of days is no deadline."""
    with pytest.raises(ValueError, match="before its start"):
        add_working_days(datetime(2026, 3, 2, tzinfo=UTC), -1)


@given(MOMENTS, st.integers(0, 60))
@example(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 0)  # the hour that comes twice
@example(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), 1)
def test_a_deadline_is_a_working_day_at_the_same_hour(start: datetime, days: int) -> None:
    """Wherever it starts: a working day, the same local time, in UTC, not before the start."""
    due = add_working_days(start, days)
    assert due.utcoffset() == timedelta()
    assert is_working_day(due.astimezone(OSLO).date())
    assert due.astimezone(OSLO).time() == start.astimezone(OSLO).time()
    assert due >= start


@given(MOMENTS, st.integers(1, 60))
def test_days_are_counted_back(start: datetime, days: int) -> None:
    """Counting the working days up to a deadline gives the number it was made from."""
    assert working_days_between(start, add_working_days(start, days)) == days


@given(MOMENTS, st.integers(1, 30), st.integers(1, 30))
def test_days_add_up(start: datetime, first: int, second: int) -> None:
    """Five days and then five are ten."""
    assert add_working_days(add_working_days(start, first), second) == add_working_days(start, first + second)


@given(MOMENTS, MOMENTS, st.integers(0, 40))
def test_a_later_start_is_no_earlier_deadline(one: datetime, other: datetime, days: int) -> None:
    """Deadlines keep the order of days; within a day off, of days."""
    early, late = sorted((one, other))
    assert add_working_days(early, days).astimezone(OSLO).date() <= add_working_days(late, days).astimezone(OSLO).date()


@given(MOMENTS, st.integers(0, 400))
def test_calendar_days_end_on_a_working_day(start: datetime, days: int) -> None:
    """A month is a month, moved on at most over a holiday."""
    due = add_days(start, days)
    assert is_working_day(due.astimezone(OSLO).date())
    assert (
        timedelta()
        <= due.astimezone(OSLO).date() - start.astimezone(OSLO).date() - timedelta(days=days)
        < timedelta(days=6)
    )


def test_nothing_between_when_the_end_comes_first() -> None:
    """No days are left of a deadline that is past."""
    assert working_days_between(datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)) == 0


# --- closed days of an agreement (users.md E, calendar) ----------------------------------------------

CLOSED = ClosedDays(frozenset({date(2026, 5, 15)}), frozenset({(12, 24), (12, 31)}))


def test_closed_days_are_no_working_days() -> None:
    """The two eves of every year, and the day after Ascension Day of one year, beside the holidays."""
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    weekdays = [day for day in days if day.isoweekday() <= 5]
    closed = [*HOLIDAYS_2026, date(2026, 5, 15), date(2026, 12, 24), date(2026, 12, 31)]
    assert [day for day in weekdays if not is_working_day(day, CLOSED)] == sorted(closed)
    assert not is_working_day(date(2027, 12, 31), CLOSED)
    assert is_working_day(date(2028, 5, 15), CLOSED)


def test_each_way_of_counting_passes_over_them() -> None:
    """Deadlines by working days, calendar days and months, and the count between two moments."""
    start = datetime(2026, 12, 23, 12, tzinfo=OSLO)
    monday = datetime(2026, 12, 28, 12, tzinfo=OSLO)
    assert add_working_days(start, 1) == datetime(2026, 12, 24, 12, tzinfo=OSLO)
    assert add_working_days(start, 1, CLOSED) == monday
    assert add_working_days(datetime(2026, 12, 24, 12, tzinfo=OSLO), 0, CLOSED) == monday
    assert add_days(start, 1, CLOSED) == monday
    assert add_months(datetime(2026, 11, 24, 12, tzinfo=OSLO), 1, CLOSED) == monday
    assert working_days_between(start, monday, CLOSED) == working_days_between(start, monday) - 1 == 1
    assert holidays_between(start, monday, CLOSED) == (date(2026, 12, 24), date(2026, 12, 25))
