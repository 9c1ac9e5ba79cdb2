"""The units that a notice is or was with when it is passed on, and the unit that may speak for the municipality.

Only the hospital needs this: each unit has a referral of its own, with the hospital on the other side.
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
    """Returns the unit that the notice was passed on to and that has it now.

    None if it was never passed on: then the unit that the hospital sent it to has it.
    """
    forms = _in_force(referral)
    passed_on = [number for number, form in enumerate(forms) if form.decision is FormDecision.FORWARDED]
    if not passed_on:
        return None
    last = forms[-1]
    return _organization(last, last.forwarded_to if passed_on[-1] == len(forms) - 1 else last.sender)


def others(referral: Referral) -> tuple[Organization, ...]:
    """Returns the units that had the notice and have it no longer, in order; none if it was never passed on."""
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
    """Returns every unit that was given the notice, also by a form that was too late to be acted on."""
    late = (forwarded_to(kept.form) for kept in referral.forms)
    first = referral.notice.organization(referral.notice.recipient)
    return (first, *(unit for unit in late if unit is not None))


def forwarded_to(form: GreenForm) -> Organization | None:
    """Returns the unit that a form passes the notice on to; None for a form that does not."""
    return _organization(form, form.forwarded_to) if form.decision is FormDecision.FORWARDED else None


def has_passed_on(referral: Referral) -> bool:
    """True if this unit has passed the notice on; then the hospital deals with the other unit."""
    return passed_on_to(referral) is not None


def passed_on_to(referral: Referral) -> Organization | None:
    """Returns the unit that this unit has passed the notice on to; None if it has not, or has it again."""
    state = referral.resumes if referral.state is State.AWAITING_INFORMATION else referral.state
    if referral.role is not Role.MUNICIPALITY or state is not State.FORWARDED or not referral.forms:
        return None
    return forwarded_to(referral.forms[-1].form)


def speaks(referral: Referral, event: Event) -> bool:
    """True if the event comes from the unit that has the notice, or its sender is unknown.

    A question for information counts from every unit. A form from a unit that has passed the notice on is not refused
    here: `judge` compares the times of writing.
    """
    if event.raised_by is not Role.MUNICIPALITY or event.sender is None or event.kind is EventKind.ASK_INFORMATION:
        return True
    return not any(same_organization(event.sender, other) for other in others(referral))


def last_in_force(referral: Referral) -> GreenForm | None:
    """Returns the last form that was acted on; None if there is none, and always None at a unit."""
    return next(reversed(_in_force(referral)), None)


def _in_force(referral: Referral) -> list[GreenForm]:
    """Returns the forms that were acted on, at the hospital; none at a unit, which does not write to the next unit."""
    if referral.role is not Role.HOSPITAL:
        return []
    return [kept.form for kept in referral.forms if kept.status in (FormStatus.COMPLETE, FormStatus.REPLACES)]


def _organization(form: GreenForm, ident: str | None) -> Organization | None:
    return next((organization for organization in form.organizations if organization.id == ident), None)
