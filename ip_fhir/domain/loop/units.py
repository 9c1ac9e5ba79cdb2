"""The units that a notice is or was with when it is passed on, and the unit that may speak for the municipality.

Only the hospital needs this: each unit has a referral of its own, with the hospital on the other side. Units are
compared by party (`Unit.is_same`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.green_form import FormDecision
from ip_fhir.domain.parties import Unit
from ip_fhir.domain.referral import EventKind, FormStatus, Role, State

if TYPE_CHECKING:
    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.referral import Event, KeptForm, Referral


def other_side(referral: Referral) -> Unit:
    """Returns the other side of a referral: the unit that the hospital sent it to, or for a unit the hospital."""
    notice = referral.notice
    ident = notice.recipient if referral.role is Role.HOSPITAL else notice.sender
    return Unit(notice.organization(ident), referral.party)


def addressee(referral: Referral) -> Unit | None:
    """Returns the unit that the notice was passed on to and that has it now.

    None if it was never passed on: then the unit that the hospital sent it to has it.
    """
    forms = _in_force(referral)
    passed_on = [number for number, kept in enumerate(forms) if kept.form.decision is FormDecision.FORWARDED]
    if not passed_on:
        return None
    last = forms[-1]
    if passed_on[-1] == len(forms) - 1:
        return Unit(_organization(last.form, last.form.forwarded_to), last.to_party)
    return Unit(_organization(last.form, last.form.sender), last.party)


def others(referral: Referral) -> tuple[Unit, ...]:
    """Returns the units that had the notice and have it no longer, in order; none if it was never passed on."""
    has_it = addressee(referral)
    if has_it is None:
        return ()
    given = [unit for kept in _in_force(referral) if (unit := forwarded_to(kept)) is not None]
    found: list[Unit] = []
    for unit in (other_side(referral), *given):
        if not any(unit.is_same(other) for other in (has_it, *found)):
            found.append(unit)
    return tuple(found)


def units(referral: Referral) -> tuple[Unit, ...]:
    """Returns every other unit that was given the notice, also by a form that was too late to be acted on."""
    first = (other_side(referral),) if referral.role is Role.HOSPITAL else ()
    given = (forwarded_to(kept) for kept in referral.forms)
    return (*first, *(unit for unit in given if unit is not None))


def forwarded_to(kept: KeptForm) -> Unit | None:
    """Returns the unit that a form passes the notice on to; None for a form that does not."""
    return unit_in(kept.form, kept.to_party)


def unit_in(form: GreenForm, party: str | None) -> Unit | None:
    """Returns the unit that a form passes the notice on to, which is this party; None for a form that does not."""
    unit = passed_on_in(form)
    return None if unit is None else Unit(unit, party)


def passed_on_in(form: GreenForm) -> Organization | None:
    """Returns the organisation that a form passes the notice on to, as it says; None for a form that does not."""
    return _organization(form, form.forwarded_to) if form.decision is FormDecision.FORWARDED else None


def has_passed_on(referral: Referral) -> bool:
    """True if this unit has passed the notice on; then the hospital deals with the other unit."""
    return passed_on_to(referral) is not None


def passed_on_to(referral: Referral) -> Unit | None:
    """Returns the unit that this unit has passed the notice on to; None if it has not, or has it again."""
    state = referral.resumes if referral.state is State.AWAITING_INFORMATION else referral.state
    if referral.role is not Role.MUNICIPALITY or state is not State.FORWARDED or not referral.forms:
        return None
    return forwarded_to(referral.forms[-1])


def speaks(referral: Referral, event: Event) -> bool:
    """True if the event comes from the unit that has the notice, or who sent it is not known.

    A question for information counts from every unit. A form from a unit that has passed the notice on is not refused
    here: `judge` compares the times of writing.
    """
    if event.raised_by is not Role.MUNICIPALITY or event.kind is EventKind.ASK_INFORMATION:
        return True
    sender = Unit(event.sender, event.party)
    return not any(sender.is_same(other) for other in others(referral))


def last_in_force(referral: Referral) -> GreenForm | None:
    """Returns the last form that was acted on; None if there is none, and always None at a unit."""
    return next((kept.form for kept in reversed(_in_force(referral))), None)


def _in_force(referral: Referral) -> list[KeptForm]:
    """Returns the forms that were acted on, at the hospital; none at a unit, which does not write to the next unit."""
    if referral.role is not Role.HOSPITAL:
        return []
    return [kept for kept in referral.forms if kept.status in (FormStatus.COMPLETE, FormStatus.REPLACES)]


def _organization(form: GreenForm, ident: str | None) -> Organization | None:
    return next((organization for organization in form.organizations if organization.id == ident), None)
