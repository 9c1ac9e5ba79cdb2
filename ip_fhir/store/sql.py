"""`Store` in a SQL database: SQLite where one machine is enough, PostgreSQL where several workers share it."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ip_fhir.domain.referral import Referral
from ip_fhir.domain.values.aggregate import REFERRAL, Aggregate
from ip_fhir.errors import StoreError
from ip_fhir.ports import ChainHead
from ip_fhir.ports.resources import UNBOUNDED
from ip_fhir.store import chain, codec, migrate, statements, upkeep, upkeep_statements, worklist_statements
from ip_fhir.store.damage import rows as damaged
from ip_fhir.store.engine import Database
from ip_fhir.store.hosts.transaction import HostTransaction
from ip_fhir.store.integrity import verification
from ip_fhir.store.plans.reading import SqlPlanReader
from ip_fhir.store.prepared import execute
from ip_fhir.store.readings import statements as reading_statements
from ip_fhir.store.readings.check import check_reads
from ip_fhir.store.readings.log import count_of, reading_of
from ip_fhir.store.resources import search
from ip_fhir.store.subscriptions.store import SqlSubscriptions
from ip_fhir.store.telling.store import SqlTellings, SqlTellingTransaction
from ip_fhir.store.upkeep import Purged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from sqlalchemy import Row

    from ip_fhir.domain.loop.worklist import WorklistItem
    from ip_fhir.errors import Problem
    from ip_fhir.ports import (
        EvidenceRecord,
        Figures,
        OutboxRow,
        OutboxStatus,
        PartyNames,
        Refusal,
        ResourceVersion,
        SearchPlace,
        Stored,
    )
    from ip_fhir.ports.capabilities import AggregateRecord, UnreadableRow, WorklistPlace
    from ip_fhir.ports.readings import Reading, ReadingCount
    from ip_fhir.ports.resources import Bounds, SearchOrder, TimePlace
    from ip_fhir.store.integrity.verification import Checked

T = TypeVar("T")

_PAGE = 1000  # records of evidence held at a time while the chain is checked


def open_store(url: str) -> SqlStore:
    """Opens the store at a database URL: `sqlite:///ip.sqlite`, `postgresql://user@host/name`.

    A SQLite file that is new or older is brought to the present tables. A PostgreSQL database is not: its migration
    is somebody's decision. Raises `InvalidInput` for a URL that cannot be one, `StoreError` if it cannot be opened.
    """
    return prepared(SqlStore(Database(url)))


def prepared(store: SqlStore) -> SqlStore:
    """Returns the store after `prepare`; closes it where that fails."""
    try:
        store.prepare()
    except BaseException:
        store.close()
        raise
    return store


def upgrade_store(url: str) -> None:
    """Migrates the database at a URL to the present tables, whichever it is. Raises as `open_store`."""
    with closing(Database(url)) as database:
        migrate.upgrade(database)


class SqlStore(SqlPlanReader, SqlSubscriptions, SqlTellings):
    """Implements `ip_fhir.ports.Store` and all of `ip_fhir.ports.capabilities`. Made by `open_store`.

    Threads and processes may share it. Only the one that writes holds others up, and only others that write.
    """

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
        self._database.close()

    # --- in a transaction of the host's

    def within(self, connection: object, committing: Callable[[], None]) -> Self:
        """See `ip_fhir.ports.capabilities.JoinableStore.within`: for a SQLAlchemy `Connection` or `Session`."""
        joined = type(self)(HostTransaction(self._database, connection, committing))
        joined._damage, joined._known_plans = self._damage, self._known_plans  # noqa: SLF001 - it is one of us
        return joined

    @property
    def over(self) -> bool:
        """True once the host's transaction has ended, of a store that `within` gave."""
        return self._database.over

    def has_record(self, number: int, hash_: str) -> bool:
        """True if the record of evidence with this number is committed, and has this hash."""
        with self._database.reading() as connection:
            return bool(execute(connection, statements.RECORD_HASH, {"of_number": number}).scalar() == hash_)

    # --- writing

    @contextmanager
    def begin(self) -> Iterator[SqlTellingTransaction]:
        """Yields a write transaction. Raises `StoreError` if the storage fails; then nothing was changed.

        Threads that write to SQLite at the same time share a commit (`ip_fhir.store.sharing`): the block's end waits
        for those that queue behind it. So a block must not wait for another thread that writes.
        """
        with self._database.writing() as connection:
            transaction = SqlTellingTransaction(connection, self._damage, self._known_plans)
            yield transaction
            transaction.complete()

    def claim(
        self, worker: str, now: datetime, lease: timedelta, limit: int, without: frozenset[str | None] = frozenset()
    ) -> list[OutboxRow]:
        """Claims up to `limit` due rows of other peers than `without`, one per lane, until the lease runs out."""
        with self.begin() as transaction:
            return transaction.claim(worker, now, lease, limit, without)

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

    @property
    def holds_rows(self) -> bool:
        """True: a row can wait for a person's yes (`HoldingStore`)."""
        return True

    def give_back(self, row_id: str, claim: int) -> None:
        """Gives back a claimed row that was not tried: it is due as before."""
        with self.begin() as transaction:
            transaction.give_back(row_id, claim)

    def refused(self, row_id: str, reason: str) -> None:
        """Closes a row that will not be sent, with the reason."""
        with self.begin() as transaction:
            transaction.refused(row_id, reason)

    def retry(self, row_id: str, now: datetime) -> None:
        """Makes a parked, held or sent row due again, with the bytes it had."""
        with self.begin() as transaction:
            transaction.retry(row_id, now)

    # --- reading

    def due_timers(self, now: datetime, limit: int) -> list[str]:
        """Returns correlation ids of referrals with a timer that is due, earliest first."""
        values = {"now": codec.micros(now), "at_most": limit}
        return self._list("referral", statements.DUE_TIMERS, values, lambda row: str(row.correlation_id))

    def referral(self, correlation_id: str) -> Stored | None:
        """Returns one referral; None if it is not here. Raises `Unreadable` for one that cannot be read."""
        return self._one("referral", statements.LOAD, {"correlation_id": correlation_id}, codec.stored)

    def referrals(self, states: Sequence[str] = (), limit: int = 100, after: str | None = None) -> list[Referral]:
        """Returns referrals, latest changed first. Raises `InvalidInput` if there is no referral `after`."""
        values: dict[str, Any] = {"at_most": limit} | ({"states": list(states)} if states else {})
        if after is not None:
            place = self._place("referral", statements.PLACE_IN_LIST, {"correlation_id": after})
            values |= {"changed": place.changed, "last": after}
        statement = statements.list_referrals(some_states=bool(states), after=after is not None)
        return self._list("referral", statement, values, lambda row: codec.parse(Referral, row.body))

    def outbox(self, status: OutboxStatus | None = None, limit: int = 100, after: str | None = None) -> list[OutboxRow]:
        """Returns outbox rows, oldest first. Raises `InvalidInput` if there is no row `after`."""
        values: dict[str, Any] = {"at_most": limit} | ({} if status is None else {"in_status": status})
        if after is not None:
            values["behind"] = self._place("outbox row", statements.PLACE_OF_ROW, {"row_id": after}).sequence
        statement = statements.LIST_ROWS[status is not None, after is not None]
        return self._list("outbox", statement, values, codec.outbox_row)

    def overdue_receipts(self, now: datetime, limit: int) -> list[OutboxRow]:
        """Returns awaiting rows whose receipt is due, those due longest first."""
        values = {"now": codec.micros(now), "at_most": limit}
        return self._list("outbox", statements.OVERDUE_RECEIPTS, values, codec.outbox_row)

    def worklist(
        self,
        *,
        open_only: bool = True,
        limit: int = 100,
        aggregate: Aggregate | None = None,
        after: WorklistPlace | None = None,
    ) -> list[WorklistItem]:
        """Returns items, open ones first, then by opening time; only those of one aggregate, or behind a place."""
        of = {"of_kind": aggregate.kind, "of_id": aggregate.id} if aggregate is not None else {}
        values: dict[str, Any] = {"at_most": limit, **of, **(codec.place(after) if after is not None else {})}
        statement = worklist_statements.LISTS[open_only, aggregate is not None, after is not None]
        return self._list("worklist", statement, values, codec.item)

    def refusals(self, limit: int = 100) -> list[Refusal]:
        """Returns messages that were not taken in, latest first."""
        return self._list("refusal", statements.REFUSALS, {"at_most": limit}, codec.refusal)

    def figures(self) -> Figures:
        """Returns the store's figures, all counted at one moment."""
        with self._database.reading() as connection:
            loops = execute(connection, statements.COUNT_LOOPS, {}).rows
            rows = execute(connection, statements.COUNT_ROWS, {}).rows
            attempts = execute(connection, statements.MOST_ATTEMPTS, {}).scalar()
            refused = execute(connection, statements.COUNT_REFUSALS, {}).first()
            items = execute(connection, worklist_statements.COUNT_OPEN, {}).scalar()
            bad = damaged.count(connection)
        most = attempts if isinstance(attempts, int) else 0
        times = {"refusals": refused.number, "refused_times": int(refused.times)}
        return codec.figures(loops, rows, most_attempts=most, open_items=items, unreadable=bad, **times)

    def search_resources(
        self,
        type_: str,
        criteria: Mapping[str, str],
        limit: int = 100,
        *,
        parties: PartyNames | None = None,
        after: SearchPlace | TimePlace | None = None,
        bounds: Bounds = UNBOUNDED,
        order: SearchOrder = "place",
    ) -> list[ResourceVersion]:
        """Returns current versions that match all criteria, in order. Raises `InvalidInput` for an unknown one."""
        if parties is not None and not parties.names:
            return []
        statement, values = search.query(type_, criteria, parties, after, bounds, order)
        return self._list("resource", statement, {**values, "at_most": limit}, codec.resource_version)

    def count_resources(
        self, type_: str, criteria: Mapping[str, str], parties: PartyNames, at_most: int, bounds: Bounds = UNBOUNDED
    ) -> int:
        """Returns the number of resources that such a search finds, counted no further than `at_most`."""
        with self._database.reading() as connection:
            return search.count(connection, type_, criteria, parties, at_most, bounds)

    def resource_versions(self, type_: str, id_: str, limit: int, before: int | None = None) -> list[ResourceVersion]:
        """Returns the versions of a resource, latest first."""
        return self._list("resource", *search.versions(type_, id_, limit, before), codec.resource_version)

    def without_parties(self, basis: str, limit: int) -> list[str]:
        """Returns correlation ids of referrals whose parties were not worked out by the settings of this basis."""
        with self._database.reading() as connection:
            return search.without_parties(connection, basis, limit)

    def evidence(self, correlation_id: str | None = None) -> Sequence[EvidenceRecord]:
        """The referrals' records in order, or one referral's; without those whose words were purged."""
        if correlation_id is None:
            rows = self._read(statements.WORDS, {})
        else:
            rows = self._chain_of(Aggregate.of_referral(correlation_id))
        return self._damage.sort("evidence", rows, codec.evidence_record)[0]

    def records(self, aggregate: Aggregate) -> Sequence[AggregateRecord]:
        """The evidence about any aggregate in order; without records whose words were purged."""
        rows = self._chain_of(aggregate)
        return self._damage.sort("evidence", rows, lambda row: codec.aggregate_record(row, aggregate))[0]

    def _chain_of(self, aggregate: Aggregate) -> Sequence[Row[Any]]:
        return self._read(statements.CHAIN_OF_AGGREGATE, {"of_kind": aggregate.kind, "of_id": aggregate.id})

    def walk(self) -> Iterator[EvidenceRecord]:
        """Yields the referrals' records as `evidence` returns them, as they were when this began, however many."""
        with self._database.reading() as connection:
            rows = connection.execution_options(yield_per=_PAGE).execute(statements.WORDS)
            for row in rows:
                yield from self._damage.sort("evidence", [row], codec.evidence_record)[0]

    def verify(self, expected: Sequence[ChainHead] = ()) -> tuple[Problem, ...]:
        """Checks the chain and all that it says was written. Returns a problem for each thing that is not as it was."""
        return self.examine(expected).problems

    def examine(self, expected: Sequence[ChainHead] = ()) -> Checked:
        """Checks as `verify`, and that the chain holds the `expected` heads; with the numbers of things compared."""
        with self._database.reading() as connection:
            checked = verification.verify(connection, [chain.Head(head.number, head.hash) for head in expected])
            return replace(checked, problems=(*checked.problems, *check_reads(connection)))

    def head(self) -> ChainHead:
        """Returns the end of the chain, and the number of records that have lost their words."""
        with self._database.reading() as connection:
            head = chain.Head.parse(str(connection.scalar(statements.READ_HEAD))) or chain.START
            return ChainHead(head.number, head.hash, int(connection.scalar(upkeep_statements.COUNT_PURGED) or 0))

    # --- rows that cannot be read, and whether something can be taken in

    def set_aside(self, now: datetime) -> None:
        """Writes down the unreadable rows that were met: the work passes over them until they are taken up again."""
        damaged.set_aside(self._database, self._damage, now)

    def unreadable(self, limit: int = 100) -> list[UnreadableRow]:
        """Returns the rows that cannot be read, those met first at the top, then those not written down yet."""
        return damaged.listed(self._database, self._damage, max(limit, 0))

    def untold(self, limit: int = 100) -> list[UnreadableRow]:
        """Returns the rows that are set aside and of which nobody has been told."""
        return damaged.untold(self._database, max(limit, 0))

    def take_up(self, kind: str, key: str) -> None:
        """Takes up a mended row again. Raises `Unreadable` if it is not, `InvalidInput` if it is not set aside."""
        damaged.take_up(self._database, self._damage, kind, key)

    def look_through(self) -> tuple[Problem, ...]:
        """Reads every row there is. Returns a problem for each that cannot be read; it takes as long as that does."""
        return damaged.look_through(self._database, self._damage)

    def try_write(self, now: datetime) -> None:
        """Writes the size of a message outside the evidence and commits. Raises `StoreError` if it cannot."""
        damaged.try_write(self._database, now)

    def is_first_proof(self, digest: str, now: datetime, until: datetime) -> bool:
        """Returns True if a proof of possession was not shown before; it is remembered until that time (UTC)."""
        with self.begin() as transaction:
            return transaction.add_proof(digest, now, until)

    # --- log of reads

    def add_readings(self, readings: Sequence[Reading], counts: Sequence[ReadingCount]) -> None:
        """Adds readings to the log, and counts to those of the same hour. Durable when it returns."""
        with self.begin() as transaction:
            transaction.log.add(readings, counts)

    def readings(self, aggregate: Aggregate | None = None, limit: int = 100) -> list[Reading]:
        """Returns readings, latest first; only those of one aggregate if it is given."""
        of = {} if aggregate is None else {"of_kind": aggregate.kind, "of_id": aggregate.id}
        statement = reading_statements.LATEST if aggregate is None else reading_statements.OF_AGGREGATE
        return [reading_of(row) for row in self._read(statement, {"at_most": max(limit, 0), **of})]

    def reading_counts(self, limit: int = 100) -> list[ReadingCount]:
        """Returns requests that were only counted, by party, hour and outcome, latest hour first."""
        return [count_of(row) for row in self._read(reading_statements.COUNTS, {"at_most": max(limit, 0)})]

    def seal_readings(self, limit: int = 1000) -> int:
        """Puts the next readings into the chain of evidence as one record; returns how many there were."""
        with self.begin() as transaction:
            return transaction.log.seal(limit)

    # --- upkeep

    def count_expired(self, before: datetime, kind: str = REFERRAL) -> int:
        """See `ip_fhir.store.upkeep.count_expired`."""
        return upkeep.count_expired(self._database, before, kind)

    def count_confirmed(self, before: datetime) -> int:
        """See `ip_fhir.store.upkeep.count_confirmed`."""
        return upkeep.count_confirmed(self._database, before)

    def purge(
        self,
        before: datetime,
        now: datetime,
        replayable: datetime | None = None,
        base: timedelta = upkeep.BASE,
        reads: timedelta = upkeep.READS,
    ) -> Purged:
        """See `ip_fhir.store.upkeep.purge`. Rows of the log of reads go that are older than `before` and `reads`."""
        done = upkeep.purge(self._database, before, now, replayable, base)
        with self.begin() as transaction:
            return done + Purged(reads=transaction.log.purge(min(before, now - reads)))

    def backup(self, target: Path) -> None:
        """See `ip_fhir.store.upkeep.backup`."""
        upkeep.backup(self._database, target)
