"""The answers of a plan's consents to many recipients: as `permits`, with the last day on which each yes holds.

Consents mostly speak to everybody alike. So recipients whom the same provisions name share their answers, and so do
life areas that no provision names; from day to day, only the consents that turn on that day are asked again.
"""

from __future__ import annotations

import heapq
from collections import Counter
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ip_fhir.domain.consent.ages import LAW
from ip_fhir.domain.consent.permission import (
    EXPLICIT_NOES,
    Allowed,
    Refused,
    Speakers,
    Words,
    decide,
    no_consent,
    said_on,
    voice,
)
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from ip_fhir.domain.consent.ages import ConsentAges
    from ip_fhir.domain.consent.consent import Consent, ConsentKind
    from ip_fhir.domain.consent.permission import Voice
    from ip_fhir.domain.people import PlanOwner, RelatedPerson

_ONE_DAY = timedelta(days=1)

_MOST_WORK = 300_000
"""The most that one day's answers are worth: recipients who are named differently, times areas, times consents.

A plan with 50 consents that name 100 people, each in another way, is worth 60,000.
"""

Numbers: TypeAlias = frozenset[tuple[int, int]]
"""Provisions, each by the number of its consent and its own."""

Variant: TypeAlias = tuple[int, tuple[tuple[int, int], ...]]
"""A consent as it speaks to one recipient: its number, and the provisions that name it, each with how closely."""


class Answer(NamedTuple):
    """One answer; `until` is the last day of a yes, None if no end is known."""

    given: Allowed | Refused
    until: date | None = None


class Answers:
    """The answers of the consents of one kind on the day `on`.

    `calls` counts how often a consent was asked for its voice: the measure of the work done.
    """

    def __init__(
        self,
        consents: Iterable[Consent],
        kind: ConsentKind,
        on: date,
        related_persons: Iterable[RelatedPerson],
        owner: PlanOwner | None = None,
        ages: ConsentAges = LAW,
    ) -> None:
        self.calls = 0
        self._consents = [consent for consent in consents if consent.kind is kind]
        self._kind, self._on, self._speakers = kind, on, Speakers.of(owner, related_persons, ages)
        self._own_areas = [{area for p in consent.provisions for area in p.areas} for consent in self._consents]
        self._areas = set[LifeArea]().union(*self._own_areas)
        self._naming: dict[str, set[tuple[int, int]]] = {}
        for number, consent in enumerate(self._consents):
            for place, provision in enumerate(consent.provisions):
                for recipient in provision.recipients:
                    self._naming.setdefault(recipient, set()).add((number, place))
        self._timelines: dict[tuple[Variant, LifeArea | None], list[tuple[date, Voice]]] = {}
        self._known: dict[tuple[Numbers, Numbers, bool], dict[LifeArea | None, Answer]] = {}

    @property
    def recipients(self) -> Container[str]:
        """The ids that any provision names."""
        return self._naming

    def to(self, recipient: str, within: Sequence[str]) -> Iterator[tuple[LifeArea | None, Answer]]:
        """Yields the answer for content of no life area (None), then for each area.

        `within` are the ids of the organisations that the recipient works for or is a unit of. Raises `InvalidInput`
        (too-costly) if recipients are named in so many different ways that telling them apart would take minutes.
        """
        own = frozenset(self._naming.get(recipient, ()))
        through = frozenset().union(*(self._naming.get(ident, ()) for ident in within)) - own
        to_parent = recipient in self._speakers.parents
        known = self._known.get((own, through, to_parent))
        if known is None:
            nearness = dict.fromkeys(through, 1) | dict.fromkeys(own, 2)
            known = self._known[own, through, to_parent] = self._answers(nearness, to_parent=to_parent)
        for area in (None, *LifeArea):
            yield area, known[area if area in self._areas else None]

    def _answers(self, named: dict[tuple[int, int], int], *, to_parent: bool) -> dict[LifeArea | None, Answer]:
        """Returns the answers by area; `named` gives the nearness of each provision that names the recipient."""
        if not self._consents:
            return {None: Answer(no_consent(self._kind))}
        areas = (None, *self._areas)
        if (len(self._known) + 1) * len(areas) * len(self._consents) > _MOST_WORK:
            reason = "name so many in so many different ways that the answers cannot be told together"
            raise InvalidInput.at("consents", reason, "too-costly")
        places: dict[int, list[tuple[int, int]]] = {}
        for (number, place), nearness in sorted(named.items()):
            places.setdefault(number, []).append((place, nearness))
        variants = [(number, tuple(places.get(number, ()))) for number in range(len(self._consents))]
        return {area: self._answer(variants, area, to_parent=to_parent) for area in areas}

    def _answer(self, variants: list[Variant], area: LifeArea | None, *, to_parent: bool) -> Answer:
        timelines = [self._timeline(variant, area) for variant in variants]
        voices = [(one, timeline[0][1]) for one, timeline in zip(self._consents, timelines, strict=True)]
        given = decide(voices, to_parent=to_parent)
        if isinstance(given, Refused):
            return Answer(given)
        return Answer(given, _last_day(self._consents, timelines, to_parent=to_parent))

    def _timeline(self, variant: Variant, area: LifeArea | None) -> list[tuple[date, Voice]]:
        """Returns the voices of a consent: on the day `on`, and on each later day on which it changes."""
        key = variant, area if area in self._own_areas[variant[0]] else None
        found = self._timelines.get(key)
        if found is None:
            found = self._timelines[key] = self._voices(self._words(variant), area)
        return found

    def _words(self, variant: Variant) -> Words:
        number, places = variant
        consent = self._consents[number]
        to_all = ((0, provision) for provision in consent.provisions if not provision.recipients)
        return Words(consent, (*to_all, *((nearness, consent.provisions[place]) for place, nearness in places)))

    def _voices(self, words: Words, area: LifeArea | None) -> list[tuple[date, Voice]]:
        found: list[tuple[date, Voice]] = []
        for day in (self._on, *_turning_days(words, self._on, self._speakers)):
            self.calls += 1
            said = voice(words, area, day, self._speakers)
            if not found or said != found[-1][1]:
                found.append((day, said))
        return found


def _turning_days(words: Words, after: date, speakers: Speakers) -> list[date]:
    """Returns the days after `after` on which a consent's voice may change: first days, and days after last days."""
    consent = words.consent
    days = {consent.given_on, consent.withdrawn_on or consent.given_on}
    if consent.given_by is not None:
        days.update(speakers.days_of_age())
    for period in (consent.period, *(provision.period for _, provision in words.provisions)):
        if period.start is not None:
            days.add(period.start)
        if period.end is not None and period.end < date.max:
            days.add(period.end + _ONE_DAY)
    return sorted(day for day in days if day > after)


def _last_day(consents: list[Consent], timelines: list[list[tuple[date, Voice]]], *, to_parent: bool) -> date | None:
    """Returns the day before the first one on which the answer is no; None if it stays yes."""
    balance = _Balance(to_parent=to_parent)
    voices = [timeline[0][1] for timeline in timelines]
    for consent, said in zip(consents, voices, strict=True):
        balance.count(consent, said, 1)
    turns: list[tuple[date, int, Voice]] = sorted(
        (day, n, said) for n, timeline in enumerate(timelines) for day, said in timeline[1:]
    )
    for day, changes in groupby(turns, lambda turn: turn[0]):
        for _, n, said in changes:
            balance.count(consents[n], voices[n], -1)
            balance.count(consents[n], said, 1)
            voices[n] = said
        if not balance.is_yes():
            last: date = day - _ONE_DAY
            return last
    return None


class _Balance:
    """The voices of all consents on one day, counted, so that one may change without asking the others."""

    def __init__(self, *, to_parent: bool) -> None:
        self._yes, self._ending_noes, self._denials = _Latest(), _Latest(), 0
        self._to_parent, self._own, self._kept = to_parent, _Latest(), _Latest()

    def count(self, consent: Consent, said: Voice, change: int) -> None:
        """Add (1) or remove (-1) a consent's voice."""
        if said.word == "own":
            self._own.count(consent.given_on, change)
        elif said.word == "kept" and self._to_parent:
            self._kept.count(said_on(consent), change)
        if said.rule is None:
            self._yes.count(consent.given_on, change)
        elif said.rule in EXPLICIT_NOES:
            self._ending_noes.count(said_on(consent), change)
        elif said.explicit:
            self._denials += change

    def is_yes(self) -> bool:
        """True if these voices allow, by the rules of `permission.decide`."""
        yes, no, kept = self._yes.latest(), self._ending_noes.latest(), self._kept.latest()
        if yes is None or self._denials or (no is not None and no >= yes):
            return False
        return kept is None or kept < (self._own.latest() or date.min)


class _Latest:
    """Days that come and go, and the latest of them."""

    def __init__(self) -> None:
        self._days: Counter[date] = Counter()
        self._heap: list[int] = []  # negative ordinals; a day that has gone is dropped when it comes to the top

    def count(self, day: date, change: int) -> None:
        """Add a day (1), or take one away (-1)."""
        self._days[day] += change
        if change > 0:
            heapq.heappush(self._heap, -day.toordinal())

    def latest(self) -> date | None:
        """Return the latest day; None if there is none."""
        while self._heap:
            day = date.fromordinal(-self._heap[0])
            if self._days[day] > 0:
                return day
            heapq.heappop(self._heap)
        return None
