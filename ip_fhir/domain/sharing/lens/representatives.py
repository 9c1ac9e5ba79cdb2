"""The plan as the person's representatives see it: the owner sees all, and who has a mandate almost all.

A representative sees all but what the person has denied them by name. From the age at which a child may keep things
from its parents, a denial of its own counts against them; when the child consents alone, the parents' mandate is over.
Relatives and representatives have a view and no share: what they want otherwise is entered for them.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.consent.ages import LAW, first_day_at
from ip_fhir.domain.consent.consent import ConsentKind
from ip_fhir.domain.consent.permission import EXPLICIT_NOES, Speakers, Words, said_on, voice
from ip_fhir.domain.people import MandateKind
from ip_fhir.domain.plan_rules import references
from ip_fhir.domain.sharing.lens.cut import named_by, without_hidden_goals
from ip_fhir.domain.sharing.lens.index import ACTORS, WITH_AREAS, areas_of, index_of
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from ip_fhir.domain.consent.ages import ConsentAges
    from ip_fhir.domain.consent.consent import Consent
    from ip_fhir.domain.people import RelatedPerson
    from ip_fhir.domain.plan import IndividualPlan, Review

_GENERAL: Final = {
    **dict.fromkeys(("contributions", "cooperation"), ()),
    **dict.fromkeys(("title", "note", "follow_up", "evaluation", "coordinating_unit")),
}


def representative_view(
    plan: IndividualPlan, related_person_id: str, on: date, ages: ConsentAges = LAW
) -> IndividualPlan:
    """Returns the plan as a representative may see it on the Norwegian day `on`, with the plan's own ids.

    Where something is denied, consents, others' memberships, the author, and those whom nothing else names are left
    out, too. Raises `InvalidInput` (not-found, forbidden) if nobody has this id, or has no mandate that day.

    >>> from ip_fhir.domain.values.value import read
    >>> from ip_fhir.domain.plan import IndividualPlan
    >>> plan = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "needs": [{"id": "n1", "text": "Skyss", "area": "transport"},
    ...     {"id": "n2", "text": "Penger", "area": "economy"}], "related_persons": [{"id": "verge",
    ...     "name": {"family": "Verge"}, "relationship": "guardian", "mandate": {"kind": "guardian"}}],
    ...     "consents": [{"id": "c", "kind": "sharing", "given_on": "2026-01-12", "provisions":
    ...     [{"access": "deny", "recipients": ["verge"], "areas": ["economy"]}]}]}''')
    >>> [need.text for need in representative_view(plan, "verge", date(2026, 1, 12)).needs]
    ['Skyss']
    """
    person = next((one for one in plan.related_persons if one.id == related_person_id), None)
    if person is None:
        raise InvalidInput.at("related_persons", "nobody in the plan has this id", "not-found")
    speakers = Speakers.of(plan.owner, plan.related_persons, ages)
    if not _has_mandate(person, on, speakers):
        raise InvalidInput.at("related_persons", "has no mandate on this day", "forbidden")
    closed = {area for area in (None, *LifeArea) if _is_denied(plan, person, area, on, speakers)}
    return _without(plan, closed) if closed else plan


def _has_mandate(person: RelatedPerson, on: date, speakers: Speakers) -> bool:
    """True if the mandate holds that day. A parent's ends when the child is of age, and needs a known birth date."""
    mandate = person.mandate
    if mandate is None or not mandate.period.covers(on):
        return False
    of_age = speakers.days_of_age()
    return mandate.kind is not MandateKind.PARENT or (bool(of_age) and all(on < day for day in of_age))


def _is_denied(
    plan: IndividualPlan, person: RelatedPerson, area: LifeArea | None, on: date, speakers: Speakers
) -> bool:
    """True if the person has denied this area (None: content of none) to the representative by name."""
    said = []
    for consent in plan.consents:
        words = _words_by_name(consent, person, area, on)
        if words.provisions and _counts(consent, person, speakers):
            said.append((consent, voice(words, area, on, speakers)))
    yes = max((consent.given_on for consent, one in said if one.word == "own"), default=date.min)
    noes = ((consent, one) for consent, one in said if one.explicit)
    return any(one.rule not in EXPLICIT_NOES or said_on(consent) >= yes for consent, one in noes)


def _words_by_name(consent: Consent, person: RelatedPerson, area: LifeArea | None, on: date) -> Words:
    """Returns the words of a consent of the person's own to sharing that name the representative, for this area."""
    if consent.kind is not ConsentKind.SHARING or consent.given_by is not None:
        return Words(consent, ())
    named = (one for one in consent.provisions if person.id in one.recipients and one.period.covers(on))
    return Words(consent, tuple((2, one) for one in named if not one.areas or area in one.areas))


def _counts(consent: Consent, person: RelatedPerson, speakers: Speakers) -> bool:
    """True unless it is the word of a child, too young to keep things from its parents, against a parent."""
    days = (first_day_at(birth, speakers.ages.may_withhold) for birth in speakers.births)
    return person.id not in speakers.parents or not any(said_on(consent) < day for day in days)


def _without(plan: IndividualPlan, closed: set[LifeArea | None]) -> IndividualPlan:
    """Returns the plan without items of closed areas, and what would tell of them."""
    areas = areas_of(plan)
    fields: dict[str, Any] = {
        name: tuple(item for item in getattr(plan, name) if not closed.intersection(areas[item.id] or {None}))
        for name in WITH_AREAS
    }
    fields |= without_hidden_goals(fields, {goal.id for goal in fields["goals"]})
    fields |= {"consents": (), "author": None}
    if None in closed:
        fields |= _GENERAL
        fields["reviews"] = tuple(_day_and_kind(review) for review in plan.reviews)
    if plan.team is not None:
        name = None if None in closed else plan.team.name
        fields["team"] = plan.team.evolve(memberships=(), name=name)
    rest = plan.model_copy(update=fields)
    there = named_by((to for path, to in references(rest) if path.partition(".")[0] not in ACTORS), index_of(plan))
    kept = {name: tuple(one for one in getattr(plan, name) if one.id in there) for name in ACTORS}
    representatives = tuple(one for one in plan.related_persons if one.id in there or one.mandate is not None)
    return plan.evolve(**{**fields, **kept, "related_persons": representatives})


def _day_and_kind(review: Review) -> Review:
    return review.evolve(how=None, responsible=None, participants=(), outcome=None)
