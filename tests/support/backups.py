"""Backups of a side's store, taken while it is in use and put back later: as files, or by PostgreSQL's own programs."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url

from ip_fhir.store import open_store
from tests.support.postgres import programs


def back_up(database: str, target: Path) -> None:
    """Copy the store at this address into a file, as it stands at one moment."""
    if database.startswith("sqlite"):
        with closing(open_store(database)) as store:
            store.backup(target)
    else:
        _run("pg_dump", "--format=custom", f"--file={target}", f"--dbname={database}")


def put_back(database: str, backup: Path) -> None:
    """Replace the store at this address by a backup. Nobody may have it open."""
    place = make_url(database).database
    assert place is not None
    if database.startswith("sqlite"):
        for beside in Path(place).parent.glob(f"{Path(place).name}-*"):
            beside.unlink()
        shutil.copy(backup, place)
        return
    another = make_url(database).set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(another, autocommit=True) as connection:
        # A process that was killed may have left a connection that the server has not missed yet.
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(place)))
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(place)))
    _run("pg_restore", "--exit-on-error", f"--dbname={database}", str(backup))


def _run(program: str, *arguments: str) -> None:
    found = programs()
    assert found is not None
    subprocess.run([found / program, *arguments], check=True, stdin=subprocess.DEVNULL)
