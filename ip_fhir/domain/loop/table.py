"""The loop as a table of transitions: state, event, the side that may raise it, condition (outcome), and new state.

Both sides use the same table, and nothing else changes a state. `decide` looks up a row; the diagram is drawn from the
table. Source: the green form loop. Where published specifications differ, the row's `why` gives the choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ip_fhir.domain.referral import EventKind, Role, State


class Outcome(StrEnum):
    """The condition of a row: a finding about an event, which `decide` makes before it looks up the row."""

    ALWAYS = "always"
    CROSSED = "crossed"  # brought by a message whose sender did not know what had happened here
    OVERTAKEN = "overtaken"  # brought by a message after a newer one of the same sender
    PASSED_ON = "passed-on"  # said by, or to, a unit that has passed the notice on
    RETURNED = "returned"
    # A receipt, or a notice
    OF_NOTICE = "of-the-notice"
    OF_ANOTHER = "of-another-message"
    FIRST = "first"
    # A green form
    APPOINTED = "appointed"
    DECLINED = "declined"
    REJECTED = "rejected"
    FORWARDED = "forwarded"
    INCOMPLETE = "incomplete"
    REPEATED = "repeated"
    REPLACES = "replaces"
    CONTRADICTORY = "contradictory"
    LATE = "late"
    # How far it had come before the hold
    BEFORE_ACCEPTANCE = "before-acceptance"
    AFTER_ACCEPTANCE = "after-acceptance"
    CONSENT_GONE = "consent-gone"
    WAS_DELIVERED = "was-delivered"
    WAS_ACCEPTED = "was-accepted"
    WAS_ASSESSING = "was-assessing"
    WAS_INCOMPLETE = "was-incomplete"
    WAS_VACANT = "was-vacant"
    WAS_FORWARDED = "was-forwarded"
    # A timer
    RESEND = "resend"
    GIVE_UP = "give-up"
    REMIND = "remind"
    ESCALATE = "escalate"
    OVERDUE = "overdue"
    FOLLOW_UP = "follow-up"
    DECEASED = "deceased"  # the person is dead, as the notice says
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Transition:
    """A row: in any of `states`, an `event` by `role` with this `outcome` leads to the state `to` (None: no change)."""

    states: tuple[State, ...]
    event: EventKind
    role: Role
    outcome: Outcome
    to: State | None
    why: str


_T, _S, _E, _O = Transition, State, EventKind, Outcome
_HOSPITAL, _MUNICIPALITY = Role.HOSPITAL, Role.MUNICIPALITY
_TRANSPORT, _CLOCK = Role.TRANSPORT, Role.CLOCK

UNDER_WAY = (_S.SENT, _S.UNDELIVERED)
"""States in which the hospital does not know that the notice has arrived. Any word of the municipality proves it."""

IN_WORK = (_S.ACCEPTED, _S.ASSESSING, _S.INCOMPLETE, _S.VACANT, _S.FORWARDED)
"""States in which the municipality has begun to work: the hospital can no longer cancel, only ask for an abort."""

UNANSWERED = (_S.DELIVERED, *IN_WORK)
"""States in which it is the municipality's turn, and the answer clock runs."""

OVER = (_S.REJECTED, _S.CANCELLED, _S.WITHDRAWN, _S.CLOSED)
"""Terminal states. `CONFIRMED` is not one: a coordinator may be replaced or leave. What follows makes a new Task."""

OPEN = (*UNANSWERED, _S.AWAITING_INFORMATION, _S.CANCELLING)
"""States in which the municipality has the notice and the loop is not done."""

LIVE = tuple(state for state in State if state is not _S.DRAFT)
"""All states except draft."""

RESUMED: dict[State, Outcome] = {
    _S.DELIVERED: _O.WAS_DELIVERED,
    _S.ACCEPTED: _O.WAS_ACCEPTED,
    _S.ASSESSING: _O.WAS_ASSESSING,
    _S.INCOMPLETE: _O.WAS_INCOMPLETE,
    _S.VACANT: _O.WAS_VACANT,
    _S.FORWARDED: _O.WAS_FORWARDED,
}
"""The outcome by which a hold that began in a state returns to that state."""


def _ignored(event: EventKind, role: Role, why: str, states: tuple[State, ...]) -> Transition:
    """Returns a row for an event that comes too late or twice: it is kept as evidence and changes nothing."""
    return _T(states, event, role, _O.CROSSED, None, why)


_LATER = (_S.CANCELLING, _S.CONFIRMED, *OVER)


_NOTICE = (
    _T((_S.DRAFT,), _E.SEND, _HOSPITAL, _O.ALWAYS, _S.SENT, "the notice goes out, with consent or a legal basis"),
    _T((_S.UNDELIVERED,), _E.SEND, _HOSPITAL, _O.ALWAYS, _S.SENT, "a person has looked: tried again, unchanged"),
    _T((_S.DRAFT,), _E.RECEIVE, _MUNICIPALITY, _O.FIRST, _S.DELIVERED, "the municipality has stored the notice"),
    _T(LIVE, _E.RECEIVE, _MUNICIPALITY, _O.REPEATED, None, "the same notice again"),
    _T(UNDER_WAY, _E.RECEIPT_OK, _TRANSPORT, _O.OF_NOTICE, _S.DELIVERED, "a machine has stored it; no answer yet"),
    _T(
        (*OPEN, _S.CONFIRMED, *OVER), _E.RECEIPT_OK, _TRANSPORT, _O.OF_NOTICE, None, "the receipt was overtaken"
    ),
    _T(LIVE, _E.RECEIPT_OK, _TRANSPORT, _O.OF_ANOTHER, None, "another message has arrived"),
    _T((_S.SENT,), _E.RECEIPT_ERROR, _TRANSPORT, _O.OF_NOTICE, _S.UNDELIVERED, "the other machine said no"),
    _T(
        (_S.UNDELIVERED, *OPEN, _S.CONFIRMED, *OVER),
        _E.RECEIPT_ERROR, _TRANSPORT, _O.OF_NOTICE, None, "it was known, or the notice had arrived before",
    ),
    _T(LIVE, _E.RECEIPT_ERROR, _TRANSPORT, _O.OF_ANOTHER, None, "another message was refused: a person must look"),
)  # fmt: skip

_WORK = (
    _T(
        (*UNDER_WAY, _S.DELIVERED, _S.VACANT), _E.ACCEPT, _MUNICIPALITY, _O.ALWAYS, _S.ACCEPTED,
        "accepted, nobody named: the answer clock runs on",
    ),
    _T(
        (*UNDER_WAY, _S.DELIVERED, _S.ACCEPTED, _S.INCOMPLETE, _S.VACANT), _E.ASSESS, _MUNICIPALITY, _O.ALWAYS,
        _S.ASSESSING, "an assessment (kartlegging) is ordered",
    ),
    _T(
        (*UNDER_WAY, *UNANSWERED), _E.FORWARD, _MUNICIPALITY, _O.ALWAYS, _S.FORWARDED,
        "another unit has it; this one stays open until that one ends",
    ),
    _T(
        (*UNDER_WAY, *UNANSWERED), _E.ASK_INFORMATION, _MUNICIPALITY, _O.ALWAYS, _S.AWAITING_INFORMATION,
        "the ball is with the hospital and the answer clock stands still",
    ),
    _T((_S.AWAITING_INFORMATION,), _E.ASK_INFORMATION, _MUNICIPALITY, _O.ALWAYS, None, "more is asked"),
    *(
        _T((_S.AWAITING_INFORMATION,), _E.GIVE_INFORMATION, _HOSPITAL, outcome, state, "what was left of the clock")
        for state, outcome in RESUMED.items()
    ),
    _T(UNANSWERED, _E.GIVE_INFORMATION, _HOSPITAL, _O.ALWAYS, None, "information nobody asked for"),
    _T(
        (_S.CONFIRMED,), _E.COORDINATOR_LEFT, _MUNICIPALITY, _O.ALWAYS, _S.VACANT,
        "a new Task; the answer clock anew",
    ),
    _T(
        (*UNDER_WAY, _S.DELIVERED, _S.ACCEPTED, _S.ASSESSING, _S.INCOMPLETE, _S.FORWARDED, _S.AWAITING_INFORMATION),
        _E.COORDINATOR_LEFT, _MUNICIPALITY, _O.CROSSED, _S.VACANT,
        "the form that named the coordinator is late or lost",
    ),
    _ignored(
        _E.ACCEPT, _MUNICIPALITY, "known, or more has happened since",
        (_S.ACCEPTED, _S.ASSESSING, _S.INCOMPLETE, _S.FORWARDED, _S.AWAITING_INFORMATION, *_LATER),
    ),
    _ignored(
        _E.ASSESS, _MUNICIPALITY, "known, or more has happened since",
        (_S.ASSESSING, _S.FORWARDED, _S.AWAITING_INFORMATION, *_LATER),
    ),
    _ignored(_E.FORWARD, _MUNICIPALITY, "it crossed what the hospital did", (_S.AWAITING_INFORMATION, *_LATER)),
    _ignored(_E.ASK_INFORMATION, _MUNICIPALITY, "it crossed what the hospital did", _LATER),
    _ignored(_E.GIVE_INFORMATION, _HOSPITAL, "the municipality has gone on without it", _LATER),
    _ignored(_E.COORDINATOR_LEFT, _MUNICIPALITY, "known, or it no longer matters", (_S.VACANT, _S.CANCELLING, *OVER)),
)  # fmt: skip

_BEFORE_END = (*UNDER_WAY, *OPEN)
_FORM = (
    _T(_BEFORE_END, _E.ANSWER, _MUNICIPALITY, _O.APPOINTED, _S.CONFIRMED, "a complete form names the coordinator"),
    _T(_BEFORE_END, _E.ANSWER, _MUNICIPALITY, _O.DECLINED, _S.CLOSED, "the person does not want it"),
    _T(_BEFORE_END, _E.ANSWER, _MUNICIPALITY, _O.REJECTED, _S.REJECTED, "no, with reason and right to complain"),
    _T(
        (*UNDER_WAY, *UNANSWERED, _S.AWAITING_INFORMATION), _E.ANSWER, _MUNICIPALITY, _O.FORWARDED, _S.FORWARDED,
        "another unit has it; this one stays open until that one ends",
    ),
    _T((_S.CANCELLING,), _E.ANSWER, _MUNICIPALITY, _O.FORWARDED, None, "the request to stop goes before"),
    _T(
        (*UNDER_WAY, *UNANSWERED), _E.ANSWER, _MUNICIPALITY, _O.INCOMPLETE, _S.INCOMPLETE,
        "it lacks what it must have: counts as not returned, the answer clock runs on",
    ),
    _T(
        (_S.AWAITING_INFORMATION, _S.CANCELLING), _E.ANSWER, _MUNICIPALITY, _O.INCOMPLETE, None,
        "what was asked for goes before",
    ),
    _T(
        (_S.CANCELLING,), _E.ANSWER, _MUNICIPALITY, _O.CROSSED, _S.WITHDRAWN,
        "done before it knew that consent is gone",
    ),
    _T(
        (_S.CONFIRMED,), _E.ANSWER, _MUNICIPALITY, _O.REPLACES, None,
        "another coordinator from a later day, or new details",
    ),
    _T(
        (_S.CONFIRMED,), _E.ANSWER, _MUNICIPALITY, _O.CONTRADICTORY, None,
        "two forms disagree: a person must decide",
    ),
    _T(
        (_S.CONFIRMED,), _E.ANSWER, _MUNICIPALITY, _O.INCOMPLETE, None,
        "the form in force stands; the lacks are listed",
    ),
    _T((_S.CONFIRMED,), _E.ANSWER, _MUNICIPALITY, _O.DECLINED, _S.CLOSED, "the person no longer wants it"),
    _T((_S.REJECTED,), _E.ANSWER, _MUNICIPALITY, _O.APPOINTED, _S.CONFIRMED, "the no was overturned: a new Task"),
    _T(LIVE, _E.ANSWER, _MUNICIPALITY, _O.REPEATED, None, "the same form again"),
    _T(LIVE, _E.ANSWER, _MUNICIPALITY, _O.LATE, None, "kept and marked late, not acted on"),
)  # fmt: skip

_END = (
    _T(
        (_S.DRAFT, *UNDER_WAY, _S.DELIVERED), _E.CANCEL, _HOSPITAL, _O.ALWAYS, _S.CANCELLED,
        "the hospital may cancel by itself until the municipality has accepted",
    ),
    _T(
        (_S.AWAITING_INFORMATION,), _E.CANCEL, _HOSPITAL, _O.BEFORE_ACCEPTANCE, _S.CANCELLED,
        "it was not accepted yet",
    ),
    _T(
        (*IN_WORK, _S.AWAITING_INFORMATION, _S.CANCELLING), _E.CANCEL, _HOSPITAL, _O.CROSSED, _S.CANCELLED,
        "cancelled before the hospital knew of the acceptance",
    ),
    _T(
        (_S.CONFIRMED,), _E.CANCEL, _HOSPITAL, _O.CROSSED, _S.CLOSED,
        "cancelled before the form arrived: the Task stays completed",
    ),
    _ignored(_E.CANCEL, _HOSPITAL, "it is over already", OVER),
    _T(
        (*IN_WORK, _S.AWAITING_INFORMATION), _E.ASK_ABORT, _HOSPITAL, _O.ALWAYS, _S.CANCELLING,
        "after acceptance the hospital can only ask; the municipality answers",
    ),
    _T((_S.DELIVERED,), _E.ASK_ABORT, _HOSPITAL, _O.CROSSED, _S.CANCELLING, "the hospital believed it accepted"),
    _ignored(_E.ASK_ABORT, _HOSPITAL, "asked already, or too late to stop", (_S.CANCELLING, _S.CONFIRMED, *OVER)),
    _T((_S.CANCELLING,), _E.AGREE_ABORT, _MUNICIPALITY, _O.ALWAYS, _S.CANCELLED, "the municipality has stopped"),
    _T(
        (_S.CANCELLING,), _E.AGREE_ABORT, _MUNICIPALITY, _O.CONSENT_GONE, _S.WITHDRAWN,
        "stopped, as consent is gone",
    ),
    _T(
        (*UNANSWERED, _S.AWAITING_INFORMATION), _E.AGREE_ABORT, _MUNICIPALITY, _O.CROSSED, _S.CANCELLED,
        "the form that crossed the request to stop was followed by more: the municipality stops after all",
    ),
    _ignored(_E.AGREE_ABORT, _MUNICIPALITY, "it is over already", (_S.CONFIRMED, *OVER)),
    *(
        _T((_S.CANCELLING,), _E.REFUSE_ABORT, _MUNICIPALITY, outcome, state, "the municipality goes on where it was")
        for state, outcome in RESUMED.items()
    ),
    _ignored(
        _E.REFUSE_ABORT, _MUNICIPALITY, "consent is gone, or it is over, or a form had crossed the request to stop",
        (*UNANSWERED, _S.AWAITING_INFORMATION, _S.CANCELLING, _S.CONFIRMED, *OVER),
    ),
    _T(
        (_S.DRAFT, *UNDER_WAY, _S.DELIVERED), _E.WITHDRAW_CONSENT, _HOSPITAL, _O.ALWAYS, _S.WITHDRAWN,
        "consent is gone before the municipality accepted: cancelled",
    ),
    _T(
        (_S.AWAITING_INFORMATION,), _E.WITHDRAW_CONSENT, _HOSPITAL, _O.BEFORE_ACCEPTANCE, _S.WITHDRAWN,
        "it was not accepted yet",
    ),
    _T(
        (_S.AWAITING_INFORMATION,), _E.WITHDRAW_CONSENT, _HOSPITAL, _O.AFTER_ACCEPTANCE, _S.CANCELLING,
        "work has begun: the municipality is asked to stop",
    ),
    _T(
        IN_WORK, _E.WITHDRAW_CONSENT, _HOSPITAL, _O.ALWAYS, _S.CANCELLING,
        "work has begun: the municipality is asked to stop",
    ),
    _T(
        (_S.CANCELLING,), _E.WITHDRAW_CONSENT, _HOSPITAL, _O.ALWAYS, None,
        "a stop was asked for; now there is no way back",
    ),
    _T(
        (_S.CONFIRMED,), _E.WITHDRAW_CONSENT, _HOSPITAL, _O.ALWAYS, _S.CLOSED,
        "the Task stays completed; nothing more goes out",
    ),
    _ignored(_E.WITHDRAW_CONSENT, _HOSPITAL, "it is over already", OVER),
    _T((_S.DRAFT,), _E.CLOSE, _HOSPITAL, _O.ALWAYS, _S.CLOSED, "never sent"),
    *(
        row
        for role in (_HOSPITAL, _MUNICIPALITY)
        for row in (
            _T((*_BEFORE_END, _S.CONFIRMED), _E.CLOSE, role, _O.ALWAYS, _S.CLOSED, "died, moved, or all is done"),
            _ignored(_E.CLOSE, role, "it is over already", OVER),
        )
    ),
    *(
        _T((*_BEFORE_END, _S.CONFIRMED), event, role, _O.DECEASED, _S.CLOSED, "the person is dead: nobody is reminded")
        for event, role in ((_E.TIME, _CLOCK), (_E.RECEIVE, _MUNICIPALITY))
    ),
)  # fmt: skip

_CHASE = (
    _T(UNANSWERED, _E.REMIND, _HOSPITAL, _O.ALWAYS, None, "the form has not come"),
    _ignored(_E.REMIND, _HOSPITAL, "it crossed the answer", (_S.AWAITING_INFORMATION, *_LATER)),
    _T(UNANSWERED, _E.ESCALATE, _HOSPITAL, _O.ALWAYS, None, "somebody higher up is told"),
    _ignored(_E.ESCALATE, _HOSPITAL, "it crossed the answer", (_S.AWAITING_INFORMATION, *_LATER)),
    _T((_S.INCOMPLETE,), _E.REPORT_INCOMPLETE, _HOSPITAL, _O.ALWAYS, None, "what the form lacks"),
    _ignored(
        _E.REPORT_INCOMPLETE, _HOSPITAL, "it crossed a newer form",
        (_S.DELIVERED, _S.ACCEPTED, _S.ASSESSING, _S.VACANT, _S.FORWARDED, _S.AWAITING_INFORMATION, *_LATER),
    ),
    _T((_S.SENT,), _E.TIME, _CLOCK, _O.RESEND, None, "no receipt: sent again, unchanged"),
    _T((_S.SENT,), _E.TIME, _CLOCK, _O.GIVE_UP, _S.UNDELIVERED, "no receipt after all tries: a person must look"),
    _T(UNANSWERED, _E.TIME, _CLOCK, _O.REMIND, None, "the form has not come in time"),
    _T(UNANSWERED, _E.TIME, _CLOCK, _O.ESCALATE, None, "reminders did not help: the next rung of the ladder"),
    _T(OPEN, _E.TIME, _CLOCK, _O.OVERDUE, None, "a person on our own side must look"),
    _T((_S.CONFIRMED,), _E.TIME, _CLOCK, _O.FOLLOW_UP, None, "an evaluation, or a talk with the mentor, is due"),
    _T(
        (_S.CONFIRMED,), _E.TIME, _CLOCK, _O.DONE, _S.CLOSED,
        "confirmed for as long as the agreement says, nothing is left to do: each side closes by its own clock",
    ),
)  # fmt: skip

CAN_BE_OVERTAKEN: dict[EventKind, Role] = {
    **dict.fromkeys(
        (_E.ACCEPT, _E.ASSESS, _E.FORWARD, _E.ASK_INFORMATION, _E.COORDINATOR_LEFT, _E.REFUSE_ABORT), _MUNICIPALITY
    ),
    **dict.fromkeys((_E.GIVE_INFORMATION, _E.ASK_ABORT, _E.REMIND, _E.ESCALATE, _E.REPORT_INCOMPLETE), _HOSPITAL),
}
"""Events that are ignored after a newer message of the same sender, by side. No event that ends a loop is one."""

BEGINS_ANEW = (_E.ACCEPT, _E.ASSESS, _E.FORWARD, _E.ASK_INFORMATION)
"""Events that the municipality raises after a confirmed coordinator only if that coordinator has left."""

_ORDER = tuple(
    _T(LIVE, event, role, _O.OVERTAKEN, None, "a newer message was here first")
    for event, role in CAN_BE_OVERTAKEN.items()
)

ONLY_BY_HOLDER = (
    _E.ACCEPT, _E.ASSESS, _E.FORWARD, _E.COORDINATOR_LEFT, _E.AGREE_ABORT, _E.REFUSE_ABORT, _E.CLOSE
)  # fmt: skip
"""Events that only the unit that has the notice can raise. Earlier units may still ask for information, or answer."""

_WITH_ANOTHER = (_S.FORWARDED, _S.AWAITING_INFORMATION)
_PASSED_ON = (
    *(
        _T(LIVE, event, _MUNICIPALITY, _O.PASSED_ON, None, "who has passed it on no longer decides")
        for event in ONLY_BY_HOLDER
    ),
    _T(_WITH_ANOTHER, _E.ASK_ABORT, _HOSPITAL, _O.PASSED_ON, None, "it is for the unit that has it to stop"),
    _T(
        _WITH_ANOTHER, _E.WITHDRAW_CONSENT, _HOSPITAL, _O.PASSED_ON, _S.WITHDRAWN,
        "nothing to stop here: the unit that has it is told too",
    ),
    _T(
        (*_WITH_ANOTHER, _S.CLOSED), _E.RECEIVE, _MUNICIPALITY, _O.RETURNED, _S.DELIVERED,
        "another unit passes it to the one that had it before",
    ),
)  # fmt: skip

TRANSITIONS: tuple[Transition, ...] = (*_NOTICE, *_WORK, *_FORM, *_END, *_CHASE, *_ORDER, *_PASSED_ON)
"""All transitions of the loop."""

_INDEX: dict[tuple[State, EventKind, Role, Outcome], Transition] = {
    (state, row.event, row.role, row.outcome): row for row in TRANSITIONS for state in row.states
}


def find(state: State, event: EventKind, role: Role, outcome: Outcome) -> Transition | None:
    """Returns the row for this case; None if the event is not allowed."""
    return _INDEX.get((state, event, role, outcome))


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """A state as FHIR Task: `status`, `business_status` (None: none), and the side whose turn it is (`ball`)."""

    status: str
    business_status: str | None
    ball: Role | None


TASK_STATUS: dict[State, TaskStatus] = {
    _S.DRAFT: TaskStatus("draft", None, _HOSPITAL),
    _S.SENT: TaskStatus("requested", "sent", _TRANSPORT),
    _S.UNDELIVERED: TaskStatus("requested", "undelivered", _HOSPITAL),
    _S.DELIVERED: TaskStatus("received", "delivered", _MUNICIPALITY),
    _S.AWAITING_INFORMATION: TaskStatus("on-hold", "awaiting-information", _HOSPITAL),
    _S.ACCEPTED: TaskStatus("accepted", "coordinator-pending", _MUNICIPALITY),
    _S.ASSESSING: TaskStatus("in-progress", "assessment", _MUNICIPALITY),
    _S.INCOMPLETE: TaskStatus("in-progress", "form-incomplete", _MUNICIPALITY),
    _S.CONFIRMED: TaskStatus("completed", "coordinator-confirmed", None),
    _S.VACANT: TaskStatus("in-progress", "coordinator-vacant", _MUNICIPALITY),
    _S.REJECTED: TaskStatus("rejected", "rejected", _HOSPITAL),  # the form's own reason code is more exact
    _S.FORWARDED: TaskStatus("in-progress", "forwarded", _MUNICIPALITY),
    _S.CANCELLING: TaskStatus("in-progress", "cancellation-requested", _MUNICIPALITY),
    _S.CANCELLED: TaskStatus("cancelled", "cancelled", None),
    _S.WITHDRAWN: TaskStatus("cancelled", "consent-withdrawn", None),
    _S.CLOSED: TaskStatus("completed", "closed", None),
}
"""Each state as Task.status and businessStatus. A terminal Task is never reopened: `task_number` counts them."""
