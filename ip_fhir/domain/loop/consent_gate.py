"""The consent gate: decides if a notice may be sent to an organisation, first at the decision and again at sending.

A notice is sent on a consent or, if it asks only for a coordinator, on a section of law that makes that a duty. A duty
replaces a missing consent, but never overrules a person who has said no.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.consent import Access, ConsentKind
from ip_fhir.domain.consent.permission import AccessRequest, Allowed, Refused, Rule, permits
from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.parties import are_one, may_be_one
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.terms import LegalBasis

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime

    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.consent.consent import Consent
    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.referral import Referral

_KINDS = (ConsentKind.NOTICE, ConsentKind.SHARING)
_KINDS_FOR_PLAN = (*_KINDS, ConsentKind.PLAN)
# No valid consent, but no refusal either.
_NO_VALID_CONSENT = (
    *(Rule.NO_CONSENT, Rule.NOT_GIVEN, Rule.PERIOD, Rule.REPRESENTATIVE),
    *(Rule.OF_AGE, Rule.AGE_NOT_KNOWN, Rule.UNDER_AGE),
)
_AFTER_WITHDRAWAL = {
    Role.HOSPITAL: (MessageKind.WITHDRAWAL,),
    Role.MUNICIPALITY: (MessageKind.ABORT_AGREED, MessageKind.CLOSURE),
}
_OUTSIDE = "(outside the notice)"  # no consent names this id: only consents for everybody apply
_ENDS = (MessageKind.WITHDRAWAL, MessageKind.CANCELLATION, MessageKind.CLOSURE)


def gate(
    notice: Notice,
    agreement: Agreement,
    on: date,
    recipient: Organization | None = None,
    theirs: frozenset[str] | None = None,
) -> Allowed | Refused:
    """Decides if the notice may be sent on the day `on` (Europe/Oslo) to `recipient` (None: the recipient it names).

    `theirs` are the ids of the organisations in the notice that are the recipient's party (None: it is not known). The
    recipient is that among them, or among all, with which every number that both give is equal, and at least one
    is; if it may be several, all must be allowed. One outside the notice must not be to whom a consent says no: also
    where no number tells them apart. `Allowed` without ids of consents means that the notice is sent on a legal basis.
    Pure: no clock.
    """
    if recipient is None:
        return _gate(notice, agreement, on, notice.recipient)
    among = [o for o in notice.organizations if theirs is None or o.id in theirs]
    meant = [o.id for o in among if are_one(o, recipient)] or sorted(theirs or ())
    possible = [o.id for o in notice.organizations if may_be_one(o, recipient) and _is_refused_by_name(notice, o.id)]
    answers = [_gate(notice, agreement, on, ident) for ident in meant or [_OUTSIDE, *possible]]
    return next((answer for answer in answers if isinstance(answer, Refused)), answers[0])


def _is_refused_by_name(notice: Notice, ident: str) -> bool:
    """True if a consent says no to this organisation, or to one above it."""
    names = {ident, *_organizations_above(notice, ident)}
    provisions = (provision for consent in notice.consents for provision in consent.provisions)
    return any(p.access is Access.DENY and not names.isdisjoint(p.recipients) for p in provisions)


def _gate(notice: Notice, agreement: Agreement, on: date, to: str) -> Allowed | Refused:
    kinds = _KINDS_FOR_PLAN if notice.kind.asks_for_plan else _KINDS
    pool = [c.evolve(kind=ConsentKind.NOTICE) for c in notice.consents if c.kind in kinds]
    request = _request(notice, agreement, on, to)
    answer = _permits(pool, request, notice, agreement)
    if isinstance(answer, Allowed) or answer.rule is Rule.DECEASED or not _is_duty(notice, agreement):
        return answer
    each = (_permits([consent], request, notice, agreement) for consent in pool)
    noes = (no for no in each if isinstance(no, Refused) and no.rule not in _NO_VALID_CONSENT)
    return next(noes, None) or Allowed(())


def _permits(
    consents: Iterable[Consent], request: AccessRequest, notice: Notice, agreement: Agreement
) -> Allowed | Refused:
    return permits(consents, request, notice.related_persons, notice.owner, agreement.ages)


def may_send(referral: Referral, effect: Effect, agreement: Agreement, now: datetime) -> Allowed | Refused:
    """Decides if this effect may be sent at `now` (with zone). Effects that are not sent are always allowed.

    After a withdrawal of consent, only the withdrawal and the municipality's confirmation that it has stopped may be
    sent. Else messages that end the loop are allowed, and a municipality may answer the sender of the notice.
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
    return gate(referral.notice, agreement, local_day(now), effect.recipient, _theirs(referral, effect))


def _theirs(referral: Referral, effect: Effect) -> frozenset[str] | None:
    """Returns the ids of the organisations in the notice that are the receiver's party; None if that is not known."""
    if effect.party is None or not referral.known:
        return None
    return frozenset(known.organization for known in referral.known if known.party == effect.party)


def _is_duty(notice: Notice, agreement: Agreement) -> bool:
    """True if a section of law that is about this kind of notice makes it a duty; no section stands in for a plan's."""
    return not DUTIES[notice.kind].isdisjoint({*notice.legal_basis, *agreement.legal_basis})


_COORDINATOR = frozenset({LegalBasis.PBRL_2_5B, LegalBasis.HOL_7_2, LegalBasis.SPHLSL_2_5A})
_CHILD_COORDINATOR = frozenset({LegalBasis.PBRL_2_5C, LegalBasis.HOL_7_2A})

DUTIES: dict[NoticeKind, frozenset[LegalBasis]] = {
    NoticeKind.PLAN: frozenset(),
    NoticeKind.PLAN_AND_COORDINATOR: frozenset(),
    NoticeKind.COORDINATOR: _COORDINATOR,
    NoticeKind.CHILD_COORDINATOR: _CHILD_COORDINATOR,
}
"""The sections that make a coordinator a duty, by the kind of notice that each is about: such a notice may go out
without consent. A plan always needs consent.

hpl § 38 a makes personnel notify, but what they tell is confidential, and consent applies (the directorate's guide,
13.5): it is no ground.
"""


def _request(notice: Notice, agreement: Agreement, on: date, to: str) -> AccessRequest:
    # `_gate` turns the kinds that count into one kind: a yes to the notice and a no to the plan on one day disagree.
    header_only = agreement.content_level is ContentLevel.HEADER
    areas = () if header_only else tuple(sorted({need.area for need in notice.needs if need.area is not None}))
    within = tuple(_organizations_above(notice, to))
    return AccessRequest(kind=ConsentKind.NOTICE, recipient=to, on=on, within=within, areas=areas)


def _organizations_above(notice: Notice, ident: str) -> Iterator[str]:
    """Yields the ids of the organisations above one, from the nearest up."""
    known = {organization.id: organization for organization in notice.organizations}
    current = known.get(ident)
    while current is not None and current.part_of is not None:
        yield current.part_of
        current = known.get(current.part_of)
