"""The leaf kinds for days and moments (DT, DTM): precision and offset are kept; a day is never moved."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.text.times import iso_of
from ip_fhir.mapping.dialects.hl7v2.context import written, zone_of
from ip_fhir.mapping.dialects.hl7v2.plain import said
from ip_fhir.mapping.lenses.leaf_kind import LeafKind
from ip_fhir.mapping.lenses.nodes import Leaf
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from ip_fhir.mapping.lenses.nodes import Path, Told
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import Row

_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)(?:\d\d[\d.]*(?:[+-]\d{4})?)?")
_PARTIAL = re.compile(r"\d{4}(\d\d)?")
_DATETIME: TypeAdapter[datetime] = TypeAdapter(datetime)


class Day(Leaf):
    """A day; of a time, its day as it is written, whatever the offset. A year or a month alone says none, and is told.

    What stands there keeps its precision until another day is written.
    """

    telling = True

    def get(self, node: Any, _links: Links) -> str | None:
        """The day, or None."""
        text = said(node)
        if text is None or _PARTIAL.fullmatch(text):
            return None
        found = _DAY.fullmatch(text)
        if found is None:
            raise Wrong("is no date (YYYYMMDD)")
        try:
            return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
        except ValueError:
            raise Wrong("is no day that exists") from None

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The day, eight digits."""
        return None if value is None else value.replace("-", "")

    def owns(self, node: Any) -> bool:
        """True for text that says something."""
        return type(node) is str and said(node) is not None

    def tells(self, node: Any, _links: Links, path: Path) -> Iterator[Told]:
        """The place, if it has a year or a month alone."""
        if type(node) is str and _PARTIAL.fullmatch(node):
            yield path, "is a year or a month alone, and no day: not read"


class Moment(Leaf):
    """A moment. Without an offset it has that of MSH-7, and without that the sender's zone; never UTC.

    A time without seconds is the beginning of its minute; digits after the seconds without a full stop are left out.
    A day alone is no moment: it says None. A time that the clock skips is refused, one that comes twice is the first.
    """

    telling = True

    def get(self, node: Any, links: Links) -> str | None:
        """The moment in the form that the domain's JSON has, or None."""
        text = said(node)
        if text is None or (text.isdigit() and len(text) in (4, 6, 8)):
            return None
        return _moment(text, zone_of(links))

    def put(self, value: Any, _node: Any, _links: Links, _known: Any = None) -> Any:
        """The moment with its offset."""
        return None if value is None else written(_DATETIME.validate_python(value))

    def owns(self, node: Any) -> bool:
        """True for text that says something."""
        return type(node) is str and said(node) is not None

    def tells(self, node: Any, links: Links, path: Path) -> Iterator[Told]:
        """The place, if it has more digits than a time has, or comes twice the night when clocks go back."""
        warning = iso_of(node, zone_of(links)).warning if self.get(node, links) is not None else ""
        if warning:
            yield path, warning


@lru_cache(maxsize=256)
def _moment(text: str, zone: tzinfo) -> str | None:
    """The moment of a time; without an offset it is one in the zone. A message has the same time in several places."""
    try:
        found = iso_of(text, zone).text
    except InvalidInput as error:
        raise Wrong(error.problems[0].reason) from None
    return canonical(datetime.fromisoformat(found)) if "T" in found else None


def canonical(moment: datetime) -> str:
    """A moment in the form that the domain's JSON has."""
    dumped: str = _DATETIME.dump_python(_DATETIME.validate_python(moment.isoformat()), mode="json")
    return dumped


def day_sample(row: Row, number: int) -> str:
    """A day for the laws; the end of a period is long after its beginning."""
    return (date(2040 if row.domain[-1] == "end" else 2026, 1, 12) + timedelta(days=number)).isoformat()


def _moment_sample(_row: Row, number: int) -> str:
    return f"2026-01-12T08:{number % 60:02}:00Z"


KINDS: Final = (
    LeafKind("day", lambda _: Day(), "lens", holds=date, element="DT", sample=day_sample, value=date.fromisoformat),
    LeafKind(
        "moment",
        lambda _: Moment(),
        "lens",
        holds=datetime,
        element="DTM",
        sample=_moment_sample,
        value=datetime.fromisoformat,
    ),
)
