"""`Store` in a SQL database: SQLite where one machine is enough, PostgreSQL where several workers share it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.referral import Referral
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.ports import ChainHead
from ip_fhir.store import chain, codec, migrate, statements, upkeep, upkeep_statements, worklist_statements
from ip_fhir.store.engine import Database
from ip_fhir.store.prepared import execute
from ip_fhir.store.tokens import NAMES
from ip_fhir.store.transaction import SqlTransaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from sqlalchemy import Executable, Row

    from ip_fhir.domain.loop.worklist import WorklistItem
    from ip_fhir.errors import Problem
    from ip_fhir.ports import EvidenceRecord, Figures, OutboxRow, OutboxStatus, Refusal, ResourceVersion, Stored
    from ip_fhir.ports.capabilities import AggregateRecord
    from ip_fhir.store.upkeep import Purged

_PAGE = 1000  # records of evidence held at a time while the chain is checked


def open_store(url: str) -> SqlStore:
    """Opens the store at a database URL: `sqlite:///ip.sqlite`, `postgresql://user@host/name`.

    A SQLite file that is new or older is brought to the present tables. A PostgreSQL database is not: its migration
    is somebody's decision. Raises `InvalidInput` for a URL that cannot be one, `StoreError` if it cannot be opened.
    """
    store = SqlStore(Database(url))
    try:
        store.prepare()
    except BaseException:
        store.close()
        raise
    return store


def upgrade_store(url: str) -> None:
    """Migrates the database at a URL to the present tables, whichever it is. Raises as `open_store`."""
    database = Database(url)
    try:
        migrate.upgrade(database)
    finally:
        database.engine.dispose()


class SqlStore:
    """Implements `ip_fhir.ports.Store` and all of `ip_fhir.ports.capabilities`; made by `open_store`.

    Threads and processes may share it. Only the one that writes holds others up, and only others that write.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __repr__(self) -> str:
        return f"SqlStore({self._database.engine.dialect.name})"

    def prepare(self) -> None:
        """Migrates SQLite to the present tables. Raises `StoreError` for a PostgreSQL database with older ones."""
        if self._database.embedded:
            migrate.upgrade(self._database)
            return
        with self._database.reading() as connection:
            if not migrate.is_current(connection):
                raise StoreError("the store's tables are not there or of an older version: ip-fhir db upgrade")

    def close(self) -> None:
        """Closes the connections."""
        self._database.engine.dispose()

    # --- writing

    @contextmanager
    def begin(self) -> Iterator[SqlTransaction]:
        """Yields a write transaction. Raises `StoreError` if the storage fails; then nothing was changed.

        Threads that write to SQLite at the same time share a commit (`ip_fhir.store.sharing`): the block's end waits
        for those that queue behind it. So a block must not wait for another thread that writes.
        """
        with self._database.writing() as connection:
            transaction = SqlTransaction(connection)
            yield transaction
            transaction.complete()

    def claim(self, worker: str, now: datetime, lease: timedelta, limit: int) -> list[OutboxRow]:
        """Claims up to `limit` due rows, one per lane, for this worker until the lease (seconds) runs out."""
        with self.begin() as transaction:
            return transaction.claim(worker, now, lease, limit)

    def keep_content(self, row_id: str, content: bytes, content_type: str) -> OutboxRow:
        """Keeps the bytes of the first attempt, before it is made. Returns the row with the bytes to send."""
        with self.begin() as transaction:
            return transaction.keep_content(row_id, content, content_type)

    def sent(self, row_id: str, now: datetime) -> None:
        """Marks the row as sent, whatever its status was."""
        with self.begin() as transaction:
            transaction.finish(row_id, now)

    def failed(self, row_id: str, reason: str, next_try: datetime | None, claim: int | None = None) -> None:
        """Records a failed attempt. The row is tried again at `next_try` (UTC); None parks it for a person."""
        with self.begin() as transaction:
            transaction.failed(row_id, reason, next_try, claim)

    def hand_over(self, row_id: str, now: datetime, due: datetime, claim: int) -> None:
        """Marks a claimed row as handed over at `now`; it awaits its receipt until `due` (both UTC)."""
        with self.begin() as transaction:
            transaction.hand_over(row_id, now, due, claim)

    def give_back(self, row_id: str, claim: int) -> None:
        """Gives back a claimed row that was not tried: it is due as before."""
        with self.begin() as transaction:
            transaction.give_back(row_id, claim)

    def refused(self, row_id: str, reason: str) -> None:
        """Closes a row that will not be sent, with the reason."""
        with self.begin() as transaction:
            transaction.refused(row_id, reason)

    def retry(self, row_id: str, now: datetime) -> None:
        """Makes a parked or sent row due again, with the bytes it had."""
        with self.begin() as transaction:
            transaction.retry(row_id, now)

    # --- reading

    def due_timers(self, now: datetime, limit: int) -> list[str]:
        """Returns correlation ids of referrals with a timer that is due, earliest first."""
        rows = self._read(statements.DUE_TIMERS, {"now": codec.micros(now), "at_most": max(limit, 0)})
        return [row.correlation_id for row in rows]

    def referral(self, correlation_id: str) -> Stored | None:
        """Returns one referral; None if it is not here."""
        rows = self._read(statements.LOAD, {"correlation_id": correlation_id})
        return codec.stored(rows[0]) if rows else None

    def referrals(self, states: Sequence[str] = (), limit: int = 100, after: str | None = None) -> list[Referral]:
        """Returns referrals, latest changed first. Raises `InvalidInput` if there is no referral `after`."""
        values: dict[str, Any] = {"at_most": max(limit, 0)}
        if states:
            values["states"] = list(states)
        if after is not None:
            place = self._read(statements.PLACE_IN_LIST, {"correlation_id": after})
            if not place:
                raise InvalidInput.at("after", "there is no such referral", "not-found")
            values |= {"changed": place[0].changed, "last": after}
        statement = statements.list_referrals(some_states=bool(states), after=after is not None)
        return [codec.parse(Referral, row.body) for row in self._read(statement, values)]

    def outbox(self, status: OutboxStatus | None = None, limit: int = 100) -> list[OutboxRow]:
        """Returns outbox rows, oldest first."""
        statement = statements.OUTBOX if status is None else statements.OUTBOX_BY_STATUS
        values = {"at_most": max(limit, 0)} | ({} if status is None else {"in_status": status})
        return [codec.outbox_row(row) for row in self._read(statement, values)]

    def overdue_receipts(self, now: datetime, limit: int) -> list[OutboxRow]:
        """Returns awaiting rows whose receipt is due, those due longest first."""
        values = {"now": codec.micros(now), "at_most": max(limit, 0)}
        return [codec.outbox_row(row) for row in self._read(statements.OVERDUE_RECEIPTS, values)]

    def worklist(
        self, *, open_only: bool = True, limit: int = 100, aggregate: Aggregate | None = None
    ) -> list[WorklistItem]:
        """Returns items, open ones first, then by opening time; only those of one aggregate if it is given."""
        values: dict[str, Any] = {"at_most": max(limit, 0)}
        values |= {"of_kind": aggregate.kind, "of_id": aggregate.id} if aggregate is not None else {}
        statement = worklist_statements.LISTS[open_only, aggregate is not None]
        return [codec.item(row) for row in self._read(statement, values)]

    def refusals(self, limit: int = 100) -> list[Refusal]:
        """Returns messages that were not taken in, latest first."""
        return [codec.refusal(row) for row in self._read(statements.REFUSALS, {"at_most": max(limit, 0)})]

    def figures(self) -> Figures:
        """Returns the store's figures, all counted at one moment."""
        with self._database.reading() as connection:
            loops = execute(connection, statements.COUNT_LOOPS, {}).rows
            rows = execute(connection, statements.COUNT_ROWS, {}).rows
            attempts = execute(connection, statements.MOST_ATTEMPTS, {}).scalar() or 0
            refusals = execute(connection, statements.COUNT_REFUSALS, {}).scalar()
            items = execute(connection, worklist_statements.COUNT_OPEN, {}).scalar()
        return codec.figures(loops, rows, most_attempts=attempts, refusals=refusals, open_items=items)

    def search_resources(self, type_: str, criteria: Mapping[str, str], limit: int = 100) -> list[ResourceVersion]:
        """Returns current versions that match all criteria, latest first. Raises `InvalidInput` for an unknown one."""
        names = [name for name in criteria if name in NAMES]
        if unknown := set(criteria) - {*NAMES, "_id", "correlation"}:
            problem = f"{len(unknown)} parameters are not among _id, correlation, {', '.join(NAMES)}"
            raise InvalidInput.at("search", problem, "not-supported")
        values: dict[str, Any] = {"of_type": type_, "at_most": max(limit, 0)}
        values |= {f"value_{number}": criteria[name] for number, name in enumerate(names)}
        values |= {"of_id": criteria["_id"]} if "_id" in criteria else {}
        values |= {"of_referral": criteria["correlation"]} if "correlation" in criteria else {}
        statement = statements.search(names, by_id="_id" in criteria, by_referral="correlation" in criteria)
        return [codec.resource_version(row) for row in self._read(statement, values)]

    def evidence(self, correlation_id: str | None = None) -> Sequence[EvidenceRecord]:
        """The referrals' records in order, or one referral's; without those whose words were purged."""
        if correlation_id is None:
            rows = self._read(statements.WORDS, {})
        else:
            rows = self._chain_of(Aggregate.of_referral(correlation_id))
        return [codec.evidence_record(row) for row in rows]

    def records(self, aggregate: Aggregate) -> Sequence[AggregateRecord]:
        """The evidence about any aggregate in order; without records whose words were purged."""
        return [codec.aggregate_record(row, aggregate) for row in self._chain_of(aggregate)]

    def _chain_of(self, aggregate: Aggregate) -> Sequence[Row[Any]]:
        return self._read(statements.CHAIN_OF_AGGREGATE, {"of_kind": aggregate.kind, "of_id": aggregate.id})

    def walk(self) -> Iterator[EvidenceRecord]:
        """Yields the referrals' records as `evidence` returns them, as they were when this began, however many."""
        with self._database.reading() as connection:
            rows = connection.execution_options(yield_per=_PAGE).execute(statements.WORDS)
            for row in rows:
                yield codec.evidence_record(row)

    def verify(self) -> tuple[Problem, ...]:
        """Checks the whole chain. Returns a problem, with the number, for each changed, removed or inserted record."""
        with self._database.reading() as connection:
            head = chain.Head.parse(str(connection.scalar(statements.READ_HEAD)))
            rows = connection.execution_options(yield_per=_PAGE).execute(statements.CHAIN)
            found = [*chain.check(rows, head)]
            wrong = connection.execute(statements.WRONGLY_PURGED).scalars()
            return (*found, *map(chain.wrongly_purged, wrong))

    def head(self) -> ChainHead:
        """Returns the end of the chain, and the number of records that have lost their words."""
        with self._database.reading() as connection:
            head = chain.Head.parse(str(connection.scalar(statements.READ_HEAD))) or chain.START
            return ChainHead(head.number, head.hash, int(connection.scalar(upkeep_statements.COUNT_PURGED) or 0))

    # --- upkeep

    def count_expired(self, before: datetime) -> int:
        """See `ip_fhir.store.upkeep.count_expired`."""
        return upkeep.count_expired(self._database, before)

    def purge(self, before: datetime, now: datetime, replayable: datetime | None = None) -> Purged:
        """See `ip_fhir.store.upkeep.purge`."""
        return upkeep.purge(self._database, before, now, replayable)

    def backup(self, target: Path) -> None:
        """See `ip_fhir.store.upkeep.backup`."""
        upkeep.backup(self._database, target)

    def _read(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        with self._database.reading() as connection:
            return execute(connection, statement, values).rows
