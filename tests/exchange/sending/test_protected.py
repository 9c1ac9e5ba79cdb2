"""Messages about persons with a protected address (issue 11, section 8): what leaves, and what waits for a yes."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.domain.agreement import Agreement, ContentLevel
from ip_fhir.domain.consent.protection import EVERY_PART, LocatingPart
from ip_fhir.domain.effects import Reason
from ip_fhir.domain.people import AddressProtection
from ip_fhir.domain.referral import Author, EventKind
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.fhir.reading import read_json
from ip_fhir.mapping import message_from_fhir
from ip_fhir.ports import OutboxRow
from tests.support.protected import CANARIES, IN_NOTICE, protected_notice
from tests.support.two_sides import Loop, Side, form, make_loop

STRICT = AddressProtection.STRICTLY_CONFIDENTIAL
NURSE = Author(id="nurse-7", name="Tormod Testesen")
LOOP = "referral-03"


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    """Two sides that agree to send everything."""
    return make_loop(tmp_path, (Agreement(content_level=ContentLevel.PLAN),))


def held(side: Side) -> list[OutboxRow]:
    """The rows that wait for a person's yes."""
    return side.exchange.store.outbox("held")


def leaks(text: str | bytes) -> list[str]:
    """The canaries in a text, also where JSON escapes them."""
    words = text.decode() if isinstance(text, bytes) else text
    return [word for word in CANARIES if word in words or json.dumps(word)[1:-1] in words]


def let_all_go(loop: Loop) -> None:
    """Say yes to whatever waits, on both sides, until nothing does."""
    loop.settle()
    while rows := [(side, row) for side in (loop.hospital, loop.municipality) for row in held(side)]:
        for side, row in rows:
            side.exchange.releases.yes(row.id, by=NURSE)
        loop.settle()


def everything_out(side: Side, other: str) -> list[str]:
    """All that leaves a side: bytes on the wire and in the outbox, what the endpoint shows, what people are told."""
    store = side.exchange.store
    rows = [str(row.content) + repr(row) + row.effect.to_json() for row in store.outbox()]
    peer = side.exchange.peer_by_token(f"token-of-the-{other}")
    assert peer is not None
    pages = [side.exchange.search_resources(peer, type_, {}) for type_ in ("ServiceRequest", "Task")]
    shown = [json.dumps(found.body, ensure_ascii=False) for page in pages for found in page.found]
    kept = [json.dumps(found.body, ensure_ascii=False) for found in _resources(side)]
    told = [repr(row) + row.effect.to_json() for row in side.told]
    return [*(sent.decode() for sent in side.wire.sent), *rows, *shown, *kept, *told]


def _resources(side: Side) -> list[Any]:
    store = side.exchange.store
    return [one for type_ in ("ServiceRequest", "Task") for one in store.search_resources(type_, {}, 100)]


@pytest.mark.parametrize("protection", AddressProtection)
def test_nothing_that_leaves_leads_there(
    loop: Loop, protection: AddressProtection, caplog: pytest.LogCaptureFixture
) -> None:
    """A whole loop, with reminders and a form: no address, municipality or contact of person or relatives leaves.

    Neither is any of it in a log, at whatever level.
    """
    caplog.set_level(logging.DEBUG)
    notice = protected_notice(protection)
    assert all(word in notice.to_json() for word in IN_NOTICE)
    loop.hospital.exchange.send_notice(notice, by=NURSE)
    let_all_go(loop)
    loop.clock.forward(days=30)
    let_all_go(loop)
    loop.municipality.exchange.answer(form("03-stroke-patient-2"))
    let_all_go(loop)
    assert loop.states(LOOP) == ("confirmed", "confirmed")
    for side, other in ((loop.hospital, "municipality"), (loop.municipality, "hospital")):
        assert [leaks(text) for text in everything_out(side, other)] == [[] for _ in everything_out(side, other)]
        assert side.exchange.store.verify() == ()
    assert leaks(caplog.text) == []
    sent = message_from_fhir(read_json(loop.hospital.wire.sent[0])).notice
    assert sent is not None
    assert sent.owner.protection is protection
    assert (sent.owner.address, sent.owner.contacts) == (None, ())
    assert sent.organizations == notice.organizations
    assert sent.owner.identifier == notice.owner.identifier


def test_without_protection_all_goes(loop: Loop) -> None:
    """The same notice without a grading has all of it: the canaries would be seen."""
    loop.hospital.exchange.send_notice(protected_notice(None))
    loop.settle()
    assert leaks(loop.hospital.wire.sent[0]) == list(IN_NOTICE)
    assert leaks("".join(everything_out(loop.hospital, "municipality"))) == list(IN_NOTICE)


def test_a_person_ticks_it_for_one_recipient(loop: Loop) -> None:
    """What a person released goes along, once; who did it, what and to whom is in the chain and in no message."""
    loop.hospital.exchange.send_notice(protected_notice(), by=NURSE, released=(LocatingPart.CONTACTS,))
    loop.settle()
    assert leaks(loop.hospital.wire.sent[0]) == ["99900001", "gøymt@example.org", "99900002"]
    records = [link.record for link in loop.hospital.exchange.store.evidence(LOOP)]
    (released,) = [record for record in records if record.event.kind is EventKind.RELEASE]
    assert released.note == "released to municipality: contacts"
    assert released.event.by == NURSE
    assert released.before is released.after
    assert b"Tormod" not in loop.hospital.wire.sent[0]
    kept = [json.dumps(one.body, ensure_ascii=False) for one in _resources(loop.hospital)]
    assert leaks("".join(kept)) == []
    assert loop.hospital.exchange.store.verify() == ()


def test_a_release_has_a_decider(loop: Loop) -> None:
    """Nobody releases anonymously, to a party that settings do not know, or where nothing is protected."""
    hospital = loop.hospital.exchange
    with pytest.raises(InvalidInput, match="who releases what is protected"):
        hospital.send_notice(protected_notice(), released=EVERY_PART)
    with pytest.raises(InvalidInput, match="nobody in the notice"):
        hospital.send_notice(protected_notice(None), by=NURSE, released=EVERY_PART)
    assert hospital.store.referral(LOOP) is None
    hospital.send_notice(protected_notice())
    with pytest.raises(InvalidInput, match="no peer"):
        hospital.releases.parts(LOOP, "elsewhere", EVERY_PART, by=NURSE)
    with pytest.raises(InvalidInput, match="no referral"):
        hospital.releases.parts("unknown", "municipality", EVERY_PART, by=NURSE)


def test_the_latest_release_counts(loop: Loop) -> None:
    """Before the notice leaves, a tick may be added and taken back."""
    hospital = loop.hospital.exchange
    hospital.send_notice(protected_notice())
    hospital.releases.parts(LOOP, "municipality", EVERY_PART, by=NURSE)
    after = hospital.releases.parts(LOOP, "municipality", (), by=NURSE)
    assert after.released_to("municipality") == ()
    loop.settle()
    assert leaks(loop.hospital.wire.sent[0]) == []


def test_each_message_waits_for_a_yes(loop: Loop) -> None:
    """Strictly confidential: nothing leaves before a person says yes, and each message needs its own."""
    hospital = loop.hospital.exchange
    hospital.send_notice(protected_notice(STRICT))
    loop.settle()
    assert loop.hospital.wire.sent == []
    (row,) = held(loop.hospital)
    assert row.content is None, "nothing is rendered before the yes"
    (item,) = hospital.worklist()
    assert (item.reason, item.text) == (Reason.AWAITING_RELEASE, f"notice {row.id}")
    assert [told.effect.reason for told in loop.hospital.told] == [Reason.AWAITING_RELEASE]
    with pytest.raises(InvalidInput, match="person's yes"):
        hospital.retry(row.id)
    hospital.releases.yes(row.id, by=NURSE, note="rang the family")
    assert hospital.worklist() == []
    loop.settle()
    assert loop.states(LOOP) == ("delivered", "delivered")
    loop.municipality.exchange.act(LOOP, EventKind.ACCEPT)
    loop.settle()
    assert loop.states(LOOP) == ("delivered", "accepted")
    (answer,) = held(loop.municipality)
    loop.municipality.exchange.releases.yes(answer.id, by=NURSE)
    loop.settle()
    assert loop.states(LOOP) == ("accepted", "accepted")


def test_a_yes_may_come_before_the_attempt(loop: Loop) -> None:
    """Who says yes at once need not wait for the worker to hold the message first; parts may be ticked with it."""
    hospital = loop.hospital.exchange
    hospital.send_notice(protected_notice(STRICT))
    (row,) = hospital.store.outbox("waiting")
    hospital.releases.yes(row.id, by=NURSE, along=(LocatingPart.MUNICIPALITY,))
    loop.settle()
    assert leaks(loop.hospital.wire.sent[0]) == ["5401"]
    with pytest.raises(InvalidInput, match="does not wait"):
        hospital.releases.yes(row.id, by=NURSE)


def test_a_no_is_kept_and_can_be_changed(loop: Loop) -> None:
    """A no parks the message with who and why, the loop is undelivered; a later yes sends it: nothing is lost."""
    hospital = loop.hospital.exchange
    hospital.send_notice(protected_notice(STRICT))
    loop.settle()
    (row,) = held(loop.hospital)
    hospital.releases.no(row.id, "wrong unit", by=NURSE)
    assert [(one.status, one.last_error) for one in hospital.store.outbox("parked")] == [
        ("parked", "not released: wrong unit")
    ]
    assert loop.state(loop.hospital, LOOP) == "undelivered"
    assert hospital.store.evidence(LOOP)[-1].record.event.by == NURSE
    assert Reason.AWAITING_RELEASE not in {item.reason for item in hospital.worklist()}
    with pytest.raises(InvalidInput, match="not held"):
        hospital.releases.no(row.id, "again", by=NURSE)
    hospital.retry(row.id)
    loop.settle()
    assert loop.hospital.wire.sent == [], "a retry is no yes"
    assert [one.id for one in held(loop.hospital)] == [row.id]
    hospital.releases.yes(row.id, by=NURSE)
    loop.settle()
    assert loop.states(LOOP) == ("delivered", "delivered")


def test_the_clocks_run_meanwhile(loop: Loop) -> None:
    """While nobody says yes, the receipt clock tells our people; no clock says yes, and the yes still sends it once."""
    hospital = loop.hospital.exchange
    hospital.send_notice(protected_notice(STRICT))
    for _ in range(8):
        loop.settle()
        loop.clock.forward(minutes=15)
    assert loop.hospital.wire.sent == []
    assert loop.state(loop.hospital, LOOP) == "undelivered"
    reasons = [item.reason for item in hospital.worklist()]
    assert reasons.count(Reason.AWAITING_RELEASE) == 1
    assert reasons.count(Reason.UNDELIVERED) == 1
    (row,) = held(loop.hospital)
    hospital.releases.yes(row.id, by=NURSE)
    loop.settle()
    assert len(loop.hospital.wire.sent) == 1
    assert loop.states(LOOP) == ("delivered", "delivered")


def test_a_withdrawal_does_not_wait(loop: Loop) -> None:
    """The withdrawal of consent passes what is held, which is closed; nothing else has left."""
    hospital = loop.hospital.exchange
    hospital.send_notice(protected_notice(STRICT))
    let_all_go(loop)
    hospital.act(LOOP, EventKind.REMIND)
    loop.settle()
    (reminder,) = held(loop.hospital)
    assert [item.reason for item in hospital.worklist()] == [Reason.AWAITING_RELEASE]
    hospital.act(LOOP, EventKind.WITHDRAW_CONSENT)
    loop.settle()
    kinds = [str(message_from_fhir(read_json(content)).kind) for content in loop.hospital.wire.sent]
    assert kinds == ["notice", "withdrawal"]
    assert [row.id for row in hospital.store.outbox("refused")] == [reminder.id]
    assert hospital.worklist() == []


@pytest.mark.parametrize("cut", ["hold_row", "enqueue", "open_items", "commit"])
def test_a_crash_while_it_is_held(loop: Loop, cut: str) -> None:
    """Cut off at any point of holding, the message is neither sent nor lost: after the lease it is held, told once."""
    hospital = loop.hospital.exchange
    hospital.send_notice(protected_notice(STRICT))
    loop.hospital.store.cut_at = cut
    with pytest.raises(StoreError):
        hospital.run_due()
    loop.hospital.store.cut_at = None
    assert loop.hospital.wire.sent == []
    loop.clock.forward(minutes=10)
    loop.settle()
    assert len(held(loop.hospital)) == 1
    assert [item.reason for item in hospital.worklist()] == [Reason.AWAITING_RELEASE]
    assert hospital.store.verify() == ()


@pytest.mark.parametrize("cut", ["append", "save", "retry", "commit"])
def test_a_crash_while_somebody_says_yes(loop: Loop, cut: str) -> None:
    """Cut off at any point of the yes, nothing has been said: it is still held, and the yes can be said again."""
    hospital = loop.hospital.exchange
    hospital.send_notice(protected_notice(STRICT))
    loop.settle()
    (row,) = held(loop.hospital)
    loop.hospital.store.cut_at = cut
    with pytest.raises(StoreError):
        hospital.releases.yes(row.id, by=NURSE)
    loop.hospital.store.cut_at = None
    loop.settle()
    assert loop.hospital.wire.sent == []
    hospital.releases.yes(row.id, by=NURSE)
    loop.settle()
    assert len(loop.hospital.wire.sent) == 1


def test_nobody_else_reads_a_strictly_protected_loop(loop: Loop) -> None:
    """No read has a person's yes: the endpoint shows such a loop to no party; one that is only confidential it does."""
    for protection, found in ((STRICT, 0), (AddressProtection.CONFIDENTIAL, 1)):
        name = {0: "03", 1: "01"}[found]
        notice = protected_notice(protection, name)
        loop.hospital.exchange.send_notice(notice)
        peer = loop.hospital.exchange.peer_by_token("token-of-the-municipality")
        assert peer is not None
        asked = {"_id": notice.correlation_id}
        assert len(loop.hospital.exchange.search_resources(peer, "ServiceRequest", asked).found) == found
        if not found:
            with pytest.raises(InvalidInput):
                loop.hospital.exchange.read_resource(peer, "ServiceRequest", notice.correlation_id)
