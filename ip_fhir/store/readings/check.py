"""The check of the log of reads against the chain of evidence. Rows that are not sealed yet are only counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.errors import Problem
from ip_fhir.store.prepared import execute
from ip_fhir.store.readings import statements
from ip_fhir.store.readings.log import BATCH, PURGED, Stand, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class _Batch:
    first: int
    last: int
    digest: str


def check_reads(connection: Connection) -> Iterator[Problem]:
    """Yields a problem, with the row's number, for each batch that was changed; none if the log is whole.

    Call it after the chain itself was checked: this trusts the chain.
    """
    batches, purged, wrong = _said(connection)
    yield from (_problem(number, "a record about the log of reads cannot be read", "evidence") for number in wrong)
    stand = Stand.parse(execute(connection, statements.READ_STAND, {}).scalar())
    end = 0
    for batch in batches:
        if batch.first != end + 1:
            yield _problem(end + 1, f"the batch before number {batch.first} is missing")
        elif batch.last > purged and not _is_whole(connection, batch):
            yield _problem(batch.first, f"a row to number {batch.last} was changed, removed or put in")
        end = batch.last
    if stand is None or stand.sealed != end:
        yield _problem(end + 1, "the end of the log is not the one that was written")
    else:
        yield from _check_open(connection, stand)


def _said(connection: Connection) -> tuple[list[_Batch], int, list[int]]:
    """The batches in the chain, the number of the last row taken out, and the records that cannot be read."""
    batches: list[_Batch] = []
    wrong: list[int] = []
    purged = 0
    for row in execute(connection, statements.SEALS, {}).rows:
        try:
            record = orjson.loads(row.body)
            if record["kind"] == BATCH:
                batches.append(_Batch(int(record["first"]), int(record["last"]), str(record["digest"])))
            elif record["kind"] == PURGED:
                purged = max(purged, int(record["to"]))
        except (ValueError, TypeError, KeyError):
            wrong.append(row.number)
    return batches, purged, wrong


def _is_whole(connection: Connection, batch: _Batch) -> bool:
    rows = execute(connection, statements.BATCH, {"first": batch.first, "last": batch.last}).rows
    return _digest(rows) == batch.digest


def _digest(rows: Any) -> str | None:
    try:
        return digest_of(rows)
    except TypeError:  # bytes where there was text: somebody else wrote it
        return None


def _check_open(connection: Connection, stand: Stand) -> Iterator[Problem]:
    """Rows that are not sealed yet: none may be missing, none may be added."""
    due = stand.last - stand.sealed
    found = execute(connection, statements.UNSEALED, {"sealed": stand.sealed, "at_most": due + 1}).rows
    for number, row in enumerate(found, stand.sealed + 1):
        if row.number != number:
            yield _problem(number, "the row is missing")
            return
    if len(found) < due:
        yield _problem(stand.sealed + len(found) + 1, f"the rows to number {stand.last} are missing at the end")
    elif len(found) > due:
        yield _problem(stand.last + 1, "rows were added that the store did not write")


def _problem(number: int, reason: str, where: str = "reads") -> Problem:
    return Problem(f"{where}.{number}", reason, "invariant")
