"""The intake of a message about a loop: the loop that it is about, the decision, the commit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Self

from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.loop import Decision, decide, event_of, open_referral
from ip_fhir.domain.parties import OURS
from ip_fhir.domain.referral import EventKind, Record, Role
from ip_fhir.errors import InvalidInput, LoopError, NotYet
from ip_fhir.exchange.access import keys
from ip_fhir.exchange.commit import not_before, write
from ip_fhir.exchange.formats import Citing
from ip_fhir.exchange.refusals import check_person, check_role_here, is_early, unknown_here
from ip_fhir.exchange.taking.citations import about_one, cited_loops, keep_own_ids, under
from ip_fhir.exchange.taking.intake import Taken
from ip_fhir.exchange.taking.retraction import REFUSED, cancellation, taken_back_by, telling
from ip_fhir.exchange.taking.speakers import check_addressee, not_theirs, owner, speaker
from ip_fhir.fhir.outcome import problems_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.referral import Event, Referral
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.formats import Incoming
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.exchange.refusals import Arrival
    from ip_fhir.ports import JsonObject, Stored, Transaction
    from ip_fhir.ports.other_ids import OtherId


@dataclass(frozen=True, slots=True)
class LoopIntake:
    """A message about a loop, from `party`; of a notice, `owner` is the party whose notice it is.

    `persons` are the numbers of all persons in it, `foreign` its resources as the other side wrote them; `cited` and
    `own` are the ids of a format that cites by others than ours (`Citing`); `taken_back` is the id of the message that
    this one takes back (`taking.retraction`). `arrival` learns of the party and the loop.
    """

    context: Context
    message: Message
    party: str
    owner: str | None
    persons: frozenset[PersonId]
    foreign: Sequence[JsonObject]
    arrival: Arrival
    cited: Sequence[OtherId] = ()
    own: Sequence[OtherId] = ()
    taken_back: str | None = None

    @classmethod
    def of(
        cls,
        context: Context,
        message: Message,
        party: str,
        incoming: Incoming,
        credential: Credential,
        arrival: Arrival,
    ) -> Self:
        """Return the intake. Refuses a message that contradicts its credential, or that is for somebody else."""
        form, notice = message.form, message.notice
        said = next((o for o in form.organizations if o.id == form.sender), None) if form is not None else None
        if said is not None and speaker(context, said, credential) != party:
            raise not_theirs(context, said)
        whose = owner(context, notice.organization(notice.sender), credential, party) if notice is not None else None
        arrival.party = party
        back = taken_back_by(incoming, message)
        cited, own = (incoming.cited(), incoming.own_ids()) if isinstance(incoming, Citing) else ((), ())
        if notice is None:
            check_addressee(context, message.recipient)
            return cls(context, message, party, None, incoming.persons(), (), arrival, cited, own, back)
        check_addressee(context, message.recipient, notice.organization(notice.recipient))
        if context.role is Role.HOSPITAL:
            raise InvalidInput.at("kind", "a hospital sends notices, it takes none in", "business-rule")
        return cls(context, message, party, whose, incoming.persons(), incoming.resources(), arrival, (), own, back)

    def take(self, tx: Transaction, now: datetime) -> Taken:
        """Decide and write: see `Intake.take`."""
        check_role_here(self.context)
        loop, before = self._loop(tx)
        if before is not None:
            self.arrival.loop = loop
            check_person(before.referral, self.persons)
        message = self.message if before is None else under(self.message, before.referral.notice.correlation_id)
        decision = self._decide(message, before, loop, now)
        stored = write(tx, before, decision, now, () if before else self.foreign, context=self.context)
        keep_own_ids(tx, self.party, loop, self.own)
        answers = tuple(e.id for e in decision.effects if e.kind is EffectKind.SEND and e.answers == message.id)
        return Taken(loop, stored, decision.problems, answers=answers)

    def _loop(self, tx: Transaction) -> tuple[str, Stored | None]:
        """Return the key and the loop that the message is about: only one that concerns the party that sent it.

        A notice is about the loop of the party whose notice it is; any other message about one of the sender's own, or
        of the parties whose notices it passes on. To everybody else the loop is not there.
        """
        key, before = self._concerned(tx, self.message.correlation_id)
        found = {} if before is None else {key: before}
        found |= cited_loops(tx, self.party, self.cited, partial(self._concerned, tx), partial(self._at_key, tx))
        about_one(found)
        return next(iter(found.items()), (key, None))

    def _concerned(self, tx: Transaction, correlation_id: str) -> tuple[str, Stored | None]:
        """Return the key, and the loop with this correlation id if it concerns the party."""
        context = self.context
        for whose in self._owners():
            key, before = keys.find(context, tx, whose, correlation_id)
            if before is not None and self.party in context.parties_of(before.referral):
                return key, before
        if self.message.notice is not None and before is not None:
            raise InvalidInput.at("correlation_id", "this referral is another party's", "forbidden")
        return key, None

    def _at_key(self, tx: Transaction, key: str) -> Stored | None:
        """Return the loop with this key here, if it concerns the party."""
        stored = tx.load(key)
        if stored is None or self.party not in self.context.parties_of(stored.referral):
            return None
        return stored if self.context.owner(stored.referral) in self._owners() else None

    def _owners(self) -> list[str]:
        """Return the parties about whose notices the party may speak here."""
        if self.context.role is Role.HOSPITAL:
            return [OURS]
        return [self.owner] if self.owner else [self.party, *self.context.peers.party(self.party).passes_on]

    def _decide(self, message: Message, before: Stored | None, loop: str, now: datetime) -> Decision:
        context, not_undone = self.context, False
        if self.taken_back is not None and before is not None:
            cancelled = cancellation(context, message, self.taken_back, loop, self.party)
            message, not_undone = cancelled or message, cancelled is None
        given = context.party_given(message.form)
        role = context.loop_role()
        event = event_of(message, not_before(before, now), role, self.party, given)
        if before is None:
            notice, whose = message.notice, self.owner
            if notice is None or whose is None or self.taken_back is not None:
                raise unknown_here(context, message, now)
            known, agreement = context.known_in(notice, whose), context.agreement_with(whose, notice)
            return open_referral(notice, role, event, agreement, party=whose, known=known, key=loop)
        if not_undone:
            refused = _refused(before.referral, event, LoopError(REFUSED.reason))
            return replace(refused, effects=(telling(message.id),), problems=(REFUSED,))
        try:
            check_role(context, before.referral, event)
            return decide(before.referral, event, context.agreement(before.referral))
        except LoopError as error:
            return _refused(before.referral, event, error)
        except NotYet as error:
            if is_early(context, message, now):
                raise
            return _refused(before.referral, event, LoopError(str(error)))


def check_role(context: Context, referral: Referral, event: Event) -> None:
    """Refuse an event that only our own side may raise, or at a unit one of the hospital's that another party brings.

    `RECEIVE` is the exception: it always comes by message. Raises `LoopError`.
    """
    if event.raised_by is context.loop_role() and event.kind is not EventKind.RECEIVE:
        raise LoopError(f"{event.kind} is for the {event.raised_by} to say, which did not send this")
    if event.raised_by is Role.HOSPITAL and event.party != context.owner(referral):
        raise LoopError(f"{event.kind} is for the hospital to say whose notice it is, which did not send this")


def _refused(referral: Referral, event: Event, error: LoopError) -> Decision:
    """A decision that applies nothing: the event is not allowed, is kept as evidence, and is refused for good."""
    record = Record(
        event=event, role=referral.role, before=referral.state, after=referral.state, note=f"refused: {error}"
    )
    return Decision(referral, (record,), problems=problems_of(error))
