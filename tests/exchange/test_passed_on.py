"""A notice that is passed on: hospital and two coordinating units, each with a store of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.green_form import FormDecision, GreenForm
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.people import Organization
from ip_fhir.domain.referral import EventKind, Role
from ip_fhir.domain.values.ids import OrganizationNumber
from ip_fhir.errors import Unavailable
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.fhir.reading import read_json
from ip_fhir.mapping import message_from_fhir
from ip_fhir.ports import Endpoint, OutboxRow, Store
from ip_fhir.settings import WorkerSettings
from ip_fhir.store import open_store
from tests.support.two_sides import TOKENS, SetClock, Wire, form, notice, organizations

HOSPITAL, FIRST = organizations(notice("01"))
SECOND = FIRST.evolve(
    id="org-sorvik-ke",
    name="Koordinerende enhet, Sørvik",
    part_of=None,
    organization_number=OrganizationNumber("983971636"),
    her_id=None,
)
PARTIES = {"hospital": HOSPITAL, "first": FIRST, "second": SECOND}
REFERRAL = "referral-01"
PASSES_ON = {"first": ("hospital",), "second": ("hospital",)}


@dataclass
class Party:
    """One of the three, and its wire to each of the others."""

    exchange: Exchange
    wires: dict[str, Wire]
    told: list[OutboxRow]

    def sent_to(self, other: str) -> list[MessageKind]:
        """What it has put on the wire to another."""
        return [message_from_fhir(read_json(content)).kind for content in self.wires[other].sent]

    @property
    def state(self) -> str:
        """Where its referral stands."""
        stored = self.exchange.store.referral(REFERRAL)
        return str(stored.referral.state) if stored else "none"

    def reasons(self) -> list[Reason | None]:
        """Why its people were told."""
        return [row.effect.reason for row in self.told]


class Town:
    """The three, and the time they live in."""

    def __init__(self, directory: Path) -> None:
        self.clock = SetClock()
        self.parties = {name: self._party(name, directory) for name in PARTIES}
        for name, party in self.parties.items():
            for other, wire in party.wires.items():
                wire.to = self.parties[other].exchange
                wire._sender = name
        self.hospital, self.first, self.second = self.parties.values()

    def _party(self, name: str, directory: Path) -> Party:
        wires = {other: Wire(name) for other in PARTIES if other != name}
        peers = [
            Peer(other, (PARTIES[other],), wire, Endpoint("memory://"), (TOKENS[other],), PASSES_ON.get(other, ()))
            for other, wire in wires.items()
        ]
        told: list[OutboxRow] = []
        context = Context(
            role=Role.HOSPITAL if name == "hospital" else Role.MUNICIPALITY,
            organizations=(PARTIES[name],),
            store=cast("Store", open_store(f"sqlite:///{directory / name}.sqlite")),
            clock=self.clock,
            peers=Peers(peers),
            agreements=(),
            url=f"https://{name}.example/fhir",
            jitter=lambda: 1.0,
            tell=told.append,
            settings=WorkerSettings(parallel=1),
        )
        return Party(Exchange(context), wires, told)

    def settle(self) -> None:
        """Until nobody has anything to do at this moment."""
        for _ in range(50):
            ran = [party.exchange.run_due() for party in self.parties.values()]
            if not any(one.anything for one in ran):
                return
        message = "they do not come to rest"
        raise AssertionError(message)

    @property
    def states(self) -> tuple[str, str, str]:
        """Hospital, first unit, second."""
        return self.hospital.state, self.first.state, self.second.state


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """The first unit has the notice."""
    for name in ("first", "second"):
        monkeypatch.setitem(TOKENS, name, f"token-of-the-{name}")
    made = Town(tmp_path)
    made.hospital.exchange.send_notice(notice("01"))
    made.settle()
    yield made
    for party in made.parties.values():
        party.exchange.close()


def passed_on(to: Organization = SECOND, ident: str = "form-passed-on") -> GreenForm:
    """The first unit's answer: another has it."""
    return form("01").evolve(
        id=ident, decision=FormDecision.FORWARDED, organizations=(*form("01").organizations, to), forwarded_to=to.id,
        coordinators=(), plan_state=None, authored=form("01").authored + timedelta(seconds=1),
    )  # fmt: skip


def answer_of(unit: Organization) -> GreenForm:
    """A complete form of that unit's."""
    made = form("01")
    others = tuple(known for known in made.organizations if known.id != unit.id)
    return made.evolve(
        id=f"form-of-{unit.id}", sender=unit.id, organizations=(*others, unit),
        authored=made.authored + timedelta(days=1),
    )  # fmt: skip


@pytest.mark.promise(15)
def test_the_first_unit_is_told_when_the_second_confirms(town: Town) -> None:
    """Promise 15: notice, reminders and answer go between hospital and new unit; then the first one's referral ends."""
    town.first.exchange.answer(passed_on())
    town.settle()
    assert town.states == ("forwarded", "forwarded", "delivered")
    assert town.first.sent_to("second") == [MessageKind.NOTICE]
    town.clock.forward(days=30)
    town.settle()
    assert town.hospital.sent_to("second") == [MessageKind.REMINDER]
    assert Reason.REMINDED in town.second.reasons()
    assert Reason.REMINDED not in town.first.reasons()
    town.second.exchange.answer(answer_of(SECOND))
    town.settle()
    assert town.states == ("confirmed", "closed", "confirmed")
    assert town.hospital.sent_to("first") == [MessageKind.NOTICE, MessageKind.CLOSURE]
    assert town.first.reasons()[-1] is Reason.CLOSED
    assert all(party.exchange.store.outbox("parked") == [] for party in town.parties.values())
    (task,) = town.first.exchange.store.search_resources("Task", {"identifier": REFERRAL})
    assert task.body["status"] == "completed"


def test_a_search_finds_what_a_read_shows(town: Town) -> None:
    """Before and after it was passed on: who may read a referral finds it by a search, and nobody else."""
    found: list[set[tuple[str, str]]] = []
    for moved in (False, True):
        if moved:
            town.first.exchange.answer(passed_on())
            town.settle()
        now = set[tuple[str, str]]()
        for name, party in town.parties.items():
            for peer in party.exchange._context.peers:
                page = party.exchange.search_resources(peer, "Task", {})
                stored = party.exchange.store.referral(REFERRAL)
                may = stored is not None and peer.name in party.exchange._context.parties_of(stored.referral)
                assert (bool(page.found), page.total) == (may, int(may)), (name, peer.name)
                now |= {(name, peer.name)} if may else set()
        found.append(now)
    assert ("hospital", "second") in found[1] - found[0]


@pytest.mark.promise(15)
def test_the_exchange_sends_to_whom_the_effect_names(town: Town) -> None:
    """Promise 15: with the notice's own party gone from the wire, what is for the new unit still reaches it."""
    town.first.exchange.answer(passed_on())
    town.settle()
    town.hospital.wires["first"].break_with = Unavailable("gone")
    town.hospital.exchange.act(REFERRAL, EventKind.ASK_ABORT, "flyttet")
    town.settle()
    assert town.states == ("cancelling", "forwarded", "cancelling")
    town.second.exchange.act(REFERRAL, EventKind.AGREE_ABORT)
    town.settle()
    assert town.states == ("cancelled", "forwarded", "cancelled")
    town.hospital.wires["first"].break_with = None
    town.clock.forward(days=1)
    town.settle()
    assert town.states == ("cancelled", "closed", "cancelled")


def test_who_has_passed_it_on_decides_no_more(town: Town) -> None:
    """The first unit's word changes nothing at the hospital; its question is answered to itself."""
    town.first.exchange.answer(passed_on())
    town.settle()
    town.first.exchange.act(REFERRAL, EventKind.CLOSE, "ferdig")
    town.settle()
    assert town.states == ("forwarded", "closed", "delivered")
    town.second.exchange.act(REFERRAL, EventKind.ASK_INFORMATION, "Hvilken skole?")
    town.settle()
    town.hospital.exchange.act(REFERRAL, EventKind.GIVE_INFORMATION, "Lia skole")
    town.settle()
    assert town.hospital.sent_to("second") == [MessageKind.INFORMATION]
    assert town.states == ("forwarded", "closed", "delivered")


@pytest.mark.promise(12)
def test_consent_withdrawn_after_it_was_passed_on(town: Town) -> None:
    """Promise 12: everybody who was given the notice is told; the first has nothing to stop, the second stops."""
    town.first.exchange.answer(passed_on())
    town.settle()
    town.second.exchange.act(REFERRAL, EventKind.ACCEPT)
    town.settle()
    town.hospital.exchange.act(REFERRAL, EventKind.WITHDRAW_CONSENT)
    town.settle()
    assert town.states == ("cancelling", "withdrawn", "cancelling")
    town.second.exchange.act(REFERRAL, EventKind.AGREE_ABORT)
    town.settle()
    assert town.states == ("withdrawn", "withdrawn", "withdrawn")
    assert town.hospital.sent_to("first")[1:] == town.hospital.sent_to("second") == [MessageKind.WITHDRAWAL]


@pytest.mark.promise(15)
@pytest.mark.parametrize(
    ("kind", "state", "told"),
    [
        (EventKind.CANCEL, "cancelled", MessageKind.CANCELLATION),
        (EventKind.WITHDRAW_CONSENT, "withdrawn", MessageKind.WITHDRAWAL),
        (EventKind.CLOSE, "closed", MessageKind.CLOSURE),
    ],
)
def test_passed_on_while_the_hospital_ended_it(town: Town, kind: EventKind, state: str, told: MessageKind) -> None:
    """Promise 15: the two cross, and the hospital tells the new unit that it is over: nobody works for nothing."""
    town.hospital.wires["first"].break_with = Unavailable("down")
    town.hospital.exchange.act(REFERRAL, kind, "død" if kind is EventKind.CLOSE else None)
    town.first.exchange.answer(passed_on())
    town.settle()
    town.hospital.wires["first"].break_with = None
    town.clock.forward(hours=2)
    town.settle()
    assert town.hospital.sent_to("second") == [told]
    assert (town.hospital.state, town.second.state) == (state, state)
    assert town.first.state in (state, "withdrawn", "closed")


@pytest.mark.promise(3, 15)
def test_the_new_unit_is_quicker_than_the_first(town: Town) -> None:
    """Promise 3: its word comes before the hospital knows that it was passed on: asked for again, then taken in."""
    town.first.wires["hospital"].break_with = Unavailable("down")
    town.first.exchange.answer(passed_on())
    town.first.exchange.run_due()
    (waiting,) = [
        row for row in town.first.exchange.store.outbox("waiting") if row.effect.message is MessageKind.NOTICE
    ]
    assert town.second.state == "none", "in one lane: the hospital is told first"
    town.first.exchange.park(town.first.exchange.store.outbox("waiting")[0].id, "somebody thought so")
    town.first.exchange.run_due()
    assert waiting.id in [row.id for row in town.first.exchange.store.outbox("sent")]
    town.second.exchange.answer(answer_of(SECOND))
    assert town.second.exchange.run_due().again == 1
    assert town.states == ("delivered", "forwarded", "confirmed")
    town.first.wires["hospital"].break_with = None
    (parked,) = town.first.exchange.store.outbox("parked")
    town.first.exchange.retry(parked.id)
    town.settle()
    town.clock.forward(minutes=30)
    town.settle()
    assert town.states == ("confirmed", "closed", "confirmed")


def test_passed_back(town: Town) -> None:
    """The new unit says that it is not theirs either: the first has it again, with the whole time."""
    town.first.exchange.answer(passed_on())
    town.settle()
    back = passed_on(SECOND, "form-back").evolve(sender=SECOND.id, forwarded_to=FIRST.id)
    town.clock.forward(days=10)
    town.second.exchange.answer(back)
    town.settle()
    assert town.states == ("forwarded", "delivered", "forwarded")
    assert town.first.reasons()[-1] is Reason.NEW_NOTICE
    town.first.exchange.answer(answer_of(FIRST))
    town.settle()
    assert town.states == ("confirmed", "confirmed", "closed")


def test_a_stranger_learns_nothing(town: Town) -> None:
    """A unit that was never given the notice hears the same of a referral that is there as of one that is not."""
    forged = answer_of(SECOND)
    from ip_fhir.domain.message import Message
    from ip_fhir.fhir.reading import write_json
    from ip_fhir.mapping import message_to_fhir

    answers: list[bytes] = []
    peer = town.hospital.exchange.peer_by_token(TOKENS["second"])
    assert peer is not None
    for referral in (REFERRAL, "referral-77"):
        fields = {"id": "m-1", "kind": "green-form", "correlation_id": referral, "sent": town.clock.now()}
        parties = {"sender": SECOND, "recipient": HOSPITAL, "form": forged.evolve(answers=referral)}
        content = write_json(message_to_fhir(Message.model_validate({**fields, **parties})))
        answers.append(town.hospital.exchange.receive(content, peer))
    assert answers[0].replace(b"referral-77", b"") == answers[1].replace(b"referral-77", b"")
    assert town.hospital.state == "delivered"
