"""The plan with the language and the day in which it is told: names, titles, days and ways to reach somebody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from ip_fhir.domain.values.calendar import local_day
from ip_fhir.report.plans.items import items_by_id
from ip_fhir.report.plans.labels import SPOKEN, label
from ip_fhir.report.plans.layout import kept_together
from ip_fhir.report.words.codes import LANGUAGES, day_words, word
from ip_fhir.report.words.plan import names_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from enum import StrEnum

    from ip_fhir.domain.people import ContactPoint, Organization, Professional, RelatedPerson
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.values.terms import LifeArea
    from ip_fhir.domain.values.value import Period
    from ip_fhir.report.plans.items import Item
    from ip_fhir.report.words.codes import Language


@dataclass(frozen=True)
class Wording:
    """A plan, the language in which it is told, and the day in Norway for which it is told."""

    plan: IndividualPlan
    language: Language
    on: date

    @cached_property
    def names(self) -> dict[str | None, str]:
        """The names of all persons and organisations by id."""
        return names_in(self.plan)

    @cached_property
    def organizations(self) -> dict[str | None, Organization]:
        """The organisations by id."""
        return {one.id: one for one in self.plan.organizations}

    @cached_property
    def professionals(self) -> dict[str | None, Professional]:
        """The professionals by id."""
        return {one.id: one for one in self.plan.professionals}

    @cached_property
    def relatives(self) -> dict[str | None, RelatedPerson]:
        """The relatives and representatives by id."""
        return {one.id: one for one in self.plan.related_persons}

    def item(self, field: str, ident: str | None) -> Item | None:
        """Returns the item of this id in a field that is a list; None if the plan has none."""
        if field not in self._items:
            self._items[field] = items_by_id(self.plan, field)
        return self._items[field].get(ident)

    @cached_property
    def _items(self) -> dict[str, dict[str | None, Item]]:
        return {}

    def label(self, key: str) -> str:
        """Returns a label by its key."""
        return label(key, self.language)

    def word(self, code: StrEnum) -> str:
        """Returns the name of a code."""
        return word(code, self.language)

    def day(self, day: date | datetime) -> str:
        """Returns a day, or the day of a time in Norway, with its year; it stays on one line."""
        local = local_day(day) if isinstance(day, datetime) else day
        return kept_together(day_words(local, self.language, year=True))

    def period(self, period: Period) -> str:
        """Returns a period; an empty text if it has no end and no beginning."""
        days = (("from", period.start), ("until", period.end))
        return " ".join(f"{self.label(key)} {self.day(day)}" for key, day in days if day is not None)

    def areas(self, areas: Iterable[LifeArea | None]) -> str:
        """Returns life areas; None is what belongs to none. The words have commas in them."""
        return "; ".join(self.label("general") if area is None else self.word(area) for area in areas)

    def spoken(self, code: str) -> str:
        """Returns the name of a language by its BCP 47 code; the code itself where it has no name here."""
        names = SPOKEN.get(code.partition("-")[0].lower())
        return code if names is None else names[LANGUAGES.index(self.language)]

    def actor(self, ident: str | None) -> str:
        """Returns a name with the title, or the relationship to the person: "Øystein Bråten (Fastlege)"."""
        name = self.names.get(ident, "")
        if (professional := self.professionals.get(ident)) is not None and professional.title:
            return f"{name} ({professional.title})"
        if (relative := self.relatives.get(ident)) is not None:
            return f"{name} ({self.word(relative.relationship)})"
        return name

    def actors(self, idents: Iterable[str]) -> str:
        """Returns the names of several, with commas between them."""
        return ", ".join(filter(None, (self.names.get(ident) for ident in idents)))

    def reached_by(self, contacts: Iterable[ContactPoint]) -> str:
        """Returns the ways to reach somebody: "telefon +47 00 00 04 06, e-post …"."""
        return ", ".join(kept_together(f"{self.word(one.system)} {one.value}") for one in contacts)
