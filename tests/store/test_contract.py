"""`SqlStore` keeps the contract that every store must keep, on both databases."""

from ip_fhir.ports import Store, Transaction
from ip_fhir.store import SqlStore
from ip_fhir.testing import StoreContract
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


def test_the_types_are_those_of_the_port(store: SqlStore) -> None:
    """The type checker sees a `Store` and a `Transaction`; at run time nothing of the port is missing."""
    port: Store = store
    with store.begin() as begun:
        transaction: Transaction = begun
    for protocol, ours in ((Store, port), (Transaction, transaction)):
        asked = {name for name in vars(protocol) if not name.startswith("_")}
        assert asked <= set(dir(ours))
