"""Wires that cite by other ids than ours: one loop is found or none, never another party's, never a guess."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.message import Message
from ip_fhir.domain.referral import Role, State
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange import Exchange
from ip_fhir.fhir.reading import Limits
from ip_fhir.mapping import Mapper
from ip_fhir.ports import Adapter, Outgoing, Receipt
from ip_fhir.ports.other_ids import KindOfId, KnownId, OtherId
from ip_fhir.testing import FakeAdapter, FakeFormat, read_reply
from ip_fhir.testing.fake_wire import FakeIncoming
from tests.support.town import US, Post, hand_in, opening, organization, peer, side
from tests.support.two_sides import START, SetClock, form, notice, side_settings


def _short(message_id: str) -> str:
    """Ten characters: there is no room for more on this wire."""
    return sha256(message_id.encode()).hexdigest()[:10]


class ShortIds(FakeFormat):
    """The domain's JSON, under ids of ten characters; what comes in says beside the message which ids it cites."""

    name = "short-ids"

    def open(self, content: bytes, limits: Limits) -> "Cited":
        """The message, and its ids."""
        said = orjson.loads(content)
        cited, own = ([OtherId(*pair) for pair in said.pop(key, [])] for key in ("cited", "own"))
        read = super().open(orjson.dumps(said), limits)._message
        return Cited(read, cited, own)

    def write(self, message: Message | PlanMessage, mapper: Mapper) -> bytes:
        """The id is cut."""
        return super().write(message.evolve(id=_short(message.id)), mapper)

    def ids_of(self, content: bytes) -> Sequence[OtherId]:
        """The cut id."""
        return [OtherId("message", orjson.loads(content)["id"])]


class Cited(FakeIncoming):
    """A message, and the ids that it cites."""

    def __init__(self, message: Message | PlanMessage, cited: list[OtherId], own: list[OtherId]) -> None:
        super().__init__(message)
        self._cited, self._own = cited, own

    def cited(self) -> Sequence[OtherId]:
        """As it was said."""
        return self._cited

    def own_ids(self) -> Sequence[OtherId]:
        """As it was said."""
        return self._own


class Town:
    """A hospital, and a municipality of which only messages are there, written by hand."""

    def __init__(self, directory: Path) -> None:
        self.clock = SetClock()
        self.adapter = FakeAdapter(lambda _outgoing: None, "short-ids", "short-ids")
        settings = side_settings(directory, Role.HOSPITAL, adapter="short-ids")
        wires: dict[str, Adapter] = {"short-ids": self.adapter}
        self.hospital: Exchange = open_exchange(settings, clock=self.clock, wires=wires, formats=[ShortIds()])
        self.sends("03")

    def sends(self, example: str) -> str:
        """A notice leaves; returns the id under which it is on the wire."""
        self.hospital.send_notice(notice(example))
        self.hospital.run_due()
        return str(orjson.loads(self.adapter.sent[-1].content)["id"])

    @property
    def sent(self) -> Outgoing:
        """The last message that left."""
        return self.adapter.sent[-1]

    def answers(self, ident: str, cited: list[tuple[KindOfId, str]], **more: Any) -> Receipt:
        """A message of the municipality that knows the loop by other ids."""
        about = notice("03")
        fields: dict[str, Any] = {
            "id": ident,
            "kind": "accepted",
            "correlation_id": "not-said",
            "sent": self.clock.now().isoformat(),
            "sender": about.organization(about.recipient).to_data(),
            "recipient": about.organization(about.sender).to_data(),
            "cited": cited,
        }
        peer = self.hospital._context.peers.party("municipality")
        return read_reply(self.hospital.receive(orjson.dumps({**fields, **more}), peer, "short-ids"))

    def state(self, correlation_id: str = "referral-03") -> State:
        """Where the loop stands."""
        found = self.hospital.store.referral(correlation_id)
        assert found is not None
        return found.referral.state


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A notice has left."""
    made = Town(tmp_path)
    yield made
    made.hospital.close()


def test_an_answer_cites_the_message(town: Town) -> None:
    """By the id that was on the wire, or by the id here."""
    short = orjson.loads(town.sent.content)["id"]
    assert short != town.sent.message_id
    assert town.answers("a", [("message", short)]).code == "ok"
    assert town.state() is State.ACCEPTED
    assert town.answers("b", [("message", town.sent.message_id)], kind="assessing").code == "ok"
    assert town.state() is State.ASSESSING


def test_an_id_of_their_own_is_learnt(town: Town) -> None:
    """The first answer says it beside ours; the next says only theirs. A form then answers our loop."""
    assert town.answers("a", [("referral", "referral-03")], own=[("referral", "FJELL 17")]).code == "ok"
    answer = form("03-stroke-patient-2").evolve(answers="not-said", authored=town.clock.now())
    sent = {"kind": "green-form", "form": answer.to_data()}
    assert town.answers("b", [("referral", "FJELL 17")], **sent).code == "ok"
    assert town.state() is State.CONFIRMED
    stored = town.hospital.store.referral("referral-03")
    assert stored is not None
    assert [kept.form.answers for kept in stored.referral.forms] == ["referral-03"]


def test_ids_of_two_loops_are_refused(town: Town) -> None:
    """Nothing is chosen: the message is refused, with both loops as they were."""
    other = town.sends("01")
    with pytest.raises(InvalidInput, match="correlation_id: its ids lead to different referrals"):
        town.answers("a", [("message", other)], correlation_id="referral-03")
    with pytest.raises(InvalidInput, match="correlation_id: its ids lead to different referrals"):
        town.answers("b", [("message", other), ("referral", "referral-03")])
    assert {town.state(), town.state("referral-01")} == {State.SENT}


def test_an_unknown_id_finds_nothing(town: Town) -> None:
    """However few loops are open: first it may still be early, then it is refused."""
    assert town.answers("a", [("referral", "FJELL 18"), ("message", "nothing")]).code == "transient-error"
    sent = town.clock.now().isoformat()
    town.clock.forward(days=9)
    assert town.answers("b", [("conversation", "x")], sent=sent).code == "fatal-error"
    assert town.state() is State.SENT


def test_a_loop_under_a_key_of_our_own_is_found(tmp_path: Path) -> None:
    """Two hospitals give their notices the same correlation id: each cites our message, and finds its own loop."""
    post = Post()
    first, second = (organization(f"org-{n}", her_id=f"9000010{n}") for n in (1, 2))
    exchange = side(tmp_path, (peer("a", post, first), peer("b", post, second)))
    hand_in(exchange, opening(first), "token-of-a")
    hand_in(exchange, opening(second), "token-of-b")
    keys = {referral.party: referral.correlation_id for referral in exchange.store.referrals()}
    assert len(set(keys.values())) == 2
    with exchange.store.begin() as tx:
        for party, key in keys.items():
            meaning = KnownId(key, Aggregate.of_referral(key))
            tx.keep_id(str(party), OtherId("message", "M-1"), meaning)  # type: ignore[attr-defined]
            tx.keep_id("a", OtherId("message", f"of-{party}"), meaning)  # type: ignore[attr-defined]
    exchange._context.formats._known["short-ids"] = ShortIds()
    for party, said, cited, expected in (
        ("b", second, "M-1", "ok"),
        ("a", first, "of-b", "transient-error"),
        ("a", first, "M-1", "ok"),
    ):
        fields = {
            "id": f"m-{party}-{cited}",
            "kind": "information",
            "correlation_id": "not-said",
            "sent": START.isoformat(),
            "sender": said.to_data(),
            "recipient": US.to_data(),
            "text": "Mer om saken",
            "cited": [("message", cited)],
        }
        reply = exchange.receive(orjson.dumps(fields), exchange._context.peers.party(party), "short-ids")
        assert read_reply(reply).code == expected, (party, cited)
    told = {link.record.event.party for link in exchange.store.evidence() if link.record.event.text == "Mer om saken"}
    assert told == {"a", "b"}
    exchange.close()


def test_another_partys_id_finds_nothing(town: Town) -> None:
    """An id is known only as the party's with whom it was exchanged."""
    meaning = KnownId("referral-03", Aggregate.of_referral("referral-03"))
    with town.hospital.store.begin() as tx:
        tx.keep_id("another", OtherId("referral", "VIK 1"), meaning)  # type: ignore[attr-defined]
    assert town.answers("a", [("referral", "VIK 1")]).code == "transient-error"
    with town.hospital.store.begin() as tx:
        tx.keep_id("municipality", OtherId("referral", "VIK 1"), meaning)  # type: ignore[attr-defined]
    assert town.answers("b", [("referral", "VIK 1")]).code == "ok"


def test_a_receipt_cites_the_wires_id(town: Town) -> None:
    """A receipt that comes later under the cut id ends the row; the same no is remembered under either id."""
    peer = town.hospital._context.peers.party("municipality")
    short = orjson.loads(town.sent.content)["id"]
    assert town.hospital.receive_receipt(Receipt(short, "ok"), peer) == "settled"
    assert town.state() is State.DELIVERED
    assert town.hospital.receive_receipt(Receipt(short, "fatal-error"), peer) == "contradicts"
    assert town.hospital.receive_receipt(Receipt(town.sent.message_id, "fatal-error"), peer) == "repeated"
    assert town.hospital.receive_receipt(Receipt("0123456789", "ok"), peer) == "refused"


def test_the_ids_are_kept_before_the_message_leaves(town: Town) -> None:
    """A crash right after sending leaves them there: the answer finds its loop."""

    def killed(_outgoing: Outgoing) -> None:
        raise KeyboardInterrupt

    town.adapter._deliver = killed
    with suppress(KeyboardInterrupt):
        town.sends("01")
    short = orjson.loads(town.sent.content)["id"]
    assert town.answers("a", [("message", short)]).code == "ok"
    assert town.state("referral-01") is State.ACCEPTED
