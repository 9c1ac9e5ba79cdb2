"""The values that the doors of the loop take and give, where they are none of the domain's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.consent.protection import LocatingPart
from ip_fhir.domain.effects import earliest
from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.loop.forecast import ForecastStep
from ip_fhir.domain.loop.worklist import WorklistItem
from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.people import Organization
from ip_fhir.domain.referral import Author, EventKind, Role, State
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.domain.values.value import Count, Day, Flag, Id, MadeText, Moment, Text, Value
from ip_fhir.web.own.problems import OneProblem

if TYPE_CHECKING:
    from ip_fhir.domain.referral import Referral
    from ip_fhir.ports import ChainHead, EvidenceRecord, OutboxRow, Refusal
    from ip_fhir.report.ladder import Rung

NEXT = Field(default=None, description="`cursor` of the next page; none: this is the last one.")


class Act(Value):
    """A decision of a person about a loop."""

    event: EventKind = Field(description="What is done: one of the possible ones.")
    text: Text | None = Field(default=None, description="Words that go with it, such as a reason.")
    form: GreenForm | None = Field(default=None, description="The green form, for `answer`.")
    at: Moment | None = Field(default=None, description="Time when it happened, not before the last change; none: now.")


class PossibleAct(Value):
    """A decision that is possible now."""

    event: EventKind = Field(description="What may be done.")
    needs: Text | None = Field(default=None, description="Field that it needs: `text` or `form`.")


class PossibleActs(Value):
    """The decisions about a loop that are possible now."""

    state: State = Field(description="State of the loop.")
    items: tuple[PossibleAct, ...] = Field(description="Possible decisions, withdrawal of consent first.")


class ReferralSummary(Value):
    """A loop in a list, without a person's data."""

    correlation_id: Id = Field(description="Key of the loop on this side.")
    party: Id | None = Field(default=None, description="Party on the other side; none: not known.")
    role: Role = Field(description="Side that this store belongs to.")
    state: State = Field(description="State.")
    kind: NoticeKind = Field(description="What the notice asks for.")
    opened: Moment = Field(description="Time when it was opened.")
    changed: Moment = Field(description="Time of the last change.")
    reminders: Count = Field(description="Number of reminders so far.")
    escalations: Count = Field(description="Number of rungs so far.")
    next_due: Moment | None = Field(default=None, description="Next deadline; none: no clock runs.")

    @classmethod
    def of(cls, referral: Referral) -> ReferralSummary:
        """Returns a loop as lists show it."""
        return cls(
            correlation_id=referral.correlation_id,
            party=referral.party,
            role=referral.role,
            state=referral.state,
            kind=referral.notice.kind,
            opened=referral.opened,
            changed=referral.changed,
            reminders=referral.reminders,
            escalations=referral.escalations,
            next_due=earliest(referral.timers),
        )


class ReferralPage(Value):
    """A page of loops, latest changed first."""

    items: tuple[ReferralSummary, ...] = Field(description="Loops.")
    next: Text | None = NEXT


class PersonSearch(Value):
    """The person whom a search is for. The number stands in the body, never in an address."""

    person: PersonId = Field(description="Fødselsnummer, D-number or help number.")


class Step(Value):
    """A link of the chain of evidence about a loop, without what its message carried."""

    number: Count = Field(description="Number in the chain.")
    at: Moment = Field(description="Time of the event.")
    event: EventKind = Field(description="Event.")
    raised_by: Role = Field(description="Side, transport or clock that raised it.")
    party: Id | None = Field(default=None, description="Party that brought it; none: our own side, or not known.")
    by: Author | None = Field(default=None, description="The person of our own side who did it.")
    before: State | None = Field(default=None, description="State before; none: it was opened.")
    after: State = Field(description="State after.")
    note: Text | None = Field(default=None, description="Note.")
    message: Id | None = Field(default=None, description="Id of the message that brought it, or that a receipt is for.")
    hash: str = Field(description="SHA-256 of the link before and of this record.")

    @classmethod
    def of(cls, link: EvidenceRecord) -> Step:
        """Returns a record as it is shown."""
        record, event = link.record, link.record.event
        return cls(
            number=link.number,
            at=event.at,
            event=event.kind,
            raised_by=event.raised_by,
            party=event.party,
            by=event.by,
            before=record.before,
            after=record.after,
            note=record.note,
            message=event.message_id,
            hash=link.hash,
        )


class StepPage(Value):
    """A page of the evidence about a loop, first step first."""

    items: tuple[Step, ...] = Field(description="Steps.")
    next: Text | None = NEXT


class NotRead(Value):
    """The places of a notice, as its sender wrote it, that were not read; they are kept all the same."""

    items: tuple[OneProblem, ...] = Field(description="Places, by FHIRPath.")


class WorklistPage(Value):
    """A page of the worklist, open items first, what was opened first at the top."""

    items: tuple[WorklistItem, ...] = Field(description="Items.")
    next: Text | None = NEXT


class WorkNote(Value):
    """Words about what was done."""

    note: Text | None = Field(default=None, description="Words to keep with it.")


class OutboxMessage(Value):
    """A message that goes out, or that people are told by."""

    id: Id = Field(description="Id of the row.")
    about: Aggregate = Field(description="The loop or plan that it is about.")
    what: Text = Field(description="Kind of message, or reason for telling our people.")
    party: Id | None = Field(default=None, description="Party that it goes to; none: our own people, or nobody known.")
    status: Text = Field(description="waiting, awaiting (its receipt), held, sent, parked, refused or superseded.")
    attempts: Count = Field(description="Attempts since it was enqueued or last retried.")
    due: Moment = Field(description="Time of the next attempt.")
    last_error: MadeText | None = Field(default=None, description="Error of the last attempt.")

    @classmethod
    def of(cls, row: OutboxRow) -> OutboxMessage:
        """Returns a row as it is shown."""
        effect = row.effect
        return cls(
            id=row.id,
            about=row.aggregate,
            what=str(effect.message or effect.plan_message or effect.reason or effect.kind),
            party=row.peer,
            status=row.status,
            attempts=row.attempts,
            due=row.due,
            last_error=row.last_error or None,
        )


class OutboxPage(Value):
    """A page of messages, oldest first."""

    items: tuple[OutboxMessage, ...] = Field(description="Messages.")
    next: Text | None = NEXT


class Because(Value):
    """The reason of a decision about a message, without naming anybody: it is kept."""

    reason: Text = Field(description="Reason, in words.")


class LetGo(Value):
    """A yes to a held message."""

    note: Text | None = Field(default=None, description="Words to keep with it.")
    parts: tuple[LocatingPart, ...] = Field(default=(), max_length=10, description="Parts that go along, of a loop.")


class Disclosure(Value):
    """The parts of a person with a protected address that one party may have; all others it may not."""

    party: Id = Field(description="Party, by its name in the settings.")
    parts: tuple[LocatingPart, ...] = Field(max_length=10, description="Parts that may go; none: they no longer may.")


class RefusedMessage(Value):
    """A message that came and was not taken in; its content is not kept."""

    party: Text = Field(description="Credential by which it came.")
    message: Text | None = Field(default=None, description="Id of the message; none: it could not be read.")
    code: Text = Field(description="FHIR issue type.")
    reason: MadeText = Field(description="Reason, in words.")
    first: Moment = Field(description="Time when it came first.")
    last: Moment = Field(description="Time when it came last.")
    times: Count = Field(description="Times it came.")

    @classmethod
    def of(cls, refusal: Refusal) -> RefusedMessage:
        """Returns a refusal as it is shown."""
        return cls(
            party=refusal.peer,
            message=refusal.message_id,
            code=refusal.code,
            reason=refusal.reason,
            first=refusal.first,
            last=refusal.last,
            times=refusal.times,
        )


class RefusedMessages(Value):
    """Messages that came and were not taken in, latest first."""

    items: tuple[RefusedMessage, ...] = Field(description="Messages.")


class Agreements(Value):
    """The agreements of this side."""

    items: tuple[Agreement, ...] = Field(description="Agreements.")


class LadderStep(ForecastStep):
    """A step of the ladder of an agreement, and how its working days were counted."""

    day: Day = Field(description="Day, in Norway.")
    since: Moment = Field(description="Time that it is counted from.")
    working_days: Count = Field(description="Working days between the two.")
    holidays: tuple[Day, ...] = Field(default=(), description="Days off that were passed over.")

    @classmethod
    def of(cls, rung: Rung) -> LadderStep:
        """Returns a rung as it is shown."""
        step = rung.step
        return cls(
            due=step.due,
            kind=step.kind,
            number=step.number,
            contact=step.contact,
            day=local_day(step.due),
            since=rung.since,
            working_days=rung.days,
            holidays=rung.holidays,
        )


class Ladder(Value):
    """The deadlines, reminders and escalations by an agreement, for a notice that nobody answers."""

    name: Text | None = Field(default=None, description="Name of the agreement.")
    steps: tuple[LadderStep, ...] = Field(description="Steps, in order of time.")


class Ladders(Value):
    """The words of each agreement of this side on a notice that is delivered at one time."""

    sent: Moment = Field(description="Time of delivery.")
    items: tuple[Ladder, ...] = Field(description="Agreements, in the order of the settings.")


class NamedParty(Value):
    """A party of the settings: we ourselves (`us`), or a peer."""

    name: Id = Field(description="Name in the settings.")
    organization: Organization = Field(description="Its enterprise.")


class NamedParties(Value):
    """The parties of the settings, our own first."""

    items: tuple[NamedParty, ...] = Field(description="Parties.")


class Head(Value):
    """The end of the chain of evidence."""

    number: Count = Field(description="Number of records.")
    hash: str = Field(description="Hash of the last one.")

    @classmethod
    def of(cls, head: ChainHead) -> Head:
        """Returns a head as it is shown."""
        return cls(number=head.number, hash=head.hash)


class Verified(Value):
    """The result of a check of the chain of evidence, and of all that it says was written."""

    whole: Flag = Field(description="True if there is no problem.")
    head: Head = Field(description="End of the chain.")
    problems: tuple[OneProblem, ...] = Field(default=(), description="What was changed, removed, put in or is missing.")
