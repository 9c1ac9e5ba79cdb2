"""A PostgreSQL server of the tests' own: Debian's programs, a new data directory, a free loopback port.

Gone afterwards. As root the server runs as the user `postgres`, since it refuses root.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from ip_fhir.demo.place import free_ports
from tests.support.gate import require

NOT_HERE = "no PostgreSQL: apt-get install postgresql (/usr/lib/postgresql/*/bin)"


def programs() -> Path | None:
    """Where the newest of Debian's PostgreSQL servers lies; None if there is none, or none that we may run."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found and _user_is_there() else None


def _user_is_there() -> bool:
    return os.geteuid() != 0 or any(entry.pw_name == "postgres" for entry in pwd.getpwall())


@dataclass
class Server:
    """A server in a directory; it may be stopped and started again, and keeps what it has."""

    programs: Path
    place: Path
    port: int
    password: str

    def url(self, database: str) -> str:
        """Where a database is, for the store."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make a database without tables, and say where it is."""
        name = f"store_{secrets.token_hex(8)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        return self.url(name)

    def make(self) -> None:
        """A new cluster: UTF-8, and a password even on loopback, since others may be on this machine."""
        word = self.place / "password"
        word.write_text(self.password)
        if os.geteuid() == 0:
            for path in (self.place, word):
                shutil.chown(path, "postgres", "postgres")
        kind = ("--username=postgres", "--auth=scram-sha-256", f"--pwfile={word}", "--encoding=UTF8", "--no-locale")
        self._run("initdb", "--no-sync", *kind)  # the cluster is made in a hurry, what is stored in it is not

    def start(self) -> None:
        """Start and wait until it answers. Nothing is switched off: what is committed has been written to the disk."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.place}"
        self._run("pg_ctl", "--wait", f"--log={self.place}/log", f"--options={options} -c fsync=on", "start")

    def stop(self, how: str = "fast") -> None:
        """Stop: `fast` says good-bye to everybody, `immediate` is a crash."""
        self._run("pg_ctl", "--wait", f"--mode={how}", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        who: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run(
            [self.programs / program, f"--pgdata={self.place}/data", *arguments],
            check=True,
            cwd=self.place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server lives
            **who,
        )


@contextmanager
def running_server() -> Iterator[Server]:
    """A server, started; stopped and removed at the end. Skips where there is no PostgreSQL."""
    found = programs()
    require(found, NOT_HERE)
    assert found is not None
    with tempfile.TemporaryDirectory(prefix="ip-fhir-pg-") as place:
        server = Server(found, Path(place), free_ports(1)[0], secrets.token_hex(8))
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
