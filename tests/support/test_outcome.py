"""What is judged after a crash test: whole when all is well, and every kind of damage is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import EventKind, State
from tests.support.outcome import Kept, kept, wrong
from tests.support.people import numbered_form, numbered_notice
from tests.support.two_sides import make_loop


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Kept, Kept]:
    """Two loops that went to their end, one of them after a reminder."""
    loop = make_loop(tmp_path_factory.mktemp("ended"))
    for number in range(2):
        loop.hospital.exchange.send_notice(numbered_notice(number))
    loop.settle()
    loop.municipality.exchange.answer(numbered_form(0))
    loop.clock.forward(days=24)
    loop.settle()
    loop.municipality.exchange.answer(numbered_form(1))
    loop.settle()
    found = kept(loop.hospital.exchange.store), kept(loop.municipality.exchange.store)
    loop.hospital.exchange.close()
    loop.municipality.exchange.close()
    return found


def test_all_is_well(ended: tuple[Kept, Kept]) -> None:
    """Nothing is wrong with what is right."""
    assert wrong(*ended, ["0", "1"]) == []


def _without_evidence(side: Kept) -> Kept:
    """A message's effect is gone."""
    return replace(side, evidence=[link for link in side.evidence if link.record.event.kind is not EventKind.RECEIVE])


def _twice(side: Kept) -> Kept:
    """A message had its effect twice."""
    return replace(side, evidence=[*side.evidence, next(link for link in side.evidence if link.record.event.sent)])


def _waiting(side: Kept) -> Kept:
    """A row was forgotten."""
    return replace(side, outbox=[*side.outbox[:-1], replace(side.outbox[-1], status="waiting")])


def _parked(side: Kept) -> Kept:
    """A row was given up."""
    return replace(side, outbox=[*side.outbox[:-1], replace(side.outbox[-1], status="parked")])


def _unsent(side: Kept) -> Kept:
    """Something had an effect over there that is no message of ours."""
    return replace(side, outbox=[row for row in side.outbox if row.effect.kind is not EffectKind.SEND])


def _not_ended(side: Kept) -> Kept:
    """One side has not heard how it ended."""
    first = side.referrals["loop-0"].evolve(state=State.DELIVERED)
    return replace(side, referrals={**side.referrals, "loop-0": first})


def _other_form(side: Kept) -> Kept:
    """The two sides have different coordinators."""
    return replace(side, referrals={**side.referrals, "loop-0": side.referrals["loop-0"].evolve(forms=())})


def _lost(side: Kept) -> Kept:
    """A loop is gone."""
    return replace(side, referrals={"loop-1": side.referrals["loop-1"]})


def _damaged(side: Kept) -> Kept:
    """The chain does not verify."""
    return replace(side, damage=["evidence.3: the record was changed after it was written"])


def _time_runs_back(side: Kept) -> Kept:
    """Records are in the wrong order."""
    return replace(side, evidence=side.evidence[::-1])


def _acknowledged_twice(side: Kept) -> Kept:
    """One receipt was applied twice."""
    receipt = next(link for link in side.evidence if link.record.event.kind is EventKind.RECEIPT_OK)
    return replace(side, evidence=[*side.evidence, receipt])


DAMAGES: list[Callable[[Kept], Kept]] = [
    _twice, _waiting, _parked, _unsent, _not_ended, _other_form, _lost, _damaged, _time_runs_back, _acknowledged_twice,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("side", [0, 1], ids=["hospital", "municipality"])
def test_damage_is_seen(ended: tuple[Kept, Kept], damage: Callable[[Kept], Kept], side: int) -> None:
    """On either side."""
    sides = [*ended]
    sides[side] = damage(ended[side])
    assert wrong(sides[0], sides[1], ["0", "1"]) != []


def test_a_lost_message_is_seen(ended: tuple[Kept, Kept]) -> None:
    """It was sent, and had no effect."""
    assert wrong(ended[0], _without_evidence(ended[1]), ["0", "1"]) != []


def test_a_lost_notice_is_seen(ended: tuple[Kept, Kept]) -> None:
    """It was accepted, and neither side has it."""
    assert wrong(*ended, ["0", "1", "2"]) == ["notice 2 was accepted and is lost"]


def test_a_second_reminder_is_seen(ended: tuple[Kept, Kept]) -> None:
    """Of the same number."""
    hospital = ended[0]
    reminder = next(row for row in hospital.outbox if row.effect.message is MessageKind.REMINDER)
    again = replace(hospital, outbox=[*hospital.outbox, replace(reminder, status="refused")])
    assert wrong(again, ended[1], ["0", "1"]) != []
