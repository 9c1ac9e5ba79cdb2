"""The events of the loop and the reasons that people are told, from the tables that decide them."""

from __future__ import annotations

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.loop.decision import _NEEDED_FIELD, _NEEDS_TEXT_FROM_OUR_SIDE
from ip_fhir.domain.loop.effects import _REASONS_TO_TELL
from ip_fhir.domain.loop.messages import MESSAGE_OF
from ip_fhir.domain.loop.table import LIVE, TRANSITIONS, Outcome, Transition
from ip_fhir.domain.loop.worklist import NEEDED
from ip_fhir.domain.referral import EventKind, Role
from ip_fhir.report.words.codes import word

_MEANINGS: dict[EventKind, str] = {
    EventKind.SEND: "The hospital sends the notice, or sends one again that was not delivered.",
    EventKind.RECEIPT_OK: "The other machine has stored a message of ours. It is not an answer.",
    EventKind.RECEIPT_ERROR: "The other machine has refused a message of ours for good.",
    EventKind.RECEIVE: "The municipality has stored the notice.",
    EventKind.ACCEPT: "The coordinating unit says that it has the case; no coordinator is named yet.",
    EventKind.ASSESS: "The coordinating unit has ordered an assessment (kartlegging).",
    EventKind.ASK_INFORMATION: "The coordinating unit asks the hospital for more; the answer clock stands still.",
    EventKind.GIVE_INFORMATION: "The hospital answers the question; the answer clock goes on where it stood.",
    EventKind.ANSWER: "The green form, complete or not.",
    EventKind.COORDINATOR_LEFT: "The coordinator has left and nobody has taken over.",
    EventKind.CANCEL: "The hospital takes the notice back, before the municipality has accepted it.",
    EventKind.ASK_ABORT: "The hospital asks the municipality to stop, after it has accepted.",
    EventKind.AGREE_ABORT: "The municipality stops, as asked.",
    EventKind.REFUSE_ABORT: "The municipality does not stop, and goes on.",
    EventKind.WITHDRAW_CONSENT: "The person has withdrawn consent.",
    EventKind.CLOSE: "One side closes the loop without a form: the person died, moved, or all is done.",
    EventKind.REMIND: "A reminder: it came in, or a person sends one now.",
    EventKind.FORWARD: "The coordinating unit has passed the notice on to another unit, without a form.",
    EventKind.ESCALATE: "An escalation to somebody higher up: it came in, or a person sends one now.",
    EventKind.REPORT_INCOMPLETE: "The hospital says what the green form lacks.",
    EventKind.TIME: "A timer is due.",
    EventKind.RELEASE: "A person lets out what is protected: a part to one party, or one message. It moves no state.",
}
_HOSPITAL, _MUNICIPALITY = (Role.HOSPITAL,), (Role.MUNICIPALITY,)
_BOTH = (Role.HOSPITAL, Role.MUNICIPALITY)
# Reasons that `_REASONS_TO_TELL` does not name, or not with every event: the sides whose people are told, the events
# before, and the occasion.
_OCCASIONS: dict[Reason, tuple[tuple[Role, ...], tuple[EventKind, ...], str]] = {
    Reason.NEW_NOTICE: (_MUNICIPALITY, (EventKind.RECEIVE,), "a notice has come, or has come back from another unit"),
    Reason.UNDELIVERED: (
        _HOSPITAL,
        (EventKind.RECEIPT_ERROR, EventKind.TIME),
        "no receipt after all tries, or the other machine refused the notice",
    ),
    Reason.NOT_TAKEN: (_BOTH, (EventKind.RECEIPT_ERROR,), "the other machine refused another message than the notice"),
    Reason.DECEASED: (
        _BOTH,
        (EventKind.TIME, EventKind.RECEIVE),
        "the notice says that the person is dead: the loop is closed, and the other side is told",
    ),
    Reason.NOT_ACCEPTED: (_BOTH, (EventKind.TIME,), "the acceptance clock has run out"),
    Reason.ANSWER_DUE: (_BOTH, (EventKind.TIME,), "the answer clock has run out; at the hospital, the whole ladder"),
    Reason.PRELIMINARY_REPLY_DUE: (_MUNICIPALITY, (EventKind.TIME,), "the clock of the preliminary reply has run out"),
    Reason.EVALUATION_DUE: (_MUNICIPALITY, (EventKind.TIME,), "an evaluation falls due by the form or the agreement"),
    Reason.MENTOR_TALK_DUE: (_MUNICIPALITY, (EventKind.TIME,), "a talk falls due by the agreement"),
    Reason.ABORT_UNANSWERED: (_BOTH, (EventKind.TIME,), "the request to stop was not answered in time"),
    Reason.ESCALATED: (_BOTH, (EventKind.TIME, EventKind.ESCALATE), "a step of the ladder names somebody on this side"),
    Reason.ESCALATION_OVER: (_BOTH, (EventKind.ANSWER, EventKind.ESCALATE), "the form has come after an escalation"),
    Reason.CONTRADICTORY: (_BOTH, (EventKind.ANSWER,), "two green forms disagree, or one that names somebody is late"),
    Reason.REJECTED: (_HOSPITAL, (EventKind.ANSWER,), "the green form rejects the notice"),
    Reason.CONFIRMED: (_HOSPITAL, (EventKind.ANSWER,), "the complete form names the coordinator"),
    Reason.REPLACED: (_HOSPITAL, (EventKind.ANSWER,), "a later form names another coordinator"),
    Reason.PLAN_STATE: (_HOSPITAL, (EventKind.ANSWER,), "a later form says something else about the plan"),
    Reason.DETAILS: (_HOSPITAL, (EventKind.ANSWER,), "a later form has other details of the same coordinator"),
    Reason.DECLINED: (_HOSPITAL, (EventKind.ANSWER,), "the green form says that the person does not want it"),
    Reason.FORWARDED: (
        _HOSPITAL,
        (EventKind.FORWARD, EventKind.ANSWER),
        "another unit has the notice; a form says which, a forwarding in words",
    ),
    Reason.FORM_INCOMPLETE: (
        _BOTH,
        (EventKind.ANSWER, EventKind.REPORT_INCOMPLETE),
        "the form lacks what it must have: the hospital sees what, the municipality is to send another",
    ),
    Reason.LATE_FORM: (_HOSPITAL, (EventKind.ANSWER,), "a complete form came when the loop was over"),
    Reason.NO_CONSENT: (_BOTH, (EventKind.TIME,), "a message was due, and consent does not allow it"),
    Reason.SECOND_LOOP: (_BOTH, (), "a loop begins, and another one about the same person is not over"),
    Reason.AWAITING_RELEASE: (_BOTH, (), "a message about somebody with a strictly confidential address is to leave"),
    Reason.MAKE_PLAN: (_MUNICIPALITY, (EventKind.ANSWER,), "a complete form says that a plan is to be made"),
    Reason.NOT_NOTIFIED: (
        _BOTH,
        (),
        "notifications of a Subscription have failed for good, and its status is `error`; no event of the loop",
    ),
    Reason.NOT_TOLD: (
        _BOTH,
        (),
        "one of our own people was not told of something after the last attempt; no event of the loop",
    ),
    Reason.NOT_UNDONE: (
        _BOTH,
        (),
        "the other side takes back a message that was acted on, and no notice: it is refused",
    ),
    Reason.UNREADABLE: (_BOTH, (), "a row of the store cannot be read, and is set aside; no event of the loop"),
}
_CHANGES_NOTHING = (Outcome.CROSSED, Outcome.OVERTAKEN, Outcome.PASSED_ON)


def events() -> str:
    """Returns a section for each event: its meaning, who raises it, what it carries, and what follows."""
    return "\n".join(_section(kind) for kind in EventKind)


def reasons() -> str:
    """Returns every reason for which people are told something, with its words, its side and its occasion."""
    lines = [
        "| reason | on the screen | in Norwegian | told to people of | after | when |",
        "|---|---|---|---|---|---|",
    ]
    for reason in NEEDED:
        roles, after, occasion = _occasion(reason)
        sides, kinds = ", ".join(roles), ", ".join(f"`{kind}`" for kind in after)
        lines.append(f"| `{reason}` | {word(reason, 'en')} | {word(reason, 'nb')} | {sides} | {kinds} | {occasion} |")
    return "\n".join(lines) + "\n"


def _occasion(reason: Reason) -> tuple[tuple[Role, ...], tuple[EventKind, ...], str]:
    """Returns the sides that are told, the events that it follows and the occasion."""
    if reason in _OCCASIONS:
        return _OCCASIONS[reason]
    given = [key for key, told in _REASONS_TO_TELL.items() if told is reason]
    roles = tuple(role for role in Role if role in {role for role, _ in given})
    return roles, tuple(dict.fromkeys(event for _, event in given)), "the other side raised it"


def _section(kind: EventKind) -> str:
    rows = [row for row in TRANSITIONS if row.event is kind]
    lines = [f"### `{kind}`", "", _MEANINGS[kind], ""]
    if not rows:  # it stands outside the table
        return "\n".join([*lines, f"- raised by: {', '.join(_BOTH)}", ""])
    lines.append(f"- raised by: {', '.join(dict.fromkeys(row.role.value for row in rows))}")
    if needs := _needs(kind):
        lines.append(f"- must carry: {needs}")
    if kind in MESSAGE_OF:
        lines.append(f"- message to the other side: `{MESSAGE_OF[kind]}`")
    if told := [f"`{reason}`" for reason in NEEDED if kind in _occasion(reason)[1]]:
        lines.append(f"- people may be told: {', '.join(told)}")
    lines += ["", "| from | when | to | why |", "|---|---|---|---|"]
    lines += [_line(row) for row in rows if not _changes_nothing(row)]
    if ignored := sorted({row.outcome.value for row in rows if _changes_nothing(row)}):
        lines += ["", f"Kept as evidence, without effect: {', '.join(ignored)}."]
    return "\n".join([*lines, ""])


def _changes_nothing(row: Transition) -> bool:
    return row.to is None and row.outcome in _CHANGES_NOTHING


def _needs(kind: EventKind) -> str:
    if kind in _NEEDED_FIELD:
        return f"`{_NEEDED_FIELD[kind]}`"
    return "`text`, when our own side raises it" if kind in _NEEDS_TEXT_FROM_OUR_SIDE else ""


def _line(row: Transition) -> str:
    states = "any but draft" if row.states == LIVE else ", ".join(row.states)
    when = "" if row.outcome is Outcome.ALWAYS else row.outcome.value
    return f"| {states} | {when} | {row.to or '(stays)'} | {row.why} |"
