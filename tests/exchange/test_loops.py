"""Whole loops between two sides, each with its own store: they agree in the end, whatever the wire does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.two_sides import Loop, form, make_loop, notice


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """A hospital and a municipality."""
    made = make_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


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
        assert side.exchange.store.outbox("waiting") == []
