"""Loops in which one side, or both, speak HL7 v2 alone: REF and RRI instead of message Bundles, in memory."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.referral import EventKind
from ip_fhir.errors import InvalidInput, IpFhirError, Unavailable
from ip_fhir.exchange.formats import Formats
from ip_fhir.exchange.peers import Peer
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.check import check
from ip_fhir.hl7v2.line import Hl7v2Line
from ip_fhir.hl7v2.message import Er7, new, read
from ip_fhir.mapping import default, message_to_hl7v2
from ip_fhir.ports import Outgoing, Receipt
from ip_fhir.testing.message_samples import message as sample
from tests.support.two_sides import TOKENS, Loop, Side, Wire, all_examples, as_peer_error, form, make_loop, notice

KEPT = Path(__file__).parents[1] / "conformance" / "kept"
ways = pytest.mark.parametrize(
    "speakers", [("hospital",), ("municipality",), ("hospital", "municipality")], ids=" and ".join
)


class V2Wire(Wire):
    """The wire of a side that sends HL7 v2; the acknowledgement is the receipt."""

    format = "hl7v2"

    def send(self, outgoing: Outgoing) -> Receipt:
        """Deliver, and read MSA-1."""
        self.sent.append(outgoing.content)
        assert self.to is not None
        peer = self.to.peer_by_token(TOKENS[self._sender])
        assert peer is not None
        try:
            content = self.to.receive(outgoing.content, peer, "hl7v2")
        except IpFhirError as error:
            raise as_peer_error(error) from None
        if not content:
            raise Unavailable("no answer: it may come again")
        reply = read(content, DEFAULT_LIMITS)
        code = {"AA": "ok", "AE": "fatal-error", "AR": "fatal-error"}[reply.field("MSA-1")]
        return Receipt(outgoing.message_id, code)  # type: ignore[arg-type]  # one of the three


def speaking(loop: Loop, speakers: tuple[str, ...]) -> Loop:
    """The loop, in which these sides send HL7 v2."""
    for name in speakers:
        side: Side = getattr(loop, name)
        side.wire.__class__ = V2Wire
    return loop


def opened(side: Side) -> list[MessageKind]:
    """The kinds of messages that a side has sent, as they are read back."""
    format_ = Formats().named(side.wire.format)
    return [MessageKind(format_.open(sent, DEFAULT_LIMITS).message(default()).kind) for sent in side.wire.sent]


@ways
def test_all_examples_over_hl7v2(tmp_path: Path, speakers: tuple[str, ...]) -> None:
    """Notices, reminders, incomplete and complete forms, and a rejection: both sides agree, whoever speaks HL7 v2."""
    loop = speaking(make_loop(tmp_path, (Agreement(two_coordinators_allowed=True),)), speakers)
    names = all_examples(loop)
    confirmed, rejected = ("confirmed", "confirmed"), ("rejected", "rejected")
    assert [loop.states(f"referral-{name}") for name in names] == [*[confirmed] * 4, rejected]
    assert opened(loop.hospital).count(MessageKind.FORM_INCOMPLETE) == 1
    for side in (loop.hospital, loop.municipality):
        stored = side.exchange.store.referral("referral-01")
        assert stored is not None
        assert stored.referral.form == form("01")
        shown = {"attachments": ()} if side is loop.municipality else {}  # by the agreement's content level
        assert stored.referral.notice == notice("01").evolve(**shown)
        assert [row for row in side.exchange.store.outbox() if row.status == "parked"] == []
        assert side.exchange.store.verify() == ()


@ways
def test_a_conversation_over_hl7v2(loop: Loop, speakers: tuple[str, ...]) -> None:
    """Accepted, a question and its answer, a wish to stop that is refused, and one that is agreed to."""
    speaking(loop, speakers)
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    acts = [
        (loop.municipality, EventKind.ACCEPT, None),
        (loop.municipality, EventKind.ASK_INFORMATION, "Hvem er fastlegen?"),
        (loop.hospital, EventKind.GIVE_INFORMATION, "Det står i epikrisen & vedlegget | side 2"),
        (loop.hospital, EventKind.ASK_ABORT, "Personen vil vente"),
        (loop.municipality, EventKind.REFUSE_ABORT, "Koordinator er alt i gang"),
        (loop.hospital, EventKind.ASK_ABORT, "Personen vil fortsatt vente"),
        (loop.municipality, EventKind.AGREE_ABORT, "Da venter vi"),
    ]
    for side, kind, text in acts:
        loop.clock.forward(hours=1)
        side.exchange.act("referral-01", kind, text=text)
        loop.settle()
    assert loop.states("referral-01") == ("cancelled", "cancelled")
    evidence = loop.municipality.exchange.store.evidence()
    assert "Det står i epikrisen & vedlegget | side 2" in [link.record.event.text for link in evidence]


def test_every_message_names_the_person_of_the_notice(loop: Loop) -> None:
    """PID-3 and PID-5, which the standard requires; an answer about another person is refused."""
    speaking(loop, ("hospital", "municipality"))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.municipality.exchange.act("referral-01", EventKind.ACCEPT)
    loop.settle()
    number = notice("01").owner.identifier
    assert number is not None
    sent = loop.municipality.wire.sent[-1]
    assert read(sent, DEFAULT_LIMITS).field("PID-3.1") == number
    about_another = sent.replace(number.encode(), b"05827500285").replace(b"message-id^^99IP||", b"message-id^^99IP||x")
    peer = loop.hospital.exchange.peer_by_token(TOKENS["municipality"])
    assert peer is not None
    reply = read(loop.hospital.exchange.receive(about_another, peer, "hl7v2"), DEFAULT_LIMITS)
    assert (reply.field("MSA-1"), reply.field("ERR-2")) == ("AR", "PID")
    assert "05827500285" not in reply.to_bytes().decode()


def test_deviations_are_told_beside_a_yes(loop: Loop) -> None:
    """A structure in MSH-9.3 that there is not is read, and told in ERR with the severity W."""
    speaking(loop, ("hospital",))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    peer = loop.municipality.exchange.peer_by_token(TOKENS["hospital"])
    assert peer is not None
    sent = loop.hospital.wire.sent[0].replace(b"REF^I12^REF_I12", b"REF^I12^REF_I14")
    sent = sent.replace(b"referral-01", b"referral-77").replace(b"message-id^^99IP||", b"message-id^^99IP||x")
    reply = read(loop.municipality.exchange.receive(sent, peer, "hl7v2"), DEFAULT_LIMITS)
    assert (reply.field("MSA-1"), reply.field("ERR-4")) == ("AA", "W")


@ways
def test_a_resend_is_known(loop: Loop, speakers: tuple[str, ...]) -> None:
    """The same message with a later MSH-7 gets the same answer, and is taken in once; other content is refused."""
    if "hospital" not in speakers:
        return
    speaking(loop, speakers)
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    sent = read(loop.hospital.wire.sent[0], DEFAULT_LIMITS)
    peer = loop.municipality.exchange.peer_by_token(TOKENS["hospital"])
    assert peer is not None
    header = sent.value["MSH"]
    later = sent.put({**sent.value, "MSH": {**header, "f7": [{"c1": "20260302120001+0100"}], "f13": [{"c1": "7"}]}})
    first = loop.municipality.exchange.receive(sent.to_bytes(), peer, "hl7v2")
    assert loop.municipality.exchange.receive(later.to_bytes(), peer, "hl7v2") == first
    assert len(loop.municipality.exchange.store.evidence()) == 1
    other = sent.put({**sent.value, "RF1": {**sent.value["RF1"], "f2": [{"c1": "S", "c3": "HL70280"}]}})
    with pytest.raises(InvalidInput):
        loop.municipality.exchange.receive(other.to_bytes(), peer, "hl7v2")


def test_an_answer_of_a_system_that_knows_no_rows_of_ours(loop: Loop) -> None:
    """RRI^I12 with RF1-1 alone: accepted first, then with a person and a telephone number, which is a form."""
    speaking(loop, ("hospital", "municipality"))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    peer = loop.hospital.exchange.peer_by_token(TOKENS["municipality"])
    assert peer is not None
    asked = read(loop.hospital.wire.sent[0], DEFAULT_LIMITS)
    accepted = _plain_answer(asked.value, "R-1", "A", loop)
    assert b"MSA|AA|" in loop.hospital.exchange.receive(accepted, peer, "hl7v2")
    assert loop.state(loop.hospital, "referral-01") == "accepted"
    loop.clock.forward(days=1)
    person = {
        "f1": [{"c1": "RT"}],
        "f2": [{"c1": "Krogstad", "c2": "Ingvild"}],
        "f4": [{"c9": "Nordvik skole"}],
        "f5": [{"c2": "WPN", "c3": "PH", "c12": "+47 00 00 02 31"}],
    }
    answered = _plain_answer(asked.value, "R-2", "A", loop, person)
    assert b"MSA|AA|" in loop.hospital.exchange.receive(answered, peer, "hl7v2")
    stored = loop.hospital.exchange.store.referral("referral-01")
    assert stored is not None
    assert stored.referral.forms
    named = stored.referral.forms[-1].form.professionals[0].name
    assert named.full == "Ingvild Krogstad"


@pytest.mark.parametrize(("answers", "ending"), [(("accepted", "appointed"), "confirmed"), (("rejected",), "rejected")])
def test_answers_that_hapi_wrote(loop: Loop, answers: tuple[str, ...], ending: str) -> None:
    """An application that copies the segments of the notice, our ids with them, ends the loop by PRD and RF1-1.

    The bytes are those of tests/conformance/test_v2_town.py. PRD-8 says from when somebody coordinates.
    """
    speaking(loop, ("hospital", "municipality"))
    loop.hospital.exchange.send_notice(notice("03").evolve(wished_coordinator=None))
    loop.settle()
    peer = loop.hospital.exchange.peer_by_token(TOKENS["municipality"])
    assert peer is not None
    for name in answers:
        taken = loop.hospital.exchange.receive((KEPT / f"hapi-{name}.er7").read_bytes(), peer, "hl7v2")
        assert b"MSA|AA|" in taken
    stored = loop.hospital.exchange.store.referral("referral-03")
    assert stored is not None
    assert stored.referral.state == ending
    found = stored.referral.form
    assert found is not None
    assert [one.period.start for one in found.coordinators] == ([date(2026, 1, 19)] if ending == "confirmed" else [])


def _plain_answer(asked: dict[str, Any], ident: str, status: str, loop: Loop, *persons: dict[str, Any]) -> bytes:
    """An answer made of what the notice's message said, by a system that copies RF1, PID and the parties."""
    msh = dict(asked["MSH"])
    msh |= {"f4": msh["f6"], "f6": msh["f4"], "f9": [{"c1": "RRI", "c2": "I12"}], "f10": [{"c1": ident}]}
    msh |= {"f7": [{"c1": loop.clock.at.strftime("%Y%m%d%H%M%S+0000")}]}
    contacts = [{"PRD": _plain(group["PRD"])} for group in asked["PROVIDER_CONTACT"]][:2]
    value = {
        "MSH": msh,
        "MSA": {"f1": [{"c1": "AA"}], "f2": [{"c1": "1"}]},
        "RF1": {**asked["RF1"], "f1": [{"c1": status}]},
        "PROVIDER_CONTACT": [*contacts, *({"PRD": person} for person in persons)],
        "PID": asked["PID"],
    }
    return new(value).to_bytes()


def _plain(prd: dict[str, list[dict[str, str]]]) -> dict[str, list[dict[str, str]]]:
    """The segment without what is of ours: roles and ids."""
    kept = {"f1": [{"c1": prd["f1"][0]["c1"]}], "f4": prd["f4"]}
    numbers = [number for number in prd.get("f7", ()) if not number["c2"].startswith("99IP")]
    return {**kept, "f7": numbers} if numbers else kept


@pytest.mark.parametrize("speaker", ["hospital", "municipality"])
def test_an_answer_that_cites_by_other_ids(loop: Loop, speaker: str) -> None:
    """Begun over FHIR or HL7 v2, answered over HL7 v2 by MSA-2 alone, and then by the municipality's own id."""
    if speaker == "hospital":
        speaking(loop, ("hospital",))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    sent = _wire_id(loop.hospital)
    peer = loop.hospital.exchange.peer_by_token(TOKENS["municipality"])
    assert peer is not None
    first = _citing_answer(loop, "R-1", {"f11": [{"c1": "NORDVIK 2026/17"}]}, answers=sent)
    assert b"MSA|AA|" in loop.hospital.exchange.receive(first, peer, "hl7v2")
    assert loop.state(loop.hospital, "referral-01") == "accepted"
    second = _citing_answer(loop, "R-2", {"f6": [{"c1": "NORDVIK 2026/17"}]}, kind="assessing")
    assert b"MSA|AA|" in loop.hospital.exchange.receive(second, peer, "hl7v2")
    assert loop.state(loop.hospital, "referral-01") == "assessing"
    loop.hospital.exchange.send_notice(notice("02"))
    loop.settle()
    other = _citing_answer(loop, "R-3", {"f11": [{"c1": "NORDVIK 2026/17"}]}, answers=_wire_id(loop.hospital))
    with pytest.raises(InvalidInput, match="RF1-6: its ids lead to different referrals"):
        loop.hospital.exchange.receive(other, peer, "hl7v2")


def test_an_answer_over_fhir_to_a_notice_over_hl7v2(loop: Loop) -> None:
    """The loop goes on over the other wire, both ways."""
    speaking(loop, ("hospital",))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.municipality.exchange.act("referral-01", EventKind.ACCEPT)
    loop.settle()
    assert loop.municipality.wire.sent[-1].startswith(b"{")
    assert loop.states("referral-01") == ("accepted", "accepted")


def _wire_id(side: Side) -> str:
    """The id of the last message that left, as the other side cites it."""
    content = side.wire.sent[-1]
    if content.startswith(b"MSH"):
        return read(content, DEFAULT_LIMITS).field("MSH-10")
    return Formats().named("fhir-message").open(content, DEFAULT_LIMITS).message(default()).id


def _citing_answer(
    loop: Loop, ident: str, rf1: dict[str, Any], answers: str | None = None, kind: str = "accepted"
) -> bytes:
    """An answer of a system that does not say our correlation id."""
    asked = message_to_hl7v2(_about(notice("01")))
    value = read(_plain_answer(asked, ident, "A", loop), DEFAULT_LIMITS).value
    said = {name: field for name, field in value["RF1"].items() if name not in ("f6", "f11")}
    msa = {} if answers is None else {"MSA": {"f1": [{"c1": "AA"}], "f2": [{"c1": answers}]}}
    value = {name: part for name, part in value.items() if name != "MSA"}
    row = {"f2": [{"c1": "CWE"}], "f3": [{"c1": "message-kind", "c3": "99IP"}], "f11": [{"c1": "F"}]}
    form = {"OBR": {"f4": [{"c1": "ip-message", "c3": "99IP"}]}}
    coded = {**row, "f5": [{"c1": kind, "c3": "99IPMSG"}]}
    rows = [{**form, "RESULTS_NOTES": [{"OBX": coded}]}]
    return new({**value, **msa, "RF1": {**said, **rf1}, "OBSERVATION": rows}).to_bytes()


def _about(said: Notice) -> Message:
    """The message with a notice."""
    return sample(MessageKind.NOTICE).evolve(
        correlation_id=said.correlation_id,
        notice=said,
        sender=said.organization(said.sender),
        recipient=said.organization(said.recipient),
    )


def _withdrawn(loop: Loop, receipt: str, mode: str = "original") -> tuple[Er7, Callable[[], bytes]]:
    """The reply to a withdrawal of consent from a confirmed loop, of a hospital with these settings; and once more."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.municipality.exchange.answer(form("01"))
    loop.settle()
    peer = loop.municipality.exchange.peer_by_token(TOKENS["hospital"])
    assert isinstance(peer, Peer)
    line = Hl7v2Line.model_validate({"receipt": receipt, "ack_mode": mode})
    peer.endpoint.lines["hl7v2"] = line  # type: ignore[index]  # a dict, as settings make it
    about = _about(notice("01"))
    parties = {"sender": about.sender, "recipient": about.recipient, "sent": loop.clock.now()}
    told = sample(MessageKind.WITHDRAWAL, "w-1", "referral-01").evolve(**parties)
    content = Formats().writer("hl7v2", peer.lines).write(told, default())

    def asked() -> bytes:
        return loop.municipality.exchange.receive(content, peer, "hl7v2")

    return read(asked(), DEFAULT_LIMITS), asked


def test_the_business_answer_as_the_reply(loop: Loop) -> None:
    """RRI with MSA|AA, once: its row is done; asked again, the stored reply; the hospital takes it in as an answer."""
    reply, asked = _withdrawn(loop, "RRI")
    assert [reply.field(at) for at in ("MSH-9.1", "MSH-9.2", "MSA-1", "MSA-2", "RF1-1", "MSH-15")] == [
        *("RRI", "I14", "AA", "w-1", "A", "")
    ]
    assert asked() == reply.to_bytes()
    rows = loop.municipality.exchange.store.outbox()
    assert [row.status for row in rows if row.effect.message is MessageKind.ABORT_AGREED] == ["sent"]
    sent = len(loop.municipality.wire.sent)
    loop.municipality.exchange.run_due()
    assert len(loop.municipality.wire.sent) == sent
    assert default().message_from_hl7v2(reply.value).kind is MessageKind.ABORT_AGREED
    assert loop.municipality.exchange.store.verify() == ()


@pytest.mark.parametrize(("receipt", "mode"), [("ACK", "original"), ("RRI", "AL/NE"), ("RRI", "AL/AL")])
def test_otherwise_the_answer_comes_later(loop: Loop, receipt: str, mode: str) -> None:
    """The reply is an acknowledgement, and the answer is sent as any other."""
    reply, _ = _withdrawn(loop, receipt, mode)
    assert (reply.field("MSH-9.1"), reply.field("MSA-1")) == ("ACK", "AA")
    rows = loop.municipality.exchange.store.outbox()
    assert [row.status for row in rows if row.effect.message is MessageKind.ABORT_AGREED] == ["waiting"]


@pytest.mark.parametrize("wanted", [False, True])
def test_an_answer_that_is_sent_later(loop: Loop, wanted: bool) -> None:
    """It has no MSA, unless the settings of the peer say so: then AA, and MSH-10 of the notice."""
    speaking(loop, ("hospital", "municipality"))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    peer = loop.municipality.exchange.peer_by_token(TOKENS["hospital"])
    assert isinstance(peer, Peer)
    peer.endpoint.lines["hl7v2"] = Hl7v2Line(msa_in_answers=wanted)  # type: ignore[index]  # a dict, as settings make it
    loop.municipality.exchange.answer(form("01"))
    loop.settle()
    answer = read(loop.municipality.wire.sent[-1], DEFAULT_LIMITS)
    (sent,) = (read(content, DEFAULT_LIMITS) for content in loop.hospital.wire.sent)
    told = ("AA", sent.field("MSH-10")) if wanted else ("", "")
    assert (answer.field("MSH-9.1"), answer.field("MSA-1"), answer.field("MSA-2")) == ("RRI", *told)
    assert loop.states("referral-01") == ("confirmed", "confirmed")
    assert loop.hospital.exchange.store.refusals() == []


def test_the_other_side_s_own_id_is_echoed(loop: Loop) -> None:
    """What the municipality calls the referral (RF1-11) stands in later messages to it; of two such ids neither."""
    speaking(loop, ("hospital", "municipality"))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    asked = read(loop.hospital.wire.sent[0], DEFAULT_LIMITS)
    assert asked.field("RF1-11") == ""
    peer = loop.hospital.exchange.peer_by_token(TOKENS["municipality"])
    assert peer is not None
    seen = []
    for number, ident in enumerate(("SAK/7", "SAK/8"), start=1):
        named = {**asked.value, "RF1": {**asked.value["RF1"], "f11": [{"c1": ident}]}}
        assert b"MSA|AA|" in loop.hospital.exchange.receive(
            _plain_answer(named, f"R-{number}", "A", loop), peer, "hl7v2"
        )
        loop.hospital.exchange.act("referral-01", EventKind.GIVE_INFORMATION, text=f"Opplysning {number}")
        loop.hospital.exchange.run_due()
        seen.append(read(loop.hospital.wire.sent[-1], DEFAULT_LIMITS))
    assert [(one.event[1], one.field("RF1-6"), one.field("RF1-11")) for one in seen] == [
        ("I13", "referral-01", "SAK/7"),
        ("I13", "referral-01", ""),
    ]


def _hospital_that_waits_for_rri(loop: Loop) -> Peer:
    """The hospital as the municipality's peer: it asks for nothing in MSH-15, and waits for RRI."""
    peer = loop.municipality.exchange.peer_by_token(TOKENS["hospital"])
    assert isinstance(peer, Peer)
    line = Hl7v2Line(receipt="RRI", ack_mode="original")
    peer.endpoint.lines["hl7v2"] = line  # type: ignore[index]  # a dict, as settings make it
    return peer


def _first_notice(loop: Loop, peer: Peer) -> bytes:
    """The first notice to the municipality, as such a hospital writes it."""
    said = _about(notice("01")).evolve(sent=loop.clock.now())
    return Formats().writer("hl7v2", peer.lines).write(said, default())


def test_where_there_is_no_answer_yet_the_receipt_is_an_rri(loop: Loop) -> None:
    """A person answers a notice, later: RF1-1 P says that it is here, by its numbers, and names nobody."""
    peer = _hospital_that_waits_for_rri(loop)
    content = _first_notice(loop, peer)
    answer = loop.municipality.exchange.receive(content, peer, "hl7v2")
    reply = read(answer, DEFAULT_LIMITS)
    assert [reply.field(at) for at in ("MSH-9.1", "MSH-9.2", "MSA-1", "MSA-2", "RF1-1", "RF1-6", "MSH-15")] == [
        *("RRI", "I12", "AA", read(content, DEFAULT_LIMITS).field("MSH-10"), "P", "referral-01", "")
    ]
    assert [problem for problem in check(reply) if problem.severity == "error"] == []
    assert [reply.field(f"MSH-{at}") for at in (3, 4, 5, 6)] == [
        read(content, DEFAULT_LIMITS).field(f"MSH-{at}") for at in (5, 6, 3, 4)
    ]
    owner = notice("01").owner
    for told in (owner.name.family, owner.name.given, str(owner.identifier)):
        assert told is not None
        assert told.encode() not in answer
    assert loop.municipality.exchange.receive(content, peer, "hl7v2") == answer
    assert len(loop.municipality.exchange.store.referrals()) == 1


def test_warnings_in_such_a_receipt_are_notes(loop: Loop) -> None:
    """RRI has no ERR: what was read though the standard has it otherwise stands at the end, by its place."""
    peer = _hospital_that_waits_for_rri(loop)
    content = _first_notice(loop, peer).replace(b"REF^I12^REF_I12", b"REF^I12^REF_I14")
    reply = read(loop.municipality.exchange.receive(content, peer, "hl7v2"), DEFAULT_LIMITS)
    assert reply.field("NTE-3").startswith("MSH-9.3: ")


def test_a_refusal_is_an_ack_for_such_a_hospital_too(loop: Loop) -> None:
    """RRI has no ERR, so the reason could not be told."""
    peer = _hospital_that_waits_for_rri(loop)
    told = sample(MessageKind.REMINDER, "r-1", "unknown").evolve(
        sender=_about(notice("01")).sender, recipient=_about(notice("01")).recipient, sent=loop.clock.now()
    )
    loop.clock.forward(hours=100)
    content = Formats().writer("hl7v2", peer.lines).write(told, default())
    reply = read(loop.municipality.exchange.receive(content, peer, "hl7v2"), DEFAULT_LIMITS)
    assert (reply.field("MSH-9.1"), reply.field("ERR-3")) == ("ACK", "204")


def test_such_a_receipt_of_ours_is_taken_for_a_receipt_alone(loop: Loop) -> None:
    """At the side that sent the referral nothing is refused, and nothing taken in: the answer comes later."""
    peer = _hospital_that_waits_for_rri(loop)
    reply = loop.municipality.exchange.receive(_first_notice(loop, peer), peer, "hl7v2")
    answered: list[bytes] = []

    class Replying(Wire):
        """A wire whose receipts bring the RRI."""

        format = "hl7v2"

        def send(self, outgoing: Outgoing) -> Receipt:
            """Give the receipt that came with the RRI."""
            answered.append(outgoing.content)
            return Receipt(outgoing.message_id, "ok", reply=reply)

    loop.hospital.wire.__class__ = Replying
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    assert len(answered) == 1
    assert loop.hospital.exchange.store.refusals() == []
    assert loop.states("referral-01")[0] == "delivered"
