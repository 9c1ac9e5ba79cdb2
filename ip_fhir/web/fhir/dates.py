"""Times in search parameters and in `_since`: the range of time that a date, to its precision, stands for.

http://hl7.org/fhir/R4/search.html#date. A date without a time is a Norwegian day, month or year.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from ip_fhir.domain.sharing.see import start_of
from ip_fhir.web.requests import BadRequest

LAST_UPDATED: Final = "_lastUpdated"

_DATE: Final = re.compile(
    r"(?P<prefix>eq|gt|ge|lt|le|sa|eb|)(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<time>\d\d:\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?(?P<zone>Z|[+-]\d\d:\d\d))?)?)?",
    re.ASCII,
)
_FORM: Final = "is a date, such as ge2026-01-31 or gt2026-01-31T12:00:00Z (in a URL, + is written %2B)"


class Span(NamedTuple):
    """A range of time from `begin` on and before `end` (UTC); None: without a bound."""

    begin: datetime | None = None
    end: datetime | None = None

    def also(self, other: Span) -> Span:
        """The part of both."""
        begins = [one for one in (self.begin, other.begin) if one is not None]
        ends = [one for one in (self.end, other.end) if one is not None]
        return Span(max(begins, default=None), min(ends, default=None))


def span_of(value: str, at: str) -> Span:
    """Returns the times that a value of a search parameter matches. Raises `BadRequest` 400."""
    found = _DATE.fullmatch(value)
    try:
        begin, end = _range(found.groupdict()) if found is not None else (None, None)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise BadRequest(400, _FORM, "value", at)
    return {
        "": Span(begin, end),
        "eq": Span(begin, end),
        "gt": Span(end, None),
        "sa": Span(end, None),
        "ge": Span(begin, None),
        "lt": Span(None, begin),
        "eb": Span(None, begin),
        "le": Span(None, end),
    }[found["prefix"]]


def _range(parts: dict[str, str | None]) -> tuple[datetime, datetime]:
    year, month, day = (None if parts[name] is None else int(str(parts[name])) for name in ("year", "month", "day"))
    first = date(year or 0, month or 1, day or 1)
    if day is None:
        last = date(first.year + (month in (None, 12)), 1 if month is None else month % 12 + 1, 1)
        return _utc(first), _utc(last)
    if parts["time"] is None:
        return _utc(first), _utc(first + timedelta(days=1))
    zone = str(parts["zone"]).replace("Z", "+00:00")
    fraction = parts["fraction"] or ""
    micros = int(fraction[:6].ljust(6, "0"))
    begin = datetime.fromisoformat(f"{first}T{parts['time']}:{parts['second'] or '00'}{zone}").astimezone(UTC)
    begin += timedelta(microseconds=micros)
    if parts["second"] is None:
        return begin, begin + timedelta(minutes=1)
    return begin, begin + timedelta(microseconds=10 ** (6 - min(len(fraction), 6)))


def _utc(day: date) -> datetime:
    return start_of(day).astimezone(UTC)
