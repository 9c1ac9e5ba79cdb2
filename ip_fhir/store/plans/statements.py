"""SQL statements about shared plans; named as in `ip_fhir.store.statements`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, delete, insert, literal, null, or_, select, union_all, update

from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.values.aggregate import PLAN
from ip_fhir.store.damage.exclusion import set_aside
from ip_fhir.store.schema import about_person, given_id, outbox, plan, plan_name, plan_version, plan_view
from ip_fhir.store.statements import UNSENT, insert_unless, one_of

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, CompoundSelect, Select

# --- plans

_newest = and_(plan_version.c.plan_id == plan.c.id, plan_version.c.version == plan.c.version)
WHOLE: Final = select(plan, plan_version.c.body.label("newest")).select_from(plan.outerjoin(plan_version, _newest))
"""All plans, each with the content of its newest version."""

LOAD: Final = WHOLE.where(plan.c.id == bindparam("plan_id"))
"""One plan, with the content of its newest version."""

ADD: Final = insert_unless(plan, plan.c.id == bindparam("id"))
"""A new plan; adds nothing when it is there."""

CHANGE: Final = (
    update(plan)
    .where(plan.c.id == bindparam("of"), plan.c.revision == bindparam("based_on"))
    .values({column.name: bindparam(column.name) for column in plan.c if column.name != "id"})
)
"""A plan's next revision; matches nothing when another was first."""

DUE: Final = (
    select(plan.c.id)
    .where(plan.c.next_due <= bindparam("now"), ~set_aside("plan", plan.c.id))
    .order_by(plan.c.next_due, plan.c.id)
    .limit(bindparam("at_most"))
)
"""Plans whose first clock is due; without those that cannot be read, until they are taken up again."""

_no_index = literal("")  # joined to a column, it keeps the database from choosing that column's index
_goes_on = and_(plan.c.over == 0, ~set_aside("plan", plan.c.id))
_replaced = select(plan.c.id).where(
    plan.c.side + _no_index == PlanSide.HOLDER.value, _goes_on, plan.c.settled_since <= bindparam("since")
)

UNSETTLED: Final[CompoundSelect[tuple[str]]] = union_all(
    _replaced.where(plan.c.settled_by < bindparam("basis")),  # not `<>`, for which no index is used
    _replaced.where(plan.c.settled_by > bindparam("basis")),
    select(plan.c.id).where(plan.c.settled_by == null(), plan.c.side == PlanSide.HOLDER.value, _goes_on),
).limit(bindparam("at_most"))
"""Plans held here whose shares were looked at by other settings, which are not later ones, or by none."""

PLACE_IN_LIST: Final = select(plan.c.changed).where(plan.c.id == bindparam("plan_id"))
"""A plan's place in the list, for the page after it."""


def _list(*, of_side: bool, after: bool) -> Select[Any]:
    found = WHOLE
    if of_side:
        found = found.where(plan.c.side == bindparam("of_side"))
    if after:
        same = and_(plan.c.changed == bindparam("changed"), plan.c.id < bindparam("last"))
        found = found.where(or_(plan.c.changed < bindparam("changed"), same))
    return found.order_by(plan.c.changed.desc(), plan.c.id.desc()).limit(bindparam("at_most"))


LISTS: Final = {
    (of_side, after): _list(of_side=of_side, after=after) for of_side in (True, False) for after in (True, False)
}
"""Plans, latest changed first; the keys say if only those `of_side`, if only those after (`changed`, `last`)."""

# --- versions

_of_plan = plan_version.c.plan_id == bindparam("of_plan")

ADD_VERSION: Final = insert_unless(
    plan_version,
    and_(plan_version.c.plan_id == bindparam("plan_id"), plan_version.c.version >= bindparam("version")),
)
"""A new version; adds nothing when there is such a one, or a later."""

LAST_VERSION: Final = (
    select(plan_version.c.version, plan_version.c.digest)
    .where(_of_plan)
    .order_by(plan_version.c.version.desc())
    .limit(1)
)
"""Number and digest of a plan's last version."""

VERSION: Final = select(plan_version).where(_of_plan, plan_version.c.version == bindparam("of_version"))
"""One version."""

_heads = select(*(column for column in plan_version.c if column.name != "body"))

VERSIONS: Final = (
    _heads.where(_of_plan, plan_version.c.version < bindparam("before"))
    .order_by(plan_version.c.version.desc())
    .limit(bindparam("at_most"))
)
"""A plan's versions without their content, newest first, below a number."""

# --- views and names

ADD_VIEW: Final = insert_unless(
    plan_view, and_(plan_view.c.share == bindparam("share"), plan_view.c.number == bindparam("number"))
)
"""A view that was made; adds nothing when one of its number is there."""

VIEW: Final = select(plan_view).where(
    plan_view.c.share == bindparam("of_share"), plan_view.c.number == bindparam("of_number")
)
"""The view of a share with a number."""

ADD_NAME: Final = insert_unless(
    plan_name, and_(plan_name.c.kind == bindparam("kind"), plan_name.c.id == bindparam("id"))
)
"""A name by which a plan is found; adds nothing when it is there."""

NAMED: Final = select(plan_name).where(plan_name.c.kind == bindparam("of_kind"), plan_name.c.id == bindparam("of_id"))
"""The plan that has a name."""

# --- persons

_person_of = and_(about_person.c.aggregate_kind == PLAN, about_person.c.aggregate_id == bindparam("of_plan"))

PERSON: Final = select(about_person.c.person).where(_person_of)
"""The number of the person whom a plan is about."""

DROP_PERSON: Final = delete(about_person).where(_person_of)
"""Forgets whom a plan is about."""

ADD_PERSON: Final = insert(about_person).values(aggregate_kind=PLAN)
"""Adds the person whom a plan is about."""

ADD_GIVEN: Final = insert_unless(given_id, and_(*(column == bindparam(column.name) for column in given_id.c)))
"""An id that a participant gave; adds nothing when it is there."""

GIVEN: Final = (
    select(given_id.c.plan_id)
    .where(given_id.c.party == bindparam("of_party"), given_id.c.id == bindparam("of_id"))
    .order_by(given_id.c.plan_id)
    .limit(bindparam("at_most"))
)
"""The plans to which a party has added something with an id of its own."""

ABOUT: Final = (
    select(plan.c.id)
    .join(about_person, about_person.c.aggregate_id == plan.c.id)
    .where(about_person.c.person == bindparam("person"), about_person.c.aggregate_kind == PLAN)
    .order_by(plan.c.over, plan.c.changed.desc(), plan.c.id)
    .limit(bindparam("at_most"))
)
"""Plans about a person: those that are not over first, latest changed first."""

# --- outbox

_superseded = {"status": "superseded", "last_error": bindparam("reason"), "lease_until": null(), "leased_by": null()}
_unsent: ColumnElement[bool] = one_of(outbox.c.status, UNSENT)

SUPERSEDABLE: Final = select(outbox.c.id, outbox.c.plan_message).where(
    outbox.c.aggregate_kind == bindparam("of_kind"),
    outbox.c.aggregate_id == bindparam("of_id"),
    outbox.c.about == bindparam("of_about"),
    _unsent,
)
"""The unsent rows of an aggregate that are about a share, with the kinds of their messages."""

SUPERSEDE: Final = update(outbox).where(outbox.c.id == bindparam("row_id"), _unsent).values(_superseded)
"""The row is not sent: a newer one is in its place."""
