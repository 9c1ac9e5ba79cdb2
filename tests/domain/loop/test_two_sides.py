"""A hospital and two coordinating units, each with its own referral, and the worst network that one can think of.

A model test: whatever people do on any side, however their messages are lost, doubled, delayed and overtaken, nothing
breaks, nobody is chased who has answered, consent is kept, and in the end all agree.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ip_fhir.domain.consent.permission import Refused
from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.domain.loop import Decision, decide, due_event, event_of, may_send, message_of, open_referral
from ip_fhir.domain.loop.forms import holders
from ip_fhir.domain.loop.units import addressee, units
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.parties import Unit
from ip_fhir.domain.referral import EventKind, Referral, Role, State
from ip_fhir.errors import ConsentRefused, LoopError, NotYet
from tests.support.loop import AGREEMENT, HOSPITAL, NOW, UNIT, declined, event, form, incomplete, rejected
from tests.support.loop import forwarded as passed_on
from tests.support.loop import notice as made_notice

OVER = {State.REJECTED, State.CANCELLED, State.WITHDRAWN, State.CLOSED}
DONE = OVER | {State.CONFIRMED}
HOSPITALS = [EventKind.ASK_ABORT, EventKind.GIVE_INFORMATION, EventKind.REMIND, EventKind.SEND]
HOSPITAL_ENDS = [EventKind.CANCEL, EventKind.WITHDRAW_CONSENT, EventKind.CLOSE]
MUNICIPALITIES = [
    EventKind.ACCEPT,
    EventKind.ASSESS,
    EventKind.FORWARD,
    EventKind.ASK_INFORMATION,
    EventKind.COORDINATOR_LEFT,
    EventKind.AGREE_ABORT,
    EventKind.REFUSE_ABORT,
]
PRELUDES = [
    [],
    [EventKind.ACCEPT],
    [EventKind.ACCEPT, EventKind.ASK_INFORMATION],
    [EventKind.ANSWER],
    [EventKind.ANSWER, EventKind.COORDINATOR_LEFT],
    [EventKind.FORWARD],
    [EventKind.ACCEPT, EventKind.FORWARD, EventKind.ACCEPT],
    [EventKind.FORWARD, EventKind.ANSWER],
]
"""What has happened before. `FORWARD`: a form that passes the notice on; what follows, the other unit does."""
AT_WORK = {State.DELIVERED, State.ACCEPTED, State.ASSESSING, State.AWAITING_INFORMATION}
"""To the hospital all this is `forwarded`, until the unit that it was passed on to has answered.

Where both units ask for information, the one that asked last is answered; the other asks again.
"""
WAITS = {State.FORWARDED, State.AWAITING_INFORMATION}
CHASES = {MessageKind.REMINDER, MessageKind.ESCALATION}
AFTER_WITHDRAWAL = {
    Role.HOSPITAL: {MessageKind.WITHDRAWAL},
    Role.MUNICIPALITY: {MessageKind.ABORT_AGREED, MessageKind.CLOSURE},
}
Receipt = Literal["ok", "transient", "fatal"]


@dataclass
class Row:
    """What waits to be sent, as in an outbox: rendered once, sent until a receipt comes or it is dropped."""

    effect: Effect
    status: Literal["waiting", "sent", "parked", "refused"] = "waiting"
    message: Message | None = None


@dataclass
class Side:
    """One party: its referral, its outbox, what it has taken in, what its people were told."""

    role: Role
    name: str
    referral: Referral | None = None
    rows: list[Row] = field(default_factory=list)
    seen: dict[str, Receipt] = field(default_factory=dict)
    applied: list[str] = field(default_factory=list)
    told: list[Effect] = field(default_factory=list)
    waits: bool = True  # for the receipt of one message before it sends the next

    @property
    def state(self) -> State | None:
        """Where its referral stands."""
        return self.referral.state if self.referral else None

    def heads(self) -> list[Row]:
        """What may be sent now: the first row that waits in each lane; of a hasty sender, also those after it."""
        first: dict[str | None, Row] = {}
        again: list[Row] = []
        for row in self.rows:
            if row.status == "waiting" and row.message is not None and not self.waits:
                again.append(row)
            elif row.status == "waiting":
                first.setdefault(row.effect.to, row)
        return [*again, *first.values()]


@dataclass
class Copy:
    """A message on its way."""

    row: Row
    sender: Side
    message: Message


class Town(RuleBasedStateMachine):
    """People act, messages travel or do not, time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.count, self.patience = NOW, 0, 0
        self.last_in_first_out = False
        self.hospital = Side(Role.HOSPITAL, "hospital")
        self.sides = {
            "hospital": self.hospital,
            "unit": Side(Role.MUNICIPALITY, "unit"),
            "other-unit": Side(Role.MUNICIPALITY, "other-unit"),
        }
        self.net: list[Copy] = []
        sending = self._event(EventKind.SEND, Role.HOSPITAL)
        self._apply(self.hospital, open_referral(made_notice(), Role.HOSPITAL, sending, AGREEMENT))

    # --- one side

    def _event(self, kind: EventKind, by: Role, **fields: Any) -> Any:
        self.count += 1
        self.now += timedelta(seconds=1)
        return event(kind, by, self.now, f"event-{self.count}", text="words", **fields)

    def _apply(self, side: Side, decision: Decision) -> None:
        side.referral = decision.referral
        if decision.drops_waiting:
            for row in side.rows:
                row.status = "refused" if row.status in ("waiting", "parked") else row.status
        known = {row.effect.id for row in side.rows}
        for effect in decision.effects:
            if effect.kind is EffectKind.TELL:
                side.told.append(effect)
            elif effect.kind is EffectKind.RESEND:
                (row,) = [row for row in side.rows if row.effect.id == effect.answers]
                assert row.status != "refused"
                row.status = "waiting"
            else:
                assert effect.id not in known, "an effect has an id of its own"
                side.rows.append(Row(effect))

    def _act(self, side: Side, kind: EventKind, **fields: Any) -> None:
        if side.referral is None:
            return
        happening = self._event(kind, side.role, **fields)
        before = side.referral.to_json()
        try:
            decision = decide(side.referral, happening, AGREEMENT)
            assert decision == decide(side.referral, happening, AGREEMENT), "deciding twice gives the same"
            self._apply(side, decision)
        except (LoopError, ConsentRefused):
            assert side.referral.to_json() == before

    # --- the network

    def _attempt(self, side: Side, row: Row) -> None:
        """As the worker does it: consent is asked again, what goes out is rendered once."""
        assert side.referral is not None
        self.now += timedelta(seconds=1)
        if isinstance(may_send(side.referral, row.effect, AGREEMENT, self.now), Refused):
            row.status = "refused"
            return
        if row.message is None:
            row.message = message_of(side.referral, row.effect, self.now, AGREEMENT)
        self._goes_out(side, row.message)
        self.net.append(Copy(row, side, row.message))

    def _goes_out(self, side: Side, message: Message) -> None:
        """What must hold of whatever leaves."""
        assert side.referral is not None
        if side.referral.consent_gone:
            assert message.kind in AFTER_WITHDRAWAL[side.role], "nothing goes out once consent is gone"
        if message.kind in CHASES and message.answers == side.referral.notice_message:
            assert side.state not in DONE, "nobody is chased who has answered"

    def _arrive(self, copy: Copy, *, receipt_lost: bool = False) -> None:
        self.now += timedelta(seconds=1)
        receipt = self._take_in(self.sides[copy.message.recipient.id], copy.message)
        if receipt_lost or copy.row.status != "waiting" or receipt == "transient":
            return
        copy.row.status = "sent" if receipt == "ok" else "parked"
        kind = EventKind.RECEIPT_OK if receipt == "ok" else EventKind.RECEIPT_ERROR
        sender = copy.sender
        assert sender.referral is not None
        happening = self._event(kind, Role.TRANSPORT, message_id=copy.message.id)
        self._apply(sender, decide(sender.referral, happening, AGREEMENT))

    def _take_in(self, to: Side, message: Message) -> Receipt:
        if message.id in to.seen:
            return to.seen[message.id]
        came = event_of(message, self.now, to.role)
        if to.referral is None:
            if message.notice is None:
                return self._not_yet(message)
            decision = open_referral(message.notice, to.role, came, AGREEMENT)
        elif not self._takes_part(to, message):
            return self._not_yet(message)
        else:
            try:
                decision = decide(to.referral, came, AGREEMENT)
            except NotYet:
                return self._not_yet(message)
        self._bothers_nobody_without_need(to, message, decision)
        to.seen[message.id] = "fatal" if decision.problems else "ok"
        to.applied += [record.event.message_id for record in decision.records if record.event.message_id]
        self._apply(to, decision)
        return to.seen[message.id]

    def _not_yet(self, message: Message) -> Receipt:
        """What it is about may still come; what is an hour old is refused for good."""
        return "transient" if self.now - message.sent < timedelta(hours=1) else "fatal"

    def _takes_part(self, to: Side, message: Message) -> bool:
        if to.role is Role.MUNICIPALITY:
            return message.notice is not None or message.sender == HOSPITAL
        assert to.referral is not None
        return any(Unit(message.sender).is_same(unit) for unit in units(to.referral))

    def _bothers_nobody_without_need(self, to: Side, message: Message, decision: Decision) -> None:
        """A reminder that comes after the answer is kept, and nobody is told."""
        told = {effect.reason for effect in decision.effects if effect.kind is EffectKind.TELL}
        if to.state in DONE and message.kind in CHASES:
            assert not told & {Reason.REMINDED, Reason.ESCALATED}

    # --- what happens

    @initialize(
        patience=st.sampled_from([0, 0, 12, 20]),
        prelude=st.sampled_from(PRELUDES),
        last_in_first_out=st.booleans(),
        hasty=st.sampled_from([(), (), ("hospital",), ("unit", "other-unit"), ("hospital", "unit", "other-unit")]),
    )
    def begins(self, patience: int, prelude: list[EventKind], last_in_first_out: bool, hasty: tuple[str, ...]) -> None:
        """Somewhere on the way: what crosses is rarely what happens first."""
        self.patience = patience + self.count
        self.last_in_first_out = last_in_first_out
        if prelude:
            self._quiet()
        who = "unit"
        for number, kind in enumerate(prelude):
            made = {EventKind.ANSWER: form, EventKind.FORWARD: passed_on}.get(kind)
            self.now += timedelta(hours=1)
            fields = {"form": self._from(who, made(f"form-0-{number}"))} if made else {}
            self._act(self.sides[who], EventKind.ANSWER if made else kind, **fields)
            self._quiet()
            who = "other-unit" if kind is EventKind.FORWARD else who
        for name in hasty:
            self.sides[name].waits = False

    @rule(kind=st.sampled_from(HOSPITALS))
    def hospital_acts(self, kind: EventKind) -> None:
        """Somebody at the hospital does something, allowed or not."""
        self._act(self.hospital, kind)

    @rule(who=st.sampled_from(["unit", "unit", "other-unit"]), kind=st.sampled_from(MUNICIPALITIES))
    def unit_acts(self, who: str, kind: EventKind) -> None:
        """Somebody at a coordinating unit does something, allowed or not."""
        self._act(self.sides[who], kind)

    # A loop that ends at once shows little: what ends it comes late in most runs.
    @precondition(lambda self: self.count > self.patience)
    @rule(kind=st.sampled_from(HOSPITAL_ENDS))
    def hospital_ends(self, kind: EventKind) -> None:
        """The hospital wants no more."""
        self._act(self.hospital, kind)

    @precondition(lambda self: self.count > self.patience)
    @rule(who=st.sampled_from(["unit", "other-unit"]), make=st.sampled_from([None, rejected, declined]))
    def unit_ends(self, who: str, make: Any) -> None:
        """A unit wants no more, or says no."""
        fields = {"form": self._from(who, make(f"form-{self.count}"))} if make else {}
        self._act(self.sides[who], EventKind.ANSWER if make else EventKind.CLOSE, **fields)

    @rule(
        who=st.sampled_from(["unit", "unit", "other-unit"]),
        make=st.sampled_from([form, form, incomplete, passed_on]),
        holder=st.sampled_from(["anna", "bo"]),
        days=st.integers(0, 20),
    )
    def unit_answers(self, who: str, make: Any, holder: str, days: int) -> None:
        """A green form goes out, of any kind. The second unit passes the notice on to nobody."""
        self.count += 1
        ident = f"form-{self.count}"
        made = form(ident, holder, NOW.date() + timedelta(days=days)) if make is form else make(ident)
        if make is passed_on and who == "other-unit":
            return
        self._act(self.sides[who], EventKind.ANSWER, form=self._from(who, made))

    def _from(self, who: str, made: Any) -> Any:
        return made.evolve(authored=self.now, sender=who)

    @rule(hours=st.sampled_from([1, 30, 200, 900]))
    def time_passes(self, hours: int) -> None:
        """All workers run; in one run there is one reminder at most."""
        self.now += timedelta(hours=hours)
        for side in self.sides.values():
            self._run(side)

    def _run(self, side: Side) -> None:
        chased = 0
        while side.referral is not None and (tick := due_event(side.referral, self.now)):
            decision = decide(side.referral, tick, AGREEMENT)
            chased += sum(effect.message in CHASES for effect in decision.effects)
            self._apply(side, decision)
        assert chased <= 1

    @rule(who=st.sampled_from(["hospital", "unit", "other-unit"]), which=st.integers(0, 3))
    def something_is_sent(self, who: str, which: int) -> None:
        """A worker sends what is first in a lane - or sends it again, as no receipt has come."""
        heads = self.sides[who].heads()
        if heads:
            self._attempt(self.sides[who], heads[which % len(heads)])

    @rule(which=st.integers(0, 30), receipt_lost=st.sampled_from([False, False, True]), stays=st.booleans())
    def something_arrives(self, which: int, receipt_lost: bool, stays: bool) -> None:
        """Any message that is on its way arrives; perhaps it comes once more, perhaps nobody hears that it has."""
        if self.net:
            copy = self.net[which % len(self.net)]
            if not stays:
                self.net.remove(copy)
            self._arrive(copy, receipt_lost=receipt_lost)

    @rule(which=st.integers(0, 30))
    def something_is_lost(self, which: int) -> None:
        """A message does not arrive."""
        if self.net:
            self.net.pop(which % len(self.net))

    # --- what must hold

    @invariant()
    def one_effect_for_each_message(self) -> None:
        """However often a message came, it was applied once."""
        for side in self.sides.values():
            assert len(set(side.applied)) == len(side.applied)

    @invariant()
    def somebody_waits(self) -> None:
        """While the ball is with a municipality, the hospital's clock runs, or the ladder is climbed to its end."""
        referral = self.hospital.referral
        assert referral is not None
        if referral.state in DONE:
            assert not referral.timers
        waiting = {State.DELIVERED, State.ACCEPTED, State.ASSESSING, State.INCOMPLETE, State.VACANT, State.FORWARDED}
        if referral.state in waiting:
            assert referral.timers or referral.escalations == len(AGREEMENT.ladder)

    def _quiet(self) -> None:
        """Everything that is owed arrives, in order or the other way round, until nobody has anything left to say."""
        for _ in range(60):
            for side in self.sides.values():
                for row in side.heads():
                    self._attempt(side, row)
            if not self.net:
                return
            while self.net:
                self._arrive(self.net.pop(-1 if self.last_in_first_out else 0))
            self.now += timedelta(minutes=10)
        message = "they do not come to rest"
        raise AssertionError(message)

    def teardown(self) -> None:
        """Everything arrives, whoever has the ball answers: then all say the same."""
        for _ in range(20):
            self._quiet()
            before = self.count
            self._look_at_what_was_not_taken()
            for side in self.sides.values():
                if side.state is State.CANCELLING and side is not self.hospital:
                    self._act(side, EventKind.AGREE_ABORT)
            if self.hospital.state is State.AWAITING_INFORMATION:
                self._act(self.hospital, EventKind.GIVE_INFORMATION)
            if self.hospital.state is State.CANCELLING and self._holder().state is None:
                self._act(self.hospital, EventKind.CLOSE)  # the notice never got there: a person is told, and ends it
            if self.count == before:
                break
        self._agree()

    def _look_at_what_was_not_taken(self) -> None:
        """A person was told of it: what was refused for coming before its notice is sent again."""
        for side in self.sides.values():
            for row in side.rows:
                taken = row.message is None or row.message.id in self.sides[row.message.recipient.id].seen
                if row.status == "parked" and not taken:
                    assert Reason.NOT_TAKEN in {effect.reason for effect in side.told}
                    row.status, self.count = "waiting", self.count + 1

    def _holder(self) -> Side:
        assert self.hospital.referral is not None
        holder = addressee(self.hospital.referral)
        return self.sides[UNIT.id if holder is None or holder.organization is None else holder.organization.id]

    def _agree(self) -> None:
        referral, unit = self.hospital.referral, self._holder()
        assert referral is not None
        states = {name: side.state for name, side in self.sides.items()}
        if referral.state in OVER:
            assert all(side.state in OVER or side.state is None for side in self.sides.values()), states
            return
        if any(not side.waits for side in self.sides.values()) and referral.state not in DONE:
            # Who does not wait for receipts may be misunderstood, never forgotten: a clock runs, or a person was told.
            looks = {effect.reason for effect in self.hospital.told} & {
                Reason.ABORT_UNANSWERED,
                Reason.INFORMATION_ASKED,
            }
            assert referral.timers or looks or referral.escalations == len(AGREEMENT.ladder), states
            return
        if Reason.CONTRADICTORY in {effect.reason for effect in self.hospital.told}:
            return  # a person at the hospital knows, and asks
        passed_on_now = referral.state is State.FORWARDED and unit.state in AT_WORK
        assert unit.state is referral.state or passed_on_now, states
        for side in self.sides.values():
            if side not in (self.hospital, unit) and side.state is not None:
                assert side.state in (OVER if referral.state in DONE else OVER | WAITS), states
        if referral.state is State.CONFIRMED and unit.referral is not None:
            contradictory = {e.reason for side in (self.hospital, unit) for e in side.told} & {Reason.CONTRADICTORY}
            assert referral.form is not None
            assert unit.referral.form is not None
            assert contradictory or holders(referral.form) == holders(unit.referral.form)


@pytest.mark.slow
@pytest.mark.promise(1, 3, 6, 11, 12, 15)
class TestTown(Town.TestCase):  # type: ignore[misc,valid-type]
    """Promises 1, 3, 6, 11, 12, 15: one effect for each message, in any order, and all agree in the end."""

    settings = settings(max_examples=400, stateful_step_count=20)
