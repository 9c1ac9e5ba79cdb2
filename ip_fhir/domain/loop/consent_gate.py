"""The consent gate: may this notice go to that organisation? Asked when it is decided, and again when it is sent.

A notice goes out with consent, or - when it asks only for a coordinator - on the section that makes that a duty. A duty
does not overrule a person who has said no: it takes the place of a consent that is not there, never of one refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.consent import ConsentKind
from ip_fhir.domain.consent.permission import AccessRequest, Allowed, Refused, Rule, permits
from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.people import numbers_agree
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.terms import COORDINATOR_DUTIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.referral import Referral

_KINDS = (ConsentKind.NOTICE, ConsentKind.SHARING)
_KINDS_FOR_PLAN = (*_KINDS, ConsentKind.PLAN)
_SILENT = (Rule.NO_CONSENT, Rule.NOT_GIVEN, Rule.PERIOD, Rule.REPRESENTATIVE)  # no valid yes, but nobody said no
_AFTER_WITHDRAWAL = {
    Role.HOSPITAL: (MessageKind.WITHDRAWAL,),
    Role.MUNICIPALITY: (MessageKind.ABORT_AGREED, MessageKind.CLOSURE),
}
_ENDS = (MessageKind.WITHDRAWAL, MessageKind.CANCELLATION, MessageKind.CLOSURE)


def gate(notice: Notice, agreement: Agreement, on: date, recipient: Organization | None = None) -> Allowed | Refused:
    """Whether the notice may go out on that day, to `recipient` (None: the one it names).

    Allowed without a consent id means: on a legal basis. Pure: the same arguments give the same answer.
    """
    kinds = _KINDS_FOR_PLAN if notice.kind.asks_for_plan else _KINDS
    pool = [c.evolve(kind=ConsentKind.NOTICE) for c in notice.consents if c.kind in kinds]
    request = _request(notice, agreement, on, recipient)
    answer = permits(pool, request, notice.related_persons)
    if isinstance(answer, Allowed) or not _is_duty(notice, agreement):
        return answer
    each = (permits([consent], request, notice.related_persons) for consent in pool)
    noes = (no for no in each if isinstance(no, Refused) and no.rule not in _SILENT)
    return next(noes, None) or Allowed(())


def may_send(referral: Referral, effect: Effect, agreement: Agreement, now: datetime) -> Allowed | Refused:
    """Whether this effect may go out now. What ends the loop may; a municipality answers on the notice's ground.

    Once consent is withdrawn, nothing goes out but the withdrawal, and the municipality's word that it has stopped.
    """
    leaves = effect.kind in (EffectKind.SEND, EffectKind.RESEND)
    if not leaves:
        return Allowed(())
    if referral.consent_gone is not None:
        says_only_that = effect.message in _AFTER_WITHDRAWAL[referral.role]
        return Allowed(()) if says_only_that else Refused(Rule.WITHDRAWN, "the consent is withdrawn")
    if effect.message in _ENDS:
        return Allowed(())
    if referral.role is Role.MUNICIPALITY and effect.recipient is None:
        return Allowed(())
    return gate(referral.notice, agreement, local_day(now), effect.recipient)


def _is_duty(notice: Notice, agreement: Agreement) -> bool:
    if notice.kind.asks_for_plan:
        return False
    return bool(COORDINATOR_DUTIES & {*notice.legal_basis, *agreement.legal_basis})


def _request(notice: Notice, agreement: Agreement, on: date, recipient: Organization | None) -> AccessRequest:
    # The kinds that count are asked as one: a yes to the notice and a no to the plan on one day disagree.
    to = notice.recipient if recipient is None else _known_as(notice, recipient)
    header_only = agreement.content_level is ContentLevel.HEADER
    areas = () if header_only else tuple(sorted({need.area for need in notice.needs if need.area is not None}))
    within = tuple(_above(notice, to))
    return AccessRequest(kind=ConsentKind.NOTICE, recipient=to, on=on, within=within, areas=areas)


def _known_as(notice: Notice, organization: Organization) -> str:
    """The notice's id of an organisation that comes from elsewhere, where ids mean other things."""
    for known in notice.organizations:
        if known == organization or numbers_agree(known, organization):
            return known.id
    return "(outside the notice)"  # no consent can name it: only what is said of everybody holds


def _above(notice: Notice, ident: str) -> Iterator[str]:
    """The organisations that one works within, from the nearest up."""
    known = {organization.id: organization for organization in notice.organizations}
    current = known.get(ident)
    while current is not None and current.part_of is not None:
        yield current.part_of
        current = known.get(current.part_of)
