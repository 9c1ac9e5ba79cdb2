"""The table of the fields that a view may show, each with the content level from which it is shown.

A field that this table does not name is an error when the module is loaded: a new field is in no view until somebody
decides. Items are shown or not by their life areas (`policy`), and people only where something in the view names them;
the table says which of their fields are shown then.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.people import (
    Address,
    ContactPoint,
    Organization,
    PersonName,
    PlanOwner,
    Professional,
    RelatedPerson,
)
from ip_fhir.domain.plan import (
    Arrangement,
    Contribution,
    Cooperation,
    Goal,
    IndividualPlan,
    Measure,
    Need,
    Resource,
    Review,
)
from ip_fhir.domain.team import CareTeam, Coordinator, Membership
from ip_fhir.domain.values.value import Period, Value, models_in
from ip_fhir.errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Shown(StrEnum):
    """The condition on which a field is in a view."""

    OWN = "own"  # made for the view: its ids, its number and days
    HEADER = "header"  # always
    NEEDS = "needs"  # from the content level `needs` on
    PLAN = "plan"  # at the content level `plan`
    GENERAL = "general"  # at the level `plan`, where content of no life area is open
    NEVER = "never"


def _rows(**names: str) -> dict[str, Shown]:
    """Returns the fields of one type: the names after each condition, parted by blanks."""
    return {name: Shown(condition) for condition, listed in names.items() for name in listed.split()}


VISIBLE: Final[Mapping[type[Value], Mapping[str, Shown]]] = {
    IndividualPlan: _rows(
        own="version created updated",
        header="id owner status period related_persons organizations professionals team",
        needs="needs goals reviews",
        plan="resources measures",
        general="title legal_basis coordinating_unit contributions cooperation follow_up evaluation note",
        never="author replaces consents",
    ),
    PlanOwner: _rows(
        own="id",
        header="name identifier birth_date protection",
        plan="contacts address",
        never="gender language needs_interpreter deceased dead",
    ),
    RelatedPerson: _rows(
        own="id", header="name relationship contacts protection", never="identifier next_of_kin mandate"
    ),
    Organization: _rows(
        own="id",
        header="name kind part_of organization_number her_id resh_id municipality contacts address",
    ),
    Professional: _rows(
        own="id", header="name organization profession title contacts protection", never="hpr_number her_id"
    ),
    Resource: _rows(own="id", plan="text area"),
    Need: _rows(own="id", needs="text area"),
    Goal: _rows(
        own="id",
        needs="text status achievement status_date status_reason part_of areas period",
        plan="target expressed_by note",
    ),
    Measure: _rows(
        own="id", plan="what goals areas responsible takes_part extent how where period status status_reason"
    ),
    Contribution: _rows(own="id", general="by text actor"),
    Cooperation: _rows(own="id", general="with_whom organization text"),
    Arrangement: _rows(general="every_months how responsible"),
    Review: _rows(own="id", needs="kind planned status held", general="how responsible participants outcome"),
    CareTeam: _rows(own="id", header="status memberships coordinators two_coordinators_reason", general="name"),
    Membership: _rows(own="id", header="member role role_text status period on_behalf_of task"),
    Coordinator: _rows(own="id", header="kind holder period appointed_by", never="mentor wish_honoured wish_reason"),
    PersonName: _rows(header="family given"),
    ContactPoint: _rows(header="system value"),
    Address: _rows(header="lines postal_code city municipality"),
    Period: _rows(header="start end"),
}
"""Every field of a plan, by type; the parts of what is never shown are left out."""

REFERENCES: Final[Mapping[type[Value], tuple[str, ...]]] = {
    IndividualPlan: ("coordinating_unit",),
    Goal: ("part_of", "expressed_by"),
    Measure: ("goals", "responsible", "takes_part"),
    Contribution: ("actor",),
    Cooperation: ("organization",),
    Arrangement: ("responsible",),
    Review: ("responsible", "participants"),
    Membership: ("member", "on_behalf_of"),
    Coordinator: ("holder", "appointed_by"),
    Professional: ("organization",),
    Organization: ("part_of",),
}
"""The fields of a view that hold ids of other items or of actors, one or several."""

MADE: Final = ("version", "created", "updated")
"""The fields of a plan that a view makes itself."""

TO_GOALS: Final = frozenset({"part_of", "goals"})
"""Those of a goal or a measure that refer to goals; the others refer to actors."""

_LEVELS = tuple(ContentLevel)


def is_shown(condition: Shown, level: ContentLevel, *, general: bool) -> bool:
    """True if a field with this condition is in a view of this level; `general`: content of no life area is open.

    >>> is_shown(Shown.NEEDS, ContentLevel.HEADER, general=True)
    False
    """
    if condition is Shown.NEVER:
        return False
    if condition is Shown.GENERAL:
        return general and level is ContentLevel.PLAN
    if condition is Shown.OWN:
        return True
    return _LEVELS.index(ContentLevel(condition)) <= _LEVELS.index(level)


@lru_cache(maxsize=1024)
def closed_fields(model: type[Value], level: ContentLevel, *, general: bool) -> Mapping[str, Any]:
    """Returns the fields of this type that are not in a view, each with its default, which stands there instead.

    >>> dict(closed_fields(Goal, ContentLevel.NEEDS, general=True))
    {'target': None, 'expressed_by': None, 'note': None}
    """
    return {
        name: info.get_default(call_default_factory=True)
        for name, info in model.model_fields.items()
        if not is_shown(VISIBLE[model][name], level, general=general)
    }


def _check(model: type[Value], seen: set[type[Value]]) -> None:
    """Raises `MappingError` if the table does not name each field of this type, and of those in its shown fields."""
    seen.add(model)
    rows = VISIBLE.get(model, {})
    if rows.keys() != model.model_fields.keys():
        unnamed = ", ".join(sorted(rows.keys() ^ model.model_fields.keys()))
        raise MappingError(f"{model.__name__}: the table of what a view shows does not fit its fields: {unnamed}")
    if "id" not in rows and len(set(rows.values())) > 1:
        raise MappingError(f"{model.__name__}: a value without an id is shown whole, or not at all")
    shown = (info for name, info in model.model_fields.items() if rows[name] is not Shown.NEVER)
    for below in (found for info in shown for found in models_in(info.annotation)):
        if issubclass(below, Value) and below not in seen:
            _check(below, seen)


_check(IndividualPlan, set())
