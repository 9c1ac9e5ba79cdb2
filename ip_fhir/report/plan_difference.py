"""The readable difference of two versions of a plan: a line for each field and item in which they differ."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.merge.difference import ChangeKind, difference
from ip_fhir.domain.merge.places import BOOKKEEPING
from ip_fhir.domain.people import PersonName
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.value import Period
from ip_fhir.report.plans.labels import quoted
from ip_fhir.report.plans.layout import short
from ip_fhir.report.plans.titles import FIELDS, Item, items_of, title_of_item
from ip_fhir.report.plans.wording import Wording
from ip_fhir.report.words.codes import listed
from ip_fhir.report.words.plan_fields import change_sentence, field_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.merge.difference import Change
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.report.words.codes import Language

_LONGEST: Final = 76
_ACTORS: Final = ("actor", "appointed_by", "expressed_by", "given_by", "holder", "member", "mentor", "on_behalf_of")
_OTHERS: Final = ("coordinating_unit", "organization", "participants", "responsible", "takes_part", "goals", "part_of")
_REFERENCES: Final = frozenset((*_ACTORS, *_OTHERS))
"""Fields that hold ids of persons, organisations and goals."""

_UNTOLD: Final = frozenset(("address", "contacts", "document", "identifier", "mandate", "provisions"))
"""Fields of which only the change is told: numbers, ways to reach a person, and what needs a page of its own."""


def plan_difference(before: IndividualPlan, after: IndividualPlan, language: Language) -> list[str]:
    """Returns the difference of two plans in words, in the order of a plan's fields; an empty list if there is none.

    Of a person's number, address and contacts only the change is told. Version, time and author of the last writing are
    left out. Raises `InvalidInput` if an argument is no plan.
    """
    changes = difference(before, after)
    lines = _Lines(
        Wording(before, language, local_day(before.updated or before.created)),
        Wording(after, language, local_day(after.updated or after.created)),
    )
    return [line for change in changes if change.field not in (*BOOKKEEPING, "id") for line in lines.of(change)]


class _Lines:
    """The lines about changes from one plan to another."""

    def __init__(self, before: Wording, after: Wording) -> None:
        self._before, self._after = before, after
        self._language = after.language

    def of(self, change: Change) -> Iterator[str]:
        """Yields the lines about one change."""
        kind = next((one for one in FIELDS if change.field == one or change.field.startswith(f"{one}.")), None)
        if change.kind is ChangeKind.REORDERED:
            yield f"{self._after.label(f'kind-{change.field}')}: {self._say('order')}"
        elif change.field == "team" and None in (change.before, change.after):
            yield from self._team(change)
        elif kind is None:
            yield f"{self._whole(change)}: {self._field(change)}"
        elif change.kind is ChangeKind.CHANGED:
            yield f"{self._name(self._before, kind, change.id)}: {self._field(change)}"
        else:
            gone = change.kind is ChangeKind.REMOVED
            wording = self._before if gone else self._after
            yield f"{self._name(wording, kind, change.id)}: {self._say('removed' if gone else 'added')}"

    def _team(self, change: Change) -> Iterator[str]:
        """Yields a line for each member of a team that is there in one of the plans only."""
        wording, what = (self._before, "removed") if change.after is None else (self._after, "added")
        for field in ("team.memberships", "team.coordinators"):
            for item in items_of(wording.plan, field):
                yield f"{self._name(wording, field, item.id)}: {self._say(what)}"

    def _whole(self, change: Change) -> str:
        """The part of the plan that a change is of, which is no item: the person, the team, or the plan itself."""
        part = change.field.partition(".")[0]
        if part == change.field:
            return self._after.label("one-plan")
        return field_word(part, self._language).capitalize()

    def _name(self, wording: Wording, field: str, ident: str | None) -> str:
        item: Item = next(item for item in items_of(wording.plan, field) if item.id == ident)
        return f"{wording.label(f'one-{field}')} {quoted(title_of_item(wording, item), self._language)}"

    def _field(self, change: Change) -> str:
        """The change of one field in words."""
        name = change.field.rpartition(".")[2]
        old, new = self._value(self._before, name, change.before), self._value(self._after, name, change.after)
        known = name not in _UNTOLD and None not in (old, new) and (old or new)
        key = ("changed" if old and new else "set" if new else "unset") if known else "other"
        return self._say(key, field=field_word(name, self._language), old=old, new=new)

    def _value(self, wording: Wording, name: str, value: Any) -> str | None:
        """A value in words and quoted, an empty text for none; None if it is of a kind that is not told."""
        words = self._words(wording, name, value)
        return quoted(short(words, _LONGEST), self._language) if words else words

    def _words(self, wording: Wording, name: str, value: Any) -> str | None:
        if value is None:
            return ""
        if isinstance(value, tuple):
            words = [self._words(wording, name, one) for one in value]
            return self._several(words) if value else ""
        if name in _REFERENCES:
            return _referred(wording, value)
        if name == "language":
            return wording.spoken(value)
        return self._plain(wording, value)

    def _several(self, words: list[str | None]) -> str | None:
        """Several values in words; None if one of them is of a kind that is not told."""
        told = [one for one in words if one]
        if len(told) < len(words):
            return None
        return "; ".join(told) if any("," in one for one in told) else listed(told, self._language)

    def _plain(self, wording: Wording, value: Any) -> str | None:
        """A value that refers to nothing in words; None if it is of a kind that is not told."""
        if isinstance(value, StrEnum):
            return _word(wording, value)
        if isinstance(value, bool):
            return self._say("yes" if value else "no")
        if isinstance(value, date | datetime):
            return wording.day(value)
        if isinstance(value, Period):
            return wording.period(value)
        if isinstance(value, PersonName):
            return value.full
        return value if isinstance(value, str) else None

    def _say(self, key: str, **values: str | None) -> str:
        return change_sentence(key, self._language).format(**values)


def _referred(wording: Wording, ident: str) -> str | None:
    """The name of a person or organisation, or the text of a goal, by its id."""
    goals = {goal.id: goal.text for goal in wording.plan.goals}
    return wording.names.get(ident) or goals.get(ident)


def _word(wording: Wording, code: StrEnum) -> str | None:
    """The word for a code; None for one of a kind that has no words."""
    try:
        return wording.word(code)
    except KeyError:
        return None
