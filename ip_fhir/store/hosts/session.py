"""Settings of a transaction on a connection that is not ours, put back at its end where the host goes on."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from ip_fhir.errors import InvalidInput
from ip_fhir.store import statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_SET: Final = text("""
    SELECT set_config('lock_timeout', :patience, true),
           set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), true)
""")
_SET_PLACE: Final = text("SELECT set_config('search_path', :path, true)")
_FULL: Final = 2
_NOW: Final = text("SELECT current_setting('search_path') AS path, current_setting('lock_timeout') AS patience")


@dataclass(frozen=True, slots=True)
class HostSession:
    """The schema that our tables are in (None: where the connection looks first) and how long to wait for a lock."""

    schema: str | None
    patience: float

    def enter(self, connection: Connection) -> None:
        """Sets both for the transaction that is open; it is on the disk when it is committed. PostgreSQL only."""
        connection.execute(_SET, {"patience": f"{self.patience * 1000:.0f}"})
        if self.schema is not None:
            connection.execute(_SET_PLACE, {"path": connection.dialect.identifier_preparer.quote(self.schema)})

    @contextmanager
    def within(self, connection: Connection) -> Iterator[None]:
        """Sets them for a block, and puts back what the host had. Where the block fails, its savepoint does that."""
        if connection.dialect.name != "postgresql":
            yield
            return
        before: Any = connection.execute(_NOW).one()
        self.enter(connection)
        yield
        connection.execute(_SET_PLACE, {"path": before.path})
        connection.execute(_SET, {"patience": before.patience})


def take_lock(connection: Connection) -> None:
    """Makes SQLite's driver begin a transaction that may write. Raises `InvalidInput` where the host's has none.

    A savepoint outside a transaction would be one of its own, committed at its release.
    """
    connection.execute(statements.MOVE_NOTHING)
    driver: Any = connection.connection.dbapi_connection
    if not getattr(driver, "in_transaction", True):
        raise _autocommit()


def require_durable(connection: Connection) -> None:
    """Raises `InvalidInput` where SQLite does not wait for the disk: it cannot be told to within a transaction."""
    if int(connection.exec_driver_sql("PRAGMA synchronous").scalar() or 0) < _FULL:
        reason = "what it commits may be lost with the power: PRAGMA synchronous = FULL, as SQLite has it by default"
        raise InvalidInput.at("connection", reason, "business-rule")


def require_transaction(connection: Connection) -> None:
    """Raises `InvalidInput` where PostgreSQL's driver commits each statement by itself."""
    driver: Any = connection.connection.dbapi_connection
    if getattr(driver, "autocommit", False) is True:
        raise _autocommit()


def _autocommit() -> InvalidInput:
    return InvalidInput.at("connection", "it commits each statement by itself: there is no transaction to be in")
