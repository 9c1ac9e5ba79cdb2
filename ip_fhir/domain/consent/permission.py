"""The function that decides who may see what: `permits`.

The person decides, for each recipient, life area and period. Silence is no consent, two consents that disagree are
refused, and a representative's consent counts only with a mandate on the day it was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, ConsentStatus, Provision
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ip_fhir.domain.people import RelatedPerson


class Rule(StrEnum):
    """The rules by which `permits` refuses, in the order in which they are checked."""

    NO_CONSENT = "no-consent"
    NOT_GIVEN = "not-given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    PERIOD = "period"
    REPRESENTATIVE = "representative"
    RECIPIENT = "recipient-or-area"
    DISAGREE = "disagree"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A question to `permits`: may `recipient`, who works `within` these organisations, see these `areas` on a day?

    `recipient` and `within` are ids in the plan or notice. Without `areas` the question is about content of no life
    area, and provisions for some areas do not apply.
    """

    kind: ConsentKind
    recipient: str
    on: date
    within: tuple[str, ...] = ()
    areas: tuple[LifeArea, ...] = ()


@dataclass(frozen=True, slots=True)
class Allowed:
    """The answer yes, with the ids of the consents that allow it (empty: on a legal basis)."""

    consents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer no, with the rule, the reason in words (without a person's data) and the ids of the consents."""

    rule: Rule
    reason: str
    consents: tuple[str, ...] = ()


def permits(
    consents: Iterable[Consent], request: AccessRequest, related_persons: Sequence[RelatedPerson] = ()
) -> Allowed | Refused:
    """Decides whether `request` is allowed for every area in it. Pure: the same arguments give the same answer.

    `related_persons` are needed for the mandates of representatives. Raises `InvalidInput` if `request` is no
    `AccessRequest`.
    """
    require(request, AccessRequest, "request")
    relevant = [consent for consent in consents if consent.kind is request.kind]
    if not relevant:
        return Refused(Rule.NO_CONSENT, f"there is no consent of the kind {request.kind}")
    grounds: list[str] = []
    for area in request.areas or (None,):
        answer = _decide(relevant, request, area, related_persons)
        if isinstance(answer, Refused):
            return answer
        grounds += answer.consents
    return Allowed(tuple(dict.fromkeys(grounds)))


def _decide(
    consents: list[Consent], request: AccessRequest, area: LifeArea | None, related_persons: Sequence[RelatedPerson]
) -> Allowed | Refused:
    """Returns the answer for one area; for None, the answer for content of no life area."""
    verdicts = [(consent, _verdict(consent, request, area, related_persons)) for consent in consents]
    yes = [consent for consent, rule in verdicts if rule is None]
    if not yes:
        consent, rule = max(((c, r) for c, r in verdicts if r is not None), key=_last_word)
        return Refused(rule, _REASONS[rule], (consent.id,))
    # A refusal or a withdrawal counts until a later yes is given.
    latest = max(consent.given_on for consent in yes)
    no = [
        c
        for c, rule in verdicts
        if _says_no(c, rule, request, area) and not (rule in _EXPLICIT_NOES and _said_on(c) < latest)
    ]
    if no:
        return Refused(Rule.DISAGREE, "two consents at the same time disagree", tuple(c.id for c in (*yes, *no)))
    return Allowed(tuple(consent.id for consent in yes))


_EXPLICIT_NOES = (Rule.REFUSED, Rule.WITHDRAWN)
_REASONS = {
    Rule.NOT_GIVEN: "the consent is a draft or not yet given",
    Rule.REFUSED: "the person said no",
    Rule.WITHDRAWN: "the consent is withdrawn",
    Rule.PERIOD: "the consent does not hold on that day",
    Rule.REPRESENTATIVE: "the one who consented had no mandate that day",
    Rule.RECIPIENT: "the consent does not cover this recipient or life area",
}


def _last_word(verdict: tuple[Consent, Rule]) -> tuple[bool, date, int]:
    """Returns the sort key that chooses the reason of a refusal: the latest consent, but not one still to be given."""
    consent, rule = verdict
    return rule is not Rule.NOT_GIVEN, _said_on(consent), list(Rule).index(rule)


def _said_on(consent: Consent) -> date:
    return consent.withdrawn_on or consent.given_on


def _verdict(
    consent: Consent, request: AccessRequest, area: LifeArea | None, related_persons: Sequence[RelatedPerson]
) -> Rule | None:
    """Returns None if the consent allows the request, else the first rule that refuses it."""
    ruling, _ = _ruling(consent, request, area)
    # Withdrawing a consent that was for one recipient says nothing about other recipients.
    concerned = ruling is Access.PERMIT or not consent.provisions
    checks = (
        (Rule.NOT_GIVEN, consent.status is ConsentStatus.DRAFT or consent.given_on > request.on),
        (Rule.REFUSED, concerned and consent.status is ConsentStatus.REFUSED),
        (Rule.WITHDRAWN, concerned and _withdrawn(consent, request.on)),
        (Rule.PERIOD, not consent.period.covers(request.on)),
        (Rule.REPRESENTATIVE, not _entitled(consent, related_persons)),
        (Rule.RECIPIENT, ruling is Access.DENY),
    )
    return next((rule for rule, broken in checks if broken), None)


def _withdrawn(consent: Consent, day: date) -> bool:
    return consent.withdrawn_on is not None and consent.withdrawn_on <= day


def _says_no(consent: Consent, rule: Rule | None, request: AccessRequest, area: LifeArea | None) -> bool:
    """True if a consent that does not allow the request says no explicitly, and is not only silent about it."""
    if rule is Rule.RECIPIENT:
        in_force = consent.status is not ConsentStatus.REFUSED and not _withdrawn(consent, request.on)
        return in_force and _ruling(consent, request, area)[1]
    return rule in _EXPLICIT_NOES


def _entitled(consent: Consent, related_persons: Sequence[RelatedPerson]) -> bool:
    if consent.given_by is None:
        return True
    return any(
        person.id == consent.given_by and person.mandate is not None and person.mandate.period.covers(consent.given_on)
        for person in related_persons
    )


def _ruling(consent: Consent, request: AccessRequest, area: LifeArea | None) -> tuple[Access, bool]:
    """Returns the answer of a consent, and True if it is explicit: by a provision, or by a consent without provisions.

    The most specific matching provision decides: one for the recipient, then for its organisation, then for all;
    among these, one for some life areas before one for all. Between equally specific ones, deny wins.
    """
    matching = [p for p in consent.provisions if _matches(p, request, area)]
    if not matching:
        return consent.access, not consent.provisions
    best = max(_specificity(p, request) for p in matching)
    decisive = [p.access for p in matching if _specificity(p, request) == best]
    return (Access.DENY if Access.DENY in decisive else Access.PERMIT), True


def _matches(provision: Provision, request: AccessRequest, area: LifeArea | None) -> bool:
    named = not provision.recipients or {request.recipient, *request.within} & set(provision.recipients)
    return bool(named) and (not provision.areas or area in provision.areas) and provision.period.covers(request.on)


def _specificity(provision: Provision, request: AccessRequest) -> tuple[int, int]:
    who = 2 if request.recipient in provision.recipients else 1 if provision.recipients else 0
    return who, 1 if provision.areas else 0
