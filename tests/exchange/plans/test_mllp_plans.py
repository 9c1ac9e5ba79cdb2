"""A shared plan over HL7 v2 and MLLP, on real sockets: view, change, answer, next view, and the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from ip_fhir.demo.place import free_ports
from ip_fhir.domain.plan import MeasureStatus
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import read
from ip_fhir.ports import Endpoint, Outgoing, Receipt
from ip_fhir.wire.listener import MllpListener
from ip_fhir_mllp import Mllp
from ip_fhir_mllp import adapter as mllp
from tests.support.ring import NINA, OLE, Line, Ring, make_ring
from tests.support.ring_plan import copy, current, share_of, shared

SIDES = ("municipality", "hospital")


class Wire(Line):
    """The adapter of one side to the other's listener."""

    format = "hl7v2"
    adapter: Mllp
    port: int

    def send(self, outgoing: Outgoing) -> Receipt:
        """Deliver over the socket, and remember it."""
        self._network.sent.append((self._sender, self._to, outgoing.content))
        endpoint = Endpoint(f"mllp://127.0.0.1:{self.port}", None, 5.0)
        receipt = self.adapter.send(replace(outgoing, endpoint=endpoint))
        assert receipt is not None
        return receipt


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    """A holder and a participant with a listener each, and a line to the other's."""
    ports = dict(zip(SIDES, free_ports(2), strict=True))
    with ExitStack() as stack:
        made = make_ring(tmp_path)
        stack.callback(made.close)
        for name, other in (SIDES, SIDES[::-1]):
            listener = MllpListener({"peer": other, "port": ports[name]})
            listener.longest_stop = 2.0  # type: ignore[misc]
            listener.start(made[name])
            stack.callback(listener.stop)
            line = made[name]._context.peers.party(other).adapter
            line.__class__ = Wire
            assert isinstance(line, Wire)
            line.adapter, line.port = mllp(), ports[other]
            stack.callback(line.adapter.close)
        yield made


def test_a_share_from_its_first_view_to_its_end(ring: Ring) -> None:
    """Each step is acknowledged on the socket; what the participant changes is the holder's, and comes back."""
    shared(ring, "hospital")
    view = copy(ring, "hospital")
    assert view.digest() == share_of(ring, "hospital").digest
    began = (one.evolve(status=MeasureStatus.IN_PROGRESS) for one in view.plan.measures if one.what == "Svømmetrening")
    measures = {one.id: one for one in (*view.plan.measures, *began)}
    wanted = view.plan.evolve(measures=tuple(measures.values()))
    ring["hospital"].change_plan(view.evolve(plan=wanted), by=OLE)
    ring.settle()
    assert current(ring).measures[0].status is MeasureStatus.IN_PROGRESS
    at_hospital = ring.plan("hospital")
    assert at_hospital is not None
    assert [kept.status for kept in at_hospital.changes] == [ChangeStatus.ACCEPTED]
    share = share_of(ring, "hospital")
    assert (share.number, share.acknowledged) == (2, 2)
    assert copy(ring, "hospital").digest() == share.digest
    ring.holder.end_share(share.id, by=NINA)
    ring.settle()
    assert ring.copy("hospital", share.id) is None
    assert share_of(ring, "hospital").acknowledged == 3
    events = [(to, read(content, DEFAULT_LIMITS).event[1]) for _, to, content in ring.network.sent]
    assert events[0] == ("hospital", "PCG")
    assert events[1] == ("municipality", "PCH")
    assert sorted(events[2:]) == [("hospital", "PCH"), ("hospital", "PCH"), ("hospital", "PCJ")]
