"""A second open loop about the same person is told on both sides, and neither is refused."""

from __future__ import annotations

import pytest

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.referral import EventKind
from tests.support.two_sides import Loop, Side, notice


@pytest.fixture(autouse=True)
def _under_way(loop: Loop) -> None:
    """A loop about the person of notice 01 is under way."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()


def again(name: str = "01", **changes: object) -> Notice:
    """A notice under a correlation id of its own."""
    return notice(name).evolve(id="another", correlation_id="another-loop", **changes)


def others_told(side: Side) -> list[str | None]:
    """The ids that items about a second loop name."""
    return [item.text for item in side.exchange.worklist() if item.reason is Reason.SECOND_LOOP]


def test_it_is_told_with_the_other_loops_id(loop: Loop) -> None:
    """The hospital that opens it and the municipality that receives it both learn which other loop there is."""
    loop.hospital.exchange.send_notice(again())
    assert others_told(loop.hospital) == ["referral-01"]
    loop.settle()
    assert others_told(loop.municipality) == ["referral-01"]
    assert loop.state(loop.municipality, "another-loop") == "delivered"
    (item,) = [i for i in loop.hospital.exchange.worklist() if i.reason is Reason.SECOND_LOOP]
    assert item.aggregate.id == "another-loop"


def test_a_loop_that_is_over_or_about_another_is_not_told(loop: Loop) -> None:
    """A cancelled loop is no second one, and another person's is none; nor is the first loop itself, sent again."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.send_notice(notice("02"))
    loop.hospital.exchange.act("referral-01", EventKind.CANCEL, "opened by mistake")
    loop.settle()
    loop.hospital.exchange.send_notice(again())
    loop.settle()
    assert others_told(loop.hospital) == others_told(loop.municipality) == []


def test_a_person_without_a_number_is_nobody_known(loop: Loop) -> None:
    """Names tell nobody apart."""
    unnamed = notice("01").owner.evolve(identifier=None)
    for ident in ("a", "b"):
        made = again(owner=unnamed).evolve(id=ident, correlation_id=f"loop-{ident}")
        loop.hospital.exchange.send_notice(made)
    assert others_told(loop.hospital) == []
