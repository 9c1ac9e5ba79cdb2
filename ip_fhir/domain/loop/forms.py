"""What becomes of a green form: complete, incomplete, repeated, replacing, contradictory or late - and who coordinates.

Every form is kept. Two forms name the same coordinator when their HPR numbers agree, or HER-ids, or else the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from ip_fhir.domain.green_form import FormDecision, Missing, missing_items
from ip_fhir.domain.loop.table import OVER, Outcome
from ip_fhir.domain.loop.units import has_passed_on, last_in_force, speaks
from ip_fhir.domain.people import same_organization
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

Named: TypeAlias = "tuple[CoordinatorKind, str]"
"""A kind of place and a key for who holds it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a form amounts to: the side condition of the transition, the status it is kept with, and what it lacks."""

    outcome: Outcome
    status: FormStatus
    missing: tuple[Missing, ...] = ()


_SAY_HOW_FAR = (
    EventKind.ACCEPT,
    EventKind.ASSESS,
    EventKind.FORWARD,
    EventKind.ANSWER,
    EventKind.COORDINATOR_LEFT,
)
_REPEATED = Judged(Outcome.REPEATED, FormStatus.REPEATED)
_CONTRADICTORY = Judged(Outcome.CONTRADICTORY, FormStatus.CONTRADICTORY)
_LATE = Judged(Outcome.LATE, FormStatus.LATE)
_BY_DECISION = {
    FormDecision.APPOINTED: Outcome.APPOINTED,
    FormDecision.DECLINED: Outcome.DECLINED,
    FormDecision.REJECTED: Outcome.REJECTED,
    FormDecision.FORWARDED: Outcome.FORWARDED,
}


def judge(referral: Referral, event: Event, form: GreenForm, agreement: Agreement) -> Judged:
    """What the form amounts to, given what came before it.

    Raises `InvalidInput` for a form of another referral, a second use of a form's id, and two coordinators at once
    where the agreement allows one.
    """
    _check(referral, form, agreement)
    remote = event.raised_by is not referral.role
    if any(kept.form == form for kept in referral.forms):
        return _REPEATED
    if is_overtaken(referral, event) or _is_written_before_it_was_passed_on(referral, event, form):
        return _LATE
    missing = missing_items(form, referral.notice)
    if not remote and _too_late_to_answer(referral):
        return Judged(Outcome.CONSENT_GONE, FormStatus.LATE)  # there is no row for it
    if not remote and missing and has_passed_on(referral):
        return Judged(Outcome.PASSED_ON, FormStatus.LATE)  # nor for half an answer in another unit's place
    if remote and referral.state in OVER and not _overturns(referral, form, missing):
        return _LATE
    if missing:
        return Judged(Outcome.INCOMPLETE, FormStatus.INCOMPLETE, missing)
    if referral.state is State.CONFIRMED and not speaks(referral, event):
        return _CONTRADICTORY  # two units have answered
    return _judge_complete(referral, form)


def is_overtaken(referral: Referral, event: Event) -> bool:
    """Whether the same sender has sent something newer to the point, and that was applied before this.

    How far the work has come is told by the newest message that says so, whatever was said of other things since.
    """
    newest = referral.stands if says_how_far(event) else referral.heard
    return is_older(event, newest) and is_same_sender(referral, event)


def is_newer(referral: Referral, event: Event) -> bool:
    """Whether it was sent after the newest message of its sender that says how far the work has come."""
    newer = event.sent is not None and referral.stands is not None and event.sent > referral.stands
    return newer and is_same_sender(referral, event)


def says_how_far(event: Event) -> bool:
    """Whether it says how far the municipality has come."""
    return event.kind in _SAY_HOW_FAR


def is_older(event: Event, than: datetime | None) -> bool:
    """Whether it was sent before that moment, by the clock of its sender."""
    return event.sent is not None and than is not None and event.sent < than


def is_same_sender(referral: Referral, event: Event) -> bool:
    """Whether it is from whom we heard last, as far as can be told: the clocks of two do not compare."""
    by, last = event.sender, referral.last_sender
    return by is None or last is None or same_organization(by, last)


def _check(referral: Referral, form: GreenForm, agreement: Agreement) -> None:
    if form.answers != referral.correlation_id:
        raise InvalidInput.at("form.answers", "the form belongs to another referral", "invariant")
    if any(kept.form.id == form.id and kept.form != form for kept in referral.forms):
        raise InvalidInput.at("form.id", "an earlier form has the same id and another content", "duplicate")
    if two_at_once(form.coordinators) and not agreement.two_coordinators_allowed:
        raise InvalidInput.at(
            "form.coordinators", "two main coordinators at once, where the agreement allows one", "business-rule"
        )


def _is_written_before_it_was_passed_on(referral: Referral, event: Event, form: GreenForm) -> bool:
    """A unit that has passed the notice on may answer it after all: with a complete form, newer than the last."""
    if speaks(referral, event):
        return False
    last = last_in_force(referral)
    return bool(missing_items(form, referral.notice)) or (last is not None and form.authored <= last.authored)


def _too_late_to_answer(referral: Referral) -> bool:
    """The municipality knows that consent is gone and can only stop, or that the hospital has ended it too."""
    if referral.state is State.REJECTED:
        return referral.ended_there
    return referral.state is State.CANCELLING and referral.consent_gone is not None


def _overturns(referral: Referral, form: GreenForm, missing: tuple[Missing, ...]) -> bool:
    """A complaint was heard: the municipality that said no names a coordinator after all."""
    return referral.state is State.REJECTED and not missing and _outcome(form) is Outcome.APPOINTED


def _judge_complete(referral: Referral, form: GreenForm) -> Judged:
    outcome = _outcome(form)
    if referral.state is State.CANCELLING and referral.consent_gone and outcome is not Outcome.FORWARDED:
        return Judged(Outcome.CROSSED, FormStatus.LATE)  # it was done before the municipality knew
    if referral.state is not State.CONFIRMED:
        return Judged(outcome, FormStatus.COMPLETE)
    if outcome is Outcome.DECLINED:
        return Judged(outcome, FormStatus.COMPLETE)
    if outcome is Outcome.APPOINTED and referral.form is not None:
        return _compare(referral.form, form)
    return _CONTRADICTORY


def _outcome(form: GreenForm) -> Outcome:
    """By its decision; but who declines only the plan, and has a coordinator named, has one appointed (pbrl § 2-5b)."""
    if form.decision is FormDecision.DECLINED and any(not c.vacant for c in form.coordinators):
        return Outcome.APPOINTED
    return _BY_DECISION[form.decision] if form.decision is not None else Outcome.INCOMPLETE


def _compare(old: GreenForm, new: GreenForm) -> Judged:
    """A second complete form: the same says nothing new, a later coordinator replaces, else the two disagree."""
    before, after = named(old), named(new)
    replaces = Judged(Outcome.REPLACES, FormStatus.REPLACES)
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
    """The form without what differs each time it is written."""
    return form.model_copy(update={"id": "-", "authored": None, "note": None})


def named(form: GreenForm) -> dict[Named, date]:
    """Who holds which place, and from when; the earliest day where somebody is named twice."""
    found: dict[Named, date] = {}
    for coordinator in form.coordinators:
        person = form.professional(coordinator.holder)
        if person is None:
            continue
        who = (coordinator.kind, _key(person))
        start = coordinator.period.start or local_day(form.authored)
        found[who] = min(found.get(who, start), start)
    return found


def _key(person: Professional) -> str:
    if person.hpr_number is not None:
        return f"hpr {person.hpr_number}"
    return f"her {person.her_id}" if person.her_id is not None else " ".join(person.name.full.casefold().split())


def coordinators(referral: Referral) -> tuple[tuple[GreenForm, Coordinator], ...]:
    """Everybody who has held or holds a place, in order, each with the form that names them. Nobody is deleted.

    A place ends the day before another takes it over, or the day its holder left. Who comes back has a new period.
    """
    in_force = [kept for kept in referral.forms if kept.status in (FormStatus.COMPLETE, FormStatus.REPLACES)]
    found: list[tuple[GreenForm, Coordinator]] = []
    for number, kept in enumerate(in_force):
        until = in_force[number + 1] if number + 1 < len(in_force) else None
        for coordinator in kept.form.coordinators:
            held = _held(kept, coordinator, until, referral.vacancies)
            if held is not None:
                found.append((kept.form, held))
    return tuple(found)


def _held(
    kept: KeptForm, coordinator: Coordinator, until: KeptForm | None, vacancies: tuple[datetime, ...]
) -> Coordinator | None:
    """The place with the end that later events gave it; None when the next form only says the same again."""
    if coordinator.vacant:
        return None
    person = kept.form.professional(coordinator.holder)
    left = next((at for at in vacancies if at >= kept.received and (until is None or at <= until.received)), None)
    if left is not None:
        return _ended(coordinator, local_day(left))
    if until is None or person is None:
        return coordinator
    following = named(until.form)
    if (coordinator.kind, _key(person)) in following:
        return None
    takes_over = min(following.values(), default=local_day(until.received))
    return _ended(coordinator, takes_over - timedelta(days=1))


def _ended(coordinator: Coordinator, day: date) -> Coordinator:
    """With that last day, or the end it had if that is earlier; who never began is ended on the first day."""
    period = coordinator.period
    last = min(day, period.end or day)
    return coordinator.evolve(period=period.evolve(end=max(last, period.start or last)))
