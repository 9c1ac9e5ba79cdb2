"""The preview: what each participant of a plan will see, what is new to it, and what it will no longer see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.merge.difference import Change, ChangeKind, difference
from ip_fhir.report.plans.items import Item, items_of
from ip_fhir.report.plans.layout import heading, labelled, paragraph, table_lines
from ip_fhir.report.plans.sections.people import owner_name
from ip_fhir.report.plans.titles import FIELDS, changed_items, title_of_item
from ip_fhir.report.plans.view import openings_words
from ip_fhir.report.plans.warnings import warning_lines
from ip_fhir.report.plans.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import date

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.report.plans.warnings import PlanWarning, Seen
    from ip_fhir.report.words.codes import Language

_COUNTED: Final = ("goals", "measures", "needs", "resources", "team.memberships")
_CONTENTS: Final = ("goals", "measures", "needs", "resources", "contributions", "cooperation", "reviews")
_PEOPLE: Final = ("team.memberships", "team.coordinators", "related_persons", "professionals")


@dataclass(frozen=True, slots=True)
class ParticipantPreview:
    """The view that one participant will have, and the one it has now; None: it has none.

    `changes` are the differences between the two; without one of them there are none. `hidden` are the items of the
    plan that are not in the view, as far as it is known which are. `readers` are the others who read the server on its
    way: the view has what all of them may see. None: nobody has said who they are, and nothing goes there.
    """

    participant: str
    view: PlanView | None
    before: PlanView | None
    changes: tuple[Change, ...] = ()
    hidden: tuple[Item, ...] = ()
    readers: tuple[str, ...] | None = ()

    def of_kind(self, kind: ChangeKind) -> tuple[Item, ...]:
        """Returns the items that are new (ADDED), gone (REMOVED), or there in both and changed (CHANGED)."""
        return changed_items(self.changes, kind, self.view.plan) if self.view is not None else ()

    def to_data(self) -> dict[str, Any]:
        """Returns the preview as JSON data: the numbers of items by field, and ids in the view."""
        there = {} if self.view is None else {kind: len(items_of(self.view.plan, kind)) for kind in FIELDS}
        until = self.view.holds_until if self.view is not None else None
        return {
            "participant": self.participant,
            "sees": there,
            "holds_until": until.isoformat() if until else None,
            "begins": self.before is None and self.view is not None,
            "ends": self.before is not None and self.view is None,
            "also_read_by": None if self.readers is None else list(self.readers),
            **{name: [[one.field, one.id] for one in self.of_kind(kind)] for name, kind in _DATA},
        }


_DATA: Final = (("new", ChangeKind.ADDED), ("changed", ChangeKind.CHANGED), ("gone", ChangeKind.REMOVED))


def previews(
    plan: IndividualPlan,
    views: Mapping[str, PlanView | None],
    before: Mapping[str, PlanView | None],
    seen: Mapping[str, Seen] | None = None,
    readers: Mapping[str, tuple[str, ...] | None] | None = None,
) -> tuple[ParticipantPreview, ...]:
    """Returns the preview of each participant, in the order of `views`; a participant only in `before` sees no more.

    `views` and `before` are by the participant's name: the view that it will have and the one it has. A participant
    without either is left out. `seen` says which items of the plan stand in each view, `readers` who else reads it.
    """
    found = []
    for name in dict.fromkeys((*views, *before)):
        view, known = views.get(name), before.get(name)
        changes = difference(known.plan, view.plan) if view is not None and known is not None else ()
        sees = (seen or {}).get(name)
        hidden = () if sees is None or view is None else _hidden(plan, sees)
        if view is not None or known is not None:
            found.append(ParticipantPreview(name, view, known, changes, hidden, (readers or {}).get(name, ())))
    return tuple(found)


def _hidden(plan: IndividualPlan, sees: Seen) -> tuple[Item, ...]:
    return tuple(item for field in _CONTENTS for item in items_of(plan, field) if item.id not in sees.items)


def preview_lines(
    plan: IndividualPlan,
    found: Collection[ParticipantPreview],
    warned: Collection[PlanWarning],
    language: Language,
    on: date,
) -> Iterator[str]:
    """Yields the preview in lines: a table of counts, the warnings, then each participant with titles.

    `plan` is the plan as it will be saved, and `on` the day in Norway for which the views were made.
    """
    wording = Wording(plan, language, on)
    yield from paragraph(wording.label("preview-of").format(name=owner_name(wording), day=wording.day(on)))
    yield ""
    if found:
        yield from _table(wording, found)
        yield ""
        yield from paragraph(wording.label("counts"))
    else:
        yield from paragraph(wording.label("no-participants"))
    if warned:
        yield from heading(wording.label("warnings"))
        yield from warning_lines(wording, warned)
    for one in found:
        yield from heading(one.participant)
        yield from _participant(wording, one)


def _table(wording: Wording, found: Collection[ParticipantPreview]) -> Iterator[str]:
    columns = [wording.label(f"kind-{kind}") for kind in _COUNTED]
    headings = [wording.label("participant"), *columns, wording.label("new"), wording.label("gone")]
    rows = [[one.participant, *_counts(wording.plan, one), *_news(wording, one)] for one in found]
    yield from table_lines(headings, rows)


def _counts(plan: IndividualPlan, one: ParticipantPreview) -> Iterator[str]:
    for kind in _COUNTED:
        seen = len(items_of(one.view.plan, kind)) if one.view is not None else 0
        yield f"{seen}/{len(items_of(plan, kind))}"


def _news(wording: Wording, one: ParticipantPreview) -> tuple[str, str]:
    if one.before is None:
        return wording.label("all-new"), "0"
    if one.view is None:
        return "0", wording.label("all-gone")
    return str(len(one.of_kind(ChangeKind.ADDED))), str(len(one.of_kind(ChangeKind.REMOVED)))


def _participant(wording: Wording, one: ParticipantPreview) -> Iterator[str]:
    """Yields what is new, changed, gone and hidden for a participant, then the titles of all that it will see."""
    if one.view is None:
        yield from paragraph(wording.label("share-ends"))
        return
    seen = Wording(one.view.plan, wording.language, wording.on)
    yield from labelled(wording.label("sees"), openings_words(seen, one.view.openings))
    yield from labelled(wording.label("level"), wording.word(one.view.level))
    if one.readers is None:
        yield from paragraph(wording.label("readers-unknown"))
    elif one.readers:
        yield from labelled(wording.label("also-read-by"), ", ".join(one.readers))
    if one.before is None:
        yield from paragraph(wording.label("share-begins"))
    else:
        yield from _changes(seen, Wording(one.before.plan, wording.language, wording.on), one)
    yield from _items(wording, "hidden-from-it", one.hidden)
    yield ""
    for field in _CONTENTS:
        items = items_of(one.view.plan, field)
        if items:
            yield f"{wording.label(f'kind-{field}')} ({len(items)})"
        for item in items:
            yield from paragraph(title_of_item(seen, item), mark="- ")
    for field in _PEOPLE:
        names = "; ".join(title_of_item(seen, item) for item in items_of(one.view.plan, field))
        yield from labelled(wording.label(f"kind-{field}"), names)


def _changes(seen: Wording, before: Wording, one: ParticipantPreview) -> Iterator[str]:
    groups = (
        ("new-to-it", seen, one.of_kind(ChangeKind.ADDED)),
        ("gone-for-it", before, one.of_kind(ChangeKind.REMOVED)),
        ("changed-for-it", seen, one.of_kind(ChangeKind.CHANGED)),
    )
    if not any(items for _, _, items in groups):
        yield from paragraph(seen.label("nothing-new"))
    for key, wording, items in groups:
        yield from _items(wording, key, items)


def _items(wording: Wording, key: str, items: Sequence[Item]) -> Iterator[str]:
    """Yields a label, then a line for each item with its kind and title; nothing for no items."""
    if items:
        yield f"{wording.label(key)}:"
    for item in items:
        yield from labelled(_kind(wording, item), title_of_item(wording, item), mark="- ")


def _kind(wording: Wording, item: Item) -> str:
    return wording.label(f"one-{item.field}" if item.field in FIELDS else "one-plan")
