"""The readable difference of two versions of a plan: a line for each field and item in which they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.merge.difference import ChangeKind, difference
from ip_fhir.domain.merge.places import BOOKKEEPING
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.report.plans.items import items_of
from ip_fhir.report.plans.titles import kind_of
from ip_fhir.report.plans.values import item_words, part_words, value_words
from ip_fhir.report.plans.wording import Wording
from ip_fhir.report.words.plan_fields import change_sentence, field_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.merge.difference import Change
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.report.words.codes import Language


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
        kind = kind_of(change.field)
        if change.kind is ChangeKind.REORDERED:
            yield f"{self._after.label(f'kind-{change.field}')}: {self._say('order')}"
        elif change.field == "team" and None in (change.before, change.after):
            yield from self._team(change)
        elif kind is None:
            yield f"{part_words(self._after, change.field)}: {self._field(change)}"
        elif change.kind is ChangeKind.CHANGED:
            yield f"{_named(self._before, kind, change.id)}: {self._field(change)}"
        else:
            gone = change.kind is ChangeKind.REMOVED
            wording = self._before if gone else self._after
            yield f"{_named(wording, kind, change.id)}: {self._say('removed' if gone else 'added')}"

    def _team(self, change: Change) -> Iterator[str]:
        """Yields a line for each member of a team that is there in one of the plans only."""
        wording, what = (self._before, "removed") if change.after is None else (self._after, "added")
        for field in ("team.memberships", "team.coordinators"):
            for item in items_of(wording.plan, field):
                yield f"{item_words(wording, item)}: {self._say(what)}"

    def _field(self, change: Change) -> str:
        """The change of one field in words."""
        name = change.field.rpartition(".")[2]
        old, new = value_words(self._before, name, change.before), value_words(self._after, name, change.after)
        known = None not in (old, new) and (old or new)
        key = ("changed" if old and new else "set" if new else "unset") if known else "other"
        return self._say(key, field=field_word(name, self._language), old=old, new=new)

    def _say(self, key: str, **values: str | None) -> str:
        return change_sentence(key, self._language).format(**values)


def _named(wording: Wording, field: str, ident: str | None) -> str:
    item = wording.item(field, ident)
    assert item is not None  # noqa: S101 - the difference names it as one of this plan
    return item_words(wording, item)
