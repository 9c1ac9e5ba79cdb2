"""The rare cases: races, rows without a referral, messages that the loop does not allow, limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ip_fhir.domain.effects import Effect, EffectKind, Timer, TimerKind
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.referral import EventKind
from ip_fhir.domain.values.aggregate import PLAN
from ip_fhir.domain.values.ids import HerId
from ip_fhir.errors import Conflict, InvalidInput, StoreError
from ip_fhir.exchange import Exchange, outbound
from ip_fhir.exchange.commit import again_on_conflict
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Credential, Peer, Peers
from ip_fhir.exchange.sending import due
from ip_fhir.fhir.reading import read_json, write_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.mapping import message_to_fhir
from ip_fhir.ports import Endpoint, OutboxRow, Outgoing, Receipt, ResourceVersion
from tests.support.two_sides import START, TOKENS, Loop, Side, notice, organizations


def context_of(side: Side) -> Context:
    """What a side works with."""
    return side.exchange._context


def peer_of(side: Side, who: str) -> Credential:
    """A party as a side knows it."""
    peer = side.exchange.peer_by_token(TOKENS[who])
    assert peer is not None
    return peer


def message(kind: MessageKind, **more: object) -> bytes:
    """A message from the hospital to the municipality about the first referral."""
    hospital, unit = organizations(notice("01"))
    fields = {"id": f"m-{kind}", "kind": kind, "correlation_id": "referral-01", "sent": START}
    return write_json(
        message_to_fhir(Message.model_validate({**fields, "sender": hospital, "recipient": unit, **more}))
    )


def always() -> bool:
    """Keep going."""
    return True


# --- what comes in


@pytest.mark.promise(3, 16)
def test_an_event_that_is_not_allowed_is_kept_and_refused(loop: Loop) -> None:
    """A municipality cancels in the hospital's stead: nothing is applied, the evidence is kept, the answer is no."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    hospital, unit = organizations(notice("01"))
    content = message(MessageKind.CANCELLATION, sender=unit, recipient=hospital)
    reply = loop.hospital.exchange.receive(content, peer_of(loop.hospital, "municipality"))
    receipt = receipt_from_fhir(read_json(reply))
    assert (receipt.code, receipt.problems[0].code) == ("fatal-error", "business-rule")
    loop.settle()
    assert loop.states("referral-01") == ("delivered", "delivered")
    last = list(loop.hospital.exchange.store.evidence())[-1].record
    assert last.event.kind is EventKind.CANCEL
    assert (last.before, last.after) == ("delivered", "delivered")
    assert str(last.note).startswith("refused: ")
    assert loop.hospital.exchange.receive(content, peer_of(loop.hospital, "municipality")) == reply


def test_a_referral_of_another_party(loop: Loop) -> None:
    """A party that is known, but not concerned, does not move it, and hears the same as of one that is not there."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    number = HerId("90000999")
    other = Organization(id="h2", name="Et annet sykehus", kind=OrganizationKind.HOSPITAL, her_id=number)
    known = context_of(loop.municipality)
    stranger = Peer("h2", (other,), loop.municipality.wire, Endpoint("memory://"), ())
    exchange = Exchange(replace(known, peers=Peers([*known.peers, stranger])))
    for ident in ("referral-01", "referral-77"):
        content = message(MessageKind.CANCELLATION, sender=other, correlation_id=ident, id=f"m-{ident}")
        receipt = receipt_from_fhir(read_json(exchange.receive(content, stranger)))
        assert (receipt.code, [problem.code for problem in receipt.problems]) == ("transient-error", ["not-found"])
    assert loop.state(loop.municipality, "referral-01") == "delivered"


def test_a_credential_that_settings_do_not_name(loop: Loop) -> None:
    """A peer that was made elsewhere has no say: what counts is the settings' own of that name."""
    stranger = Peer("h2", context_of(loop.municipality).organizations, loop.municipality.wire, Endpoint("memory://"))
    with pytest.raises(InvalidInput, match="no peer in the settings has this name"):
        loop.municipality.exchange.receive(b"", stranger)


def test_a_hospital_takes_no_notice(loop: Loop) -> None:
    """A notice that comes the wrong way is refused."""
    hospital, unit = organizations(notice("01"))
    backwards = notice("01").evolve(sender=unit.id, recipient=hospital.id)
    content = message(MessageKind.NOTICE, sender=unit, recipient=hospital, notice=backwards)
    with pytest.raises(InvalidInput, match="takes none in"):
        loop.hospital.exchange.receive(content, peer_of(loop.hospital, "municipality"))


def test_a_hospital_does_not_send_in_another_hospitals_name(loop: Loop) -> None:
    """The message says who it is from, and so does the notice in it: both have to be the token's party."""
    hospital, _ = organizations(notice("01"))
    number = HerId("90000999")
    other = Organization(id="h2", name="Et annet sykehus", kind=OrganizationKind.HOSPITAL, her_id=number)
    foreign = notice("01").evolve(sender="h2", organizations=(*notice("01").organizations, other))
    content = message(MessageKind.NOTICE, sender=hospital, notice=foreign)
    with pytest.raises(InvalidInput, match="not the party") as caught:
        loop.municipality.exchange.receive(content, peer_of(loop.municipality, "hospital"))
    assert caught.value.status == 403


def test_a_conflict_is_decided_eight_times_at_most() -> None:
    """What changed meanwhile is loaded anew; a referral that is never at rest is somebody's fault."""
    tried: list[int] = []

    def work() -> str:
        tried.append(1)
        if len(tried) < 8:
            raise Conflict("changed")
        return "done"

    assert again_on_conflict(work) == "done"
    tried.clear()

    def never() -> str:
        tried.append(1)
        raise Conflict("changed")

    with pytest.raises(Conflict):
        again_on_conflict(never)
    assert len(tried) == 8


# --- what goes out


def claimed(side: Side) -> OutboxRow:
    """The one row that is due, held by us."""
    context = context_of(side)
    (row,) = context.store.claim("test", context.clock.now(), timedelta(minutes=2), 10)
    return row


def test_a_row_withdrawn_while_it_is_being_sent(loop: Loop) -> None:
    """Dropped between the claim and the first byte: nothing goes out."""
    loop.hospital.exchange.send_notice(notice("01"))
    row = claimed(loop.hospital)
    loop.hospital.exchange.store.refused(row.id, "withdrawn")
    assert outbound.send(context_of(loop.hospital), row, START) == "refused"
    assert loop.hospital.wire.sent == []


@pytest.mark.promise(1, 4)
def test_two_workers_one_receipt(loop: Loop) -> None:
    """The lease ran out, both sent: the receiver takes it in once, and the receipt is applied once."""
    loop.hospital.exchange.send_notice(notice("01"))
    row = claimed(loop.hospital)
    assert outbound.send(context_of(loop.hospital), row, START) == "sent"
    records = len(loop.hospital.exchange.store.evidence())
    late = replace(row, content=loop.hospital.wire.sent[0], content_type="application/fhir+json")
    assert outbound.send(context_of(loop.hospital), late, START) == "sent"
    assert len(loop.hospital.exchange.store.evidence()) == records
    assert len(loop.municipality.exchange.store.evidence()) == 1


@pytest.mark.parametrize(("code", "done"), [("transient-error", "again"), ("fatal-error", "parked")])
def test_the_receipt_decides(loop: Loop, code: str, done: str) -> None:
    """Not now is tried again, no is not."""

    def answer(outgoing: Outgoing) -> Receipt:
        return Receipt(outgoing.message_id, code)  # type: ignore[arg-type]

    loop.hospital.wire.send = answer  # type: ignore[method-assign]
    loop.hospital.exchange.send_notice(notice("01"))
    assert outbound.send(context_of(loop.hospital), claimed(loop.hospital), START) == done


def test_a_format_that_nothing_writes(loop: Loop) -> None:
    """A peer whose adapter speaks what we do not is a mistake in the settings: parked, not tried for ever."""
    loop.hospital.wire.format = "kith"
    loop.hospital.exchange.send_notice(notice("01"))
    assert outbound.send(context_of(loop.hospital), claimed(loop.hospital), START) == "parked"
    (row,) = loop.hospital.exchange.store.outbox("parked")
    assert row.last_error == "peers: nothing writes the format kith"


def test_nobody_is_configured_for_the_recipient(loop: Loop) -> None:
    """No peer, no address: parked, and the reason names the organisation's id, which is no person."""
    context = replace(context_of(loop.hospital), peers=Peers([]))
    Exchange(context).send_notice(notice("01"))
    assert outbound.send(context, claimed(loop.hospital), START) == "parked"
    (row,) = loop.hospital.exchange.store.outbox("parked")
    assert "org-nordvik-ke" in str(row.last_error)


def test_a_row_without_a_referral(loop: Loop) -> None:
    """Somebody removed it by hand: the row is parked, and the worker goes on."""
    effect = Effect(id="lost-row", kind=EffectKind.SEND, message=MessageKind.REMINDER)
    with loop.hospital.exchange.store.begin() as tx:
        tx.enqueue([OutboxRow("lost-row", "referral-99", effect, due=START)])
    assert loop.hospital.exchange.run_due().parked == 1
    assert loop.hospital.exchange.store.outbox("parked")[0].id == "lost-row"


@pytest.mark.promise(1, 2)
@pytest.mark.parametrize("at", ["row", "finish", "append", "save", "commit"])
def test_a_store_that_fails_while_sending(loop: Loop, at: str) -> None:
    """It is our own fault, not the row's: raised, and the row is sent when the store is back; done once over there."""
    loop.hospital.exchange.send_notice(notice("01"))
    row = claimed(loop.hospital)
    loop.hospital.store.cut_at = at
    with pytest.raises(StoreError):
        outbound.send(context_of(loop.hospital), row, START)
    loop.hospital.store.cut_at = None
    assert loop.states("referral-01")[0] == "sent"
    loop.clock.forward(minutes=5)
    loop.settle()
    assert loop.states("referral-01") == ("delivered", "delivered")
    assert len(loop.municipality.exchange.store.evidence()) == 1


# --- what time brings


def test_limits_and_stopping(loop: Loop) -> None:
    """No more than asked for at a time, and nothing more once told to stop."""
    for name in ("01", "03", "04"):
        loop.hospital.exchange.send_notice(notice(name))
    assert loop.hospital.exchange.run_due(limit=2).sent == 2
    loop.settle()
    loop.clock.forward(days=40)
    context, now = context_of(loop.hospital), loop.clock.now()
    assert due.run_timers(context, now, 2, always).timers == 2
    assert due.run_timers(context, now, 10, lambda: False).timers == 0
    assert due.run_timers(context, now, 10, always).timers == 4
    assert not loop.hospital.exchange.run_due(keep_going=lambda: False).anything
    assert loop.hospital.exchange.run_due().sent == 3


def test_a_timer_that_cannot_be_handled(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """A referral whose clocks make no sense: it is logged and left; the other referrals' timers are handled."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    with loop.hospital.exchange.store.begin() as tx:
        stored = tx.load("referral-01")
        assert stored is not None
        senseless = stored.referral.evolve(timers=(Timer(kind=TimerKind.RECEIPT, due=START),))
        tx.save(senseless, stored.revision)
    loop.clock.forward(days=40)
    ran = loop.hospital.exchange.run_due()
    assert (ran.timers, ran.failed, ran.sent) == (2, 1, 1)
    assert "referral-01" in caplog.text
    assert not loop.hospital.exchange.run_due().anything


# --- who is who


def test_nobody_speaks_for_a_stranger(loop: Loop) -> None:
    """A token nobody has, an organisation that no party is."""
    context = context_of(loop.hospital)
    assert context.peers.by_token("nobody-has-this-token") is None
    assert context.parties.find(Organization(id="x", name="X", kind=OrganizationKind.OTHER)) is None
    with pytest.raises(InvalidInput, match="no peer"):
        context.peers.party("nobody")


# --- resources


def test_meta_that_is_none(loop: Loop) -> None:
    """A resource whose meta is no object is refused, not stumbled over."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    peer = peer_of(loop.municipality, "hospital")
    (task,) = loop.municipality.exchange.search_resources(peer, "Task", {}).found
    with pytest.raises(InvalidInput, match="is no object"):
        loop.municipality.exchange.update_resource(peer, "Task", task.id, 1, {**task.body, "meta": "x"})


def test_a_resource_of_a_plan_is_not_a_referrals(loop: Loop) -> None:
    """Not even where the plan has the referral's id: it is not found by the other party, and not written over."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    peer = peer_of(loop.municipality, "hospital")
    (task,) = loop.municipality.exchange.search_resources(peer, "Task", {}).found
    body = {**task.body, "id": "of-the-plan"}
    plans = ResourceVersion("Task", "of-the-plan", 1, body, START, "referral-01", aggregate_kind=PLAN)
    with loop.municipality.exchange.store.begin() as tx:
        tx.put_resource(plans, None)
    found = loop.municipality.exchange.search_resources(peer, "Task", {}).found
    assert [resource.id for resource in found] == [task.id]
    with pytest.raises(InvalidInput, match="no resource with this id"):
        loop.municipality.exchange.update_resource(peer, "Task", "of-the-plan", 1, body)


def test_a_row_names_who_it_goes_to(loop: Loop) -> None:
    """The party, as the settings call it; nobody for our own people, or where settings name none: then it is parked."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    assert [row.peer for row in loop.hospital.exchange.store.outbox("sent")] == ["municipality"]
    told = [row.peer for row in loop.municipality.exchange.store.outbox() if row.effect.kind is EffectKind.TELL]
    assert told
    assert set(told) == {None}
    object.__setattr__(context_of(loop.hospital), "peers", Peers([]))
    loop.hospital.exchange.send_notice(notice("03"))
    assert [row.peer for row in loop.hospital.exchange.store.outbox("waiting")] == [None]
    assert loop.hospital.exchange.run_due().parked == 1
