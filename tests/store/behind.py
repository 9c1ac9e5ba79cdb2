"""The store's file as somebody sees it who goes past the store."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def sql(file: Path, statement: str, *values: Any) -> list[Any]:
    """Run one statement on the file, past the store."""
    with closing(sqlite3.connect(file, timeout=20)) as connection, connection:
        return connection.execute(statement, values).fetchall()
