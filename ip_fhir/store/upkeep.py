"""An operator's work on a store: looking at its state, copying it while in use, purging old loops."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.values.aggregate import ACKNOWLEDGED, PLAN, REFERRAL
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.store import codec, migrate
from ip_fhir.store import upkeep_statements as statements
from ip_fhir.store.chain import digest_of
from ip_fhir.store.engine import Database, create_private, name_of, parse_url
from ip_fhir.store.integrity.digests import dump_wrote, owner
from ip_fhir.store.integrity.links import add_links
from ip_fhir.store.plans import outdated
from ip_fhir.store.prepared import execute
from ip_fhir.store.schema import VERSION
from ip_fhir.store.telling import upkeep as telling_upkeep

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

_AT_ONCE: Final = 100  # referrals in one transaction: others get their turn in between
_KEYS_AT_ONCE: Final = 1000

BASE: Final = timedelta(days=90)
"""Time for which a view can be the base of a participant's change, unless an agreement says more."""

READS: Final = timedelta(days=3 * 365 + 1)
"""Time for which it can be told who has read something, unless the settings say otherwise: `evidence.reads_years`."""


_COUNTED_AS: Final = {REFERRAL: "referrals", PLAN: "plans", ACKNOWLEDGED: "receipts"}


@dataclass(frozen=True, slots=True)
class Purged:
    """The result of a purge: numbers of referrals, evidence records without words, message keys, receipts, readings.

    And of whole plans; `versions`, `views`, `messages` and `items` are those that were taken out of plans that go on.
    `tellings` are the rows by which our own people were told.
    """

    referrals: int = 0
    records: int = 0
    keys: int = 0
    receipts: int = 0
    reads: int = 0
    plans: int = 0
    versions: int = 0
    views: int = 0
    messages: int = 0
    items: int = 0
    tellings: int = 0

    def __add__(self, other: Purged) -> Purged:
        return Purged(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a database: its kind, the version of its tables, the version needed, its size in bytes."""

    database: str
    version: str | None
    needed: str
    size: int


def standing(url: str) -> Standing:
    """Returns the state of a database of any version; creates no file. Raises as `open_store`."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).exists():
        return Standing("sqlite", None, VERSION, 0)
    database = Database(url)
    try:
        with database.reading() as connection:
            return Standing(
                database=database.engine.dialect.name,
                version=migrate.version(connection),
                needed=VERSION,
                size=int(connection.scalar(statements.SIZE[database.embedded]) or 0),
            )
    finally:
        database.close()


# --- retention


def count_expired(database: Database, before: datetime, kind: str = REFERRAL) -> int:
    """Returns the number of referrals, or of plans, that `purge` would take out."""
    with database.reading() as connection:
        return int(execute(connection, statements.COUNT_EXPIRED[kind], {"before": codec.micros(before)}).scalar() or 0)


def count_confirmed(database: Database, before: datetime) -> int:
    """Returns the number of confirmed referrals unchanged since `before`, which `purge` keeps until they are closed."""
    with database.reading() as connection:
        return int(execute(connection, statements.COUNT_CONFIRMED, {"before": codec.micros(before)}).scalar() or 0)


def purge(
    database: Database,
    before: datetime,
    now: datetime,
    replayable: datetime | None = None,
    base: timedelta = BASE,
) -> Purged:
    """Takes out the referrals and plans that ended and have not changed since `before` (UTC), with all said about them.

    Deleted are the referral, its FHIR resources in every version, its outbox rows, its worklist items (done or not) and
    the words of its evidence; of a plan also its versions, views and names. The chain is kept, with a digest in place
    of each record's words, and gets a record of what went, so that it verifies as before. One with an unsent message or
    a deadline to come is not deleted.

    Of plans that go on, what is older than `before` and than `base` goes where no share can come back to it, and so do
    worklist items that were done then; see `plans.outdated`. So do acknowledgements that were posted before then.

    Rows by which our own people were told go when they were due before `before` and are done with.

    A message from before `replayable` (UTC) is too old to be taken in again: its answer is deleted, and its key too if
    it came before `before`. Until then both are kept, even if the referral is gone: a replayed message would open the
    referral anew. With None all are kept.

    Raises `StoreError`; then the work reported by earlier calls is done and the rest is not.
    """
    done = Purged()
    for kind in _COUNTED_AS:
        while (some := _in_transaction(database, partial(_purge_some, kind, before, now))) != Purged():
            done += some
    done += _purge_outdated(database, min(before, now - base))
    while (told := _in_transaction(database, partial(_purge_tellings, before))) != Purged():
        done += told
    if replayable is not None:
        done += _forget_messages(database, before, replayable)
    with database.writing() as connection:
        if execute(connection, statements.PURGE_REFUSALS, {"before": codec.micros(before)}).rowcount:
            add_links(connection, (), dump_wrote(forgotten={"refusals": codec.micros(before)}))
    if database.embedded:
        database.checkpoint()
    return done


def _in_transaction(database: Database, work: Callable[[Connection], Purged]) -> Purged:
    with database.writing() as connection:
        if database.embedded:  # or what was deleted could still be read in the file
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        return work(connection)


def _purge_some(kind: str, before: datetime, now: datetime, connection: Connection) -> Purged:
    values = {"before": codec.micros(before), "at_most": _AT_ONCE}
    idents = [row.id for row in execute(connection, statements.EXPIRED[kind], values).rows]
    if not idents:
        return Purged()
    of: dict[str, Any] = {"idents": idents}
    records = execute(connection, statements.RECORDS_OF[kind], of).rows
    if records:
        at = codec.micros(now)
        gone = [{"of": r.number, "words": digest_of(r.body), "at": at} for r in records]
        execute(connection, statements.PURGE_RECORD, gone)
    for statement in statements.PURGE[kind]:
        execute(connection, statement, of)
    add_links(connection, (), dump_wrote(gone=[owner(kind, ident) for ident in idents]))
    return Purged(records=len(records)) + Purged(**{_COUNTED_AS[kind]: len(idents)})


def _purge_outdated(database: Database, before: datetime) -> Purged:
    """Takes out what is outdated of plans that go on, some plans in each transaction."""
    done, after = Purged(), ""
    while idents := outdated.candidates(database, before, after, _AT_ONCE):
        done += _in_transaction(database, partial(_purge_parts, idents, before))
        after = idents[-1]
    return done


def _purge_parts(idents: list[str], before: datetime, connection: Connection) -> Purged:
    gone = [outdated.purge(connection, ident, before) for ident in idents]
    things = {owner(PLAN, one.plan_id): dict.fromkeys(names) for one in gone if (names := one.names())}
    if things:
        add_links(connection, (), dump_wrote(things=things))
    return Purged(
        versions=sum(len(one.versions) for one in gone),
        views=sum(len(one.views) for one in gone),
        messages=sum(len(one.messages) for one in gone),
        items=sum(len(one.items) for one in gone),
    )


def _purge_tellings(before: datetime, connection: Connection) -> Purged:
    return Purged(tellings=telling_upkeep.purge_some(connection, before))


def _forget_messages(database: Database, before: datetime, replayable: datetime) -> Purged:
    """Takes out old message keys and receipts. Reads all keys, in pieces: an index by time would cost each message."""
    done, after = Purged(), ""
    while last := _last_of_keys(database, after):
        place = {"after": after, "last": last}

        def forget(connection: Connection, place: dict[str, str] = place) -> Purged:
            at = {"keys": codec.micros(min(before, replayable)), "replies": codec.micros(replayable)}
            keys = execute(connection, statements.FORGET_KEYS, {"before": at["keys"], **place}).rowcount
            old = {"before": at["replies"], "nothing": b"", **place}
            receipts = keys + execute(connection, statements.FORGET_REPLIES, old).rowcount
            if receipts:
                add_links(connection, (), dump_wrote(forgotten=at))
            return Purged(keys=keys, receipts=receipts)

        done += _in_transaction(database, forget)
        after = last
    return done


def _last_of_keys(database: Database, after: str) -> str | None:
    with database.reading() as connection:
        found = execute(connection, statements.LAST_OF_KEYS, {"after": after, "at_most": _KEYS_AT_ONCE}).scalar()
    return None if found is None else str(found)


# --- copy


def backup(database: Database, target: Path) -> None:
    """Copies a SQLite store, as it stands at one moment, while others go on writing.

    The copy is checked before it gets its name: a backup that is there is whole. Raises `InvalidInput` (the target is
    there already, or the store is a server, which has its own means), `StoreError`.
    """
    if database.file is None:
        raise InvalidInput.at("backup", "a PostgreSQL store is copied with pg_dump", "not-supported")
    if target.exists():
        raise InvalidInput.at("backup", "there is a file of this name already", "duplicate")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        create_private(part)
        _copy(Path(database.file.path), part)
        part.replace(target)
        _sync(target.parent)
    except sqlite3.Error as error:
        raise StoreError(f"the copy failed: {name_of(error)}") from None
    except OSError as error:
        raise StoreError(f"the copy failed: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """Copies a database in one step: in several, every write in between would make it begin again."""
    with closing(sqlite3.connect(source)) as from_, closing(sqlite3.connect(target)) as to:
        from_.backup(to)
        to.execute("PRAGMA journal_mode=DELETE")  # one file, without side files
        if to.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise StoreError("the copy is damaged: so may be the store")
    _sync(target)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
