"""The wait of a referral for its green form: its start, and its deadline, for figures and alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.effects import TimerKind
from ip_fhir.domain.loop.table import OVER, UNDER_WAY
from ip_fhir.domain.referral import Role, State

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.referral import Referral

_NOTHING_TO_WAIT_FOR = (State.DRAFT, State.CONFIRMED, *OVER)


def waits_since(referral: Referral) -> datetime | None:
    """Returns the start of the present wait: the opening, or the last time a coordinator left (with zone).

    None if nobody waits for a form. A unit that has passed the notice on does not wait; the hospital waits for the new
    unit.
    """
    passed_on = referral.state is State.FORWARDED and referral.role is Role.MUNICIPALITY
    if referral.state in _NOTHING_TO_WAIT_FOR or passed_on:
        return None
    return max((referral.opened, *referral.vacancies))


def is_overdue(referral: Referral) -> bool:
    """True if the green form is overdue: the answer clock was started and has run out."""
    if waits_since(referral) is None or referral.delivered is None or referral.state in UNDER_WAY:
        return False
    return all(timer.kind is not TimerKind.ANSWER for timer in (*referral.timers, *referral.paused))
