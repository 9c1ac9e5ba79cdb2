"""Places and values of a plan in words: an item by its title, a part of the plan, the value of a field."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.people import PersonName
from ip_fhir.domain.values.value import Period
from ip_fhir.report.plans.items import Item
from ip_fhir.report.plans.labels import quoted
from ip_fhir.report.plans.layout import short
from ip_fhir.report.plans.titles import kind_of, title_of_item
from ip_fhir.report.words.codes import listed
from ip_fhir.report.words.plan_fields import change_sentence, field_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.report.plans.wording import Wording

_LONGEST: Final = 76
_ACTORS: Final = ("actor", "appointed_by", "expressed_by", "given_by", "holder", "member", "mentor", "on_behalf_of")
_OTHERS: Final = ("coordinating_unit", "organization", "participants", "responsible", "takes_part", "goals", "part_of")
_REFERENCES: Final = frozenset((*_ACTORS, *_OTHERS))
"""Fields that hold ids of persons, organisations and goals."""

_UNTOLD: Final = frozenset(("address", "contacts", "document", "identifier", "mandate", "provisions"))
"""Fields of which only the change is told: numbers, ways to reach a person, and what needs a page of its own."""


def item_words(wording: Wording, item: Item) -> str:
    """Returns an item by its kind and title: "Tiltak «Svømming»"."""
    return f"{wording.label(f'one-{item.field}')} {quoted(title_of_item(wording, item), wording.language)}"


def part_words(wording: Wording, field: str) -> str:
    """Returns the part of a plan that a field is of, where it is no item: the person, the team, the plan itself."""
    part = field.partition(".")[0]
    return wording.label("one-plan") if part == field else field_word(part, wording.language).capitalize()


def place_words(wordings: Sequence[Wording], field: str, ident: str | None) -> str:
    """Returns the place of a part of a change: "Tiltak «Svømming»: periode"; of an item as a whole, the item.

    `field` and `ident` are as in a difference of two plans; the item has its title from the first plan that has it. One
    that none has is named by its kind.
    """
    kind = kind_of(field)
    if kind is None:
        of = part_words(wordings[0], field)
    else:
        found = ((one, one.item(kind, ident)) for one in wordings)
        named = (item_words(one, item) for one, item in found if item is not None)
        of = next(named, wordings[0].label(f"one-{kind}"))
    name = field.rpartition(".")[2]
    return of if kind == field else f"{of}: {field_word(name, wordings[0].language)}"


def told_value(wording: Wording, field: str, value: Any) -> str:
    """Returns the value at a dotted field in words: of an item its title, a hyphen for none.

    A value that is not told, such as a way to reach somebody, is said to be there.
    """
    if value is None or value == ():
        return "-"
    if kind_of(field) == field:
        return title_of_item(wording, Item(field, None, value))
    words = value_words(wording, field.rpartition(".")[2], value)
    return wording.label("untold") if words is None else words or "-"


def value_words(wording: Wording, name: str, value: Any) -> str | None:
    """Returns the value of a field in words and quoted, an empty text for none; None if it is of a kind not told.

    `name` is the last part of the dotted field. Numbers of persons and ways to reach them are not told.
    """
    words = None if name in _UNTOLD else _words(wording, name, value)
    return quoted(short(words, _LONGEST), wording.language) if words else words


def _words(wording: Wording, name: str, value: Any) -> str | None:
    if value is None:
        return ""
    if isinstance(value, tuple):
        words = [_words(wording, name, one) for one in value]
        return _several(wording, words) if value else ""
    if name in _REFERENCES:
        return _referred(wording, value)
    if name == "language":
        return wording.spoken(value)
    return _plain(wording, value)


def _several(wording: Wording, words: list[str | None]) -> str | None:
    """Several values in words; None if one of them is of a kind that is not told."""
    told = [one for one in words if one]
    if len(told) < len(words):
        return None
    return "; ".join(told) if any("," in one for one in told) else listed(told, wording.language)


def _plain(wording: Wording, value: Any) -> str | None:
    """A value that refers to nothing in words; None if it is of a kind that is not told."""
    if isinstance(value, StrEnum):
        return _word(wording, value)
    if isinstance(value, bool):
        return change_sentence("yes" if value else "no", wording.language)
    if isinstance(value, date | datetime):
        return wording.day(value)
    if isinstance(value, Period):
        return wording.period(value)
    if isinstance(value, PersonName):
        return value.full
    return value if isinstance(value, str) else None


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
