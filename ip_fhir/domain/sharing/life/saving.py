"""A new version of the plan, with all that follows for its shares; and the end of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.consent.ages import birth_dates
from ip_fhir.domain.merge import difference
from ip_fhir.domain.sharing.life import invitations, requests
from ip_fhir.domain.sharing.life.clocks import set_review_clocks
from ip_fhir.domain.sharing.life.handover import offering
from ip_fhir.domain.sharing.life.shares import is_over, look_at_shares
from ip_fhir.domain.sharing.life.table import Finding
from ip_fhir.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.life.step import Step

_BOOKKEEPING: Final = ("version", "updated", "author")


def save(step: Step) -> Finding:
    """Saves a plan: the first version, or the next one.

    The event's `based_on` (none: the plan's own version) is the version that it was changed from. Saving what is there
    makes no new version. Raises `Conflict` if another version is the newest, and `InvalidInput` if it is another plan
    or another person's.
    """
    plan, known = step.needed("plan"), step.case.plan
    finding = Finding.FIRST
    if step.before is not None and known is not None:
        _check(plan, known)
        based_on = step.event.based_on if step.event.based_on is not None else plan.version
        if based_on != known.version:
            raise Conflict(f"version {known.version} of the plan is here, and this one was changed from {based_on}")
        finding = Finding.CHANGED if _differs(plan, known) else Finding.UNCHANGED
        plan = known if finding is Finding.UNCHANGED else plan.evolve(version=known.version + 1, updated=step.event.at)
    step.evolve(plan=plan, referral=step.case.referral or step.event.referral)
    was_over = step.case.over
    settle(step)
    return Finding.OVER if step.case.over and not was_over else finding


def _check(plan: IndividualPlan, known: IndividualPlan) -> None:
    if plan.id != known.id:
        raise InvalidInput.at("plan.id", "is another plan", "invariant")
    if not is_same_person(plan.owner, known.owner):
        raise InvalidInput.at("plan.owner", "is another person than the plan's so far", "business-rule")


def is_same_person(one: PlanOwner, other: PlanOwner) -> bool:
    """True if two versions of a plan may be about one person: the id is the same, and nothing tells them apart.

    >>> from ip_fhir.domain.people import PersonName, PlanOwner
    >>> known = PlanOwner(id="owner", name=PersonName(family="Testesen"), birth_date="1990-05-04")
    >>> is_same_person(known.evolve(name=PersonName(family="Prøvesen")), known)
    True
    >>> is_same_person(known.evolve(id="another"), known)
    False
    """
    return one.id == other.id and may_be_one_person(one, other)


def may_be_one_person(one: PlanOwner, other: PlanOwner) -> bool:
    """True if two descriptions may be of one person: neither numbers of one register nor birth dates tell them apart.

    A name may change, and so may the register: a D-number gives way to a fødselsnummer. Ids are not compared.

    >>> from ip_fhir.domain.people import PersonName, PlanOwner
    >>> known = PlanOwner(id="owner", name=PersonName(family="Testesen"), birth_date="1990-05-04")
    >>> may_be_one_person(known.evolve(birth_date="1991-05-04"), known)
    False
    """
    numbers = [owner.identifier for owner in (one, other) if owner.identifier is not None]
    if len(numbers) > 1 and numbers[0] != numbers[1] and numbers[0].kind is numbers[1].kind:
        return False
    days = [set(birth_dates(owner)) for owner in (one, other)]
    return not all(days) or not days[0].isdisjoint(days[1])


def _differs(plan: IndividualPlan, known: IndividualPlan) -> bool:
    return any(one.field not in _BOOKKEEPING for one in difference(known, plan))


def settle(step: Step) -> None:
    """Brings everything up to date with plan and day: shares, invitations, reviews; ends what an ended plan ends."""
    look_at_shares(step)
    set_review_clocks(step)
    invitations.take_back_settled(step)
    offering.take_back_without_consent(step)
    if is_over(step.plan, step.on):
        requests.close(step)
        offering.take_back_offer(step)
