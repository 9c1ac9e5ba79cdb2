"""The history of a loop: the steps of each side, the messages between them, and whose turn it was.

Everything is read from the two sides' evidence and outboxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.loop.table import OVER
from ip_fhir.domain.referral import EventKind, FormStatus, Role, State
from ip_fhir.domain.values.calendar import NONE_CLOSED, ClosedDays, add_working_days

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.message import MessageKind
    from ip_fhir.domain.referral import Record, Referral
    from ip_fhir.ports import EvidenceRecord, Store

_WITH_HOSPITAL = (State.DRAFT, State.UNDELIVERED, State.AWAITING_INFORMATION)
_DONE = (State.CONFIRMED, *OVER)
_ALL = 1_000_000  # the outbox is read whole


@dataclass(frozen=True, slots=True)
class SideOfLoop:
    """A loop as one side has it: the referral, its evidence, and its outbox's effects by id."""

    referral: Referral
    evidence: Sequence[EvidenceRecord]
    effects: Mapping[str, Effect]

    @property
    def role(self) -> Role:
        """The side's role."""
        return self.referral.role

    def effects_of(self, record: Record) -> list[Effect]:
        """Returns the effects of a step that the outbox keeps; a resend has no row of its own."""
        return [self.effects[ident] for ident in record.effects if ident in self.effects]


def side_in(store: Store, correlation_id: str) -> SideOfLoop | None:
    """Returns a loop as a store has it, None if the store does not know it. Raises `StoreError`."""
    stored = store.referral(correlation_id)
    if stored is None:
        return None
    effects = {row.id: row.effect for row in store.outbox(limit=_ALL) if row.correlation_id == correlation_id}
    return SideOfLoop(stored.referral, store.evidence(correlation_id), effects)


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop, from both sides. `answer_days` is the agreement's deadline in working days, without `closed_days`."""

    hospital: SideOfLoop
    municipality: SideOfLoop
    answer_days: int
    closed_days: ClosedDays = NONE_CLOSED

    @property
    def correlation_id(self) -> str:
        """The correlation id, the same on both sides."""
        return self.hospital.referral.correlation_id

    @property
    def sides(self) -> tuple[SideOfLoop, SideOfLoop]:
        """The hospital and the municipality, in this order."""
        return self.hospital, self.municipality

    @property
    def deadline(self) -> datetime | None:
        """The time when the green form was due, counted from delivery; None if it was not delivered."""
        delivered = self.hospital.referral.delivered
        return add_working_days(delivered, self.answer_days, self.closed_days) if delivered else None

    @property
    def closed(self) -> datetime | None:
        """The time when the hospital's loop ended; None if it has not."""
        if self.hospital.referral.state not in _DONE:
            return None
        return next(
            k.record.event.at for k in reversed(self.hospital.evidence) if k.record.before is not k.record.after
        )


@dataclass(frozen=True, slots=True)
class Crossing:
    """A message from one side to the other, with the times when it was sent and taken in."""

    at: datetime
    arrived: datetime | None
    sender: Role
    kind: MessageKind
    effect: Effect
    complete: bool | None = None  # of a green form, as the hospital judged it
    reaction: bool = False  # to a message that came at the same moment


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time in one state, and the party whose turn it was (None: the loop is done)."""

    start: datetime
    end: datetime | None
    holder: Role | None
    state: State


def crossings(loop: Loop) -> list[Crossing]:
    """Returns every message between the sides, in the order they were sent."""
    found = [*_sent(loop.hospital, loop.municipality), *_sent(loop.municipality, loop.hospital)]
    return sorted(found, key=lambda crossing: (crossing.at, crossing.reaction))


def _sent(sender: SideOfLoop, receiver: SideOfLoop) -> Iterator[Crossing]:
    arrived = {k.record.event.message_id: k.record for k in receiver.evidence if k.record.event.message_id}
    forms = {kept.message: kept.status for kept in receiver.referral.forms if kept.message}
    for link in sender.evidence:
        for effect in sender.effects_of(link.record):
            if effect.kind is EffectKind.SEND and effect.message is not None:
                taken = arrived.get(effect.id)
                complete = forms[effect.id] is not FormStatus.INCOMPLETE if effect.id in forms else None
                at = taken.event.at if taken else None
                reaction = link.record.event.message_id is not None
                yield Crossing(link.record.event.at, at, sender.role, effect.message, effect, complete, reaction)


def spans(loop: Loop) -> list[Span]:
    """Returns the spans of the loop by the hospital's evidence; those without length are left out."""
    changes = [
        (k.record.event.at, k.record.after) for k in loop.hospital.evidence if k.record.before is not k.record.after
    ]
    ends = [at for at, _ in changes[1:]]
    return [
        Span(start, end, _holder(state), state)
        for (start, state), end in zip(changes, [*ends, None], strict=False)
        if start != end
    ]


def _holder(state: State) -> Role | None:
    if state in _DONE:
        return None
    return Role.HOSPITAL if state in _WITH_HOSPITAL else Role.MUNICIPALITY


def notes(loop: Loop) -> list[tuple[datetime, Role, Record]]:
    """Returns the steps by which the clock told a side's own people something, without a message to the other side."""
    return [
        (link.record.event.at, side.role, link.record)
        for side in loop.sides
        for link in side.evidence
        if link.record.event.kind is EventKind.TIME
        and all(effect.kind is EffectKind.TELL for effect in side.effects_of(link.record))
    ]
