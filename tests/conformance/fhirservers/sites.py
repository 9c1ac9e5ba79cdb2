"""FHIR servers that others wrote, each a process of its own on loopback: HAPI and sekmet."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue

import orjson

from ip_fhir.demo.place import free_ports
from ip_fhir.fhir.rest.bundles import EntryRequest, batch
from ip_fhir.fhir.rest.searches import search
from ip_fhir.servers import Connection, FhirServer
from tests.conformance import tools
from tests.support.gate import require

HERE = Path(__file__).parent
PARAMETERS = HERE.parents[2] / "mappings" / "search_parameters"
START = 400  # seconds; HAPI makes its database first, a minute on a quiet machine


@dataclass(frozen=True)
class Site:
    """A server that runs: its base, and the status by which it refuses an update of a version that is not the last.

    `installed` has the number of resources of each type that it took from a package.
    """

    name: str
    version: str
    base: str
    stale: int
    installed: dict[str, int] = field(default_factory=dict)

    def client(self, *, batches: bool = True) -> FhirServer:
        """A client of it with a count of requests of its own."""
        return FhirServer(Connection(self.base, timeout=120), batches=batches)


@contextmanager
def hapi() -> Iterator[Site]:
    """HAPI's JPA server with our search parameters; skipped where Java or Maven is missing."""
    with _hapi("HAPI FHIR JPA") as site:
        load_parameters(site)
        yield site


@contextmanager
def validating_hapi(package: Path) -> Iterator[Site]:
    """The same with a FHIR package installed: it refuses what is invalid."""
    with _hapi("HAPI FHIR JPA, validating, with our package", "validate", str(package)) as site:
        yield site


@contextmanager
def _hapi(name: str, *arguments: str) -> Iterator[Site]:
    missing = tools.missing("java", "mvn")
    require(not missing, f"{missing}: install a JDK (17 or newer) and Maven")
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    command = tools.java(tools.hapi_jar(), "org.ipfhir.conformance.HapiServer", *arguments)
    with _running([command[0], quiet, *command[1:]]) as lines:
        base = lines.ready()
        said = (line.split() for line in lines.before if line.startswith("INSTALLED "))
        installed = {type_: int(number) for _, type_, number in said}
        yield Site(name, version(HERE / "hapi" / "pom.xml", r"<hapi.version>(.+?)<"), base, 409, installed)


@contextmanager
def sekmet(place: Path) -> Iterator[Site]:
    """sekmet-fhir, with its data in a folder."""
    (port,) = free_ports(1)
    base = f"http://127.0.0.1:{port}/fhir"
    settings = place / "settings.yaml"
    options = {"base_url": base, "host": "127.0.0.1", "port": port, "data_dir": str(place)}
    options |= {"simulator": {"enabled": False}, "own_private_key_path": str(place / "private.pem")}
    settings.write_bytes(orjson.dumps(options))  # JSON is YAML
    with _running([str(tools.sekmet()), "serve", "--config", str(settings)]) as lines:
        lines.ready("Uvicorn running on ")
        yield Site("sekmet-fhir", version(HERE / "sekmet" / "requirements.txt", r"sekmet-fhir==(.+)"), base, 412)


def version(file: Path, pattern: str) -> str:
    """The version that a file names."""
    found = re.search(pattern, file.read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def load_parameters(site: Site) -> None:
    """Our search parameters, written as a site's own people do it; and asked by, so that they are known from now on."""
    parameters = [orjson.loads(file.read_bytes()) for file in sorted(PARAMETERS.glob("*.json"))]
    connection = site.client().connection
    requests = [EntryRequest("PUT", f"SearchParameter/{one['id']}", one) for one in parameters]
    assert {result.status for result in connection.perform(batch(requests))} <= {200, 201}
    for one in parameters:
        connection.perform(search(one["base"][0], [(one["code"], f"{one['target'][0]}/nobody")]))


class _Lines:
    """What a process writes, line by line; `before` has the lines until it was ready."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.before: list[str] = []
        self._queue: Queue[str] = Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._queue.put(line)
        self._queue.put("")

    def ready(self, word: str = "READY ") -> str:
        """The rest of the first line with this word, once it is written."""
        while True:
            try:
                line = self._queue.get(timeout=START)
            except Empty:
                line = ""
            assert line, f"it does not listen: {''.join(self.before[-30:])}"
            self.before.append(line)
            if word in line:
                return line.partition(word)[2].strip()


@contextmanager
def _running(command: list[str]) -> Iterator[_Lines]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=HERE)
    lines = _Lines(process)
    try:
        yield lines
    finally:
        process.kill()
        process.wait()
        lines.reader.join()
