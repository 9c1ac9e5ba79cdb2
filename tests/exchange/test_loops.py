"""Whole loops between two sides, each with its own store: they agree in the end, whatever the wire does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.effects import Reason
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.referral import EventKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.errors import ConsentRefused, InvalidInput, LoopError, Rejected, StoreError, Unavailable
from ip_fhir.exchange.formats import Formats
from ip_fhir.exchange.formats.fhir_bundles import FhirMessage
from ip_fhir.fhir.reading import read_json
from ip_fhir.mapping import Mapper, message_from_fhir
from ip_fhir.ports import OutboxRow
from tests.support.two_sides import START, Loop, Side, all_examples, form, make_loop, notice


def kinds(side: Side) -> list[str]:
    """What a side has put on the wire, resends too."""
    return [str(message_from_fhir(read_json(content)).kind) for content in side.wire.sent]


def rows(side: Side, status: str) -> list[OutboxRow]:
    """Its outbox rows of a status."""
    return [row for row in side.exchange.store.outbox() if row.status == status]


def test_notice_and_green_form(loop: Loop) -> None:
    """The notice arrives, the green form comes back, both sides name the same coordinator, both chains verify."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    assert loop.states("referral-01") == ("delivered", "delivered")
    loop.clock.forward(days=2)
    loop.municipality.exchange.answer(form("01"))
    loop.settle()
    assert loop.states("referral-01") == ("confirmed", "confirmed")
    for side in (loop.hospital, loop.municipality):
        stored = side.exchange.store.referral("referral-01")
        assert stored is not None
        assert stored.referral.form == form("01")
        assert side.exchange.store.verify() == ()
        assert rows(side, "waiting") == []


def test_all_five_examples(tmp_path: Path) -> None:
    """Weeks pass: reminders go out where nobody answers, an incomplete form is sent back, a no is a no."""
    loop = make_loop(tmp_path, (Agreement(two_coordinators_allowed=True),))
    names = all_examples(loop)
    assert [loop.states(f"referral-{name}") for name in names] == [
        ("confirmed", "confirmed"), ("confirmed", "confirmed"), ("confirmed", "confirmed"),
        ("confirmed", "confirmed"), ("rejected", "rejected"),
    ]  # fmt: skip
    assert kinds(loop.hospital).count("reminder") == 2
    assert kinds(loop.hospital).count("form-incomplete") == 1
    assert [row.effect.reason for row in loop.municipality.told].count(Reason.NEW_NOTICE) == 5
    assert rows(loop.hospital, "parked") == rows(loop.municipality, "parked") == []


@pytest.mark.promise(1)
def test_a_lost_receipt_changes_nothing(loop: Loop) -> None:
    """The notice was stored, its receipt got lost: sent again to the byte, taken in once, acknowledged the same."""
    loop.hospital.wire.lose_receipts = True
    loop.hospital.exchange.send_notice(notice("01"))
    assert loop.hospital.exchange.run_due().again == 1
    assert loop.states("referral-01") == ("sent", "delivered")
    loop.hospital.wire.lose_receipts = False
    loop.clock.forward(minutes=5)
    loop.settle()
    assert loop.states("referral-01") == ("delivered", "delivered")
    assert loop.hospital.wire.sent[0] == loop.hospital.wire.sent[1]
    assert len(loop.municipality.exchange.store.evidence()) == 1


def test_a_peer_that_is_down_is_tried_again_and_people_are_told(loop: Loop) -> None:
    """Back-off while it is down, `undelivered` after the agreed time, delivered when it comes back."""
    loop.hospital.wire.break_with = Unavailable("no connection")
    loop.hospital.exchange.send_notice(notice("01"))
    for _ in range(60):
        loop.hospital.exchange.run_due()
        loop.clock.forward(minutes=5)
    attempts = len(loop.hospital.wire.sent)
    assert 5 < attempts < 30
    assert loop.state(loop.hospital, "referral-01") == "undelivered"
    assert [row.effect.reason for row in loop.hospital.told] == [Reason.UNDELIVERED]
    loop.hospital.wire.break_with = None
    loop.clock.forward(hours=2)
    loop.settle()
    assert loop.states("referral-01") == ("delivered", "delivered")
    assert len(set(loop.hospital.wire.sent)) == 1


def test_a_message_that_is_refused_is_parked(loop: Loop) -> None:
    """A permanent no: not sent again by itself, kept and listed, a person is told; tried anew it arrives."""
    loop.hospital.wire.break_with = Rejected("HTTP 422")
    loop.hospital.exchange.send_notice(notice("01"))
    assert loop.hospital.exchange.run_due().parked == 1
    loop.settle()
    loop.clock.forward(days=1)
    loop.settle()
    assert len(loop.hospital.wire.sent) == 1
    (parked,) = rows(loop.hospital, "parked")
    assert parked.last_error == "HTTP 422"
    assert loop.state(loop.hospital, "referral-01") == "undelivered"
    assert [row.effect.reason for row in loop.hospital.told] == [Reason.UNDELIVERED]
    loop.hospital.wire.break_with = None
    loop.hospital.exchange.act("referral-01", EventKind.SEND)
    loop.settle()
    assert loop.states("referral-01") == ("delivered", "delivered")


def test_a_conflict_is_tried_again(loop: Loop) -> None:
    """A broken plug-in, too: nobody can tell whether it sent."""
    loop.hospital.wire.break_with = ZeroDivisionError("Kari Nordmann")
    loop.hospital.exchange.send_notice(notice("01"))
    assert loop.hospital.exchange.run_due().again == 1
    (waiting,) = rows(loop.hospital, "waiting")
    assert waiting.last_error == "adapter in-memory failed: ZeroDivisionError"


@pytest.mark.promise(11)
def test_consent_is_asked_again_before_sending(loop: Loop) -> None:
    """Withdrawn after the notice was decided and before it went: it does not go, and the row says which rule."""
    withdrawn = notice("02")
    days = [consent.given_on for consent in withdrawn.consents]
    ended = tuple(
        consent.evolve(period={"start": consent.given_on, "end": max(days) + timedelta(days=1)})
        for consent in withdrawn.consents
    )
    loop.clock.at = START.replace(year=max(days).year, month=max(days).month, day=max(days).day)
    loop.hospital.exchange.send_notice(withdrawn.evolve(consents=ended))
    loop.clock.forward(days=3)
    ran = loop.hospital.exchange.run_due()
    assert (ran.refused, ran.sent) == (1, 0)
    (row,) = rows(loop.hospital, "refused")
    assert row.last_error is not None
    assert row.last_error.startswith("period: ")
    assert loop.hospital.wire.sent == []


@pytest.mark.promise(12)
def test_withdrawn_midway(loop: Loop) -> None:
    """Nothing more goes out but the withdrawal itself, and the municipality stops."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.hospital.exchange.act("referral-01", EventKind.WITHDRAW_CONSENT)
    loop.clock.forward(days=60)
    loop.settle()
    assert loop.states("referral-01") == ("withdrawn", "withdrawn")
    assert kinds(loop.hospital) == ["notice", "withdrawal"]


@pytest.mark.promise(7)
def test_a_form_after_the_end_is_kept_and_refused_politely(loop: Loop) -> None:
    """Late: kept as evidence, not acted on; the municipality's row is parked and its people are told."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.hospital.wire.break_with = Unavailable("down")
    loop.hospital.exchange.act("referral-01", EventKind.CANCEL)
    loop.municipality.exchange.answer(form("01"))
    loop.settle()
    stored = loop.hospital.exchange.store.referral("referral-01")
    assert stored is not None
    assert [str(kept.status) for kept in stored.referral.forms] == ["late"]
    assert stored.referral.state == "cancelled"
    (parked,) = rows(loop.municipality, "parked")
    assert parked.effect.message is MessageKind.GREEN_FORM
    assert "fatal-error" in str(parked.last_error)
    assert Reason.NOT_TAKEN in [row.effect.reason for row in loop.municipality.told]


def test_what_our_own_people_may_not_do(loop: Loop) -> None:
    """Each no has its type, and nothing has changed."""
    exchange = loop.hospital.exchange
    with pytest.raises(InvalidInput, match="no referral") as unknown:
        exchange.act("referral-01", EventKind.REMIND)
    assert unknown.value.status == 404
    first = exchange.send_notice(notice("01"))
    assert exchange.send_notice(notice("01")) == first
    with pytest.raises(InvalidInput, match="another notice") as taken:
        exchange.send_notice(notice("01").evolve(reason="noe annet"))
    assert taken.value.status == 409
    with pytest.raises(LoopError):
        exchange.answer(form("01"))
    with pytest.raises(LoopError):
        loop.municipality.exchange.send_notice(notice("01"))
    with pytest.raises(ConsentRefused):
        exchange.send_notice(notice("02").evolve(consents=()))
    assert len(exchange.store.evidence()) == 1
    assert loop.municipality.exchange.store.referrals() == []


@pytest.mark.promise(2)
def test_an_accident_before_the_commit_leaves_nothing(loop: Loop) -> None:
    """Cut off anywhere inside the transaction, the side stands where it stood; done again, it is done once."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    for method in ("load", "append", "save", "enqueue", "put_resource", "commit"):
        loop.municipality.store.cut_at = method
        with pytest.raises(StoreError):
            loop.municipality.exchange.act("referral-01", EventKind.ACCEPT)
        loop.municipality.store.cut_at = None
        assert loop.state(loop.municipality, "referral-01") == "delivered"
        assert rows(loop.municipality, "waiting") == []
    loop.municipality.exchange.act("referral-01", EventKind.ACCEPT)
    loop.settle()
    assert loop.states("referral-01") == ("accepted", "accepted")
    assert kinds(loop.municipality) == ["accepted"]


def test_a_week_off_is_caught_up_once(loop: Loop) -> None:
    """A worker that was off for half a year sends one reminder, not three, when it is back."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.clock.forward(days=180)
    loop.settle()
    assert kinds(loop.hospital) == ["notice", "reminder"]


def test_one_bad_referral_does_not_stop_the_others(tmp_path: Path) -> None:
    """A row that cannot be rendered is parked; the next one goes."""

    class Breaks(FhirMessage):
        def write(self, message: Message | PlanMessage, mapper: Mapper) -> bytes:
            if isinstance(message, Message) and message.correlation_id == "referral-01":
                raise KeyError("Kari Nordmann")
            return super().write(message, mapper)

    loop = make_loop(tmp_path, formats=Formats([Breaks()]))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    assert loop.states("referral-01") == ("undelivered", "none")
    assert loop.states("referral-03") == ("delivered", "delivered")
    (parked,) = rows(loop.hospital, "parked")
    assert parked.last_error == "rendering failed: KeyError"


@pytest.mark.parametrize("words", ["", "\x00\n\t ", "x" * 100_000, "two\nlines\x07"])
def test_an_adapter_may_say_anything(loop: Loop, words: str) -> None:
    """Whatever an adapter's error says, the row is kept with words that can be stored, and a person is told."""
    loop.hospital.wire.break_with = Rejected(words)
    loop.hospital.exchange.send_notice(notice("01"))
    assert loop.hospital.exchange.run_due().parked == 1
    (parked,) = rows(loop.hospital, "parked")
    assert parked.last_error
    assert len(parked.last_error) <= 500
    assert parked.last_error.isprintable()
    loop.settle()
    assert [row.effect.reason for row in loop.hospital.told] == [Reason.UNDELIVERED]


def test_our_own_people_are_told_again(loop: Loop) -> None:
    """A worklist that is down is tried again; nothing else waits for it."""

    def down(row: OutboxRow) -> None:
        message = "Kari Nordmann"
        raise ConnectionError(message)

    context = loop.municipality.exchange._context
    tell = context.tell
    object.__setattr__(context, "tell", down)
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    (waiting,) = rows(loop.municipality, "waiting")
    assert waiting.last_error == "our own people could not be told: ConnectionError"
    object.__setattr__(context, "tell", tell)
    loop.clock.forward(hours=1)
    loop.settle()
    assert [row.effect.reason for row in loop.municipality.told] == [Reason.NEW_NOTICE]
