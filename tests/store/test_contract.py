"""`SqlStore` keeps the contract that every store must keep, on both databases."""

import sys
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, create_engine, make_url

from ip_fhir.ports import Store, Transaction
from ip_fhir.ports.capabilities import (
    AggregateStore,
    AggregateTransaction,
    HoldingStore,
    HoldingTransaction,
    JoinableStore,
    ProofStore,
    ReadingStore,
    ReceiptStore,
    TrialStore,
    UnreadableStore,
    UnreadableTransaction,
    WorklistStore,
    WorklistTransaction,
    awaits_receipts,
    keeps_readings,
    lists_work,
    missing,
    writes_worklist,
)
from ip_fhir.ports.plans import PlanStore, PlanTransaction, keeps_plans
from ip_fhir.ports.subscriptions import SubscriptionStore, keeps_subscriptions
from ip_fhir.ports.telling import TellingStore, TellingTransaction, keeps_tellings
from ip_fhir.store import SqlStore
from ip_fhir.testing import (
    AggregateContract,
    HoldingContract,
    JoinedContract,
    OtherIdContract,
    PlanContract,
    ReceiptContract,
    StoreContract,
    SubscriptionContract,
    TellingContract,
    WorklistContract,
    only_loops,
)
from tests.store.places import Place


def place_of(store: SqlStore) -> Place:
    """Where the store lies."""
    return Place(store._database.engine.url.render_as_string(hide_password=False))


class TestSqlStore(StoreContract):
    """On a file, and on a server."""

    def change_evidence(self, store: SqlStore, number: int) -> None:
        """One letter of what happened."""
        place_of(store).sql(
            "UPDATE evidence SET body = replace(body, 'sent', 'Sent') WHERE number = :number", number=number
        )

    def remove_evidence(self, store: SqlStore, number: int) -> None:
        """A whole row."""
        place_of(store).sql("DELETE FROM evidence WHERE number = :number", number=number)


class TestReceipts(ReceiptContract):
    """The same two databases await receipts."""


class TestHolding(HoldingContract):
    """And hold rows until a person says yes."""


class TestOtherIds(OtherIdContract):
    """And know the ids of other systems."""


class TestWorklist(WorklistContract):
    """And keep a worklist."""


class TestAggregates(AggregateContract):
    """And plans beside referrals."""


class TestPlans(PlanContract):
    """And plans that are shared."""


class TestSubscriptions(SubscriptionContract):
    """And subscriptions, with what there is to tell."""


class TestTelling(TellingContract):
    """And number what our own people are told."""


class TestJoined(JoinedContract):
    """And write in the transaction of a program that embeds us."""

    @pytest.fixture
    def connect(self, place: Place) -> Iterator[Callable[[], Connection]]:
        """Connections of an engine of the host's own to the same database, with all that SQLAlchemy does by itself."""
        url = make_url(place.url)
        engine = create_engine(url if place.embedded else url.set(drivername="postgresql+psycopg"))
        yield engine.connect
        engine.dispose()


class TestOnlyLoops(TestSqlStore):
    """A store without the further capabilities keeps the contract as it was before them."""

    @pytest.fixture
    def store(self, store: SqlStore) -> Store:
        """Nothing beyond `Store` can be reached."""
        plain = only_loops(store)
        assert missing(plain) == (
            "ReceiptStore",
            "HoldingStore",
            "WorklistStore",
            "ReadingStore",
            "AggregateStore",
            "PlanStore",
            "UnreadableStore",
            "ProofStore",
            "SubscriptionStore",
            "TellingStore",
            "JoinableStore",
            "TrialStore",
        )
        assert not awaits_receipts(plain)
        assert not lists_work(plain)
        assert not keeps_readings(plain)
        assert not keeps_plans(plain)
        assert not keeps_subscriptions(plain)
        assert not keeps_tellings(plain)
        with plain.begin() as transaction:
            assert not writes_worklist(transaction)
        return plain

    def change_evidence(self, store: Store, number: int) -> None:
        """As of the store behind it."""
        super().change_evidence(store._store, number)  # type: ignore[attr-defined]

    def remove_evidence(self, store: Store, number: int) -> None:
        """As of the store behind it."""
        super().remove_evidence(store._store, number)  # type: ignore[attr-defined]


def test_nothing_is_missing(store: SqlStore) -> None:
    """Our own store has every capability, and the type checker sees so."""
    assert missing(store) == ()
    ports: tuple[ReceiptStore, WorklistStore, ReadingStore, AggregateStore, UnreadableStore, TrialStore] = (store,) * 6
    proofs: ProofStore = store
    holding: HoldingStore = store
    plans: PlanStore = store
    subscriptions: SubscriptionStore = store
    tellings: TellingStore = store
    joinable: JoinableStore = store
    assert keeps_plans(store)
    assert keeps_tellings(store)
    assert keeps_subscriptions(store)
    with store.begin() as begun:
        transactions: tuple[WorklistTransaction, AggregateTransaction, UnreadableTransaction] = (begun,) * 3
        held: HoldingTransaction = begun
        planned: PlanTransaction = begun
        telling: TellingTransaction = begun
    of_stores = (
        ReceiptStore,
        WorklistStore,
        ReadingStore,
        AggregateStore,
        UnreadableStore,
        TrialStore,
        HoldingStore,
        ProofStore,
    )
    of_transactions = (WorklistTransaction, AggregateTransaction, UnreadableTransaction, HoldingTransaction)
    of_both = (PlanStore, SubscriptionStore, TellingStore, JoinableStore, *of_transactions, PlanTransaction)
    kept = (*ports, holding, proofs, plans, subscriptions, tellings, joinable)
    protocols = (*of_stores, *of_both, TellingTransaction)
    for protocol, ours in zip(protocols, (*kept, *transactions, held, planned, telling), strict=True):
        assert {name for name in dir(protocol) if not name.startswith("_")} <= set(dir(ours))


def test_every_suite_says_what_it_compared() -> None:
    """Pytest has rewritten the asserts of all parts of the contracts: no module is as plain import gives it."""
    parts = {name: module for name, module in sys.modules.items() if name.startswith("ip_fhir.testing.store.")}
    assert len(parts) >= 7
    plain = [name for name, module in parts.items() if "AssertionRewritingHook" not in repr(module.__loader__)]
    assert plain == []


def test_the_types_are_those_of_the_port(store: SqlStore) -> None:
    """The type checker sees a `Store` and a `Transaction`; at run time nothing of the port is missing."""
    port: Store = store
    with store.begin() as begun:
        transaction: Transaction = begun
    for protocol, ours in ((Store, port), (Transaction, transaction)):
        asked = {name for name in dir(protocol) if not name.startswith("_")}
        assert asked <= set(dir(ours))
