"""The leaf lenses for days and moments: what FHIR writes as `date`, `dateTime` and `instant`."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from ip_fhir.mapping.lenses.references import Links

_OSLO = ZoneInfo("Europe/Oslo")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_DATETIME: TypeAdapter[datetime] = TypeAdapter(datetime)

DAYS = ("date", "day", "day-start", "day-end", "first-day", "last-day")
"""The leaf types that hold a day."""

MOMENTS = ("instant", "instant-or-day")
"""The leaf types that hold a moment."""


class Instant:
    """A dateTime or instant with its offset; another way to write the same moment is left as it stands."""

    def get(self, node: Any, _links: Links) -> str:
        """The moment in the form that the domain's JSON has."""
        if type(node) is not str or not _INSTANT.fullmatch(node):
            raise Wrong("is not a date and time with an offset")
        try:
            return _canonical(node)
        except ValueError:
            raise Wrong("is no moment that exists") from None

    def put(self, value: Any, _node: Any, _links: Links) -> Any:
        """The moment as FHIR writes it."""
        return value

    def owns(self, node: Any) -> bool:
        """Any string."""
        return type(node) is str


def _canonical(text: str) -> str:
    dumped: str = _DATETIME.dump_python(_DATETIME.validate_python(text), mode="json")
    return dumped


class DayBound:
    """A moment that stands for a day in Norway: its start, or (`end`) its last second."""

    def __init__(self, *, end: bool) -> None:
        self.end = end

    def get(self, node: Any, _links: Links) -> str:
        """The day."""
        if type(node) is not str or not _INSTANT.fullmatch(node):
            raise Wrong("is not a date and time with an offset")
        try:
            return datetime.fromisoformat(node).astimezone(_OSLO).date().isoformat()
        except (ValueError, OverflowError):
            raise Wrong("is no moment that exists") from None

    def put(self, value: Any, _node: Any, _links: Links) -> Any:
        """The bound of the day, Europe/Oslo."""
        if value is None:
            return None
        moment = datetime.combine(date.fromisoformat(value), time(), _OSLO)
        if self.end:
            moment = moment.replace(hour=23, minute=59, second=59)
        offset = moment.utcoffset() or timedelta()
        # Before 1895 Oslo kept local mean time, whose seconds FHIR cannot write.
        return moment.isoformat() if not offset.seconds % 60 else f"{value}T{moment:%H:%M:%S}Z"

    def owns(self, node: Any) -> bool:
        """Any string."""
        return type(node) is str


class Day:
    """A day, where FHIR also allows a moment: the moment's day in Norway."""

    def get(self, node: Any, links: Links) -> str:
        """The day."""
        if type(node) is str and _DATE.fullmatch(node):
            return node
        return _START.get(node, links)

    def put(self, value: Any, _node: Any, _links: Links) -> Any:
        """The day."""
        return value

    def owns(self, node: Any) -> bool:
        """Any string."""
        return type(node) is str


_START = DayBound(end=False)


class PeriodDay(Day):
    """The first or (`end`) last day of a period: a moment only where the period has that whole day, in Norway.

    A period from 15:00, read as the whole day, would hold for hours that nobody spoke of.
    """

    def __init__(self, *, end: bool) -> None:
        self.time = time(23, 59, 59) if end else time()

    def get(self, node: Any, links: Links) -> str:
        """The day."""
        day = super().get(node, links)
        if node != day and datetime.fromisoformat(node).astimezone(_OSLO).time().replace(microsecond=0) != self.time:
            raise Wrong("begins or ends within a day; only whole days can be kept")
        return day


class InstantOrDay(Instant):
    """A moment; where another system gives only the day, the day's start in Norway."""

    def get(self, node: Any, links: Links) -> str:
        """The moment in the form that the domain's JSON has."""
        if type(node) is str and _DATE.fullmatch(node):
            try:
                return _canonical(_START.put(node, None, links))
            except ValueError:
                raise Wrong("is no day that exists") from None
        return super().get(node, links)
