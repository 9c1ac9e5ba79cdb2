"""The policy of a share: the life areas that are open to it on a day, since when and until when, and what turns it.

Consent is asked about every person of the party who takes part that day, and of each other party that reads the server
on its way: an area is open only if all are allowed. Only consents of the kind `sharing` count. Days are Norwegian days.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.ages import LAW, birth_dates, first_day_at
from ip_fhir.domain.consent.consent import ConsentKind
from ip_fhir.domain.consent.permission import Allowed
from ip_fhir.domain.sharing.lens.index import areas_of, index_of
from ip_fhir.domain.sharing.participants import is_of, persons_in
from ip_fhir.domain.sharing.view import Opening
from ip_fhir.domain.values.terms import LifeArea

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ip_fhir.domain.consent.answers import Answer
    from ip_fhir.domain.consent.consent import Consent
    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.lens.basis import Basis
    from ip_fhir.domain.sharing.participants import Person
    from ip_fhir.domain.sharing.share import ServerReader, Share
    from ip_fhir.domain.values.value import Period

__all__ = [
    "Policy",
    "Terms",
    "areas_of",
    "consents_of",
    "holds_until",
    "next_turn",
    "openings",
    "people_of",
    "policy_of",
    "terms_of",
]

Open: TypeAlias = frozenset[LifeArea | None]
"""Life areas that are open; None is content of no area."""

_EVERYTHING: Final[Open] = frozenset((None, *LifeArea))
_COLUMNS: Final = (None, *LifeArea)
_ONE_DAY: Final = timedelta(days=1)
_OF_AGE: Final = 18
_ALL_AREAS: Final = len(LifeArea)
_LEVELS: Final = tuple(ContentLevel)  # each includes the one before it


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of a share on a day: the life areas that are open, and `general`, if content of no area is.

    `level` is how much of it the agreement lets through; `released` are the parts that were ticked for it and that lead
    to persons with a protected address. What is not so for every side of the share is not so.
    """

    areas: frozenset[LifeArea]
    general: bool
    level: ContentLevel
    released: frozenset[LocatingPart]

    def lets(self, areas: frozenset[LifeArea]) -> bool:
        """True if an item of these life areas may be seen: all of them are open; of none, content of no area is."""
        return areas <= self.areas if areas else self.general

    @property
    def opens_all(self) -> bool:
        """True if no area is closed, and content of no area is not either."""
        return self.general and len(self.areas) == _ALL_AREAS

    @property
    def opens_nothing(self) -> bool:
        """True if nothing is open: no more is seen than that there is a plan, and who coordinates."""
        return not self.general and not self.areas


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms that a view tells: the policy of its day, when areas are open, and until when it holds."""

    policy: Policy
    openings: tuple[Opening, ...]
    holds_until: date | None


def policy_of(plan: IndividualPlan, share: Share, on: date) -> Policy:
    """Returns the policy of a share on the day `on`. Nothing is open if nobody of one of its sides takes part then."""
    basis = index_of(plan).basis
    return basis.once(("policy", on, *_decides(share)), lambda: _policy(_open_on(basis, share, on), share))


def people_of(plan: IndividualPlan, share: Share, on: date) -> tuple[Person, ...]:
    """Returns the persons that consent is asked about for a share on the day `on`; empty: nobody takes part.

    They are all who take part that day in the name of the share's organisations, or the one person it is for.
    """
    return _persons_on(index_of(plan).basis, share, on)


def consents_of(plan: IndividualPlan, share: Share, on: date) -> tuple[str, ...]:
    """Returns the ids of the consents to sharing by which something is open by this share on the day `on`."""
    basis, now = index_of(plan).basis, policy_of(plan, share, on)
    return basis.once(("consents", on, *_decides(share)), lambda: _consents(basis, share, on, now))


def _consents(basis: Basis, share: Share, on: date, now: Policy) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for answers in _answers_on(basis, share, on):
        for area, answer in answers.items():
            if isinstance(answer.given, Allowed) and (now.general if area is None else area in now.areas):
                found |= dict.fromkeys(answer.given.consents)
    return tuple(found)


def _decides(share: Share) -> tuple[Any, ...]:
    """Returns all of a share that decides, with the plan, what is open to it."""
    return share.organizations, share.person, share.level, share.ages, share.released, share.readers


def openings(plan: IndividualPlan, share: Share, on: date) -> tuple[Opening, ...]:
    """Returns the areas that are open on the day `on`, each with its first day since the share began, and its last."""
    return terms_of(plan, share, on).openings


def holds_until(plan: IndividualPlan, share: Share, on: date) -> date | None:
    """Returns the last day before something that is open on the day `on` closes; None: no such day is known."""
    return terms_of(plan, share, on).holds_until


def terms_of(plan: IndividualPlan, share: Share, on: date) -> Terms:
    """Returns the terms of a share on the day `on`."""
    basis = index_of(plan).basis
    return basis.once(("terms", on, share.began, *_decides(share)), lambda: _terms(basis, share, on))


def _terms(basis: Basis, share: Share, on: date) -> Terms:
    now = _open_on(basis, share, on)
    last = _last_days(basis, share, on, now)
    first = _first_days(basis, share, on, now)
    told = tuple(Opening(area=area, since=first[area], until=last.get(area)) for area in _COLUMNS if area in now)
    return Terms(_policy(now, share), told, min(last.values(), default=None))


def _policy(now: Open, share: Share) -> Policy:
    areas = frozenset(area for area in now if area is not None)
    level = min((side.level for side in share.sides), key=_LEVELS.index)
    released = frozenset(share.released).intersection(*(reader.released for reader in share.readers))
    return Policy(areas, None in now, level, released)


def _persons_on(basis: Basis, side: Share | ServerReader, day: date) -> tuple[Person, ...]:
    return basis.once(("persons", day, side.organizations, side.person), lambda: _taking_part(basis, side, day))


def _taking_part(basis: Basis, side: Share | ServerReader, day: date) -> tuple[Person, ...]:
    held = (one for one in basis.places if one.period.covers(day) and is_of(side, one.person, one.organization))
    return persons_in(held, basis.above)


def _open_on(basis: Basis, share: Share, day: date) -> Open:
    """Returns what is open to all persons of all sides who take part on this day; nothing, if nobody of one does."""
    found = _EVERYTHING
    for side in share.sides:
        persons = _persons_on(basis, side, day)
        found = found.intersection(*(basis.allowed(one, day, side.ages) for one in persons)) if persons else frozenset()
    return found


def _answers_on(basis: Basis, share: Share, day: date) -> Iterator[Mapping[LifeArea | None, Answer]]:
    """Yields the answer for each life area to each person of all sides who takes part on this day."""
    for side in share.sides:
        for person in _persons_on(basis, side, day):
            yield basis.answers(person, day, side.ages)


def _last_days(basis: Basis, share: Share, on: date, now: Open) -> dict[LifeArea | None, date]:
    """Returns the last day of each area that is open now and closes some day."""
    found: dict[LifeArea | None, date] = {}
    pending, start = set(now), on
    changes = [day for day in _days_of_places(basis, share) if day > on]
    for end in (*changes, None):
        for answers in _answers_on(basis, share, start):
            for area, answer in answers.items():
                last = answer.until
                if area in pending and last is not None and (end is None or last < end - _ONE_DAY):
                    found[area] = min(last, found.get(area, last))
        pending -= found.keys()
        if end is None or not pending:
            break
        closed = pending - _open_on(basis, share, end)
        found |= dict.fromkeys(closed, end - _ONE_DAY)
        pending -= closed
        start = end
    return found


def _first_days(basis: Basis, share: Share, on: date, now: Open) -> dict[LifeArea | None, date]:
    """Returns the first day, since the share began, of the time without a break in which each area has been open."""
    found: dict[LifeArea | None, date] = {}
    pending = set(now)
    days = {*_days_of_places(basis, share), *_days_of_consents(basis, share)}
    for start in sorted((day for day in days if share.began < day <= on), reverse=True):
        if not pending:
            break
        began = pending - _open_on(basis, share, start - _ONE_DAY)
        found |= dict.fromkeys(began, start)
        pending -= began
    return found | dict.fromkeys(pending, share.began)


def _days_of_places(basis: Basis, share: Share) -> list[date]:
    """Returns the days on which other persons take part for a share, or for another side of it."""
    sides = share.sides
    places = (one for one in basis.places if any(is_of(side, one.person, one.organization) for side in sides))
    return sorted({day for place in places for day in _edges(place.period)})


def _days_of_consents(basis: Basis, share: Share) -> Iterator[date]:
    for consent in basis.plan.consents:
        if consent.kind is ConsentKind.SHARING:
            yield from _days_of_consent(consent)
    for side in share.sides:
        yield from (first_day_at(birth, side.ages.health_consent) for birth in birth_dates(basis.plan.owner))


def _days_of_consent(consent: Consent) -> Iterator[date]:
    yield consent.given_on
    if consent.withdrawn_on is not None:
        yield consent.withdrawn_on
    for period in (consent.period, *(provision.period for provision in consent.provisions)):
        yield from _edges(period)


def _edges(period: Period) -> Iterator[date]:
    """Yields the first day of a period, and the day after its last."""
    if period.start is not None:
        yield period.start
    if period.end is not None and period.end < date.max:
        yield period.end + _ONE_DAY


def next_turn(plan: IndividualPlan, shares: Iterable[Share], after: date) -> date | None:
    """Returns the next day on which any of the shares may look otherwise; None: no such day is known.

    It is the first after `after` of the first days, and the days after the last ones, of consents, their provisions,
    memberships, coordinators' places and mandates, and of the days on which the person comes of the ages that count.
    """
    agreed = (side.ages for share in shares for side in share.sides)
    ages = {
        _OF_AGE,
        *(age for one in (LAW, *agreed) for age in (one.may_withhold, one.health_consent)),
    }
    basis = index_of(plan).basis
    days = basis.once(("turns", frozenset(ages)), lambda: _turns(basis.plan, ages))
    next_one = bisect_right(days, after)
    return days[next_one] if next_one < len(days) else None


def _turns(plan: IndividualPlan, ages: Iterable[int]) -> list[date]:
    """Returns the days on which something turns, the first one first."""
    days = {first_day_at(birth, age) for birth in birth_dates(plan.owner) for age in ages}
    days.update(day for consent in plan.consents for day in _days_of_consent(consent))
    team: tuple[Any, ...] = (*plan.team.memberships, *plan.team.coordinators) if plan.team is not None else ()
    mandates = (one.mandate for one in plan.related_persons if one.mandate is not None)
    for period in (*(place.period for place in team), *(mandate.period for mandate in mandates)):
        days.update(_edges(period))
    return sorted(days)
