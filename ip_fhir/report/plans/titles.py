"""Titles of a plan's items, and the items that a difference of two plans names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.merge.difference import ChangeKind
from ip_fhir.domain.merge.places import BOOKKEEPING
from ip_fhir.report.plans.items import Item, items_by_id
from ip_fhir.report.plans.layout import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ip_fhir.domain.merge.difference import Change
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.report.plans.wording import Wording


def kind_of(field: str) -> str | None:
    """Returns the field of a plan that an item stands in, by a dotted field of it; None: it is of no item.

    >>> kind_of("measures.status"), kind_of("measures"), kind_of("owner.name")
    ('measures', 'measures', None)
    """
    return next((one for one in FIELDS if f"{field}.".startswith(f"{one}.")), None)


def changed_items(changes: Iterable[Change], kind: ChangeKind, plan: IndividualPlan) -> tuple[Item, ...]:
    """Returns the items of a difference that are new, gone, or changed (`kind`), each once; `plan` is the newer plan.

    A changed field of the plan itself is an item without id, named by the field. Version, day and author of the last
    writing are left out, and so is a change of order.
    """
    found: dict[tuple[str, str | None], Item] = {}
    known: dict[str, dict[str | None, Item]] = {}
    for change in changes:
        field = kind_of(change.field) or change.field.partition(".")[0]
        if change.kind is not kind or field in (*BOOKKEEPING, "created", "id"):
            continue
        value = change.before if kind is ChangeKind.REMOVED else change.after
        if kind is ChangeKind.CHANGED and field in FIELDS:
            if field not in known:
                known[field] = items_by_id(plan, field)
            value = known[field][change.id].value
        found.setdefault((field, change.id), Item(field, change.id, value))
    return tuple(found.values())


def title_of_item(wording: Wording, item: Item) -> str:
    """Returns the title of an item on one line; of a field of the plan itself, its name.

    `wording` is of a plan that the item stands in, so that the names of people are found.
    """
    made = FIELDS.get(item.field)
    return short(made(wording, item.value), 76) if made is not None else wording.label(f"field-{item.field}")


FIELDS: Final[dict[str, Callable[[Wording, Any], str]]] = {
    "goals": lambda _, goal: goal.text,
    "measures": lambda _, measure: measure.what,
    "needs": lambda _, need: need.text,
    "resources": lambda _, resource: resource.text,
    "contributions": lambda _, contribution: contribution.text,
    "cooperation": lambda _, cooperation: cooperation.with_whom,
    "reviews": lambda wording, review: f"{wording.word(review.kind)} {wording.day(review.planned)}",
    "team.memberships": lambda wording, one: f"{wording.names[one.member]}, {one.role_text or wording.word(one.role)}",
    "team.coordinators": lambda wording, one: (
        f"{wording.names.get(one.holder, wording.label('nobody'))}, {wording.word(one.kind)}"
    ),
    "related_persons": lambda wording, person: wording.actor(person.id),
    "professionals": lambda _, person: person.name.full,
    "organizations": lambda _, organization: organization.name,
    "consents": lambda wording, one: f"{wording.word(one.kind)} {wording.day(one.given_on)}",
}
"""By the field of a plan: the function for the title of one of its items, in the order in which they are told."""
