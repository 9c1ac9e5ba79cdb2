"""Times: DTM and DT from and to ISO 8601, precision and offset kept (HL7 v2.9 section 2A.2.22).

A time without offset has the message's, which is that of MSH-7; if MSH-7 has none, the peer's zone counts. A date has
no offset and is never moved.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final, NamedTuple

from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import tzinfo

_DTM: Final = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<month>[0-9]{2})(?:(?P<day>[0-9]{2})(?:(?P<hour>[0-9]{2})(?:(?P<minute>[0-9]{2})"
    r"(?:(?P<second>[0-9]{2})(?:(?P<fraction>\.[0-9]{1,6})|(?P<undivided>[0-9]{2,3}))?)?)?)?)?)?"
    r"(?P<offset>[+-][0-9]{4})?"
)
_ISO: Final = re.compile(
    r"(?P<day>[0-9]{4}(?:-[0-9]{2}){0,2})"
    r"(?:T(?P<time>[0-9]{2}(?::[0-9]{2}){0,2}(?:\.[0-9]{1,6})?)(?P<offset>Z|[+-][0-9]{2}:[0-9]{2}))?"
)
_MOST_OFFSET: Final = timedelta(hours=14)


class IsoTime(NamedTuple):
    """A time in ISO 8601, as precise as it was written, and what was not as the standard has it; empty if nothing."""

    text: str
    warning: str = ""


def iso_of(dtm: str, zone: tzinfo, at: str = "") -> IsoTime:
    """Returns the time of a DTM or DT. `zone` is for a time without offset (see `zone_of`).

    Raises `InvalidInput` (`value`, at the place `at`) for what is no time, and for one that a clock in `zone` skips.

    >>> from datetime import timezone, timedelta
    >>> iso_of("202601121005", timezone(timedelta(hours=1))).text
    '2026-01-12T10:05+01:00'
    >>> iso_of("19610214", UTC).text
    '1961-02-14'
    """
    found = _DTM.fullmatch(dtm)
    if found is None:
        raise InvalidInput.at(at, "is no time of the form YYYYMMDDHHMMSS+ZZZZ", "value")
    day = "-".join(part for part in found.group("year", "month", "day") if part)
    clock = ":".join(part for part in found.group("hour", "minute", "second") if part)
    if not clock:
        _check(day, at)
        return IsoTime(day)
    offset, warning = found["offset"], ""
    if offset:
        offset = f"{offset[:3]}:{offset[3:]}"
    else:
        offset, warning = _offset_in(zone, f"{day}T{clock}", at)
    text = f"{day}T{clock}{found['fraction'] or ''}{offset}"
    _check(text, at)
    if found["undivided"]:
        warning = "has fractions of a second without a point: read to the second"
    return IsoTime(text, warning)


def dtm_of(iso: str, at: str = "") -> str:
    """Returns a DTM of the same precision and offset. Raises `InvalidInput` (`value`) for what is no ISO 8601 time.

    >>> dtm_of("2028-08-08T09:28:05-06:00"), dtm_of("2026-01")
    ('20280808092805-0600', '202601')
    """
    found = _ISO.fullmatch(iso)
    if found is None:
        raise InvalidInput.at(at, "is no date, and no time with an offset, in ISO 8601", "value")
    _check(iso, at)
    offset = (found["offset"] or "").replace("Z", "+0000")
    return f"{found['day'].replace('-', '')}{(found['time'] or '').replace(':', '')}{offset.replace(':', '')}"


def zone_of(msh_7: str, zone: tzinfo) -> tzinfo:
    """Returns the zone of a message's times without offset: MSH-7's offset, else `zone`, the peer's.

    >>> zone_of("20260112100500+0100", UTC).utcoffset(None)
    datetime.timedelta(seconds=3600)
    """
    found = _DTM.fullmatch(msh_7)
    if found is None or not found["offset"]:
        return zone
    sign = -1 if found["offset"][0] == "-" else 1
    offset = sign * timedelta(hours=int(found["offset"][1:3]), minutes=int(found["offset"][3:]))
    return timezone(offset) if abs(offset) <= _MOST_OFFSET else zone


def _offset_in(zone: tzinfo, local: str, at: str) -> tuple[str, str]:
    """Returns the offset of a local time in `zone`; of one that comes twice, when clocks go back, the first."""
    _check(f"{local}+00:00", at)
    moment = datetime.fromisoformat(local).replace(tzinfo=zone)
    again = moment.astimezone(UTC).astimezone(zone)
    if again.replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise InvalidInput.at(at, "is a time that the clock skips in the zone of the message", "value")
    offset = moment.isoformat()[-6:]
    twice = moment.utcoffset() != moment.replace(fold=1).utcoffset()
    return offset, "has no offset and comes twice that night: read as the first" if twice else ""


def _check(iso: str, at: str) -> None:
    """Raises `InvalidInput` (`value`) for a day or an hour that is none, and for an offset above 14 hours."""
    day, clock, rest = iso.partition("T")
    day += "-01" * (2 - day.count("-"))
    try:
        offset = datetime.fromisoformat(day + clock + rest).utcoffset()
    except ValueError:
        raise InvalidInput.at(at, "is no day or time that there is", "value") from None
    if offset is not None and abs(offset) > _MOST_OFFSET:
        raise InvalidInput.at(at, "has an offset that no zone has", "value")
