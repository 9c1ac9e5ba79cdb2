"""The parties that take part in a plan on a day, and the persons of each.

A party takes part if a membership (accepted, returned) or a coordinator's place is in force in its name: that of
`on_behalf_of`, else of the organisation that the professional works for, and from there up the nearest that is a party.
Where there is none, the membership is "on paper". The owner, relatives and representatives are no participants: they
see the plan by `representatives`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from ip_fhir.domain.consent.matrix import organizations_above
from ip_fhir.domain.team import MembershipStatus
from ip_fhir.domain.values.value import Period

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.share import ServerReader, Share

Person: TypeAlias = tuple[str, tuple[str, ...]]
"""The id of somebody of whom consent is asked, and those of the organisations that they work within, from below."""

_IN_FORCE: Final = (MembershipStatus.ACCEPTED, MembershipStatus.RETURNED)


class Place(NamedTuple):
    """Somebody's place in a plan, in whose name and when. `id` is that of the membership or coordinator's place."""

    id: str
    person: str
    organization: str | None
    period: Period


@dataclass(frozen=True, slots=True)
class Participant:
    """A party that takes part on a day.

    `organizations` are the ids of all organisations in the plan that are this party's, `persons` those who take part
    that day, and `first_day` the first day of the earliest of their places; None: from the beginning.
    """

    party: str
    organizations: tuple[str, ...]
    persons: tuple[Person, ...]
    first_day: date | None


@dataclass(frozen=True, slots=True)
class Taking:
    """The participants of a plan on a day, and the ids of the places in the team that no party stands for."""

    parts: tuple[Participant, ...]
    on_paper: tuple[str, ...]


def nearest_parties(plan: IndividualPlan, find: Callable[[Organization], str | None]) -> dict[str, str]:
    """Returns for each organisation of the plan its party: its own, else that of the nearest organisation above.

    `find` returns the party that an organisation's own numbers identify, or None. Organisations without a party are
    left out.

    >>> from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, PlanOwner
    >>> from ip_fhir.domain.plan import IndividualPlan
    >>> trust = Organization(id="trust", name="Sykehuset", kind=OrganizationKind.HOSPITAL, her_id="1234")
    >>> ward = Organization(id="ward", name="Sengepost", kind=OrganizationKind.HOSPITAL, part_of="trust")
    >>> owner = PlanOwner(id="owner", name=PersonName(family="Testesen"))
    >>> plan = IndividualPlan(id="p", created="2026-01-12T08:40:00Z", owner=owner, organizations=(trust, ward))
    >>> nearest_parties(plan, lambda organization: "hospital" if organization.her_id == "1234" else None)
    {'trust': 'hospital', 'ward': 'hospital'}
    """
    own = {organization.id: find(organization) for organization in plan.organizations}
    above = {organization.id: organization.part_of for organization in plan.organizations}
    found: dict[str, str | None] = {}
    for start in above:
        trail = []
        here: str | None = start
        while here is not None and here not in found and own[here] is None:
            trail.append(here)
            here = above[here]
        party = None if here is None else found.get(here, own[here])
        found.update(dict.fromkeys([*trail, *([here] if here is not None else [])], party))
    return {ident: party for ident in above if (party := found[ident]) is not None}


def places_of(plan: IndividualPlan) -> Iterator[Place]:
    """Yields the places by which parties may take part: memberships that are accepted, and coordinators' places held.

    Not yielded are those of the owner and of related persons.
    """
    if plan.team is None:
        return
    works_for: dict[str, str | None] = {person.id: person.organization for person in plan.professionals}
    units = {organization.id for organization in plan.organizations}
    for one in plan.team.memberships:
        if one.status in _IN_FORCE and (one.member in works_for or one.member in units):
            name = one.on_behalf_of or (one.member if one.member in units else works_for[one.member])
            yield Place(one.id, one.member, name, one.period)
    for held in plan.team.coordinators:
        if held.holder is not None:
            yield Place(held.id, held.holder, works_for.get(held.holder), held.period)


def participants(plan: IndividualPlan, party_of: Mapping[str, str], on: date) -> Taking:
    """Returns who takes part in the plan on the day `on`; `party_of` is what `nearest_parties` returns.

    >>> from ip_fhir.domain.plan import IndividualPlan
    >>> from ip_fhir.domain.values.value import read
    >>> plan = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "organizations": [{"id": "school", "name": "Skolen", "kind": "school"}],
    ...     "team": {"id": "team", "memberships": [{"id": "m", "member": "school", "role": "service-provider"}]}}''')
    >>> participants(plan, {"school": "nordvik-skole"}, date(2026, 1, 12)).parts[0].persons
    (('school', ()),)
    >>> participants(plan, {}, date(2026, 1, 12)).on_paper
    ('m',)
    """
    units: dict[str, list[str]] = {}
    for organization, party in party_of.items():
        units.setdefault(party, []).append(organization)
    places: dict[str, list[Place]] = {}
    on_paper = []
    for place in places_of(plan):
        if not place.period.covers(on):
            continue
        name = party_of.get(place.organization or "")
        if name is None:
            on_paper.append(place.id)
        else:
            places.setdefault(name, []).append(place)
    above = organizations_above(plan, {organization.id for organization in plan.organizations})
    parts = (
        Participant(party, tuple(units[party]), persons_in(held, above), _first_day(held))
        for party, held in places.items()
    )
    return Taking(tuple(parts), tuple(on_paper))


def persons_in(places: Iterable[Place], above: Mapping[str | None, tuple[str, ...]]) -> tuple[Person, ...]:
    """Returns the persons of these places, each once; `above` gives for an organisation itself and those above it."""
    found: dict[Person, None] = {}
    for place in places:
        within = above[place.organization]
        found[place.person, within[1:] if place.person == place.organization else within] = None
    return tuple(found)


def _first_day(places: list[Place]) -> date | None:
    days = [place.period.start for place in places]
    return None if None in days else min(day for day in days if day is not None)


def is_of(side: Share | ServerReader, person: str, organization: str | None) -> bool:
    """True if a person with a place in the name of this organisation is one that the share is for, or of its reader."""
    return organization in side.organizations and side.person in (None, person)
