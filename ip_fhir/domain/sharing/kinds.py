"""The kinds of messages about a plan."""

from __future__ import annotations

from enum import StrEnum


class PlanMessageKind(StrEnum):
    """The kind of a message about a plan."""

    PLAN = "plan"  # holder: a view
    PLAN_WITHDRAWN = "plan-withdrawn"  # holder: the share has ended
    PLAN_CHANGE = "plan-change"
    PLAN_CHANGE_ANSWER = "plan-change-answer"
    INVITATION = "invitation"
    INVITATION_ANSWER = "invitation-answer"
    HANDOVER = "handover"
    HANDOVER_ANSWER = "handover-answer"
    PLAN_REQUEST = "plan-request"
    PLAN_GONE = "plan-gone"  # the old holder: another one holds the plan now
    PLAN_STATE_REQUEST = "plan-state-request"  # a restored side: which number and digest do you hold
    PLAN_STATE = "plan-state"
