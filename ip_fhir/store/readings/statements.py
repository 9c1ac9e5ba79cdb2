"""SQL statements about the log of reads; named as in `ip_fhir.store.statements`."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, bindparam, delete, func, insert, select, update

from ip_fhir.store.schema import evidence, meta, reading, reading_count
from ip_fhir.store.statements import insert_unless

KIND: Final = "reads"
"""The kind of aggregate under which batches of the log are in the chain of evidence."""

_KEY: Final = "readings"

STAND: Final = select(meta.c.value).where(meta.c.key == _KEY).with_for_update()
"""The numbers of the last row and of the last row sealed, held until commit: so numbers have no gaps."""

READ_STAND: Final = select(meta.c.value).where(meta.c.key == _KEY)
"""The same, not held."""

MOVE_STAND: Final = update(meta).where(meta.c.key == _KEY).values(value=bindparam("stand"))
"""Sets both numbers."""

ADD: Final = insert(reading)
"""Adds rows."""

_this_hour = and_(
    reading_count.c.party == bindparam("party"),
    reading_count.c.hour == bindparam("hour"),
    reading_count.c.outcome == bindparam("outcome"),
)

COUNT_MORE: Final = (
    update(reading_count)
    .where(
        reading_count.c.party == bindparam("of_party"),
        reading_count.c.hour == bindparam("of_hour"),
        reading_count.c.outcome == bindparam("of_outcome"),
    )
    .values(times=reading_count.c.times + bindparam("more"))
)
"""Requests that are only counted."""

COUNT_FIRST: Final = insert_unless(reading_count, _this_hour)
"""The first of them within an hour."""

UNSEALED: Final = (
    select(reading).where(reading.c.number > bindparam("sealed")).order_by(reading.c.number).limit(bindparam("at_most"))
)
"""Rows that are not in the chain yet, in order."""

BATCH: Final = (
    select(reading)
    .where(reading.c.number >= bindparam("first"), reading.c.number <= bindparam("last"))
    .order_by(reading.c.number)
)
"""The rows of a batch, in order."""

LATEST: Final = select(reading).order_by(reading.c.number.desc()).limit(bindparam("at_most"))
"""Rows, latest first."""

OF_AGGREGATE: Final = LATEST.where(
    reading.c.aggregate_kind == bindparam("of_kind"), reading.c.aggregate_id == bindparam("of_id")
)
"""Rows about one aggregate, latest first."""

COUNTS: Final = (
    select(reading_count)
    .order_by(reading_count.c.hour.desc(), reading_count.c.party, reading_count.c.outcome)
    .limit(bindparam("at_most"))
)
"""Requests by party, hour and outcome, latest first."""

SEALS: Final = (
    select(evidence.c.number, evidence.c.body).where(evidence.c.aggregate_kind == KIND).order_by(evidence.c.number)
)
"""The records of the chain about the log, in order."""

FIRST_YOUNG: Final = select(func.min(reading.c.number)).where(reading.c.at >= bindparam("before"))
"""The first row that is not old."""

FIRST: Final = select(func.min(reading.c.number))
"""The first row that is there."""

FORGET: Final = delete(reading).where(reading.c.number <= bindparam("last"))
"""Deletes old rows."""

FORGET_COUNTS: Final = delete(reading_count).where(reading_count.c.hour < bindparam("before"))
"""Deletes old counts."""
