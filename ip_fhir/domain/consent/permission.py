"""The function that decides who may see what: `permits`.

The person decides, for each recipient, life area and period. Silence is no consent, two consents that disagree are
refused, and a representative's consent counts only with a mandate on the day it was given. The word of a child does not
count alone, and that of a parent ends to count when the child consents alone (`ages`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from ip_fhir.domain.consent.ages import LAW, birth_dates, first_day_at
from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, ConsentStatus, Provision
from ip_fhir.domain.people import MandateKind, Relationship
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ip_fhir.domain.consent.ages import ConsentAges
    from ip_fhir.domain.people import Mandate, PlanOwner, RelatedPerson


class Rule(StrEnum):
    """The rules by which `permits` refuses, in the order in which they are checked."""

    DECEASED = "deceased"
    NO_CONSENT = "no-consent"
    NOT_GIVEN = "not-given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    PERIOD = "period"
    REPRESENTATIVE = "representative"
    OF_AGE = "of-age"
    AGE_NOT_KNOWN = "age-not-known"
    UNDER_AGE = "under-age"
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
    consents: Iterable[Consent],
    request: AccessRequest,
    related_persons: Sequence[RelatedPerson] = (),
    owner: PlanOwner | None = None,
    ages: ConsentAges = LAW,
) -> Allowed | Refused:
    """Decides whether `request` is allowed for every area in it. Pure: the same arguments give the same answer.

    `related_persons` are needed for the mandates of representatives, and `owner`, the person whom it is about, for the
    birth date. Where that is not known, a parent's yes does not count. Raises `InvalidInput` if `request` is no
    `AccessRequest`.
    """
    require(request, AccessRequest, "request")
    if owner is not None and owner.has_died and request.kind is ConsentKind.NOTICE:
        return Refused(Rule.DECEASED, "the person is dead: nobody is notified or reminded")
    relevant = [words_to(consent, request) for consent in consents if consent.kind is request.kind]
    if not relevant:
        return no_consent(request.kind)
    speakers = Speakers.of(owner, related_persons, ages)
    grounds: list[str] = []
    for area in request.areas or (None,):
        voices = [(words.consent, voice(words, area, request.on, speakers)) for words in relevant]
        answer = decide(voices, to_parent=request.recipient in speakers.parents)
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


Word: TypeAlias = Literal["own", "kept"]
"""The person's own word, where it matters between child and parents.

`own` is a yes, also of a child whose yes does not count alone; `kept` is the no of a child who is old enough to keep
things from the parents.
"""


class Voice(NamedTuple):
    """The voice of a consent on one day: yes (`rule` is None), or the first rule that refuses.

    `explicit` is True for a no that is said, and False for a consent that is only silent. `word` tells whose word it is
    where that matters between child and parents.
    """

    rule: Rule | None
    explicit: bool = False
    word: Word | None = None


@dataclass(frozen=True, slots=True)
class Speakers:
    """Those who may consent: the person, born on one of `births` (none: not known), and representatives by id.

    If two birth dates are known and differ, a yes must count by both. `parents` are the ids of the parents, as far as
    the relationship or the mandate tells.
    """

    births: tuple[date, ...]
    mandates: Mapping[str, Sequence[Mandate]]
    parents: frozenset[str]
    ages: ConsentAges

    @classmethod
    def of(cls, owner: PlanOwner | None, related_persons: Iterable[RelatedPerson], ages: ConsentAges) -> Speakers:
        """Returns the speakers around a person."""
        mandates: dict[str, list[Mandate]] = {}
        parents = set()
        for person in related_persons:
            if person.mandate is not None:
                mandates.setdefault(person.id, []).append(person.mandate)
            if person.relationship in _PARENTS or (person.mandate and person.mandate.kind is MandateKind.PARENT):
                parents.add(person.id)
        births = () if owner is None else birth_dates(owner)
        return cls(births, mandates, frozenset(parents), ages)

    def grounds(self, consent: Consent) -> list[MandateKind]:
        """Returns the grounds on which a representative could speak on the day that the consent was given."""
        held = self.mandates.get(consent.given_by or "", ())
        return [mandate.kind for mandate in held if mandate.period.covers(consent.given_on)]

    def days_of_age(self) -> tuple[date, ...]:
        """Returns the days on which the parents' word ends to count: one for each birth date that is known."""
        return tuple(first_day_at(birth, self.ages.health_consent) for birth in self.births)

    def obstacle(self, consent: Consent, day: date) -> Rule | None:
        """Returns the rule by age for which the yes of this consent does not count on `day`; None if it counts.

        The person's own yes counts by the age on the day it was given. A parent's counts until the child is of age.
        """
        if consent.given_by is None:
            return Rule.UNDER_AGE if any(consent.given_on < of_age for of_age in self.days_of_age()) else None
        if any(kind is not MandateKind.PARENT for kind in self.grounds(consent)) or not self._by_parent(consent):
            return None
        days = self.days_of_age()
        if days and all(of_age <= day for of_age in days):
            return Rule.OF_AGE
        return Rule.AGE_NOT_KNOWN if not days or any(of_age <= day for of_age in days) else None

    def _by_parent(self, consent: Consent) -> bool:
        held = self.mandates.get(consent.given_by or "", ())
        return bool(held) and all(mandate.kind is MandateKind.PARENT for mandate in held)

    def word(self, consent: Consent, rule: Rule | None) -> Word | None:
        """Returns whose word a consent is; `rule` is that by which it says no."""
        if consent.given_by is not None:
            return None
        if rule not in EXPLICIT_NOES:
            return "own" if rule in (None, Rule.UNDER_AGE) else None
        said, first, last = said_on(consent), self.ages.may_withhold, self.ages.health_consent
        between = (first_day_at(birth, first) <= said < first_day_at(birth, last) for birth in self.births)
        return "kept" if any(between) else None


_PARENTS = (Relationship.MOTHER, Relationship.FATHER)


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


def decide(voices: Sequence[tuple[Consent, Voice]], *, to_parent: bool = False) -> Allowed | Refused:
    """Returns the answer for one area and day; `voices` are those of all relevant consents, at least one.

    `to_parent` is True for a recipient who is the person's parent: then a child who is old enough to keep things from
    the parents has the last word.
    """
    yes = [consent for consent, said in voices if said.rule is None]
    if not yes:
        consent, rule = max(((c, said.rule) for c, said in voices if said.rule is not None), key=_last_word)
        return Refused(rule, _REASONS[rule], (consent.id,))
    # A refusal or a withdrawal counts until a later yes is given; one kept from a parent, until the child's own.
    latest = max(consent.given_on for consent in yes)
    own = max((c.given_on for c, said in voices if said.word == "own"), default=date.min)
    ends: dict[Word | None, date] = {"kept": min(own, latest)} if to_parent else {}
    no = [consent for consent, said in voices if said.explicit and not _is_over(consent, said, latest, ends)]
    if no:
        return Refused(Rule.DISAGREE, "two consents at the same time disagree", tuple(c.id for c in (*yes, *no)))
    return Allowed(tuple(consent.id for consent in yes))


def _is_over(consent: Consent, said: Voice, latest: date, ends: Mapping[Word | None, date]) -> bool:
    """True for a no that a later yes has ended: one given by `latest`, or by the day in `ends` for the word's kind."""
    return said.rule in EXPLICIT_NOES and said_on(consent) < ends.get(said.word, latest)


EXPLICIT_NOES = (Rule.REFUSED, Rule.WITHDRAWN)
"""The noes that end with a later yes."""

_REASONS = {
    Rule.NOT_GIVEN: "the consent is a draft or not yet given",
    Rule.REFUSED: "the person said no",
    Rule.WITHDRAWN: "the consent is withdrawn",
    Rule.PERIOD: "the consent does not hold on that day",
    Rule.REPRESENTATIVE: "the one who consented had no mandate that day",
    Rule.OF_AGE: "a parent consented for somebody who is old enough to consent alone",
    Rule.AGE_NOT_KNOWN: "a parent consented, and the birth date is not known for certain",
    Rule.UNDER_AGE: "the person was too young to consent alone",
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


def voice(words: Words, area: LifeArea | None, day: date, speakers: Speakers) -> Voice:
    """Returns the voice of a consent on a day, for one area; for None, for content of no life area."""
    said = _voice(words, area, day, speakers)
    return said._replace(word=speakers.word(words.consent, said.rule))


def _voice(words: Words, area: LifeArea | None, day: date, speakers: Speakers) -> Voice:
    consent = words.consent
    obstacle = speakers.obstacle(consent, day)
    ruling, explicit = _ruling(words, area, day)
    # Withdrawing a consent that was for one recipient says nothing about other recipients.
    concerned = ruling is Access.PERMIT or not consent.provisions
    withdrawn = consent.withdrawn_on is not None and consent.withdrawn_on <= day
    refused = consent.status is ConsentStatus.REFUSED
    if consent.status is ConsentStatus.DRAFT or consent.given_on > day:
        return Voice(Rule.NOT_GIVEN)
    if concerned and refused and obstacle is not Rule.OF_AGE:
        return Voice(Rule.REFUSED, explicit=True)
    if concerned and withdrawn:
        return Voice(Rule.WITHDRAWN, explicit=True)
    if not consent.period.covers(day):
        return Voice(Rule.PERIOD)
    if consent.given_by is not None and not speakers.grounds(consent):
        return Voice(Rule.REPRESENTATIVE)
    if obstacle is Rule.OF_AGE:
        return Voice(Rule.OF_AGE)
    if ruling is Access.DENY:
        return Voice(Rule.RECIPIENT, explicit=explicit and not refused and not withdrawn)
    return Voice(obstacle)


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
