"""Our endpoint beside FHIR servers of others: a Task that comes to be, a transaction, a read; all of it durable.

All answer the same requests, from one load generator, a round of requests each in turn; the others stand still
meanwhile, so that what a server does after its round is in none but its own. Ours opens a loop for each notice: a
ServiceRequest and its Task, the evidence, timers, and the word to our own people; its round ends when all of that is
done. The others store the resources that they are sent.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from bare_servers import BareServer
from bench_load import Server, serving
from fhir_servers import DURABILITY, HAPI, fhir_server, keep, port_and_path, told
from loops import Answering, SetClock, notice, side
from measuring import Figure

from ip_fhir.domain.message import Message
from ip_fhir.domain.referral import Role
from ip_fhir.fhir.json_text import dumps
from ip_fhir.mapping import message_to_fhir
from ip_fhir.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.ports import JsonObject

CONNECTIONS: Final = 8  # HAPI's pool has ten connections to its database, and some requests take two
_OURS: Final = "ours"
_TASKS: Final = 100  # that are read in turn
_KINDS: Final = {
    "a notice created, and its Task": "POST {base}/ServiceRequest",
    "a notice of six resources in a transaction": "POST {base}/",
    "a Task read": "GET {base}/Task/",
}
_CREATE, _TRANSACTION, _READ = _KINDS
_GOALS: Final = {_TRANSACTION: 3.0}


@dataclass(frozen=True)
class Rounds:
    """The rounds that are not counted, those that are, and the requests of each."""

    first: int
    counted: int
    number: int

    @property
    def requests(self) -> int:
        """The requests of each kind that each server answers."""
        return (self.first + self.counted) * self.number


def measure(quick: bool) -> Iterator[Figure]:
    """Requests a second, p99 and processor, each by that of each other server; `quick`: fewer rounds."""
    rounds = Rounds(2, 2, 100) if quick else Rounds(5, 8, 200)
    with tempfile.TemporaryDirectory(prefix="ip-fhir-servers-") as made, ExitStack() as stack:
        place = Path(made)
        files = {kind: place / str(number) for number, kind in enumerate(_KINDS)}
        loops = write_requests(files, rounds.requests)
        ours = stack.enter_context(serving(place / _OURS, f"sqlite:///{place}/store.sqlite"))
        servers = {_OURS: {kind: _asked(ours, kind, "") for kind in _KINDS}}
        for name in told():
            pid, site = stack.enter_context(fhir_server(name, place / name))
            keep(site, loops)
            port, path = port_and_path(site)
            servers[name] = {kind: _asked(BareServer(pid, port), kind, path) for kind in _KINDS}
        for kind, file in files.items():
            take_turns(kind, file, servers, rounds)
    for kind in _KINDS:
        yield from figures(kind, {name: of[kind] for name, of in servers.items()})


def _asked(server: Server, kind: str, path: str) -> Server:
    """The server as it is asked for one kind, with figures of its own."""
    request = _KINDS[kind].format(base=path)
    return replace(server, request=request, connections=CONNECTIONS, milliseconds=[], per_second=[], waits=[])


def take_turns(kind: str, file: Path, servers: dict[str, dict[str, Server]], rounds: Rounds) -> None:
    """A round for each, again and again; the first ones warm up."""
    for turn in range(rounds.first + rounds.counted):
        for of in servers.values():
            if turn == rounds.first:
                of[kind].forget()
            with stopped([other[kind].pid for other in servers.values() if other is not of]):
                of[kind].take(file, turn * rounds.number, rounds.number)


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """These processes stand still in the block."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def figures(kind: str, servers: dict[str, Server]) -> Iterator[Figure]:
    """The rows of one kind: ours by each of the others."""
    ours = servers[_OURS]
    for name, other in servers.items():
        if name == _OURS:
            continue
        speed, others_speed = median(ours.per_second), median(other.per_second)
        goal = _GOALS.get(kind) if name == HAPI else None
        note = f"{name}: {DURABILITY[name]}"
        yield Figure(f"{kind}, by {name}", speed, "/s", floor=others_speed, at_least=goal, note=note)
        yield Figure(f"{kind}, p50 by {name}", ours.wait(0.5), "ms", floor=other.wait(0.5))
        yield Figure(f"{kind}, p99 by {name}", ours.wait(0.99), "ms", floor=other.wait(0.99))
        spent, others_spent = median(ours.milliseconds), median(other.milliseconds)
        yield Figure(f"{kind}, processor by {name}", spent, "ms", floor=others_spent)


# --- requests


def write_requests(files: dict[str, Path], number: int) -> list[JsonObject]:
    """The requests of each kind, one a line; gives the loops whose Tasks are read: ServiceRequests, then Tasks."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as place:
        store = open_store(f"sqlite:///{place}/store.sqlite")
        hospital = side(Role.HOSPITAL, store, Answering(), SetClock(now))
        for count in range(number):
            hospital.send_notice(notice(f"{count:07}").evolve(authored=now))
        requests, tasks = (store.search_resources(type_, {}, number) for type_ in ("ServiceRequest", "Task"))
        hospital.close()
    created = [{key: value for key, value in one.body.items() if key not in ("id", "meta")} for one in requests]
    files[_CREATE].write_bytes(b"\n".join(dumps(one) for one in created))
    transactions = (_transaction(f"{number + count:07}", now) for count in range(number))
    files[_TRANSACTION].write_bytes(b"\n".join(transactions))
    files[_READ].write_bytes(b"\n".join(tasks[count % _TASKS].id.encode() for count in range(number)))
    whole: list[Any] = [_without_meta(one.body) for one in (*requests[:_TASKS], *tasks[:_TASKS])]
    return whole


def _without_meta(body: JsonObject) -> JsonObject:
    return {key: value for key, value in body.items() if key != "meta"}


def _transaction(name: str, now: datetime) -> bytes:
    """A notice as an EHR posts it that knows only REST: each resource is new, and referred to by an urn:uuid."""
    message: Any = message_to_fhir(Message.of_notice(notice(name).evolve(authored=now), f"message-{name}"))
    entries = [entry for entry in message["entry"] if entry["resource"]["resourceType"] != "MessageHeader"]
    made = [{**entry, "request": {"method": "POST", "url": entry["resource"]["resourceType"]}} for entry in entries]
    content = dumps({"resourceType": "Bundle", "type": "transaction", "entry": made})
    for entry in entries:
        reference = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        urn = f'"urn:uuid:{uuid5(NAMESPACE_URL, f"{name}/{reference}")}"'.encode()
        content = content.replace(f'"{entry["fullUrl"]}"'.encode(), urn).replace(f'"{reference}"'.encode(), urn)
    return content


if __name__ == "__main__":
    for figure in measure("--quick" in sys.argv):
        print("  ".join(figure.cells()))
