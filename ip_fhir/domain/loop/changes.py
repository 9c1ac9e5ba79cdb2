"""The fields of a referral after a transition, except the clocks (`timers`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.loop.effects import ANSWERED, DEATH, effect_id, ends_escalation, told_next
from ip_fhir.domain.loop.forms import is_older, is_overtaken, is_progress, is_same_sender
from ip_fhir.domain.loop.table import UNDER_WAY, Outcome
from ip_fhir.domain.loop.timers import paused_anew, resumable, timers_after
from ip_fhir.domain.loop.units import speaks
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import EventKind, FormStatus, KeptForm, Role, State

if TYPE_CHECKING:
    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.loop.forms import FormVerdict
    from ip_fhir.domain.loop.table import Transition
    from ip_fhir.domain.referral import Event, Referral

_HOLDS = (State.AWAITING_INFORMATION, State.CANCELLING)
_LEADS_TO = {
    EventKind.ACCEPT: State.ACCEPTED,
    EventKind.ASSESS: State.ASSESSING,
    EventKind.FORWARD: State.FORWARDED,
    EventKind.COORDINATOR_LEFT: State.VACANT,
}
_CODE_AS_REASON = (EventKind.WITHDRAW_CONSENT,)
_ENDS = (EventKind.CANCEL, EventKind.CLOSE, EventKind.WITHDRAW_CONSENT)


def changed(
    before: Referral, event: Event, row: Transition, verdict: FormVerdict | None, agreement: Agreement
) -> Referral:
    """Returns the referral after the transition by `row`; `verdict` is that on a green form (None: no form)."""
    state = row.to or before.state
    changes: dict[str, Any] = {"state": state, "changed": event.at}
    changes |= timers_after(before, state, event, row.outcome, agreement)
    changes |= _message_fields(before, event, verdict)
    changes |= _delivery(before, event, state)
    changes |= _counters(before, event, row.outcome, agreement)
    changes |= _forms(before, event, verdict)
    changes |= _hold_fields(before, event, row, agreement)
    changes |= _reason_fields(before, event, state)
    if row.outcome is Outcome.DECEASED:
        changes |= {"reason": DEATH, "notice": event.notice or before.notice}
    if event.kind is EventKind.WITHDRAW_CONSENT:
        changes["consent_gone"] = before.consent_gone or event.at
    if event.kind in _ENDS and event.raised_by is not before.role and row.outcome is not Outcome.PASSED_ON:
        changes["ended_there"] = True
    return before.evolve(**changes)


def _message_fields(before: Referral, event: Event, verdict: FormVerdict | None) -> dict[str, Any]:
    """Returns the fields about messages between the sides, such as the other side's newest one, by its own clock."""
    if event.kind is EventKind.SEND and before.notice_message is None:
        return {"notice_message": effect_id(before.correlation_id, event.id, MessageKind.NOTICE.value), "resends": 0}
    if event.kind is EventKind.SEND:
        return {"resends": 0}
    if event.kind is EventKind.RECEIVE and before.state is State.DRAFT:
        return {"notice_message": event.message_id}
    by_other_side = event.raised_by in (Role.HOSPITAL, Role.MUNICIPALITY) and event.raised_by is not before.role
    if not by_other_side or not speaks(before, event):
        return {}
    # A form that was not acted on counts as not returned: it must not overtake a complete one.
    is_acted_on = verdict is None or verdict.status in (FormStatus.COMPLETE, FormStatus.REPLACES)
    is_newest = is_progress(event) and is_acted_on and event.sent and not is_overtaken(before, event)
    progress = {"stands": event.sent} if is_newest else {}
    if is_older(event, before.heard) and is_same_sender(before, event):
        return progress
    by = {"last_sender": event.sender, "last_party": event.party} if event.sender is not None else {}
    return progress | {
        "last_message": event.message_id or before.last_message,
        **by,
        "heard": event.sent or before.heard,
    }


def _delivery(before: Referral, event: Event, state: State) -> dict[str, Any]:
    """Returns the time of delivery if this event proves it: a receipt, or any event of the municipality."""
    here = event.raised_by is Role.MUNICIPALITY or event.kind is EventKind.RECEIPT_OK
    arrived = before.delivered is None and here and state not in (State.DRAFT, *UNDER_WAY)
    return {"delivered": event.at} if arrived else {}


def _counters(before: Referral, event: Event, outcome: Outcome, agreement: Agreement) -> dict[str, Any]:
    if outcome is Outcome.RESEND:
        return {"resends": before.resends + 1}
    if outcome is Outcome.REMIND:
        return {"reminders": before.reminders + 1}
    if outcome is Outcome.ESCALATE:
        step = before.escalations + 1
        return {"escalations": step, "told": (*before.told, told_next(before, event, agreement, step))}
    if event.kind is EventKind.REMIND:
        return {"reminders": max(before.reminders, event.number or before.reminders + 1)}
    if event.kind is EventKind.ESCALATE and not ends_escalation(before, event):
        return {"escalations": max(before.escalations, event.number or before.escalations + 1)}
    if event.kind is EventKind.ANSWER and outcome in ANSWERED:
        return {"told": ()}
    return {}


def _forms(before: Referral, event: Event, verdict: FormVerdict | None) -> dict[str, Any]:
    """Returns the forms with the new one; every form is kept, with its status and the id of its message."""
    if verdict is None or event.form is None:
        return {}
    message = event.message_id or effect_id(before.correlation_id, event.id, MessageKind.GREEN_FORM.value)
    kept = KeptForm(
        form=event.form,
        received=event.at,
        status=verdict.status,
        missing=verdict.missing,
        message=message,
        party=event.party,
        to_party=event.to_party,
    )
    return {"forms": (*before.forms, kept)}


def _hold_fields(before: Referral, event: Event, row: Transition, agreement: Agreement) -> dict[str, Any]:
    """Returns the state to return to after a hold, which may change if the other side went on during the hold."""
    state = row.to or before.state
    vacant = _vacancy_fields(before, event) if state is State.VACANT and before.state is not state else {}
    if state not in _HOLDS:
        return {"resumes": None, **vacant}
    if before.state not in _HOLDS:
        return {"resumes": resumable(before.state)}
    reached = _state_reached(event, row.outcome)
    if row.to is not None or reached is None or reached is before.resumes or is_overtaken(before, event):
        return {}
    vacant = _vacancy_fields(before, event) if reached is State.VACANT else {}
    return {"resumes": reached, **vacant, **paused_anew(before, reached, event.at, agreement)}


def _state_reached(event: Event, outcome: Outcome) -> State | None:
    if event.kind is EventKind.ANSWER:
        return {Outcome.INCOMPLETE: State.INCOMPLETE, Outcome.FORWARDED: State.FORWARDED}.get(outcome)
    return _LEADS_TO.get(event.kind)


def _vacancy_fields(before: Referral, event: Event) -> dict[str, Any]:
    """Returns the fields of a vacancy: a new Task (a terminal one is never reopened), and all counters at zero."""
    return {
        "task_number": before.task_number + 1,
        "vacancies": (*before.vacancies, event.at),
        "reminders": 0,
        "escalations": 0,
        "told": (),
    }


def _reason_fields(before: Referral, event: Event, state: State) -> dict[str, Any]:
    """Returns the reason of the new state, which replaces the old one, and the fields that start anew with it."""
    if state is before.state:
        return {"reason": event.text} if event.kind is EventKind.ASK_INFORMATION and event.text else {}
    changes: dict[str, Any] = {"reason": event.text or _reason(event)}
    if before.state in (State.REJECTED, State.CLOSED):
        changes["task_number"] = before.task_number + 1
    if state is State.FORWARDED and before.state not in _HOLDS:
        changes |= {"reminders": 0, "escalations": 0, "told": ()}
    return changes


def _reason(event: Event) -> str | None:
    if event.kind in _CODE_AS_REASON:
        return "consent-withdrawn"
    if event.kind is not EventKind.ANSWER or event.form is None:
        return None
    if event.form.rejection is not None:
        return str(event.form.rejection.reason)
    return f"declined-{event.form.declined}" if event.form.declined is not None else None
