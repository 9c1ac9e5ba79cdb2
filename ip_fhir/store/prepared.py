"""Statements as a driver takes them: compiled once for a database, then run on the driver's own cursor.

SQLAlchemy's work on each call costs as much as the statement itself, and taking in a notice runs sixteen statements.
Only a statement with a list of unknown length is left to SQLAlchemy.
"""

from __future__ import annotations

from collections import defaultdict, namedtuple
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.sql.selectable import ReturnsRows

from ip_fhir.errors import InvalidInput
from ip_fhir.store.engine import driver_error, storage_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Executable
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.compiler import SQLCompiler

    from ip_fhir.store.engine import Values

_prepared: Final[defaultdict[str, dict[Executable, Prepared | None]]] = defaultdict(dict)
"""The statements of a process by the kind of database: the engines of one kind are made alike (`engine`)."""

_OURS: Final = {("pysqlite", "named"), ("psycopg", "pyformat")}
"""The drivers, and the way in which parameters stand in a statement, of the engines that are."""


@dataclass(slots=True)  # not frozen: each statement makes one, and a frozen one takes three times as long
class Result:
    """The result of a statement: its rows, whose columns are attributes, and the number of rows it matched."""

    rows: Sequence[Any]
    rowcount: int

    def first(self) -> Any:
        """The first row, or None."""
        return self.rows[0] if self.rows else None

    def scalar(self) -> Any:
        """The first row's first column, or None."""
        return self.rows[0][0] if self.rows else None


class Prepared:
    """A statement for one kind of database: its text, its constant parameters, and the factory of its rows."""

    def __init__(self, statement: Executable, compiled: SQLCompiler) -> None:
        self.sql = str(compiled)
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
        returned = statement.exported_columns if isinstance(statement, ReturnsRows) else ()
        columns = [str(c.key) for c in returned]
        self._row: Any = namedtuple("Row", columns, rename=True) if columns else None  # noqa: PYI024 - columns vary

    def run(self, cursor: Any, values: Values) -> Result:
        """Runs the statement, once or for each of several sets of values."""
        fixed = self._fixed
        if isinstance(values, list):
            cursor.executemany(self.sql, [{**fixed, **one} for one in values] if fixed else values)
        else:
            cursor.execute(self.sql, {**fixed, **values} if fixed else values)
        rows = [] if self._row is None else [*map(self._row._make, cursor.fetchall())]
        return Result(rows, cursor.rowcount)


def execute(connection: Connection, statement: Executable, values: Values) -> Result:
    """Runs one statement. Raises `StoreError`, or `InvalidInput` for a value that the database cannot hold."""
    prepared = _prepare(connection.dialect, statement)
    if prepared is None:
        return _run_by_sqlalchemy(connection, statement, values)
    cursor = _cursor(connection)
    try:
        return prepared.run(cursor, values)
    except UnicodeEncodeError:
        raise _no_text() from None
    except (connection.dialect.loaded_dbapi.Error, UnicodeDecodeError) as error:  # the latter: a damaged file
        raise driver_error(error) from None
    finally:
        cursor.close()


def _cursor(connection: Connection) -> Any:
    try:
        return connection.connection.cursor()
    except Exception:
        with storage_errors():  # only now: it costs as much as the cursor
            raise


def _run_by_sqlalchemy(connection: Connection, statement: Executable, values: Values) -> Result:
    """Runs a statement through SQLAlchemy."""
    with storage_errors():
        try:
            result = connection.execute(statement, values)
        except UnicodeEncodeError:
            raise _no_text() from None
        return Result(result.all() if result.returns_rows else (), result.rowcount)


def _no_text() -> InvalidInput:
    return InvalidInput.at("", "text with half a character (a lone surrogate)")


def _prepare(dialect: Dialect, statement: Executable) -> Prepared | None:
    if (dialect.driver, dialect.paramstyle) not in _OURS:  # on a connection of the host's
        return None
    known = _prepared[dialect.name]
    try:
        return known[statement]
    except KeyError:
        return known.setdefault(statement, _compile(dialect, statement))


def _compile(dialect: Dialect, statement: Any) -> Prepared | None:
    compiled = statement.compile(dialect=dialect)
    return None if compiled.post_compile_params else Prepared(statement, compiled)
