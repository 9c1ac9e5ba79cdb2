"""FHIR servers that others wrote, which our endpoint is told beside: HAPI's JPA server and sekmet-fhir.

They are started as the conformance tests start them, but for what would keep HAPI slow or forgetful: there it has one
quick compiler and a database in memory, here the compiler for what runs long, and a file.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ip_fhir.fhir.rest.bundles import EntryRequest, transaction
from tests.conformance import tools
from tests.conformance.fhirservers import sites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from ip_fhir.ports import JsonObject
    from tests.conformance.fhirservers.sites import Site

HAPI: Final = "HAPI"
SEKMET: Final = "sekmet"
DURABILITY: Final = {
    HAPI: "H2, written to its file at each commit, not synced",
    SEKMET: "SQLite, synced at each commit",
}
_IN_MEMORY: Final = "jdbc:h2:mem:hapi;DB_CLOSE_DELAY=-1"
_AT_ONCE: Final = 50  # loops in a transaction


@contextmanager
def fhir_server(name: str, place: Path) -> Iterator[tuple[int, Site]]:
    """One of the two with its data below `place`: its process, and where it is."""
    before = _children()
    with _start(name, place) as site:
        (pid,) = _children() - before
        yield pid, site


def missing() -> dict[str, str]:
    """How to get each of the two that cannot be started here, by its name."""
    absent = tools.missing("java", "mvn")
    return {HAPI: f"{absent}: install a JDK (17 or newer) and Maven"} if absent else {}


def told() -> list[str]:
    """The names of those that can be started; a line on standard error for each other one."""
    absent = missing()
    for name, how in absent.items():
        print(f"{name} is not here, so nothing is told beside it: {how}", file=sys.stderr)
    return [name for name in DURABILITY if name not in absent]


def keep(site: Site, resources: Sequence[JsonObject]) -> None:
    """Stores resources under their ids; what others refer to stands before them."""
    connection = site.client().connection
    for first in range(0, len(resources), _AT_ONCE):
        some = resources[first : first + _AT_ONCE]
        requests = [EntryRequest("PUT", f"{one['resourceType']}/{one['id']}", one) for one in some]
        connection.perform(transaction(requests))


def port_and_path(site: Site) -> tuple[int, str]:
    """The port of a server on loopback, and the path of its base."""
    address = urlsplit(site.base)
    assert address.port is not None
    return address.port, address.path


def _start(name: str, place: Path) -> AbstractContextManager[Site]:
    place.mkdir()
    starts: dict[str, Callable[[], AbstractContextManager[Site]]] = {
        HAPI: lambda: _durable_hapi(place),
        SEKMET: lambda: sites.sekmet(place),
    }
    return starts[name]()


@contextmanager
def _durable_hapi(place: Path) -> Iterator[Site]:
    """HAPI on a file; of its options those of the environment `_JAVA_OPTIONS` count last."""
    other = place / "urls.properties"
    file = f"jdbc:h2:file:{place}/hapi;WRITE_DELAY=0"
    other.write_text(f"{_escaped(_IN_MEMORY)}={_escaped(file)}\n", encoding="latin-1")
    options = f"-XX:TieredStopAtLevel=4 -XX:-UseSerialGC -Xmx2g -Dh2.urlMap={other}"
    before = os.environ.get("_JAVA_OPTIONS")
    os.environ["_JAVA_OPTIONS"] = options
    try:
        with sites.hapi() as site:
            if not (place / "hapi.mv.db").is_file():
                raise RuntimeError("HAPI does not keep its data in the file that it was given")
            yield site
    finally:
        os.environ.pop("_JAVA_OPTIONS")
        if before is not None:
            os.environ["_JAVA_OPTIONS"] = before


def _escaped(text: str) -> str:
    """The text as a key or value of a Java properties file."""
    return text.replace("\\", "\\\\").replace(":", "\\:").replace("=", "\\=").replace(" ", "\\ ")


def _children() -> set[int]:
    """The processes that this one has started and that run."""
    return {int(pid) for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}
