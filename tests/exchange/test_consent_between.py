"""Consent is asked twice, through the store: between the decision and the sending it may have gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ip_fhir.domain.referral import EventKind
from tests.support.two_sides import Loop, form, make_loop, notice


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """A hospital and a municipality."""
    made = make_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


@pytest.mark.promise(11, 12)
def test_withdrawn_before_the_notice_went(loop: Loop) -> None:
    """Promise 11 and 12: decided with consent, withdrawn before the worker came: the notice never leaves the house."""
    hospital = loop.hospital.exchange
    hospital.send_notice(notice("02"))
    (before,) = hospital.store.outbox()
    assert before.status == "waiting"
    hospital.act("referral-02", EventKind.WITHDRAW_CONSENT)
    loop.settle()
    (row,) = (row for row in hospital.store.outbox() if row.id == before.id)
    assert (row.status, row.content) == ("refused", None)
    assert row.last_error
    assert loop.municipality.exchange.store.referral("referral-02") is None


@pytest.mark.promise(11, 12)
def test_withdrawn_while_the_answer_waits(loop: Loop) -> None:
    """The municipality's form waits to be sent; word of the withdrawal comes first: no name goes to the hospital."""
    loop.hospital.exchange.send_notice(notice("02"))
    loop.settle()
    loop.municipality.exchange.answer(form("02"))
    (waiting,) = (row for row in loop.municipality.exchange.store.outbox() if row.status == "waiting")
    loop.hospital.exchange.act("referral-02", EventKind.WITHDRAW_CONSENT)
    loop.hospital.exchange.run_due()
    loop.settle()
    (row,) = (row for row in loop.municipality.exchange.store.outbox() if row.id == waiting.id)
    assert (row.status, row.content) == ("refused", None)
    assert row.last_error
    assert loop.hospital.exchange.store.referral("referral-02") is not None
    assert all(form("02").id.encode() not in content for content in loop.municipality.wire.sent)
