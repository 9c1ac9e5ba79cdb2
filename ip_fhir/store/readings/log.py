"""The log of reads in a transaction: rows are added, sealed into the chain of evidence, and taken out when old.

A batch of rows is one record of evidence: the numbers of its first and last row, and the digest of them all. A purge
takes out whole batches and says so in the chain: a row that is missing otherwise was removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import StoreError
from ip_fhir.ports.readings import Reading, ReadingCount
from ip_fhir.store import codec
from ip_fhir.store.readings import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Executable

    from ip_fhir.ports import JsonObject
    from ip_fhir.store.engine import Values
    from ip_fhir.store.prepared import Result

LOG: Final = Aggregate(kind=statements.KIND, id="log")
"""The aggregate under which the log's batches are in the chain of evidence."""

BATCH: Final = "reads"
"""The `kind` of a record about a batch; its other members are `first`, `last` and `digest`."""

PURGED: Final = "reads-purged"
"""The `kind` of a record about rows that were taken out; its other member is `to`, the number of the last of them."""


@dataclass(frozen=True, slots=True)
class Stand:
    """The numbers of the last row of the log, and of the last one that is sealed."""

    last: int
    sealed: int

    def __str__(self) -> str:
        return f"{self.last} {self.sealed}"

    @classmethod
    def parse(cls, text: object) -> Stand | None:
        """Reads the text that `str` wrote; None for any other.

        >>> Stand.parse("7 5"), Stand.parse("nonsense")
        (Stand(last=7, sealed=5), None)
        """
        last, _, sealed = str(text).partition(" ")
        fits = all(part.isascii() and part.isdecimal() and len(part) < 20 for part in (last, sealed))
        return cls(int(last), int(sealed)) if fits else None


class ReadingLog:
    """The log within one transaction: `run` runs a statement in it, `append` adds evidence to it."""

    def __init__(
        self,
        run: Callable[[Executable, Values], Result],
        append: Callable[[Aggregate, Sequence[JsonObject]], None],
    ) -> None:
        self._run = run
        self._append = append

    def add(self, readings: Sequence[Reading], counts: Sequence[ReadingCount]) -> None:
        """Add rows, with the next numbers, and counts to those of their hour."""
        stand = self._stand()  # first: where there are several writers, they queue here
        for one in counts:
            self._count(one)
        if not readings:
            return
        rows = [row_of(one, number) for number, one in enumerate(readings, stand.last + 1)]
        self._run(statements.ADD, rows)
        self._move(Stand(stand.last + len(rows), stand.sealed))

    def seal(self, limit: int) -> int:
        """Put the next rows, at most `limit`, into the chain of evidence as one record. Returns how many there were."""
        stand = self._stand()
        rows = self._run(statements.UNSEALED, {"sealed": stand.sealed, "at_most": limit}).rows
        if not rows:
            return 0
        first, last = rows[0].number, rows[-1].number
        self._append(LOG, [{"kind": BATCH, "first": first, "last": last, "digest": digest_of(rows)}])
        self._move(Stand(stand.last, last))
        return len(rows)

    def purge(self, before: datetime) -> int:
        """Take out the batches whose rows are all from before that time (UTC), and old counts.

        Returns the number of rows that were taken out.
        """
        old = {"before": codec.micros(before)}
        self._run(statements.FORGET_COUNTS, old)
        stand, first = self._stand(), self._run(statements.FIRST, {}).scalar()
        young = self._run(statements.FIRST_YOUNG, old).scalar() or stand.last + 1
        ends = [end for end in map(_end, self._run(statements.SEALS, {}).rows) if end is not None and end < young]
        if first is None or not ends or max(ends) < first:
            return 0
        self._append(LOG, [{"kind": PURGED, "to": max(ends)}])
        return self._run(statements.FORGET, {"last": max(ends)}).rowcount

    def _count(self, one: ReadingCount) -> None:
        key = {"party": one.party, "hour": codec.micros(one.hour), "outcome": one.outcome}
        again = {**{f"of_{name}": value for name, value in key.items()}, "more": one.times}
        if self._run(statements.COUNT_MORE, again).rowcount == 0:
            self._run(statements.COUNT_FIRST, {**key, "times": one.times})

    def _stand(self) -> Stand:
        stand = Stand.parse(self._run(statements.STAND, {}).scalar())
        if stand is None:
            raise StoreError("the end of the log of reads is not known")
        return stand

    def _move(self, stand: Stand) -> None:
        self._run(statements.MOVE_STAND, {"stand": str(stand)})


def digest_of(rows: Iterable[Any]) -> str:
    """The digest of rows of the log in their order: 64 hexadecimal digits.

    Rows without a client, the last column, count as those from before there was one.
    """
    digest = sha256()
    for row in rows:
        said = list(row)
        digest.update(orjson.dumps(said if said[-1] else said[:-1]))
    return digest.hexdigest()


def row_of(one: Reading, number: int) -> dict[str, Any]:
    """A reading as a table row."""
    return {
        "number": number,
        "party": one.party,
        "at": codec.micros(one.at),
        "way": one.way,
        "type": one.type,
        "id": one.id,
        "version": one.version,
        "aggregate_kind": one.aggregate.kind,
        "aggregate_id": one.aggregate.id,
        "criteria": " ".join(one.criteria),
        "ground": one.ground,
        "client": one.client,
    }


def reading_of(row: Any) -> Reading:
    """A table row as a reading."""
    return Reading(
        party=row.party,
        at=codec.moment(row.at),
        way=row.way,
        type=row.type,
        id=row.id,
        version=row.version,
        aggregate=Aggregate(kind=row.aggregate_kind, id=row.aggregate_id),
        ground=row.ground,
        criteria=tuple(row.criteria.split()),
        number=row.number,
        client=row.client,
    )


def count_of(row: Any) -> ReadingCount:
    """A table row as the number of a party's requests."""
    return ReadingCount(row.party, codec.moment(row.hour), row.outcome, row.times)


def _end(row: Any) -> int | None:
    """The number of the last row of a batch; None for a record about something else."""
    try:
        record = orjson.loads(row.body)
        return int(record["last"]) if record["kind"] == BATCH else None
    except (ValueError, TypeError, KeyError):
        return None
