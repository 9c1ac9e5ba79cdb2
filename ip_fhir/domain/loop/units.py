"""Which unit has a notice that was passed on, which have had it, and who may speak for the municipality.

Only the hospital needs to know: each unit has a referral of its own, with the hospital on the other side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.green_form import FormDecision
from ip_fhir.domain.people import same_organization
from ip_fhir.domain.referral import EventKind, FormStatus, Role, State

if TYPE_CHECKING:
    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.referral import Event, Referral


def addressee(referral: Referral) -> Organization | None:
    """The unit that has the notice, where it was passed on. None: the one that the hospital sent it to."""
    forms = _in_force(referral)
    passed_on = [number for number, form in enumerate(forms) if form.decision is FormDecision.FORWARDED]
    if not passed_on:
        return None
    last = forms[-1]
    return _organization(last, last.forwarded_to if passed_on[-1] == len(forms) - 1 else last.sender)


def others(referral: Referral) -> tuple[Organization, ...]:
    """The units that were given the notice and do not have it any more, in order; none where it was never passed on."""
    has_it = addressee(referral)
    if has_it is None:
        return ()
    given = [forwarded_to(form) for form in _in_force(referral)]
    found: list[Organization] = []
    for unit in (referral.notice.organization(referral.notice.recipient), *filter(None, given)):
        if not any(same_organization(unit, other) for other in (has_it, *found)):
            found.append(unit)
    return tuple(found)


def units(referral: Referral) -> tuple[Organization, ...]:
    """Every unit that was given the notice, also one to which it was passed on too late to be acted on."""
    late = (forwarded_to(kept.form) for kept in referral.forms)
    first = referral.notice.organization(referral.notice.recipient)
    return (first, *(unit for unit in late if unit is not None))


def forwarded_to(form: GreenForm) -> Organization | None:
    """The unit that a form passes the notice on to."""
    return _organization(form, form.forwarded_to) if form.decision is FormDecision.FORWARDED else None


def has_passed_on(referral: Referral) -> bool:
    """Whether this unit has itself sent the notice on: then the hospital deals with the other one."""
    return passed_on_to(referral) is not None


def passed_on_to(referral: Referral) -> Organization | None:
    """The unit that this unit has sent the notice on to, while that one has it."""
    stands = referral.resumes if referral.state is State.AWAITING_INFORMATION else referral.state
    if referral.role is not Role.MUNICIPALITY or stands is not State.FORWARDED or not referral.forms:
        return None
    return forwarded_to(referral.forms[-1].form)


def speaks(referral: Referral, event: Event) -> bool:
    """Whether what a unit says counts: it has the notice, or there is no telling who said it.

    A unit that has passed it on is heard all the same when it asks for information, and when it answers with a form,
    which is judged by when it was written.
    """
    if event.raised_by is not Role.MUNICIPALITY or event.sender is None or event.kind is EventKind.ASK_INFORMATION:
        return True
    return not any(same_organization(event.sender, other) for other in others(referral))


def last_in_force(referral: Referral) -> GreenForm | None:
    """The last form that was acted on."""
    return next(reversed(_in_force(referral)), None)


def _in_force(referral: Referral) -> list[GreenForm]:
    """The forms that were acted on. Of the hospital only: a unit does not write to the one it passes a notice to."""
    if referral.role is not Role.HOSPITAL:
        return []
    return [kept.form for kept in referral.forms if kept.status in (FormStatus.COMPLETE, FormStatus.REPLACES)]


def _organization(form: GreenForm, ident: str | None) -> Organization | None:
    return next((organization for organization in form.organizations if organization.id == ident), None)
