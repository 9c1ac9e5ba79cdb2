"""Statements of the worklist of our own people. Named as those in `statements`."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, bindparam, func, literal_column, select, tuple_, union_all, update

from ip_fhir.domain.loop.worklist import IN_ITS_PLACE
from ip_fhir.store.schema import worklist
from ip_fhir.store.statements import insert_unless

_OUTCOME: Final = ("done", "done_by", "note")
_done = {"closed": 1, **{name: bindparam(f"new_{name}") for name in _OUTCOME}}
_open = worklist.c.closed == literal_column("0")  # as it stands: for a parameter no partial index is used
_of_aggregate = and_(worklist.c.aggregate_kind == bindparam("of_kind"), worklist.c.aggregate_id == bindparam("of_id"))

_same_id = worklist.c.id == bindparam("id")

OPEN_ITEM: Final = insert_unless(worklist, _same_id, leave_out=_OUTCOME)
"""A new item; adds nothing when its id is there."""

_same_columns = and_(
    *(worklist.c[name] == bindparam(name) for name in ("aggregate_kind", "aggregate_id", "reason")), _open
)

OPEN_FIRST: Final = {
    about_none: insert_unless(
        worklist,
        _same_id,
        and_(_same_columns, worklist.c.about.is_(None) if about_none else worklist.c.about == bindparam("about")),
        leave_out=_OUTCOME,
    )
    for about_none in (True, False)
}
"""A new item about nothing (True) or about something; adds nothing when `STANDING` would find one."""

ITEM: Final = select(worklist).where(worklist.c.id == bindparam("item_id"))
"""One item."""

_of_reason = and_(_of_aggregate, _open, worklist.c.reason == bindparam("of_reason"))
_about = worklist.c.about == bindparam("of_about")

STANDING: Final = {
    about_none: union_all(  # not `or`, for which one index does not do
        ITEM, select(worklist).where(_of_reason, worklist.c.about.is_(None) if about_none else _about)
    )
    for about_none in (True, False)
}
"""An item of an id, and the open items of an aggregate that have a reason, about nothing (True) or about something.

An item that is both comes twice.
"""

FINISH_ITEM: Final = update(worklist).where(worklist.c.id == bindparam("item_id"), _open).values(_done)
"""Marks an open item as done."""

FINISH_REASON: Final = {
    whatever: update(worklist).where(_of_reason, *([] if whatever else [_about])).values(_done).returning(worklist.c.id)
    for whatever in (True, False)
}
"""Marks the open items of an aggregate with a reason as done, whatever they are about (True); returns their ids."""

JOINED: Final = select(worklist).where(worklist.c.note == IN_ITS_PLACE, worklist.c.done_by.is_(None))
"""The items that gave way to a later one."""

_listed = select(worklist).order_by(worklist.c.closed, worklist.c.opened, worklist.c.id).limit(bindparam("at_most"))

COUNT_OPEN: Final = select(func.count()).select_from(worklist).where(_open)
"""Counts open items."""

_place = tuple_(worklist.c.closed, worklist.c.opened, worklist.c.id)
_behind = _place > tuple_(bindparam("was_closed"), bindparam("was_opened"), bindparam("last"))

LISTS: Final = {
    (open_only, of_aggregate, behind): _listed.where(
        *([_open] if open_only else []), *([_of_aggregate] if of_aggregate else []), *([_behind] if behind else [])
    )
    for open_only in (True, False)
    for of_aggregate in (True, False)
    for behind in (True, False)
}
"""Lists of items, open ones first, then by opening time.

The keys say if only open ones, if only one aggregate's, and if only those behind the place `was_closed`, `was_opened`,
`last`.
"""
