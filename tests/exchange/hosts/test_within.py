"""The exchange in a transaction of the program that embeds it: the host's commit is ours, and so is its rollback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, Table, create_engine, func, select
from sqlalchemy.orm import Session

from ip_fhir.domain.referral import EventKind
from ip_fhir.domain.sharing.events import PlanEventKind
from ip_fhir.errors import InvalidInput, LoopError, StoreError
from ip_fhir.exchange import Exchange, Within, Worker, within
from ip_fhir.exchange.sending.run_counts import PlanChange
from ip_fhir.ports import Store
from ip_fhir.store import open_store_of, upgrade_store_of
from ip_fhir.testing import only_loops
from tests.store.places import Place
from tests.support.postgres import Server, running_server
from tests.support.ring import NINA, PARTIES, Ring, empty_store, make_plan, make_ring
from tests.support.ring_plan import PLAN
from tests.support.two_sides import Loop, notice

JOURNAL = Table("journal", MetaData(), Column("number", Integer, primary_key=True))
"""A table of the host's own."""


@dataclass
class Host:
    """A program with an engine and a table of its own, whose database our store is in, and a hook of its own."""

    ring: Ring
    engine: Engine
    moved: list[PlanEventKind] = field(default_factory=list)

    @property
    def exchange(self) -> Exchange:
        """The side that it embeds: it holds the plan."""
        return self.ring.holder

    def entries(self) -> int:
        """The rows of its own table that are committed."""
        with self.engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(JOURNAL)).scalar() or 0)

    def plans(self) -> int:
        """The plans that are committed."""
        return len(self.exchange.store.plans())  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL server."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def served(server: Server) -> Place:
    """A database of the host's with a schema for us, for one test after another."""
    place = Place(f"{server.new_database()}?options=-csearch_path%3Dip_fhir")
    engine = create_engine(place.url.partition("?")[0].replace("postgresql:", "postgresql+psycopg:"))
    upgrade_store_of(engine, "ip_fhir")
    engine.dispose()
    return place


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """The host's engine, as SQLAlchemy makes it, to a database that has the host's table and an empty store."""
    url = f"sqlite:///{tmp_path}/host.sqlite"
    if request.param == "postgresql":
        served: Place = request.getfixturevalue("served")
        served.empty()
        url = served.url.partition("?")[0].replace("postgresql:", "postgresql+psycopg:")
    else:
        empty_store(tmp_path / "host.sqlite").close()
    engine = create_engine(url)
    JOURNAL.metadata.drop_all(engine)
    JOURNAL.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def host(engine: Engine, tmp_path: Path) -> Iterator[Host]:
    """A host whose database the holder's store is in; the other parties have stores of their own."""
    schema = "ip_fhir" if engine.dialect.name == "postgresql" else None

    def open_(name: str) -> Store:
        return open_store_of(engine, schema) if name == PARTIES[0] else empty_store(tmp_path / f"{name}.sqlite")

    made = Host(make_ring(tmp_path, open_=open_), engine)

    def hook(event: PlanEventKind, _moved: PlanChange) -> None:
        made.moved.append(event)

    sides = made.ring.network.sides
    sides[PARTIES[0]] = Exchange(replace(sides[PARTIES[0]]._context, plan_moved=hook))
    yield made
    made.ring.close()


def test_a_commit_of_the_hosts_is_ours(host: Host) -> None:
    """Its row and our plan are committed together; then what is to be sent is sent, and the hook is called once."""
    with host.engine.begin() as connection:
        connection.execute(JOURNAL.insert().values(number=1))
        inside = within(host.exchange, connection)
        inside.save_plan(make_plan(), by=NINA)
        inside.share(PLAN, "hospital", by=NINA)
        assert inside.plan(PLAN).shares[0].party == "hospital"
        assert (host.plans(), host.moved, host.ring.network.sent) == (0, [], [])
    host.ring.settle()
    assert (host.entries(), host.plans()) == (1, 1)
    assert host.moved[:2] == [PlanEventKind.SAVE, PlanEventKind.SHARE]
    assert host.moved.count(PlanEventKind.SAVE) == 1
    assert host.ring.plan("hospital") is not None
    assert host.exchange.store.verify() == ()


def test_a_rollback_of_the_hosts_leaves_nothing(host: Host) -> None:
    """Neither plan nor evidence nor anything to send; the hook never hears of it, and the plan may be saved anew."""

    def fail() -> None:
        with host.engine.begin() as connection:
            connection.execute(JOURNAL.insert().values(number=1))
            within(host.exchange, connection).save_plan(make_plan(), by=NINA)
            message = "the host's own rule"
            raise LookupError(message)

    with pytest.raises(LookupError):
        fail()
    host.ring.settle()
    assert (host.entries(), host.plans(), host.moved) == (0, 0, [])
    assert host.exchange.store.head().number == 0
    host.exchange.save_plan(make_plan(), by=NINA)
    assert host.moved == [PlanEventKind.SAVE]


def test_a_session_of_the_orm(host: Host) -> None:
    """A `Session` has a transaction, too: its commit is ours."""
    with Session(host.engine) as session:
        session.execute(JOURNAL.insert().values(number=1))
        inside = within(host.exchange, session)
        inside.save_plan(make_plan(), by=NINA)
        session.commit()
    host.exchange.look_at_joins()
    assert (host.entries(), host.plans(), host.moved) == (1, 1, [PlanEventKind.SAVE])


def test_a_savepoint_that_the_host_undoes(host: Host) -> None:
    """What stood in it did not happen, and no hook is called for it, though the transaction is committed."""
    with host.engine.begin() as connection:
        connection.execute(JOURNAL.insert().values(number=1))
        inside = within(host.exchange, connection)
        part = connection.begin_nested()
        inside.save_plan(make_plan(), by=NINA)
        part.rollback()
    host.ring.settle()
    assert (host.entries(), host.plans(), host.moved) == (1, 0, [])


def test_a_verb_that_is_refused_undoes_nothing(host: Host) -> None:
    """The host goes on after it: its own row and what we wrote before it are committed."""
    with host.engine.begin() as connection:
        connection.execute(JOURNAL.insert().values(number=1))
        inside = within(host.exchange, connection)
        inside.save_plan(make_plan(), by=NINA)
        with pytest.raises(InvalidInput):
            inside.share(PLAN, "nobody", by=NINA)
    assert (host.entries(), host.plans()) == (1, 1)


def test_the_worker_is_woken(host: Host) -> None:
    """A worker that rests for long sends at once what the host has committed."""
    arrived = threading.Event()

    def delivered() -> str:
        arrived.set()
        return "deliver"

    host.ring.network.fate = delivered
    worker = Worker(host.exchange, rest=60.0)
    worker.start()
    try:
        host.exchange.activity.wait(0.2)
        with host.engine.begin() as connection:
            inside = within(host.exchange, connection)
            inside.save_plan(make_plan(), by=NINA)
            inside.share(PLAN, "hospital", by=NINA)
        assert arrived.wait(100)
    finally:
        worker.stop()


def test_nothing_is_sent_or_taken_in_there(host: Host) -> None:
    """A message that goes out, or an answer that is given, before the host's commit could be about nothing."""
    with host.engine.begin() as connection:
        inside = within(host.exchange, connection)
        calls = (
            inside.run_due,
            inside.run_timers,
            lambda: inside.run_outbox(lambda: True),
            lambda: inside.run_subscriptions(lambda: True),
            lambda: inside.receive(b"{}", "hospital"),
        )
        for call in calls:
            with pytest.raises(InvalidInput, match="exchange"):
                call()
        inside.close()
    assert host.plans() == 0


def test_after_its_end(host: Host) -> None:
    """What the host has ended takes nothing in any more."""
    with host.engine.begin() as connection:
        inside = within(host.exchange, connection)
    with pytest.raises(StoreError):
        inside.save_plan(make_plan(), by=NINA)


def test_another_database(host: Host, tmp_path: Path) -> None:
    """A connection to another database is refused: its commit would say nothing of ours."""
    other = create_engine(f"sqlite:///{tmp_path}/other.sqlite")
    with other.connect() as connection, pytest.raises(InvalidInput):
        within(host.exchange, connection)
    other.dispose()


def test_a_connection_that_commits_each_statement(host: Host) -> None:
    """There is no transaction to be in: refused, and nothing is left."""
    engine = host.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, pytest.raises(InvalidInput):
        within(host.exchange, connection).save_plan(make_plan(), by=NINA)
    assert host.plans() == 0


def test_loops_too(loop: Loop, tmp_path: Path) -> None:
    """A notice and what a person decides about it: rolled back they were never there, committed they are sent."""
    hospital = loop.hospital.exchange
    engine = create_engine(f"sqlite:///{tmp_path}/hospital.sqlite")
    with engine.connect() as connection:
        within(hospital, connection).send_notice(notice("03"))
        connection.rollback()
    assert hospital.store.referrals() == []
    with engine.begin() as connection:
        within(hospital, connection).send_notice(notice("03"))
    loop.settle()
    (ours,) = hospital.store.referrals()
    (theirs,) = loop.municipality.exchange.store.referrals()
    other = create_engine(f"sqlite:///{tmp_path}/municipality.sqlite")
    with other.begin() as connection:
        inside = within(loop.municipality.exchange, connection)
        inside.act(theirs.correlation_id, EventKind.ACCEPT)
        with pytest.raises(LoopError):
            inside.act(theirs.correlation_id, EventKind.REMIND)
    loop.settle()
    assert loop.state(loop.hospital, ours.correlation_id) == "accepted"
    engine.dispose()
    other.dispose()


def test_a_store_that_can_do_no_such_thing(tmp_path: Path) -> None:
    """A vendor's store without the capability goes on as before; only `within` is refused."""
    with closing(empty_store(tmp_path / "a.sqlite")) as store:
        ring = make_ring(tmp_path, open_=lambda _name: only_loops(store))
        with pytest.raises(InvalidInput, match="store"):
            within(ring.holder, object())
        assert not ring.holder.run_due().anything
        assert not isinstance(ring.holder, Within)
