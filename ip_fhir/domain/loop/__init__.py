"""The loop: its table of states and events, the function `decide` that applies it, and the effects of a decision.

Read `table` first, then `decision`.
"""

from ip_fhir.domain.loop.consent_gate import gate, may_send
from ip_fhir.domain.loop.decision import (
    OWN_EVENTS,
    Decision,
    decide,
    due_event,
    needed_from_our_side,
    open_referral,
    possible_events,
)
from ip_fhir.domain.loop.messages import event_of, message_of
from ip_fhir.domain.loop.table import TASK_STATUS, TRANSITIONS, Outcome, TaskStatus, Transition

__all__ = [
    "OWN_EVENTS",
    "TASK_STATUS",
    "TRANSITIONS",
    "Decision",
    "Outcome",
    "TaskStatus",
    "Transition",
    "decide",
    "due_event",
    "event_of",
    "gate",
    "may_send",
    "message_of",
    "needed_from_our_side",
    "open_referral",
    "possible_events",
]
