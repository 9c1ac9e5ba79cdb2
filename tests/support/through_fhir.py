"""Two sides whose only way to one another is a FHIR server that somebody else runs: any base address will do.

`whole_loop` and `plan_shared` are what must hold through each server; tests call them with the double, and the
conformance tests with servers that others wrote.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ip_fhir.domain.people import Organization
from ip_fhir.domain.plan import MeasureStatus
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.peers import Peers
from ip_fhir.mapping import default
from ip_fhir.ports import Endpoint, Outgoing, Receipt
from ip_fhir.wire.fhirserver import FhirServerListener
from ip_fhir_fhirserver import FhirServerAdapter
from tests.support.ring import NINA, OLE, Line, Ring, make_ring
from tests.support.ring_plan import copy, current, share_of, shared
from tests.support.two_sides import Loop, Side, Wire, form, make_loop, notice, organizations

HOSPITAL, MUNICIPALITY = "hospital", "municipality"
TIMEOUT = 120.0  # seconds; servers that others wrote are slow in their first minute


def numbers(organization: Organization) -> list[str]:
    """The numbers of an organisation as the listener is given them."""
    systems = default().compiled.systems
    given = {"her-id": organization.her_id, "org-number": organization.organization_number}
    given["id-organization"] = organization.id  # type: ignore[assignment]
    return [f"{systems.uri(name)}|{number}" for name, number in given.items() if number is not None]


class ServerWire(Wire):
    """The wire of a side that writes to a FHIR server."""

    format = "fhir-resources"
    adapter: FhirServerAdapter
    endpoint: Endpoint
    outgoing: list[Outgoing]

    def send(self, outgoing: Outgoing) -> Receipt | None:  # type: ignore[override]
        """Write it there."""
        self.sent.append(outgoing.content)
        self.outgoing.append(replace(outgoing, endpoint=self.endpoint))
        return self.adapter.send(self.outgoing[-1])

    def send_again(self) -> None:
        """Write all of it there once more, as after a crash before anything was noted."""
        for outgoing in self.outgoing:
            self.adapter.send(outgoing)


class ServerLine(Line):
    """The same for a party of a plan."""

    format = "fhir-resources"
    adapter: FhirServerAdapter
    endpoint: Endpoint

    def send(self, outgoing: Outgoing) -> Receipt | None:  # type: ignore[override]
        """Write it there."""
        self._network.sent.append((self._sender, self._to, outgoing.content))
        return self.adapter.send(replace(outgoing, endpoint=self.endpoint))


@dataclass
class Through:
    """Both sides of a loop, and the listener of each, which looks when it is told to."""

    loop: Loop
    base: str
    listeners: dict[str, FhirServerListener] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def side(self, name: str) -> Side:
        """The side of that name."""
        found: Side = getattr(self.loop, name)
        return found

    def look(self, *names: str) -> None:
        """Let listeners look once; all, if none is named."""
        for name in names or (HOSPITAL, MUNICIPALITY):
            self.listeners[name].look(self.side(name).exchange)

    def restart(self, name: str) -> None:
        """A new listener, as after the process was killed: it remembers nothing."""
        self.listeners[name] = listener(self.base, _other(name), _organization(name), **self.options)

    def settle(self) -> None:
        """Send and look until both sides rest."""
        for _ in range(4):
            self.loop.settle()
            self.look()
        self.loop.settle()


def listener(base: str, peer: str, ours: Organization, **more: Any) -> FhirServerListener:
    """A listener of one party for what another writes there."""
    return FhirServerListener(
        {"url": base, "peer": peer, "organizations": numbers(ours), "seconds": 0.02, "timeout": TIMEOUT, **more}
    )


def _other(name: str) -> str:
    return MUNICIPALITY if name == HOSPITAL else HOSPITAL


def _organization(name: str) -> Organization:
    return organizations(notice("03"))[name == MUNICIPALITY]


@contextmanager
def through_server(
    directory: Path, base: str, peer_options: dict[str, str] | None = None, token: str | None = None, **listening: Any
) -> Iterator[Through]:
    """Both sides with the server at `base` between them; `listening` are further options of the listeners."""
    listening |= {"token": token} if token else {}
    with ExitStack() as stack:
        made = Through(make_loop(directory), base, options=listening)
        for name in (HOSPITAL, MUNICIPALITY):
            wire = made.side(name).wire
            wire.__class__ = ServerWire
            assert isinstance(wire, ServerWire)
            wire.adapter = FhirServerAdapter()
            wire.endpoint, wire.outgoing = Endpoint(base, token, TIMEOUT, peer_options or {}), []
            stack.callback(wire.adapter.close)
            made.restart(name)
        yield made


def whole_loop(through: Through, mark: str = "") -> str:
    """A notice, the answer of the municipality, and the end on both sides; returns the loop's id.

    On a server on which a loop has run before, `mark` tells this one from it.
    """
    example = notice("01")
    loop = f"{example.correlation_id}{mark}"
    sent = example.evolve(id=f"{example.id}{mark}", correlation_id=loop)
    hospital, municipality = through.loop.hospital, through.loop.municipality
    hospital.exchange.send_notice(sent)
    through.settle()
    answer = form("01-child-with-cerebral-palsy")
    municipality.exchange.answer(answer.evolve(id=f"{answer.id}{mark}", answers=loop))
    through.settle()
    through.loop.clock.forward(days=1)
    through.settle()
    assert through.loop.states(sent.correlation_id) == ("confirmed", "confirmed")
    for side in (hospital, municipality):
        rows = [row for status in ("waiting", "awaiting", "parked") for row in side.exchange.store.outbox(status)]
        assert rows == []
        assert [one for one in side.exchange.store.refusals() if not mark] == []
    return loop


@contextmanager
def ring_through(
    directory: Path, base: str, token: str | None = None, *, party: str = HOSPITAL, readers: tuple[str, ...] = ()
) -> Iterator[tuple[Ring, Callable[[], None]]]:
    """The holder of a plan and a participant with the server between them, and what lets all messages arrive.

    `readers` are the other parties that read the server, as the holder's settings name them.
    """
    with ExitStack() as stack:
        ring = make_ring(directory)
        stack.callback(ring.close)
        pairs = ((MUNICIPALITY, party), (party, MUNICIPALITY))
        ring.network.sides[MUNICIPALITY] = read_by(ring.holder, party, *readers)
        looks: list[tuple[FhirServerListener, Exchange]] = []
        for name, other in pairs:
            line = ring[name]._context.peers.party(other).adapter
            line.__class__ = ServerLine
            assert isinstance(line, ServerLine)
            line.adapter, line.endpoint = FhirServerAdapter(), Endpoint(base, token, TIMEOUT)
            stack.callback(line.adapter.close)
            ours = ring[name]._context.organizations[0]
            looks.append((listener(base, other, ours, **({"token": token} if token else {})), ring[name]))

        def settle() -> None:
            for _ in range(4):
                ring.settle()
                for one, exchange in looks:
                    one.look(exchange)
            ring.settle()

        yield ring, settle


def texts(node: Any) -> Iterator[str]:
    """All text in a resource, also that of its attachments."""
    for name, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(value, dict | list):
            yield from texts(value)
        elif isinstance(value, str):
            yield b64decode(value).decode() if name == "data" else value


def read_by(side: Exchange, peer: str, *readers: str) -> Exchange:
    """A side started again with settings that name the parties which read the server of a peer, too."""
    context = side._context
    peers = [replace(one, readers=readers, readers_known=True) if one.name == peer else one for one in context.peers]
    return Exchange(replace(context, peers=Peers(peers)))


def plan_shared(ring: Ring, settle: Callable[[], None]) -> None:
    """A view, a change by the participant, the next view, and the end of the share."""
    shared(ring, HOSPITAL)
    settle()
    view = copy(ring, HOSPITAL)
    assert view.digest() == share_of(ring, HOSPITAL).digest
    began = (one.evolve(status=MeasureStatus.IN_PROGRESS) for one in view.plan.measures if one.what == "Svømmetrening")
    measures = {one.id: one for one in (*view.plan.measures, *began)}
    ring[HOSPITAL].change_plan(view.evolve(plan=view.plan.evolve(measures=tuple(measures.values()))), by=OLE)
    settle()
    assert current(ring).measures[0].status is MeasureStatus.IN_PROGRESS
    at_hospital = ring.plan(HOSPITAL)
    assert at_hospital is not None
    assert [kept.status for kept in at_hospital.changes] == [ChangeStatus.ACCEPTED]
    share = share_of(ring, HOSPITAL)
    assert (share.number, share.acknowledged) == (2, 2)
    assert copy(ring, HOSPITAL).digest() == share.digest
    ring.holder.end_share(share.id, by=NINA)
    settle()
