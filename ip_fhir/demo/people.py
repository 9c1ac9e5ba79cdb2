"""The staff of both sides. They use the library on their side's store, beside the process that serves it.

The history is read from the stores too: the demonstration shows what the two sides recorded.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ip_fhir.bootstrap import open_exchange
from ip_fhir.demo.place import SIDES, settings_file
from ip_fhir.domain.effects import earliest
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.calendar import OSLO, add_working_days, next_working_day
from ip_fhir.report.history import Loop, side_in
from ip_fhir.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from ip_fhir.demo.stories import Story
    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.exchange import Exchange
    from ip_fhir.ports import EvidenceRecord

_ALL = 10_000


@dataclass(frozen=True, slots=True)
class Action:
    """One act of somebody on the staff, at a time."""

    at: datetime
    do: Callable[[], object]


class People:
    """The staff of both sides, each with their own side's store."""

    def __init__(self, exchanges: dict[Role, Exchange], agreement: Agreement) -> None:
        self.exchanges = exchanges
        self.agreement = agreement

    def agenda(self, stories: Sequence[Story]) -> list[Action]:
        """Returns the acts of all stories in order of time; a notice or form is sent when it was written."""
        hospital, municipality = (self.exchanges[role] for role in SIDES)
        found: list[Action] = []
        for story in stories:
            notice, ident = story.notice, story.notice.correlation_id
            found.append(Action(notice.authored, partial(hospital.send_notice, notice)))
            found += [Action(form.authored, partial(municipality.answer, form)) for form in story.forms]
            for said in story.script.words:
                at = add_working_days(notice.authored, said.days)
                found.append(Action(at, partial(municipality.act, ident, said.kind)))
        return sorted(found, key=lambda action: action.at)

    def loop(self, correlation_id: str) -> Loop | None:
        """Returns a loop as both stores have it; None until both have it."""
        hospital, municipality = (side_in(self.exchanges[role].store, correlation_id) for role in SIDES)
        if hospital is None or municipality is None:
            return None
        return Loop(hospital, municipality, self.agreement.answer_days, self.agreement.closed)

    def evidence(self, role: Role, after: int) -> list[EvidenceRecord]:
        """Returns a side's records of evidence after that number."""
        return [link for link in self.exchanges[role].store.evidence() if link.number > after]

    def next_deadline(self) -> datetime | None:
        """Returns the time when the first timer of either side is due; None if there is none."""
        referrals = [r for exchange in self.exchanges.values() for r in exchange.store.referrals(limit=_ALL)]
        return min((due for r in referrals if (due := earliest(r.timers)) is not None), default=None)


def next_morning(now: datetime) -> datetime:
    """Returns eight o'clock on the next working day, in Oslo."""
    following = add_working_days(now, 1).astimezone(OSLO)
    return following.replace(hour=8, minute=0, second=0, microsecond=0)


def first_morning(now: datetime) -> datetime:
    """Returns eight o'clock on that day, or on the next working day if it is none."""
    local = now.astimezone(OSLO).replace(hour=8, minute=0, second=0, microsecond=0)
    day = next_working_day(local.date())
    return local.replace(year=day.year, month=day.month, day=day.day)


@contextmanager
def at_work(run: Path) -> Iterator[People]:
    """Opens the staff's exchanges on both sides, with the settings that the processes have, and closes them."""
    settings = {role: read_settings(settings_file(run, role), environ={}) for role in SIDES}
    exchanges = {role: open_exchange(settings[role]) for role in SIDES}
    try:
        yield People(exchanges, settings[Role.HOSPITAL].agreements[0])
    finally:
        for exchange in exchanges.values():
            exchange.close()
