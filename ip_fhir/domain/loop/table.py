"""The loop as a table: every state, every event, who may raise it, on what condition, and where it leads.

Both sides use the same table. Nothing else changes state; `decide` looks a row up, and the diagram is drawn from it.
Source: the green form loop; where published specifications differ, the choice is in a row's `why`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ip_fhir.domain.referral import EventKind, Role, State


class Outcome(StrEnum):
    """The side condition of a row: what `decide` found out about an event before it looked the row up."""

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


@dataclass(frozen=True, slots=True)
class Row:
    """From each of `states`, on `event` raised by `role` when `outcome` holds: to `to` (None: it stays where it is)."""

    states: tuple[State, ...]
    event: EventKind
    role: Role
    outcome: Outcome
    to: State | None
    why: str


_S, _E, _O = State, EventKind, Outcome
_HOSPITAL, _MUNICIPALITY = Role.HOSPITAL, Role.MUNICIPALITY
_TRANSPORT, _CLOCK = Role.TRANSPORT, Role.CLOCK

UNDER_WAY = (_S.SENT, _S.UNDELIVERED)
"""The notice is out; the hospital does not know whether it has arrived. Whatever the municipality says proves it."""

IN_WORK = (_S.ACCEPTED, _S.ASSESSING, _S.INCOMPLETE, _S.VACANT, _S.FORWARDED)
"""The municipality has begun: the hospital cannot cancel by itself any more, only ask."""

UNANSWERED = (_S.DELIVERED, *IN_WORK)
"""The ball is with the municipality and the answer clock runs."""

OVER = (_S.REJECTED, _S.CANCELLED, _S.WITHDRAWN, _S.CLOSED)
"""Terminal. `CONFIRMED` is not: a coordinator may be replaced, or leave. What follows after all is a new Task."""

OPEN = (*UNANSWERED, _S.AWAITING_INFORMATION, _S.CANCELLING)
"""The municipality has the notice and the loop is not done."""

LIVE = tuple(state for state in State if state is not _S.DRAFT)

RESUMED: dict[State, Outcome] = {
    _S.DELIVERED: _O.WAS_DELIVERED,
    _S.ACCEPTED: _O.WAS_ACCEPTED,
    _S.ASSESSING: _O.WAS_ASSESSING,
    _S.INCOMPLETE: _O.WAS_INCOMPLETE,
    _S.VACANT: _O.WAS_VACANT,
    _S.FORWARDED: _O.WAS_FORWARDED,
}


def _stays(event: EventKind, role: Role, why: str, states: tuple[State, ...]) -> Row:
    """What arrives too late to matter, or twice, is kept as evidence and changes nothing."""
    return Row(states, event, role, _O.CROSSED, None, why)


_LATER = (_S.CANCELLING, _S.CONFIRMED, *OVER)


_NOTICE = (
    Row((_S.DRAFT,), _E.SEND, _HOSPITAL, _O.ALWAYS, _S.SENT, "the notice goes out, with consent or a legal basis"),
    Row((_S.UNDELIVERED,), _E.SEND, _HOSPITAL, _O.ALWAYS, _S.SENT, "a person has looked: tried again, unchanged"),
    Row((_S.DRAFT,), _E.RECEIVE, _MUNICIPALITY, _O.FIRST, _S.DELIVERED, "the municipality has stored the notice"),
    Row(LIVE, _E.RECEIVE, _MUNICIPALITY, _O.REPEATED, None, "the same notice again"),
    Row(UNDER_WAY, _E.RECEIPT_OK, _TRANSPORT, _O.OF_NOTICE, _S.DELIVERED, "a machine has stored it; no answer yet"),
    Row(
        (*OPEN, _S.CONFIRMED, *OVER), _E.RECEIPT_OK, _TRANSPORT, _O.OF_NOTICE, None, "the receipt was overtaken"
    ),
    Row(LIVE, _E.RECEIPT_OK, _TRANSPORT, _O.OF_ANOTHER, None, "another message has arrived"),
    Row((_S.SENT,), _E.RECEIPT_ERROR, _TRANSPORT, _O.OF_NOTICE, _S.UNDELIVERED, "the other machine said no"),
    Row(
        (_S.UNDELIVERED, *OPEN, _S.CONFIRMED, *OVER),
        _E.RECEIPT_ERROR, _TRANSPORT, _O.OF_NOTICE, None, "it was known, or the notice had arrived before",
    ),
    Row(LIVE, _E.RECEIPT_ERROR, _TRANSPORT, _O.OF_ANOTHER, None, "another message was refused: a person must look"),
)  # fmt: skip

_WORK = (
    Row(
        (*UNDER_WAY, _S.DELIVERED, _S.VACANT), _E.ACCEPT, _MUNICIPALITY, _O.ALWAYS, _S.ACCEPTED,
        "accepted, nobody named: the answer clock runs on",
    ),
    Row(
        (*UNDER_WAY, _S.DELIVERED, _S.ACCEPTED, _S.INCOMPLETE, _S.VACANT), _E.ASSESS, _MUNICIPALITY, _O.ALWAYS,
        _S.ASSESSING, "an assessment (kartlegging) is ordered",
    ),
    Row(
        (*UNDER_WAY, *UNANSWERED), _E.FORWARD, _MUNICIPALITY, _O.ALWAYS, _S.FORWARDED,
        "another unit has it; this one stays open until that one ends",
    ),
    Row(
        (*UNDER_WAY, *UNANSWERED), _E.ASK_INFORMATION, _MUNICIPALITY, _O.ALWAYS, _S.AWAITING_INFORMATION,
        "the ball is with the hospital and the answer clock stands still",
    ),
    Row((_S.AWAITING_INFORMATION,), _E.ASK_INFORMATION, _MUNICIPALITY, _O.ALWAYS, None, "more is asked"),
    *(
        Row((_S.AWAITING_INFORMATION,), _E.GIVE_INFORMATION, _HOSPITAL, outcome, state, "what was left of the clock")
        for state, outcome in RESUMED.items()
    ),
    Row(UNANSWERED, _E.GIVE_INFORMATION, _HOSPITAL, _O.ALWAYS, None, "information nobody asked for"),
    Row(
        (_S.CONFIRMED,), _E.COORDINATOR_LEFT, _MUNICIPALITY, _O.ALWAYS, _S.VACANT,
        "a new Task; the answer clock anew",
    ),
    Row(
        (*UNDER_WAY, _S.DELIVERED, _S.ACCEPTED, _S.ASSESSING, _S.INCOMPLETE, _S.FORWARDED, _S.AWAITING_INFORMATION),
        _E.COORDINATOR_LEFT, _MUNICIPALITY, _O.CROSSED, _S.VACANT,
        "the form that named the coordinator is late or lost",
    ),
    _stays(
        _E.ACCEPT, _MUNICIPALITY, "known, or more has happened since",
        (_S.ACCEPTED, _S.ASSESSING, _S.INCOMPLETE, _S.FORWARDED, _S.AWAITING_INFORMATION, *_LATER),
    ),
    _stays(
        _E.ASSESS, _MUNICIPALITY, "known, or more has happened since",
        (_S.ASSESSING, _S.FORWARDED, _S.AWAITING_INFORMATION, *_LATER),
    ),
    _stays(_E.FORWARD, _MUNICIPALITY, "it crossed what the hospital did", (_S.AWAITING_INFORMATION, *_LATER)),
    _stays(_E.ASK_INFORMATION, _MUNICIPALITY, "it crossed what the hospital did", _LATER),
    _stays(_E.GIVE_INFORMATION, _HOSPITAL, "the municipality has gone on without it", _LATER),
    _stays(_E.COORDINATOR_LEFT, _MUNICIPALITY, "known, or it no longer matters", (_S.VACANT, _S.CANCELLING, *OVER)),
)  # fmt: skip

_BEFORE_END = (*UNDER_WAY, *OPEN)
_FORM = (
    Row(_BEFORE_END, _E.ANSWER, _MUNICIPALITY, _O.APPOINTED, _S.CONFIRMED, "a complete form names the coordinator"),
    Row(_BEFORE_END, _E.ANSWER, _MUNICIPALITY, _O.DECLINED, _S.CLOSED, "the person does not want it"),
    Row(_BEFORE_END, _E.ANSWER, _MUNICIPALITY, _O.REJECTED, _S.REJECTED, "no, with reason and right to complain"),
    Row(
        (*UNDER_WAY, *UNANSWERED, _S.AWAITING_INFORMATION), _E.ANSWER, _MUNICIPALITY, _O.FORWARDED, _S.FORWARDED,
        "another unit has it; this one stays open until that one ends",
    ),
    Row((_S.CANCELLING,), _E.ANSWER, _MUNICIPALITY, _O.FORWARDED, None, "the request to stop goes before"),
    Row(
        (*UNDER_WAY, *UNANSWERED), _E.ANSWER, _MUNICIPALITY, _O.INCOMPLETE, _S.INCOMPLETE,
        "it lacks what it must have: counts as not returned, the answer clock runs on",
    ),
    Row(
        (_S.AWAITING_INFORMATION, _S.CANCELLING), _E.ANSWER, _MUNICIPALITY, _O.INCOMPLETE, None,
        "what was asked for goes before",
    ),
    Row(
        (_S.CANCELLING,), _E.ANSWER, _MUNICIPALITY, _O.CROSSED, _S.WITHDRAWN,
        "done before it knew that consent is gone",
    ),
    Row(
        (_S.CONFIRMED,), _E.ANSWER, _MUNICIPALITY, _O.REPLACES, None,
        "another coordinator from a later day, or new details",
    ),
    Row(
        (_S.CONFIRMED,), _E.ANSWER, _MUNICIPALITY, _O.CONTRADICTORY, None,
        "two forms disagree: a person must decide",
    ),
    Row(
        (_S.CONFIRMED,), _E.ANSWER, _MUNICIPALITY, _O.INCOMPLETE, None,
        "the form in force stands; the lacks are listed",
    ),
    Row((_S.CONFIRMED,), _E.ANSWER, _MUNICIPALITY, _O.DECLINED, _S.CLOSED, "the person no longer wants it"),
    Row((_S.REJECTED,), _E.ANSWER, _MUNICIPALITY, _O.APPOINTED, _S.CONFIRMED, "the no was overturned: a new Task"),
    Row(LIVE, _E.ANSWER, _MUNICIPALITY, _O.REPEATED, None, "the same form again"),
    Row(LIVE, _E.ANSWER, _MUNICIPALITY, _O.LATE, None, "kept and marked late, not acted on"),
)  # fmt: skip

_END = (
    Row(
        (_S.DRAFT, *UNDER_WAY, _S.DELIVERED), _E.CANCEL, _HOSPITAL, _O.ALWAYS, _S.CANCELLED,
        "the hospital may cancel by itself until the municipality has accepted",
    ),
    Row(
        (_S.AWAITING_INFORMATION,), _E.CANCEL, _HOSPITAL, _O.BEFORE_ACCEPTANCE, _S.CANCELLED,
        "it was not accepted yet",
    ),
    Row(
        (*IN_WORK, _S.AWAITING_INFORMATION, _S.CANCELLING), _E.CANCEL, _HOSPITAL, _O.CROSSED, _S.CANCELLED,
        "cancelled before the hospital knew of the acceptance",
    ),
    Row(
        (_S.CONFIRMED,), _E.CANCEL, _HOSPITAL, _O.CROSSED, _S.CLOSED,
        "cancelled before the form arrived: the Task stays completed",
    ),
    _stays(_E.CANCEL, _HOSPITAL, "it is over already", OVER),
    Row(
        (*IN_WORK, _S.AWAITING_INFORMATION), _E.ASK_ABORT, _HOSPITAL, _O.ALWAYS, _S.CANCELLING,
        "after acceptance the hospital can only ask; the municipality answers",
    ),
    Row((_S.DELIVERED,), _E.ASK_ABORT, _HOSPITAL, _O.CROSSED, _S.CANCELLING, "the hospital believed it accepted"),
    _stays(_E.ASK_ABORT, _HOSPITAL, "asked already, or too late to stop", (_S.CANCELLING, _S.CONFIRMED, *OVER)),
    Row((_S.CANCELLING,), _E.AGREE_ABORT, _MUNICIPALITY, _O.ALWAYS, _S.CANCELLED, "the municipality has stopped"),
    Row(
        (_S.CANCELLING,), _E.AGREE_ABORT, _MUNICIPALITY, _O.CONSENT_GONE, _S.WITHDRAWN,
        "stopped, as consent is gone",
    ),
    Row(
        (*UNANSWERED, _S.AWAITING_INFORMATION), _E.AGREE_ABORT, _MUNICIPALITY, _O.CROSSED, _S.CANCELLED,
        "the form that crossed the request to stop was followed by more: the municipality stops after all",
    ),
    _stays(_E.AGREE_ABORT, _MUNICIPALITY, "it is over already", (_S.CONFIRMED, *OVER)),
    *(
        Row((_S.CANCELLING,), _E.REFUSE_ABORT, _MUNICIPALITY, outcome, state, "the municipality goes on where it was")
        for state, outcome in RESUMED.items()
    ),
    _stays(
        _E.REFUSE_ABORT, _MUNICIPALITY, "consent is gone, or it is over, or a form had crossed the request to stop",
        (*UNANSWERED, _S.AWAITING_INFORMATION, _S.CANCELLING, _S.CONFIRMED, *OVER),
    ),
    Row(
        (_S.DRAFT, *UNDER_WAY, _S.DELIVERED), _E.WITHDRAW_CONSENT, _HOSPITAL, _O.ALWAYS, _S.WITHDRAWN,
        "consent is gone before the municipality accepted: cancelled",
    ),
    Row(
        (_S.AWAITING_INFORMATION,), _E.WITHDRAW_CONSENT, _HOSPITAL, _O.BEFORE_ACCEPTANCE, _S.WITHDRAWN,
        "it was not accepted yet",
    ),
    Row(
        (_S.AWAITING_INFORMATION,), _E.WITHDRAW_CONSENT, _HOSPITAL, _O.AFTER_ACCEPTANCE, _S.CANCELLING,
        "work has begun: the municipality is asked to stop",
    ),
    Row(
        IN_WORK, _E.WITHDRAW_CONSENT, _HOSPITAL, _O.ALWAYS, _S.CANCELLING,
        "work has begun: the municipality is asked to stop",
    ),
    Row(
        (_S.CANCELLING,), _E.WITHDRAW_CONSENT, _HOSPITAL, _O.ALWAYS, None,
        "a stop was asked for; now there is no way back",
    ),
    Row(
        (_S.CONFIRMED,), _E.WITHDRAW_CONSENT, _HOSPITAL, _O.ALWAYS, _S.CLOSED,
        "the Task stays completed; nothing more goes out",
    ),
    _stays(_E.WITHDRAW_CONSENT, _HOSPITAL, "it is over already", OVER),
    Row((_S.DRAFT,), _E.CLOSE, _HOSPITAL, _O.ALWAYS, _S.CLOSED, "never sent"),
    *(
        row
        for role in (_HOSPITAL, _MUNICIPALITY)
        for row in (
            Row((*_BEFORE_END, _S.CONFIRMED), _E.CLOSE, role, _O.ALWAYS, _S.CLOSED, "died, moved, or all is done"),
            _stays(_E.CLOSE, role, "it is over already", OVER),
        )
    ),
)  # fmt: skip

_CHASE = (
    Row(UNANSWERED, _E.REMIND, _HOSPITAL, _O.ALWAYS, None, "the form has not come"),
    _stays(_E.REMIND, _HOSPITAL, "it crossed the answer", (_S.AWAITING_INFORMATION, *_LATER)),
    Row(UNANSWERED, _E.ESCALATE, _HOSPITAL, _O.ALWAYS, None, "somebody higher up is told"),
    _stays(_E.ESCALATE, _HOSPITAL, "it crossed the answer", (_S.AWAITING_INFORMATION, *_LATER)),
    Row((_S.INCOMPLETE,), _E.REPORT_INCOMPLETE, _HOSPITAL, _O.ALWAYS, None, "what the form lacks"),
    _stays(
        _E.REPORT_INCOMPLETE, _HOSPITAL, "it crossed a newer form",
        (_S.DELIVERED, _S.ACCEPTED, _S.ASSESSING, _S.VACANT, _S.FORWARDED, _S.AWAITING_INFORMATION, *_LATER),
    ),
    Row((_S.SENT,), _E.TIME, _CLOCK, _O.RESEND, None, "no receipt: sent again, unchanged"),
    Row((_S.SENT,), _E.TIME, _CLOCK, _O.GIVE_UP, _S.UNDELIVERED, "no receipt after all tries: a person must look"),
    Row(UNANSWERED, _E.TIME, _CLOCK, _O.REMIND, None, "the form has not come in time"),
    Row(UNANSWERED, _E.TIME, _CLOCK, _O.ESCALATE, None, "reminders did not help: the next rung of the ladder"),
    Row(OPEN, _E.TIME, _CLOCK, _O.OVERDUE, None, "a person on our own side must look"),
    Row((_S.CONFIRMED,), _E.TIME, _CLOCK, _O.FOLLOW_UP, None, "an evaluation, or a talk with the mentor, is due"),
)  # fmt: skip

CAN_BE_OVERTAKEN: dict[EventKind, Role] = {
    **dict.fromkeys(
        (_E.ACCEPT, _E.ASSESS, _E.FORWARD, _E.ASK_INFORMATION, _E.COORDINATOR_LEFT, _E.REFUSE_ABORT), _MUNICIPALITY
    ),
    **dict.fromkeys((_E.GIVE_INFORMATION, _E.ASK_ABORT, _E.REMIND, _E.ESCALATE, _E.REPORT_INCOMPLETE), _HOSPITAL),
}
"""Steps on the way: the newest message says where its sender stands. What ends a loop is never overtaken."""

BEGINS_ANEW = (_E.ACCEPT, _E.ASSESS, _E.FORWARD, _E.ASK_INFORMATION)
"""After a form that named a coordinator, the municipality does these only when that coordinator has left."""

_ORDER = tuple(
    Row(LIVE, event, role, _O.OVERTAKEN, None, "a newer message was here first")
    for event, role in CAN_BE_OVERTAKEN.items()
)

SAID_BY_WHO_HAS_IT = (
    _E.ACCEPT, _E.ASSESS, _E.FORWARD, _E.COORDINATOR_LEFT, _E.AGREE_ABORT, _E.REFUSE_ABORT, _E.CLOSE
)  # fmt: skip
"""What only the unit that has the notice can say. Any that had it may ask for information, or answer after all."""

_WITH_ANOTHER = (_S.FORWARDED, _S.AWAITING_INFORMATION)
_PASSED_ON = (
    *(
        Row(LIVE, event, _MUNICIPALITY, _O.PASSED_ON, None, "who has passed it on no longer decides")
        for event in SAID_BY_WHO_HAS_IT
    ),
    Row(_WITH_ANOTHER, _E.ASK_ABORT, _HOSPITAL, _O.PASSED_ON, None, "it is for the unit that has it to stop"),
    Row(
        _WITH_ANOTHER, _E.WITHDRAW_CONSENT, _HOSPITAL, _O.PASSED_ON, _S.WITHDRAWN,
        "nothing to stop here: the unit that has it is told too",
    ),
    Row(
        (*_WITH_ANOTHER, _S.CLOSED), _E.RECEIVE, _MUNICIPALITY, _O.RETURNED, _S.DELIVERED,
        "another unit passes it to the one that had it before",
    ),
)  # fmt: skip

TRANSITIONS: tuple[Row, ...] = (*_NOTICE, *_WORK, *_FORM, *_END, *_CHASE, *_ORDER, *_PASSED_ON)
"""Every transition there is."""

_INDEX: dict[tuple[State, EventKind, Role, Outcome], Row] = {
    (state, row.event, row.role, row.outcome): row for row in TRANSITIONS for state in row.states
}


def find(state: State, event: EventKind, role: Role, outcome: Outcome) -> Row | None:
    """The row for this case, or None: then the event is not allowed."""
    return _INDEX.get((state, event, role, outcome))


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """How a state looks as FHIR Task: `status`, `business_status` (None: none), and whose turn it is."""

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
