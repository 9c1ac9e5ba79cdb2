"""`SqlStore` keeps the contract that every store must keep."""

from pathlib import Path

from ip_fhir.ports import Store, Transaction
from ip_fhir.store import SqlStore
from ip_fhir.testing import StoreContract
from tests.store.behind import sql


def file_of(store: SqlStore) -> Path:
    """Where the store lies."""
    return Path(str(store._database.engine.url.database))


class TestSqlStore(StoreContract):
    """On SQLite, on a file."""

    def change_evidence(self, store: SqlStore, number: int) -> None:
        """One letter of what happened."""
        changed = "UPDATE evidence SET body = replace(body, 'sent', 'Sent') WHERE number = ?"
        sql(file_of(store), changed, number)

    def remove_evidence(self, store: SqlStore, number: int) -> None:
        """A whole row."""
        sql(file_of(store), "DELETE FROM evidence WHERE number = ?", number)


def test_the_types_are_those_of_the_port(store: SqlStore) -> None:
    """The type checker sees a `Store` and a `Transaction`; at run time nothing of the port is missing."""
    port: Store = store
    with store.begin() as begun:
        transaction: Transaction = begun
    for protocol, ours in ((Store, port), (Transaction, transaction)):
        asked = {name for name in vars(protocol) if not name.startswith("_")}
        assert asked <= set(dir(ours))
