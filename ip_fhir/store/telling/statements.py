"""SQL statements about what our own people are told; named as in `ip_fhir.store.statements`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, func, insert, select

from ip_fhir.domain.values.aggregate import RECIPIENT
from ip_fhir.store.schema import outbox, telling
from ip_fhir.store.statements import READ, one_of

if TYPE_CHECKING:
    from sqlalchemy import BindParameter

_c = telling.c
_of_recipient = _c.recipient == bindparam("of_recipient")

LAST: Final = select(func.coalesce(func.max(_c.number), 0)).where(_of_recipient)
"""The last number of a recipient."""

ADD: Final = insert(telling)
"""A number and the row that has it."""

FROM: Final = (
    select(*READ)
    .join(telling, _c.row_id == outbox.c.id)
    .where(_of_recipient, _c.number >= bindparam("first"))
    .order_by(_c.number)
    .limit(bindparam("at_most"))
)
"""The rows to a recipient from a number on."""

OLD: Final = (
    select(outbox.c.id, outbox.c.aggregate_id)
    .where(
        outbox.c.aggregate_kind == RECIPIENT,
        one_of(outbox.c.status, ("sent", "refused")),
        outbox.c.due < bindparam("before"),
    )
    .limit(bindparam("at_most"))
)
"""Rows to recipients that are done with, and old."""

_some: BindParameter[str] = bindparam("idents", expanding=True)
_later = telling.alias("later")
_last_of_recipient = select(func.max(_later.c.number)).where(_later.c.recipient == _c.recipient).scalar_subquery()

FORGET_NUMBERS: Final = delete(telling).where(_c.row_id.in_(_some), _c.number < _last_of_recipient)
"""Takes out their numbers, but for a recipient's last one: the next must be higher."""

FORGET_ROWS: Final = delete(outbox).where(outbox.c.id.in_(_some))
"""Takes out the rows."""
