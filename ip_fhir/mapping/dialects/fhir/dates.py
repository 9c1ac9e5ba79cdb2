"""The leaf kinds for days and moments: FHIR's `date`, `dateTime` and `instant`."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from ip_fhir.mapping.dialects.fhir.plain import Primitive
from ip_fhir.mapping.lenses.leaf_kind import Decoded, LeafKind
from ip_fhir.mapping.lenses.nodes import Leaf
from ip_fhir.mapping.lenses.references import NO_LINKS
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ip_fhir.mapping.lenses.nodes import Path, Told
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import Row, Systems

_OSLO = ZoneInfo("Europe/Oslo")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PARTIAL = re.compile(r"\d{4}(-\d\d)?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_DATETIME: TypeAdapter[datetime] = TypeAdapter(datetime)


class Instant(Leaf):
    """A dateTime or instant with its offset; one that is the same moment in another notation is not rewritten."""

    def get(self, node: Any, _links: Links) -> str:
        """The moment in the form that the domain's JSON has."""
        if type(node) is not str or not _INSTANT.fullmatch(node):
            raise Wrong("is not a date and time with an offset")
        try:
            return _canonical(node)
        except ValueError:
            raise Wrong("is no moment that exists") from None

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The moment as FHIR writes it."""
        return value

    def owns(self, node: Any) -> bool:
        """True for any string."""
        return type(node) is str


def _canonical(text: str) -> str:
    dumped: str = _DATETIME.dump_python(_DATETIME.validate_python(text), mode="json")
    return dumped


class DayBound(Leaf):
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

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
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
        """True for any string."""
        return type(node) is str


class Day(Leaf):
    """A day, where FHIR also allows a moment: the moment's day in Norway."""

    def get(self, node: Any, links: Links) -> str:
        """The day."""
        if type(node) is str and _DATE.fullmatch(node):
            return node
        return _START.get(node, links)

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The day."""
        return value

    def owns(self, node: Any) -> bool:
        """True for any string."""
        return type(node) is str


_START = DayBound(end=False)


class KnownDay(Day):
    """A day; a year or a month alone says none, is told, and stays as it is until a day is written."""

    telling = True

    def get(self, node: Any, links: Links) -> str | None:  # type: ignore[override]  # None: no whole day
        """The day, or None."""
        return None if _is_partial(node) else super().get(node, links)

    def tells(self, node: Any, _links: Links, path: Path) -> Iterator[Told]:
        """The place, if it has a year or a month alone."""
        if _is_partial(node):
            yield path, "is a year or a month alone, and no day: not read"


class BoundDay(Day):
    """The first or (`end`) last day of a period; of a year or a month alone, its first or last day.

    FHIR's `Period` means it so (http://hl7.org/fhir/R4/datatypes.html#Period). What stands there keeps its precision
    until another day is written.
    """

    telling = True

    def __init__(self, *, end: bool) -> None:
        self.end = end

    def get(self, node: Any, links: Links) -> str:
        """The day."""
        return _bound_of(node, end=self.end) if _is_partial(node) else super().get(node, links)

    def tells(self, node: Any, _links: Links, path: Path) -> Iterator[Told]:
        """The place, if it has a year or a month alone."""
        if _is_partial(node):
            yield path, f"is a year or a month alone: read as its {'last' if self.end else 'first'} day"


def _is_partial(node: Any) -> bool:
    return type(node) is str and _PARTIAL.fullmatch(node) is not None


def _bound_of(node: str, *, end: bool) -> str:
    """The first or last day of a year or month. Raises `Wrong` if there is no such year or month."""
    year, _, month = node.partition("-")
    try:
        first = date(int(year), int(month or 1), 1)
        last = date(first.year, int(month or 12), monthrange(first.year, int(month or 12))[1])
    except ValueError:
        raise Wrong("is no day that exists") from None
    return (last if end else first).isoformat()


class PeriodDay(Day):
    """The first or (`end`) last day of a period: a moment only where the period has that whole day, in Norway.

    A period from 15:00, read as the whole day, would also cover the hours before.
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
    """A moment; where another system gives only the day, the month or the year, the start of it in Norway."""

    telling = True

    def get(self, node: Any, links: Links) -> str:
        """The moment in the form that the domain's JSON has."""
        day = _bound_of(node, end=False) if _is_partial(node) else node
        if type(day) is str and _DATE.fullmatch(day):
            try:
                return _canonical(_START.put(day, None, links))
            except ValueError:
                raise Wrong("is no day that exists") from None
        return super().get(node, links)

    def tells(self, node: Any, _links: Links, path: Path) -> Iterator[Told]:
        """The place, if it has a year or a month alone."""
        if _is_partial(node):
            yield path, "is a year or a month alone: read as its first day"


def _check_date(text: str) -> str | None:
    if _DATE.fullmatch(text):
        return None
    return "is not a whole date (YYYY-MM-DD); a year or a month alone cannot be kept"


def _day(row: Row, number: int) -> str:
    """A day for the laws; the end of a period is long after its beginning."""
    return (date(2040 if row.domain[-1] == "end" else 2026, 1, 12) + timedelta(days=number)).isoformat()


def _moment(_row: Row, number: int) -> str:
    return f"2026-01-12T08:{number % 60:02}:00Z"


def _day_kind(name: str, lens: Leaf, element: str = "date or dateTime", **written: Any) -> LeafKind:
    return LeafKind(
        name,
        lambda _: lens,
        "vocabulary",
        holds=date,
        element=element,
        sample=_day,
        value=date.fromisoformat,
        scalar=True,
        **written,
    )


def _bound(name: str, *, end: bool) -> LeafKind:
    lens = DayBound(end=end)
    function = name.replace("-", "_")

    def names(_systems: Systems) -> Mapping[str, Any]:
        return {function: lambda day: lens.put(day.isoformat(), None, NO_LINKS)}

    return _day_kind(name, lens, "instant", written=f"{function}({{}})", names=names)


def _moment_kind(name: str, lens: Leaf, decoded: Decoded, element: str) -> LeafKind:
    return LeafKind(
        name, lambda _: lens, decoded, holds=datetime, element=element, sample=_moment, value=datetime.fromisoformat
    )


KINDS: Final = (
    _moment_kind("instant", Instant(), "moment", "dateTime"),
    _moment_kind("instant-or-day", InstantOrDay(), "lens", "dateTime"),
    _day_kind("date", Primitive(str, "text", _check_date), ""),
    _day_kind("day", Day()),
    _day_kind("known-day", KnownDay()),
    _day_kind("start-day", BoundDay(end=False)),
    _day_kind("end-day", BoundDay(end=True)),
    _bound("day-start", end=False),
    _bound("day-end", end=True),
    _day_kind("first-day", PeriodDay(end=False)),
    _day_kind("last-day", PeriodDay(end=True)),
)
