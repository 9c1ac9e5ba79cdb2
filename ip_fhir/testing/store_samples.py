"""Small made-up values for the store contract. All numbers in them are synthetic."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.effects import Effect, EffectKind, Reason, Timer, TimerKind
from ip_fhir.domain.loop.worklist import WorklistItem
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.notice import Notice, NoticeKind
from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, PlanOwner
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import Author, Event, EventKind, Record, Referral, Role, State
from ip_fhir.domain.sharing.case import (
    Copy,
    HandedOver,
    Handover,
    Invitation,
    PlanRequest,
    PlanSide,
    PlanTimer,
    PlanTimerKind,
    SharedPlan,
)
from ip_fhir.domain.sharing.change import Change, ChangeStatus, KeptChange
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.share import Share
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.values.aggregate import PLAN, REFERRAL, Aggregate
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.ports import OutboxRow, ResourceVersion, Seen
from ip_fhir.ports.plans import ViewMade

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.ports import OutboxStatus, Store, Transaction

T = TypeVar("T")

NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""A moment from which the samples count."""

MINUTE: Final = timedelta(minutes=1)
"""A worker's lease."""

PERSON: Final = "Åse-Sølvi Hemmeligsen"
"""The plan owner's name in every sample: it must be in no error, log or repr."""


PERSON_NUMBER: Final = PersonId("14826121549")
"""The number of the person in every plan, of the test register."""

NURSE: Final = Author(id="nurse-7", name="Tormod Testesen")
"""Somebody who does what is on the worklist."""


def after(**time: float) -> datetime:
    """A time after `NOON`: `after(minutes=5)`."""
    return NOON + timedelta(**time)


def referral(
    ident: str, state: State = State.SENT, changed: datetime = NOON, due: datetime | None = None, **more: Any
) -> Referral:
    """A referral in a state, last changed at a time, with an answer timer when `due` is given."""
    notice = Notice(
        id=f"{ident}-notice",
        correlation_id=ident,
        kind=NoticeKind.COORDINATOR,
        authored=NOON,
        owner=PlanOwner(id="owner", name=PersonName(family=PERSON)),
        sender="hospital",
        recipient="unit",
        organizations=(
            Organization(id="hospital", name="Sjukehuset", kind=OrganizationKind.HOSPITAL),
            Organization(id="unit", name="Koordinerende enhet", kind=OrganizationKind.COORDINATING_UNIT),
        ),
    )
    timers = () if due is None else (Timer(kind=TimerKind.ANSWER, due=due),)
    return Referral(
        correlation_id=ident,
        role=Role.HOSPITAL,
        state=state,
        notice=notice,
        changed=changed,
        timers=timers,
        **{"opened": NOON, **more},
    )


def record(ident: str, text: str = PERSON, state: State = State.SENT) -> Record:
    """A record of evidence that leaves a loop in its state, so that any number of them may follow one another."""
    event = Event(id=ident, kind=EventKind.SEND, at=NOON, raised_by=Role.HOSPITAL, text=text)
    return Record(event=event, role=Role.HOSPITAL, before=state, after=state)


def outbox_row(
    ident: str,
    correlation_id: str = "r",
    due: datetime = NOON,
    kind: EffectKind = EffectKind.SEND,
    to: str | None = None,
    status: OutboxStatus = "waiting",
    peer: str | None = None,
) -> OutboxRow:
    """An outbox row that waits, by default from `NOON` on."""
    message = MessageKind.REMINDER if kind is EffectKind.SEND else None
    effect = Effect(id=ident, kind=kind, message=message, to=to, text=PERSON)
    return OutboxRow(ident, correlation_id, effect, due, status=status, peer=peer)


def work_item(
    ident: str,
    of: str = "r",
    reason: Reason = Reason.REMINDED,
    kind: str = REFERRAL,
    opened: datetime = NOON,
    **more: Any,
) -> WorklistItem:
    """A worklist item about an aggregate, by default open since `NOON`."""
    return WorklistItem(id=ident, aggregate=Aggregate(kind=kind, id=of), reason=reason, opened=opened, **more)


def task(ident: str, version: int = 1, correlation_id: str | None = "r", **elements: Any) -> ResourceVersion:
    """A FHIR Task with the elements given, last changed `version` minutes after `NOON`."""
    body = {"resourceType": "Task", "id": ident, "description": PERSON, **elements}
    return ResourceVersion("Task", ident, version, body, after(minutes=version), correlation_id)


class Trouble(Exception):
    """Raised in the middle of a transaction."""


def everything(transaction: Transaction) -> None:
    """Store one value of every kind that a store keeps, for the referral `r`."""
    transaction.save(referral("r"), None)
    transaction.append("r", [record("event")])
    transaction.remember(Seen("key", "digest", b"reply"), NOON)
    transaction.enqueue([outbox_row("a")])
    transaction.put_resource(task("t"), None)


def enqueue(store: Store, *rows: OutboxRow) -> None:
    """Add outbox rows in a transaction."""
    with store.begin() as transaction:
        transaction.enqueue(rows)


def append(store: Store, correlation_id: str, *events: str) -> None:
    """Add a record of evidence for each event id, in a transaction."""
    with store.begin() as transaction:
        transaction.append(correlation_id, [record(event) for event in events])


def at_once(number: int, work: Callable[[int], T]) -> list[T]:
    """Run `work(0)` to `work(number - 1)` in threads that start together; an error in one is raised here."""
    start = threading.Barrier(number)

    def run(worker: int) -> T:
        start.wait()
        return work(worker)

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(run, range(number)))


def plan_version(ident: str, version: int = 1, **more: Any) -> IndividualPlan:
    """The content of a plan in one of its versions."""
    owner = PlanOwner(id="owner", name=PersonName(family=PERSON), identifier=PERSON_NUMBER)
    return IndividualPlan(id=ident, owner=owner, version=version, created=NOON, **more)


def share(ident: str, plan: str, party: str = "school", **more: Any) -> Share:
    """A share of a plan, that began on the day of `NOON`, with a key that follows from its id."""
    key = sha256(ident.encode()).hexdigest()
    return Share(id=ident, plan=plan, party=party, key=key, began=NOON.date(), **more)


def shared_plan(ident: str, changed: datetime = NOON, due: datetime | None = None, **more: Any) -> SharedPlan:
    """A plan that its holder keeps, by default in its first version and shared with nobody; with a clock if `due`."""
    timers = () if due is None else (PlanTimer(kind=PlanTimerKind.REVIEW, due=due),)
    given = {"side": PlanSide.HOLDER, "plan": plan_version(ident), "opened": NOON, "timers": timers, **more}
    return SharedPlan(id=ident, changed=changed, **given)


def whole_plan(ident: str) -> SharedPlan:
    """A plan with one of each thing."""
    content = plan_version(ident)
    change = Change(id=f"{ident}-c", share=f"{ident}-s1", base=1, wanted=content, made=NOON)
    handed = HandedOver(plan=content, epoch=2)
    return shared_plan(
        ident,
        due=after(days=1),
        shares=(share(f"{ident}-s1", ident), share(f"{ident}-s2", ident, "doctor")),
        changes=(KeptChange(change=change, status=ChangeStatus.PROPOSED, received=NOON),),
        invitations=(Invitation(id=f"{ident}-i", party="school", membership="m", sent=NOON),),
        requests=(PlanRequest(id=f"{ident}-r", party="doctor", asked=NOON),),
        handover=Handover(id=f"{ident}-h", party="town", epoch=2, sent=NOON, offered=handed),
    )


def received_plan(ident: str, share_id: str, number: int = 1, changed: datetime = NOON) -> SharedPlan:
    """A plan of which a participant has the view of this number."""
    view = PlanView(share=share_id, number=number, level=ContentLevel.PLAN, plan=plan_version(ident, number))
    copy = Copy(share=share_id, number=number, digest=view.digest(), view=view, received=changed)
    return SharedPlan(
        id=ident, side=PlanSide.PARTICIPANT, holder="municipality", copies=(copy,), opened=NOON, changed=changed
    )


def plan_row(
    ident: str,
    plan: str = "p",
    about: str = "s1",
    message: PlanMessageKind = PlanMessageKind.PLAN,
    party: str | None = None,
    due: datetime = NOON,
    number: int = 1,
) -> OutboxRow:
    """An outbox row with a message about a share of a plan."""
    effect = Effect(
        id=ident, kind=EffectKind.SEND, plan_message=message, about=about, party=party, number=number, text=PERSON
    )
    return OutboxRow(ident, plan, effect, due, aggregate_kind=PLAN, peer=party)


def view_made(share_id: str, number: int = 1, version: int = 1, day: date | None = None) -> ViewMade:
    """A view that was made of a share, by default on the day of `NOON`."""
    return ViewMade(share_id, number, version, day or NOON.date(), f"{number:064x}")
