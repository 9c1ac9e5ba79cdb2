"""The hours at which a recipient is told, in Norwegian time (Europe/Oslo); every time that comes out is in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.values.calendar import NONE_CLOSED, OSLO, ClosedDays, is_working_day

if TYPE_CHECKING:
    from datetime import date

_DAY: Final = timedelta(days=1)
_MIDNIGHT: Final = time(0)


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of one recipient.

    Nothing is told between the two times of `quiet`, of which the second may be on the next day, and with
    `working_days` on no day that is none (`closed` has the days beside weekends and public holidays). With `digest_at`
    all is told together, at that time.
    """

    quiet: tuple[time, time] | None = None
    working_days: bool = False
    digest_at: time | None = None
    closed: ClosedDays = NONE_CLOSED

    def open_from(self, moment: datetime) -> datetime:
        """The first time, from `moment` on, that is not quiet."""
        while (later := self._end_of_quiet(moment.astimezone(OSLO))) is not None:
            moment = later
        return moment.astimezone(UTC)

    def due(self, moment: datetime) -> datetime:
        """The time at which something that happens at `moment` is told."""
        if self.digest_at is None:
            return self.open_from(moment)
        day = moment.astimezone(OSLO).date()
        while (at := _at(day, self.digest_at)) <= moment or self.open_from(at) != at:
            day += _DAY
        return at

    def _end_of_quiet(self, local: datetime) -> datetime | None:
        """The end of the quiet hours, or of the day off, that a local time is in; None if it is in neither."""
        if self.working_days and not is_working_day(local.date(), self.closed):
            return _at(local.date() + _DAY, _MIDNIGHT)
        if self.quiet is None or not self.is_quiet(local.time()):
            return None
        begins, ends = self.quiet
        overnight = begins > ends and local.time() >= begins
        return _at(local.date() + (_DAY if overnight else timedelta()), ends)

    def is_quiet(self, clock: time) -> bool:
        """True if the local time of day is between the two of `quiet`."""
        if self.quiet is None:
            return False
        begins, ends = self.quiet
        return begins <= clock < ends if begins < ends else clock >= begins or clock < ends


ALWAYS: Final = Hours()
"""Never quiet, and everything at once."""


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, OSLO).astimezone(UTC)
