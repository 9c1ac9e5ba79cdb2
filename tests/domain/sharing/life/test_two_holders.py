"""Two holders for one plan cannot be, whatever is offered, answered, taken back, lost, doubled and delayed."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.case import Handover, HandoverStatus, PlanSide
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.errors import InvalidInput, LoopError
from tests.support.plan_life import AGREED, OURS, PLAN, Side, saved, view_of
from tests.support.plan_network import Town

NAMES = ("unit", "south", "north", "school")
MOVED: IndividualPlan = PLAN.evolve(
    organizations=(
        *PLAN.organizations[:1],
        *(one for one in PLAN.organizations if one.id == "school"),
        {"id": "south", "name": "Sør kommune", "kind": "municipality"},
        {"id": "north", "name": "Nord kommune", "kind": "municipality"},
    ),
    professionals=tuple(one for one in PLAN.professionals if one.id in ("kari", "sissel")),
    measures=PLAN.measures[1:],
    team={
        "id": "team",
        "memberships": [{"id": "of-sissel", "member": "sissel", "role": "service-provider"}],
        "coordinators": [{"id": "place", "holder": "kari"}],
    },
    consents=(PLAN.consents[0].evolve(provisions=()),),
)
INDEX = st.integers(0, 30)
OF_HANDOVERS = (PlanMessageKind.HANDOVER, PlanMessageKind.HANDOVER_ANSWER)
COMPLETED: list[int] = []
"""The handovers that were completed, of each example so far."""

EXAMPLES = int(os.environ.get("IP_FHIR_PLAN_EXAMPLES", "30"))
"""`make soak ARGS="sharing"`: 5,000."""

MUNICIPALITIES = ("unit", "south", "north")
ANYBODY = st.sampled_from(MUNICIPALITIES)


def side(name: str) -> Side:
    """A side that knows all others by their names."""
    terms = dict.fromkeys(NAMES, AGREED) | {name: OURS, "us": OURS}
    return Side(name, terms, {other: "us" if other == name else other for other in NAMES})


def _offer(one: Side) -> Handover:
    """The last handover that a side knows."""
    assert one.case is not None
    assert one.case.handover is not None
    return one.case.handover


class Handovers(RuleBasedStateMachine):
    """Three municipalities that hand a plan to each other, and a school that has a share of it."""

    def __init__(self) -> None:
        super().__init__()
        sides = {name: side(name) for name in NAMES}
        self.town = Town(sides.pop("unit"), sides)
        saved(self.town.unit, MOVED)

    def by_name(self, name: str) -> Side:
        """The side of this name."""
        return next(one for one in self.town.sides() if one.name == name)

    def offered(self) -> list[Side]:
        """The sides that know of an offer which waits for its answer."""
        sides = [one for one in self.town.sides() if one.case is not None and one.case.handover is not None]
        return [one for one in sides if _offer(one).status is HandoverStatus.OFFERED]

    def holders(self) -> list[Side]:
        """The sides that hold the plan."""
        sides = self.town.sides()
        return [one for one in sides if one.case is not None and one.case.side is PlanSide.HOLDER]

    @rule(to=ANYBODY)
    def offer(self, to: str) -> None:
        """Offers the plan to another municipality."""
        for one in self.holders():
            if one.name != to:
                with suppress(InvalidInput):  # an offer waits already
                    one.do("hand-over", self.town.now, to_party=to)

    @precondition(lambda self: self.offered())
    @rule(index=INDEX, accepts=st.sampled_from([True, True, True, False]))
    def answer(self, index: int, accepts: bool) -> None:
        """Accepts or declines an offer that has come, or, rather than the one that is to accept, takes our own back."""
        offered = [one for one in self.offered() if one not in self.holders() or not accepts]
        if offered:
            one = offered[index % len(offered)]
            holds = one in self.holders()
            one.do("answer-handover", self.town.now, by_participant=not holds, about=_offer(one).id, accepts=accepts)

    @rule(index=INDEX)
    def go_on(self, index: int) -> None:
        """Does what a handover needs next: it is answered, brought on its way with its receipt, or offered."""
        rows = [(one, row) for one in self.town.sides() for row in one.waiting if row.plan_message in OF_HANDOVERS]
        holders = self.holders()
        if any(one not in holders for one in self.offered()):
            self.answer(index=index, accepts=True)
        elif rows:
            self.town.send(*rows[index % len(rows)])
            if self.town.wire:
                self.town.deliver(self.town.wire.pop())
            if self.town.receipts:
                self.town.receive(*self.town.receipts.pop())
        elif holders:
            others = [name for name in MUNICIPALITIES if name != holders[0].name]
            self.offer(to=others[index % len(others)])

    @rule(index=INDEX)
    def pass_on(self, index: int) -> None:
        """Sends and delivers any row that waits, at once."""
        rows = [(one, row) for one in self.town.sides() for row in one.waiting]
        if rows:
            self.town.send(*rows[index % len(rows)])
            if self.town.wire:
                self.town.deliver(self.town.wire.pop())

    @rule(text=st.sampled_from(["a", "b"]))
    def save(self, text: str) -> None:
        """Saves another version, where the plan is held."""
        for one in self.holders():
            assert one.case is not None
            assert one.case.plan is not None
            with suppress(LoopError):
                saved(one, one.case.plan.evolve(title=text), self.town.now)

    @rule(index=INDEX)
    def send(self, index: int) -> None:
        """Sends, or sends again, any row that waits."""
        rows = [(one, row) for one in self.town.sides() for row in one.waiting]
        if rows:
            self.town.send(*rows[index % len(rows)])

    @precondition(lambda self: self.town.wire)
    @rule(index=INDEX, again=st.booleans(), lost=st.booleans())
    def deliver(self, index: int, again: bool, lost: bool) -> None:
        """Delivers any message under way, perhaps leaving it to come again, or loses it."""
        number = index % len(self.town.wire)
        one = self.town.wire[number] if again else self.town.wire.pop(number)
        if not lost:
            self.town.deliver(one)

    @precondition(lambda self: self.town.receipts)
    @rule(index=INDEX, lost=st.booleans())
    def receipt(self, index: int, lost: bool) -> None:
        """Delivers any receipt under way, or loses it."""
        one = self.town.receipts.pop(index % len(self.town.receipts))
        if not lost:
            self.town.receive(*one)

    @rule()
    def wait(self) -> None:
        """Lets a day go by."""
        self.town.now += timedelta(days=1)

    @invariant()
    def at_most_one(self) -> None:
        """Never do two sides hold the plan."""
        assert len(self.holders()) <= 1

    def teardown(self) -> None:
        """In the end one side holds it, with the highest epoch; all know who, and the school has its newest view."""
        self.town.settle()
        (one,) = self.holders()
        assert one.case is not None
        COMPLETED.append(one.case.epoch - 1)
        for other in self.town.sides():
            if other.case is not None and other is not one and other.case.copies:
                assert (other.case.holder, other.case.epoch) == (one.name, one.case.epoch)
        share = next(share for share in one.case.shares if share.party == "school")
        assert view_of(self.by_name("school")).number == share.number == share.acknowledged
        assert one.case.plan is not None
        assert view_of(self.by_name("school")).plan.title == one.case.plan.title


@pytest.mark.sharing_promise(9)
@pytest.mark.timeout(300 + EXAMPLES)
def test_handovers() -> None:
    """Of two handovers one wins, and the other is told. In each third run a plan changes hands, or more often."""
    COMPLETED.clear()
    run_state_machine_as_test(
        Handovers, settings=settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None)
    )
    assert sum(number > 0 for number in COMPLETED) >= len(COMPLETED) / 3
