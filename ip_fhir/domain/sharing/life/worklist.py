"""Worklist items about a plan: the occasion of each reason, and when nobody needs to look any more.

One item is open for each reason and what it is about: a share, change, invitation, question, review. An item is closed
when a person marks it as done, or when the plan has moved on so that it is no longer needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.plan import ReviewStatus
from ip_fhir.domain.sharing.case import HandoverStatus, InvitationStatus, PlanSide
from ip_fhir.domain.sharing.change import ChangeStatus, Outcome
from ip_fhir.domain.sharing.life.changes import waits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.domain.sharing.case import SharedPlan

Matter: TypeAlias = tuple[Reason, str]
"""A reason, and the id of what it is about."""

_H, _P, _R = PlanSide.HOLDER, PlanSide.PARTICIPANT, Reason

OCCASIONS: Final[dict[Reason, tuple[tuple[PlanSide, ...], str, str]]] = {
    _R.CHANGE_TO_DECIDE: ((_H,), "share", "a participant's change waits; told again when it has waited long"),
    _R.CHANGE_OVERDUE: ((_H,), "share", "a change has waited so long that the unit's leader is told"),
    _R.CHANGE_CONFLICT: ((_H,), "share", "two have changed the same: both are kept, a person chooses"),
    _R.CHANGE_NOT_FOUND: ((_H,), "share", "a change was about what the participant no longer sees"),
    _R.CHANGE_ANSWERED: ((_P,), "change", "the holder has answered a change of ours"),
    _R.CHANGE_UNANSWERED: ((_P,), "change", "the holder has not answered a change of ours in time"),
    _R.NOT_ACKNOWLEDGED: ((_H,), "share", "a participant has not acknowledged its newest view, or the withdrawal"),
    _R.VIEW_TURNS: ((_H,), "share", "a view will open or shrink by a date that is near; the text is the day"),
    _R.ON_PAPER: ((_H,), "place in the team", "no party of the settings stands for a member: it gets nothing"),
    _R.RESPONSIBLE_UNSEEING: ((_H,), "share", "somebody is responsible for a measure that they may not see"),
    _R.VIEW_CHANGED: ((_P,), "share", "a new view has come"),
    _R.VIEW_WITHDRAWN: ((_P,), "share", "the holder has ended the share: the view is not used any more"),
    _R.OUT_OF_STEP: ((_H, _P), "share", "the two sides hold different views under one number, or one is ahead"),
    _R.INVITATION_TO_ANSWER: ((_P,), "invitation", "one of us is invited to take part"),
    _R.INVITATION_ANSWERED: ((_H,), "invitation", "a party has accepted or declined"),
    _R.INVITATION_UNANSWERED: ((_H,), "invitation", "a party was asked twice and has not answered"),
    _R.INVITATION_TAKEN_BACK: ((_P,), "invitation", "the holder has taken an invitation back"),
    _R.HANDOVER_TO_ANSWER: ((_P,), "handover", "a plan is offered to us"),
    _R.HANDOVER_ANSWERED: ((_H,), "handover", "a party has accepted the plan, or declined it"),
    _R.HANDOVER_UNANSWERED: ((_H,), "handover", "a party was asked twice and has not answered"),
    _R.HANDOVER_TAKEN_BACK: ((_P,), "handover", "the offer was taken back, or another handover won"),
    _R.HOLDER_CHANGED: ((_P,), "plan", "another side holds the plan; the text is its name"),
    _R.REQUEST_TO_ANSWER: ((_H,), "question", "a party asks for the plan; told again when it has waited long"),
    _R.REQUEST_UNANSWERED: ((_P,), "question", "no plan has come that we asked for"),
    _R.REVIEW_DUE: ((_H,), "review", "the day of a planned review has come"),
    _R.REVIEW_NOT_PLANNED: ((_H,), "kind of review", "by the arrangement one should be planned"),
    _R.NOT_TAKEN: ((_H, _P), "what it was about", "the other machine refused a message of ours"),
}
"""The sides whose people are told for each reason, what the item is about, and the occasion."""

PLAN_REASONS: Final = tuple(reason for reason in OCCASIONS if reason is not Reason.NOT_TAKEN)
"""The reasons that are about plans alone."""


def no_longer_needed(before: SharedPlan | None, after: SharedPlan) -> tuple[Matter, ...]:
    """Returns the reasons, with what they are about, whose open items nobody needs any more after a step."""
    if before is None:
        return ()
    return tuple(sorted(set(_matters(before)) - set(_matters(after))))


def _matters(case: SharedPlan) -> Iterator[Matter]:
    """Yields what would be told of a case as it is, where that can be seen in it."""
    of_side = _at_holder if case.side is PlanSide.HOLDER else _at_participant
    for reason, about in of_side(case).items():
        yield from ((reason, ident) for ident in about)


def _at_holder(case: SharedPlan) -> dict[Reason, Iterable[str]]:
    waiting = [kept for kept in case.changes if waits(kept)]
    to_decide = [kept.change.share for kept in waiting]
    goes_on = [share for share in case.shares if share.goes_on]
    invited = [one.id for one in case.invitations if one.status is InvitationStatus.OPEN]
    reviews = case.plan.reviews if case.plan is not None and not case.over else ()
    planned = [review for review in reviews if review.status is ReviewStatus.PLANNED]
    return {
        Reason.CHANGE_TO_DECIDE: to_decide,
        Reason.CHANGE_OVERDUE: to_decide,
        Reason.CHANGE_CONFLICT: [
            kept.change.share for kept in waiting if any(one.outcome is Outcome.CONFLICT for one in kept.decisions)
        ],
        Reason.NOT_ACKNOWLEDGED: [share.id for share in case.shares if share.is_behind],
        Reason.VIEW_TURNS: [share.id for share in goes_on],
        Reason.RESPONSIBLE_UNSEEING: [share.id for share in goes_on],
        Reason.OUT_OF_STEP: [share.id for share in goes_on if not share.in_step],
        Reason.INVITATION_UNANSWERED: invited,
        Reason.HANDOVER_UNANSWERED: _offered(case),
        Reason.REQUEST_TO_ANSWER: [one.id for one in case.requests if one.answered is None],
        Reason.REVIEW_DUE: [review.id for review in planned],
        Reason.REVIEW_NOT_PLANNED: {"follow-up", "evaluation"} - {review.kind.value for review in planned},
    }


def _at_participant(case: SharedPlan) -> dict[Reason, Iterable[str]]:
    return {
        Reason.CHANGE_UNANSWERED: [one.change.id for one in case.changes if one.status is ChangeStatus.SENT],
        Reason.VIEW_CHANGED: [copy.share for copy in case.copies if copy.view is not None],
        Reason.OUT_OF_STEP: [copy.share for copy in case.copies if not copy.in_step],
        Reason.INVITATION_TO_ANSWER: [one.id for one in case.invitations if one.status is InvitationStatus.OPEN],
        Reason.HANDOVER_TO_ANSWER: _offered(case),
        Reason.REQUEST_UNANSWERED: [one.id for one in case.requests if one.answered is None],
    }


def _offered(case: SharedPlan) -> list[str]:
    handover = case.handover
    return [handover.id] if handover is not None and handover.status is HandoverStatus.OFFERED else []
