"""The people of a plan: its owner, the coordinators and how to reach them, the team, relatives and representatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.consent.protection import EVERY_PART, protected_persons, protection_of
from ip_fhir.domain.team import MembershipStatus
from ip_fhir.report.plans.layout import STEP, heading, labelled, paragraph, sentence
from ip_fhir.report.words.codes import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.people import Address, Mandate
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.team import Coordinator, Membership
    from ip_fhir.domain.values.value import Period
    from ip_fhir.report.plans.wording import Wording

_TAKING_PART = (MembershipStatus.ACCEPTED, MembershipStatus.RETURNED)
_GONE = (MembershipStatus.ENDED, MembershipStatus.DECLINED)


def owner_name(wording: Wording) -> str:
    """Returns the name of the plan's owner with the birth date, and the day of death where there is one."""
    owner = wording.plan.owner
    said = [owner.name.full]
    said += [f"{wording.label('born')} {wording.day(owner.birth_date)}"] if owner.birth_date else []
    said += [f"{wording.label('died')} {wording.day(owner.deceased)}"] if owner.deceased else []
    said += [wording.label("dead")] if owner.dead else []
    return ", ".join(said)


def owner_lines(wording: Wording) -> Iterator[str]:
    """Yields the ways to reach the owner, the address, and the language to speak."""
    owner = wording.plan.owner
    spoken = wording.spoken(owner.language) if owner.language else None
    interpreter = wording.label("interpreter") if owner.needs_interpreter else None
    yield from labelled(wording.label("reach"), wording.reached_by(owner.contacts))
    yield from labelled(wording.label("address"), _address(owner.address))
    yield from labelled(wording.label("speaks"), ", ".join(filter(None, (spoken, interpreter))))


def withheld_lines(wording: Wording, whole: IndividualPlan, released: Collection[LocatingPart]) -> Iterator[str]:
    """Yields which parts are not shown, where somebody in the `whole` plan has a protected address."""
    parts = [part for part in EVERY_PART if part not in released]
    if not parts or not protected_persons(whole):
        return
    grading = protection_of(whole)
    why = f" ({wording.word(grading)})" if grading is not None else ""
    text = f"{listed((wording.word(part) for part in parts), wording.language)}{why}"
    yield from labelled(wording.label("withheld"), text)


def _address(address: Address | None) -> str | None:
    if address is None:
        return None
    return ", ".join([*address.lines, " ".join(filter(None, (address.postal_code, address.city)))]) or None


def coordinator_lines(wording: Wording) -> Iterator[str]:
    """Yields the section of coordinators: those of the day with the ways to reach them, then earlier and later ones.

    Where nobody coordinates on the day, it says so, and how to reach the coordinating unit.
    """
    team = wording.plan.team
    places = team.coordinators if team is not None else ()
    now = [place for place in places if place.period.covers(wording.on) and not place.vacant]
    yield from heading(wording.label("coordinator"))
    for place in now:
        yield from _coordinator(wording, place)
    if not now:
        yield from paragraph(sentence(wording.label("nobody")))
    if team is not None:
        yield from labelled(wording.label("two-coordinators"), team.two_coordinators_reason)
    yield from _unit(wording)
    for place in places:
        if not place.period.covers(wording.on):
            who = wording.actor(place.holder) if place.holder else wording.label("nobody")
            text = sentence(f"{who}, {wording.word(place.kind)}", wording.period(place.period))
            yield from labelled(_when(wording, place.period), text)


def _coordinator(wording: Wording, place: Coordinator) -> Iterator[str]:
    person = wording.professionals[place.holder]
    kind = wording.word(place.kind)
    yield from labelled(f"{kind[:1].upper()}{kind[1:]}", wording.actor(place.holder))
    workplace = wording.names.get(person.organization)
    appointed = f"{wording.label('appointed-by')} {wording.names[place.appointed_by]}" if place.appointed_by else None
    yield from paragraph(workplace or "", STEP)
    yield from labelled(wording.label("reach"), wording.reached_by(person.contacts) or None, STEP)
    honoured = wording.label("wish-honoured") if place.wish_honoured else None
    yield from paragraph(sentence(wording.period(place.period), appointed, honoured), STEP)
    yield from labelled(wording.label("mentor"), wording.actor(place.mentor), STEP)
    if place.wish_honoured is False:
        yield from labelled(wording.label("wish-refused"), place.wish_reason, STEP)


def _unit(wording: Wording) -> Iterator[str]:
    unit = wording.organizations.get(wording.plan.coordinating_unit)
    if unit is not None:
        text = ", ".join(filter(None, (unit.name, wording.reached_by(unit.contacts))))
        yield from labelled(wording.label("unit"), text)


def _when(wording: Wording, period: Period) -> str:
    past = period.end is not None and period.end < wording.on
    return wording.label("earlier" if past else "later")


def team_lines(wording: Wording) -> Iterator[str]:
    """Yields the section of the team: who takes part on the day, who is asked, who comes later, who has left."""
    team = wording.plan.team
    if team is None or not team.memberships:
        return
    yield from heading(wording.label("team") if team.name is None else f"{wording.label('team')}: {team.name}")
    order = sorted(team.memberships, key=lambda one: _order(wording, one))
    for member in order:
        yield from paragraph(_member(wording, member), mark="- ")


def takes_part(member: Membership, on: date) -> bool:
    """True if somebody takes part on the day: asked members do not, nor do those who have declined or left."""
    return member.status in _TAKING_PART and member.period.covers(on)


def _order(wording: Wording, member: Membership) -> int:
    """Returns 0 for who takes part on the day, 1 for who is asked or comes later, 2 for who has left or declined."""
    over = member.period.end is not None and member.period.end < wording.on
    if member.status in _GONE or over:
        return 2
    return 0 if takes_part(member, wording.on) else 1


def _member(wording: Wording, member: Membership) -> str:
    role = member.role_text or wording.word(member.role)
    unit = member.on_behalf_of
    where = f"{wording.label('for')} {wording.names[unit]}" if unit is not None and unit != member.member else None
    who = ", ".join(filter(None, (f"{wording.actor(member.member)}: {role}", where)))
    status = None if _order(wording, member) == 0 else wording.word(member.status)
    if status is not None and member.status in _TAKING_PART:
        status = None  # the period says it
    task = f"{wording.label('task')}: {member.task}" if member.task else None
    return sentence(who, status, wording.period(member.period), task)


def relative_lines(wording: Wording) -> Iterator[str]:
    """Yields the section of relatives and representatives, with their mandates and the ways to reach them."""
    if wording.plan.related_persons:
        yield from heading(wording.label("relatives"))
    for person in wording.plan.related_persons:
        nearest = wording.label("next-of-kin") if person.next_of_kin else None
        who = ", ".join(filter(None, (wording.actor(person.id), nearest, wording.reached_by(person.contacts))))
        yield from paragraph(who, mark="- ")
        if person.mandate is not None:
            yield from labelled(wording.label("represents"), _mandate(wording, person.mandate), STEP - 1)


def _mandate(wording: Wording, mandate: Mandate) -> str:
    return sentence(f"{wording.word(mandate.kind)} {wording.period(mandate.period)}", mandate.scope)
