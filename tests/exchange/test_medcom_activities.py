"""What was done with a message, as its Provenance says: forwarded, copied, or taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.referral import EventKind
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats import Formats, Reliable, Retracting
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.mapping import default
from tests.exchange.test_medcom_loops import MedComLine
from tests.support.medcom import MEDCOM, chain, header, medcom_loop, resources, wire_of
from tests.support.ring import make_ring
from tests.support.ring_plan import copy, shared
from tests.support.two_sides import Loop, Side, form, notice

LOOP = notice("01").correlation_id


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Two sides that speak in this manner."""
    made = medcom_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def done_with(content: bytes, ident: str, activity: str, before: str | None, role: str = "removal") -> bytes:
    """Another message with the content of one, of which this was done with the one before it."""
    old = header(content)["id"]
    bundle: dict[str, Any] = orjson.loads(content.replace(old.encode(), ident.encode()))
    own = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Provenance"][-1]
    own["activity"]["coding"][0]["code"] = activity
    own.pop("entity", None)
    if before is not None:
        own["entity"] = [{"role": role, "what": {"reference": f"MessageHeader/{before}"}}]
    return orjson.dumps({**bundle, "id": f"bundle-{ident}"})


def answered(loop: Loop, content: bytes) -> tuple[str, list[str]]:
    """What the municipality acknowledges, and the codes of MedCom that say what is wrong."""
    reply = loop.municipality.exchange.receive(content, "hospital", MEDCOM)
    issues = [issue for one in resources(reply, "OperationOutcome") for issue in one["issue"]]
    codes = [coding["code"] for issue in issues for coding in issue.get("details", {}).get("coding", ())]
    return str(header(reply)["response"]["code"]), codes


def reasons(side: Side) -> list[Reason]:
    """The reasons of its open worklist items."""
    return [item.reason for item in side.exchange.worklist()]


def sent(loop: Loop) -> bytes:
    """The hospital's notice, taken in and acknowledged."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    return wire_of(loop.hospital.wire).sent[0]


UNABLE = "MSG_RECEIVER_UNABLE_TO_RECEIVE_MSG_TYPE"


# --- forwarded, and copied


def test_a_forwarded_message(loop: Loop) -> None:
    """It is taken in, and our answer carries the Provenances of all who had it before, as they were written."""

    def forwarded(content: bytes) -> bytes:
        made: dict[str, Any] = orjson.loads(
            done_with(content, header(content)["id"], "forward-message", "first", "source")
        )
        there = [one for one in made["entry"] if one["resource"]["resourceType"] == "Provenance"][-1]
        base = there["fullUrl"].partition("Provenance/")[0]
        unit = {"resourceType": "Organization", "id": "third", "name": "Tredje"}
        link = {
            **there["resource"],
            "id": "theirs",
            "target": [{"reference": "MessageHeader/first"}],
            "activity": {"coding": [{"code": "new-message"}]},
            "agent": [{"who": {"reference": "Organization/third"}}],
        }
        del link["entity"]
        made["entry"] += [
            {"fullUrl": f"{base}{one['resourceType']}/{one['id']}", "resource": one} for one in (unit, link)
        ]
        return orjson.dumps(made)

    wire_of(loop.hospital.wire).tamper = forwarded
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    assert loop.states(LOOP) == ("delivered", "delivered")
    (acknowledgement,) = wire_of(loop.hospital.wire).acknowledged
    assert header(acknowledgement)["response"]["code"] == "ok"
    assert resources(acknowledgement, "OperationOutcome") == []
    loop.municipality.exchange.act(LOOP, EventKind.ASK_INFORMATION, "Hva?")
    loop.settle()
    answer = loop.municipality.wire.sent[-1]
    ident = wire_of(loop.hospital.wire).log[0]
    assert sorted(chain(answer)) == sorted([("first", []), (ident, ["first"]), (header(answer)["id"], [ident])])
    (theirs,) = [one for one in resources(answer, "Provenance") if one["id"] == "theirs"]
    assert theirs["agent"] == [{"who": {"reference": "Organization/third"}}]
    assert "third" in [one["id"] for one in resources(answer, "Organization")]


def test_a_primary_receiver(loop: Loop) -> None:
    """Others that get a copy change nothing for it: taken in, and acknowledged to the sender alone."""

    def with_copy(content: bytes) -> bytes:
        made: dict[str, Any] = orjson.loads(content)
        (primary,) = made["entry"][0]["resource"]["destination"]
        use = {**primary["extension"][0], "valueCoding": {"code": "cc"}}
        other = {
            "extension": [use],
            "endpoint": "https://other.example",
            "receiver": {"reference": "Organization/other"},
        }
        made["entry"][0]["resource"]["destination"].append(other)
        made["entry"].append({"fullUrl": "urn:uuid:8f", "resource": {"resourceType": "Organization", "id": "other"}})
        return orjson.dumps(made)

    wire_of(loop.hospital.wire).tamper = with_copy
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    assert loop.states(LOOP) == ("delivered", "delivered")
    (acknowledgement,) = wire_of(loop.hospital.wire).acknowledged
    (back,) = header(acknowledgement)["destination"]
    assert back["endpoint"] == header(wire_of(loop.hospital.wire).sent[0])["source"]["endpoint"]


def test_a_copy(loop: Loop) -> None:
    """A copy for us is refused for good, in words and by its code, and nothing comes of it."""
    content = sent(loop)
    before = loop.municipality.exchange.store.evidence()
    copied = done_with(content, "copied", "carboncopy-message", header(content)["id"], "source")
    assert answered(loop, copied) == ("fatal-error", [UNABLE])
    assert loop.municipality.exchange.store.evidence() == before
    (refusal,) = loop.municipality.exchange.store.refusals()
    assert "copy" in refusal.reason


# --- taken back


def accepted(loop: Loop) -> None:
    """The municipality has accepted."""
    loop.municipality.exchange.act(LOOP, EventKind.ACCEPT)
    loop.settle()


def confirmed(loop: Loop) -> None:
    """The green form has come."""
    loop.municipality.exchange.answer(form("01-child-with-cerebral-palsy"))
    loop.settle()
    loop.clock.forward(days=1)
    loop.settle()


@pytest.mark.parametrize(
    ("what", "state"), [(lambda _loop: None, "cancelled"), (accepted, "cancelled"), (confirmed, "closed")]
)
def test_a_notice_is_taken_back(loop: Loop, what: Callable[[Loop], None], state: str) -> None:
    """It is cancelled by the loop's rules, whatever has become of it, once; and our people hear of it."""
    content = sent(loop)
    what(loop)
    retraction = done_with(content, "back", "retract-message", header(content)["id"])
    assert answered(loop, retraction) == ("ok", [])
    assert loop.state(loop.municipality, LOOP) == state
    assert Reason.CANCELLED in reasons(loop.municipality)
    assert Reason.NOT_UNDONE not in reasons(loop.municipality)
    evidence = len(loop.municipality.exchange.store.evidence())
    assert answered(loop, retraction) == ("ok", [])
    assert len(loop.municipality.exchange.store.evidence()) == evidence
    assert len(loop.municipality.exchange.store.referrals()) == 1


def test_another_message_is_taken_back(loop: Loop) -> None:
    """Its effect stands: refused for good, kept as evidence, and on the worklist; once, also when it comes again."""
    sent(loop)
    loop.hospital.exchange.act(LOOP, EventKind.REMIND)
    loop.settle()
    reminder = wire_of(loop.hospital.wire).sent[-1]
    state, evidence = loop.state(loop.municipality, LOOP), len(loop.municipality.exchange.store.evidence())
    retraction = done_with(reminder, "back", "retract-message", header(reminder)["id"])
    for _ in range(2):
        assert answered(loop, retraction) == ("fatal-error", [UNABLE])
        assert loop.state(loop.municipality, LOOP) == state
        assert len(loop.municipality.exchange.store.evidence()) == evidence + 1
        assert reasons(loop.municipality).count(Reason.NOT_UNDONE) == 1
    loop.settle()
    assert [row.effect.reason for row in loop.municipality.told].count(Reason.NOT_UNDONE) == 1


def test_by_the_content_of_the_notice(loop: Loop) -> None:
    """A retraction with the notice in it that names another message, known or not, cancels nothing."""
    content = sent(loop)
    assert answered(loop, done_with(content, "back-1", "retract-message", "another"))[0] == "fatal-error"
    loop.hospital.exchange.act(LOOP, EventKind.REMIND)
    loop.settle()
    reminder = header(wire_of(loop.hospital.wire).sent[-1])["id"]
    assert answered(loop, done_with(content, "back", "retract-message", reminder))[0] == "fatal-error"
    assert loop.state(loop.municipality, LOOP) == "delivered"
    assert Reason.NOT_UNDONE in reasons(loop.municipality)


def test_a_cancellation_is_one(loop: Loop) -> None:
    """A message that ends the loop by its kind is taken in as what it is."""
    content = sent(loop)
    wire_of(loop.hospital.wire).tamper = lambda one: done_with(
        one, header(one)["id"], "retract-message", header(content)["id"]
    )
    loop.hospital.exchange.act(LOOP, EventKind.CANCEL)
    loop.settle()
    assert loop.states(LOOP) == ("cancelled", "cancelled")
    assert reasons(loop.municipality).count(Reason.NOT_UNDONE) == 0


def test_one_that_never_came(loop: Loop) -> None:
    """It opens no loop: it may come again while the notice may still come, and is refused for good afterwards."""
    wire = wire_of(loop.hospital.wire)
    wire.break_with = TimeoutError()
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    content = wire.sent[0]
    retraction = done_with(content, "back", "retract-message", header(content)["id"])
    assert answered(loop, retraction)[0] == "transient-error"
    loop.clock.forward(days=2)
    assert answered(loop, retraction)[0] == "fatal-error"
    assert loop.municipality.exchange.store.referrals() == []
    assert len(loop.municipality.exchange.store.refusals()) >= 1


def test_nothing_is_named(loop: Loop) -> None:
    """A retraction that names no message, or says so by an id of another wire, is refused at its place."""
    content = sent(loop)
    assert answered(loop, done_with(content, "back", "retract-message", None))[0] == "fatal-error"
    assert loop.state(loop.municipality, LOOP) == "delivered"
    assert "taken back" in loop.municipality.exchange.store.refusals()[0].reason


def test_a_view_is_taken_back(tmp_path: Path) -> None:
    """The holder ends a share by its own message: a view that is taken back stays, refused, and on the worklist."""
    ring = make_ring(tmp_path)
    for name, other in (("municipality", "hospital"), ("hospital", "municipality")):
        ring[name]._context.peers.party(other).adapter.__class__ = MedComLine
    shared(ring, "hospital")
    ring.settle()
    view = copy(ring, "hospital")
    (content,) = [one for _, to, one in ring.network.sent if to == "hospital"]
    reply = ring["hospital"].receive(
        done_with(content, "back", "retract-message", header(content)["id"]), "municipality", MEDCOM
    )
    assert header(reply)["response"]["code"] == "fatal-error"
    assert copy(ring, "hospital") == view
    assert [item.reason for item in ring["hospital"].worklist()].count(Reason.NOT_UNDONE) == 1
    ring.close()


def test_medcoms_own_example(shared_data: Path) -> None:
    """The one message of MedCom's examples that takes one back says which; its content is of no kind of ours."""
    folder = shared_data / "closed-loop" / "medcom" / "carecommunication"
    found = {}
    for file in folder.glob("Bundle-*.json"):
        incoming = Formats().named(MEDCOM).open(file.read_bytes(), DEFAULT_LIMITS)
        assert isinstance(incoming, Retracting)
        assert isinstance(incoming, Reliable)
        if (ident := incoming.retracts()) is not None:
            found[incoming.told_id()] = ident
            with pytest.raises(InvalidInput):
                incoming.message(default())
    assert found == {"b0d424f8-33a9-4cc2-a528-a6cc1c58727b": "42cb9200-f421-4d08-8391-7d51a2503cb4"}
