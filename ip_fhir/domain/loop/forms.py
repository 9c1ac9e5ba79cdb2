"""The verdict on a green form (complete, incomplete, repeated, replacing, contradictory or late), and the coordinators.

Every form is kept. Two forms name the same coordinator if the HPR numbers are equal; without HPR numbers, if the
HER-ids are; without both, if the names are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from ip_fhir.domain.green_form import FormDecision, Missing, missing_items
from ip_fhir.domain.loop.table import OVER, Outcome
from ip_fhir.domain.loop.units import has_passed_on, last_in_force, speaks
from ip_fhir.domain.parties import Unit
from ip_fhir.domain.referral import EventKind, FormStatus, State
from ip_fhir.domain.team import two_at_once
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import date, datetime

    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.people import Professional
    from ip_fhir.domain.referral import Event, KeptForm, Referral
    from ip_fhir.domain.team import Coordinator, CoordinatorKind

HolderKey: TypeAlias = "tuple[CoordinatorKind, str]"
"""A kind of place, and a key of the person who holds it."""


@dataclass(frozen=True, slots=True)
class FormVerdict:
    """The verdict on a form: the outcome of the transition, the status to keep it with, and the items it lacks."""

    outcome: Outcome
    status: FormStatus
    missing: tuple[Missing, ...] = ()


_PROGRESS = (
    EventKind.ACCEPT,
    EventKind.ASSESS,
    EventKind.FORWARD,
    EventKind.ANSWER,
    EventKind.COORDINATOR_LEFT,
)
_REPEATED = FormVerdict(Outcome.REPEATED, FormStatus.REPEATED)
_CONTRADICTORY = FormVerdict(Outcome.CONTRADICTORY, FormStatus.CONTRADICTORY)
_LATE = FormVerdict(Outcome.LATE, FormStatus.LATE)
_BY_DECISION = {
    FormDecision.APPOINTED: Outcome.APPOINTED,
    FormDecision.DECLINED: Outcome.DECLINED,
    FormDecision.REJECTED: Outcome.REJECTED,
    FormDecision.FORWARDED: Outcome.FORWARDED,
}


def judge(referral: Referral, event: Event, form: GreenForm, agreement: Agreement) -> FormVerdict:
    """Returns the verdict on a form, given the forms and messages before it.

    Raises `InvalidInput` for a form of another referral, a second use of a form's id, and two coordinators at once if
    the agreement allows only one.
    """
    _check_form(referral, form, agreement)
    remote = event.raised_by is not referral.role
    if any(kept.form == form for kept in referral.forms):
        return _REPEATED
    if is_overtaken(referral, event) or _is_written_before_it_was_passed_on(referral, event, form):
        return _LATE
    missing = missing_items(form, referral.notice)
    if not remote and too_late_to_answer(referral):
        return FormVerdict(Outcome.CONSENT_GONE, FormStatus.LATE)  # the table has no row for it, so it is refused
    if not remote and missing and has_passed_on(referral):
        return FormVerdict(Outcome.PASSED_ON, FormStatus.LATE)  # no row either: another unit has the notice
    if remote and referral.state in OVER and not _overturns_rejection(referral, form, missing):
        return _LATE
    if missing:
        return FormVerdict(Outcome.INCOMPLETE, FormStatus.INCOMPLETE, missing)
    if referral.state is State.CONFIRMED and not speaks(referral, event):
        return _CONTRADICTORY  # two units have answered
    return _judge_complete(referral, form)


def is_overtaken(referral: Referral, event: Event) -> bool:
    """True if a newer message of the same sender was applied before this event.

    An event that reports progress is compared only with the newest message that reported progress.
    """
    newest = referral.stands if is_progress(event) else referral.heard
    return is_older(event, newest) and is_same_sender(referral, event)


def is_newer(referral: Referral, event: Event) -> bool:
    """True if the event was sent after the newest message of the same sender that reported progress."""
    newer = event.sent is not None and referral.stands is not None and event.sent > referral.stands
    return newer and is_same_sender(referral, event)


def is_progress(event: Event) -> bool:
    """True if the event reports the progress of the municipality's work."""
    return event.kind in _PROGRESS


def is_older(event: Event, than: datetime | None) -> bool:
    """True if the event was sent before `than`, both by the sender's clock; False if a time is unknown."""
    return event.sent is not None and than is not None and event.sent < than


def is_same_sender(referral: Referral, event: Event) -> bool:
    """True if the last message may be of the same sender; times of different senders must not be compared."""
    by, last = Unit(event.sender, event.party), Unit(referral.last_sender, referral.last_party)
    return by == Unit(None) or last == Unit(None) or by.is_same(last)


def _check_form(referral: Referral, form: GreenForm, agreement: Agreement) -> None:
    if form.answers != referral.notice.correlation_id:
        raise InvalidInput.at("form.answers", "the form belongs to another referral", "invariant")
    if any(kept.form.id == form.id and kept.form != form for kept in referral.forms):
        raise InvalidInput.at("form.id", "an earlier form has the same id and another content", "duplicate")
    if two_at_once(form.coordinators) and not agreement.two_coordinators_allowed:
        raise InvalidInput.at(
            "form.coordinators", "two main coordinators at once, where the agreement allows one", "business-rule"
        )


def _is_written_before_it_was_passed_on(referral: Referral, event: Event, form: GreenForm) -> bool:
    """True for a form of a unit that has passed the notice on, unless it is complete and newer than the last form."""
    if speaks(referral, event):
        return False
    last = last_in_force(referral)
    return bool(missing_items(form, referral.notice)) or (last is not None and form.authored <= last.authored)


def too_late_to_answer(referral: Referral) -> bool:
    """True if the municipality can only stop, as consent is gone, or the hospital has ended the loop too."""
    if referral.state is State.REJECTED:
        return referral.ended_there
    return referral.state is State.CANCELLING and referral.consent_gone is not None


def _overturns_rejection(referral: Referral, form: GreenForm, missing: tuple[Missing, ...]) -> bool:
    """True if the form overturns a rejection: the municipality names a coordinator after all, as on a complaint."""
    return referral.state is State.REJECTED and not missing and _outcome(form) is Outcome.APPOINTED


def _judge_complete(referral: Referral, form: GreenForm) -> FormVerdict:
    outcome = _outcome(form)
    if referral.state is State.CANCELLING and referral.consent_gone and outcome is not Outcome.FORWARDED:
        return FormVerdict(
            Outcome.CROSSED, FormStatus.LATE
        )  # written before the municipality knew that consent is gone
    if referral.state is not State.CONFIRMED:
        return FormVerdict(outcome, FormStatus.COMPLETE)
    if outcome is Outcome.DECLINED:
        return FormVerdict(outcome, FormStatus.COMPLETE)
    if outcome is Outcome.APPOINTED and referral.form is not None:
        return _judge_second(referral.form, form)
    return _CONTRADICTORY


def _outcome(form: GreenForm) -> Outcome:
    """Returns the outcome of the decision; a declined plan with a named coordinator is APPOINTED (pbrl § 2-5b)."""
    if form.decision is FormDecision.DECLINED and any(not c.vacant for c in form.coordinators):
        return Outcome.APPOINTED
    return _BY_DECISION[form.decision] if form.decision is not None else Outcome.INCOMPLETE


def _judge_second(old: GreenForm, new: GreenForm) -> FormVerdict:
    """Returns the verdict on a second complete form: repeated, replacing the first, late or contradictory."""
    before, after = holders(old), holders(new)
    replaces = FormVerdict(Outcome.REPLACES, FormStatus.REPLACES)
    if before.keys() == after.keys():
        return _REPEATED if _content(old) == _content(new) else replaces
    if new.authored < old.authored:
        return _LATE
    coming = [start for who, start in after.items() if who not in before]
    leaving = [start for who, start in before.items() if who not in after]
    if all(came > left for came in coming for left in leaving):
        return replaces
    return _CONTRADICTORY


def _content(form: GreenForm) -> GreenForm:
    """Returns the form without the fields that differ each time it is written."""
    return form.model_copy(update={"id": "-", "authored": None, "note": None})


def holders(form: GreenForm) -> dict[HolderKey, date]:
    """Returns the holders of places, each with the first day; the earliest day of a person who is named twice."""
    found: dict[HolderKey, date] = {}
    for coordinator in form.coordinators:
        person = form.professional(coordinator.holder)
        if person is None:
            continue
        who = (coordinator.kind, _person_key(person))
        start = coordinator.period.start or local_day(form.authored)
        found[who] = min(found.get(who, start), start)
    return found


def _person_key(person: Professional) -> str:
    if person.hpr_number is not None:
        return f"hpr {person.hpr_number}"
    return f"her {person.her_id}" if person.her_id is not None else " ".join(person.name.full.casefold().split())


def coordinators(referral: Referral) -> tuple[tuple[GreenForm, Coordinator], ...]:
    """Returns all past and present holders of places, in order, each with the form that names them.

    A place ends on the day before another person takes it over, or on the day (Europe/Oslo) its holder left. A person
    who comes back has a new period.
    """
    in_force = [kept for kept in referral.forms if kept.status in (FormStatus.COMPLETE, FormStatus.REPLACES)]
    found: list[tuple[GreenForm, Coordinator]] = []
    for number, kept in enumerate(in_force):
        until = in_force[number + 1] if number + 1 < len(in_force) else None
        for coordinator in kept.form.coordinators:
            held = _ended_by_later(kept, coordinator, until, referral.vacancies)
            if held is not None:
                found.append((kept.form, held))
    return tuple(found)


def _ended_by_later(
    kept: KeptForm, coordinator: Coordinator, until: KeptForm | None, vacancies: tuple[datetime, ...]
) -> Coordinator | None:
    """Returns the place, ended as later events require; None if vacant, or if the next form names the same holder."""
    if coordinator.vacant:
        return None
    person = kept.form.professional(coordinator.holder)
    left = next((at for at in vacancies if at >= kept.received and (until is None or at <= until.received)), None)
    if left is not None:
        return _with_last_day(coordinator, local_day(left))
    if until is None or person is None:
        return coordinator
    following = holders(until.form)
    if (coordinator.kind, _person_key(person)) in following:
        return None
    takes_over = min(following.values(), default=local_day(until.received))
    return _with_last_day(coordinator, takes_over - timedelta(days=1))


def _with_last_day(coordinator: Coordinator, day: date) -> Coordinator:
    """Returns the place with `day` as last day, or its own end if earlier, but not a day before its first day."""
    period = coordinator.period
    last = min(day, period.end or day)
    return coordinator.evolve(period=period.evolve(end=max(last, period.start or last)))
