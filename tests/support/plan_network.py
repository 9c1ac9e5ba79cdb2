"""A town of sides around a plan, on a network that loses, doubles, delays and reorders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life.numbers import is_to_leave
from ip_fhir.errors import NotTaken, NotYet
from tests.support.plan_life import NOW, Side, event_of

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.messages import PlanMessage


@dataclass
class OnWire:
    """A message under way: whose row it is of, and to whom it goes."""

    sender: Side
    receiver: Side
    effect: Effect
    message: PlanMessage


_FOLLOW = (PlanMessageKind.PLAN_WITHDRAWN, PlanMessageKind.PLAN_GONE)


def _is_before(other: OnWire, one: OnWire) -> bool:
    """True if one message is of a view that the other may follow."""
    return other.message.view is not None and (other.sender, other.receiver) == (one.sender, one.receiver)


@dataclass
class Town:
    """All sides, what is under way, and what each has taken in: the same message gets the same receipt."""

    unit: Side
    others: dict[str, Side]
    now: datetime = NOW
    wire: list[OnWire] = field(default_factory=list)
    receipts: list[tuple[OnWire, bool]] = field(default_factory=list)
    taken: dict[tuple[str, str], bool] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """The party of each organisation that a message may name: all sides have the same names everywhere."""
        return {side.name: side.name for side in self.sides()}

    @property
    def plan(self) -> IndividualPlan:
        """The newest version."""
        assert self.unit.case is not None
        assert self.unit.case.plan is not None
        return self.unit.case.plan

    def sides(self) -> list[Side]:
        """All sides."""
        return [self.unit, *self.others.values()]

    def send(self, side: Side, row: Effect) -> None:
        """Makes the message of a row, and sends it; the row waits until the receipt has come."""
        side.turn(self.now)
        if row not in side.waiting:
            return  # the day had turned: a newer view is in its place
        if side.case is not None and not is_to_leave(side.case, row):
            side.waiting.remove(row)
            return
        receiver = self.unit if row.party == "unit" else self.others[str(row.party)]
        self.wire.append(OnWire(side, receiver, row, side.message(row, self.now)))

    def deliver(self, one: OnWire) -> None:
        """Hands a message over; the receipt is under way then, unless the receiver says: later."""
        known = (one.receiver.name, one.message.id)
        if known not in self.taken:
            event = event_of(one.message, one.sender.name, self.now, self.names)
            try:
                self.taken[known] = not one.receiver.apply(event).problems
            except NotYet:
                return
            except NotTaken:
                if one.message.kind in _FOLLOW and any(_is_before(other, one) for other in self.wire):
                    return  # what it follows may still come: later
                self.taken[known] = False
        self.receipts.append((one, self.taken[known]))

    def receive(self, one: OnWire, ok: bool) -> None:
        """Applies a receipt to the row that it is of, if that waits still."""
        if one.effect in one.sender.waiting:
            one.sender.waiting.remove(one.effect)
            one.sender.receipt(one.effect, self.now, ok=ok)

    def settle(self) -> None:
        """Lets everything arrive that waits or is under way."""
        for _ in range(50):
            for side in self.sides():
                for row in list(side.waiting):
                    self.send(side, row)
            while self.wire:
                self.deliver(self.wire.pop(0))
            while self.receipts:
                self.receive(*self.receipts.pop(0))
            if not any(side.waiting for side in self.sides()):
                return
        raise AssertionError([row.plan_message for side in self.sides() for row in side.waiting])
