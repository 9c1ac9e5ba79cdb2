"""Whatever becomes of deferred receipts - late, lost, doubled, contradicting, after a crash - the loop stays whole."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from ip_fhir.domain.referral import EventKind
from ip_fhir.errors import Problem, StoreError
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.fhir.reading import read_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.ports import Endpoint, Receipt
from ip_fhir.testing import HandingOver
from tests.support.two_sides import TOKENS, make_loop, notice, organizations

if TYPE_CHECKING:
    from ip_fhir.ports import Outgoing

NAMES = ("01", "03", "04")
NO = (Problem("x", "not like this", "business-rule"),)
numbers = st.integers(0, 30)


class Post(RuleBasedStateMachine):
    """A hospital that only hands over, a municipality, and a post between them that may do anything."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.loop = make_loop(Path(self.place.name))
        self.hospital, self.municipality = self.loop.hospital.exchange, self.loop.municipality.exchange
        self.adapter = HandingOver()
        unit = organizations(notice("03"))[1]
        self.peer = Peer("municipality", (unit,), self.adapter, Endpoint("memory://"), (TOKENS["municipality"],))
        object.__setattr__(self.hospital._context, "peers", Peers([self.peer]))
        self.receipts: list[Receipt] = []
        self.bytes: dict[str, bytes] = {}

    def teardown(self) -> None:
        """In the end everything arrives and every receipt comes: all notices are delivered, each was taken in once."""
        self.loop.clock.forward(hours=3)
        self.hospital.run_due()
        for outgoing in self.adapter.handed:
            self.hospital.receive_receipt(self.taken_in(outgoing), self.peer)
        for name in NAMES:
            states = self.loop.states(f"referral-{name}")
            assert states in {("none", "none"), ("delivered", "delivered")}, states
        came = [link.record.event.message_id for link in self.municipality.store.evidence()]
        assert len(came) == len(set(came))
        unsent = [row.status for row in self.hospital.store.outbox() if row.effect.message]
        assert set(unsent) <= {"sent"}
        self.hospital.close()
        self.municipality.close()
        self.place.cleanup()

    def taken_in(self, outgoing: Outgoing) -> Receipt:
        """It arrives; the receipt."""
        peer = self.municipality.peer_by_token(TOKENS["hospital"])
        assert peer is not None
        return receipt_from_fhir(read_json(self.municipality.receive(outgoing.content, peer)))

    @rule(name=st.sampled_from(NAMES))
    def send(self, name: str) -> None:
        """The hospital sends a notice, perhaps again."""
        self.hospital.send_notice(notice(name))

    @rule()
    def run(self) -> None:
        """What is due is done."""
        self.hospital.run_due()
        self.municipality.run_due()

    @rule(minutes=st.sampled_from([1, 5, 15, 16, 60]))
    def time_passes(self, minutes: int) -> None:
        """Receipts become due."""
        self.loop.clock.forward(minutes=minutes)

    @precondition(lambda self: self.adapter.handed)
    @rule(number=numbers)
    def arrive(self, number: int) -> None:
        """Some message arrives, perhaps once more; its receipt is on its way."""
        self.receipts.append(self.taken_in(self.adapter.handed[number % len(self.adapter.handed)]))

    @precondition(lambda self: self.receipts)
    @rule(number=numbers, cut=st.sampled_from([None, None, "row", "save", "append", "commit"]))
    def bring(self, number: int, cut: str | None) -> None:
        """Some receipt is brought, perhaps once more; the store may break in the middle."""
        self.brought(self.receipts[number % len(self.receipts)], cut)

    @precondition(lambda self: self.adapter.handed)
    @rule(number=numbers, code=st.sampled_from(["transient-error", "fatal-error"]))
    def deny(self, number: int, code: str) -> None:
        """The peer says no, or not now, to some message, whatever it said before."""
        message = self.adapter.handed[number % len(self.adapter.handed)].message_id
        self.brought(Receipt(message, code, NO), None)  # type: ignore[arg-type]

    def brought(self, receipt: Receipt, cut: str | None) -> None:
        """Never an error but the store's own."""
        self.loop.hospital.store.cut_at = cut
        try:
            self.hospital.receive_receipt(receipt, self.peer)
        except StoreError:
            assert cut is not None
        finally:
            self.loop.hospital.store.cut_at = None

    @invariant()
    def whole(self) -> None:
        """The chain verifies; a message has the same bytes each time; no receipt is acknowledged twice in a row."""
        assert self.hospital.store.verify() == ()
        for outgoing in self.adapter.handed:
            assert self.bytes.setdefault(outgoing.message_id, outgoing.content) == outgoing.content
        for name in NAMES:
            evidence = self.hospital.store.evidence(f"referral-{name}")
            said = [link.record.event.kind for link in evidence if link.record.event.kind is EventKind.RECEIPT_OK]
            assert len(said) <= 1


@pytest.mark.slow
@pytest.mark.promise(1, 2, 3)
def test_any_post() -> None:
    """Any sequence of handing over, arriving, and receipts."""
    run_state_machine_as_test(Post, settings=settings(max_examples=40, stateful_step_count=25))
