"""The effects of a transition: messages to the other side, and people of our own side to be told.

Ids are derived from the referral, the event and the purpose, so deciding again gives the same effects and ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from ip_fhir.domain.agreement import Side
from ip_fhir.domain.effects import Effect, EffectKind, Reason, TimerKind, earliest
from ip_fhir.domain.green_form import FormDecision, Missing, missing_items
from ip_fhir.domain.loop.forms import holders
from ip_fhir.domain.loop.messages import MESSAGE_OF
from ip_fhir.domain.loop.table import OVER, Outcome
from ip_fhir.domain.loop.timers import due_timer
from ip_fhir.domain.loop.units import addressee, last_in_force, others, passed_on_to, unit_in
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.parties import Unit
from ip_fhir.domain.referral import EventKind, FormStatus, Role, State, Told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.referral import Event, Referral

_NAMESPACE = UUID("6d0f3d5e-3c1c-5d7e-9a57-1b8f3c6f2a10")

ANSWERED = (Outcome.APPOINTED, Outcome.DECLINED, Outcome.REJECTED, Outcome.FORWARDED)
"""The outcomes of a complete form, for which nobody needs to wait any longer."""

DEATH = "the person is dead"
"""The words by which a loop is closed, here and on the other side, when the person is dead."""

_REASONS_TO_TELL: dict[tuple[Role, EventKind], Reason] = {
    (Role.MUNICIPALITY, EventKind.REMIND): Reason.REMINDED,
    (Role.MUNICIPALITY, EventKind.REPORT_INCOMPLETE): Reason.FORM_INCOMPLETE,
    (Role.MUNICIPALITY, EventKind.GIVE_INFORMATION): Reason.INFORMATION_GIVEN,
    (Role.MUNICIPALITY, EventKind.CANCEL): Reason.CANCELLED,
    (Role.MUNICIPALITY, EventKind.ASK_ABORT): Reason.ABORT_ASKED,
    (Role.MUNICIPALITY, EventKind.WITHDRAW_CONSENT): Reason.CONSENT_WITHDRAWN,
    (Role.MUNICIPALITY, EventKind.CLOSE): Reason.CLOSED,
    (Role.HOSPITAL, EventKind.ACCEPT): Reason.ACCEPTED,
    (Role.HOSPITAL, EventKind.ASSESS): Reason.ASSESSING,
    (Role.HOSPITAL, EventKind.FORWARD): Reason.FORWARDED,
    (Role.HOSPITAL, EventKind.COORDINATOR_LEFT): Reason.VACANT,
    (Role.HOSPITAL, EventKind.AGREE_ABORT): Reason.ABORT_AGREED,
    (Role.HOSPITAL, EventKind.ASK_INFORMATION): Reason.INFORMATION_ASKED,
    (Role.HOSPITAL, EventKind.REFUSE_ABORT): Reason.ABORT_REFUSED,
    (Role.HOSPITAL, EventKind.CLOSE): Reason.CLOSED,
}

_REASONS_OF_FORMS: dict[Outcome, Reason] = {
    Outcome.APPOINTED: Reason.CONFIRMED,
    Outcome.DECLINED: Reason.DECLINED,
    Outcome.REJECTED: Reason.REJECTED,
    Outcome.FORWARDED: Reason.FORWARDED,
    Outcome.INCOMPLETE: Reason.FORM_INCOMPLETE,
    Outcome.CROSSED: Reason.LATE_FORM,
}
"""The reason for which the hospital's people are told of a green form; for `Outcome.REPLACES` see `_differences`."""

_GONE = (State.CANCELLED, State.WITHDRAWN, State.CLOSED)

_ENDED_BY = {
    State.CANCELLING: MessageKind.ABORT_REQUEST,
    State.CANCELLED: MessageKind.CANCELLATION,
    State.WITHDRAWN: MessageKind.WITHDRAWAL,
}
"""The message to a unit that got the notice after the referral had ended, by state; in other states a closure."""

IGNORED = (Outcome.CROSSED, Outcome.OVERTAKEN, Outcome.PASSED_ON)
"""Outcomes that are kept as evidence, and that nobody is told of."""

_OVERDUE = {
    TimerKind.ACCEPTANCE: Reason.NOT_ACCEPTED,
    TimerKind.PRELIMINARY_REPLY: Reason.PRELIMINARY_REPLY_DUE,
    TimerKind.EVALUATION: Reason.EVALUATION_DUE,
    TimerKind.MENTOR_TALK: Reason.MENTOR_TALK_DUE,
}


_SENT_TO_ALL_UNITS = (EventKind.WITHDRAW_CONSENT, EventKind.CLOSE)
"""Events that are also sent to the units that passed the notice on."""


def effect_id(correlation_id: str, event_id: str, purpose: str) -> str:
    """Returns the id of an effect (a UUID); for a message, it is also the id of the message."""
    return str(uuid5(_NAMESPACE, f"{correlation_id}|{event_id}|{purpose}"))


class TransitionEffects:
    """Makes the effects of one transition, from the referral `before` to the referral `after`."""

    def __init__(self, before: Referral, after: Referral, event: Event, outcome: Outcome, agreement: Agreement) -> None:
        self.before, self.after, self.event, self.outcome, self.agreement = before, after, event, outcome, agreement

    def effects(self) -> tuple[Effect, ...]:
        """Returns all effects, in order."""
        if self.outcome is Outcome.DECEASED:
            return tuple(self._by_death())
        if self.event.kind is EventKind.TIME:
            return tuple(self._by_clock())
        if self.event.kind in (EventKind.RECEIPT_OK, EventKind.RECEIPT_ERROR, EventKind.RECEIVE):
            return tuple(self._by_transport())
        if self.event.raised_by is self.before.role:
            return tuple(self._by_us())
        return tuple(self._by_them())

    def _by_clock(self) -> Iterator[Effect]:
        timer = due_timer(self.before, self.event.at)
        if self.outcome is Outcome.RESEND:
            yield self._resend()
        elif self.outcome is Outcome.GIVE_UP:
            yield self._tell(Reason.UNDELIVERED)
        elif self.outcome is Outcome.REMIND:
            yield self._send(MessageKind.REMINDER, number=self.after.reminders, answers=self.before.notice_message)
        elif self.outcome is Outcome.ESCALATE:
            yield self._escalate(self.after.told[-1])
        elif self.outcome is not Outcome.DONE:  # nobody waits for what is done
            overdue = _OVERDUE.get(timer.kind, Reason.ANSWER_DUE) if timer else Reason.ANSWER_DUE
            yield self._tell(Reason.ABORT_UNANSWERED if self.before.state is State.CANCELLING else overdue)

    def _by_death(self) -> Iterator[Effect]:
        """Yields the closure for the other side and for the units that passed the notice on, and our people to tell."""
        yield self._send(
            MessageKind.CLOSURE, text=DEATH, answers=self.before.last_message or self.before.notice_message
        )
        yield from self._to_others(MessageKind.CLOSURE, DEATH)
        yield self._tell(Reason.DECEASED)

    def _by_transport(self) -> Iterator[Effect]:
        if self.outcome in (Outcome.FIRST, Outcome.RETURNED):
            yield self._tell(Reason.NEW_NOTICE)
        elif self.event.kind is EventKind.RECEIPT_ERROR and self.after.state is not self.before.state:
            yield self._tell(Reason.UNDELIVERED, text=self.event.text)
        elif self.event.kind is EventKind.RECEIPT_ERROR and self.outcome is Outcome.OF_ANOTHER:
            yield self._tell(Reason.NOT_TAKEN, answers=self.event.message_id, text=self.event.text)

    def _by_us(self) -> Iterator[Effect]:
        """Yields the effects of an event of our own side: the message to the other side, and the people to tell."""
        if self.event.kind is EventKind.SEND and self.before.state is State.UNDELIVERED:
            yield self._resend()
        elif self._has_something_to_tell():
            yield self._send(MESSAGE_OF[self.event.kind], **self._details())
            if self.event.kind in _SENT_TO_ALL_UNITS:
                yield from self._to_others(MESSAGE_OF[self.event.kind], self.event.text)
        if self.event.form is not None and self.outcome is Outcome.FORWARDED:
            unit = unit_in(self.event.form, self.event.to_party)
            if unit is None or not unit.is_same(passed_on_to(self.before)):  # it has the notice already
                yield self._send(MessageKind.NOTICE, "pass-on", form_id=self.event.form.id, recipient=unit)
        if self.event.form is not None and self.outcome is Outcome.APPOINTED and self.before.notice.kind.asks_for_plan:
            yield self._tell(Reason.MAKE_PLAN, form_id=self.event.form.id)
        yield from self._about_form()

    def _has_something_to_tell(self) -> bool:
        """True unless the notice was never sent, or the withdrawal of consent has already told the other side."""
        if self.before.consent_gone and self.before.role is Role.HOSPITAL:
            return self.event.kind is EventKind.WITHDRAW_CONSENT
        return self.event.kind is EventKind.SEND or self.before.state is not State.DRAFT

    def _by_them(self) -> Iterator[Effect]:
        changed = self.after.state is not self.before.state
        reason = _REASONS_TO_TELL.get((self.before.role, self.event.kind))
        if self.event.kind is EventKind.ESCALATE:
            yield from self._escalated()
        elif reason is not None and (changed or self.outcome not in IGNORED or self._concerns_us_all_the_same()):
            yield self._tell(reason, number=self.event.number, missing=self.event.missing, text=self.event.text)
        if self.event.kind is EventKind.WITHDRAW_CONSENT and self.after.state in (State.CONFIRMED, *OVER):
            # The hospital may believe that we still work on it, and our waiting messages were dropped: it must be told.
            yield self._send(MessageKind.ABORT_AGREED, answers=self.event.message_id)
        if self.outcome is Outcome.INCOMPLETE:
            lacks = self.after.forms[-1].missing
            has_it = addressee(self.before)
            to = Unit(self.event.sender, self.event.party) if has_it and self.event.sender else has_it
            yield self._send(MessageKind.FORM_INCOMPLETE, missing=lacks, answers=self.event.message_id, recipient=to)
        yield from self._told_of_form()
        yield from self._about_form()
        if self._was_passed_on_and_is_done():
            yield from self._to_others(MessageKind.CLOSURE, "done by the unit that it was passed on to")
        yield from self._too_late_to_pass_on()

    def _concerns_us_all_the_same(self) -> bool:
        """True for an event that changes nothing, and that our people wait for all the same.

        It says what our last form lacks, or that the municipality does not stop though consent is gone.
        """
        if self.event.kind is EventKind.REPORT_INCOMPLETE and self.before.forms:
            last = self.before.forms[-1]
            return last.status is FormStatus.INCOMPLETE and self.event.answers == last.message
        refused = self.event.kind is EventKind.REFUSE_ABORT and self.outcome is Outcome.CROSSED
        return refused and self.before.state is State.CANCELLING

    def _told_of_form(self) -> Iterator[Effect]:
        """Yields the effects that tell the hospital's people of a green form that came."""
        form = self.event.form
        if form is None or self.event.kind is not EventKind.ANSWER:
            return
        if self.outcome is Outcome.REPLACES and self.before.form is not None:
            reasons = _differences(self.before.form, form)
        elif self.outcome is Outcome.LATE:
            over = self.before.state in _GONE and not missing_items(form, self.before.notice)
            reasons = (Reason.LATE_FORM,) if over else ()
        else:
            reasons = (_REASONS_OF_FORMS[self.outcome],) if self.outcome in _REASONS_OF_FORMS else ()
        for reason in reasons:
            yield self._tell(reason, form_id=form.id, missing=self.after.forms[-1].missing)

    def _was_passed_on_and_is_done(self) -> bool:
        """True if the unit that the notice was passed on to has ended it: the units that passed it on must be told."""
        done = (State.CONFIRMED, *OVER)
        if self.before.consent_gone or self.before.state in done or self.after.state not in done:
            return False
        last = last_in_force(self.before)
        now = addressee(self.after)
        has_changed = now is not None and not now.is_same(addressee(self.before))
        return last is not None and (has_changed or last.decision is FormDecision.FORWARDED)

    def _too_late_to_pass_on(self) -> Iterator[Effect]:
        """Yields a message to a unit that was given the notice too late.

        The hospital had asked to stop, the loop was over, or the notice is with another unit by now.
        """
        unit = unit_in(self.event.form, self.event.to_party) if self.event.form is not None else None
        if unit is None:
            return
        late = self.outcome is Outcome.LATE and (self.before.state in OVER or not unit.is_same(addressee(self.before)))
        if not (late or (self.before.state is State.CANCELLING and self.outcome is Outcome.FORWARDED)):
            return
        message = _ENDED_BY.get(self.before.state, MessageKind.CLOSURE)
        if self.before.consent_gone:
            message = MessageKind.WITHDRAWAL
        yield self._send(message, "too-late-to-pass-on", text=self.before.reason, recipient=unit)

    def _to_others(self, message: MessageKind, text: str | None) -> Iterator[Effect]:
        """Yields the same message to each unit that had the notice before the one that has it now."""
        for number, unit in enumerate(others(self.after), 1):
            yield self._send(message, f"{message}-to-other-{number}", text=text, recipient=unit)

    def _escalated(self) -> Iterator[Effect]:
        """Yields the effect that tells the contact on this rung that the answer is missing, or that it has come."""
        over = ends_escalation(self.before, self.event)
        if not over and self.outcome in IGNORED:
            return
        number = self.event.number
        contact = next((c for n, c in enumerate(self.agreement.ladder, 1) if n == number), None)
        to = contact.name if contact is not None else self.event.text
        yield self._tell(Reason.ESCALATION_OVER if over else Reason.ESCALATED, number=number, to=to)

    def _about_form(self) -> Iterator[Effect]:
        if self.outcome is Outcome.CONTRADICTORY or self._names_somebody_too_late():
            yield self._tell(Reason.CONTRADICTORY, form_id=self.event.form.id if self.event.form else None)
        if self.event.kind is EventKind.ANSWER and self.outcome in ANSWERED:
            for told in self.before.told:
                yield self._escalation_over(told)

    def _names_somebody_too_late(self) -> bool:
        """True if a late form names a coordinator while a newer message says there is none: a person must find out."""
        form, waits = self.event.form, self.before.state not in (State.CONFIRMED, *OVER)
        if self.outcome is not Outcome.LATE or form is None or not waits:
            return False
        return form.decision is FormDecision.APPOINTED and not missing_items(form, self.before.notice)

    def _details(self) -> dict[str, Any]:
        """Returns the fields of the message effect besides its kind."""
        event, kind = self.event, self.event.kind
        details: dict[str, Any] = {
            "text": event.text,
            "answers": self.before.last_message or self.before.notice_message,
        }
        if kind is EventKind.ANSWER and event.form is not None:
            details["form_id"] = event.form.id
        if kind is EventKind.GIVE_INFORMATION and addressee(self.before) is not None:
            last = self.before.last_sender
            details["recipient"] = Unit(last, self.before.last_party) if last else addressee(self.before)
        if kind is EventKind.REMIND:
            details |= {"number": self.after.reminders, "answers": self.before.notice_message}
        if kind is EventKind.ESCALATE:
            details |= {"number": self.after.escalations, "answers": self.before.notice_message}
        if kind is EventKind.REPORT_INCOMPLETE:
            details["missing"] = event.missing or last_missing(self.before)
        return details

    def _escalate(self, told: Told) -> Effect:
        if told.own_side:
            return self._tell(Reason.ESCALATED, "escalation", to=told.to, number=told.step)
        answers = self.before.notice_message
        return self._send(MessageKind.ESCALATION, "escalation", number=told.step, to=told.to, answers=answers)

    def _escalation_over(self, told: Told) -> Effect:
        purpose = f"escalation-over-{told.step}"
        details: dict[str, Any] = {"number": told.step, "to": told.to, "answers": told.effect}
        if told.own_side:
            return self._tell(Reason.ESCALATION_OVER, purpose, **details)
        return self._send(MessageKind.ESCALATION, purpose, reason=Reason.ESCALATION_OVER, **details)

    def _send(self, message: MessageKind, purpose: str = "", **details: Any) -> Effect:
        unit = details.pop("recipient", addressee(self.before)) or Unit(None)
        to = {"recipient": unit.organization, "party": unit.party} if unit.organization is not None else {}
        return self._effect(EffectKind.SEND, purpose or message.value, message=message, **details, **to)

    def _resend(self) -> Effect:
        answers = self.before.notice_message
        return self._effect(EffectKind.RESEND, "resend", message=MessageKind.NOTICE, answers=answers)

    def _tell(self, reason: Reason, purpose: str = "", **details: Any) -> Effect:
        details["due"] = earliest(self.after.timers)
        return self._effect(EffectKind.TELL, f"tell-{purpose or reason.value}", reason=reason, **details)

    def _effect(self, kind: EffectKind, purpose: str, **details: Any) -> Effect:
        ident = effect_id(self.before.correlation_id, self.event.id, purpose)
        return Effect(id=ident, kind=kind, **details)

    def replacement_of(self, effect: Effect) -> Effect:
        """Returns the effect that replaces `effect` if consent does not allow it: a person is told."""
        return self._tell(Reason.NO_CONSENT, f"no-consent-{effect.id}", answers=effect.id)


def _differences(old: GreenForm, new: GreenForm) -> tuple[Reason, ...]:
    """Returns the reasons for which people are told of a form that replaces another: what it says anew."""
    plan = (old.plan_state, old.plan_starts) != (new.plan_state, new.plan_starts)
    found = [Reason.REPLACED] if holders(old).keys() != holders(new).keys() else []
    found += [Reason.PLAN_STATE] if plan else []
    return tuple(found) or (Reason.DETAILS,)


def told_next(before: Referral, event: Event, agreement: Agreement, step: int) -> Told:
    """Returns the contact who is told at this step (from 1) of the ladder, with the id of the effect."""
    contact = agreement.ladder[step - 1]
    own = contact.side is Side.HOSPITAL
    purpose = "tell-escalation" if own else "escalation"
    ident = effect_id(before.correlation_id, event.id, purpose)
    return Told(step=step, to=contact.name, effect=ident, own_side=own)


def ends_escalation(before: Referral, event: Event) -> bool:
    """True for an escalation that answers an earlier escalation instead of the notice: it says the form has come."""
    return event.kind is EventKind.ESCALATE and event.answers not in (None, before.notice_message)


def last_missing(referral: Referral) -> tuple[Missing, ...]:
    """Returns the items that the last incomplete form lacked."""
    lacking = (kept.missing for kept in reversed(referral.forms) if kept.status is FormStatus.INCOMPLETE)
    return next(lacking, ())
