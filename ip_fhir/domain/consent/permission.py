"""The function that decides who may see what: `permits`.

The person decides, for each recipient, life area and period. Silence is no consent, two consents that disagree are
refused, and a representative's consent counts only with a mandate on the day it was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, ConsentStatus, Provision
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ip_fhir.domain.people import RelatedPerson
    from ip_fhir.domain.values.value import Period


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
    relevant = [words_to(consent, request) for consent in consents if consent.kind is request.kind]
    if not relevant:
        return no_consent(request.kind)
    mandates = mandates_of(related_persons)
    grounds: list[str] = []
    for area in request.areas or (None,):
        answer = decide([(words.consent, voice(words, area, request.on, mandates)) for words in relevant])
        if isinstance(answer, Refused):
            return answer
        grounds += answer.consents
    return Allowed(tuple(dict.fromkeys(grounds)))


def no_consent(kind: ConsentKind) -> Refused:
    """Returns the answer where there is no consent of this kind."""
    return Refused(Rule.NO_CONSENT, f"there is no consent of the kind {kind}")


class Words(NamedTuple):
    """The words of a consent to one recipient: the provisions that name it, its organisations, or everybody.

    Before each stands how closely it names: 2 the recipient itself, 1 an organisation of it, 0 everybody.
    """

    consent: Consent
    provisions: tuple[tuple[int, Provision], ...]


class Voice(NamedTuple):
    """The voice of a consent on one day: yes (`rule` is None), or the first rule that refuses.

    `explicit` is True for a no that is said, and False for a consent that is only silent.
    """

    rule: Rule | None
    explicit: bool = False


Mandates: TypeAlias = "Mapping[str, Sequence[Period]]"
"""The periods of the mandates of representatives, by their id."""


def words_to(consent: Consent, request: AccessRequest) -> Words:
    """Returns the words of a consent to the recipient of a request."""
    within = set(request.within)
    named = ((_nearness(p, request.recipient, within), p) for p in consent.provisions)
    return Words(consent, tuple((near, provision) for near, provision in named if near is not None))


def _nearness(provision: Provision, recipient: str, within: set[str]) -> int | None:
    if not provision.recipients:
        return 0
    if recipient in provision.recipients:
        return 2
    return None if within.isdisjoint(provision.recipients) else 1


def mandates_of(related_persons: Iterable[RelatedPerson]) -> Mandates:
    """Returns the mandates of the persons who have one."""
    found: dict[str, list[Period]] = {}
    for person in related_persons:
        if person.mandate is not None:
            found.setdefault(person.id, []).append(person.mandate.period)
    return found


def decide(voices: Sequence[tuple[Consent, Voice]]) -> Allowed | Refused:
    """Returns the answer for one area and day; `voices` are those of all relevant consents, at least one."""
    yes = [consent for consent, said in voices if said.rule is None]
    if not yes:
        consent, rule = max(((c, said.rule) for c, said in voices if said.rule is not None), key=_last_word)
        return Refused(rule, _REASONS[rule], (consent.id,))
    # A refusal or a withdrawal counts until a later yes is given.
    latest = max(consent.given_on for consent in yes)
    no = [c for c, said in voices if said.explicit and not (said.rule in EXPLICIT_NOES and said_on(c) < latest)]
    if no:
        return Refused(Rule.DISAGREE, "two consents at the same time disagree", tuple(c.id for c in (*yes, *no)))
    return Allowed(tuple(consent.id for consent in yes))


EXPLICIT_NOES = (Rule.REFUSED, Rule.WITHDRAWN)
"""The noes that end with a later yes."""

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
    return rule is not Rule.NOT_GIVEN, said_on(consent), _ORDER[rule]


_ORDER = {rule: number for number, rule in enumerate(Rule)}


def said_on(consent: Consent) -> date:
    """Returns the day of the consent's last word: its withdrawal, or when it was given."""
    return consent.withdrawn_on or consent.given_on


def voice(words: Words, area: LifeArea | None, day: date, mandates: Mandates) -> Voice:
    """Returns the voice of a consent on a day, for one area; for None, for content of no life area."""
    consent = words.consent
    ruling, explicit = _ruling(words, area, day)
    # Withdrawing a consent that was for one recipient says nothing about other recipients.
    concerned = ruling is Access.PERMIT or not consent.provisions
    withdrawn = consent.withdrawn_on is not None and consent.withdrawn_on <= day
    refused = consent.status is ConsentStatus.REFUSED
    if consent.status is ConsentStatus.DRAFT or consent.given_on > day:
        return Voice(Rule.NOT_GIVEN)
    if concerned and refused:
        return Voice(Rule.REFUSED, explicit=True)
    if concerned and withdrawn:
        return Voice(Rule.WITHDRAWN, explicit=True)
    if not consent.period.covers(day):
        return Voice(Rule.PERIOD)
    if consent.given_by is not None and not _had_mandate(consent, mandates):
        return Voice(Rule.REPRESENTATIVE)
    if ruling is Access.DENY:
        return Voice(Rule.RECIPIENT, explicit=explicit and not refused and not withdrawn)
    return Voice(None)


def _had_mandate(consent: Consent, mandates: Mandates) -> bool:
    return any(period.covers(consent.given_on) for period in mandates.get(consent.given_by or "", ()))


def _ruling(words: Words, area: LifeArea | None, day: date) -> tuple[Access, bool]:
    """Returns the answer of a consent, and True if it is explicit: by a provision, or by a consent without provisions.

    The most specific matching provision decides: one for the recipient, then for its organisation, then for all;
    among these, one for some life areas before one for all. Between equally specific ones, deny wins.
    """
    matching = [
        (near, bool(p.areas), p.access)
        for near, p in words.provisions
        if (not p.areas or area in p.areas) and p.period.covers(day)
    ]
    if not matching:
        return words.consent.access, not words.consent.provisions
    best = max(matching)[:2]
    decisive = [access for near, by_area, access in matching if (near, by_area) == best]
    return (Access.DENY if Access.DENY in decisive else Access.PERMIT), True
