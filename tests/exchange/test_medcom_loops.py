"""The loop over FHIR messages in the manner of MedCom: chains, acknowledgements, resends, and what peers do wrong."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.referral import EventKind
from ip_fhir.errors import InvalidInput, IpFhirError
from ip_fhir.fhir.medcom.acknowledgement import receipt_in
from ip_fhir.ports import Outgoing, Receipt
from tests.support.medcom import MEDCOM, chain, header, medcom_loop, resources, speak, wire_of, with_link
from tests.support.ring import Line, make_ring
from tests.support.through_fhir import plan_shared
from tests.support.two_sides import Loop, Side, form, make_loop, notice

CHILD = "01-child-with-cerebral-palsy"


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Two sides that speak in this manner."""
    made = medcom_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def _activities(content: bytes) -> list[str]:
    links = [one for one in resources(content, "Provenance") if "activity" in one]
    return [one["activity"]["coding"][0]["code"] for one in links]


def _told(side: Side) -> list[Reason | None]:
    return [row.effect.reason for row in side.told]


def _parked(side: Side) -> list[str]:
    return [row.id for row in side.exchange.store.outbox("parked")]


# --- chains


def test_a_whole_loop(loop: Loop) -> None:
    """Notice, question, answer, form: each message carries all before it, in order, and points to the last."""
    hospital, municipality, id_ = loop.hospital.exchange, loop.municipality.exchange, notice("01").correlation_id
    hospital.send_notice(notice("01"))
    loop.settle()
    municipality.act(id_, EventKind.ASK_INFORMATION, "Hvem følger opp skolen?")
    loop.settle()
    hospital.act(id_, EventKind.GIVE_INFORMATION, "Helsesykepleieren.")
    loop.settle()
    municipality.answer(form(CHILD))
    loop.settle()
    loop.clock.forward(days=1)
    loop.settle()
    assert loop.states(id_) == ("confirmed", "confirmed")
    order = wire_of(loop.hospital.wire).log
    sent = {header(content)["id"]: content for side in (loop.hospital, loop.municipality) for content in side.wire.sent}
    assert len(order) >= 4
    for number, ident in enumerate(order):
        assert chain(sent[ident]) == [(one, order[n - 1 : n] if n else []) for n, one in enumerate(order[: number + 1])]
    assert _activities(sent[order[3]]) == ["new-message", "reply-message", "reply-message", "reply-message"]
    assert loop.hospital.exchange.store.refusals() == loop.municipality.exchange.store.refusals() == []


_ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                ("municipality", EventKind.ASK_INFORMATION),
                ("municipality", EventKind.ACCEPT),
                ("municipality", EventKind.ASSESS),
                ("hospital", EventKind.GIVE_INFORMATION),
                ("hospital", EventKind.REMIND),
            ]
        ),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=15, deadline=None)
@given(acts=_ACTS)
def test_any_chain_of_messages(acts: list[tuple[tuple[str, EventKind], bool, bool]]) -> None:
    """Whatever is sent back and forth, crossing or with acknowledgements lost, each chain is complete and in order."""
    with TemporaryDirectory() as directory:
        loop, id_ = medcom_loop(Path(directory)), notice("01").correlation_id
        loop.hospital.exchange.send_notice(notice("01"))
        loop.settle()
        for (side, kind), settled, lost in acts:
            one: Side = getattr(loop, side)
            one.wire.lose_receipts = lost
            try:
                one.exchange.act(id_, kind, "Ord.")
            except IpFhirError:
                continue  # not in this state
            if settled:
                one.exchange.run_due()
                one.wire.lose_receipts = False
                loop.clock.forward(minutes=20)
                loop.settle()
        loop.hospital.wire.lose_receipts = loop.municipality.wire.lose_receipts = False
        loop.clock.forward(minutes=20)
        loop.settle()
        _check_chains(loop)
        loop.hospital.exchange.close()
        loop.municipality.exchange.close()


def _check_chains(loop: Loop) -> None:
    order = wire_of(loop.hospital.wire).log
    contents: dict[str, set[bytes]] = {}
    for side in (loop.hospital, loop.municipality):
        for content in side.wire.sent:
            contents.setdefault(header(content)["id"], set()).add(content)
    assert order
    assert set(contents) == set(order)
    for number, ident in enumerate(order):
        (content,) = contents[ident]  # a resend is the same to the byte
        links = chain(content)
        assert [target for target, _ in links] == order[: number + 1]
        assert [before for _, before in links] == [[], *([one] for one in order[:number])]
        assert resources(content, "Provenance")[-1]["target"][0]["reference"].endswith(f"/{ident}")


def test_what_the_other_side_wrote_is_carried_on(loop: Loop) -> None:
    """A Provenance that came is carried on as it was written, with what is not read, and with whom it names."""

    def foreign(link: dict[str, Any]) -> None:
        link["id"] = "theirs"
        link["entity"] = [{"role": "source", "what": {"identifier": {"value": "urn:uuid:24d01288"}}}]

    wire_of(loop.hospital.wire).tamper = lambda content: with_link(content, foreign)
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.municipality.exchange.act(notice("01").correlation_id, EventKind.ASK_INFORMATION, "Hva?")
    loop.settle()
    answer = loop.municipality.wire.sent[-1]
    links = [one for one in resources(answer, "Provenance") if one["id"] == "theirs"]
    assert [link["entity"][0]["what"]["identifier"]["value"] for link in links] == ["urn:uuid:24d01288"]
    whos = {link["agent"][0]["who"]["reference"] for link in links}
    there = {f"Organization/{one['id']}" for one in resources(answer, "Organization")}
    assert whos <= there


def test_after_another_wire(tmp_path: Path) -> None:
    """A message that went before over a wire without chains gets a Provenance made of what the evidence tells."""
    loop, id_ = make_loop(tmp_path), notice("01").correlation_id
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    first = header(loop.hospital.wire.sent[-1])["id"]
    speak(loop)
    loop.municipality.exchange.act(id_, EventKind.ASK_INFORMATION, "Hva?")
    loop.settle()
    loop.hospital.exchange.act(id_, EventKind.GIVE_INFORMATION, "Dette.")
    loop.settle()
    order = [first, *wire_of(loop.hospital.wire).log]
    for side in (loop.municipality, loop.hospital):
        links = chain(side.wire.sent[-1])
        assert [target for target, _ in links] == order[: len(links)]
        assert [before for _, before in links] == [[], *([one] for one in order[: len(links) - 1])]
    assert len(chain(loop.hospital.wire.sent[-1])) == 3
    loop.hospital.exchange.close()
    loop.municipality.exchange.close()


class MedComLine(Line):
    """The line of a party of a plan."""

    format = MEDCOM

    def send(self, outgoing: Outgoing) -> Receipt:
        """Deliver in this manner."""
        self._network.sent.append((self._sender, self._to, outgoing.content))
        reply = self._network.sides[self._to].receive(outgoing.content, self._sender, MEDCOM)
        return receipt_in(orjson.loads(reply))


def test_a_plan(tmp_path: Path) -> None:
    """Views, a change, its answer and the end of the share: an answer follows what it answers, the others are new."""
    ring = make_ring(tmp_path)
    for name, other in (("municipality", "hospital"), ("hospital", "municipality")):
        ring[name]._context.peers.party(other).adapter.__class__ = MedComLine
    plan_shared(ring, ring.settle)
    sent = {header(content)["eventCoding"]["code"]: content for _, _, content in ring.network.sent}
    change = header(sent["plan-change"])["id"]
    answer = header(sent["plan-change-answer"])["id"]
    assert chain(sent["plan-change-answer"]) == [(change, []), (answer, [change])]
    assert [len(chain(sent[kind])) for kind in ("plan", "plan-change", "plan-withdrawn")] == [1, 1, 1]
    ring.close()


# --- acknowledgements and resends


def test_a_lost_acknowledgement(loop: Loop) -> None:
    """The same bytes go out again; the acknowledgement has its content in a new Bundle; nothing happens twice."""
    wire = wire_of(loop.hospital.wire)
    wire.lose_receipts = True
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    evidence = len(loop.municipality.exchange.store.evidence())
    wire.lose_receipts = False
    loop.clock.forward(minutes=30)
    loop.settle()
    assert len(wire.sent) == 2
    assert wire.sent[0] == wire.sent[1]
    first, again = (orjson.loads(one) for one in wire.acknowledged)
    assert (first["id"], first["timestamp"]) != (again["id"], again["timestamp"])
    assert first["entry"] == again["entry"]
    store = loop.municipality.exchange.store
    assert (len(store.evidence()), len(store.referrals()), store.refusals()) == (evidence, 1, [])
    assert loop.states(notice("01").correlation_id) == ("delivered", "delivered")


def test_an_acknowledgement_that_comes_later(loop: Loop) -> None:
    """The row awaits it, it settles the row when it comes by itself, and changes nothing when it comes again."""
    wire = wire_of(loop.hospital.wire)
    wire.later = True
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    assert [row.status for row in loop.hospital.exchange.store.outbox("awaiting")] == ["awaiting"]
    for _ in range(2):
        assert loop.hospital.exchange.receive(wire.acknowledged[0], "municipality", MEDCOM) == b""
    assert loop.state(loop.hospital, notice("01").correlation_id) == "delivered"
    assert loop.hospital.exchange.store.outbox("awaiting") == []
    assert loop.hospital.exchange.store.refusals() == []


def test_no_acknowledgement_at_all(loop: Loop) -> None:
    """Without one in time the same bytes go out as often as agreed; then the message is parked and people are told."""
    wire = wire_of(loop.hospital.wire)
    wire.later = True
    loop.hospital.exchange.send_notice(notice("01"))
    for _ in range(12):
        loop.hospital.exchange.run_due()
        loop.clock.forward(minutes=16)
    assert len(wire.sent) == 3
    assert len(set(wire.sent)) == 1
    assert len(loop.municipality.exchange.store.referrals()) == 1
    assert Reason.UNDELIVERED in _told(loop.hospital)


def _no_target(link: dict[str, Any]) -> None:
    del link["target"]


def _no_what(link: dict[str, Any]) -> None:
    link["entity"] = [{"role": "revision"}]


def _another_target(link: dict[str, Any]) -> None:
    link["target"] = [{"reference": "MessageHeader/another"}]


def _two_targets(link: dict[str, Any]) -> None:
    link["target"] = [*link["target"], {"reference": "MessageHeader/another"}]


def _nobody(link: dict[str, Any]) -> None:
    del link["agent"]


def _no_activity(link: dict[str, Any]) -> None:
    link["activity"] = {"text": "?"}


def _no_time(link: dict[str, Any]) -> None:
    del link["recorded"]


def _modified(link: dict[str, Any]) -> None:
    link["modifierExtension"] = [{"url": "https://other.example/not", "valueBoolean": True}]


@pytest.mark.parametrize(
    "change",
    [_no_target, _no_what, _another_target, _two_targets, _nobody, _no_activity, _no_time, _modified],
)
def test_a_broken_chain(loop: Loop, change: Callable[[dict[str, Any]], None]) -> None:
    """A Provenance that says too little: a negative acknowledgement, which parks the message and tells people."""
    wire = wire_of(loop.hospital.wire)
    wire.tamper = lambda content: with_link(content, change)
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    response = header(wire.acknowledged[0])["response"]
    assert (response["identifier"], response["code"]) == (wire.log[0], "fatal-error")
    (outcome,) = resources(wire.acknowledged[0], "OperationOutcome")
    assert outcome["issue"][0]["expression"][0].startswith("Bundle.entry")
    store = loop.municipality.exchange.store
    assert (store.referrals(), len(store.refusals())) == ([], 1)
    assert _parked(loop.hospital) == wire.log
    assert loop.state(loop.hospital, notice("01").correlation_id) == "undelivered"
    assert Reason.UNDELIVERED in _told(loop.hospital)
    wire.tamper = None
    loop.hospital.exchange.retry(wire.log[0])
    loop.settle()
    assert loop.states(notice("01").correlation_id) == ("delivered", "delivered")


def test_a_gap_in_the_chain(loop: Loop) -> None:
    """A chain without the message that it points to is read; the acknowledgement says so beside its yes."""
    before = {"role": "revision", "what": {"reference": "MessageHeader/not-there"}}
    wire = wire_of(loop.hospital.wire)
    wire.tamper = lambda content: with_link(content, lambda link: link.update(entity=[before]))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    assert header(wire.acknowledged[0])["response"]["code"] == "ok"
    (outcome,) = resources(wire.acknowledged[0], "OperationOutcome")
    assert outcome["issue"][0]["severity"] == "warning"
    assert loop.states(notice("01").correlation_id) == ("delivered", "delivered")


def test_a_message_of_another_loop_before_it(loop: Loop) -> None:
    """A chain that leads to another loop than the message names is refused: it is not guessed which is meant."""
    for number in ("01", "03"):
        loop.hospital.exchange.send_notice(notice(number))
    loop.settle()
    of_other = wire_of(loop.hospital.wire).log[1]
    wire = wire_of(loop.municipality.wire)
    wire.tamper = lambda content: with_link(
        content, lambda link: link["entity"][0].update(what={"reference": f"MessageHeader/{of_other}"})
    )
    loop.municipality.exchange.act(notice("01").correlation_id, EventKind.ASK_INFORMATION, "Hva?")
    loop.settle()
    assert header(wire.acknowledged[0])["response"]["code"] == "fatal-error"
    assert loop.state(loop.hospital, notice("01").correlation_id) == "delivered"
    assert _parked(loop.municipality)


# --- acknowledgements that fit nothing


def _awaiting(loop: Loop) -> tuple[str, bytes]:
    """A message that awaits its acknowledgement, and that acknowledgement."""
    wire = wire_of(loop.hospital.wire)
    wire.later = True
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    return wire.log[-1], wire.acknowledged[-1]


@pytest.mark.parametrize("names", ["the acknowledgement itself", "somebody else's message"])
def test_an_acknowledgement_that_fits_nothing(loop: Loop, names: str) -> None:
    """One of an acknowledgement, or of a message that is not ours: refused, recorded, and the message still waits."""
    ident, content = _awaiting(loop)
    own = header(content)["id"]
    bundle = orjson.loads(content)
    bundle["entry"][0]["resource"]["response"]["identifier"] = own if names.startswith("the") else "message-of-others"
    with pytest.raises(InvalidInput) as caught:
        loop.hospital.exchange.receive(orjson.dumps(bundle), "municipality", MEDCOM)
    assert [problem.path for problem in caught.value.problems] == ["MessageHeader.response.identifier"]
    assert [row.id for row in loop.hospital.exchange.store.outbox("awaiting")] == [ident]
    assert len(loop.hospital.exchange.store.refusals()) == 1
    loop.hospital.exchange.receive(content, "municipality", MEDCOM)
    assert loop.state(loop.hospital, notice("01").correlation_id) == "delivered"


@pytest.mark.parametrize("change", [_no_target, _no_what])
def test_an_acknowledgement_with_a_broken_chain(loop: Loop, change: Callable[[dict[str, Any]], None]) -> None:
    """It is refused with the place, it gets no acknowledgement, and the message still waits for a right one."""
    ident, content = _awaiting(loop)
    with pytest.raises(InvalidInput, match=r"Bundle\.entry"):
        loop.hospital.exchange.receive(with_link(content, change), "municipality", MEDCOM)
    assert [row.id for row in loop.hospital.exchange.store.outbox("awaiting")] == [ident]


def test_a_negative_acknowledgement_that_comes_later(loop: Loop) -> None:
    """It parks the message and our people are told, with the code that says what is wrong."""
    ident, content = _awaiting(loop)
    bundle = orjson.loads(content)
    bundle["entry"][0]["resource"]["response"]["code"] = "fatal-error"
    coding = {"code": "MSG_RECEIVER_UNABLE_TO_RECEIVE_MSG_TYPE"}
    issue = {"severity": "error", "code": "not-supported", "details": {"coding": [coding]}, "diagnostics": "Kari"}
    outcome = {"resourceType": "OperationOutcome", "id": "o", "issue": [issue]}
    bundle["entry"].append({"fullUrl": "https://m.example/fhir/OperationOutcome/o", "resource": outcome})
    loop.hospital.exchange.receive(orjson.dumps(bundle), "municipality", MEDCOM)
    loop.settle()
    (row,) = loop.hospital.exchange.store.outbox("parked")
    assert row.id == ident
    assert "MSG_RECEIVER_UNABLE_TO_RECEIVE_MSG_TYPE" in str(row.last_error)
    assert "Kari" not in str(row.last_error)
    assert Reason.UNDELIVERED in _told(loop.hospital)


def test_a_message_that_comes_too_early(loop: Loop) -> None:
    """It is acknowledged as `transient-error`, and taken in when it comes again after what it follows."""
    wire = wire_of(loop.hospital.wire)
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.municipality.exchange.act(notice("01").correlation_id, EventKind.ASK_INFORMATION, "Hva?")
    loop.settle()
    loop.hospital.exchange.act(notice("01").correlation_id, EventKind.GIVE_INFORMATION, "Dette.")
    loop.hospital.exchange.run_due()
    with TemporaryDirectory() as directory:
        other = medcom_loop(Path(directory))
        other.clock.at = loop.clock.at
        early = other.municipality.exchange.receive(wire.sent[-1], "hospital", MEDCOM)
        assert header(early)["response"]["code"] == "transient-error"
        other.municipality.exchange.receive(wire.sent[0], "hospital", MEDCOM)
        late = other.municipality.exchange.receive(wire.sent[-1], "hospital", MEDCOM)
        assert header(late)["response"]["code"] != "transient-error"
        other.hospital.exchange.close()
        other.municipality.exchange.close()
