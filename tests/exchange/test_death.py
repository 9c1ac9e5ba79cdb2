"""A person who is dead, through the store: nothing is kept of a notice that is refused, and both loops close."""

from __future__ import annotations

from datetime import date

import pytest

from ip_fhir.domain.referral import EventKind, State
from ip_fhir.errors import ConsentRefused
from tests.support.two_sides import Loop, notice


@pytest.mark.promise(15)
@pytest.mark.parametrize("death", [{"deceased": date(2026, 1, 2)}, {"dead": True}])
def test_a_notice_is_refused_before_anything_is_stored(loop: Loop, death: dict[str, object]) -> None:
    """Refused with its reason; no loop, no row, no evidence (users.md 0.9)."""
    about = notice("02")
    hospital = loop.hospital.exchange
    with pytest.raises(ConsentRefused, match=r"the person is dead: nobody is notified or reminded \(deceased\)"):
        hospital.send_notice(about.evolve(owner=about.owner.evolve(**death)))
    assert hospital.store.referral(about.correlation_id) is None
    assert hospital.store.outbox() == []


@pytest.mark.promise(15)
def test_both_loops_close_by_the_word_of_one_side(loop: Loop) -> None:
    """The hospital says it; the municipality's loop closes with the words, and no clock runs on either side."""
    loop.hospital.exchange.send_notice(notice("02"))
    loop.settle()
    loop.hospital.exchange.act("referral-02", EventKind.CLOSE, text="the person is dead")
    loop.settle()
    for side in (loop.hospital, loop.municipality):
        stored = side.exchange.store.referral("referral-02")
        assert stored is not None
        assert (stored.referral.state, stored.referral.timers) == (State.CLOSED, ())
        assert stored.referral.reason == "the person is dead"
