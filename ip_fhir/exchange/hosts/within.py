"""The exchange in a transaction of the program that embeds it: what our people do is committed with the host's own.

    with engine.begin() as connection:
        connection.execute(journal.insert().values(...))
        within(exchange, connection).save_plan(plan, by=nina)

Until the host commits, nobody else sees it, nothing is sent and no hook is called; after a rollback nothing was done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ip_fhir.exchange.peers import Credential
    from ip_fhir.exchange.sending.run_counts import RunCounts


def within(exchange: Exchange, connection: object) -> Within:
    """Returns the exchange in the transaction that is open on a connection of the host's, or begins now.

    `connection` is a SQLAlchemy `Connection` or `Session` to the database that the store is in; with a store of the
    host's own, whatever that takes. The host commits or rolls back, soon: until then other writers of the store wait.
    Only the thread that has the transaction may use what is returned, and only until its end.

    Raises `InvalidInput`: no connection, another database, or a store that can do no such thing.
    """
    return Within(exchange, connection)


class Within(Exchange):
    """The exchange in one transaction of the host's, for what our own people do. Made by `within`.

    A block of the host's own that fails undoes all of it; a verb that raises has changed nothing, and the transaction
    goes on. It sends nothing, runs no timers and takes in no messages: their answers are given after a commit.
    """

    def __init__(self, exchange: Exchange, connection: object) -> None:
        context, self._join = exchange.join(connection)
        super().__init__(context)

    def run_due(
        self, now: datetime | None = None, limit: int = 1000, keep_going: Callable[[], bool] = lambda: True
    ) -> RunCounts:
        """Refuse: what is due is done when something is committed. So do the three below."""
        _refuse(now, limit, keep_going)

    def run_timers(
        self, now: datetime | None = None, limit: int = 1000, keep_going: Callable[[], bool] = lambda: True
    ) -> RunCounts:
        """Refuse."""
        _refuse(now, limit, keep_going)

    def run_outbox(self, keep_going: Callable[[], bool]) -> RunCounts:
        """Refuse."""
        _refuse(keep_going)

    def run_subscriptions(self, keep_going: Callable[[], bool]) -> RunCounts:
        """Refuse."""
        _refuse(keep_going)

    def close(self) -> None:
        """End nothing: the host ends its transaction."""

    def _credential(self, peer: Credential | str) -> Credential:
        _refuse(peer)


def _refuse(*_given: object) -> NoReturn:
    reason = "nothing is sent and nothing taken in while the host's transaction is open: use the exchange itself"
    raise InvalidInput.at("exchange", reason, "not-supported")
