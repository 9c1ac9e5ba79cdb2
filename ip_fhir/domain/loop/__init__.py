"""The loop: its table of states and events, the function `decide` that applies it, and the effects of a decision.

Read `table` first, then `decision`.
"""

from ip_fhir.domain.loop.consent_gate import gate, may_send
from ip_fhir.domain.loop.decision import Decision, decide, due_event, open_referral
from ip_fhir.domain.loop.messages import event_of, message_of
from ip_fhir.domain.loop.table import TASK_STATUS, TRANSITIONS, Outcome, TaskStatus, Transition

__all__ = [
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
    "open_referral",
]
