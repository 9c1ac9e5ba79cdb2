"""The decision: the effect of an event on a referral, by the table `table.TRANSITIONS` alone.

`decide` is pure: the same referral, event and agreement give the same decision, with the same ids. The time is
`event.at`. `forms` judges green forms, `timers` keeps the clocks, `effects` makes the effects, and `consent_gate`
decides which messages may be sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.consent.permission import Refused
from ip_fhir.domain.consent.protection import EVERY_PART, withheld
from ip_fhir.domain.loop.changes import changed
from ip_fhir.domain.loop.consent_gate import gate, may_send
from ip_fhir.domain.loop.content import left_out
from ip_fhir.domain.loop.effects import TransitionEffects, effect_id
from ip_fhir.domain.loop.forms import is_newer, is_overtaken, judge, too_late_to_answer
from ip_fhir.domain.loop.table import (
    BEGINS_ANEW,
    CAN_BE_OVERTAKEN,
    ONLY_BY_HOLDER,
    OVER,
    RESUMED,
    TRANSITIONS,
    UNDER_WAY,
    Outcome,
    Transition,
    find,
)
from ip_fhir.domain.loop.timers import due_timer, outcome_of_timer
from ip_fhir.domain.loop.units import has_passed_on, other_side, speaks
from ip_fhir.domain.parties import Unit
from ip_fhir.domain.referral import Event, EventKind, KnownParty, Record, Referral, Role, State
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import ConsentRefused, InvalidInput, LoopError, NotTaken, NotYet, Problem

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.notice import Notice


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of an event: the changed referral, the evidence, and the effects to carry out.

    `drops_waiting` is the reason for closing the outbox rows of the referral that wait to be sent, except those of
    `effects` (None: they stay). With `problems`, the message is kept but not acted on, and its sender gets a
    fatal-error receipt with them.
    """

    referral: Referral
    records: tuple[Record, ...] = ()
    effects: tuple[Effect, ...] = ()
    drops_waiting: str | None = None
    problems: tuple[Problem, ...] = ()


def open_referral(
    notice: Notice,
    role: Role,
    event: Event,
    agreement: Agreement,
    *,
    party: str | None = None,
    known: tuple[KnownParty, ...] = (),
    key: str | None = None,
) -> Decision:
    """Opens a loop: the hospital by SEND (state sent), the municipality by RECEIVE (state delivered).

    `party` is the name of the party on the other side (None: not known), which at the municipality need not be the one
    that brought the notice; `known` are the parties among the notice's organisations. `key` is the loop's key on this
    side (None: the notice's own correlation id).

    Raises `ConsentRefused` if the notice may not be sent, `LoopError` for any other event or role, and `InvalidInput`
    if the event carries another notice.
    """
    opens = {Role.HOSPITAL: EventKind.SEND, Role.MUNICIPALITY: EventKind.RECEIVE}
    if opens.get(role) is not event.kind:
        raise LoopError("a hospital opens a loop by sending a notice, and a municipality by receiving it")
    if event.notice is not None and event.notice != notice:
        raise InvalidInput.at("event.notice", "another notice than the one that opens the referral", "invariant")
    at = event.at
    draft = Referral(
        correlation_id=key or notice.correlation_id,
        role=role,
        state=State.DRAFT,
        notice=notice,
        party=party,
        known=known,
        opened=at,
        changed=at,
    )
    return _apply(draft, event, agreement, opening=True)


def decide(referral: Referral, event: Event, agreement: Agreement) -> Decision:
    """Returns the decision on `event`. Pure: `referral` is not changed, also not if an error is raised.

    Raises `LoopError` if the table has no row for the event; `InvalidInput` if the event lacks a field that its kind
    needs, or its form is refused (see `judge`); `ConsentRefused` if our own side asks to send something that consent
    does not allow; `NotYet` if the message arrived before an earlier one of the same sender that it follows.
    """
    return _apply(referral, event, agreement, opening=False)


def due_event(referral: Referral, now: datetime) -> Event | None:
    """Returns the TIME event of the timer that has been due longest; None if no timer is due at `now`.

    Deciding on the event removes the timer or sets a later one, so calling again until None comes to an end.
    """
    timer = due_timer(referral, now)
    if timer is None:
        return None
    purpose = f"{timer.kind}|{timer.step}|{timer.due.isoformat()}"
    ident = effect_id(referral.correlation_id, "time", purpose)
    return Event(id=ident, kind=EventKind.TIME, at=now, raised_by=Role.CLOCK)


def _apply(before: Referral, event: Event, agreement: Agreement, *, opening: bool) -> Decision:
    _check_fields(before, event)
    timer = due_timer(before, event.at)
    if event.kind is EventKind.TIME and event.raised_by is Role.CLOCK and timer is None:
        return Decision(before)  # another worker was here first: nothing happened, so there is nothing to record
    verdict = judge(before, event, event.form, agreement) if event.form and event.kind is EventKind.ANSWER else None
    row = _find_row(before, event, verdict.outcome if verdict else _outcome(before, event, agreement))
    after = changed(before, event, row, verdict, agreement)
    transition_effects = TransitionEffects(before, after, event, row.outcome, agreement)
    effects = _with_consent(after, event, agreement, transition_effects)
    note = f"{row.why}{_ground_in_words(before, event, agreement)}"
    record = Record(
        event=event,
        role=before.role,
        before=None if opening else before.state,
        after=after.state,
        note=note,
        effects=tuple(effect.id for effect in effects),
    )
    return Decision(after, (record,), effects, _drop_reason(before, event, row), _problems(before, row))


_NEEDED_FIELD: dict[EventKind, str] = {
    EventKind.ANSWER: "form",
    EventKind.RECEIPT_OK: "message_id",
    EventKind.RECEIPT_ERROR: "message_id",
}
_NEEDS_TEXT_FROM_OUR_SIDE = (EventKind.CLOSE, EventKind.FORWARD, EventKind.ASK_INFORMATION)


def needed_from_our_side(kind: EventKind) -> str | None:
    """Returns the field that an event of our own side must have besides its kind, `form` or `text`; None: nothing."""
    return _NEEDED_FIELD.get(kind) or ("text" if kind in _NEEDS_TEXT_FROM_OUR_SIDE else None)


def _check_fields(referral: Referral, event: Event) -> None:
    """Raises `InvalidInput` if the event lacks a field that its kind needs. Only our own side must give `text`."""
    ours = event.raised_by is referral.role
    needed = needed_from_our_side(event.kind) if ours else _NEEDED_FIELD.get(event.kind)
    if needed is not None and getattr(event, needed) is None:
        raise InvalidInput.at(f"event.{needed}", f"missing, and {event.kind} needs it", "required")


def _find_row(before: Referral, event: Event, outcome: Outcome) -> Transition:
    remote = event.raised_by is not before.role
    row = find(before.state, event.kind, event.raised_by, outcome)
    if row is None and remote:
        row = find(before.state, event.kind, event.raised_by, Outcome.CROSSED)
    if row is None:
        raise LoopError(_refusal(before, event, outcome))
    return row


_WHY_NOT: dict[Outcome, str] = {
    Outcome.CONSENT_GONE: "consent is withdrawn, or the hospital has ended the loop too",
    Outcome.PASSED_ON: "another unit has the notice, and decides",
    Outcome.LATE: "the form is older than what has happened since",
}
"""Reasons why an event is refused that the state alone does not say."""


def _refusal(before: Referral, event: Event, outcome: Outcome) -> str:
    """Returns the sentence that refuses an event; to our own side it says what is possible instead."""
    why = f", as {_WHY_NOT[outcome]}" if outcome in _WHY_NOT else ""
    said = f"the loop is {before.state}: {event.kind} is not possible for the {event.raised_by} now{why}"
    if event.raised_by is not before.role:
        return said
    possible = ", ".join(possible_events(before))
    return f"{said}; possible now: {possible}" if possible else f"{said}; nothing more can be done with it"


_OPENS_WITH_FORM = (
    Outcome.APPOINTED,
    Outcome.DECLINED,
    Outcome.REJECTED,
    Outcome.FORWARDED,
    Outcome.INCOMPLETE,
    Outcome.REPLACES,
)


def possible_events(referral: Referral) -> tuple[EventKind, ...]:
    """Returns the events that the side which stores the referral can raise now, withdrawal of consent first.

    They are those of the table: a green form that is refused for its content, or a message that consent does not
    allow, is not foreseen. What only a message, the transport or the clock brings is not among them.
    """
    kinds = sorted(OWN_EVENTS[referral.role], key=lambda kind: kind is not EventKind.WITHDRAW_CONSENT)
    return tuple(kind for kind in kinds if _is_possible(referral, kind))


OWN_EVENTS: dict[Role, tuple[EventKind, ...]] = {
    role: tuple(
        kind
        for kind in EventKind
        if kind is not EventKind.RECEIVE and any(row.event is kind and row.role is role for row in TRANSITIONS)
    )
    for role in (Role.HOSPITAL, Role.MUNICIPALITY)
}
"""The events that the people of each side may raise, by the table. `RECEIVE` comes by message alone."""


def _is_possible(referral: Referral, kind: EventKind) -> bool:
    role, state = referral.role, referral.state
    if kind is EventKind.ANSWER:
        rows = (find(state, kind, role, outcome) for outcome in _OPENS_WITH_FORM)
        return not too_late_to_answer(referral) and any(rows)
    event = Event(id="tried", kind=kind, at=referral.changed, raised_by=role)
    try:
        return find(state, kind, role, _outcome(referral, event, Agreement())) is not None
    except (LoopError, NotYet):
        return False


def _outcome(before: Referral, event: Event, agreement: Agreement) -> Outcome:
    """Returns the outcome of every event except a green form. Raises `LoopError` and `NotYet` as `decide` does."""
    kind, state = event.kind, before.state
    if kind in (EventKind.RECEIPT_OK, EventKind.RECEIPT_ERROR):
        of_notice = before.role is Role.HOSPITAL and event.message_id == before.notice_message
        return Outcome.OF_NOTICE if of_notice else Outcome.OF_ANOTHER
    if kind is EventKind.RECEIVE and before.role is Role.MUNICIPALITY:
        return _outcome_of_notice(before, event)
    if kind is EventKind.TIME and before.notice.owner.has_died:
        return Outcome.DECEASED
    if kind is EventKind.TIME:
        timer = due_timer(before, event.at)
        return outcome_of_timer(timer, before.role, agreement) if timer else Outcome.ALWAYS
    if _is_for_another_unit(before, event):
        return Outcome.PASSED_ON
    if state is State.CONFIRMED and kind in BEGINS_ANEW and is_newer(before, event):
        raise NotYet.at(
            "event", f"{kind} of what is {state}: that the coordinator has left comes first", "business-rule"
        )
    # In the first states no progress has been reported yet, so nothing can have been overtaken.
    if kind in CAN_BE_OVERTAKEN and state not in (*UNDER_WAY, State.DELIVERED) and is_overtaken(before, event):
        return Outcome.OVERTAKEN
    return _outcome_on_hold(before, event)


def _outcome_of_notice(before: Referral, event: Event) -> Outcome:
    """Returns the outcome of a notice that came in: the first, the same again, or a word of the person's death."""
    if before.state is State.DRAFT:
        if before.notice.owner.has_died:
            raise NotTaken.at("notice.owner", "the person is dead: no loop is opened", "business-rule")
        return Outcome.FIRST
    if _tells_of_death(before, event):
        return Outcome.REPEATED if before.state in OVER else Outcome.DECEASED
    if _is_sent_back(before, event):
        return Outcome.RETURNED
    if event.notice not in (None, before.notice) and not _is_ours(before, event):
        raise LoopError("another notice under this correlation id: one that was sent is not changed, but added to")
    return Outcome.REPEATED


def _tells_of_death(before: Referral, event: Event) -> bool:
    """True if the notice is the one that we have, but says that the person is dead."""
    if event.notice is None or not event.notice.owner.has_died:
        return False
    alive = event.notice.owner.evolve(deceased=None, dead=before.notice.owner.dead)
    return event.notice.evolve(owner=alive) == before.notice


def _is_for_another_unit(before: Referral, event: Event) -> bool:
    """True if the event comes from, or goes to, a unit that has passed the notice on and no longer decides."""
    if event.kind in (EventKind.ASK_ABORT, EventKind.WITHDRAW_CONSENT):
        return has_passed_on(before)
    return event.kind in ONLY_BY_HOLDER and not speaks(before, event)


def _is_sent_back(before: Referral, event: Event) -> bool:
    """True if another unit passes back to us a notice that we had and no longer work on."""
    return _is_ours(before, event) and (before.state is State.CLOSED or has_passed_on(before))


def _is_ours(before: Referral, event: Event) -> bool:
    """True if another unit passes our notice to us: only recipient and organisations differ from the one we had."""
    ours, theirs, by = before.notice, event.notice, Unit(event.sender, event.party)
    if theirs is None or by == Unit(None) or by.is_same(other_side(before)):
        return False
    same = ours.evolve(recipient=theirs.recipient, organizations=theirs.organizations)
    return withheld(theirs) == withheld(same)  # a unit that passes it on leaves out what it was not to pass on


def _outcome_on_hold(before: Referral, event: Event) -> Outcome:
    """Returns the outcome of events that end a hold or depend on the state before it; ALWAYS for all others."""
    kind, state = event.kind, before.state
    resumes = before.resumes or State.DELIVERED
    if kind is EventKind.GIVE_INFORMATION and state is State.AWAITING_INFORMATION:
        return RESUMED[resumes]
    if kind is EventKind.REFUSE_ABORT and state is State.CANCELLING:
        return Outcome.CONSENT_GONE if before.consent_gone else RESUMED[resumes]
    if kind is EventKind.AGREE_ABORT and before.consent_gone and state is State.CANCELLING:
        return Outcome.CONSENT_GONE
    if kind in (EventKind.CANCEL, EventKind.WITHDRAW_CONSENT) and state is State.AWAITING_INFORMATION:
        return Outcome.BEFORE_ACCEPTANCE if resumes is State.DELIVERED else Outcome.AFTER_ACCEPTANCE
    return Outcome.ALWAYS


def _with_consent(after: Referral, event: Event, agreement: Agreement, asked: TransitionEffects) -> tuple[Effect, ...]:
    """Returns the effects that consent allows. A refused effect of the clock or the other side becomes a worklist item.

    Raises `ConsentRefused` if our own side asked for it.
    """
    allowed: list[Effect] = []
    for effect in asked.effects():
        answer = may_send(after, effect, agreement, event.at)
        if not isinstance(answer, Refused):
            allowed.append(effect)
        elif event.raised_by is after.role:
            raise ConsentRefused(answer.rule, answer.reason)
        else:
            allowed.append(asked.replacement_of(effect))
    return tuple(allowed)


def _ground_in_words(before: Referral, event: Event, agreement: Agreement) -> str:
    """Returns the ground on which a notice is sent, and the kinds of content left out, in words for the evidence."""
    if event.kind is not EventKind.SEND:
        return ""
    answer = gate(before.notice, agreement, local_day(event.at))
    consents = () if isinstance(answer, Refused) else answer.consents
    ground = f"consent: {', '.join(consents)}" if consents else "legal basis"
    return f" ({'; '.join((ground, *left_out(before.notice, agreement.content_level, EVERY_PART)))})"


def _drop_reason(before: Referral, event: Event, row: Transition) -> str | None:
    """Returns the reason for closing waiting outbox rows (the loop ends, or the answer has come); None: they stay."""
    if event.kind is EventKind.WITHDRAW_CONSENT:
        return str(event.kind)
    if row.to is None or before.consent_gone:  # after a withdrawal, only the withdrawal itself waits
        return None
    if before.state is State.CONFIRMED and event.kind is EventKind.ANSWER:  # the first answer itself may wait
        return None
    if event.kind in (EventKind.CANCEL, EventKind.CLOSE, EventKind.AGREE_ABORT):
        return str(event.kind)
    if row.outcome is Outcome.DECEASED:
        return str(row.outcome)
    answers = (Outcome.APPOINTED, Outcome.DECLINED, Outcome.REJECTED)
    return "answered" if before.role is Role.HOSPITAL and row.outcome in answers else None


def _problems(before: Referral, row: Transition) -> tuple[Problem, ...]:
    """Returns the problem to tell the sender of a form that came after the end: it is kept, not acted on."""
    gone = (State.CANCELLED, State.WITHDRAWN, State.CLOSED)
    late = row.event is EventKind.ANSWER and row.outcome is Outcome.LATE and before.state in gone
    if not late and not (row.event is EventKind.ANSWER and row.to is State.WITHDRAWN):
        return ()
    return (Problem("form", f"the referral is {row.to or before.state}: kept, not acted on", "business-rule"),)
