"""What must not be taken in: a typed error or a receipt that says no, kept as evidence, and nothing applied."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.referral import Event, EventKind, Role
from ip_fhir.domain.values.ids import HerId
from ip_fhir.errors import InvalidInput, LoopError, NotTaken, NotYet, StoreError
from ip_fhir.exchange.peers import Credential
from ip_fhir.fhir.outcome import status_of
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.mapping import message_to_fhir
from ip_fhir.ports import Refusal
from ip_fhir.settings import LimitSettings
from tests.support.two_sides import START, TOKENS, Loop, Side, form, make_loop, notice, organizations

HOSPITAL, UNIT = organizations(notice("01"))
STRANGER = Organization(id="h2", name="Et annet sykehus", kind=OrganizationKind.HOSPITAL, her_id=HerId("90000999"))
ANOTHERS_NUMBER = "14826121549"


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Both sides; the municipality has the first notice."""
    made = make_loop(tmp_path)
    made.hospital.exchange.send_notice(notice("01"))
    made.settle()
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def peer_of(side: Side, who: str) -> Credential:
    """A party as a side knows it."""
    peer = side.exchange.peer_by_token(TOKENS[who])
    assert peer is not None
    return peer


def bundle(kind: MessageKind, sent: datetime = START, **more: object) -> dict[str, Any]:
    """A message of the hospital's about the first referral."""
    fields = {"id": f"m-{kind}", "kind": kind, "correlation_id": "referral-01", "sent": sent}
    fields |= {"sender": HOSPITAL, "recipient": UNIT, **more}
    return message_to_fhir(Message.model_validate(fields))


def green_form() -> dict[str, Any]:
    """The municipality's answer, to the hospital."""
    return bundle(MessageKind.GREEN_FORM, form=form("01"), sender=UNIT, recipient=HOSPITAL)


def about(number: str, system: str = "urn:oid:2.16.578.1.12.4.1.4.1") -> dict[str, Any]:
    """A green form that says whom it is about."""
    made = green_form()
    patient = {"resourceType": "Patient", "id": "p", "identifier": [{"system": system, "value": number}]}
    made["entry"].append({"fullUrl": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", "resource": patient})
    return made


def of_another_referral() -> dict[str, Any]:
    """The form answers one referral, the message is about another."""
    made = green_form()
    header = json.dumps(made["entry"][0]["resource"]).replace("referral-01", "referral-02")
    made["entry"][0]["resource"] = json.loads(header)
    return made


@dataclass(frozen=True)
class Case:
    """A message, to which side, and what becomes of it: receipt and code, or status and code."""

    content: Callable[[], dict[str, Any]]
    answer: str | int
    code: str
    to: str = "municipality"
    kept: str = "refusal"
    readable: bool = True


_S = MessageKind
YEAR = timedelta(days=366)
CASES = {
    "unknown referral": Case(
        lambda: bundle(_S.REMINDER, START - timedelta(hours=1), correlation_id="referral-77"),
        "fatal-error", "not-found",
    ),
    "unknown so far": Case(
        lambda: bundle(_S.REMINDER, correlation_id="referral-77"), "transient-error", "not-found"
    ),
    "from the future": Case(lambda: bundle(_S.REMINDER, START + timedelta(days=1)), "transient-error", "business-rule"),
    "a year old": Case(lambda: bundle(_S.REMINDER, START - YEAR), "fatal-error", "business-rule"),
    "another person": Case(lambda: about(ANOTHERS_NUMBER), "fatal-error", "business-rule", "hospital"),
    "another referral's form": Case(of_another_referral, 422, "invariant", "hospital", readable=False),
    "a role that may not": Case(
        lambda: bundle(_S.CANCELLATION, sender=UNIT, recipient=HOSPITAL),
        "fatal-error", "business-rule", "hospital", "evidence",
    ),
    "a corrected notice": Case(
        lambda: bundle(_S.NOTICE, notice=notice("01").evolve(reason="En annen grunn")),
        "fatal-error", "business-rule", kept="evidence",
    ),
    "in another's name": Case(lambda: bundle(_S.REMINDER, sender=STRANGER), 403, "forbidden"),
    "to somebody else": Case(lambda: bundle(_S.REMINDER, recipient=STRANGER), 422, "business-rule"),
    "no message": Case(lambda: {"resourceType": "Patient"}, 400, "structure", readable=False),
}  # fmt: skip


def kept(side: Side) -> list[Refusal]:
    """What the side has kept of messages that it did not take in."""
    return side.exchange.store.refusals()


@pytest.mark.parametrize("name", CASES)
def test_refused(loop: Loop, name: str) -> None:
    """The right answer, by type; evidence once, however often it comes; the referral as it was; nothing to send."""
    case = CASES[name]
    side: Side = getattr(loop, case.to)
    content = write_json(case.content())
    before = side.exchange.store.referral("referral-01")
    assert before is not None
    rows, records = side.exchange.store.outbox(), len(side.exchange.store.evidence())
    for _ in range(2):
        check_answer(side, case, content)
    after = side.exchange.store.referral("referral-01")
    assert after is not None
    assert (after.referral.state, after.referral.forms) == (before.referral.state, before.referral.forms)
    assert side.exchange.store.outbox() == rows
    assert side.exchange.store.referral("referral-77") is None
    evidence = list(side.exchange.store.evidence())
    if case.kept == "evidence":
        assert len(evidence) == records + 1
        assert str(evidence[-1].record.note).startswith("refused: ")
        assert kept(side) == []
    else:
        assert len(evidence) == records
        (refusal,) = kept(side)
        assert (refusal.code, refusal.times, refusal.peer) == (case.code, 2, other(case))
        assert refusal.message_id == (read_json(content)["id"] if case.readable else None)


def test_a_transition_that_the_table_forbids(loop: Loop) -> None:
    """A stop is agreed to that nobody asked for, of a notice still on its way: evidence, a no, and nothing else."""
    loop.hospital.exchange.send_notice(notice("02"))
    rows = loop.hospital.exchange.store.outbox()
    to_us = {"correlation_id": "referral-02", "sender": UNIT, "recipient": HOSPITAL}
    content = write_json(bundle(_S.ABORT_AGREED, **to_us))  # type: ignore[arg-type]
    reply = loop.hospital.exchange.receive(content, peer_of(loop.hospital, "municipality"))
    receipt = receipt_from_fhir(read_json(reply))
    assert (receipt.code, receipt.problems[0].code) == ("fatal-error", "business-rule")
    last = list(loop.hospital.exchange.store.evidence())[-1].record
    assert (last.before, last.after, str(last.note).split(":")[0]) == ("sent", "sent", "refused")
    assert loop.hospital.exchange.store.outbox() == rows


def other(case: Case) -> str:
    """Who sends it."""
    return "municipality" if case.to == "hospital" else "hospital"


def check_answer(side: Side, case: Case, content: bytes) -> None:
    """A receipt, or an error with its status."""
    peer = peer_of(side, other(case))
    if isinstance(case.answer, int):
        with pytest.raises(InvalidInput) as caught:
            side.exchange.receive(content, peer)
        assert (status_of(caught.value), caught.value.problems[0].code) == (case.answer, case.code)
        return
    receipt = receipt_from_fhir(read_json(side.exchange.receive(content, peer)))
    assert (receipt.code, receipt.problems[0].code) == (case.answer, case.code)


def test_no_word_about_a_person_is_kept(loop: Loop) -> None:
    """Neither a number nor a name is in what is kept, whatever the message held."""
    for content in (about(ANOTHERS_NUMBER), of_another_referral()):
        with_name = write_json(content)
        try:
            loop.hospital.exchange.receive(with_name, peer_of(loop.hospital, "municipality"))
        except InvalidInput:
            continue
    text = repr(kept(loop.hospital))
    assert len(kept(loop.hospital)) == 2
    assert ANOTHERS_NUMBER not in text
    assert notice("01").owner.name.family not in text


# --- time


@pytest.mark.promise(3)
def test_from_the_future_is_taken_in_when_it_is_the_present(loop: Loop) -> None:
    """Not now is not never: the same bytes, later, have their effect once."""
    content = write_json(bundle(_S.REMINDER, START + timedelta(hours=1)))
    peer = peer_of(loop.municipality, "hospital")
    codes = []
    for _ in range(3):
        codes.append(receipt_from_fhir(read_json(loop.municipality.exchange.receive(content, peer))).code)
        loop.clock.forward(minutes=30)
    assert codes == ["transient-error", "transient-error", "ok"]
    stored = loop.municipality.exchange.store.referral("referral-01")
    assert stored is not None
    assert stored.referral.last_message == "m-reminder"


@pytest.mark.parametrize(("seconds", "code"), [(299, "ok"), (300, "ok"), (301, "transient-error")])
def test_clocks_may_differ_a_little(loop: Loop, seconds: int, code: str) -> None:
    """Five minutes, unless the settings say otherwise."""
    content = write_json(bundle(_S.REMINDER, START + timedelta(seconds=seconds)))
    reply = loop.municipality.exchange.receive(content, peer_of(loop.municipality, "hospital"))
    assert receipt_from_fhir(read_json(reply)).code == code


@pytest.mark.promise(1)
def test_a_replay_after_a_year_gets_its_first_answer(loop: Loop) -> None:
    """Its key is kept: the same bytes come back, nothing happens, nothing is refused."""
    content, peer = write_json(bundle(_S.REMINDER)), peer_of(loop.municipality, "hospital")
    first = loop.municipality.exchange.receive(content, peer)
    records = len(loop.municipality.exchange.store.evidence())
    loop.clock.forward(days=366)
    assert loop.municipality.exchange.receive(content, peer) == first
    assert len(loop.municipality.exchange.store.evidence()) == records
    assert kept(loop.municipality) == []


@pytest.mark.promise(1)
@pytest.mark.parametrize("renewed", [False, True])
def test_a_replay_after_a_purge_moves_nothing(loop: Loop, *, renewed: bool) -> None:
    """What was answered is forgotten once the message is too old to be taken in; that it came is not.

    Also when its sender has put it into a new envelope, with the date of today.
    """
    store: Any = loop.municipality.exchange.store
    peer = peer_of(loop.municipality, "hospital")
    message = bundle(_S.REMINDER)
    loop.municipality.exchange.receive(write_json(message), peer)
    records = len(store.evidence())
    loop.clock.forward(days=366)
    now = loop.clock.now()
    done = store.purge(now - timedelta(days=3650), now, LimitSettings().replayable(now))
    assert (done.receipts, done.keys) == (2, 0), "the notice's and the reminder's"
    again = {**message, "timestamp": now.isoformat()} if renewed else message
    receipt = receipt_from_fhir(read_json(loop.municipality.exchange.receive(write_json(again), peer)))
    assert (receipt.code, receipt.problems[0].code) == ("fatal-error", "duplicate")
    assert len(store.evidence()) == records
    assert [refusal.code for refusal in kept(loop.municipality)] == ["duplicate"]


def test_a_sender_whose_clock_is_ahead_tries_again(loop: Loop) -> None:
    """By two hours: it comes again until the other clock has come that far, and all is well."""
    loop.hospital.exchange.send_notice(notice("03"))
    object.__setattr__(loop.municipality.exchange._context, "clock", _Behind(loop, timedelta(hours=2)))
    assert loop.hospital.exchange.run_due().again == 1
    for _ in range(8):
        loop.clock.forward(hours=1)
        loop.settle()
    assert loop.states("referral-03") == ("delivered", "delivered")
    assert loop.hospital.exchange.store.outbox("parked") == []
    assert kept(loop.municipality)[0].times > 1


@dataclass
class _Behind:
    loop: Loop
    by: timedelta

    def now(self) -> datetime:
        """Later than it thinks."""
        return self.loop.clock.now() - self.by


@pytest.mark.promise(3)
def test_a_clock_turned_back_does_not_overtake_itself(loop: Loop) -> None:
    """What a side says after its clock was turned back an hour is not taken for older than what it said before."""
    ident = "referral-01"
    loop.clock.forward(hours=2)
    loop.municipality.exchange.act(ident, EventKind.ACCEPT)
    loop.settle()
    loop.clock.forward(hours=-1)
    loop.municipality.exchange.answer(form("01"))
    for _ in range(3):
        loop.clock.forward(minutes=40)
        loop.settle()
    assert loop.states(ident) == ("confirmed", "confirmed")
    for side in (loop.hospital, loop.municipality):
        times = [link.record.event.at for link in side.exchange.store.evidence(ident)]
        assert times == sorted(times)


# --- persons


@pytest.mark.parametrize(
    "number",
    [str(notice("01").owner.identifier), "55097240004", "not a number at all"],
    ids=["the same person", "a number of another register", "a local id"],
)
def test_the_same_person_as_far_as_one_can_tell(loop: Loop, number: str) -> None:
    """Only a number of the same register contradicts."""
    reply = loop.hospital.exchange.receive(write_json(about(number)), peer_of(loop.hospital, "municipality"))
    assert receipt_from_fhir(read_json(reply)).code == "ok"
    assert loop.state(loop.hospital, "referral-01") == "confirmed"


# --- our own side, and what was done to the store


@pytest.mark.promise(3)
def test_our_own_event_of_the_future(loop: Loop) -> None:
    """What has not happened yet is not recorded: later events would be dated by it."""
    exchange, records = loop.municipality.exchange, len(loop.municipality.exchange.store.evidence())
    tomorrow = Event(
        id="e-1", kind=EventKind.ACCEPT, at=START + timedelta(days=1), raised_by=Role.MUNICIPALITY, text="i morgen"
    )
    with pytest.raises(NotYet) as caught:
        exchange.submit("referral-01", tomorrow)
    assert [(p.path, p.code) for p in caught.value.problems] == [("event.at", "business-rule")]
    assert len(exchange.store.evidence()) == records
    loop.clock.forward(days=1)
    assert exchange.submit("referral-01", tomorrow).state == "accepted"


@pytest.mark.promise(2, 16)
def test_a_row_that_somebody_has_changed(loop: Loop, tmp_path: Path) -> None:
    """A referral that can no longer be read: our own fault, come again; nothing is applied, and mended it goes on."""
    side, database = loop.municipality, sqlite3.connect(tmp_path / "municipality.sqlite")
    ((body,),) = database.execute("SELECT body FROM referral").fetchall()
    before = (len(side.exchange.store.evidence()), side.exchange.store.outbox())
    for damaged in ("{}", body.replace('"delivered"', '"somewhere"'), body[:-20], ""):
        with database:
            database.execute("UPDATE referral SET body = ?", (damaged,))
        content = write_json(bundle(_S.REMINDER))
        with pytest.raises(StoreError) as caught:
            side.exchange.receive(content, peer_of(side, "hospital"))
        assert (status_of(caught.value), caught.value.retry) == (503, True)
        assert notice("01").owner.name.family not in str(caught.value)
        assert (len(side.exchange.store.evidence()), side.exchange.store.outbox()) == before
    with database:
        database.execute("UPDATE referral SET body = ?", (body,))
    database.close()
    reply = side.exchange.receive(write_json(bundle(_S.REMINDER)), peer_of(side, "hospital"))
    assert receipt_from_fhir(read_json(reply)).code == "ok"
    assert side.exchange.store.verify() == ()


@pytest.mark.promise(16)
def test_evidence_that_somebody_has_changed(loop: Loop, tmp_path: Path) -> None:
    """A changed record is found by its number, and the loop goes on beside it: others must not wait for the inquiry."""
    side = loop.municipality
    with closing(sqlite3.connect(tmp_path / "municipality.sqlite")) as database, database:
        database.execute("UPDATE evidence SET body = replace(body, 'receive', 'accept') WHERE number = 1")
    assert [problem.path for problem in side.exchange.store.verify()] == ["evidence.1"]
    reply = side.exchange.receive(write_json(bundle(_S.REMINDER)), peer_of(side, "hospital"))
    assert receipt_from_fhir(read_json(reply)).code == "ok"
    assert [problem.path for problem in side.exchange.store.verify()] == ["evidence.1"]


# --- what has no receipts


def transaction(authored: datetime) -> bytes:
    """A notice as a transaction."""
    made = bundle(_S.NOTICE, notice=notice("03").evolve(authored=authored), correlation_id="referral-03")
    return write_json({**made, "type": "transaction", "entry": made["entry"][1:]})


@pytest.mark.parametrize(
    ("authored", "error", "status"), [(START - YEAR, NotTaken, 422), (START + timedelta(days=1), NotYet, 503)]
)
def test_a_transaction_is_answered_by_an_error(
    loop: Loop, authored: datetime, error: type[NotTaken], status: int
) -> None:
    """It has no receipts: the type says whether to come again; the evidence is kept all the same."""
    peer = peer_of(loop.municipality, "hospital")
    with pytest.raises(error) as caught:
        loop.municipality.exchange.receive(transaction(authored), peer, "fhir-transaction")
    assert (status_of(caught.value), caught.value.retry) == (status, error is NotYet)
    assert loop.state(loop.municipality, "referral-03") == "none"
    assert [refusal.code for refusal in kept(loop.municipality)] == ["business-rule"]


def test_an_update_that_the_loop_forbids(loop: Loop) -> None:
    """A Task set to what its state does not allow: a LoopError, kept; a stale version is nobody's fault."""
    peer = peer_of(loop.municipality, "hospital")
    (task,) = loop.municipality.exchange.search_resources(peer, "Task", {}).found
    done = {**task.body, "status": "completed"}
    with pytest.raises((LoopError, InvalidInput)):
        loop.municipality.exchange.update_resource(peer, "Task", task.id, task.version, done)
    with pytest.raises(InvalidInput) as caught:
        loop.municipality.exchange.update_resource(peer, "Task", task.id, task.version + 1, done)
    assert caught.value.problems[0].code == "conflict"
    assert len(kept(loop.municipality)) == 1
    assert loop.state(loop.municipality, "referral-01") == "delivered"


@pytest.mark.promise(1)
def test_the_same_key_with_other_content(loop: Loop) -> None:
    """Refused and kept, beside what was taken in under it."""
    peer = peer_of(loop.municipality, "hospital")
    loop.municipality.exchange.receive(write_json(bundle(_S.REMINDER)), peer)
    with pytest.raises(InvalidInput):
        loop.municipality.exchange.receive(write_json(bundle(_S.REMINDER, text="En annen")), peer)
    assert [refusal.code for refusal in kept(loop.municipality)] == ["duplicate"]


def test_what_cannot_be_kept_is_not_answered(loop: Loop) -> None:
    """The store fails at the evidence: no receipt, but an error that says come again."""
    loop.municipality.store.cut_at = "refuse"
    content = write_json(bundle(_S.REMINDER, correlation_id="referral-77"))
    with pytest.raises(StoreError):
        loop.municipality.exchange.receive(content, peer_of(loop.municipality, "hospital"))
