"""The clocks of a shared plan: the days on which something turns, and the deadlines of the agreement.

A day turns at midnight in Norway. Deadlines, which are returned in UTC, fall at the local time of their start.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.plan import ReviewKind, ReviewStatus
from ip_fhir.domain.sharing.case import PlanSide, PlanTimerKind
from ip_fhir.domain.sharing.policy import next_turn, policy_of
from ip_fhir.domain.sharing.see import start_of
from ip_fhir.domain.values.calendar import add_months, add_working_days, local_day

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from ip_fhir.domain.plan import Arrangement, IndividualPlan, Review
    from ip_fhir.domain.sharing.case import PlanTimer, SharedPlan
    from ip_fhir.domain.sharing.life.step import Step
    from ip_fhir.domain.sharing.life.surroundings import PartyTerms
    from ip_fhir.domain.sharing.share import Share


def acknowledgement_due(terms: PartyTerms, now: datetime) -> datetime:
    """Returns the time by which a view that is sent now should be acknowledged."""
    return add_working_days(now, terms.sharing.acknowledgement_days, terms.closed)


def change_due(terms: PartyTerms, received: datetime, step: int) -> datetime:
    """Returns the time at which an undecided change is told: step 1 to its decider, 2 to the unit's leader.

    >>> from datetime import UTC, datetime
    >>> from ip_fhir.domain.sharing.life.surroundings import PartyTerms
    >>> change_due(PartyTerms(), datetime(2026, 3, 30, 9, tzinfo=UTC), 1).date().isoformat()  # over Easter
    '2026-04-09'
    """
    days = terms.sharing.change_days if step == 1 else terms.sharing.change_leader_days
    return add_working_days(received, days, terms.closed)


def invitation_due(terms: PartyTerms, now: datetime) -> datetime:
    """Returns the time by which an invitation should be answered."""
    return add_working_days(now, terms.sharing.invitation_days, terms.closed)


def handover_due(terms: PartyTerms, now: datetime) -> datetime:
    """Returns the time by which the offer of a handover should be answered."""
    return add_working_days(now, terms.sharing.handover_days, terms.closed)


def request_due(terms: PartyTerms, now: datetime) -> datetime:
    """Returns the time by which a question for a plan should be answered."""
    return add_working_days(now, terms.sharing.request_days, terms.closed)


def state_due(asked: datetime, times: int) -> datetime:
    """Returns the time by which a participant that was asked so many times should have said which view it holds.

    A machine asks a machine, so an hour is long; then twice as long each time, but a day at most.

    >>> from datetime import UTC, datetime
    >>> [state_due(datetime(2026, 3, 2, 9, tzinfo=UTC), times).isoformat()[8:16] for times in (1, 2, 3, 9)]
    ['02T10:00', '02T11:00', '02T13:00', '03T09:00']
    """
    return asked + timedelta(hours=min(1 << min(times - 1, 5), 24))


def turns(plan: IndividualPlan, share: Share, after: date, days: int) -> Iterator[date]:
    """Yields the days, after `after` and at most `days` later, on which the view opens or shrinks by date.

    >>> from datetime import date
    >>> from ip_fhir.domain.plan import IndividualPlan
    >>> from ip_fhir.domain.sharing.share import Share
    >>> from ip_fhir.domain.values.value import read
    >>> plan = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "organizations": [{"id": "school", "name": "Skolen", "kind": "school"}],
    ...     "team": {"id": "team", "memberships": [{"id": "m", "member": "school", "role": "service-provider"}]},
    ...     "consents": [{"id": "c", "kind": "sharing", "given_on": "2026-01-12", "period": {"end": "2026-01-31"}}]}''')
    >>> share = Share(id="s", plan="p", party="nordvik", organizations=["school"], key="00" * 32, began="2026-01-12")
    >>> [day.isoformat() for day in turns(plan, share, date(2026, 1, 20), 14)]
    ['2026-02-01']
    """
    last = after + timedelta(days=days)
    policy, day = policy_of(plan, share, after), next_turn(plan, (share,), after)
    while day is not None and day <= last:
        now = policy_of(plan, share, day)
        if (now.areas, now.general) != (policy.areas, policy.general):
            yield day
        policy, day = now, next_turn(plan, (share,), day)


def set_day_clock(step: Step) -> None:
    """Sets the clock of the next day on which a share may look otherwise, or on which such a day is to be told."""
    step.stop(PlanTimerKind.DAY)
    if step.case.over:
        return
    day = _next_day(step)
    if day is not None:
        step.start(PlanTimerKind.DAY, None, start_of(day))


def _next_day(step: Step) -> date | None:
    shares = tuple(share for share in step.case.shares if share.goes_on)
    warnings = sorted({step.around.of(share.party).sharing.warning_days for share in shares}, reverse=True)
    best: date | None = None
    turn = next_turn(step.plan, shares, step.on)
    while turn is not None:
        days = (turn, *(turn - timedelta(days=number) for number in warnings))
        best = min((day for day in (*days, best) if day is not None and day > step.on), default=None)
        if best is not None and best <= turn - timedelta(days=warnings[0] if warnings else 0):
            break
        turn = next_turn(step.plan, shares, turn)
    return best


def set_review_clocks(step: Step) -> None:
    """Sets the clocks of planned reviews, and of arrangements by which a review should be planned.

    A clock whose review or arrangement is as it was before goes on as it is: it was told, or is still to be told.
    """
    if step.case.over:
        for timer in step.case.timers:
            if timer.kind in (PlanTimerKind.REVIEW, PlanTimerKind.ARRANGEMENT):
                step.stop(timer.kind, timer.about)
        return
    before = step.before.plan if step.before is not None and not step.before.over else None
    known = {review.id: review for review in before.reviews} if before is not None else {}
    for review in (*step.plan.reviews, *known.values()):
        now = next((one for one in step.plan.reviews if one.id == review.id), None)
        if now != known.get(review.id):
            _set_review_clock(step, review.id, now)
    for kind in ReviewKind:
        if before is None or _arranged(before, kind) != _arranged(step.plan, kind):
            _set_arrangement_clock(step, kind)


def _set_review_clock(step: Step, ident: str, review: Review | None) -> None:
    step.stop(PlanTimerKind.REVIEW, ident)
    if review is not None and review.status is ReviewStatus.PLANNED:
        step.start(PlanTimerKind.REVIEW, ident, start_of(review.planned))


def _arrangement(plan: IndividualPlan, kind: ReviewKind) -> Arrangement | None:
    return plan.follow_up if kind is ReviewKind.FOLLOW_UP else plan.evaluation


def _arranged(plan: IndividualPlan, kind: ReviewKind) -> tuple[Arrangement | None, frozenset[Review]]:
    return _arrangement(plan, kind), frozenset(review for review in plan.reviews if review.kind is kind)


def _set_arrangement_clock(step: Step, kind: ReviewKind) -> None:
    """Starts the clock of an arrangement of which no review is planned, from the last one that was held."""
    step.stop(PlanTimerKind.ARRANGEMENT, kind.value)
    plan, arrangement = step.plan, _arrangement(step.plan, kind)
    reviews = [review for review in plan.reviews if review.kind is kind]
    if arrangement is None or any(review.status is ReviewStatus.PLANNED for review in reviews):
        return
    last = max((review.held for review in reviews if review.held is not None), default=None)
    since = last or plan.period.start or local_day(plan.created)
    step.start(PlanTimerKind.ARRANGEMENT, kind.value, add_months(start_of(since), arrangement.every_months))


def due_timers(case: SharedPlan, now: datetime) -> tuple[PlanTimer, ...]:
    """Returns the timers that are due, the one that has been due longest first."""
    return tuple(sorted((timer for timer in case.timers if timer.due <= now), key=lambda timer: timer.due))


_TOLD: Final = {
    (PlanTimerKind.REQUEST, PlanSide.PARTICIPANT): Reason.REQUEST_UNANSWERED,
    (PlanTimerKind.REQUEST, PlanSide.HOLDER): Reason.REQUEST_TO_ANSWER,
    (PlanTimerKind.ACKNOWLEDGEMENT, PlanSide.HOLDER): Reason.NOT_ACKNOWLEDGED,
    (PlanTimerKind.REVIEW, PlanSide.HOLDER): Reason.REVIEW_DUE,
    (PlanTimerKind.ARRANGEMENT, PlanSide.HOLDER): Reason.REVIEW_NOT_PLANNED,
}
"""The reason for which people are told when a clock runs out that does nothing else."""


def tell_of(step: Step, timer: PlanTimer) -> None:
    """Tells our people that a clock has run out; the one of an arrangement begins anew."""
    reason = _TOLD.get((timer.kind, step.case.side))
    if reason is not None:
        step.tell(reason, timer.about)
    if timer.kind is PlanTimerKind.ARRANGEMENT and timer.about is not None:
        arrangement = _arrangement(step.plan, ReviewKind(timer.about))
        if arrangement is not None:
            due = add_months(step.event.at, arrangement.every_months)
            step.start(timer.kind, timer.about, due, timer.step + 1)
