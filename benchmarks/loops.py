"""Sides of the loop for benchmarks: an exchange on a store, a peer that answers, and stores with many loops in them."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.notice import Notice, NoticeKind
from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, PlanOwner
from ip_fhir.domain.referral import Role
from ip_fhir.domain.terms import LegalBasis
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.ports import Endpoint, Outgoing, Receipt, WireFormat
from ip_fhir.settings import WorkerSettings
from ip_fhir.store import SqlStore, chain, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

HOSPITAL = Organization(id="hospital", name="Sykehuset", kind=OrganizationKind.HOSPITAL)
UNIT = Organization(id="unit", name="Koordinerende enhet", kind=OrganizationKind.COORDINATING_UNIT)
SENT = datetime(2026, 1, 12, 9, tzinfo=UTC)
"""When the notices were sent: a Monday."""

DUE = datetime(2026, 1, 19, 23, tzinfo=UTC)
"""A moment after the first deadline: it has been waited for the unit's acceptance for five working days."""

PLACEHOLDER = "xxxxxxx"
"""In the ids of the loop that the others are copied from."""


def notice(number: str) -> Notice:
    """A notice that says no more than it must; with `number` in its ids."""
    return Notice(
        id=f"notice-{number}",
        correlation_id=f"referral-{number}",
        kind=NoticeKind.COORDINATOR,
        authored=SENT,
        owner=PlanOwner(id="owner", name=PersonName(family="Prøve", given="Eksempel")),
        sender="hospital",
        recipient="unit",
        organizations=(HOSPITAL, UNIT),
        legal_basis=(LegalBasis.HOL_7_2,),
    )


@dataclass
class SetClock:
    """A clock that stands still."""

    at: datetime = SENT

    def now(self) -> datetime:
        """As set."""
        return self.at


class Answering:
    """A peer that has stored whatever it is sent, after a while (seconds)."""

    name: str = "answering"
    format: WireFormat = "fhir-message"

    def __init__(self, after: float = 0.0) -> None:
        self._after = after
        self.sent: list[str] = []
        self.contents: list[bytes] = []

    def send(self, outgoing: Outgoing) -> Receipt:
        """Wait, remember the id, say ok."""
        if self._after:
            time.sleep(self._after)
        self.sent.append(outgoing.message_id)
        self.contents.append(outgoing.content)
        return Receipt(outgoing.message_id, "ok")


def side(role: Role, store: SqlStore, adapter: Answering, clock: SetClock, **settings: Any) -> Exchange:
    """One side of the loop, with the other as its only peer; `settings` are the worker's."""
    ours, theirs = (HOSPITAL, UNIT) if role is Role.HOSPITAL else (UNIT, HOSPITAL)
    context = Context(
        role=role,
        organizations=(ours,),
        store=store,
        clock=clock,
        peers=Peers([Peer("other", (theirs,), adapter, Endpoint("none:"), ("token",))]),
        agreements=(),
        url="https://example.org/fhir",
        jitter=lambda: 1.0,
        tell=lambda _row: None,
        settings=WorkerSettings(**settings),
    )
    return Exchange(context)


# --- many loops


def fill(url: str, loops: int, due: int) -> None:
    """Put open loops into an empty store, `due` of which have a deadline that is over, evenly spread.

    The first one is made by the exchange; the others are copies of all its rows with other ids, made by the database
    itself. Their evidence is chained as it should be; the bytes that were sent are left out.
    """
    with closing(open_store(url)) as store:
        exchange = side(Role.HOSPITAL, store, Answering(), SetClock())
        exchange.send_notice(notice(PLACEHOLDER))
        exchange.run_due()
        with _loading(store) as connection:
            for table, exceptions in _TABLES.items():
                _copy(connection, table, loops, {name: change(loops // due) for name, change in exceptions.items()})
            _copy_evidence(connection, loops)
        _settle(store)


def _not_due(every: int) -> str:
    later = int((DUE + timedelta(days=30)).timestamp() * 1_000_000)
    return f"CASE WHEN n % {every} = 0 THEN next_due ELSE {later} + n END"


_TABLES: dict[str, dict[str, Callable[[int], str]]] = {
    "referral": {"next_due": _not_due, "changed": lambda _: "changed + n"},
    "outbox": {"sequence": lambda _: "n + 1", "id": lambda _: "'row-' || n", "content": lambda _: "NULL"},
    "resource": {"updated": lambda _: "updated + n"},
    "token": {},
}


def _loading(store: SqlStore) -> Any:
    """A connection that need not wait for the disk: if it is cut off, the benchmark begins again."""
    engine = store._database.engine  # noqa: SLF001 - a benchmark looks inside
    if store._database.embedded:  # noqa: SLF001
        with closing(engine.raw_connection()) as raw:
            raw.execute("PRAGMA synchronous=OFF")
            raw.execute("PRAGMA cache_size=-200000")
    return store._database.writing()  # noqa: SLF001


def _settle(store: SqlStore) -> None:
    """As after a while: SQLite's log is in the file, PostgreSQL has counted what is in its tables."""
    database = store._database  # noqa: SLF001
    if database.embedded:
        database.checkpoint()
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        following = "setval(pg_get_serial_sequence('outbox', 'sequence'), max(sequence))"
        connection.exec_driver_sql(f"SELECT {following} FROM outbox")  # noqa: S608 - no value in it
        connection.exec_driver_sql("VACUUM (ANALYZE)")


def _copy(connection: Connection, table: str, loops: int, exceptions: dict[str, str]) -> None:
    """Copy the first loop's rows `loops - 1` times, with the number in the place of the placeholder, then that too."""
    from ip_fhir.store.schema import metadata

    postgresql = connection.dialect.name == "postgresql"
    digits = "lpad(n::text, 7, '0')" if postgresql else "printf('%07d', n)"
    columns = metadata.tables[table].columns
    values = [
        exceptions.get(c.name)
        or (f"replace({c.name}, '{PLACEHOLDER}', {digits})" if c.type.python_type is str else c.name)
        for c in columns
    ]
    series = f"generate_series(1, {loops - 1}) AS n" if postgresql else "series"
    counted = f"SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {loops - 1}"  # noqa: S608 - a number of ours
    names = ", ".join(c.name for c in columns)
    source = f"SELECT {', '.join(values)} FROM {series}, (SELECT * FROM {table}) AS first"  # noqa: S608 - our own names
    with_ = "" if postgresql else f"WITH RECURSIVE series(n) AS ({counted})"
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({names}) {with_} {source.replace('%', '%%') if postgresql else source}"
    )


def _copy_evidence(connection: Connection, loops: int) -> None:
    from ip_fhir.store import statements

    head = chain.Head.parse(str(connection.scalar(statements.READ_HEAD))) or chain.START
    first = [row.body for row in connection.execute(statements.CHAIN)]

    def bodies() -> Iterator[tuple[str, str]]:
        for number in range(1, loops):
            for body in first:
                yield f"referral-{number:07}", body.replace(PLACEHOLDER, f"{number:07}")

    pending: list[dict[str, Any]] = []
    for link in chain.follow(head, bodies()):
        pending.append(link)
        if len(pending) == 10_000:
            connection.execute(statements.ADD_EVIDENCE, pending)
            last = pending[-1]
            pending = []
    if pending:
        connection.execute(statements.ADD_EVIDENCE, pending)
        last = pending[-1]
    connection.execute(statements.MOVE_HEAD, {"head": str(chain.Head(last["number"], last["hash"]))})


def bare(file: str) -> sqlite3.Connection:
    """A connection to a file of its own, as durable as the store's, with nothing in between."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection
