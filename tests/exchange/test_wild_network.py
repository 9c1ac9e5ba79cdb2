"""Two exchanges with real stores, and between them a network that loses, doubles, delays and reorders what it is given.

What the model of the loop shows for decisions (`tests/domain/loop/test_two_sides.py`) is shown here for what runs:
bytes, inbox, outbox, transactions, receipts.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import EventKind, Role
from ip_fhir.errors import ConsentRefused, InvalidInput, LoopError, Unavailable
from ip_fhir.fhir.reading import read_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.mapping import message_from_fhir
from ip_fhir.ports import Outgoing, Receipt
from tests.support.two_sides import TOKENS, Loop, Side, Wire, form, make_loop, notice

REFERRAL = "referral-01"
OVER = {"rejected", "cancelled", "withdrawn", "closed"}
ENDED = {MessageKind.CANCELLATION, MessageKind.WITHDRAWAL, MessageKind.CLOSURE}
CHASES = {MessageKind.REMINDER, MessageKind.ESCALATION}
BY_HOSPITAL = [EventKind.REMIND, EventKind.GIVE_INFORMATION, EventKind.ASK_ABORT]
BY_UNIT = [
    EventKind.ACCEPT,
    EventKind.ASSESS,
    EventKind.ASK_INFORMATION,
    EventKind.COORDINATOR_LEFT,
    EventKind.AGREE_ABORT,
    EventKind.REFUSE_ABORT,
]
ENDS = [EventKind.CANCEL, EventKind.WITHDRAW_CONSENT, EventKind.CLOSE]


@dataclass
class Copy:
    """Bytes on their way to a side."""

    wire: Wild
    content: bytes


class Wild(Wire):
    """A wire that does with a message what it likes, and tells its sender nothing that is not so."""

    def __init__(self, sender: str, net: list[Copy], watch: Any) -> None:
        super().__init__(sender)
        self.net, self.watch = net, watch
        self.calm = False
        self.mood = "lost"

    def send(self, outgoing: Outgoing) -> Receipt:
        """Deliver it now, or later, or twice, or never; the receipt may be lost."""
        self.watch(self._sender, outgoing.content)
        self.sent.append(outgoing.content)
        if not self.calm and self.mood in ("later", "twice"):
            self.net.append(Copy(self, outgoing.content))
        if not self.calm and self.mood in ("lost", "later"):
            raise Unavailable("no answer")
        receipt = self.deliver(outgoing.content)
        if not self.calm and self.mood == "no receipt":
            raise Unavailable("the answer was lost")
        return receipt

    def deliver(self, content: bytes) -> Receipt:
        """It arrives."""
        assert self.to is not None
        peer = self.to.peer_by_token(TOKENS[self._sender])
        assert peer is not None
        return receipt_from_fhir(read_json(self.to.receive(content, peer)))


class Between(RuleBasedStateMachine):
    """People act, workers run, time passes, and the network does as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.loop: Loop = make_loop(Path(self.place.name))
        self.net: list[Copy] = []
        self.forms = 0
        for side, other, name in self._sides():
            side.wire = Wild(name, self.net, self._goes_out)
            side.wire.to = other.exchange
            for peer in side.exchange._context.peers._peers:
                object.__setattr__(peer, "adapter", side.wire)

    def _sides(self) -> list[tuple[Side, Side, str]]:
        hospital, unit = self.loop.hospital, self.loop.municipality
        return [(hospital, unit, "hospital"), (unit, hospital, "municipality")]

    def _wire(self, side: Side) -> Wild:
        assert isinstance(side.wire, Wild)
        return side.wire

    def _goes_out(self, sender: str, content: bytes) -> None:
        """What must hold of whatever leaves, by what the store of its sender says at that moment."""
        side = self.loop.hospital if sender == "hospital" else self.loop.municipality
        stored, message = side.exchange.store.referral(REFERRAL), message_from_fhir(read_json(content))
        assert stored is not None
        if stored.referral.consent_gone is not None:
            ends = {MessageKind.WITHDRAWAL, MessageKind.ABORT_AGREED, MessageKind.CLOSURE}
            assert message.kind in ends, "nothing goes out once consent is gone"
        if message.kind in CHASES and message.answers == stored.referral.notice_message:
            assert stored.referral.state not in OVER | {"confirmed"}, "nobody is chased who has answered"

    @initialize()
    def begins(self) -> None:
        """The hospital sends its notice."""
        self.loop.hospital.exchange.send_notice(notice("01"))

    @rule(kind=st.sampled_from(BY_HOSPITAL))
    def hospital_acts(self, kind: EventKind) -> None:
        """Somebody at the hospital does something, allowed or not."""
        self._act(self.loop.hospital, kind)

    @rule(kind=st.sampled_from(BY_UNIT))
    def unit_acts(self, kind: EventKind) -> None:
        """Somebody at the coordinating unit does something, allowed or not."""
        self._act(self.loop.municipality, kind)

    @rule(kind=st.sampled_from(ENDS), now=st.sampled_from([False, False, False, True]))
    def hospital_ends(self, kind: EventKind, now: bool) -> None:
        """The hospital wants no more, now and then."""
        if now:
            self._act(self.loop.hospital, kind)

    @rule(complete=st.booleans())
    def unit_answers(self, complete: bool) -> None:
        """A green form, whole or half."""
        self.forms += 1
        changes = {"id": f"form-{self.forms}", "authored": self.loop.clock.at}
        made = form("01").evolve(**changes, **({} if complete else {"coordinators": ()}))
        self._try(lambda: self.loop.municipality.exchange.answer(made))

    def _act(self, side: Side, kind: EventKind) -> None:
        self._try(lambda: side.exchange.act(REFERRAL, kind, "words"))

    def _try(self, act: Any) -> None:
        self.loop.clock.forward(seconds=1)
        try:
            act()
        except (LoopError, ConsentRefused):
            pass
        except InvalidInput as error:
            if error.problems[0].code != "not-found":  # before the notice has come there is nothing to act on
                raise

    @rule(
        hospital=st.sampled_from(["lost", "later", "twice", "no receipt", "well"]),
        unit=st.sampled_from(["lost", "later", "twice", "no receipt", "well"]),
        minutes=st.sampled_from([0, 2, 40, 600, 20_000]),
    )
    def workers_run(self, hospital: str, unit: str, minutes: int) -> None:
        """Time passes, both workers send what is due."""
        self.loop.clock.forward(minutes=minutes)
        for (side, _, _), mood in zip(self._sides(), (hospital, unit), strict=True):
            self._wire(side).mood = mood
            side.exchange.run_due()

    @rule(which=st.integers(0, 20), keep=st.booleans())
    def something_arrives_late(self, which: int, keep: bool) -> None:
        """A copy arrives of what was sent long ago, whatever has come since."""
        if self.net:
            copy = self.net[which % len(self.net)]
            if not keep:
                self.net.remove(copy)
            copy.wire.deliver(copy.content)

    @invariant()
    def one_effect_for_each_message(self) -> None:
        """However often a message came, the evidence has it once."""
        for side, _, _ in self._sides():
            taken = Counter(
                link.record.event.id
                for link in side.exchange.store.evidence(REFERRAL)
                if link.record.event.raised_by not in (Role.CLOCK, Role.TRANSPORT)
            )
            assert set(taken.values()) <= {1}

    def teardown(self) -> None:
        """The network calms down: whoever has the ball answers, both say the same, and both chains verify."""
        for side, _, _ in self._sides():
            self._wire(side).calm = True
        try:
            for _ in range(6):
                for _ in range(8):
                    self.loop.clock.forward(hours=1)
                    self.loop.settle()
                while self.net:
                    copy = self.net.pop()
                    copy.wire.deliver(copy.content)
                self._act(self.loop.municipality, EventKind.AGREE_ABORT)
                if self.loop.state(self.loop.hospital, REFERRAL) == "awaiting-information":
                    self._act(self.loop.hospital, EventKind.GIVE_INFORMATION)
            self._agree()
        finally:
            self.loop.hospital.exchange.close()
            self.loop.municipality.exchange.close()
            self.place.cleanup()

    def _agree(self) -> None:
        hospital, unit = self.loop.states(REFERRAL)
        if hospital in OVER:
            # A notice that comes hours after its own cancellation: that was refused as unknown, and somebody told.
            refused = {row.effect.message for row in self.loop.hospital.exchange.store.outbox("parked")}
            assert unit in OVER | {"none"} or refused & ENDED, (hospital, unit)
        else:
            assert hospital == unit
        stored = [side.exchange.store.referral(REFERRAL) for side, _, _ in self._sides()]
        if hospital == "confirmed" and stored[0] is not None and stored[1] is not None:
            assert stored[0].referral.form == stored[1].referral.form
        for side, _, _ in self._sides():
            assert side.exchange.store.verify() == ()
            assert side.exchange.store.outbox("waiting") == []


@pytest.mark.slow
@pytest.mark.promise(1, 2, 3, 11, 12, 16)
class TestBetween(Between.TestCase):  # type: ignore[misc,valid-type]
    """Promises 1, 3, 11, 12: with real stores too, one effect for each message, and both sides agree in the end."""

    settings = settings(max_examples=60, stateful_step_count=16)
